/* A multipart message out of a fuzzer's bytes: each frame with its size before
 * it, as two bytes, little-endian; the last one is cut where the bytes end. */
#ifndef TESTS_FUZZ_FRAMES_H
#define TESTS_FUZZ_FRAMES_H

#include <string.h>

#include "fuzz_target.h"
#include "wire/message.h"

#define FUZZ_MAX_FRAMES 8

/* Each frame is a block of its own, so that a sanitizer sees every step beyond
 * it. Returns how many. */
static inline size_t fuzz_frames_split(const uint8_t *data, size_t size, ecam_frame *frames)
{
    size_t n = 0;

    while (n < FUZZ_MAX_FRAMES && size >= 2) {
        size_t bytes = data[0] | (size_t)data[1] << 8;
        data += 2;
        size -= 2;
        if (bytes > size)
            bytes = size;
        void *copy = malloc(bytes ? bytes : 1);
        FUZZ_CHECK(copy);
        memcpy(copy, data, bytes);
        frames[n++] = (ecam_frame){.data = copy, .size = bytes};
        data += bytes;
        size -= bytes;
    }
    return n;
}

static inline void fuzz_frames_free(ecam_frame *frames, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free((void *)frames[i].data);
}

#endif
