#include <math.h>

#include "cam/draw.h"

const ecam_extremes ecam_extremes_none = {
    .lo = {INFINITY, INFINITY, INFINITY},
    .hi = {-INFINITY, -INFINITY, -INFINITY},
};

static ecam_display uniform(float shift, float scale)
{
    return (ecam_display){
        .shift = {shift, shift, shift}, .span = {1.0f, 1.0f, 1.0f}, .scale = scale};
}

static ecam_display by_channel(const ecam_extremes *e)
{
    ecam_display display = {.scale = 255.0f};

    for (size_t c = 0; c < 3; c++) {
        float most = fabsf(e->hi[c]), least = fabsf(e->lo[c]);
        display.shift[c] = least;
        display.span[c] = most + least;
        if (display.span[c] == 0.0f) /* zeros throughout, and they stay so */
            display.span[c] = 1.0f;
    }
    return display;
}

ecam_display ecam_display_choose(const ecam_extremes *e)
{
    float lo = fminf(fminf(e->lo[0], e->lo[1]), e->lo[2]);
    float hi = fmaxf(fmaxf(e->hi[0], e->hi[1]), e->hi[2]);

    if (lo >= 0.0f && hi <= 1.0f)
        return uniform(0.0f, 255.0f);
    if (lo >= -0.5f && lo < 0.0f && hi > 0.0f && hi <= 0.5f)
        return uniform(0.5f, 255.0f);
    if (lo >= -1.0f && lo < 0.0f && hi > 0.0f && hi <= 1.0f)
        return uniform(1.0f, 127.5f);
    return by_channel(e);
}

/* Pixel by pixel, as the picture is shown and no overlay is wanted. */
static void load_pixel(const ecam_pixels *row, size_t x, float pixel[3])
{
    const float *pixels = row->pixels;

    for (size_t c = 0; c < 3; c++)
        pixel[c] = pixels[x * row->pixel_stride + c * row->channel_stride];
}

static void display_floats(const ecam_image *image, uint8_t *rgb)
{
    ecam_extremes extremes = ecam_extremes_none;
    float pixel[3];

    for (size_t y = 0; y < image->h; y++) {
        ecam_pixels row = ecam_image_row(image, y);
        for (size_t x = 0; x < image->w; x++) {
            load_pixel(&row, x, pixel);
            ecam_rows_extremes(pixel, 1, &extremes);
        }
    }
    ecam_display display = ecam_display_choose(&extremes);
    for (size_t y = 0; y < image->h; y++) {
        ecam_pixels row = ecam_image_row(image, y);
        for (size_t x = 0; x < image->w; x++) {
            load_pixel(&row, x, pixel);
            ecam_rows_display(pixel, 1, &display, rgb + 3 * (y * image->w + x));
        }
    }
}

void ecam_image_display(const ecam_image *image, uint8_t *rgb)
{
    if (image->is_float) {
        display_floats(image, rgb);
        return;
    }
    for (size_t y = 0; y < image->h; y++) {
        ecam_pixels row = ecam_image_row(image, y);
        const uint8_t *pixels = row.pixels;
        for (size_t x = 0; x < image->w; x++)
            for (size_t c = 0; c < 3; c++)
                *rgb++ = pixels[x * row.pixel_stride + c * row.channel_stride];
    }
}
