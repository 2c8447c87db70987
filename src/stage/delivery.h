/* A received message that is kept while workers read its tensors. Counted by
 * the main thread only. */
#ifndef ECAM_STAGE_DELIVERY_H
#define ECAM_STAGE_DELIVERY_H

#include <stddef.h>

#include "base/arena.h"
#include "client/receive.h"
#include "stage/handover.h"
#include "wire/message.h"

/* What a decoded header may take. */
#define ECAM_HEADER_LIMIT ((size_t)64 << 20)

typedef struct ecam_delivery ecam_delivery;

/* Where deliveries come from; those given back are used again. */
typedef struct ecam_delivery_desk {
    ecam_delivery *idle;
    size_t n_idle;
    size_t bytes_out; /* of all deliveries that are alive */
} ecam_delivery_desk;

struct ecam_delivery {
    ecam_delivery *next;
    ecam_delivery_desk *desk;
    unsigned references;
    size_t bytes;
    ecam_parts parts;
    ecam_arena arena;
    ecam_message message;
    struct ecam_ledger_rank *sender; /* in its run's ledger while it is taken in; NULL: not known */
    struct ecam_run *run;
    ecam_hold hold;              /* of the ring that its tensors lie in */
    size_t samples, overwritten; /* taken, and those lost in the ring */
};

/* An empty delivery with one reference; NULL when memory is short. */
ecam_delivery *ecam_delivery_take(ecam_delivery_desk *desk);

/* Call when the parts have been received: counts their bytes. */
void ecam_delivery_filled(ecam_delivery *delivery);

ecam_delivery *ecam_delivery_ref(ecam_delivery *delivery);
void ecam_delivery_unref(ecam_delivery **delivery);

/* Frees the idle ones. */
void ecam_delivery_desk_finish(ecam_delivery_desk *desk);

#endif
