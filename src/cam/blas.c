#include "cam/blas.h"

#include <stdbool.h>
#include <stddef.h>
#include <strings.h>

#include <cblas.h>

void ecam_blas_single_thread(void)
{
    openblas_set_num_threads(1);
}

const char *ecam_blas_core(void)
{
    return openblas_get_corename();
}

#if defined(__x86_64__)
/* Kernels that use no AVX2. */
static bool is_old_core(const char *core)
{
    static const char *const old[] = {"Prescott", "Core2",     "Penryn",       "Dunnington", "Nehalem",
                                      "Atom",     "Northwood", "Sandybridge",  "Nano",       "Athlon",
                                      "Opteron",  "Barcelona", "Bobcat",       "Bulldozer",  "Piledriver",
                                      "Steamroller", "Opteron_SSE3", "Katmai", "Banias",     "Coppermine"};

    for (size_t i = 0; i < sizeof old / sizeof *old; i++)
        if (strcasecmp(core, old[i]) == 0)
            return true;
    return false;
}

const char *ecam_blas_better_core(void)
{
    if (!is_old_core(ecam_blas_core()))
        return NULL;
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return "SKYLAKEX";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return "HASWELL";
    return NULL;
}
#else
const char *ecam_blas_better_core(void)
{
    return NULL;
}
#endif
