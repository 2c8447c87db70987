#include <math.h>
#include <string.h>

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
    ecam_display display = {.per_channel = true, .scale = 255.0f};

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

bool ecam_display_equal(const ecam_display *a, const ecam_display *b)
{
    return a->per_channel == b->per_channel && a->scale == b->scale &&
           memcmp(a->shift, b->shift, sizeof a->shift) == 0 &&
           memcmp(a->span, b->span, sizeof a->span) == 0;
}

/* A float image is shown as an overlay with black heat. */
static void display_floats(const ecam_image *image, uint8_t *rgb)
{
    static uint8_t zeros[1024]; /* all colours of the paint are 0 */
    const ecam_heat no_heat = {.levels = zeros, .colours = zeros, .stride = 0};
    const ecam_rows *rows = ecam_rows_usable(0);
    ecam_paint paint = {.add = true, .image_weight = 1, .heat_weight = 1, .divisor = 1};
    ecam_extremes extremes = ecam_extremes_none, again = ecam_extremes_none;
    size_t n = image->h * image->w, step = sizeof zeros;

    for (size_t i = 0; i < n; i += step) {
        ecam_pixels part = ecam_image_pixels(image, i);
        rows->extremes(&part, &no_heat, n - i < step ? n - i : step, &paint, &extremes);
    }
    paint.display = ecam_display_choose(&extremes);
    for (size_t i = 0; i < n; i += step) {
        ecam_pixels part = ecam_image_pixels(image, i);
        rows->paint(&part, &no_heat, n - i < step ? n - i : step, &paint, &again, rgb + 3 * i);
    }
}

void ecam_image_display(const ecam_image *image, uint8_t *rgb)
{
    size_t n = image->h * image->w;
    ecam_pixels all = ecam_image_pixels(image, 0);

    if (image->is_float)
        display_floats(image, rgb);
    else if (image->channels_last && image->channels == 3)
        memcpy(rgb, image->data, 3 * n);
    else if (n > 0)
        ecam_rows_usable(0)->bytes(&all, n, rgb);
}
