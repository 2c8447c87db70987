/* An epoch on its way to TensorBoard: what came of it so far, and the event that
 * it becomes. */
#ifndef ECAM_SINKS_TENSORBOARD_EPOCH_H
#define ECAM_SINKS_TENSORBOARD_EPOCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eigencam/status.h"
#include "eigencam/subscriber.h"
#include "sinks/tensorboard_event.h"

#define ECAM_BOARD_TEXT_BYTES 128 /* of a label; longer ones are cut */
#define ECAM_BOARD_COMPONENTS 1024

typedef struct ecam_board_sample {
    bool known;  /* by a picture, or by the summary alone */
    bool placed; /* by a picture: ds_id, rank, step, index */
    char ds_id[ECAM_BOARD_TEXT_BYTES], label[ECAM_BOARD_TEXT_BYTES], pred[ECAM_BOARD_TEXT_BYTES];
    bool has_label, has_pred;
    uint32_t rank, index;
    uint64_t step;
} ecam_board_sample;

typedef struct ecam_board_picture {
    ecam_result_type type;
    uint32_t component;
    uint32_t number; /* of the sample, or of the sheet's page */
    uint32_t arrival;
    uint32_t width, height;
    uint8_t *png;
    size_t size;
} ecam_board_picture;

/* Shares of the variance, summed over samples; [0] as overlays say them, [1] as
 * maps do. */
typedef struct ecam_board_share {
    double sum[2];
    uint64_t n[2];
} ecam_board_share;

typedef struct ecam_board_epoch {
    char *run;
    ecam_event_mark mark; /* series: "OUTPUT/MODE" */
    uint32_t max_samples;
    ecam_board_picture *pictures;
    size_t n_pictures, picture_capacity;
    ecam_board_sample *samples; /* by number, below max_samples */
    size_t n_samples;
    ecam_board_share *shares; /* by component */
    size_t n_shares;
    size_t bytes;      /* about what it takes of memory */
    uint64_t left_out; /* pictures that came and are not held */
    uint64_t time_ns;  /* the newest result's */
    uint64_t touched_ns;
} ecam_board_epoch;

/* Errors: ECAM_ENOMEM. */
ecam_status ecam_board_epoch_create(const ecam_result *result, uint32_t max_samples,
                                    ecam_board_epoch **out);
void ecam_board_epoch_destroy(ecam_board_epoch **epoch);

/* Names what a result is of. */
void ecam_board_mark_of(const ecam_result *result, ecam_event_mark *mark);

/* Whether the epoch shows the picture of this result: those of its first
 * max_samples samples, and the pages of the sheet that show them. */
bool ecam_board_epoch_shows(const ecam_board_epoch *epoch, const ecam_result *result);

/* Take in a picture, or only what it says of its sample and component where
 * `keep` is false. Errors: ECAM_ENOMEM. */
ecam_status ecam_board_epoch_add(ecam_board_epoch *epoch, const ecam_result *result, bool keep);

/* The event of all that is there. summary: NULL where it did not come. *pictures:
 * how many are in it. It borrows from the epoch. Errors: ECAM_ENOMEM. */
ecam_status ecam_board_epoch_event(ecam_board_epoch *epoch, const ecam_result_summary *summary,
                                   ecam_event **out, uint64_t *pictures);

#endif
