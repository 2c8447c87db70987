/* Kernels for AVX-512 with byte permutes (Ice Lake and later, Zen 4 and later):
 * 64 pixels at a time, channel by channel; a row's end by masks. */
#include "cam/draw_rows.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define KERNEL __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")))
#define INLINE static inline __attribute__((always_inline)) KERNEL

#define ROUND_UP (_MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC)

INLINE __mmask16 mask16(size_t left)
{
    return left < 16 ? (__mmask16)((1u << left) - 1) : (__mmask16)0xffff;
}

INLINE __mmask64 mask64(size_t left)
{
    return left < 64 ? ((__mmask64)1 << left) - 1 : ~(__mmask64)0;
}

/* What is left behind `skip` of `left` elements. */
INLINE size_t behind(size_t left, size_t skip)
{
    return left > skip ? left - skip : 0;
}

/* Numbers 0..63 times `step`, modulo 256; permutes use their lowest bits. */
INLINE __m512i ramp(unsigned step)
{
    uint8_t lanes[64];
    for (unsigned i = 0; i < 64; i++)
        lanes[i] = (uint8_t)(i * step);
    return _mm512_loadu_si512(lanes);
}

/* --- dividing: see ecam_rows_divides --- */

typedef struct divider {
    __m512 by, reciprocal;
    bool quick;
} divider;

INLINE divider divide_by(float divisor)
{
    return (divider){.by = _mm512_set1_ps(divisor),
                     .reciprocal = _mm512_set1_ps(1.0f / divisor),
                     .quick = ecam_rows_divides(divisor)};
}

INLINE __m512 divide(__m512 x, const divider *d, bool quick)
{
    if (!quick)
        return _mm512_div_ps(x, d->by);
    __m512 q = _mm512_mul_ps(x, d->reciprocal);
    q = _mm512_fmadd_ps(_mm512_fnmadd_ps(q, d->by, x), d->reciprocal, q);
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

/* Bytes 16q..16q+15, each v as the float32 nearest to v / 255, times 2^32:
 * v * 0x01010101 is v / 255 * 2^32 cut after the binary point. The part beyond
 * a float's 24 digits is v itself, whose top digit is one, and more follows
 * below the cut: always above half, so v / 255 rounds up (0 is exact). */
INLINE __m512 unpack(__m512i bytes, unsigned q)
{
    const __m512i fours = _mm512_setr_epi32(
        0x00000000, 0x01010101, 0x02020202, 0x03030303, 0x04040404, 0x05050505, 0x06060606,
        0x07070707, 0x08080808, 0x09090909, 0x0a0a0a0a, 0x0b0b0b0b, 0x0c0c0c0c, 0x0d0d0d0d,
        0x0e0e0e0e, 0x0f0f0f0f);
    __m512i index = _mm512_add_epi32(fours, _mm512_set1_epi32((int)(0x10101010 * q)));
    return _mm512_cvt_roundepu32_ps(_mm512_permutexvar_epi8(index, bytes), ROUND_UP);
}

/* Lanes p of 64 with p % 3 == r; as 64 and 16 leave 1 by 3, lane p of vector k
 * of interleaved data belongs to channel (k + p) % 3. */
INLINE __mmask64 every_third(unsigned r)
{
    return (__mmask64)0x9249249249249249u << r;
}

/* 64 pixels of rgb from three channels, and back. Channel c's pixel j is lane
 * (3 j + c) % 64 of one of the three vectors: 3 * 43 = 1 modulo 64. */
INLINE void store_rgb(uint8_t *rgb, size_t left, const __m512i channels[3])
{
    __m512i spread[3];
    for (unsigned c = 0; c < 3; c++) {
        __m512i index = _mm512_add_epi8(ramp(43), _mm512_set1_epi8((char)(21 * c)));
        spread[c] = _mm512_permutexvar_epi8(index, channels[c]);
    }
    for (unsigned k = 0; k < 3; k++) {
        __m512i v = _mm512_mask_blend_epi8(every_third((4 - k) % 3), spread[0], spread[1]);
        v = _mm512_mask_blend_epi8(every_third((5 - k) % 3), v, spread[2]);
        _mm512_mask_storeu_epi8(rgb + 64 * k, mask64(behind(3 * left, 64 * k)), v);
    }
}

INLINE void load_bytes(const ecam_pixels *image, size_t i, size_t left, __m512i channels[3])
{
    const uint8_t *at = (const uint8_t *)image->pixels + i * image->pixel_stride;
    __m512i v[3];

    if (image->pixel_stride == 1) {
        for (unsigned c = 0; c < 3; c++)
            channels[c] = _mm512_maskz_loadu_epi8(mask64(left), at + c * image->channel_stride);
        return;
    }
    for (unsigned k = 0; k < 3; k++)
        v[k] = _mm512_maskz_loadu_epi8(mask64(behind(3 * left, 64 * k)), at + 64 * k);
    for (unsigned c = 0; c < 3; c++) {
        __m512i joined = _mm512_mask_blend_epi8(every_third((c + 2) % 3), v[0], v[1]);
        joined = _mm512_mask_blend_epi8(every_third((c + 1) % 3), joined, v[2]);
        __m512i index = _mm512_add_epi8(ramp(3), _mm512_set1_epi8((char)c));
        channels[c] = _mm512_permutexvar_epi8(index, joined);
    }
}

/* 16 pixels of floats. */
INLINE void load_floats(const ecam_pixels *image, size_t i, size_t left, __m512 channels[3])
{
    const float *at = (const float *)image->pixels + i * image->pixel_stride;
    const __m512i numbers = _mm512_setr_epi32(0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36, 39,
                                              42, 45);
    __m512 v[3];

    if (image->pixel_stride == 1) {
        for (unsigned c = 0; c < 3; c++)
            channels[c] = _mm512_maskz_loadu_ps(mask16(left), at + c * image->channel_stride);
        return;
    }
    for (unsigned k = 0; k < 3; k++)
        v[k] = _mm512_maskz_loadu_ps(mask16(behind(3 * left, 16 * k)), at + 16 * k);
    for (unsigned c = 0; c < 3; c++) {
        __m512 joined = _mm512_mask_blend_ps((__mmask16)every_third((c + 2) % 3), v[0], v[1]);
        joined = _mm512_mask_blend_ps((__mmask16)every_third((c + 1) % 3), joined, v[2]);
        __m512i index = _mm512_add_epi32(numbers, _mm512_set1_epi32((int)c));
        channels[c] = _mm512_permutexvar_ps(index, joined);
    }
}

/* --- tables --- */

INLINE __m512i look_up(const uint8_t table[256], __m512i index)
{
    __m512i lower = _mm512_permutex2var_epi8(_mm512_loadu_si512(table), index,
                                             _mm512_loadu_si512(table + 64));
    __m512i upper = _mm512_permutex2var_epi8(_mm512_loadu_si512(table + 128), index,
                                             _mm512_loadu_si512(table + 192));
    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(index), lower, upper);
}

