/* Memory for messages on their way: given to ZeroMQ without a copy, back when it
 * is done with it, and used again. What is on its way is bounded here, since
 * ZeroMQ counts messages and not bytes. */
#ifndef ECAM_CLIENT_SLOTS_H
#define ECAM_CLIENT_SLOTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "eigencam/status.h"

typedef struct ecam_slot ecam_slot;
typedef struct ecam_slots ecam_slots;

struct ecam_slot {
    ecam_slot *next;
    ecam_slots *owner;
    ecam_buffer bytes;
};

/* Used by one thread; only the return comes from ZeroMQ's. */
struct ecam_slots {
    ecam_slot *idle;
    _Atomic(ecam_slot *) returned;
    size_t n_out, bytes_out; /* on their way */
    size_t idle_bytes;
};

/* A zeroed one is empty. Finish it when nothing is on its way any more: after
 * the end of ZeroMQ's context. */
void ecam_slots_finish(ecam_slots *slots);

/* See what came back. */
void ecam_slots_collect(ecam_slots *slots);

/* An empty slot whose buffer has room for `bytes`; NULL when memory is short. */
ecam_slot *ecam_slots_take(ecam_slots *slots, size_t bytes);

/* A slot that was taken and is not sent. */
void ecam_slots_give(ecam_slots *slots, ecam_slot *slot);

/* Send the slot's bytes; the slot is given away, on failure too. flags: as
 * zmq_msg_send. Errors: ECAM_EAGAIN, ECAM_ENOMEM, ECAM_EIO. */
ecam_status ecam_slots_send(ecam_slots *slots, ecam_slot *slot, void *socket, int flags);

#endif
