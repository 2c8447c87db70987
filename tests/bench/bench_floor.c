/* For scripts/bench: what this processor could do at best, one core. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "eigencam/status.h"

ECAM_API double floor_gflops(void);
ECAM_API double floor_read_gbs(size_t bytes);
ECAM_API double floor_copy_gbs(size_t bytes);

#define CHAINS 12 /* more than latency times units: 4 cycles, 2 a cycle */
#define STEPS 20000
#define ROUNDS 30

/* The same two loops for each vector size: multiply-adds on registers, and sums
 * over memory, whose result is used so that it can't be left out. */
#define LOOPS(name, target, bytes)                                                     \
    typedef float name __attribute__((vector_size(bytes)));                            \
    target static float multiply_##name(void)                                          \
    {                                                                                  \
        name sums[CHAINS], factor = {1.0f};                                            \
        float total = 0;                                                               \
        for (size_t c = 0; c < CHAINS; c++) /* each differs, or they would be one */   \
            sums[c] = (name){(float)c};                                                \
        for (size_t i = 0; i < STEPS; i++) {                                           \
            for (size_t c = 0; c < CHAINS; c++)                                        \
                sums[c] = sums[c] * factor + factor;                                   \
        }                                                                              \
        for (size_t c = 0; c < CHAINS; c++)                                            \
            total += sums[c][0];                                                       \
        return total;                                                                  \
    }                                                                                  \
    target static float read_##name(const void *memory, size_t size)                   \
    {                                                                                  \
        const name *at = memory;                                                       \
        name sums[8] = {0};                                                            \
        float total = 0;                                                               \
        for (size_t i = 0; i + 8 <= size / sizeof *at; i += 8)                         \
            for (size_t c = 0; c < 8; c++)                                             \
                sums[c] += at[i + c];                                                  \
        for (size_t c = 0; c < 8; c++)                                                 \
            total += sums[c][0];                                                       \
        return total;                                                                  \
    }

LOOPS(vector16, , 16)
#if defined(__x86_64__)
LOOPS(vector32, __attribute__((target("avx2,fma"))), 32)
LOOPS(vector64, __attribute__((target("avx512f,prefer-vector-width=512"))), 64)
#endif

typedef struct loops {
    float (*multiply)(void);
    float (*read)(const void *memory, size_t size);
    size_t lanes;
} loops;

static loops find_loops(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f"))
        return (loops){multiply_vector64, read_vector64, 16};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (loops){multiply_vector32, read_vector32, 8};
#endif
    return (loops){multiply_vector16, read_vector16, 4};
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static volatile float sink;

/* Billions of float32 operations a second; a multiply-add is two. */
double floor_gflops(void)
{
    loops l = find_loops();
    double best = 1e30;

    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        sink = l.multiply();
        double taken = now_ns() - start;
        best = taken < best ? taken : best;
    }
    return 2.0 * CHAINS * STEPS * (double)l.lanes / best;
}

/* Reading, or copying, so many bytes again and again; 0 when memory is short. */
static double measure_memory(size_t bytes, int copy)
{
    loops l = find_loops();
    size_t size = (bytes + 63) / 64 * 64;
    char *from = aligned_alloc(64, size), *to = aligned_alloc(64, size);
    size_t repeat = ((size_t)32 << 20) / size + 1;
    double best = 1e30;

    for (int round = 0; from && to && round < ROUNDS / 2; round++) {
        if (round == 0) {
            memset(from, 0, size);
            memset(to, 0, size);
        }
        double start = now_ns();
        for (size_t i = 0; i < repeat; i++) {
            if (copy)
                memcpy(to, from, size);
            else
                sink = l.read(from, size);
            __asm__ volatile("" ::: "memory");
        }
        double taken = now_ns() - start;
        best = taken < best ? taken : best;
    }
    free(from);
    free(to);
    return (double)(size * repeat) / best;
}

double floor_read_gbs(size_t bytes)
{
    return measure_memory(bytes, 0);
}

double floor_copy_gbs(size_t bytes)
{
    return measure_memory(bytes, 1);
}
