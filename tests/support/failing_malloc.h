/* The n-th allocation fails: for programs that are linked with
 * failing_malloc_dep, in which our own code's malloc, calloc and realloc come
 * here. Shared libraries keep theirs. */
#ifndef TESTS_SUPPORT_FAILING_MALLOC_H
#define TESTS_SUPPORT_FAILING_MALLOC_H

#include <stdbool.h>

/* From now on, allocation n (from 0) fails, and only that one. */
void failing_malloc_arm(unsigned n);

/* Stop that; whether one has failed. */
bool failing_malloc_disarm(void);

#endif