/* --- the map --- */

KERNEL static void stretch(const float *source, const ecam_taps *taps, size_t n, float *out)
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

KERNEL static void range(const ecam_between *row, size_t n, float *lo, float *hi)
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
        _mm512_mask_cvtusepi32_storeu_epi8(out + i, mask, level);
    }
}

KERNEL static void levels(const ecam_between *row, size_t n, float lo, float span, uint8_t *out)
{
    divider by = divide_by(span);

    if (by.quick)
        levels_by(row, n, lo, &by, true, out);
    else
        levels_by(row, n, lo, &by, false, out);
}

/* --- overlays in float32 --- */

typedef struct extremes_512 {
    __m512 lo[3], hi[3];
} extremes_512;

/* 64 pixels of the image, of either type. */
typedef struct block {
    __m512i bytes[3];
    __m512 floats[4][3];
    __m512i heat[3];
} block;

INLINE void load_block(const ecam_pixels *image, const uint8_t *level, size_t i, size_t left,
                       const ecam_paint *paint, bool is_float, block *b)
{
    __m512i levels = _mm512_maskz_loadu_epi8(mask64(left), level + i);

    if (is_float)
        for (size_t q = 0; q < 4; q++)
            load_floats(image, i + 16 * q, behind(left, 16 * q), b->floats[q]);
    else
        load_bytes(image, i, left, b->bytes);
    for (unsigned c = 0; c < 3; c++)
        b->heat[c] = look_up(paint->planes[c], levels);
}

/* Channel c of 16 pixels. Scaling by 2^-32 is exact, so it may be part of a
 * fused addition, but weights round. */
