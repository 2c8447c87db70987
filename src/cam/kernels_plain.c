/* Any processor: GCC's own four-lane vectors, no fused multiply-add. */
#include "cam/kernels.h"

#define LANES 4
#define KERNELS ecam_kernels_plain
#define KERNELS_NAME "plain"

typedef float vf __attribute__((vector_size(16)));
typedef float vf_any __attribute__((vector_size(16), aligned(4), may_alias));
typedef uint32_t vu __attribute__((vector_size(16)));

static inline vf vf_load(const float *p)
{
    return *(const vf *)p;
}

static inline vf vf_load_any(const float *p)
{
    return *(const vf_any *)p;
}

static inline void vf_store(float *p, vf a)
{
    *(vf *)p = a;
}

static inline vf vf_set(float a)
{
    return (vf){a, a, a, a};
}

static inline vf vf_fma(vf a, vf b, vf c)
{
    return a * b + c;
}

static inline vu vu_max_magnitude(vu peak, vf a)
{
    vu bits = (vu)a & 0x7fffffffu, larger = (vu)(bits > peak);
    return (bits & larger) | (peak & ~larger);
}

static inline float vf_sum(vf a)
{
    return (a[0] + a[2]) + (a[1] + a[3]);
}

static inline void vf_sum8(const vf a[8], float out[8])
{
    for (int i = 0; i < 8; i++)
        out[i] = vf_sum(a[i]);
}

#include "cam/kernels_body.h"
