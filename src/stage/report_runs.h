/* What `stats` says of the runs: their accounts, ranks and open epochs. */
#ifndef ECAM_STAGE_REPORT_RUNS_H
#define ECAM_STAGE_REPORT_RUNS_H

#include <stdint.h>

#include "base/arena.h"
#include "eigencam/subscriber.h"
#include "stage/collector.h"

#define ECAM_REPORTED_RUNS 64
#define ECAM_REPORTED_RANKS 1024 /* of a run */

ecam_result_account ecam_report_account(const ecam_account *account);

/* The first runs by name, each with its first ranks, in the arena.
 * Errors: ECAM_ENOMEM. */
ecam_status ecam_report_runs(const ecam_collector *collector, ecam_arena *arena, const ecam_result_run **out,
                             uint32_t *n);

#endif
