/* Messages from one socket to another, and back: ZeroMQ's own proxy (XSUB and
 * XPUB), with counters, and with nothing lost where a receiver is slow for a
 * while. Used by one thread. */
#ifndef ECAM_CLI_PUMP_H
#define ECAM_CLI_PUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "client/receive.h"
#include "eigencam/status.h"

typedef struct ecam_pump_options {
    const char *const *in; /* who sends; connected to, or bound with "bind:" in front */
    size_t n_in;
    const char *const *out; /* who receives; likewise */
    size_t n_out;
    int queue;        /* messages that wait for each peer, either side */
    uint64_t wait_ns; /* so long a receiver that takes nothing holds all up */
} ecam_pump_options;

/* Since it was opened. */
typedef struct ecam_pump_counters {
    uint64_t messages, bytes;           /* on their way to receivers */
    uint64_t back_messages, back_bytes; /* and to senders */
    uint64_t subscriptions;             /* begun and ended ones that were passed on */
    uint64_t held_ns;                   /* spent waiting for receivers */
    uint64_t gave_up;  /* messages that some receiver did not get as it was not waited for any
                          longer; what it misses from there on, until it takes again, only it
                          can count */
    uint64_t refused;  /* messages of more than ECAM_MAX_PARTS, or for which memory was short */
    uint64_t left;     /* messages that were given up at the end */
} ecam_pump_counters;

typedef struct ecam_pump {
    void *context;
    void *in, *out; /* XSUB, XPUB */
    uint64_t wait_ns;
    ecam_parts parts; /* on its way to receivers */
    bool held;        /* it could not be sent yet */
    uint64_t held_since_ns;
    ecam_parts back;
    ecam_arena arena;   /* of what is looked into */
    ecam_buffer header; /* what is sent in its place */
    ecam_pump_counters counters;
} ecam_pump;

/* Errors: ECAM_EINVAL (endpoint), ECAM_EIO; *pump is closed then. */
ecam_status ecam_pump_open(ecam_pump *pump, const ecam_pump_options *options, ecam_error *error);

/* Pass on what is there now, a bounded number of messages. *n: how many it
 * were. Errors: ECAM_EIO. */
ecam_status ecam_pump_work(ecam_pump *pump, size_t *n, ecam_error *error);

/* Wait up to timeout_ms until there is something to do, or one of two
 * descriptors is readable. Errors: ECAM_EIO. */
ecam_status ecam_pump_wait(ecam_pump *pump, int fd, int other_fd, int timeout_ms, ecam_error *error);

/* Take nothing more from the network but what is here already; pass that on
 * for up to limit_ns. */
void ecam_pump_finish(ecam_pump *pump, uint64_t limit_ns);

/* Give what is on its way up to linger_ms. Accepts one that is closed. */
void ecam_pump_close(ecam_pump *pump, int linger_ms);

#endif
