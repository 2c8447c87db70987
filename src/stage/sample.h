/* One sample of an epoch: taken from a batch, projected by a worker as soon as
 * it is in, kept as maps and image until the epoch is drawn. */
#ifndef ECAM_STAGE_SAMPLE_H
#define ECAM_STAGE_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eigencam/cam.h"
#include "stage/delivery.h"
#include "stage/labels.h"
#include "stage/pool.h"
#include "stage/shape.h"
#include "stage/trace.h"

/* The order of samples in an epoch: by step, index, rank, then data set (for
 * trainers that count steps in each data set apart). */
typedef struct ecam_sample_key {
    uint64_t step;
    uint32_t index;
    uint32_t rank;
    char ds_id[ECAM_NAME_BYTES];
} ecam_sample_key;

int ecam_sample_compare(const ecam_sample_key *a, const ecam_sample_key *b);

struct ecam_epoch;

typedef struct ecam_sample {
    ecam_task task;
    struct ecam_sample *next; /* of the idle ones */
    struct ecam_epoch *epoch; /* where it belongs */
    bool dropped;             /* evicted while it was being projected */

    ecam_sample_key key;
    ecam_label label, pred;

    /* what the worker reads */
    const ecam_trace *trace;
    ecam_delivery *delivery; /* NULL: the caller keeps the tensors */
    ecam_activation activation;
    const void *image_source;
    ecam_dtype image_dtype;

    /* what the worker leaves */
    ecam_status status;
    ecam_error error;
    ecam_image image;    /* its data lies in the block */
    size_t h, w;         /* of the maps */
    unsigned shown;      /* components asked for, or needed for the variance */
    unsigned components; /* of these not empty: their maps are kept */
    const double *singular, *explained; /* [shown] */
    const float *maxima; /* [components]: each overlay's maximum */
    float zero_max;      /* the maximum of an overlay with an empty map */
    const float *maps;   /* [components][h][w] */
    void *block;         /* holds all of these */
    size_t block_bytes;
} ecam_sample;

/* Samples that are not in use, with their blocks. */
typedef struct ecam_sample_shelf {
    ecam_sample *idle;
    size_t n_idle;
} ecam_sample_shelf;

/* NULL when memory is short. */
ecam_sample *ecam_sample_take(ecam_sample_shelf *shelf);

/* Gives the delivery back, too. */
void ecam_sample_give(ecam_sample_shelf *shelf, ecam_sample **sample);
void ecam_sample_shelf_finish(ecam_sample_shelf *shelf);

/* Say which activation and image it is: sample i of both batches. */
void ecam_sample_set(ecam_sample *sample, const ecam_trace *trace, const ecam_image_batch *images,
                     const ecam_activation_batch *activations, uint64_t i);

/* The worker's step: project, keep maps and image, find each overlay's
 * maximum. Leaves status and error. */
void ecam_sample_project(ecam_sample *sample, ecam_worker *worker);

#endif
