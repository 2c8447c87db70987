#include <math.h>
#include <string.h>

#include "cam/draw.h"
#include "cam/resize.h"

static float positive(float value)
{
    return value > 0.0f ? value : 0.0f;
}

static void stretch(struct ecam_draw_scratch *s)
{
    for (size_t y = 0; y < s->h; y++) {
        for (size_t x = 0; x < s->w; x++)
            s->source[x] = positive(s->projection[y * s->w + x]);
        s->rows->stretch(s->source, &s->taps_x, s->image_w, s->stretched + y * s->image_w);
    }
}

static void halve(struct ecam_draw_scratch *s)
{
    for (size_t y = 0; y < s->image_h; y++) {
        const float *upper = s->projection + 2 * y * s->w, *lower = upper + s->w;
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

static void join_row(const struct ecam_draw_scratch *s, size_t y, bool halved, float *lo, float *hi)
{
    ecam_between row = row_between(s, y, halved);
    s->rows->range(&row, s->image_w, lo, hi);
}

/* What the rows of the resized map cannot go beyond: rounding keeps order, so
 * the blend of two rows' extremes bounds the blend of the rows. */
static bool may_widen(const struct ecam_draw_scratch *s, size_t y, float lo, float hi)
{
    float weight = s->taps_y.weight[y];
    size_t near = (size_t)s->taps_y.near[y], far = (size_t)s->taps_y.far[y];

    return s->row_lo[near] * (1.0f - weight) + s->row_lo[far] * weight < lo ||
           s->row_hi[near] * (1.0f - weight) + s->row_hi[far] * weight > hi;
}

static bool first_of_its_taps(const struct ecam_draw_scratch *s, size_t y)
{
    return y == 0 || s->taps_y.near[y] != s->taps_y.near[y - 1];
}

/* Extremes lie next to the map's own rows, but for rounding: after those rows
 * hardly any other needs to be looked at. */
static void find_range(const struct ecam_draw_scratch *s, float *lo, float *hi)
{
    for (size_t y = 0; y < s->image_h; y++)
        if (first_of_its_taps(s, y) || y + 1 == s->image_h || first_of_its_taps(s, y + 1))
            join_row(s, y, false, lo, hi);
    for (size_t y = 0; y < s->image_h; y++)
        if (may_widen(s, y, *lo, *hi))
            join_row(s, y, false, lo, hi);
}

static void find_row_ranges(struct ecam_draw_scratch *s)
{
    for (size_t y = 0; y < s->h; y++) {
        const float *values = s->stretched + y * s->image_w;
        ecam_between row = {.near = values, .far = values, .weight = 0};
        s->row_lo[y] = INFINITY;
        s->row_hi[y] = -INFINITY;
        s->rows->range(&row, s->image_w, &s->row_lo[y], &s->row_hi[y]);
    }
}

/* What the levels count from and to. */
static void find_extremes(struct ecam_draw_scratch *s)
{
    float lo = INFINITY, hi = -INFINITY;

    s->halved = ecam_resize_halves(s->h, s->w, s->image_h, s->image_w);
    if (s->halved) {
        halve(s);
        for (size_t y = 0; y < s->image_h; y++)
            join_row(s, y, true, &lo, &hi);
    } else {
        stretch(s);
        find_row_ranges(s);
        find_range(s, &lo, &hi);
    }
    s->heat_lo = lo;
    s->heat_range = hi - lo;
}

void ecam_heat_begin(struct ecam_draw_scratch *s, const float *projection)
{
    size_t bytes = s->h * s->w * sizeof(float);

    if (projection && s->heated && memcmp(s->projection, projection, bytes) == 0)
        return; /* as when an overlay is drawn right after its maximum was found */
    s->heated = projection != NULL;
    s->levelled = s->coloured = 0;
    s->heat_range = 0;
    if (!projection)
        return;
    memcpy(s->projection, projection, bytes);
    find_extremes(s);
}

void ecam_heat_level(struct ecam_draw_scratch *s, size_t end)
{
    for (size_t y = s->levelled; y < s->image_h && y * s->image_w < end; y++) {
        uint8_t *levels = s->levels + y * s->image_w;
        ecam_between row = row_between(s, y, s->halved);
        if (s->heat_range > 0.0f)
            s->rows->levels(&row, s->image_w, s->heat_lo, s->heat_range, levels);
        else /* no variation */
            memset(levels, 0, s->image_w);
        s->levelled = y + 1;
    }
}

void ecam_heat_piece(struct ecam_draw_scratch *s, size_t begin, size_t end)
{
    ecam_heat_level(s, end);
    if (!s->rows->colour || (s->keeps_colours && end <= s->coloured))
        return;
    size_t from = s->keeps_colours ? s->coloured : begin;
    ecam_heat heat = ecam_heat_from(s, from);
    s->rows->colour(heat.levels, end - from, &s->paint, heat.colours, heat.stride);
    s->coloured = end;
}

ecam_heat ecam_heat_from(const struct ecam_draw_scratch *s, size_t first)
{
    return (ecam_heat){.levels = s->levels + first,
                       .colours = s->colours + (s->keeps_colours ? first : 0),
                       .stride = s->keeps_colours ? s->image_h * s->image_w : ECAM_HEAT_PIECE};
}
