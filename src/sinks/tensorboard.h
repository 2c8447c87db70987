/* Results for TensorBoard: event files with the pictures as they came.
 *
 *   LOGDIR/RUN/events.out.tfevents.*             see sinks/tensorboard_run.h
 *       OUTPUT/MODE/overlay-0, map-0, image      a tag for each kind and component
 *       OUTPUT/MODE/sheet                        its pages
 *       OUTPUT/MODE/explained-0                  scalar: mean share of the variance
 *       OUTPUT/MODE/samples                      text: what is said of each sample
 *
 * The epoch is the step; sample n is the n-th picture of a tag in every epoch. An
 * epoch is written at once, when its summary comes, and is there whole or not at
 * all. One that is there is not written again; steps that go back (a further
 * attempt, a training that is run again) go to a run RUN/attempt-2, since
 * TensorBoard would drop what it has.
 *
 * Until then an epoch is held in memory: the pictures of its first samples, and
 * of all open epochs together only so many bytes. What is left out is counted. */
#ifndef ECAM_SINKS_TENSORBOARD_H
#define ECAM_SINKS_TENSORBOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "eigencam/status.h"
#include "eigencam/subscriber.h"

#define ECAM_TENSORBOARD_SAMPLES 32 /* of an epoch, unless said otherwise */
#define ECAM_TENSORBOARD_MAX_SAMPLES 4096
#define ECAM_TENSORBOARD_BYTES ((size_t)256 << 20) /* of memory, likewise */
#define ECAM_TENSORBOARD_WAIT_NS ((uint64_t)60 * 1000000000) /* for a summary */

typedef struct ecam_tensorboard ecam_tensorboard;

typedef struct ecam_tensorboard_limits {
    uint32_t samples; /* of an epoch: 1 to ECAM_TENSORBOARD_MAX_SAMPLES */
    size_t bytes;     /* of memory for epochs that wait for their summaries */
} ecam_tensorboard_limits;

/* Open or make the folder, with those above it. One process writes to a folder at a time, and not
 * with a store in it; any number may read.
 * Errors: ECAM_EIO (also: another writes there), ECAM_ENOMEM. */
ecam_status ecam_tensorboard_open(const char *dir, ecam_tensorboard_limits limits,
                                  ecam_tensorboard **out, ecam_error *error);

/* Take in a result of any type; errors of the stage and stats do nothing. now_ns:
 * of a clock that only goes forward. A summary also writes earlier epochs of the
 * same series and stage, whose summaries can't come any more.
 * Errors: ECAM_EIO (a full disk, ...: the epoch is not written), ECAM_ELIMIT (too
 * many open epochs, too many attempts), ECAM_EFORMAT (no PNG), ECAM_ENOMEM. */
ecam_status ecam_tensorboard_store(ecam_tensorboard *board, const ecam_result *result,
                                   uint64_t now_ns, ecam_error *error);

/* Write the epochs of which nothing came for ECAM_TENSORBOARD_WAIT_NS.
 * Errors: as above; the first one's, and the others are written all the same. */
ecam_status ecam_tensorboard_expire(ecam_tensorboard *board, uint64_t now_ns, ecam_error *error);

/* What became of the epoch whose summary came last. folder: below LOGDIR; it
 * holds until the next call. */
typedef struct ecam_tensorboard_epoch {
    const char *folder;
    uint64_t pictures;
    uint64_t left_out;
    bool there_before; /* and so not written; the others mean nothing then */
} ecam_tensorboard_epoch;
ecam_tensorboard_epoch ecam_tensorboard_last_epoch(const ecam_tensorboard *board);

/* Writes what waits for its summary. */
ecam_status ecam_tensorboard_close(ecam_tensorboard **board, ecam_error *error);

#endif
