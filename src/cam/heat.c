#include <math.h>
#include <string.h>

#include "cam/draw.h"
#include "cam/resize.h"

static float positive(float value)
{
    return value > 0.0f ? value : 0.0f;
}

static void stretch(struct ecam_draw_scratch *s, const float *projection)
{
    for (size_t y = 0; y < s->h; y++) {
        for (size_t x = 0; x < s->w; x++)
            s->source[x] = positive(projection[y * s->w + x]);
        s->rows->stretch(s->source, &s->taps_x, s->image_w, s->stretched + y * s->image_w);
    }
}

static void halve(struct ecam_draw_scratch *s, const float *projection)
{
    for (size_t y = 0; y < s->image_h; y++) {
        const float *upper = projection + 2 * y * s->w, *lower = upper + s->w;
        for (size_t x = 0; x < s->image_w; x++)
            s->stretched[y * s->image_w + x] =
                0.25f * (positive(upper[2 * x]) + positive(upper[2 * x + 1]) +
                         positive(lower[2 * x]) + positive(lower[2 * x + 1]));
    }
}

/* Row y of the resized map. */
static ecam_between row_between(const struct ecam_draw_scratch *s, size_t y, bool halved)
{
    const ecam_taps *taps = &s->taps_y;

    if (halved) {
        const float *row = s->stretched + y * s->image_w;
        return (ecam_between){.near = row, .far = row, .weight = 0};
    }
    return (ecam_between){.near = s->stretched + (size_t)taps->near[y] * s->image_w,
                          .far = s->stretched + (size_t)taps->far[y] * s->image_w,
                          .weight = taps->weight[y]};
}

void ecam_heat_levels(struct ecam_draw_scratch *s, const float *projection)
{
    bool halved = ecam_resize_halves(s->h, s->w, s->image_h, s->image_w);
    float lo = INFINITY, hi = -INFINITY;

    if (projection && halved)
        halve(s, projection);
    else if (projection)
        stretch(s, projection);
    for (size_t y = 0; projection && y < s->image_h; y++) {
        ecam_between row = row_between(s, y, halved);
        s->rows->range(&row, s->image_w, &lo, &hi);
    }
    float range = hi - lo;
    if (!(range > 0.0f)) { /* no map, or one without variation */
        memset(s->levels, 0, s->image_h * s->image_w);
        return;
    }
    for (size_t y = 0; y < s->image_h; y++) {
        ecam_between row = row_between(s, y, halved);
        s->rows->levels(&row, s->image_w, lo, range, s->levels + y * s->image_w);
    }
}
