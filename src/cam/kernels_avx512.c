/* x86 with AVX-512 (F, DQ, BW, VL). */
#include "cam/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__) /* which passes over GCC's pragma */
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,prefer-vector-width=512")
#endif

#define LANES 16
/* A tile of a Gram matrix that stays in registers. */
#define TILE_ROWS 8
#define TILE_VECTORS 3
#define BLOCK_ROWS 4
#define KERNELS ecam_kernels_avx512
#define KERNELS_NAME "avx512"

typedef __m512 vf;
typedef uint32_t vu __attribute__((vector_size(64)));

static inline vf vf_load(const float *p)
{
    return _mm512_load_ps(p);
}

static inline vf vf_load_any(const float *p)
{
    return _mm512_loadu_ps(p);
}

/* Fewer than LANES values, then zeros. */
static inline vf vf_load_part(const float *p, size_t count)
{
    return _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
}

/* The values `from` to `to` - 1, zeros for the others; from < to. */
static inline vf vf_load_span(const float *p, size_t from, size_t to)
{
    return _mm512_maskz_loadu_ps((__mmask16)((1u << to) - (1u << from)), p);
}

static inline void vf_store(float *p, vf a)
{
    _mm512_store_ps(p, a);
}

static inline vf vf_set(float a)
{
    return _mm512_set1_ps(a);
}

static inline vf vf_fma(vf a, vf b, vf c)
{
    return _mm512_fmadd_ps(a, b, c);
}

static inline vf vf_min(vf a, vf b)
{
    return _mm512_min_ps(a, b);
}

static inline vf vf_max(vf a, vf b)
{
    return _mm512_max_ps(a, b);
}

static inline vu vu_max_magnitude(vu peak, vf a)
{
    vu bits = (vu)a & 0x7fffffffu;
    return (vu)_mm512_max_epu32((__m512i)peak, (__m512i)bits);
}

static inline float vf_sum(vf a)
{
    return _mm512_reduce_add_ps(a);
}

static inline vf fold(vf a, vf b)
{
    return _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
}

static inline vf fold2(vf a, vf b)
{
    return _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x44), _mm512_shuffle_ps(a, b, 0xee));
}

/* A tree over pairs, so that eight sums cost two. */
static inline void vf_sum8(const vf a[8], float out[8])
{
    vf low = fold2(fold(a[0], a[1]), fold(a[2], a[3]));
    vf high = fold2(fold(a[4], a[5]), fold(a[6], a[7]));
    vf half = _mm512_add_ps(_mm512_shuffle_f32x4(low, high, 0x44),
                            _mm512_shuffle_f32x4(low, high, 0xee));
    vf sum = _mm512_add_ps(half, _mm512_shuffle_f32x4(half, half, 0xb1));
    _mm_storeu_ps(out, _mm512_castps512_ps128(sum));
    _mm_storeu_ps(out + 4, _mm512_extractf32x4_ps(sum, 2));
}

static inline void vf_transpose(vf m[16])
{
    vf a[16], b[16];

#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        a[2 * i] = _mm512_unpacklo_ps(m[2 * i], m[2 * i + 1]);
        a[2 * i + 1] = _mm512_unpackhi_ps(m[2 * i], m[2 * i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
        b[i] = _mm512_shuffle_ps(a[i], a[i + 2], 0x44);
        b[i + 1] = _mm512_shuffle_ps(a[i], a[i + 2], 0xee);
        b[i + 2] = _mm512_shuffle_ps(a[i + 1], a[i + 3], 0x44);
        b[i + 3] = _mm512_shuffle_ps(a[i + 1], a[i + 3], 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        a[i] = _mm512_shuffle_f32x4(b[i], b[i + 4], 0x88);
        a[i + 4] = _mm512_shuffle_f32x4(b[i], b[i + 4], 0xdd);
        a[i + 8] = _mm512_shuffle_f32x4(b[i + 8], b[i + 12], 0x88);
        a[i + 12] = _mm512_shuffle_f32x4(b[i + 8], b[i + 12], 0xdd);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        m[i] = _mm512_shuffle_f32x4(a[i], a[i + 8], 0x88);
        m[i + 4] = _mm512_shuffle_f32x4(a[i + 4], a[i + 12], 0x88);
        m[i + 8] = _mm512_shuffle_f32x4(a[i], a[i + 8], 0xdd);
        m[i + 12] = _mm512_shuffle_f32x4(a[i + 4], a[i + 12], 0xdd);
    }
}

#include "cam/kernels_body.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
