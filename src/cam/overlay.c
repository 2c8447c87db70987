#include <math.h>

#include "cam/draw.h"

static bool in_sums(const struct ecam_draw_scratch *s, const ecam_image *image)
{
    return !image->is_float && s->paint.add && s->rows->sums;
}

/* Rows follow each other without gaps, so a picture is one long row. */
static size_t pixels_of(const ecam_image *image)
{
    return image->h * image->w;
}

static unsigned find_sum(const ecam_image *image, const struct ecam_draw_scratch *s)
{
    ecam_pixels all = ecam_image_pixels(image, 0);
    unsigned sum = 0;

    s->rows->sums(&all, s->levels, pixels_of(image), &s->paint, &sum);
    return sum;
}

static ecam_extremes find_extremes(const ecam_image *image, const struct ecam_draw_scratch *s)
{
    ecam_pixels all = ecam_image_pixels(image, 0);
    ecam_extremes extremes = ecam_extremes_none;

    s->rows->extremes(&all, s->levels, pixels_of(image), &s->paint, &extremes);
    return extremes;
}

ecam_status ecam_overlay_max(ecam_workspace *ws, const ecam_image *image, const float *projection,
                             size_t h, size_t w, const ecam_overlay_style *style, float *max)
{
    struct ecam_draw_scratch *s;
    ecam_status st = ecam_draw_begin(ws, image, projection, h, w, style, &s);

    if (st != ECAM_OK)
        return st;
    if (in_sums(s, image)) {
        unsigned sum = find_sum(image, s);
        *max = s->sums.most[sum];
        if (s->sums.least[sum] == *max)
            return ECAM_OK;
    }
    ecam_extremes extremes = find_extremes(image, s);
    *max = fmaxf(fmaxf(extremes.hi[0], extremes.hi[1]), extremes.hi[2]);
    return ECAM_OK;
}

/* Division keeps order, so the extremes of the divided overlay are these. */
static ecam_display display_of(const ecam_extremes *extremes, float divisor)
{
    ecam_extremes divided;

    for (size_t c = 0; c < 3; c++) {
        divided.lo[c] = extremes->lo[c] / divisor;
        divided.hi[c] = extremes->hi[c] / divisor;
    }
    return ecam_display_choose(&divided);
}

static ecam_extremes paint(const ecam_image *image, const struct ecam_draw_scratch *s, uint8_t *rgb)
{
    ecam_pixels all = ecam_image_pixels(image, 0);
    ecam_extremes extremes = ecam_extremes_none;

    s->rows->paint(&all, s->levels, pixels_of(image), &s->paint, &extremes, rgb);
    return extremes;
}

/* Which display rule applies is known when the whole overlay is, but its
 * middle row nearly always tells. */
static ecam_display guess_display(const ecam_image *image, const struct ecam_draw_scratch *s)
{
    size_t first = image->h / 2 * image->w;
    ecam_pixels row = ecam_image_pixels(image, first);
    ecam_extremes extremes = ecam_extremes_none;

    s->rows->extremes(&row, s->levels + first, image->w, &s->paint, &extremes);
    return display_of(&extremes, s->paint.divisor);
}

static void paint_guessing(const ecam_image *image, struct ecam_draw_scratch *s, uint8_t *rgb)
{
    ecam_display guess = guess_display(image, s);

    s->paint.display = guess;
    ecam_extremes extremes = guess.per_channel ? find_extremes(image, s) : paint(image, s, rgb);
    s->paint.display = display_of(&extremes, s->paint.divisor);
    if (guess.per_channel || !ecam_display_equal(&guess, &s->paint.display))
        paint(image, s, rgb);
}

/* A uint8 image with its colours added: nearly always the sum of two bytes
 * decides what byte is shown. Returns whether that was so. */
static bool paint_sums(const ecam_image *image, struct ecam_draw_scratch *s, uint8_t *rgb)
{
    ecam_pixels all = ecam_image_pixels(image, 0);
    unsigned sum = 0;

    if (s->summed_divisor != s->paint.divisor)
        s->sums_decide = ecam_paint_bytes(&s->paint, &s->sums, s->paint.divisor);
    s->summed_divisor = s->paint.divisor;
    if (!s->sums_decide)
        return false;
    s->rows->paint_sums(&all, s->levels, pixels_of(image), &s->paint, &sum, rgb);
    return s->sums.most[sum] / s->paint.divisor <= 1.0f;
}

ecam_status ecam_overlay_draw(ecam_workspace *ws, const ecam_image *image,
                              const float *projection, size_t h, size_t w,
                              const ecam_overlay_style *style, float divisor, uint8_t *rgb)
{
    struct ecam_draw_scratch *s;
    ecam_status st = ecam_draw_begin(ws, image, projection, h, w, style, &s);

    if (st != ECAM_OK)
        return st;
    s->paint.divisor = divisor > 0.0f ? divisor : 1.0f;
    if (!in_sums(s, image) || !paint_sums(image, s, rgb))
        paint_guessing(image, s, rgb);
    return ECAM_OK;
}
