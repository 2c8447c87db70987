/* Kernels for AVX-512 with byte permutes (Ice Lake and later, Zen 4 and later):
 * 64 pixels at a time, channel by channel. */
#if defined(__x86_64__)

#include "cam/draw_avx512.h"

#include <string.h>

/* Pixels between what is computed and what is asked for. */
#define AHEAD ((size_t)768)

/* The last pixels of a row, fewer than 64: the very last is repeated, which
 * changes no extremes. */
INLINE void work_end(const ecam_pixels *image, const ecam_heat *heat, size_t i, size_t n,
                     bool is_float, worker work, task job)
{
    float floats[3][64];
    uint8_t bytes[3][64], level[64], colours[3][64], rgb[3 * 64];
    blocks part = {.levels = level, .n = 64};
    uint8_t *out = job.rgb;

    for (size_t j = 0; j < 64; j++) {
        size_t k = i + j < n ? i + j : n - 1;
        level[j] = heat->levels[k];
        for (unsigned c = 0; c < 3; c++) {
            size_t at = k * image->pixel_stride + c * image->channel_stride;
            colours[c][j] = heat->colours[c * heat->stride + k];
            if (is_float)
                floats[c][j] = ((const float *)image->pixels)[at];
            else
                bytes[c][j] = ((const uint8_t *)image->pixels)[at];
        }
    }
    for (unsigned c = 0; c < 3; c++) {
        part.channels[c] = is_float ? (void *)floats[c] : bytes[c];
        part.colours[c] = colours[c];
    }
    job.rgb = out ? rgb : NULL;
    work(&part, &job);
    if (out)
        memcpy(out + 3 * i, rgb, 3 * (n - i));
}

INLINE void work_through(const ecam_pixels *image, const ecam_heat *heat, size_t n, bool is_float,
                         worker work, const task *job)
{
    size_t whole = n / 64 * 64, element = is_float ? sizeof(float) : 1;
    blocks all = {.interleaved = image->pixel_stride == 3, .levels = heat->levels, .n = whole};

    for (unsigned c = 0; c < 3; c++) {
        all.channels[c] = (const char *)image->pixels + c * image->channel_stride * element;
        all.colours[c] = heat->colours + c * heat->stride;
    }
    if (whole > 0)
        work(&all, job);
    if (whole < n)
        work_end(image, heat, whole, n, is_float, work, *job);
}

/* --- the heat's colours --- */

KERNEL static void colour(const uint8_t *levels, size_t n, const ecam_paint *paint,
                          uint8_t *colours, size_t stride)
{
    for (size_t i = 0; i < n; i += 64) {
        __mmask64 mask = n - i < 64 ? ((__mmask64)1 << (n - i)) - 1 : ~(__mmask64)0;
        __m512i level = _mm512_maskz_loadu_epi8(mask, levels + i);
        for (unsigned c = 0; c < 3; c++)
            _mm512_mask_storeu_epi8(colours + c * stride + i, mask,
                                    look_up(paint->planes[c], level));
    }
}

/* --- overlays in float32 --- */

/* Pixels i..i+15 of a channel. */
INLINE __m512 image_at(const void *channel, size_t i, bool is_float)
{
    if (is_float)
        return _mm512_loadu_ps((const float *)channel + i);
    __m128i bytes = _mm_loadu_si128((const __m128i *)((const uint8_t *)channel + i));
    return _mm512_mul_ps(_mm512_set1_ps(0x1p-32f), unpack(_mm512_castsi128_si512(bytes), 0));
}

/* Tints are as unpacked, times 2^32. Scaling back is exact, so it may be part
 * of a fused addition; a product with a weight is rounded first. */
INLINE __m512 add_tint(__m512 value, __m512 tint)
{
    return _mm512_fmadd_ps(tint, _mm512_set1_ps(0x1p-32f), value);
}

