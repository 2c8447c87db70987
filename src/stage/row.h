/* One sample of a closed epoch on its way to pictures: the worker's step of
 * drawing and encoding, and what it leaves. */
#ifndef ECAM_STAGE_ROW_H
#define ECAM_STAGE_ROW_H

#include <stdbool.h>

#include "base/buffer.h"
#include "codec/png.h"
#include "codec/sheet.h"
#include "stage/collector.h"
#include "stage/pool.h"

/* What holds for all samples of an epoch's output; read by workers, constant
 * while any works. */
typedef struct ecam_row_context {
    const ecam_epoch *epoch;
    const ecam_trace *trace;
    unsigned components;     /* that the epoch shows */
    const float *divisors;   /* [components] where normalize is epoch, else NULL */
    bool sheet;
} ecam_row_context;

typedef struct ecam_row {
    ecam_task task;
    const ecam_row_context *context;
    void *owner;             /* the render */
    bool ready;              /* drawn, and back with the main thread */

    /* in */
    ecam_sample *sample;
    uint32_t number;         /* in the order of the epoch */
    const char *label, *pred;
    ecam_sheet_layout layout; /* where context->sheet */
    bool first_on_page;

    /* out; buffers are reused */
    ecam_status status;
    ecam_error error;
    unsigned capacity;       /* of the arrays, in components */
    ecam_buffer image;
    ecam_buffer *overlays, *maps;
    float *lo, *hi;          /* of each map */
    float *divisors;         /* of each overlay */
    ecam_png_piece header, band;
    bool has_header;         /* where it is the first on its page, even if it failed */

    size_t emitted;          /* results that are out */
} ecam_row;

/* Room for so many components. Errors: ECAM_ENOMEM. */
ecam_status ecam_row_reserve(ecam_row *row, unsigned components);

/* The worker's step; leaves status and error. */
void ecam_row_draw(ecam_row *row, ecam_worker *worker);

void ecam_row_finish(ecam_row *row);

#endif
