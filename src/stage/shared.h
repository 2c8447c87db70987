/* Tensors that lie in a trainer's ring: found when their message is taken,
 * copied once, and believed only after that. */
#ifndef ECAM_STAGE_SHARED_H
#define ECAM_STAGE_SHARED_H

#include "stage/delivery.h"
#include "stage/sample.h"

/* Let the tensors of a held message point into the ring. Errors: ECAM_ECLOSED
 * (written over), ECAM_EINVAL. */
ecam_status ecam_shared_open(ecam_delivery *delivery, ecam_error *error);

/* Copy one tensor into the delivery's arena, if it lies in the ring: what the
 * main thread reads. Errors: ECAM_ECLOSED, ECAM_ENOMEM, ECAM_ELIMIT. */
ecam_status ecam_shared_bring(ecam_delivery *delivery, const ecam_field *field, ecam_error *error);

/* Tell a sample that was set which of its bytes lie in the ring: sample i of
 * both tensors. */
void ecam_shared_tell(const ecam_delivery *delivery, const ecam_field *images, const ecam_field *activations,
                      uint64_t i, ecam_sample *sample);

/* The worker's step before all others: copy these bytes to its scratch memory.
 * Errors: ECAM_ECLOSED (written over meanwhile), ECAM_ENOMEM. */
ecam_status ecam_shared_fetch(ecam_sample *sample, ecam_worker *worker);

#endif
