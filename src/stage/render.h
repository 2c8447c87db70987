/* Drawing one output of a closed epoch: samples in order become pictures, by
 * any number of workers, and leave in a fixed order: for each sample its image,
 * then overlay and map of each component; after a page's last sample the sheet;
 * at the end the summary. */
#ifndef ECAM_STAGE_RENDER_H
#define ECAM_STAGE_RENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "eigencam/subscriber.h"
#include "stage/collector.h"
#include "stage/pool.h"

/* Where results go. ECAM_EAGAIN: not now, the same one comes again; any other
 * failure is the receiver's to report, and the result counts as sent. The
 * result holds during the call. */
typedef ecam_status ecam_emit(void *context, ecam_result *result);

typedef struct ecam_render ecam_render;

/* What is drawn, beside the output's samples. */
typedef struct ecam_render_job {
    const ecam_epoch *epoch;   /* borrowed until the render is destroyed */
    ecam_output *output;       /* its samples are given to the shelf as they are drawn */
    ecam_sample_shelf *shelf;
    ecam_traces *mapping_set; /* referenced; holds `mapping` (hello's), or NULL */
    const ecam_mapping *mapping; /* what labels are named by; NULL: numbers */
    uint64_t lost, rejected, late; /* for the summary */
    unsigned window;           /* samples under way at once */
} ecam_render_job;

/* Errors: ECAM_ENOMEM, ECAM_ELIMIT (a sheet that would be too wide is left out
 * instead: *error tells, the status is ECAM_OK). */
ecam_status ecam_render_create(const ecam_render_job *job, ecam_pool *pool, ecam_render **out,
                               ecam_error *error);

/* Submit what the window allows, emit what is finished and in turn; gives how
 * many tasks and results it moved. ECAM_EAGAIN from `emit` ends the step. */
size_t ecam_render_step(ecam_render *render, ecam_emit *emit, void *context);

/* Everything including the summary is out, and no task is under way. */
bool ecam_render_finished(const ecam_render *render);

/* Samples whose drawing failed, and why the last one did. */
size_t ecam_render_failed(const ecam_render *render, const ecam_error **error);

/* How many labels or predictions were outside the mapping, and the first such
 * value as text; for one error message. */
size_t ecam_render_unmapped(const ecam_render *render, const char **value);

/* Only when no task is under way. */
void ecam_render_destroy(ecam_render **render);

#endif
