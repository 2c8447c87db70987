#include "cam/draw_rows.h"

static float value_at(const ecam_between *row, size_t i)
{
    return row->near[i] * (1.0f - row->weight) + row->far[i] * row->weight;
}

/* Written so that NaN becomes 0: converting anything outside 0..255 would be
 * undefined. */
static uint8_t to_byte(float value)
{
    value = value > 0.0f ? value : 0.0f;
    return (uint8_t)(value < 255.0f ? value : 255.0f);
}

void ecam_rows_range(const ecam_between *row, size_t n, float *lo, float *hi)
{
    for (size_t i = 0; i < n; i++) {
        float value = value_at(row, i);
        *lo = value < *lo ? value : *lo;
        *hi = value > *hi ? value : *hi;
    }
}

void ecam_rows_levels(const ecam_between *row, size_t n, float lo, float range, uint8_t *levels)
{
    for (size_t i = 0; i < n; i++)
        levels[i] = to_byte(255.0f * ((value_at(row, i) - lo) / range));
}

static void overlay_of_floats(const ecam_pixels *image, const uint8_t *levels, size_t n,
                              const ecam_tints *tints, float *overlay)
{
    const float *pixels = image->pixels;

    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++) {
            float value = pixels[i * image->pixel_stride + c * image->channel_stride];
            overlay[3 * i + c] = tints->image_weight * value + tints->heat[levels[i]][c];
        }
}

static void overlay_of_bytes(const ecam_pixels *image, const uint8_t *levels, size_t n,
                             const ecam_tints *tints, float *overlay)
{
    const uint8_t *pixels = image->pixels;

    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++) {
            uint8_t value = pixels[i * image->pixel_stride + c * image->channel_stride];
            overlay[3 * i + c] = tints->image[value] + tints->heat[levels[i]][c];
        }
}

void ecam_rows_overlay(const ecam_pixels *image, const uint8_t *levels, size_t n,
                       const ecam_tints *tints, float *overlay)
{
    if (image->is_float)
        overlay_of_floats(image, levels, n, tints, overlay);
    else
        overlay_of_bytes(image, levels, n, tints, overlay);
}

void ecam_rows_divide(float *overlay, size_t n, float divisor)
{
    for (size_t i = 0; i < 3 * n; i++)
        overlay[i] /= divisor;
}

void ecam_rows_extremes(const float *overlay, size_t n, ecam_extremes *extremes)
{
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++) {
            float value = overlay[3 * i + c];
            extremes->lo[c] = value < extremes->lo[c] ? value : extremes->lo[c];
            extremes->hi[c] = value > extremes->hi[c] ? value : extremes->hi[c];
        }
}

void ecam_rows_display(const float *overlay, size_t n, const ecam_display *display, uint8_t *rgb)
{
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++)
            rgb[3 * i + c] = to_byte((overlay[3 * i + c] + display->shift[c]) / display->span[c] *
                                     display->scale);
}
