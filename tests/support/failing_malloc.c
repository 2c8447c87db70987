#include "support/failing_malloc.h"

#include <stddef.h>

/* -1: none is to fail. One thread allocates in these tests. */
static long left = -1;

static bool fails(void)
{
    if (left < 0)
        return false;
    return left-- == 0;
}

void failing_malloc_arm(unsigned n)
{
    left = (long)n;
}

bool failing_malloc_disarm(void)
{
    bool failed = left < 0;
    left = -1;
    return failed;
}

/* The linker's names for --wrap. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails() ? NULL : __real_realloc(memory, size);
}
