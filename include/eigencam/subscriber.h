/* Results of a stage, and the way to receive them: what a logger needs.
 * Part of libeigencam-client, which links ZeroMQ and msgpack-c only. */
#ifndef EIGENCAM_SUBSCRIBER_H
#define EIGENCAM_SUBSCRIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eigencam/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ecam_result_type {
    ECAM_RESULT_OVERLAY, /* one sample, one component, over the image */
    ECAM_RESULT_MAP,     /* the signed projection alone, 16-bit grey */
    ECAM_RESULT_IMAGE,   /* the input image alone */
    ECAM_RESULT_SHEET,   /* the grid of an epoch, at most 64 rows a page */
    ECAM_RESULT_EPOCH,   /* the summary, after all others of its epoch */
    ECAM_RESULT_ERROR,
    ECAM_RESULT_STATS
} ecam_result_type;
#define ECAM_RESULT_TYPE_COUNT 7

/* Which sample a picture shows. label, pred: the text, or NULL where there is
 * none. */
typedef struct ecam_result_sample {
    uint32_t number; /* 0.. in the order of the sheet */
    const char *ds_id;
    uint32_t rank;
    uint64_t step;
    uint32_t index; /* in its batch */
    const char *label;
    const char *pred;
} ecam_result_sample;

/* The encoded picture of an overlay, map, image or sheet; png is borrowed. */
typedef struct ecam_result_picture {
    uint32_t width, height; /* pixels */
    const void *png;
    size_t png_bytes;
} ecam_result_picture;

/* How an overlay is drawn, so that it can be drawn again. colormap: a name as
 * "jet", or NULL where the stage does not say; then the rest says nothing.
 * add: image + heat, else (1 - weight) * image + weight * heat. per_image: the
 * divisor is of this picture alone, else of the epoch. image_float: the image
 * had floats, of which a result only has what is displayed. */
typedef struct ecam_result_style {
    const char *colormap;
    bool add;
    double weight;
    bool per_image;
    bool image_float;
} ecam_result_style;

/* Of an overlay or a map. lo, hi: of a map, projection = lo + (hi - lo) * v /
 * 65535; divisor: what the overlay was divided by. */
typedef struct ecam_result_component {
    uint32_t number;     /* 0.. */
    uint32_t components; /* how many the epoch shows */
    double explained;    /* share of the variance, 0..1 */
    double singular;
    double lo, hi;
    double divisor;
    ecam_result_style style;
} ecam_result_component;

typedef struct ecam_result_page {
    uint32_t number; /* 0.. */
    uint32_t pages;
    uint32_t rows;   /* samples on this page */
} ecam_result_page;

/* labels, preds: `samples` texts each (an entry may be NULL), or NULL. */
/* What became of the batch messages of one rank, or of all ranks of a run, since
 * the stage knows of them: sent = used + unwanted + late + overwritten + rejected
 * + lost. Duplicates stand outside. */
typedef struct ecam_result_account {
    uint64_t sent, used, unwanted, late, overwritten, rejected, lost, duplicates;
} ecam_result_account;

typedef struct ecam_result_summary {
    uint32_t samples;
    uint32_t components;
    bool complete;
    const uint32_t *missing_ranks;
    uint32_t n_missing;
    uint32_t world;      /* ranks that were expected; 0: not said */
    uint64_t lost;       /* batch messages known to be lost */
    uint64_t rejected;   /* batch messages refused as faulty */
    uint64_t late;       /* batch messages after an epoch was published */
    uint64_t published[4]; /* by ecam_result_type: overlay, map, image, sheet */
    const char *const *labels;
    const char *const *preds;
    uint64_t latency_ns; /* last marker received to last picture sent */
    bool has_account;    /* whether the stage says it */
    ecam_result_account account; /* of the run, now */
} ecam_result_summary;

/* has_*: whether the stage knows that number. key: NULL where it says nothing. */
typedef struct ecam_result_error {
    const char *code;
    const char *message;
    bool has_rank, has_session, has_seq;
    uint32_t rank;
    uint64_t session;
    uint64_t of_seq;
    const char *key;
} ecam_result_error;

typedef struct ecam_counter {
    const char *name;
    uint64_t value;
} ecam_counter;

