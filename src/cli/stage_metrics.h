/* What a stage counts, served to Prometheus beside it. */
#ifndef ECAM_CLI_STAGE_METRICS_H
#define ECAM_CLI_STAGE_METRICS_H

#include "eigencam/status.h"
#include "stage/stage.h"

typedef struct ecam_stage_metrics ecam_stage_metrics;

/* Serve on `address` (see ecam_metrics_server_open) and observe the stage, which
 * must not run yet. Errors: those of ecam_metrics_server_open. */
ecam_status ecam_stage_metrics_open(const char *address, ecam_stage *stage, ecam_stage_metrics **out,
                                    ecam_error *error);

/* Once the stage does not run any more. */
void ecam_stage_metrics_close(ecam_stage_metrics **metrics);

#endif
