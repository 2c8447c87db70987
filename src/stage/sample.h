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
#include "stage/vault.h"

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
struct ecam_sample_shelf;

/* Bytes in a ring, and their record. from NULL: none. */
typedef struct ecam_shared_range {
    const void *from;
    size_t bytes;
    uint64_t ticket;
} ecam_shared_range;

typedef struct ecam_sample {
    ecam_task task;
    struct ecam_sample *next; /* of the idle ones */
    struct ecam_sample_shelf *shelf;
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
    const ecam_ring_reader *ring; /* NULL: all came with the message */
    ecam_shared_range activation_range, image_range;

    /* what the worker leaves */
    ecam_status status;
    ecam_error error;
    bool overwritten;    /* in the ring, before it was read */
    size_t h, w;         /* of the maps */
    unsigned shown;      /* components asked for, or needed for the variance */
    unsigned components; /* of these not empty: their maps are kept */
    double *singular, *explained; /* [shown] */
    float *maxima;       /* [components]: each overlay's maximum */
    float zero_max;      /* the maximum of an overlay with an empty map */
    void *numbers;       /* holds these three */
    size_t numbers_bytes;

    /* The maps [components][h][w] float32 and the image's data, after each
     * other, in memory or in the vault's file. Hold from ecam_sample_load on:
     * maps, and image.data. */
    size_t content_bytes;
    void *block;         /* NULL: spilled */
    size_t block_bytes;
    uint64_t offset;     /* where it is spilled */
    bool kept;           /* there is content */
    const float *maps;
    ecam_image image;
} ecam_sample;

/* Samples that are not in use, with their memory, and where the content of
 * the others is kept. */
typedef struct ecam_sample_shelf {
    ecam_sample *idle;
    size_t idle_bytes;
    ecam_vault vault;
    bool spill_failed; /* said once; read and set by the main thread */
} ecam_sample_shelf;

/* memory_bytes: what samples that wait may take in memory; 0: no limit. */
void ecam_sample_shelf_init(ecam_sample_shelf *shelf, size_t memory_bytes);
void ecam_sample_shelf_finish(ecam_sample_shelf *shelf);

/* NULL when memory is short. */
ecam_sample *ecam_sample_take(ecam_sample_shelf *shelf);

/* Gives the delivery and the content back, too. */
void ecam_sample_give(ecam_sample_shelf *shelf, ecam_sample **sample);

/* Say which activation and image it is: sample i of both batches. */
void ecam_sample_set(ecam_sample *sample, const ecam_trace *trace, const ecam_image_batch *images,
                     const ecam_activation_batch *activations, uint64_t i);

/* The worker's step: project, find each overlay's maximum, keep maps and
 * image. Leaves status and error; an error with status ECAM_OK says that the
 * content could not be spilled and stays in memory beyond the budget. */
void ecam_sample_project(ecam_sample *sample, ecam_worker *worker);

/* Bring the content where maps and image.data point to it, until the worker's
 * next task. Errors: ECAM_EIO, ECAM_ENOMEM. */
ecam_status ecam_sample_load(ecam_sample *sample, ecam_worker *worker, ecam_error *error);

#endif
