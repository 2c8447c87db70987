#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)16 * 1024)

struct ecam_arena_block {
    ecam_arena_block *next;
    size_t size;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

void ecam_arena_init(ecam_arena *arena, size_t limit_bytes)
{
    *arena = (ecam_arena){.limit_bytes = limit_bytes};
}

static ecam_arena_block *block_with_room(ecam_arena *arena, size_t bytes)
{
    ecam_arena_block *block = arena->blocks;
    if (block && block->size - block->used >= bytes)
        return block;

    size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    block = malloc(sizeof *block + size);
    if (!block)
        return NULL;
    block->next = arena->blocks;
    block->size = size;
    block->used = 0;
    arena->blocks = block;
    return block;
}

void *ecam_arena_alloc(ecam_arena *arena, size_t count, size_t size)
{
    const size_t unit = alignof(max_align_t);
    if (size != 0 && count > (SIZE_MAX / 2) / size)
        return NULL;

    size_t bytes = (count * size + unit - 1) / unit * unit;
    if (bytes == 0)
        bytes = unit;
    if (arena->limit_bytes != 0 && bytes > arena->limit_bytes - arena->used_bytes)
        return NULL;

    ecam_arena_block *block = block_with_room(arena, bytes);
    if (!block)
        return NULL;
    void *start = block->bytes + block->used;
    block->used += bytes;
    arena->used_bytes += bytes;
    return memset(start, 0, bytes);
}

char *ecam_arena_text(ecam_arena *arena, const char *text, size_t length)
{
    char *copy = length < SIZE_MAX ? ecam_arena_alloc(arena, length + 1, 1) : NULL;
    if (copy && length != 0)
        memcpy(copy, text, length);
    return copy;
}

void ecam_arena_reset(ecam_arena *arena)
{
    ecam_arena_block *keep = NULL;

    while (arena->blocks) {
        ecam_arena_block *block = arena->blocks;
        arena->blocks = block->next;
        if (!keep && block->size == BLOCK_BYTES) {
            keep = block;
        } else {
            free(block);
        }
    }
    if (keep) {
        keep->next = NULL;
        keep->used = 0;
    }
    arena->blocks = keep;
    arena->used_bytes = 0;
}

void ecam_arena_finish(ecam_arena *arena)
{
    while (arena->blocks) {
        ecam_arena_block *block = arena->blocks;
        arena->blocks = block->next;
        free(block);
    }
    arena->used_bytes = 0;
}
