#include "cam/project_scratch.h"

#include <stdint.h>
#include <stdlib.h>

#define LINE 64

void *ecam_room_get(struct ecam_project_scratch *scratch, ecam_room room, size_t a, size_t b,
                    size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(a, b, &bytes) || __builtin_mul_overflow(bytes, size, &bytes) ||
        bytes > PTRDIFF_MAX - LINE)
        return NULL;
    bytes = (bytes + LINE) / LINE * LINE;
    if (scratch->rooms[room].bytes < bytes) {
        free(scratch->rooms[room].data);
        scratch->rooms[room].data = aligned_alloc(LINE, bytes);
        scratch->rooms[room].bytes = scratch->rooms[room].data ? bytes : 0;
    }
    return scratch->rooms[room].data;
}

void ecam_project_scratch_destroy(struct ecam_project_scratch **scratch)
{
    if (!*scratch)
        return;
    for (size_t i = 0; i < ECAM_ROOM_COUNT; i++)
        free((*scratch)->rooms[i].data);
    free(*scratch);
    *scratch = NULL;
}
