#include "client/slots.h"

#include <errno.h>
#include <stdlib.h>

#include <zmq.h>

/* Beyond it, memory that comes back is freed. */
#define MAX_IDLE_BYTES ((size_t)64 << 20)
/* Headers differ by a few bytes. */
#define MIN_BYTES 2048

static void destroy(ecam_slot *slot)
{
    ecam_buffer_finish(&slot->bytes);
    free(slot);
}

void ecam_slots_give(ecam_slots *slots, ecam_slot *slot)
{
    if (slots->idle_bytes + slot->bytes.capacity > MAX_IDLE_BYTES) {
        destroy(slot);
        return;
    }
    slots->idle_bytes += slot->bytes.capacity;
    slot->next = slots->idle;
    slots->idle = slot;
}

void ecam_slots_collect(ecam_slots *slots)
{
    ecam_slot *slot = atomic_load_explicit(&slots->returned, memory_order_relaxed);

    if (!slot)
        return;
    slot = atomic_exchange_explicit(&slots->returned, NULL, memory_order_acquire);
    while (slot) {
        ecam_slot *next = slot->next;
        slots->n_out--;
        slots->bytes_out -= slot->bytes.size;
        ecam_slots_give(slots, slot);
        slot = next;
    }
}

void ecam_slots_finish(ecam_slots *slots)
{
    ecam_slots_collect(slots);
    while (slots->idle) {
        ecam_slot *slot = slots->idle;
        slots->idle = slot->next;
        destroy(slot);
    }
    slots->idle_bytes = 0;
}

/* The first idle slot that is large enough and not far too large: one run's
 * messages have a few sizes that come again and again. */
static ecam_slot *take_idle(ecam_slots *slots, size_t bytes)
{
    for (ecam_slot **link = &slots->idle; *link; link = &(*link)->next) {
        ecam_slot *slot = *link;
        if (slot->bytes.capacity >= bytes && slot->bytes.capacity / 4 <= bytes) {
            *link = slot->next;
            slots->idle_bytes -= slot->bytes.capacity;
            return slot;
        }
    }
    return NULL;
}

ecam_slot *ecam_slots_take(ecam_slots *slots, size_t bytes)
{
    size_t rounded = bytes < MIN_BYTES ? MIN_BYTES : bytes;
    ecam_slot *slot = take_idle(slots, rounded);

    if (!slot)
        slot = calloc(1, sizeof *slot);
    if (!slot)
        return NULL;
    slot->owner = slots;
    ecam_buffer_clear(&slot->bytes);
    if (ecam_buffer_reserve(&slot->bytes, rounded) != ECAM_OK) {
        destroy(slot);
        return NULL;
    }
    return slot;
}

/* In ZeroMQ's thread, as a rule. */
static void come_back(void *data, void *hint)
{
    ecam_slot *slot = hint;
    ecam_slots *slots = slot->owner;
    ecam_slot *first = atomic_load_explicit(&slots->returned, memory_order_relaxed);

    (void)data;
    do {
        slot->next = first;
    } while (!atomic_compare_exchange_weak_explicit(&slots->returned, &first, slot, memory_order_release,
                                                    memory_order_relaxed));
}

ecam_status ecam_slots_send(ecam_slots *slots, ecam_slot *slot, void *socket, int flags)
{
    zmq_msg_t message;

    if (zmq_msg_init_data(&message, slot->bytes.data, slot->bytes.size, come_back, slot) != 0) {
        ecam_slots_give(slots, slot);
        return ECAM_ENOMEM;
    }
    slots->n_out++;
    slots->bytes_out += slot->bytes.size;
    if (zmq_msg_send(&message, socket, flags) >= 0)
        return ECAM_OK;
    ecam_status st = zmq_errno() == EAGAIN || zmq_errno() == EINTR ? ECAM_EAGAIN : ECAM_EIO;
    zmq_msg_close(&message); /* comes back */
    return st;
}
