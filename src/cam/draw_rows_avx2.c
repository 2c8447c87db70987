/* Kernels for AVX2 with fused multiply-add (Haswell and later, every Zen): 8
 * pixels at a time. A row's last block overlaps the one before, which does no
 * harm as the same is computed again; shorter rows go the plain way. */
#include "cam/draw_rows.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define KERNEL __attribute__((target("avx2,fma")))
#define INLINE static inline __attribute__((always_inline)) KERNEL

/* The block behind the one at i of n >= 8: the last one ends with the row. */
INLINE size_t next_block(size_t i, size_t n)
{
    if (i + 8 == n)
        return n;
    return i + 16 <= n ? i + 8 : n - 8;
}

INLINE float least_of(__m256 v)
{
    float lanes[8];
    _mm256_storeu_ps(lanes, v);
    float least = lanes[0];
    for (int i = 1; i < 8; i++)
        least = lanes[i] < least ? lanes[i] : least;
    return least;
}

INLINE float most_of(__m256 v)
{
    return -least_of(_mm256_sub_ps(_mm256_set1_ps(-0.0f), v));
}

/* --- dividing: see ecam_rows_divides --- */

/* rest: what the reciprocal lacks, so that the first quotient is nearly exact
 * and one correction suffices. */
typedef struct divider {
    __m256 by, reciprocal, rest;
    bool quick;
} divider;

INLINE divider divide_by(float divisor)
{
    float reciprocal = 1.0f / divisor;
    float rest = __builtin_fmaf(-reciprocal, divisor, 1.0f) * reciprocal;

    return (divider){.by = _mm256_set1_ps(divisor),
                     .reciprocal = _mm256_set1_ps(reciprocal),
                     .rest = _mm256_set1_ps(rest),
                     .quick = ecam_rows_divides(divisor)};
}

INLINE __m256 divide(__m256 x, const divider *d, bool quick)
{
    if (!quick)
        return _mm256_div_ps(x, d->by);
    __m256 q = _mm256_fmadd_ps(x, d->reciprocal, _mm256_mul_ps(x, d->rest));
    return _mm256_fmadd_ps(_mm256_fnmadd_ps(q, d->by, x), d->reciprocal, q);
}

/* --- the map --- */

KERNEL static void stretch(const float *source, const ecam_taps *taps, size_t n, float *out)
{
    if (n < 8) {
        ecam_rows_plain.stretch(source, taps, n, out);
        return;
    }
    for (size_t i = 0; i < n; i = next_block(i, n)) {
        int32_t base = taps->near[i];
        __m256i near = _mm256_loadu_si256((const __m256i *)(taps->near + i));
        __m256i far = _mm256_loadu_si256((const __m256i *)(taps->far + i));
        __m256 weight = _mm256_loadu_ps(taps->weight + i);
        __m256 a, b;

        if (taps->far[i + 7] - base < 8) { /* so it is where a map is enlarged */
            __m256 window = _mm256_loadu_ps(source + base);
            __m256i start = _mm256_set1_epi32(base);
            a = _mm256_permutevar8x32_ps(window, _mm256_sub_epi32(near, start));
            b = _mm256_permutevar8x32_ps(window, _mm256_sub_epi32(far, start));
        } else {
            a = _mm256_i32gather_ps(source, near, 4);
            b = _mm256_i32gather_ps(source, far, 4);
        }
        a = _mm256_mul_ps(a, _mm256_sub_ps(_mm256_set1_ps(1.0f), weight));
        _mm256_storeu_ps(out + i, _mm256_add_ps(a, _mm256_mul_ps(b, weight)));
    }
}

INLINE __m256 between(const ecam_between *row, size_t i)
{
    __m256 near = _mm256_loadu_ps(row->near + i), far = _mm256_loadu_ps(row->far + i);
    near = _mm256_mul_ps(near, _mm256_set1_ps(1.0f - row->weight));
    return _mm256_add_ps(near, _mm256_mul_ps(far, _mm256_set1_ps(row->weight)));
}

