/* A growing run of bytes with one owner. */
#ifndef ECAM_BASE_BUFFER_H
#define ECAM_BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "eigencam/status.h"

typedef struct ecam_buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
} ecam_buffer;

/* Make room for `more` further bytes. Errors: ECAM_ENOMEM; contents kept. */
ecam_status ecam_buffer_reserve(ecam_buffer *buffer, size_t more);

/* Errors: ECAM_ENOMEM; contents kept. */
ecam_status ecam_buffer_append(ecam_buffer *buffer, const void *bytes, size_t size);

/* Forget the contents, keep the memory. */
void ecam_buffer_clear(ecam_buffer *buffer);

void ecam_buffer_finish(ecam_buffer *buffer);

#endif
