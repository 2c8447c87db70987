/* x86 with AVX2 and FMA. */
#include "cam/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__) /* which passes over GCC's pragma */
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#define LANES 8
/* A tile of a Gram matrix that stays in registers. */
#define TILE_ROWS 4
#define TILE_VECTORS 2
#define BLOCK_ROWS 2
#define KERNELS ecam_kernels_avx2
#define KERNELS_NAME "avx2"

typedef __m256 vf;
typedef uint32_t vu __attribute__((vector_size(32)));

static inline vf vf_load(const float *p)
{
    return _mm256_load_ps(p);
}

static inline vf vf_load_any(const float *p)
{
    return _mm256_loadu_ps(p);
}

/* Fewer than LANES values, then zeros. */
static inline vf vf_load_part(const float *p, size_t count)
{
    __m256i place = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), place));
}

/* The values `from` to `to` - 1, zeros for the others; from < to. */
static inline vf vf_load_span(const float *p, size_t from, size_t to)
{
    __m256i place = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256i below = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)to), place);
    __m256i before = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)from), place);
    return _mm256_maskload_ps(p, _mm256_andnot_si256(before, below));
}

static inline void vf_store(float *p, vf a)
{
    _mm256_store_ps(p, a);
}

static inline vf vf_set(float a)
{
    return _mm256_set1_ps(a);
}

static inline vf vf_fma(vf a, vf b, vf c)
{
    return _mm256_fmadd_ps(a, b, c);
}

static inline vf vf_min(vf a, vf b)
{
    return _mm256_min_ps(a, b);
}

static inline vf vf_max(vf a, vf b)
{
    return _mm256_max_ps(a, b);
}

static inline vu vu_max_magnitude(vu peak, vf a)
{
    vu bits = (vu)a & 0x7fffffffu;
    return (vu)_mm256_max_epu32((__m256i)peak, (__m256i)bits);
}

static inline float vf_sum(vf a)
{
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
}

static inline void vf_sum8(const vf a[8], float out[8])
{
    vf low = _mm256_hadd_ps(_mm256_hadd_ps(a[0], a[1]), _mm256_hadd_ps(a[2], a[3]));
    vf high = _mm256_hadd_ps(_mm256_hadd_ps(a[4], a[5]), _mm256_hadd_ps(a[6], a[7]));
    vf sum = _mm256_add_ps(_mm256_permute2f128_ps(low, high, 0x20),
                           _mm256_permute2f128_ps(low, high, 0x31));
    _mm256_storeu_ps(out, sum);
}

static inline void vf_transpose(vf m[8])
{
    vf a[8], b[8];

#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        a[2 * i] = _mm256_unpacklo_ps(m[2 * i], m[2 * i + 1]);
        a[2 * i + 1] = _mm256_unpackhi_ps(m[2 * i], m[2 * i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) {
        b[i] = _mm256_shuffle_ps(a[i], a[i + 2], 0x44);
        b[i + 1] = _mm256_shuffle_ps(a[i], a[i + 2], 0xee);
        b[i + 2] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0x44);
        b[i + 3] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        m[i] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x20);
        m[i + 4] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x31);
    }
}

#include "cam/kernels_body.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
