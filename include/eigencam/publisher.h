/* The trainer's side: batches and markers to a stage. Part of
 * libeigencam-client, which links ZeroMQ and msgpack-c only.
 *
 * Made to be forgotten about: no call waits unless block_ms says so, none
 * ends the process, and a stage that is absent, slow, stopped or started again
 * costs a call microseconds. On the same host tensors go through a ring in
 * shared memory, elsewhere in ZeroMQ frames; the publisher finds out by itself.
 * What no stage wants is not copied.
 *
 * Threads: one publisher is used by one thread at a time. In a forked child it
 * is switched off: calls return ECAM_OK and do nothing. */
#ifndef EIGENCAM_PUBLISHER_H
#define EIGENCAM_PUBLISHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eigencam/status.h"
#include "eigencam/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One option of an output that the run asks for, under the names of the
 * stage's configuration file: {"n_samples", "8"}. */
typedef struct ecam_setting_text {
    const char *name;
    const char *value;
} ecam_setting_text;

typedef struct ecam_trace_request {
    const ecam_setting_text *settings;
    size_t n_settings;
} ecam_trace_request;

/* Something that a person should know once (no shared memory to be had, a
 * tensor larger than the ring): one sentence, borrowed for the call. Called in
 * the thread that uses the publisher, from within its calls. */
typedef void ecam_publisher_notice(void *context, const char *text);

/* All pointers but notice_context are borrowed until ecam_publisher_open
 * returns. Start from ecam_publisher_defaults. */
typedef struct ecam_publisher_options {
    const char *endpoint;   /* tcp://127.0.0.1:5560; "bind:" in front binds, and
                               then tensors go in frames */
    const char *run;        /* 1..128 bytes, no control characters, no '|' */
    uint32_t rank, world;   /* 0 and 1 */
    size_t ring_bytes;      /* 64 MB; 0: no shared memory */
    unsigned block_ms;      /* wait so long for room; 0: what finds none is
                               dropped and counted, in the ring overwritten */
    const char *framework;  /* told in hello; NULL: nothing */
    const char *const *class_names; /* value i is class_names[i]; or NULL */
    size_t n_class_names;
    const ecam_trace_request *traces; /* outputs that this run asks for */
    size_t n_traces;
    ecam_publisher_notice *notice;    /* NULL: nobody is told */
    void *notice_context;
    const char *key;        /* file of the own secret key (eigencam keygen); NULL */
    const char *server_key; /* the stage's public key, or the file of it; NULL
                               where the stage has none */
    bool insecure;          /* bind what other hosts can reach without keys */
} ecam_publisher_options;

ECAM_API void ecam_publisher_defaults(ecam_publisher_options *options);

typedef struct ecam_publisher ecam_publisher;

/* Errors: ECAM_EINVAL (name, endpoint, a secret key that others may read),
 * ECAM_EFORMAT (no key), ECAM_EMISSING (this ZeroMQ has no CURVE), ECAM_ELIMIT (too few file descriptors
 * are free for ZeroMQ, which would end the process), ECAM_EIO, ECAM_ENOMEM. */
ECAM_API ecam_status ecam_publisher_open(const ecam_publisher_options *options,
                                         ecam_publisher **out, ecam_error *error);

/* Wait up to timeout_ms for a stage that subscribes, and a moment more for it to
 * say what it wants and to take the ring; true where there is one. Optional: a
 * stage that comes later is picked up by itself. */
ECAM_API bool ecam_publisher_wait(ecam_publisher *publisher, unsigned timeout_ms);

/* How many more samples of this epoch some stage still wants from this rank;
 * SIZE_MAX where it is not known or not bounded, 0 for none. mode: "train",
 * "eval", "test" or "infer". Costs nanoseconds: ask before copying from a GPU. */
ECAM_API size_t ecam_publisher_wants(ecam_publisher *publisher, const char *mode,
                                     const char *ds_id, uint64_t epoch);

/* One value of a batch: a tensor, or n texts (labels) where texts is not NULL. */
typedef struct ecam_batch_value {
    const char *key;
    ecam_tensor tensor;
    const char *const *texts;
    size_t n_texts;
} ecam_batch_value;

typedef struct ecam_batch {
    const char *mode;
    const char *ds_id;   /* "" for none */
    uint64_t epoch;
    uint64_t step;       /* in this epoch and mode, over all data sets */
    uint32_t world;      /* ranks that take part in this mode; 0: the publisher's own */
    const ecam_batch_value *values;
    size_t n_values;
} ecam_batch;

/* Publish one batch; at most the samples and keys that are wanted go out. The
 * values are the caller's again when it returns.
 * Errors: ECAM_EINVAL, ECAM_ESHAPE (batch sizes differ, bytes do not fit the
 * shape); ECAM_EAGAIN: dropped for want of room (after block_ms) and counted. */
ECAM_API ecam_status ecam_publisher_batch(ecam_publisher *publisher, const ecam_batch *batch,
                                          ecam_error *error);

/* After a mode's last batch of an epoch, over all its data sets. */
ECAM_API ecam_status ecam_publisher_epoch_end(ecam_publisher *publisher, const char *mode,
                                              uint64_t epoch, uint32_t world, ecam_error *error);

/* Since the publisher was opened. sent: batch messages given to ZeroMQ;
 * unwanted: batch calls of which nothing was wanted, or nobody was there;
 * dropped: for want of room; oversize: tensors larger than the ring;
 * ring_bytes, frame_bytes: tensors' bytes by either way; inside_ns: time spent
 * in batch and epoch_end. */
typedef struct ecam_publisher_stats {
    uint64_t sent, unwanted, dropped, oversize;
    uint64_t ring_bytes, frame_bytes;
    uint64_t inside_ns;
    uint32_t stages;    /* that say what they want, now */
    bool subscribed;    /* somebody listens, now */
    bool shared_memory; /* a stage has taken the ring, now */
} ecam_publisher_stats;

ECAM_API void ecam_publisher_get_stats(const ecam_publisher *publisher, ecam_publisher_stats *out);

/* Says bye, gives everything back; waits at most linger_ms for the stages to say
 * that all has arrived, and as long again for what ZeroMQ still holds. Where no
 * stage listens there is nothing to wait for. */
ECAM_API void ecam_publisher_close(ecam_publisher **publisher, unsigned linger_ms);

#ifdef __cplusplus
}
#endif

#endif
