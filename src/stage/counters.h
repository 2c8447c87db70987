/* What a stage counts: published with every `stats` message. */
#ifndef ECAM_STAGE_COUNTERS_H
#define ECAM_STAGE_COUNTERS_H

#include <stdint.h>

#include "stage/ledger.h"

/* Messages from trainers. What became of batches stands in stage/ledger.h, by
 * class, for each rank and for all that the stage ever heard of. */
typedef struct ecam_counters {
    uint64_t received;     /* messages of any type, faulty ones included */
    uint64_t batches;
    uint64_t classes[ECAM_CLASS_COUNT]; /* of batches */
    uint64_t rejected;     /* faulty, of any type */
    uint64_t duplicates;   /* of any type */
    uint64_t samples;      /* taken for projection */
    uint64_t failed_samples; /* could not be projected or drawn */
    uint64_t epochs;       /* summaries published */
    uint64_t incomplete;   /* of these */
    uint64_t errors;       /* error messages published */
    uint64_t gone;         /* ranks given up because their process ended */
    uint64_t unsent;       /* results that could not be encoded or sent */
} ecam_counters;

#endif