KERNEL static void range(const ecam_between *row, size_t n, float *lo, float *hi)
{
    __m256 least = _mm256_set1_ps(*lo), most = _mm256_set1_ps(*hi);

    if (n < 8) {
        ecam_rows_plain.range(row, n, lo, hi);
        return;
    }
    for (size_t i = 0; i < n; i = next_block(i, n)) {
        __m256 value = between(row, i);
        least = _mm256_min_ps(value, least);
        most = _mm256_max_ps(value, most);
    }
    *lo = least_of(least);
    *hi = most_of(most);
}

/* 8 numbers to bytes, clipped to 0..255. */
INLINE void store_bytes(uint8_t *out, __m256i v)
{
    __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    _mm_storel_epi64((__m128i *)out, _mm_packus_epi16(words, words));
}

INLINE void levels_by(const ecam_between *row, size_t n, float lo, const divider *span, bool quick,
                      uint8_t *out)
{
    for (size_t i = 0; i < n; i = next_block(i, n)) {
        __m256 value = _mm256_sub_ps(between(row, i), _mm256_set1_ps(lo));
        value = _mm256_mul_ps(_mm256_set1_ps(255.0f), divide(value, span, quick));
        store_bytes(out + i, _mm256_cvttps_epi32(value));
    }
}

KERNEL static void levels(const ecam_between *row, size_t n, float lo, float span, uint8_t *out)
{
    divider by = divide_by(span);

    if (n < 8)
        ecam_rows_plain.levels(row, n, lo, span, out);
    else if (by.quick)
        levels_by(row, n, lo, &by, true, out);
    else
        levels_by(row, n, lo, &by, false, out);
}

/* --- pixels as red | green << 8 | blue << 16, 4 in each half --- */

INLINE __m128i load_12(const uint8_t *at)
{
    int32_t last;
    memcpy(&last, at + 8, sizeof last);
    return _mm_insert_epi32(_mm_loadl_epi64((const __m128i *)at), last, 2);
}

INLINE void store_12(uint8_t *at, __m128i v)
{
    int32_t last = _mm_extract_epi32(v, 2);
    _mm_storel_epi64((__m128i *)at, v);
    memcpy(at + 8, &last, sizeof last);
}

INLINE void store_rgb(uint8_t *rgb, __m256i packed)
{
    const __m256i dense = _mm256_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1,
                                           0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
    __m256i v = _mm256_shuffle_epi8(packed, dense);
    store_12(rgb, _mm256_castsi256_si128(v));
    store_12(rgb + 12, _mm256_extracti128_si256(v, 1));
}

INLINE __m256i load_rgb(const uint8_t *rgb)
{
    const __m256i spread = _mm256_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1,
                                            0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
    __m256i v = _mm256_castsi128_si256(load_12(rgb));
    return _mm256_shuffle_epi8(_mm256_inserti128_si256(v, load_12(rgb + 12), 1), spread);
}

INLINE __m256i channel_of(__m256i packed, unsigned c)
{
    return _mm256_and_si256(_mm256_srli_epi32(packed, (int)(8 * c)), _mm256_set1_epi32(255));
}

INLINE __m256i join_channels(const __m256i channels[3])
{
    __m256i packed = _mm256_or_si256(channels[0], _mm256_slli_epi32(channels[1], 8));
    return _mm256_or_si256(packed, _mm256_slli_epi32(channels[2], 16));
}

INLINE void load_bytes(const ecam_pixels *image, size_t i, __m256i channels[3])
{
    const uint8_t *at = (const uint8_t *)image->pixels + i * image->pixel_stride;

    if (image->pixel_stride == 3) {
        __m256i packed = load_rgb(at);
        for (unsigned c = 0; c < 3; c++)
            channels[c] = channel_of(packed, c);
        return;
    }
    for (unsigned c = 0; c < 3; c++)
        channels[c] = _mm256_cvtepu8_epi32(
            _mm_loadl_epi64((const __m128i *)(at + c * image->channel_stride)));
}

