/* The way out: results to loggers over one XPUB socket. Used by one thread. */
#ifndef ECAM_STAGE_OUTLET_H
#define ECAM_STAGE_OUTLET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/table.h"
#include "eigencam/subscriber.h"
#include "stage/asked.h"

typedef struct ecam_outlet {
    void *socket;
    uint64_t stage; /* random id of this process */
    ecam_table seqs; /* a counter for each topic */
    ecam_buffer topic, header;
    ecam_asked asked;
    bool subscribed; /* since ecam_outlet_heard told */
    int64_t stalled_since_ns; /* 0: not stalled */
    bool dropping;            /* a logger was too slow for too long */
    uint64_t sent[ECAM_RESULT_TYPE_COUNT];
} ecam_outlet;

/* How long one logger may hold up results before they are sent without it. */
#define ECAM_STALL_NS (5 * INT64_C(1000000000))

/* Make the socket; the caller attaches it. Errors: ECAM_EIO. */
ecam_status ecam_outlet_open(ecam_outlet *outlet, void *zmq, ecam_error *error);

/* Send one result: fills its stage, seq and time. One that no logger has asked
 * for yet counts as sent. ECAM_EAGAIN while a logger's
 * queue is full, for at most ECAM_STALL_NS; then that logger loses results, by
 * ZeroMQ, until it has caught up with an epoch's summary. */
ecam_status ecam_outlet_send(ecam_outlet *outlet, ecam_result *result, int64_t now_ns,
                             ecam_error *error);

/* Read what subscribers say; true where a new subscription was among it. */
bool ecam_outlet_heard(ecam_outlet *outlet);

void ecam_outlet_close(ecam_outlet *outlet, int linger_ms);

#endif
