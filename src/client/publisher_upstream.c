/* What comes from the stage: subscriptions and wants. Read on the caller's own
 * calls; there is no thread. */
#include <string.h>
#include <time.h>

#include <zmq.h>

#include "client/publisher_internal.h"
#include "wire/heard.h"

int64_t ecam_publisher_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Moves every few milliseconds, and costs nanoseconds to read. */
static int64_t coarse_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool begins(const char *text, const ecam_frame *prefix)
{
    return prefix->size - 1 <= strlen(text) && memcmp(text, (const char *)prefix->data + 1, prefix->size - 1) == 0;
}

/* A byte 1 or 0 and the prefix. */
static void see_subscription(ecam_publisher *p, const ecam_frame *frame)
{
    bool on = *(const char *)frame->data == 1;

    if (ecam_wishes_subscribe(&p->wishes, (const char *)frame->data + 1, frame->size - 1, on) != ECAM_OK || !on)
        return;
    if (begins(p->hello_topic, frame)) {
        p->hello_due = true;
        /* A new connection: what was on its way on an old one is lost, and
         * nobody will consume it. */
        p->link.consumed = p->ring.position;
    }
}

static void see_want(ecam_publisher *p)
{
    ecam_want want;

    ecam_arena_reset(&p->arena);
    if (p->parts.frames[0].size != strlen(ECAM_WANT_TOPIC) ||
        memcmp(p->parts.frames[0].data, ECAM_WANT_TOPIC, strlen(ECAM_WANT_TOPIC)) != 0 ||
        ecam_want_decode(p->parts.frames, p->parts.n, &p->arena, &want, NULL) != ECAM_OK)
        return;
    (void)ecam_wishes_note(&p->wishes, &want, coarse_now());
    if (want.socket && !p->binds)
        ecam_publisher_offer(p, want.stage, want.socket);
}

static void see_heard(ecam_publisher *p)
{
    ecam_heard heard;

    ecam_arena_reset(&p->arena);
    if (ecam_heard_decode(p->parts.frames, p->parts.n, &p->arena, &heard, NULL) == ECAM_OK && p->unheard > 0 &&
        ecam_heard_names(&heard, p->session))
        p->unheard--;
}

void ecam_publisher_listen(ecam_publisher *p)
{
    while (ecam_parts_receive(p->socket, ZMQ_DONTWAIT, &p->parts, NULL) == ECAM_OK) {
        const ecam_frame *first = &p->parts.frames[0];
        bool subscription = first->size > 0 && (*(const char *)first->data == 0 || *(const char *)first->data == 1);
        if (p->parts.n == 1 && subscription)
            see_subscription(p, first);
        else if (ecam_heard_is(p->parts.frames, p->parts.n))
            see_heard(p);
        else
            see_want(p);
    }
    ecam_wishes_expire(&p->wishes, coarse_now());
    ecam_publisher_link_look(p);
    ecam_slots_collect(&p->slots);
    if (p->hello_due && !p->leaving)
        ecam_publisher_hello(p);
    p->hello_due = false;
}

void ecam_publisher_tick(ecam_publisher *p)
{
    int64_t now = coarse_now();

    if (now == p->tick_ns)
        return;
    p->tick_ns = now;
    ecam_publisher_listen(p);
}
