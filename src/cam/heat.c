#include <math.h>
#include <string.h>

#include "cam/draw.h"

static void positive_part(const float *row, size_t w, float *out)
{
    for (size_t x = 0; x < w; x++)
        out[x] = row[x] > 0.0f ? row[x] : 0.0f;
}

static void stretch_row(const float *source, const ecam_tap *taps, size_t n, float *out)
{
    for (size_t x = 0; x < n; x++)
        out[x] = source[taps[x].near] * (1.0f - taps[x].weight) +
                 source[taps[x].far] * taps[x].weight;
}

static void stretch(struct ecam_draw_scratch *s, const float *projection, size_t h, size_t w,
                    size_t image_w)
{
    for (size_t x = 0; x < image_w; x++)
        s->taps[x] = ecam_resize_tap_x(x, w, image_w);
    for (size_t y = 0; y < h; y++) {
        positive_part(projection + y * w, w, s->source);
        stretch_row(s->source, s->taps, image_w, s->stretched + y * image_w);
    }
}

static float positive(float value)
{
    return value > 0.0f ? value : 0.0f;
}

static void halve(struct ecam_draw_scratch *s, const float *projection, size_t w, size_t image_h,
                  size_t image_w)
{
    for (size_t y = 0; y < image_h; y++) {
        const float *upper = projection + 2 * y * w, *lower = upper + w;
        for (size_t x = 0; x < image_w; x++)
            s->stretched[y * image_w + x] =
                0.25f * (positive(upper[2 * x]) + positive(upper[2 * x + 1]) +
                         positive(lower[2 * x]) + positive(lower[2 * x + 1]));
    }
}

/* Row y of the resized map as a blend of two stretched rows. */
static ecam_between row_between(const struct ecam_draw_scratch *s, size_t y, size_t rows,
                                size_t image_h, size_t image_w)
{
    ecam_tap tap = ecam_resize_tap(y, rows, image_h);
    return (ecam_between){.near = s->stretched + tap.near * image_w,
                          .far = s->stretched + tap.far * image_w,
                          .weight = tap.weight};
}

void ecam_heat_levels(struct ecam_draw_scratch *s, const float *projection, size_t h, size_t w,
                      size_t image_h, size_t image_w)
{
    float lo = INFINITY, hi = -INFINITY;
    size_t rows = h;

    memset(s->levels, 0, image_h * image_w);
    if (!projection)
        return;
    if (ecam_resize_halves(h, w, image_h, image_w)) {
        halve(s, projection, w, image_h, image_w);
        rows = image_h;
    } else {
        stretch(s, projection, h, w, image_w);
    }
    for (size_t y = 0; y < image_h; y++) {
        ecam_between row = row_between(s, y, rows, image_h, image_w);
        ecam_rows_range(&row, image_w, &lo, &hi);
    }
    float range = hi - lo;
    if (!(range > 0.0f))
        return;
    for (size_t y = 0; y < image_h; y++) {
        ecam_between row = row_between(s, y, rows, image_h, image_w);
        ecam_rows_levels(&row, image_w, lo, range, s->levels + y * image_w);
    }
}
