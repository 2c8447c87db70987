/* The stage: sockets, workers and the collector, driven by one thread. */
#ifndef ECAM_STAGE_STAGE_H
#define ECAM_STAGE_STAGE_H

#include <stddef.h>
#include <stdint.h>

#include "eigencam/status.h"
#include "eigencam/subscriber.h"
#include "stage/config.h"

typedef struct ecam_stage ecam_stage;

/* Attach the sockets and start the workers. The configuration must outlive the
 * stage. Errors: ECAM_EINVAL, ECAM_EIO (endpoints, recording file), ECAM_ENOMEM. */
ecam_status ecam_stage_create(const ecam_config *config, ecam_stage **out, ecam_error *error);

/* Serve until `stop_fd` is readable; then publish what is collected, as
 * incomplete epochs, and return. Errors: ECAM_EIO. */
ecam_status ecam_stage_run(ecam_stage *stage, int stop_fd, ecam_error *error);

/* Who is told what a stage counts, by the thread that runs it: its counters
 * (their names are static) with every `stats` and after each epoch, and of each
 * epoch how long it took from the last marker to the last picture. */
typedef struct ecam_stage_observer {
    void (*counted)(void *context, const ecam_counter *counters, size_t n);
    void (*published)(void *context, uint64_t latency_ns);
    void *context;
} ecam_stage_observer;

/* One at a time; NULL: nobody. Not while the stage runs. */
void ecam_stage_observe(ecam_stage *stage, const ecam_stage_observer *observer);

/* Called at every turn of the loop, by the thread that runs the stage; gives the
 * time at which it wants to be called again at the latest (CLOCK_MONOTONIC, ns).
 * NULL: nobody. Not while the stage runs. */
typedef int64_t (*ecam_stage_turn)(int64_t now_ns);
void ecam_stage_each_turn(ecam_stage *stage, ecam_stage_turn turn);

void ecam_stage_destroy(ecam_stage **stage);

#endif
