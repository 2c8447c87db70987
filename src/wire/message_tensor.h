/* A tensor's map out of a header. */
#ifndef ECAM_WIRE_MESSAGE_TENSOR_H
#define ECAM_WIRE_MESSAGE_TENSOR_H

#include "wire/message.h"
#include "wire/reader.h"

/* `map` is a MAP node; key: the field's, for the text and bad_key of failures.
 * The tensor's bytes stay where they are: in the header, in their frame, or in
 * shared memory where the reader and `shared` (NULL: no) allow that. */
void ecam_message_tensor(ecam_reader *r, const char *key, const ecam_node *map,
                         const ecam_frame *frames, size_t n_frames, ecam_tensor *out,
                         ecam_shared_place *shared);

#endif