/* Channel c's pixel j is lane (3 j + c) % 8 of one of three vectors. */
INLINE void load_floats(const ecam_pixels *image, size_t i, __m256 channels[3])
{
    const float *at = (const float *)image->pixels + i * image->pixel_stride;

    if (image->pixel_stride == 1) {
        for (unsigned c = 0; c < 3; c++)
            channels[c] = _mm256_loadu_ps(at + c * image->channel_stride);
        return;
    }
    __m256 v0 = _mm256_loadu_ps(at), v1 = _mm256_loadu_ps(at + 8), v2 = _mm256_loadu_ps(at + 16);
    const __m256i lanes = _mm256_setr_epi32(0, 3, 6, 1, 4, 7, 2, 5);
    __m256 red = _mm256_blend_ps(_mm256_blend_ps(v0, v1, 0x92), v2, 0x24);
    __m256 green = _mm256_blend_ps(_mm256_blend_ps(v0, v1, 0x24), v2, 0x49);
    __m256 blue = _mm256_blend_ps(_mm256_blend_ps(v0, v1, 0x49), v2, 0x92);
    channels[0] = _mm256_permutevar8x32_ps(red, lanes);
    channels[1] = _mm256_permutevar8x32_ps(green, _mm256_setr_epi32(1, 4, 7, 2, 5, 0, 3, 6));
    channels[2] = _mm256_permutevar8x32_ps(blue, _mm256_setr_epi32(2, 5, 0, 3, 6, 1, 4, 7));
}

/* v / 255 rounded to float32: 1 / 255 in two parts gives enough digits. */
INLINE __m256 unit(__m256i v)
{
    const float high = 1.0f / 255.0f;
    const float low = (float)(1.0 / 255.0 - (double)high);
    __m256 value = _mm256_cvtepi32_ps(v);
    return _mm256_fmadd_ps(value, _mm256_set1_ps(high),
                           _mm256_mul_ps(value, _mm256_set1_ps(low)));
}

/* --- overlays in float32 --- */

typedef struct extremes_256 {
    __m256 lo[3], hi[3];
} extremes_256;

INLINE void load_extremes(const ecam_extremes *extremes, extremes_256 *e)
{
    for (unsigned c = 0; c < 3; c++) {
        e->lo[c] = _mm256_set1_ps(extremes->lo[c]);
        e->hi[c] = _mm256_set1_ps(extremes->hi[c]);
    }
}

INLINE void store_extremes(const extremes_256 *e, ecam_extremes *extremes)
{
    for (unsigned c = 0; c < 3; c++) {
        extremes->lo[c] = least_of(e->lo[c]);
        extremes->hi[c] = most_of(e->hi[c]);
    }
}

/* One by one: where there is no AVX-512, gathering is no faster, and slower by
 * far on processors that are patched against leaks through it. */
INLINE __m256i look_up(const uint32_t table[256], const uint8_t *i)
{
    return _mm256_setr_epi32((int)table[i[0]], (int)table[i[1]], (int)table[i[2]],
                             (int)table[i[3]], (int)table[i[4]], (int)table[i[5]],
                             (int)table[i[6]], (int)table[i[7]]);
}

/* 8 pixels of the overlay, by channel; they join the extremes. */
INLINE void overlay(const ecam_pixels *image, const uint8_t *level, size_t i,
                    const ecam_paint *paint, bool is_float, bool add, extremes_256 *e,
                    __m256 out[3])
{
    __m256i heat = look_up(paint->packed, level + i);
    __m256i pixels[3];

    if (is_float)
        load_floats(image, i, out);
    else
        load_bytes(image, i, pixels);
    for (unsigned c = 0; c < 3; c++) {
        __m256 tint = unit(channel_of(heat, c));
        if (!is_float)
            out[c] = unit(pixels[c]);
        if (!add) {
            tint = _mm256_mul_ps(tint, _mm256_set1_ps(paint->heat_weight));
            out[c] = _mm256_mul_ps(out[c], _mm256_set1_ps(paint->image_weight));
        }
        out[c] = _mm256_add_ps(out[c], tint);
        e->lo[c] = _mm256_min_ps(out[c], e->lo[c]);
        e->hi[c] = _mm256_max_ps(out[c], e->hi[c]);
    }
}

INLINE void extremes_of(const ecam_pixels *image, const uint8_t *level, size_t n,
                        const ecam_paint *paint, bool is_float, bool add,
                        ecam_extremes *extremes)
{
    extremes_256 e;
    __m256 values[3];

    load_extremes(extremes, &e);
    for (size_t i = 0; i < n; i = next_block(i, n))
        overlay(image, level, i, paint, is_float, add, &e, values);
    store_extremes(&e, extremes);
}

