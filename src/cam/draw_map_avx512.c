/* From map to levels with AVX-512; a row's end by masks. */
#if defined(__x86_64__)

#include "cam/draw_avx512.h"

INLINE __mmask16 mask16(size_t left)
{
    return left < 16 ? (__mmask16)((1u << left) - 1) : (__mmask16)0xffff;
}

KERNEL void ecam_avx512_stretch(const float *source, const ecam_taps *taps, size_t n, float *out)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = mask16(n - i);
        size_t last = n - i < 16 ? n - 1 : i + 15;
        int32_t base = taps->near[i];
        __m512i near = _mm512_maskz_loadu_epi32(mask, taps->near + i);
        __m512i far = _mm512_maskz_loadu_epi32(mask, taps->far + i);
        __m512 weight = _mm512_maskz_loadu_ps(mask, taps->weight + i);
        __m512 a, b;

        if (taps->far[last] - base < 32) { /* so it is where a map is enlarged */
            __m512 first = _mm512_loadu_ps(source + base);
            __m512 second = _mm512_loadu_ps(source + base + 16);
            __m512i start = _mm512_set1_epi32(base);
            a = _mm512_permutex2var_ps(first, _mm512_sub_epi32(near, start), second);
            b = _mm512_permutex2var_ps(first, _mm512_sub_epi32(far, start), second);
        } else {
            a = _mm512_i32gather_ps(near, source, 4);
            b = _mm512_i32gather_ps(far, source, 4);
        }
        a = _mm512_mul_ps(a, _mm512_sub_ps(_mm512_set1_ps(1.0f), weight));
        a = _mm512_add_ps(a, _mm512_mul_ps(b, weight));
        _mm512_mask_storeu_ps(out + i, mask, a);
    }
}

INLINE __m512 between(const ecam_between *row, size_t i, __mmask16 mask)
{
    __m512 near = _mm512_maskz_loadu_ps(mask, row->near + i);
    __m512 far = _mm512_maskz_loadu_ps(mask, row->far + i);
    near = _mm512_mul_ps(near, _mm512_set1_ps(1.0f - row->weight));
    return _mm512_add_ps(near, _mm512_mul_ps(far, _mm512_set1_ps(row->weight)));
}

KERNEL void ecam_avx512_range(const ecam_between *row, size_t n, float *lo, float *hi)
{
    __m512 least = _mm512_set1_ps(*lo), most = _mm512_set1_ps(*hi);

    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = mask16(n - i);
        __m512 value = between(row, i, mask);
        least = _mm512_mask_min_ps(least, mask, value, least);
        most = _mm512_mask_max_ps(most, mask, value, most);
    }
    *lo = _mm512_reduce_min_ps(least);
    *hi = _mm512_reduce_max_ps(most);
}

INLINE __m512i level_of(const ecam_between *row, size_t i, __mmask16 mask, float lo,
                        const divider *span, bool quick)
{
    __m512 value = _mm512_sub_ps(between(row, i, mask), _mm512_set1_ps(lo));

    value = _mm512_mul_ps(_mm512_set1_ps(255.0f), divide(value, span, quick));
    return _mm512_cvttps_epi32(value);
}

INLINE void levels_by(const ecam_between *row, size_t n, float lo, const divider *span, bool quick,
                      uint8_t *out)
{
    const __mmask16 all = 0xffff;
    __m512i v[4];
    size_t i = 0;

    for (; i + 64 <= n; i += 64) {
        for (size_t q = 0; q < 4; q++)
            v[q] = level_of(row, i + 16 * q, all, lo, span, quick);
        _mm512_storeu_si512(out + i, pack(v));
    }
    for (; i < n; i += 16) {
        __mmask16 mask = mask16(n - i);
        __m512i level = level_of(row, i, mask, lo, span, quick);
        level = _mm512_max_epi32(level, _mm512_setzero_si512()); /* NaN came out negative */
        _mm512_mask_cvtusepi32_storeu_epi8(out + i, mask, level);
    }
}

KERNEL static void levels_exactly(const ecam_between *row, size_t n, float lo, float span,
                                  uint8_t *out)
{
    divider by = divide_by(span);

    if (by.quick)
        levels_by(row, n, lo, &by, true, out);
    else
        levels_by(row, n, lo, &by, false, out);
}

/* In fixed-point numbers. With g = (lo + span) / span, at most 3, the error in
 * units of the last digit is: g / 2 for each rounding of a value, one each for
 * its products and its sum; 1/2 for those of the difference, the quotient and the
 * level; and ours, g / 2 for the factors, 1/2 for each of three numbers below
 * 2^24. Below 8, the margin. */
#define MARGIN 8
#define MOST_LO 2.0f

typedef struct scale {
    __m512 near, far, start;
} scale;

INLINE scale scale_of(const ecam_between *row, float lo, float span)
{
    double full = 255.0 * UNIT / (double)span;

    return (scale){.near = _mm512_set1_ps((float)((double)(1.0f - row->weight) * full)),
                   .far = _mm512_set1_ps((float)((double)row->weight * full)),
                   .start = _mm512_set1_ps((float)(FIRST + MARGIN - (double)lo * full))};
}

/* No value is below lo, so nothing at the edge of level 0 is in doubt. */
INLINE __m512i number_of(const ecam_between *row, size_t i, __mmask16 mask, const scale *by)
{
    const __m512 least = _mm512_set1_ps(FIRST + 2 * MARGIN);
    __m512 number = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, row->far + i), by->far, by->start);

    number = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, row->near + i), by->near, number);
    return _mm512_castps_si512(_mm512_max_ps(number, least)); /* NaN becomes the least */
}

/* Pixels i..i+63, or those of them that there are. */
INLINE void find_levels(const ecam_between *row, size_t i, size_t n, const scale *by, float lo,
                        float span, uint8_t *out)
{
    size_t left = n - i < 64 ? n - i : 64;
    __mmask16 far = 0xffff;
    __m512i bytes = _mm512_setzero_si512();

    for (unsigned q = 0; q < 4 && 16 * q < left; q++) {
        __m512i number = number_of(row, i + 16 * q, mask16(left - 16 * q), by);
        far = far_from_edges(far, number, MARGIN);
        bytes = join_bytes(bytes, number, q);
    }
    if (far != 0xffff) {
        const ecam_between part = {row->near + i, row->far + i, row->weight};
        levels_exactly(&part, left, lo, span, out + i);
        return;
    }
    bytes = _mm512_permutexvar_epi8(lane_of(ramp(1)), bytes);
    _mm512_mask_storeu_epi8(out + i, ~(__mmask64)0 >> (64 - left), bytes);
}

KERNEL void ecam_avx512_levels(const ecam_between *row, size_t n, float lo, float span,
                               uint8_t *out)
{
    if (!ecam_rows_divides(span) || !(lo <= MOST_LO * span)) {
        levels_exactly(row, n, lo, span, out);
        return;
    }
    scale by = scale_of(row, lo, span);
    size_t whole = n / 64 * 64;
    for (size_t i = 0; i < whole; i += 64)
        find_levels(row, i, whole, &by, lo, span, out);
    if (whole < n)
        find_levels(row, whole, n, &by, lo, span, out);
}

#else
typedef int ecam_draw_map_avx512_is_for_x86_64;
#endif
