/* What a stage counts: published with every `stats` message. */
#ifndef ECAM_STAGE_COUNTERS_H
#define ECAM_STAGE_COUNTERS_H

#include <stdint.h>

/* Messages from trainers. Each batch message is in exactly one of used,
 * unwanted, late, overwritten, rejected; duplicates and lost ones stand outside. */
typedef struct ecam_counters {
    uint64_t received;     /* messages of any type, faulty ones included */
    uint64_t batches;
    uint64_t used;
    uint64_t unwanted;     /* filtered, or beyond n_samples */
    uint64_t late;         /* for an epoch that is published */
    uint64_t overwritten;  /* in shared memory, before any sample was read */
    uint64_t rejected;     /* faulty, of any type */
    uint64_t duplicates;
    uint64_t lost;         /* by gaps in the sequence numbers */
    uint64_t samples;      /* taken for projection */
    uint64_t failed_samples; /* could not be projected or drawn */
    uint64_t epochs;       /* summaries published */
    uint64_t incomplete;   /* of these */
    uint64_t errors;       /* error messages published */
    uint64_t gone;         /* ranks given up because their process ended */
    uint64_t unsent;       /* results that could not be encoded or sent */
} ecam_counters;

#endif
