/* A bump allocator for what lives and dies together: the parts of one decoded
 * message, one configuration. Pointers hold until reset or finish. */
#ifndef ECAM_BASE_ARENA_H
#define ECAM_BASE_ARENA_H

#include <stddef.h>

#include "eigencam/status.h"

typedef struct ecam_arena_block ecam_arena_block;

typedef struct ecam_arena {
    ecam_arena_block *blocks;
    size_t limit_bytes; /* 0: no limit */
    size_t used_bytes;
} ecam_arena;

/* limit_bytes bounds the sum of all allocations between resets (0: none). */
void ecam_arena_init(ecam_arena *arena, size_t limit_bytes);

/* Aligned for any type, zeroed. NULL when memory or the limit is short, or
 * count * size overflows. */
void *ecam_arena_alloc(ecam_arena *arena, size_t count, size_t size);

/* A NUL-terminated copy of length bytes; NULL as above. */
char *ecam_arena_text(ecam_arena *arena, const char *text, size_t length);

/* Give everything back but one block, for reuse. */
void ecam_arena_reset(ecam_arena *arena);

void ecam_arena_finish(ecam_arena *arena);

#endif
