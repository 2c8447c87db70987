#include "codec/png_filter.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_X86 1
#include <immintrin.h>
#endif

/* With p = a + b - c, the filter predicts that of a, b, c which is nearest to
 * p. The distances are |b - c|, |a - c| and |(b - c) + (a - c)|: where both
 * differences have the same sign, the third is no smaller than the other two
 * and never wins; else it is the difference of the two. So eight bits do. */
static inline __attribute__((always_inline)) uint8_t paeth(uint8_t a, uint8_t b, uint8_t c)
{
    uint8_t to_a = (uint8_t)((b > c ? b : c) - (b < c ? b : c));
    uint8_t to_b = (uint8_t)((a > c ? a : c) - (a < c ? a : c));
    uint8_t between = (uint8_t)(to_a > to_b ? to_a - to_b : to_b - to_a);
    uint8_t to_c = (b > c) == (a > c) ? 255 : between;
    uint8_t b_or_c = to_b <= to_c ? b : c;

    return to_a <= (to_b < to_c ? to_b : to_c) ? a : b_or_c;
}

/* The first pixel: a and c are 0, so that b is predicted. */
static inline __attribute__((always_inline)) void filter(const uint8_t *restrict row,
                                                         const uint8_t *restrict up, size_t step,
                                                         size_t n, uint8_t *restrict out)
{
    for (size_t i = 0; i < step; i++)
        out[i] = (uint8_t)(row[i] - up[i]);
    for (size_t i = step; i < n; i++)
        out[i] = (uint8_t)(row[i] - paeth(row[i - step], up[i], up[i - step]));
}

static void filter_plain(const uint8_t *row, const uint8_t *up, size_t step, size_t n,
                         uint8_t *out)
{
    filter(row, up, step, n, out);
}

#ifdef HAVE_X86

/* The compiler's vectors, twice as wide. */
__attribute__((target("avx2"))) static void filter_avx2(const uint8_t *row, const uint8_t *up,
                                                        size_t step, size_t n, uint8_t *out)
{
    filter(row, up, step, n, out);
}

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl")))

AVX512 static inline __m512i distance(__m512i x, __m512i y)
{
    return _mm512_sub_epi8(_mm512_max_epu8(x, y), _mm512_min_epu8(x, y));
}

AVX512 static inline __m512i paeth_avx512(__m512i a, __m512i b, __m512i c)
{
    __m512i to_a = distance(b, c), to_b = distance(a, c), to_c = distance(to_a, to_b);
    __mmask64 one_sign = _kxnor_mask64(_mm512_cmpgt_epu8_mask(b, c), _mm512_cmpgt_epu8_mask(a, c));
    __mmask64 b_wins = _mm512_cmple_epu8_mask(to_b, to_c) | one_sign;
    __mmask64 a_wins = (_mm512_cmple_epu8_mask(to_a, to_c) | one_sign) &
                       _mm512_cmple_epu8_mask(to_a, to_b);

    return _mm512_mask_blend_epi8(a_wins, _mm512_mask_blend_epi8(b_wins, c, b), a);
}

AVX512 static void filter_avx512(const uint8_t *row, const uint8_t *up, size_t step, size_t n,
                                 uint8_t *out)
{
    size_t i = step;

    for (size_t k = 0; k < step; k++)
        out[k] = (uint8_t)(row[k] - up[k]);
    for (; i + 64 <= n; i += 64) {
        __m512i a = _mm512_loadu_si512(row + i - step), b = _mm512_loadu_si512(up + i);
        __m512i c = _mm512_loadu_si512(up + i - step), x = _mm512_loadu_si512(row + i);
        _mm512_storeu_si512(out + i, _mm512_sub_epi8(x, paeth_avx512(a, b, c)));
    }
    __mmask64 rest = (1ull << (n - i)) - 1;
    __m512i a = _mm512_maskz_loadu_epi8(rest, row + i - step);
    __m512i b = _mm512_maskz_loadu_epi8(rest, up + i);
    __m512i c = _mm512_maskz_loadu_epi8(rest, up + i - step);
    __m512i x = _mm512_maskz_loadu_epi8(rest, row + i);
    _mm512_mask_storeu_epi8(out + i, rest, _mm512_sub_epi8(x, paeth_avx512(a, b, c)));
}

#endif

size_t ecam_png_filters(ecam_png_filter *list[ECAM_PNG_FILTERS])
{
    size_t n = 0;

    list[n++] = filter_plain;
#ifdef HAVE_X86
    if (__builtin_cpu_supports("avx2"))
        list[n++] = filter_avx2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
        list[n++] = filter_avx512;
#endif
    return n;
}
