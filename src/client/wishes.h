/* What stages want of one publisher: who listens, what the live ones asked
 * for, and how much of it they were sent. Knows no sockets and no clock: time
 * is told. */
#ifndef ECAM_CLIENT_WISHES_H
#define ECAM_CLIENT_WISHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "wire/want.h"

#define ECAM_MAX_WISHERS 16  /* stages at once */
#define ECAM_MAX_STREAMS 1024

/* One mode and data set, whose batches have a topic and numbers of their own. */
typedef struct ecam_stream {
    ecam_mode mode;
    char *ds_id, *topic;
    uint64_t next_seq;
    bool subscribed;
    uint64_t epoch;            /* that the next two belong to */
    uint64_t batches, samples; /* sent */
} ecam_stream;

/* What one interest was sent of one stream. */
typedef struct ecam_progress {
    bool accepted; /* the interest takes this stream at all */
    bool started;
    uint64_t epoch, last_step;
    uint64_t before, total; /* samples of steps before the last one; of all */
} ecam_progress;

typedef struct ecam_wisher {
    uint64_t stage;
    int64_t until_ns;
    ecam_arena arena; /* holds the interests that concern this run */
    const ecam_interest *interests;
    size_t n_interests;
    ecam_progress *progress; /* [n_interests][n_progress] */
    size_t n_progress;       /* streams that there is room for */
} ecam_wisher;

typedef struct ecam_prefix {
    char *text;
    size_t bytes;
    unsigned count; /* one for each peer */
} ecam_prefix;

typedef struct ecam_wishes {
    char run[129];
    ecam_prefix *prefixes;
    size_t n_prefixes, prefixes_capacity;
    ecam_stream **streams;
    size_t n_streams, streams_capacity;
    ecam_wisher *wishers[ECAM_MAX_WISHERS];
    size_t n_wishers;
} ecam_wishes;

void ecam_wishes_init(ecam_wishes *wishes, const char *run);
void ecam_wishes_finish(ecam_wishes *wishes);

/* The stream, made where it is not there. Errors: ECAM_ELIMIT, ECAM_ENOMEM. */
ecam_status ecam_wishes_stream(ecam_wishes *wishes, ecam_mode mode, const char *ds_id, size_t *out,
                               ecam_error *error);

/* A subscription came or went. Errors: ECAM_ENOMEM, ECAM_ELIMIT. */
ecam_status ecam_wishes_subscribe(ecam_wishes *wishes, const void *prefix, size_t bytes, bool on);

/* Whether anybody listens to this topic. */
bool ecam_wishes_subscribed(const ecam_wishes *wishes, const char *topic);

/* A `want`; one that says nothing of this run takes the stage off the list.
 * What a stage was sent already of an interest that it still has is remembered.
 * Errors: ECAM_ENOMEM. */
ecam_status ecam_wishes_note(ecam_wishes *wishes, const ecam_want *want, int64_t now_ns);

/* Forget stages whose time is up. */
void ecam_wishes_expire(ecam_wishes *wishes, int64_t now_ns);

/* How many samples of a batch of that stream, epoch and step are wanted: at
 * most SIZE_MAX, which also means that nobody says. */
size_t ecam_wishes_left(const ecam_wishes *wishes, size_t stream, uint64_t epoch, uint64_t step);

/* Whether a stage that wants samples of such a batch wants this key. */
bool ecam_wishes_key(const ecam_wishes *wishes, size_t stream, uint64_t epoch, uint64_t step,
                     const char *key);

/* A batch of n samples was sent. */
void ecam_wishes_sent(ecam_wishes *wishes, size_t stream, uint64_t epoch, uint64_t step, uint64_t n);

#endif
