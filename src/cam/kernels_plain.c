/* Any processor: GCC's own four-lane vectors, no fused multiply-add. */
#include "cam/kernels.h"

#define LANES 4
/* A tile of a Gram matrix that stays in registers. */
#define TILE_ROWS 4
#define TILE_VECTORS 2
#define BLOCK_ROWS 2
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

/* Fewer than LANES values, then zeros. */
static inline vf vf_load_part(const float *p, size_t count)
{
    vf a = {0};
    for (size_t i = 0; i < count; i++)
        a[i] = p[i];
    return a;
}

/* The values `from` to `to` - 1, zeros for the others; from < to. */
static inline vf vf_load_span(const float *p, size_t from, size_t to)
{
    vf a = {0};
    for (size_t i = from; i < to; i++)
        a[i] = p[i];
    return a;
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

static inline vf vf_min(vf a, vf b)
{
    vu less = (vu)(a < b);
    return (vf)(((vu)a & less) | ((vu)b & ~less));
}

static inline vf vf_max(vf a, vf b)
{
    vu more = (vu)(a > b);
    return (vf)(((vu)a & more) | ((vu)b & ~more));
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

static inline void vf_transpose(vf m[4])
{
    for (int i = 0; i < 4; i++)
        for (int j = i + 1; j < 4; j++) {
            float t = m[i][j];
            m[i][j] = m[j][i];
            m[j][i] = t;
        }
}

#include "cam/kernels_body.h"
