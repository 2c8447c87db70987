/* A batch on its way out. */
#ifndef ECAM_CLIENT_PUBLISHER_BATCH_H
#define ECAM_CLIENT_PUBLISHER_BATCH_H

#include "client/publisher_internal.h"

/* Errors: as ecam_publisher_batch. */
ecam_status ecam_publisher_send_batch(ecam_publisher *p, const ecam_batch *batch, ecam_error *error);

/* Errors: ECAM_EINVAL. */
ecam_status ecam_publisher_mode(const char *name, ecam_mode *out, ecam_error *error);
ecam_status ecam_publisher_ds_id(const char *ds_id, ecam_error *error);

#endif
