#include <math.h>

#include "cam/draw.h"

/* Rows from which the display rule is guessed. */
#define GUESS_ROWS 5

/* Kernels are quickest with whole blocks of pixels. */
#define WHOLE ((size_t)64)

/* The map's levels are found piece by piece, while image comes from memory. */
#define PIECE ((size_t)1024)

static bool in_sums(const struct ecam_draw_scratch *s, const ecam_image *image)
{
    return !image->is_float && s->paint.add && s->rows->sums;
}

/* Rows follow each other without gaps, so a picture is one long row. */
static size_t pixels_of(const ecam_image *image)
{
    return image->h * image->w;
}

/* Levels are found row by row, so pieces are whole rows if these make blocks. */
static size_t piece_from(const ecam_image *image, size_t i)
{
    size_t piece = image->w % (WHOLE / 2) == 0 && image->w <= PIECE ? 2 * image->w : PIECE;

    return pixels_of(image) - i < piece ? pixels_of(image) - i : piece;
}

static unsigned find_sum(const ecam_image *image, struct ecam_draw_scratch *s)
{
    unsigned sum = 0;

    for (size_t i = 0, n; i < pixels_of(image); i += n) {
        ecam_pixels piece = ecam_image_pixels(image, i);
        ecam_heat heat = ecam_heat_from(s, i);
        n = piece_from(image, i);
        ecam_heat_until(s, i + n);
        s->rows->sums(&piece, &heat, n, &s->paint, &sum);
    }
    return sum;
}

static ecam_extremes find_extremes(const ecam_image *image, struct ecam_draw_scratch *s)
{
    ecam_extremes extremes = ecam_extremes_none;

    for (size_t i = 0, n; i < pixels_of(image); i += n) {
        ecam_pixels piece = ecam_image_pixels(image, i);
        ecam_heat heat = ecam_heat_from(s, i);
        n = piece_from(image, i);
        ecam_heat_until(s, i + n);
        s->rows->extremes(&piece, &heat, n, &s->paint, &extremes);
    }
    return extremes;
}

static float find_most(const ecam_image *image, struct ecam_draw_scratch *s)
{
    float most = -INFINITY;

    if (!image->is_float || !s->rows->most) {
        ecam_extremes e = find_extremes(image, s);
        return fmaxf(fmaxf(e.hi[0], e.hi[1]), e.hi[2]);
    }
    for (size_t i = 0, n; i < pixels_of(image); i += n) {
        ecam_pixels piece = ecam_image_pixels(image, i);
        ecam_heat heat = ecam_heat_from(s, i);
        n = piece_from(image, i);
        ecam_heat_level(s, i + n);
        s->rows->most(&piece, &heat, n, &s->paint, &most);
        s->coloured = i + n;
    }
    return most;
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
    *max = find_most(image, s);
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
    ecam_heat heat = ecam_heat_from(s, 0);
    ecam_extremes extremes = ecam_extremes_none;

    s->rows->paint(&all, &heat, pixels_of(image), &s->paint, &extremes, rgb);
    return extremes;
}

/* Which display rule applies is known when the whole overlay is, but a few rows
 * nearly always tell. */
static ecam_display guess_display(const ecam_image *image, const struct ecam_draw_scratch *s)
{
    ecam_extremes extremes = ecam_extremes_none;
    size_t n = image->w < WHOLE ? image->w : image->w / WHOLE * WHOLE;

    for (size_t k = 0; k < GUESS_ROWS; k++) {
        size_t first = (2 * k + 1) * image->h / (2 * GUESS_ROWS) * image->w;
        ecam_pixels row = ecam_image_pixels(image, first);
        ecam_heat heat = ecam_heat_from(s, first);
        s->rows->extremes(&row, &heat, n, &s->paint, &extremes);
    }
    return display_of(&extremes, s->paint.divisor);
}

/* The guess's rows have told what sets its rule apart from the stricter ones:
 * it holds if all values are in its range. */
static bool paint_within(const ecam_image *image, const struct ecam_draw_scratch *s, uint8_t *rgb)
{
    ecam_pixels all = ecam_image_pixels(image, 0);
    ecam_heat heat = ecam_heat_from(s, 0);

    return image->is_float && !s->paint.display.per_channel && s->rows->paint_within &&
           s->rows->paint_within(&all, &heat, pixels_of(image), &s->paint, rgb);
}

static void paint_guessing(const ecam_image *image, struct ecam_draw_scratch *s, uint8_t *rgb)
{
    ecam_display guess = guess_display(image, s);

    s->paint.display = guess;
    if (paint_within(image, s, rgb))
        return;
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
    ecam_heat heat = ecam_heat_from(s, 0);
    unsigned sum = 0;

    if (s->summed_divisor != s->paint.divisor)
        s->sums_decide = ecam_paint_bytes(&s->paint, &s->sums, s->paint.divisor);
    s->summed_divisor = s->paint.divisor;
    if (!s->sums_decide)
        return false;
    s->rows->paint_sums(&all, &heat, pixels_of(image), &s->paint, &sum, rgb);
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
    ecam_heat_until(s, pixels_of(image));
    s->paint.divisor = divisor > 0.0f ? divisor : 1.0f;
    if (!in_sums(s, image) || !paint_sums(image, s, rgb))
        paint_guessing(image, s, rgb);
    return ECAM_OK;
}
