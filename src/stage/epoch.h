/* One epoch of one mode of a run while it is collected: its ranks and, for
 * each output, its samples. */
#ifndef ECAM_STAGE_EPOCH_H
#define ECAM_STAGE_EPOCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stage/sample.h"
#include "stage/trace.h"
#include "wire/message.h"

/* What came from one rank of one data set. */
typedef struct ecam_tally {
    char ds_id[ECAM_NAME_BYTES];
    uint64_t batches;
} ecam_tally;

/* One rank's part in an epoch. */
typedef struct ecam_part {
    uint32_t rank;
    uint64_t session;
    bool done;         /* its marker is here */
    bool gone;         /* given up: a later epoch, bye, another session */
    uint64_t gap_lost; /* by its sequence numbers */
    bool has_sent;     /* its marker said what it published */
    uint64_t sent_lost; /* by that, exact */
    size_t n_tallies;
    ecam_tally *tallies;
} ecam_part;

/* One output's samples: in order where n_samples bounds them, else sorted
 * when the epoch closes. */
typedef struct ecam_output {
    const ecam_trace *trace;
    ecam_sample **samples;
    size_t n, capacity;
} ecam_output;

typedef struct ecam_epoch {
    struct ecam_epoch *next;
    struct ecam_run *run;
    ecam_mode mode;
    uint64_t number;
    uint32_t attempt;
    uint32_t world;
    ecam_traces *traces;
    ecam_output *outputs; /* traces->n */
    ecam_part *parts;     /* by rank */
    size_t n_parts, parts_capacity;
    size_t settled, done; /* parts that are done or gone; done */
    size_t pending;       /* samples that are being projected */
    bool closed, complete;
    bool has_marker;
    int64_t first_marker_ns, last_marker_ns, last_batch_ns; /* monotonic */
} ecam_epoch;

/* Takes a reference to the traces. NULL when memory is short. */
ecam_epoch *ecam_epoch_create(struct ecam_run *run, ecam_mode mode, uint64_t number,
                              uint32_t attempt, ecam_traces *traces);

/* Gives the samples that are left to the shelf. */
void ecam_epoch_destroy(ecam_epoch **epoch, ecam_sample_shelf *shelf);

/* The rank's part, made where it is not there. NULL when memory is short. A
 * session other than the part's own means that the rank started again: its
 * marker and its counts are forgotten. */
ecam_part *ecam_epoch_part(ecam_epoch *epoch, uint32_t rank, uint64_t session);

/* The part if it is there, else NULL. */
ecam_part *ecam_epoch_find(const ecam_epoch *epoch, uint32_t rank);

void ecam_epoch_set_done(ecam_epoch *epoch, ecam_part *part);
void ecam_epoch_set_gone(ecam_epoch *epoch, ecam_part *part);

/* Count one batch message of a data set. Errors: ECAM_ENOMEM. */
ecam_status ecam_part_count(ecam_part *part, const char *ds_id);

/* Batch messages that are known to be lost. */
uint64_t ecam_epoch_lost(const ecam_epoch *epoch);

/* Ranks below `world` that are not done, at most `capacity`; gives how many
 * there are in all. */
size_t ecam_epoch_missing(const ecam_epoch *epoch, uint32_t *ranks, size_t capacity);

/* Whether a sample with this key would be among the output's first n_samples. */
bool ecam_output_wants(const ecam_output *output, const ecam_sample_key *key);

/* Put a wanted sample in. *evicted: the sample that it pushes out, or NULL.
 * Errors: ECAM_ENOMEM, ECAM_EAGAIN (its key is there already). */
ecam_status ecam_output_add(ecam_output *output, ecam_sample *sample, ecam_sample **evicted);

/* Take a sample out again (its projection failed). */
void ecam_output_remove(ecam_output *output, const ecam_sample *sample);

/* Bring an unbounded output in order; a sample whose key came twice is taken
 * out to the shelf. */
void ecam_output_sort(ecam_output *output, ecam_sample_shelf *shelf);

#endif