KERNEL static void extremes(const ecam_pixels *image, const ecam_heat *heat, size_t n,
                            const ecam_paint *paint, ecam_extremes *e)
{
    if (n < 8)
        ecam_rows_plain.extremes(image, heat, n, paint, e);
    else if (image->is_float && paint->add)
        extremes_of(image, heat->levels, n, paint, true, true, e);
    else if (image->is_float)
        extremes_of(image, heat->levels, n, paint, true, false, e);
    else if (paint->add)
        extremes_of(image, heat->levels, n, paint, false, true, e);
    else
        extremes_of(image, heat->levels, n, paint, false, false, e);
}

/* Per-channel displays divide by numbers of any size, and clip. */
INLINE __m256i display(__m256 divided, const ecam_display *d, unsigned c, bool per_channel)
{
    __m256 value = _mm256_add_ps(divided, _mm256_set1_ps(d->shift[c]));

    if (per_channel)
        value = _mm256_div_ps(value, _mm256_set1_ps(d->span[c]));
    value = _mm256_mul_ps(value, _mm256_set1_ps(d->scale));
    if (per_channel)
        value = _mm256_min_ps(_mm256_max_ps(value, _mm256_setzero_ps()), _mm256_set1_ps(255.0f));
    return _mm256_cvttps_epi32(value);
}

INLINE void paint_by(const ecam_pixels *image, const uint8_t *level, size_t n,
                     const ecam_paint *paint, bool is_float, bool add, bool quick,
                     ecam_extremes *extremes, uint8_t *rgb)
{
    const ecam_display shows = paint->display;
    const divider divisor = divide_by(paint->divisor);
    extremes_256 e;
    __m256 values[3];
    __m256i shown[3];

    load_extremes(extremes, &e);
    for (size_t i = 0; i < n; i = next_block(i, n)) {
        overlay(image, level, i, paint, is_float, add, &e, values);
        for (unsigned c = 0; c < 3; c++)
            shown[c] = display(divide(values[c], &divisor, quick), &shows, c, !quick);
        store_rgb(rgb + 3 * i, join_channels(shown));
    }
    store_extremes(&e, extremes);
}

INLINE void paint_of(const ecam_pixels *image, const uint8_t *level, size_t n,
                     const ecam_paint *paint, bool is_float, ecam_extremes *e, uint8_t *rgb)
{
    bool quick = ecam_rows_divides(paint->divisor) && !paint->display.per_channel;

    if (quick && paint->add)
        paint_by(image, level, n, paint, is_float, true, true, e, rgb);
    else if (quick)
        paint_by(image, level, n, paint, is_float, false, true, e, rgb);
    else if (paint->add)
        paint_by(image, level, n, paint, is_float, true, false, e, rgb);
    else
        paint_by(image, level, n, paint, is_float, false, false, e, rgb);
}

KERNEL static void paint_row(const ecam_pixels *image, const ecam_heat *heat, size_t n,
                             const ecam_paint *paint, ecam_extremes *e, uint8_t *rgb)
{
    if (n < 8)
        ecam_rows_plain.paint(image, heat, n, paint, e, rgb);
    else if (image->is_float)
        paint_of(image, heat->levels, n, paint, true, e, rgb);
    else
        paint_of(image, heat->levels, n, paint, false, e, rgb);
}

KERNEL static void bytes(const ecam_pixels *image, size_t n, uint8_t *rgb)
{
    __m256i channels[3];

    if (n < 8) {
        ecam_rows_plain.bytes(image, n, rgb);
        return;
    }
    for (size_t i = 0; i < n; i = next_block(i, n)) {
        load_bytes(image, i, channels);
        store_rgb(rgb + 3 * i, join_channels(channels));
    }
}

const ecam_rows ecam_rows_avx2 = {
    .name = "avx2",
    .stretch = stretch,
    .range = range,
    .levels = levels,
    .extremes = extremes,
    .paint = paint_row,
    .bytes = bytes,
};

#endif
