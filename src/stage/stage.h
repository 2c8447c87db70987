/* The stage: sockets, workers and the collector, driven by one thread. */
#ifndef ECAM_STAGE_STAGE_H
#define ECAM_STAGE_STAGE_H

#include <stddef.h>

#include "eigencam/status.h"
#include "stage/config.h"

typedef struct ecam_stage ecam_stage;

/* Attach the sockets and start the workers. The configuration must outlive the
 * stage. Errors: ECAM_EINVAL, ECAM_EIO (endpoints, recording file), ECAM_ENOMEM. */
ecam_status ecam_stage_create(const ecam_config *config, ecam_stage **out, ecam_error *error);

/* Serve until `stop_fd` is readable; then publish what is collected, as
 * incomplete epochs, and return. Errors: ECAM_EIO. */
ecam_status ecam_stage_run(ecam_stage *stage, int stop_fd, ecam_error *error);

void ecam_stage_destroy(ecam_stage **stage);

#endif
