#include "cam/kernels.h"

#include <string.h>

/* The best first. */
static const ecam_kernels *const builds[] = {
#if defined(__x86_64__)
    &ecam_kernels_avx512,
    &ecam_kernels_avx2,
#endif
    &ecam_kernels_plain,
};

static bool runs_here(const ecam_kernels *k)
{
#if defined(__x86_64__)
    if (k == &ecam_kernels_avx512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
    if (k == &ecam_kernels_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return k == &ecam_kernels_plain;
}

const ecam_kernels *ecam_kernels_find(const char *name)
{
    for (size_t i = 0; i < sizeof builds / sizeof *builds; i++)
        if ((!name || strcmp(builds[i]->name, name) == 0) && runs_here(builds[i]))
            return builds[i];
    return NULL;
}

const ecam_kernels *ecam_kernels_best(void)
{
    return ecam_kernels_find(NULL);
}
