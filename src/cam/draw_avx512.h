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

/* --- 64 pixels --- */

/* Numbers 0..63 times `step`, modulo 256; permutes use their lowest bits. */
INLINE __m512i ramp(unsigned step)
{
    uint8_t lanes[64];
    for (unsigned i = 0; i < 64; i++)
        lanes[i] = (uint8_t)(i * step);
    return _mm512_loadu_si512(lanes);
}

/* Lanes p of 64 with p % 3 == r; as 64 and 16 leave 1 by 3, lane p of vector k
 * of interleaved data belongs to channel (k + p) % 3. */
INLINE __mmask64 every_third(unsigned r)
{
    return (__mmask64)0x9249249249249249u << r;
}

/* Channel c's pixel j is lane (3 j + c) % 64 of one of the three vectors of rgb:
 * 3 * 43 = 1 modulo 64. So this is the pixel of lane 0..63. */
INLINE __m512i pixel_of_lane(unsigned c)
{
    __m512i pixel = _mm512_add_epi8(ramp(43), _mm512_set1_epi8((char)(21 * c)));
    return _mm512_and_si512(pixel, _mm512_set1_epi8(63));
}

/* 64 pixels of rgb from three channels; lanes: where the channels have the
 * pixels that pixel_of_lane names. */
INLINE void interleave(uint8_t *rgb, const __m512i channels[3], const __m512i lanes[3])
{
    __m512i spread[3];

    for (unsigned c = 0; c < 3; c++)
        spread[c] = _mm512_permutexvar_epi8(lanes[c], channels[c]);
    for (unsigned k = 0; k < 3; k++) {
        __m512i v = _mm512_mask_blend_epi8(every_third((4 - k) % 3), spread[0], spread[1]);
        v = _mm512_mask_blend_epi8(every_third((5 - k) % 3), v, spread[2]);
        _mm512_storeu_si512(rgb + 64 * k, v);
    }
}

INLINE void store_rgb(uint8_t *rgb, const __m512i channels[3])
{
    const __m512i lanes[3] = {pixel_of_lane(0), pixel_of_lane(1), pixel_of_lane(2)};
    interleave(rgb, channels, lanes);
}

INLINE void split_bytes(const uint8_t *rgb, __m512i channels[3])
{
    __m512i v[3];

    for (unsigned k = 0; k < 3; k++)
        v[k] = _mm512_loadu_si512(rgb + 64 * k);
    for (unsigned c = 0; c < 3; c++) {
        __m512i joined = _mm512_mask_blend_epi8(every_third((c + 2) % 3), v[0], v[1]);
        joined = _mm512_mask_blend_epi8(every_third((c + 1) % 3), joined, v[2]);
        __m512i index = _mm512_add_epi8(ramp(3), _mm512_set1_epi8((char)c));
        channels[c] = _mm512_permutexvar_epi8(index, joined);
    }
}

