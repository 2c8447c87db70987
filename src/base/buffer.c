#include "base/buffer.h"

#include <stdlib.h>
#include <string.h>

ecam_status ecam_buffer_reserve(ecam_buffer *buffer, size_t more)
{
    if (more <= buffer->capacity - buffer->size)
        return ECAM_OK;
    if (more > SIZE_MAX / 2 - buffer->size)
        return ECAM_ENOMEM;

    size_t capacity = buffer->capacity + buffer->capacity / 2;
    if (capacity < buffer->size + more)
        capacity = buffer->size + more;
    uint8_t *data = realloc(buffer->data, capacity);
    if (!data)
        return ECAM_ENOMEM;
    buffer->data = data;
    buffer->capacity = capacity;
    return ECAM_OK;
}

ecam_status ecam_buffer_append(ecam_buffer *buffer, const void *bytes, size_t size)
{
    ecam_status st = ecam_buffer_reserve(buffer, size);
    if (st == ECAM_OK && size != 0) {
        memcpy(buffer->data + buffer->size, bytes, size);
        buffer->size += size;
    }
    return st;
}

void ecam_buffer_clear(ecam_buffer *buffer)
{
    buffer->size = 0;
}

void ecam_buffer_finish(ecam_buffer *buffer)
{
    free(buffer->data);
    *buffer = (ecam_buffer){0};
}
