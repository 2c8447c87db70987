/* What the AVX-512 kernels share. Only for x86-64. */
#ifndef ECAM_CAM_DRAW_AVX512_H
#define ECAM_CAM_DRAW_AVX512_H

#include <immintrin.h>

#include "cam/draw_rows.h"

#define KERNEL __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")))
#define INLINE static inline __attribute__((always_inline)) KERNEL

/* --- dividing: see ecam_rows_divides --- */

/* rest: what the reciprocal lacks, so that the first quotient is nearly exact
 * and one correction suffices. */
typedef struct divider {
    __m512 by, reciprocal, rest;
    bool quick;
} divider;

INLINE divider divide_by(float divisor)
{
    float reciprocal = 1.0f / divisor;
    float rest = __builtin_fmaf(-reciprocal, divisor, 1.0f) * reciprocal;

    return (divider){.by = _mm512_set1_ps(divisor),
                     .reciprocal = _mm512_set1_ps(reciprocal),
                     .rest = _mm512_set1_ps(rest),
                     .quick = ecam_rows_divides(divisor)};
}

INLINE __m512 divide(__m512 x, const divider *d, bool quick)
{
    if (!quick)
        return _mm512_div_ps(x, d->by);
    __m512 q = _mm512_fmadd_ps(x, d->reciprocal, _mm512_mul_ps(x, d->rest));
    return _mm512_fmadd_ps(_mm512_fnmadd_ps(q, d->by, x), d->reciprocal, q);
}

/* --- packing and unpacking --- */

/* Four times 16 numbers to 64 bytes in order, clipped to 0..255. */
INLINE __m512i pack(const __m512i v[4])
{
    const __m512i order =
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i bytes = _mm512_packus_epi16(_mm512_packus_epi32(v[0], v[1]),
                                        _mm512_packus_epi32(v[2], v[3]));
    return _mm512_permutexvar_epi32(order, bytes);
}

/* See ecam_rows. */
void ecam_avx512_stretch(const float *source, const ecam_taps *taps, size_t n, float *out);
void ecam_avx512_range(const ecam_between *row, size_t n, float *lo, float *hi);
void ecam_avx512_levels(const ecam_between *row, size_t n, float lo, float span, uint8_t *levels);

#endif
