/* The `data` of a batch. */
#ifndef ECAM_WIRE_MESSAGE_BATCH_H
#define ECAM_WIRE_MESSAGE_BATCH_H

#include "wire/message.h"
#include "wire/reader.h"

/* No batch has more fields. */
#define ECAM_MAX_FIELDS 256

void ecam_message_fields(ecam_reader *r, const ecam_node *header, const ecam_frame *frames,
                         size_t n_frames, ecam_message *out);

#endif
