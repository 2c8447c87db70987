/* Topics: texts, each followed by "|". They serve prefix subscription; what
 * they say, the header says too. */
#ifndef ECAM_WIRE_TOPIC_H
#define ECAM_WIRE_TOPIC_H

#include <stddef.h>

#include "base/buffer.h"
#include "wire/message.h"
#include "wire/reader.h"

/* what: the header key that holds the same text; static storage. */
typedef struct ecam_topic_part {
    const char *what;
    const char *text;
} ecam_topic_part;

/* Replace the contents of `out`. Errors: ECAM_ENOMEM. */
ecam_status ecam_topic_write(const ecam_topic_part *parts, size_t n, ecam_buffer *out);

/* Fail the reader with ECAM_EINVAL unless the topic is just these parts; its
 * bad_key is then the one that differs, or "topic". */
void ecam_topic_check(ecam_reader *r, const ecam_frame *topic, const ecam_topic_part *parts,
                      size_t n);

#endif