/* 16 pixels of floats. */
INLINE void split_floats(const float *rgb, __m512 channels[3])
{
    const __m512i lanes =
        _mm512_setr_epi32(0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36, 39, 42, 45);
    __m512 v[3];

    for (unsigned k = 0; k < 3; k++)
        v[k] = _mm512_loadu_ps(rgb + 16 * k);
    for (unsigned c = 0; c < 3; c++) {
        __m512 joined = _mm512_mask_blend_ps((__mmask16)every_third((c + 2) % 3), v[0], v[1]);
        joined = _mm512_mask_blend_ps((__mmask16)every_third((c + 1) % 3), joined, v[2]);
        __m512i index = _mm512_add_epi32(lanes, _mm512_set1_epi32((int)c));
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

#define ROUND_UP (_MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC)

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

/* --- bytes in fixed-point numbers ---
 *
 * A number is a float32 of 2^23 to 2^24, whose last digit is 1: FIRST plus the
 * byte times UNIT, plus what is behind the byte's point, plus a margin. The
 * margin is at least the error of both the number and the rule that it stands
 * for: where its digits behind the point are twice the margin or more, the
 * byte is that of the rule. */
#define DIGITS 15
#define UNIT (1 << DIGITS)
#define FIRST 8388608.0f

/* Those lanes of `mask` that are far enough from the edge between two bytes;
 * margin: a power of 2. */
INLINE __mmask16 far_from_edges(__mmask16 mask, __m512i number, int margin)
{
    return _mm512_mask_test_epi32_mask(mask, number,
                                       _mm512_set1_epi32((UNIT - 1) & ~(2 * margin - 1)));
}

/* Bytes 16q..16q+15 join those before, in lanes as lane_of has them. */
INLINE __m512i join_bytes(__m512i bytes, __m512i number, unsigned q)
{
    const __m512i parts = _mm512_set1_epi16((DIGITS + 32) << 8 | DIGITS);

    if (q == 0)
        return _mm512_multishift_epi64_epi8(parts, number);
    return _mm512_mask_multishift_epi64_epi8(bytes, 0x0303030303030303u << 2 * q, parts, number);
}

/* Byte 16q + 2j + e is in lane 8j + 2q + e. */
INLINE __m512i lane_of(__m512i byte)
{
    __m512i j = _mm512_and_si512(_mm512_slli_epi16(byte, 2), _mm512_set1_epi8(0x38));
    __m512i q = _mm512_and_si512(_mm512_srli_epi16(byte, 3), _mm512_set1_epi8(6));

    return _mm512_or_si512(_mm512_or_si512(j, q), _mm512_and_si512(byte, _mm512_set1_epi8(1)));
}

/* --- pieces of a row --- */

/* Whole blocks of 64 pixels. */
typedef struct blocks {
    const void *channels[3]; /* of interleaved pixels: the first one counts */
    bool interleaved;
    const uint8_t *levels;
    uint8_t *colours[3]; /* of them; not for sums */
    const uint32_t *chosen; /* the pixels of the blocks that are meant; NULL: all */
    size_t n;
} blocks;

/* The channels of pixels i..i+63; `storage` is for those that are interleaved. */
INLINE void block_at(const blocks *piece, size_t i, bool is_float, float storage[3][64],
                     const void *at[3])
{
    size_t element = is_float ? sizeof(float) : 1;

    if (!piece->interleaved) {
        for (unsigned c = 0; c < 3; c++)
            at[c] = (const char *)piece->channels[c] + i * element;
        return;
    }
    for (unsigned c = 0; c < 3; c++)
        at[c] = storage[c];
    if (!is_float) {
        __m512i v[3];
        split_bytes((const uint8_t *)piece->channels[0] + 3 * i, v);
        for (unsigned c = 0; c < 3; c++)
            _mm512_store_si512(storage[c], v[c]);
        return;
    }
    for (unsigned j = 0; j < 64; j += 16) {
        __m512 v[3];
        split_floats((const float *)piece->channels[0] + 3 * (i + j), v);
        for (unsigned c = 0; c < 3; c++)
            _mm512_store_ps(storage[c] + j, v[c]);
    }
}

/* What a kernel does to a piece, and with what. rgb: NULL where it paints
 * nothing. */
typedef struct task {
    const ecam_paint *paint;
    ecam_extremes *extremes;
    unsigned *sum;
    float *most;
    bool *within; /* see ecam_rows.paint_within */
    uint8_t *rgb;
} task;

typedef void (*worker)(const blocks *piece, const task *job);

/* Display bytes of a float overlay, and its extremes; not per channel. */
void ecam_avx512_paint_floats(const blocks *piece, const task *job);
void ecam_avx512_paint_floats_near(const blocks *piece, const task *job);

/* See ecam_rows. */
void ecam_avx512_stretch(const float *source, const ecam_taps *taps, size_t n, float *out);
void ecam_avx512_range(const ecam_between *row, size_t n, float *lo, float *hi);
void ecam_avx512_levels(const ecam_between *row, size_t n, float lo, float span, uint8_t *levels);

#endif