INLINE __m512 overlay(const block *b, unsigned q, unsigned c, const ecam_paint *paint,
                      bool is_float)
{
    const __m512 unscale = _mm512_set1_ps(0x1p-32f);
    __m512 heat = unpack(b->heat[c], q);
    __m512 value =
        is_float ? b->floats[q][c] : _mm512_mul_ps(unscale, unpack(b->bytes[c], q));

    if (paint->add)
        return _mm512_fmadd_ps(heat, unscale, value);
    heat = _mm512_mul_ps(heat, _mm512_set1_ps(paint->heat_weight * 0x1p-32f));
    return _mm512_add_ps(_mm512_mul_ps(value, _mm512_set1_ps(paint->image_weight)), heat);
}

INLINE void join(extremes_512 *e, unsigned c, __mmask16 mask, __m512 value)
{
    e->lo[c] = _mm512_mask_min_ps(e->lo[c], mask, value, e->lo[c]);
    e->hi[c] = _mm512_mask_max_ps(e->hi[c], mask, value, e->hi[c]);
}

INLINE void load_extremes(const ecam_extremes *extremes, extremes_512 *e)
{
    for (unsigned c = 0; c < 3; c++) {
        e->lo[c] = _mm512_set1_ps(extremes->lo[c]);
        e->hi[c] = _mm512_set1_ps(extremes->hi[c]);
    }
}

INLINE void store_extremes(const extremes_512 *e, ecam_extremes *extremes)
{
    for (unsigned c = 0; c < 3; c++) {
        extremes->lo[c] = _mm512_reduce_min_ps(e->lo[c]);
        extremes->hi[c] = _mm512_reduce_max_ps(e->hi[c]);
    }
}

INLINE void extremes_of(const ecam_pixels *image, const uint8_t *level, size_t n,
                        const ecam_paint *paint, bool is_float, ecam_extremes *extremes)
{
    extremes_512 e;
    block b;

    load_extremes(extremes, &e);
    for (size_t i = 0; i < n; i += 64) {
        load_block(image, level, i, n - i, paint, is_float, &b);
        for (unsigned c = 0; c < 3; c++)
            for (unsigned q = 0; q < 4; q++)
                join(&e, c, mask16(behind(n - i, 16 * q)), overlay(&b, q, c, paint, is_float));
    }
    store_extremes(&e, extremes);
}

KERNEL static void extremes(const ecam_pixels *image, const uint8_t *level, size_t n,
                            const ecam_paint *paint, ecam_extremes *e)
{
    if (image->is_float)
        extremes_of(image, level, n, paint, true, e);
    else
        extremes_of(image, level, n, paint, false, e);
}

/* Per-channel displays divide by numbers of any size, and clip. */
INLINE __m512i display(__m512 divided, const ecam_display *d, unsigned c, bool per_channel)
{
    __m512 value = _mm512_add_ps(divided, _mm512_set1_ps(d->shift[c]));

    if (per_channel)
        value = _mm512_div_ps(value, _mm512_set1_ps(d->span[c]));
    value = _mm512_mul_ps(value, _mm512_set1_ps(d->scale));
    if (per_channel)
        value = _mm512_min_ps(_mm512_max_ps(value, _mm512_setzero_ps()), _mm512_set1_ps(255.0f));
    return _mm512_cvttps_epi32(value);
}

INLINE void paint_by(const ecam_pixels *image, const uint8_t *level, size_t n,
                     const ecam_paint *paint, bool is_float, bool quick, ecam_extremes *extremes,
                     uint8_t *rgb)
{
    divider divisor = divide_by(paint->divisor);
    __m512i shown[3], v[4];
    extremes_512 e;
    block b;

    load_extremes(extremes, &e);
    for (size_t i = 0; i < n; i += 64) {
        load_block(image, level, i, n - i, paint, is_float, &b);
        for (unsigned c = 0; c < 3; c++) {
            for (unsigned q = 0; q < 4; q++) {
                __m512 value = overlay(&b, q, c, paint, is_float);
                join(&e, c, mask16(behind(n - i, 16 * q)), value);
                v[q] = display(divide(value, &divisor, quick), &paint->display, c, !quick);
            }
            shown[c] = pack(v);
        }
        store_rgb(rgb + 3 * i, n - i, shown);
    }
    store_extremes(&e, extremes);
}