INLINE __m512 mix_tint(__m512 value, __m512 image_weight, __m512 tint, __m512 heat_weight)
{
    return _mm512_add_ps(_mm512_mul_ps(value, image_weight), _mm512_mul_ps(tint, heat_weight));
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

typedef enum painting { NOTHING, QUICKLY, EXACTLY } painting;

INLINE void overlay_piece(const blocks *piece, const task *job, bool is_float, bool add,
                          painting how)
{
    const ecam_display shows = job->paint->display;
    const divider divisor = divide_by(job->paint->divisor);
    const __m512 image_weight = _mm512_set1_ps(job->paint->image_weight);
    const __m512 heat_weight = _mm512_set1_ps(job->paint->heat_weight * 0x1p-32f);
    __m512 lo[3], hi[3];
    __m512i shown[3], v[4];
    _Alignas(64) float storage[3][64];
    const void *at[3];

    for (unsigned c = 0; c < 3; c++) {
        lo[c] = _mm512_set1_ps(job->extremes->lo[c]);
        hi[c] = _mm512_set1_ps(job->extremes->hi[c]);
    }
    for (size_t k = 0; k < piece->n; k += 64) {
        size_t i = piece->chosen ? piece->chosen[k / 64] : k;
        block_at(piece, i, is_float, storage, at);
        for (unsigned c = 0; c < 3; c++) {
            __m512i heat = _mm512_loadu_si512(piece->colours[c] + i);
            for (unsigned q = 0; q < 4; q++) {
                __m512 x = image_at(at[c], 16 * q, is_float);
                x = add ? add_tint(x, unpack(heat, q))
                        : mix_tint(x, image_weight, unpack(heat, q), heat_weight);
                lo[c] = _mm512_min_ps(x, lo[c]);
                hi[c] = _mm512_max_ps(x, hi[c]);
                if (how != NOTHING)
                    v[q] = display(divide(x, &divisor, how == QUICKLY), &shows, c,
                                   how == EXACTLY);
            }
            if (how != NOTHING)
                shown[c] = pack(v);
        }
        if (how != NOTHING)
            store_rgb(job->rgb + 3 * i, shown);
    }
    for (unsigned c = 0; c < 3; c++) {
        job->extremes->lo[c] = _mm512_reduce_min_ps(lo[c]);
        job->extremes->hi[c] = _mm512_reduce_max_ps(hi[c]);
    }
}

/* Floats come from further away than the processor looks ahead while it computes:
 * every second line of what is needed in a while, so that it follows on. */
INLINE void ask_for(const blocks *piece, size_t i)
{
    size_t streams = piece->interleaved ? 1 : 3, step = 4 - streams;

    for (size_t c = 0; c < streams; c++) {
        const char *at = (const char *)piece->channels[c] + (i + AHEAD) * step * sizeof(float);
        for (size_t line = 0; line < 4 * step; line += 2)
            _mm_prefetch(at + 64 * line, _MM_HINT_T0);
    }
}

/* While pixels are on their way there is time for colours. */
INLINE void most_piece(const blocks *piece, const task *job, bool add)
{
    const __m512 image_weight = _mm512_set1_ps(job->paint->image_weight);
    const __m512 heat_weight = _mm512_set1_ps(job->paint->heat_weight * 0x1p-32f);
    _Alignas(64) float storage[3][64];
    const void *at[3];
    __m512 most[3];

    for (unsigned c = 0; c < 3; c++)
        most[c] = _mm512_set1_ps(*job->most);
    for (size_t i = 0; i < piece->n; i += 64) {
        __m512i level = _mm512_loadu_si512(piece->levels + i);
        block_at(piece, i, true, storage, at);
        ask_for(piece, i);
        for (unsigned c = 0; c < 3; c++) {
            __m512i heat = look_up(job->paint->planes[c], level);
            _mm512_storeu_si512(piece->colours[c] + i, heat);
            for (unsigned q = 0; q < 4; q++) {
                __m512 x = image_at(at[c], 16 * q, true);
                x = add ? add_tint(x, unpack(heat, q))
                        : mix_tint(x, image_weight, unpack(heat, q), heat_weight);
                most[c] = _mm512_max_ps(x, most[c]);
            }
        }
    }
    *job->most = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_max_ps(most[0], most[1]), most[2]));
}

INLINE void overlay_of(const blocks *piece, const task *job, bool is_float, painting how)
{
    if (job->paint->add)
        overlay_piece(piece, job, is_float, true, how);
    else
        overlay_piece(piece, job, is_float, false, how);
}

KERNEL static void most_of_floats(const blocks *piece, const task *job)
{
    if (job->paint->add)
        most_piece(piece, job, true);
    else
        most_piece(piece, job, false);
}

KERNEL static void extremes_of_floats(const blocks *piece, const task *job)
{
    overlay_of(piece, job, true, NOTHING);
}

KERNEL static void extremes_of_bytes(const blocks *piece, const task *job)
{
    overlay_of(piece, job, false, NOTHING);
}

KERNEL void ecam_avx512_paint_floats(const blocks *piece, const task *job)
{
    overlay_of(piece, job, true, QUICKLY);
}

KERNEL static void paint_floats_exactly(const blocks *piece, const task *job)
{
    overlay_of(piece, job, true, EXACTLY);
}

KERNEL static void paint_bytes_quickly(const blocks *piece, const task *job)
{
    overlay_of(piece, job, false, QUICKLY);
}

KERNEL static void paint_bytes_exactly(const blocks *piece, const task *job)
{
    overlay_of(piece, job, false, EXACTLY);
}

KERNEL static void extremes(const ecam_pixels *image, const ecam_heat *heat, size_t n,
                            const ecam_paint *paint, ecam_extremes *e)
{
    task job = {.paint = paint, .extremes = e};

    if (image->is_float)
        work_through(image, heat, n, true, extremes_of_floats, &job);
    else
        work_through(image, heat, n, false, extremes_of_bytes, &job);
}

KERNEL static void most(const ecam_pixels *image, const ecam_heat *heat, size_t n,
                        const ecam_paint *paint, float *value)
{
    task job = {.paint = paint, .most = value};
    size_t whole = n / 64 * 64;

    work_through(image, heat, n, true, most_of_floats, &job);
    colour(heat->levels + whole, n - whole, paint, heat->colours + whole, heat->stride);
}