typedef struct ecam_result_rank {
    uint32_t rank;
    ecam_result_account account;
} ecam_result_rank;

/* An epoch that is being collected. */
typedef struct ecam_result_open {
    const char *mode;
    uint64_t epoch;
    uint32_t attempt, world;
    uint32_t done;    /* ranks that have ended it */
    uint64_t samples; /* of the output that has most */
} ecam_result_open;

typedef struct ecam_result_run {
    const char *name;
    uint32_t n_ranks; /* that were ever heard of; not all need be listed */
    ecam_result_account account;
    const ecam_result_rank *ranks;
    uint32_t n_listed;
    const ecam_result_open *open;
    uint32_t n_open;
} ecam_result_run;

typedef struct ecam_result_stats {
    const ecam_counter *counters;
    uint32_t n_counters;
    const ecam_result_run *runs;
    uint32_t n_runs;
} ecam_result_stats;

/* One result. Only the parts that its type has are set, the rest is zero:
 *   overlay, map      sample, component, picture
 *   image             sample, picture
 *   sheet             page, picture
 *   epoch, error, stats: summary, error, stats
 * run, output, mode: not NULL; empty where they are not known or make no sense
 * (run of an error; all three of stats). */
typedef struct ecam_result {
    ecam_result_type type;
    uint64_t stage; /* random id of the stage's process */
    uint64_t seq;   /* per stage and topic */
    uint64_t time_ns; /* wall clock, since 1970 */
    const char *run;
    const char *output;
    const char *mode;
    uint64_t epoch;
    uint32_t attempt; /* from 1 */
    ecam_result_sample sample;
    ecam_result_component component;
    ecam_result_picture picture;
    ecam_result_page page;
    ecam_result_summary summary;
    ecam_result_error error;
    ecam_result_stats stats;
} ecam_result;

/* "overlay", "map", ...; static storage. */
ECAM_API const char *ecam_result_type_name(ecam_result_type type);

typedef struct ecam_subscriber ecam_subscriber;

/* Endpoints are connected to, or bound with "bind:" in front.
 * topics: prefixes as in the wire protocol ("overlay|", "epoch|run|"); none
 * (n_topics 0) means everything. Never blocks; a stage may come later.
 * Errors: ECAM_EINVAL (endpoint), ECAM_EIO, ECAM_ENOMEM. */
ECAM_API ecam_status ecam_subscriber_open(const char *const *endpoints, size_t n_endpoints,
                                          const char *const *topics, size_t n_topics,
                                          ecam_subscriber **out, ecam_error *error);

/* Wait up to timeout_ms (-1: for ever) for the next result. It and all that it
 * points to belong to the subscriber and hold until the next call.
 * Errors: ECAM_EAGAIN (time is over, or a signal came), ECAM_EFORMAT and other
 * decoding errors (that message is dropped; go on). */
ECAM_API ecam_status ecam_subscriber_next(ecam_subscriber *subscriber, int timeout_ms,
                                          const ecam_result **out, ecam_error *error);

/* With keys. key: the file of the own secret key (eigencam keygen), or NULL;
 * server_key: the stage's public key, as text or the file of it, or NULL where the
 * stage has none. insecure: "bind:" may stand before what other hosts can reach
 * where there are no keys. All is borrowed until ecam_subscriber_open_with
 * returns. */
typedef struct ecam_subscriber_options {
    const char *const *endpoints;
    size_t n_endpoints;
    const char *const *topics;
    size_t n_topics;
    const char *key, *server_key;
    bool insecure;
} ecam_subscriber_options;

/* Errors: as ecam_subscriber_open; ECAM_EINVAL (a secret key that others may
 * read), ECAM_EFORMAT (no key), ECAM_EMISSING (this ZeroMQ has no CURVE). */
ECAM_API ecam_status ecam_subscriber_open_with(const ecam_subscriber_options *options, ecam_subscriber **out,
                                               ecam_error *error);

/* Messages that a gap in a topic's `seq` shows to be lost, so far. */
ECAM_API uint64_t ecam_subscriber_lost(const ecam_subscriber *subscriber);

ECAM_API void ecam_subscriber_close(ecam_subscriber **subscriber);

#ifdef __cplusplus
}
#endif

#endif
