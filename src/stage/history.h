/* The published epochs of one run and mode. */
#ifndef ECAM_STAGE_HISTORY_H
#define ECAM_STAGE_HISTORY_H

#include "stage/collector.h"

/* Remember a closed epoch; the oldest is forgotten beyond ECAM_MAX_REMEMBERED.
 * Errors: ECAM_ENOMEM. */
ecam_status ecam_history_add(ecam_history *history, const ecam_epoch *epoch);

/* The newest attempt of an epoch, or NULL. */
const ecam_published *ecam_history_find(const ecam_history *history, uint64_t number);

typedef enum ecam_had_part { ECAM_PART_NONE, ECAM_PART_SAME_SESSION, ECAM_PART_OTHER_SESSION } ecam_had_part;

/* Whether the rank had part in it, and in this session. */
ecam_had_part ecam_published_part_of(const ecam_published *published, uint32_t rank,
                                     uint64_t session);

void ecam_history_finish(ecam_history *history);

#endif
