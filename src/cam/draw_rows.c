#include "cam/draw_rows.h"

/* Rows are taken in pieces, so that the floats between stay on the stack. */
#define PIECE ((size_t)64)

/* Written so that NaN becomes 0: converting anything outside 0..255 would be
 * undefined. */
static uint8_t to_byte(float value)
{
    value = value > 0.0f ? value : 0.0f;
    return (uint8_t)(value < 255.0f ? value : 255.0f);
}

static void stretch(const float *source, const ecam_taps *taps, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = source[taps->near[i]] * (1.0f - taps->weight[i]) +
                 source[taps->far[i]] * taps->weight[i];
}

static float value_at(const ecam_between *row, size_t i)
{
    return row->near[i] * (1.0f - row->weight) + row->far[i] * row->weight;
}

static void range(const ecam_between *row, size_t n, float *lo, float *hi)
{
    for (size_t i = 0; i < n; i++) {
        float value = value_at(row, i);
        *lo = value < *lo ? value : *lo;
        *hi = value > *hi ? value : *hi;
    }
}

static void levels(const ecam_between *row, size_t n, float lo, float span, uint8_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = to_byte(255.0f * ((value_at(row, i) - lo) / span));
}

static void overlay_of_floats(const ecam_pixels *image, const uint8_t *level, size_t n,
                              const ecam_paint *paint, float *overlay)
{
    const float *pixels = image->pixels;

    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++) {
            float value = pixels[i * image->pixel_stride + c * image->channel_stride];
            overlay[3 * i + c] = paint->image_weight * value + paint->heat[level[i]][c];
        }
}

static void overlay_of_bytes(const ecam_pixels *image, const uint8_t *level, size_t n,
                             const ecam_paint *paint, float *overlay)
{
    const uint8_t *pixels = image->pixels;

    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++) {
            uint8_t value = pixels[i * image->pixel_stride + c * image->channel_stride];
            overlay[3 * i + c] = paint->image[value] + paint->heat[level[i]][c];
        }
}

void ecam_rows_overlay(const ecam_pixels *image, const uint8_t *level, size_t n,
                       const ecam_paint *paint, float *overlay)
{
    if (image->is_float)
        overlay_of_floats(image, level, n, paint, overlay);
    else
        overlay_of_bytes(image, level, n, paint, overlay);
}

static void join_extremes(const float *values, size_t n, ecam_extremes *e)
{
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++) {
            float value = values[3 * i + c];
            e->lo[c] = value < e->lo[c] ? value : e->lo[c];
            e->hi[c] = value > e->hi[c] ? value : e->hi[c];
        }
}

static void display_values(const float *values, size_t n, const ecam_display *display,
                           uint8_t *rgb)
{
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++)
            rgb[3 * i + c] = to_byte((values[3 * i + c] + display->shift[c]) / display->span[c] *
                                     display->scale);
}

/* The part of a row that begins at pixel i. */
static ecam_pixels behind(const ecam_pixels *image, size_t i)
{
    size_t element = image->is_float ? sizeof(float) : 1;
    ecam_pixels rest = *image;

    rest.pixels = (const char *)image->pixels + i * image->pixel_stride * element;
    return rest;
}

static void extremes(const ecam_pixels *image, const ecam_heat *heat, size_t n,
                     const ecam_paint *paint, ecam_extremes *e)
{
    float piece[3 * PIECE];

    for (size_t i = 0; i < n; i += PIECE) {
        size_t m = n - i < PIECE ? n - i : PIECE;
        ecam_pixels rest = behind(image, i);
        ecam_rows_overlay(&rest, heat->levels + i, m, paint, piece);
        join_extremes(piece, m, e);
    }
}

static void paint_row(const ecam_pixels *image, const ecam_heat *heat, size_t n,
                      const ecam_paint *paint, ecam_extremes *e, uint8_t *rgb)
{
    float piece[3 * PIECE];

    for (size_t i = 0; i < n; i += PIECE) {
        size_t m = n - i < PIECE ? n - i : PIECE;
        ecam_pixels rest = behind(image, i);
        ecam_rows_overlay(&rest, heat->levels + i, m, paint, piece);
        join_extremes(piece, m, e);
        for (size_t k = 0; k < 3 * m; k++)
            piece[k] /= paint->divisor;
        display_values(piece, m, &paint->display, rgb + 3 * i);
    }
}

static void sums(const ecam_pixels *image, const ecam_heat *heat, size_t n,
                 const ecam_paint *paint, unsigned *sum)
{
    const uint8_t *pixels = image->pixels;

    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++) {
            unsigned value = pixels[i * image->pixel_stride + c * image->channel_stride];
            value += paint->planes[c][heat->levels[i]];
            *sum = value > *sum ? value : *sum;
        }
}

static void paint_sums(const ecam_pixels *image, const ecam_heat *heat, size_t n,
                       const ecam_paint *paint, unsigned *sum, uint8_t *rgb)
{
    const uint8_t *pixels = image->pixels;

    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++) {
            unsigned value = pixels[i * image->pixel_stride + c * image->channel_stride];
            value += paint->planes[c][heat->levels[i]];
            *sum = value > *sum ? value : *sum;
            rgb[3 * i + c] = paint->byte_of_sum[value];
        }
}

static void bytes(const ecam_pixels *image, size_t n, uint8_t *rgb)
{
    const uint8_t *pixels = image->pixels;

    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++)
            rgb[3 * i + c] = pixels[i * image->pixel_stride + c * image->channel_stride];
}

const ecam_rows ecam_rows_plain = {
    .name = "plain",
    .stretch = stretch,
    .range = range,
    .levels = levels,
    .extremes = extremes,
    .paint = paint_row,
    .sums = sums,
    .paint_sums = paint_sums,
    .bytes = bytes,
};

const ecam_rows *ecam_rows_usable(size_t i)
{
    const ecam_rows *usable[4] = {0};
    size_t n = 0;

#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        usable[n++] = &ecam_rows_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        usable[n++] = &ecam_rows_avx2;
#endif
    usable[n++] = &ecam_rows_plain;
    return i < n ? usable[i] : NULL;
}
