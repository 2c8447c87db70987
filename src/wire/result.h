/* Results on the wire: what the stage says to loggers. */
#ifndef ECAM_WIRE_RESULT_H
#define ECAM_WIRE_RESULT_H

#include "base/arena.h"
#include "base/buffer.h"
#include "eigencam/subscriber.h"
#include "wire/message.h"

/* The topic alone, e.g. "overlay|RUN|OUTPUT|MODE|"; replaces the contents of
 * `topic` (not NUL-terminated). */
ecam_status ecam_result_topic(const ecam_result *result, ecam_buffer *topic);

/* Frame 1: the header; replaces the contents of `header`. Frame 2, where the
 * type has a picture, is result->picture.png as it is. */
ecam_status ecam_result_header(const ecam_result *result, ecam_buffer *header);

/* Hostile input is expected, as in ecam_message_decode. Texts live in the
 * arena, the picture in its frame. */
ecam_status ecam_result_decode(const ecam_frame *frames, size_t n_frames, ecam_arena *arena,
                               ecam_result *out, ecam_error *error);

#endif