KERNEL static void paint_row(const ecam_pixels *image, const ecam_heat *heat, size_t n,
                             const ecam_paint *paint, ecam_extremes *e, uint8_t *rgb)
{
    bool quick = ecam_rows_divides(paint->divisor) && !paint->display.per_channel;
    task job = {.paint = paint, .extremes = e, .rgb = rgb};

    if (image->is_float)
        work_through(image, heat, n, true, quick ? ecam_avx512_paint_floats : paint_floats_exactly,
                     &job);
    else
        work_through(image, heat, n, false, quick ? paint_bytes_quickly : paint_bytes_exactly,
                     &job);
}

KERNEL static bool paint_within(const ecam_pixels *image, const ecam_heat *heat, size_t n,
                                const ecam_paint *paint, uint8_t *rgb)
{
    bool within = true;
    task job = {.paint = paint, .within = &within, .rgb = rgb};

    if (!image->is_float)
        return false;
    work_through(image, heat, n, true, ecam_avx512_paint_floats_near, &job);
    return within;
}

/* --- overlays in sums of bytes --- */

INLINE unsigned largest_byte(__m512i v)
{
    uint8_t lanes[64];
    unsigned most = 0;

    _mm512_storeu_si512(lanes, v);
    for (unsigned i = 0; i < 64; i++)
        most = lanes[i] > most ? lanes[i] : most;
    return most;
}

/* byte_of_sum[a + b]: two tables, by the addition's carry. */
INLINE __m512i show_sum(const ecam_paint *paint, __m512i a, __m512i b)
{
    __m512i low = _mm512_add_epi8(a, b);
    __mmask64 carry = _mm512_cmplt_epu8_mask(low, a);

    return _mm512_mask_blend_epi8(carry, look_up(paint->byte_of_sum, low),
                                  look_up(paint->byte_of_sum + 256, low));
}

/* The largest sum is found as it is up to 255, and beyond as what exceeds 255. */
INLINE void sum_piece(const blocks *piece, const task *job, bool paints)
{
    __m512i small = _mm512_setzero_si512(), large = small, shown[3];
    _Alignas(64) float storage[3][64];
    const void *at[3];

    for (size_t i = 0; i < piece->n; i += 64) {
        __m512i level = _mm512_loadu_si512(piece->levels + i);
        block_at(piece, i, false, storage, at);
        for (unsigned c = 0; c < 3; c++) {
            __m512i a = _mm512_loadu_si512(at[c]);
            __m512i b = look_up(job->paint->planes[c], level);
            __m512i complement = _mm512_ternarylogic_epi64(b, b, b, 0x0f);
            small = _mm512_max_epu8(small, _mm512_adds_epu8(a, b));
            large = _mm512_max_epu8(large, _mm512_subs_epu8(a, complement));
            if (paints)
                shown[c] = show_sum(job->paint, a, b);
        }
        if (paints)
            store_rgb(job->rgb + 3 * i, shown);
    }
    unsigned beyond = largest_byte(large);
    unsigned sum = beyond > 0 ? 255 + beyond : largest_byte(small);
    *job->sum = sum > *job->sum ? sum : *job->sum;
}

KERNEL static void find_sum(const blocks *piece, const task *job)
{
    sum_piece(piece, job, false);
}

KERNEL static void paint_sum(const blocks *piece, const task *job)
{
    sum_piece(piece, job, true);
}

KERNEL static void sums(const ecam_pixels *image, const ecam_heat *heat, size_t n,
                        const ecam_paint *paint, unsigned *sum)
{
    task job = {.paint = paint, .sum = sum};
    work_through(image, heat, n, false, find_sum, &job);
}

KERNEL static void paint_sums(const ecam_pixels *image, const ecam_heat *heat, size_t n,
                              const ecam_paint *paint, unsigned *sum, uint8_t *rgb)
{
    task job = {.paint = paint, .sum = sum, .rgb = rgb};
    work_through(image, heat, n, false, paint_sum, &job);
}

/* --- images alone --- */

KERNEL static void bytes(const ecam_pixels *image, size_t n, uint8_t *rgb)
{
    const uint8_t *pixels = image->pixels;
    size_t whole = image->pixel_stride == 1 ? n / 64 * 64 : 0;

    for (size_t i = 0; i < whole; i += 64) {
        __m512i channels[3];
        for (unsigned c = 0; c < 3; c++)
            channels[c] = _mm512_loadu_si512(pixels + c * image->channel_stride + i);
        store_rgb(rgb + 3 * i, channels);
    }
    ecam_pixels rest = *image;
    rest.pixels = pixels + whole * image->pixel_stride;
    ecam_rows_plain.bytes(&rest, n - whole, rgb + 3 * whole);
}

const ecam_rows ecam_rows_avx512 = {
    .name = "avx512",
    .stretch = ecam_avx512_stretch,
    .range = ecam_avx512_range,
    .levels = ecam_avx512_levels,
    .colour = colour,
    .extremes = extremes,
    .most = most,
    .paint = paint_row,
    .paint_within = paint_within,
    .sums = sums,
    .paint_sums = paint_sums,
    .bytes = bytes,
};

#else
typedef int ecam_draw_rows_avx512_is_for_x86_64;
#endif
