/* What a stage says upstream of trainers that have ended: that it has taken in
 * all that they sent. Specified in proto/wire.md. */
#ifndef ECAM_WIRE_HEARD_H
#define ECAM_WIRE_HEARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "eigencam/status.h"
#include "wire/message.h"

#define ECAM_HEARD_TOPIC "heard"
#define ECAM_HEARD_SESSIONS 256

typedef struct ecam_heard {
    uint64_t stage;
    uint64_t sessions[ECAM_HEARD_SESSIONS];
    size_t n_sessions;
} ecam_heard;

/* The header's bytes replace what is in `out`. Errors: ECAM_ENOMEM. */
ecam_status ecam_heard_encode(const ecam_heard *heard, ecam_buffer *out);

/* Whether these frames have the topic of a `heard`. */
bool ecam_heard_is(const ecam_frame *frames, size_t n_frames);

/* frames: topic and header; the arena is for passing use. Errors: as
 * ecam_message_decode. */
ecam_status ecam_heard_decode(const ecam_frame *frames, size_t n_frames, ecam_arena *arena, ecam_heard *out,
                              ecam_error *error);

bool ecam_heard_names(const ecam_heard *heard, uint64_t session);

#endif
