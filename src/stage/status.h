/* How a stage is doing, told a few times a second to whoever shows it to a
 * person. */
#ifndef ECAM_STAGE_STATUS_H
#define ECAM_STAGE_STATUS_H

#include <stdint.h>

#include "stage/stage.h"

/* An open epoch, or none: run is NULL then. */
typedef struct ecam_stage_status {
    const char *run;    /* of the epoch that heard of its trainer last; holds during the call */
    const char *mode;   /* static */
    uint64_t epoch;
    uint32_t ranks_in;  /* that are done with it, of world */
    uint32_t world;
    uint64_t epoch_samples; /* kept for it so far, over all outputs */
    uint64_t open;      /* epochs that are open, this one included */
    uint64_t samples, epochs, lost, errors; /* since the stage started */
} ecam_stage_status;

typedef struct ecam_stage_watcher {
    void (*tell)(void *context, const ecam_stage_status *status);
    void *context;
} ecam_stage_watcher;

/* Have `watcher` told by the thread that runs the stage, at most every
 * ECAM_STATUS_NS, while something comes and for a while behind, and when a
 * signal interrupts. NULL: nobody. Not while the stage runs. */
void ecam_stage_watch(ecam_stage *stage, const ecam_stage_watcher *watcher);

#define ECAM_STATUS_NS (250 * INT64_C(1000000))

/* The loop's part: tell where it is time. *wake_ns becomes earlier where it
 * soon will be. */
void ecam_stage_tell_status(ecam_stage *stage, int64_t now_ns, int64_t *wake_ns);

#endif
