/* What trainers send: a decoded hello, batch, epoch_end or bye. */
#ifndef ECAM_WIRE_MESSAGE_H
#define ECAM_WIRE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/node.h"
#include "eigencam/status.h"
#include "eigencam/tensor.h"
#include "wire/mode.h"

/* One part of a multipart message; borrowed. */
typedef struct ecam_frame {
    const void *data;
    size_t size;
} ecam_frame;

typedef enum ecam_message_type {
    ECAM_MESSAGE_HELLO,
    ECAM_MESSAGE_BATCH,
    ECAM_MESSAGE_EPOCH_END,
    ECAM_MESSAGE_BYE
} ecam_message_type;

/* Where a tensor's bytes lie in shared memory; `there` is false for those that
 * came with the message. */
typedef struct ecam_shared_place {
    bool there;
    uint64_t ring, offset, size, ticket;
} ecam_shared_place;

/* A value of a batch's `data`: a tensor, or a list of numbers or strings (a
 * lone scalar is a list of one). */
typedef struct ecam_field {
    const char *key;
    bool is_tensor;
    ecam_tensor tensor;     /* is_tensor: checked, its bytes lie in a frame */
    ecam_shared_place shared; /* or here: the tensor's data is then NULL */
    const ecam_node *items; /* else: INT, UINT, FLOAT, BOOL or TEXT nodes */
    size_t n_items;
} ecam_field;

/* What a rank says it published of one data set in one epoch and mode. */
typedef struct ecam_sent {
    const char *ds_id;
    uint64_t batches, samples;
} ecam_sent;

typedef struct ecam_last_seq {
    const char *topic;
    uint64_t seq;
} ecam_last_seq;

/* Texts are NUL-terminated; they and the arrays live in the arena, tensors'
 * bytes in the frames. Parts that a type does not have are zero. */
typedef struct ecam_message {
    ecam_message_type type;
    const char *topic; /* frame 0 as text */
    const char *run;   /* "" until it is known */
    uint32_t rank, world;
    uint64_t session, seq, time_ns;
    bool has_rank, has_session, has_seq; /* whether the message said so */

    /* batch, epoch_end */
    uint64_t epoch;
    ecam_mode mode;

    /* batch */
    const char *ds_id;
    uint64_t step;
    const ecam_field *fields;
    size_t n_fields;

    /* hello: NULL where it says nothing */
    const ecam_node *label_mapping; /* a map from text to an integer */
    const ecam_node *traces;        /* a list of maps */

    /* epoch_end */
    bool has_sent;
    const ecam_sent *sent;
    size_t n_sent;

    /* epoch_end, bye */
    const ecam_last_seq *last_seq;
    size_t n_last_seq;

    /* after a failure: the key that was wrong, or NULL */
    const char *bad_key;
} ecam_message;

/* Decode a multipart message (frame 0 the topic, frame 1 the header, then raw
 * bytes). Hostile input is expected: a structural scan bounds the header
 * before msgpack-c sees it, and the arena's limit bounds the memory.
 * On failure `out` still holds what was read of run, rank, session and seq.
 * Errors: ECAM_EFORMAT (not MessagePack, not a map, a frame missing),
 * ECAM_EVERSION, ECAM_EMISSING (a key), ECAM_ETYPE, ECAM_ESHAPE, ECAM_ELIMIT,
 * ECAM_EINVAL (a value that is not accepted), ECAM_ENOMEM. */
ecam_status ecam_message_decode(const ecam_frame *frames, size_t n_frames, ecam_arena *arena,
                                ecam_message *out, ecam_error *error);

/* The same for a receiver that rings were handed to: a batch's tensors may lie
 * in shared memory, of which nothing is checked but that it is as large as the
 * shape needs. (To all others such a message is ECAM_EINVAL.) */
ecam_status ecam_message_decode_shared(const ecam_frame *frames, size_t n_frames, ecam_arena *arena,
                                       ecam_message *out, ecam_error *error);

/* The field with this key, or NULL. */
const ecam_field *ecam_message_field(const ecam_message *message, const char *key);

#endif