KERNEL static void paint_row(const ecam_pixels *image, const uint8_t *level, size_t n,
                             const ecam_paint *paint, ecam_extremes *e, uint8_t *rgb)
{
    bool quick = ecam_rows_divides(paint->divisor) && !paint->display.per_channel;

    if (image->is_float && quick)
        paint_by(image, level, n, paint, true, true, e, rgb);
    else if (image->is_float)
        paint_by(image, level, n, paint, true, false, e, rgb);
    else if (quick)
        paint_by(image, level, n, paint, false, true, e, rgb);
    else
        paint_by(image, level, n, paint, false, false, e, rgb);
}

/* --- overlays in sums of bytes --- */

/* The largest sum of two bytes, below 256 and (as sum - 255) above. */
typedef struct sum_512 {
    __m512i small, large;
} sum_512;

INLINE void join_sum(sum_512 *sum, __m512i a, __m512i b)
{
    __m512i complement = _mm512_ternarylogic_epi64(b, b, b, 0x0f);
    sum->small = _mm512_max_epu8(sum->small, _mm512_adds_epu8(a, b));
    sum->large = _mm512_max_epu8(sum->large, _mm512_subs_epu8(a, complement));
}

INLINE unsigned largest_byte(__m512i v)
{
    uint8_t lanes[64];
    unsigned most = 0;

    _mm512_storeu_si512(lanes, v);
    for (unsigned i = 0; i < 64; i++)
        most = lanes[i] > most ? lanes[i] : most;
    return most;
}

INLINE void store_sum(const sum_512 *sum, unsigned *out)
{
    unsigned large = largest_byte(sum->large);
    unsigned found = large > 0 ? 255 + large : largest_byte(sum->small);

    *out = found > *out ? found : *out;
}

KERNEL static void sums(const ecam_pixels *image, const uint8_t *level, size_t n,
                        const ecam_paint *paint, unsigned *sum)
{
    sum_512 most = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    __m512i pixels[3];

    for (size_t i = 0; i < n; i += 64) {
        __mmask64 mask = mask64(n - i);
        __m512i levels = _mm512_maskz_loadu_epi8(mask, level + i);
        load_bytes(image, i, n - i, pixels);
        for (unsigned c = 0; c < 3; c++) {
            __m512i heat = look_up(paint->planes[c], levels);
            join_sum(&most, pixels[c], _mm512_maskz_mov_epi8(mask, heat));
        }
    }
    store_sum(&most, sum);
}

/* byte_of_sum[a + b]: two tables, by the addition's carry. */
INLINE __m512i show_sum(const ecam_paint *paint, __m512i a, __m512i b)
{
    __m512i low = _mm512_add_epi8(a, b);
    __mmask64 carry = _mm512_cmplt_epu8_mask(low, a);

    return _mm512_mask_blend_epi8(carry, look_up(paint->byte_of_sum, low),
                                  look_up(paint->byte_of_sum + 256, low));
}

KERNEL static void paint_sums(const ecam_pixels *image, const uint8_t *level, size_t n,
                              const ecam_paint *paint, unsigned *sum, uint8_t *rgb)
{
    sum_512 most = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    __m512i pixels[3], shown[3];

    for (size_t i = 0; i < n; i += 64) {
        __mmask64 mask = mask64(n - i);
        __m512i levels = _mm512_maskz_loadu_epi8(mask, level + i);
        load_bytes(image, i, n - i, pixels);
        for (unsigned c = 0; c < 3; c++) {
            __m512i heat = _mm512_maskz_mov_epi8(mask, look_up(paint->planes[c], levels));
            join_sum(&most, pixels[c], heat);
            shown[c] = show_sum(paint, pixels[c], heat);
        }
        store_rgb(rgb + 3 * i, n - i, shown);
    }
    store_sum(&most, sum);
}

KERNEL static void bytes(const ecam_pixels *image, size_t n, uint8_t *rgb)
{
    __m512i pixels[3];

    for (size_t i = 0; i < n; i += 64) {
        load_bytes(image, i, n - i, pixels);
        store_rgb(rgb + 3 * i, n - i, pixels);
    }
}

const ecam_rows ecam_rows_avx512 = {
    .name = "avx512",
    .stretch = stretch,
    .range = range,
    .levels = levels,
    .extremes = extremes,
    .paint = paint_row,
    .sums = sums,
    .paint_sums = paint_sums,
    .bytes = bytes,
};

#endif
