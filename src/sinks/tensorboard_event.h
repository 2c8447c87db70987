/* Events of TensorBoard (proto/tensorboard) in records (TFRecord): built, and
 * written to a file.
 *
 * A record is, little-endian: u64 size, u32 masked CRC-32C of these 8 bytes,
 * the event, u32 masked CRC-32C of the event. */
#ifndef ECAM_SINKS_TENSORBOARD_EVENT_H
#define ECAM_SINKS_TENSORBOARD_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eigencam/status.h"

#define ECAM_RECORD_HEAD_BYTES 12
#define ECAM_RECORD_FOOT_BYTES 4

/* TensorFlow's mask: a CRC of data that holds CRCs is a weak one. */
uint32_t ecam_record_masked(uint32_t crc);

/* The size that a head says; false where it is torn or something else. */
bool ecam_record_size(const uint8_t head[ECAM_RECORD_HEAD_BYTES], uint64_t *size);

/* One event with any number of values, each under its tag. */
typedef struct ecam_event ecam_event;

/* NULL where memory is short. */
ecam_event *ecam_event_create(double wall_time, int64_t step);
void ecam_event_destroy(ecam_event **event);

typedef struct ecam_event_bytes {
    const void *data;
    size_t size;
} ecam_event_bytes;

/* Tag and description are copied. All errors are ECAM_ENOMEM. */
ecam_status ecam_event_add_scalar(ecam_event *event, const char *tag, double value);

/* Markdown, copied. */
ecam_status ecam_event_add_text(ecam_event *event, const char *tag, const char *text);

/* Pictures of about this size; the array is copied, the pictures are borrowed
 * until the event is destroyed. */
typedef struct ecam_event_images {
    uint32_t width, height;
    const ecam_event_bytes *items;
    size_t n;
} ecam_event_images;
ecam_status ecam_event_add_images(ecam_event *event, const char *tag, const char *description,
                                  const ecam_event_images *images);

/* What is told of an epoch in a value that TensorBoard does not show, so that a
 * writer that is started again knows what it has. `series` names output and mode.
 * It is the only value of its event, whose step is the epoch. */
typedef struct ecam_event_mark {
    char series[320];
    uint64_t epoch;
    uint64_t stage;
    uint32_t attempt;
} ecam_event_mark;
ecam_status ecam_event_add_mark(ecam_event *event, const ecam_event_mark *mark);

/* Whether these bytes are an event with a mark, and which. Any bytes may come. */
bool ecam_event_read_mark(const void *bytes, size_t size, ecam_event_mark *mark);

/* Append the event as a record. Errors: ECAM_EIO (errno says why; part of it may
 * be written). */
ecam_status ecam_event_write(const ecam_event *event, int fd);

/* Append the record that every file begins with. Errors: ECAM_EIO. */
ecam_status ecam_event_write_version(double wall_time, int fd);

#endif
