#include <math.h>

#include "cam/draw.h"

/* Rows from which the display rule is guessed. */
#define GUESS_ROWS 5

/* Kernels are quickest with whole blocks of pixels. */
#define WHOLE ((size_t)64)

/* Pieces of a picture, whose levels are found while it comes from memory, should
 * be this small. */
#define SMALL_PIECE ((size_t)1024)

static bool in_sums(const struct ecam_draw_scratch *s, const ecam_image *image)
{
    return !image->is_float && s->paint.add && s->rows->sums;
}

/* Rows follow each other without gaps, so a picture is one long row. */
static size_t pixels_of(const ecam_image *image)
{
    return image->h * image->w;
}

/* Levels are found row by row, so small pieces are whole rows if these make
 * blocks. */
static size_t small_piece(const ecam_image *image)
{
    return image->w % (WHOLE / 2) == 0 && image->w <= SMALL_PIECE ? 2 * image->w : SMALL_PIECE;
}

/* So many pixels from number `begin` on, or those that there are. */
typedef struct piece {
    ecam_pixels pixels;
    ecam_heat heat;
    size_t n;
} piece;

static piece piece_at(const ecam_image *image, const struct ecam_draw_scratch *s, size_t begin,
                      size_t size)
{
    size_t left = pixels_of(image) - begin;

    return (piece){.pixels = ecam_image_pixels(image, begin),
                   .heat = ecam_heat_from(s, begin),
                   .n = left < size ? left : size};
}

static piece levelled_piece(const ecam_image *image, struct ecam_draw_scratch *s, size_t begin,
                            size_t size)
{
    piece p = piece_at(image, s, begin, size);

    ecam_heat_level(s, begin + p.n);
    return p;
}

static piece heated_piece(const ecam_image *image, struct ecam_draw_scratch *s, size_t begin,
                          size_t size)
{
    piece p = piece_at(image, s, begin, size);

    ecam_heat_piece(s, begin, begin + p.n);
    return p;
}

static unsigned find_sum(const ecam_image *image, struct ecam_draw_scratch *s)
{
    size_t size = small_piece(image);
    unsigned sum = 0;
    piece p;

    for (size_t i = 0; i < pixels_of(image); i += p.n) {
        p = levelled_piece(image, s, i, size);
        s->rows->sums(&p.pixels, &p.heat, p.n, &s->paint, &sum);
    }
    return sum;
}

static ecam_extremes find_extremes(const ecam_image *image, struct ecam_draw_scratch *s)
{
    ecam_extremes extremes = ecam_extremes_none;
    size_t size = small_piece(image);
    piece p;

    for (size_t i = 0; i < pixels_of(image); i += p.n) {
        p = heated_piece(image, s, i, size);
        s->rows->extremes(&p.pixels, &p.heat, p.n, &s->paint, &extremes);
    }
    return extremes;
}

static float find_most(const ecam_image *image, struct ecam_draw_scratch *s)
{
    size_t size = small_piece(image);
    float most = -INFINITY;
    piece p;

    if (!image->is_float || !s->rows->most) {
        ecam_extremes e = find_extremes(image, s);
        return fmaxf(fmaxf(e.hi[0], e.hi[1]), e.hi[2]);
    }
    for (size_t i = 0; i < pixels_of(image); i += p.n) {
        p = levelled_piece(image, s, i, size);
        s->rows->most(&p.pixels, &p.heat, p.n, &s->paint, &most);
        s->coloured = i + p.n;
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

static ecam_extremes paint(const ecam_image *image, struct ecam_draw_scratch *s, uint8_t *rgb)
{
    ecam_extremes extremes = ecam_extremes_none;
    piece p;

    for (size_t i = 0; i < pixels_of(image); i += p.n) {
        p = heated_piece(image, s, i, ECAM_HEAT_PIECE);
        s->rows->paint(&p.pixels, &p.heat, p.n, &s->paint, &extremes, rgb + 3 * i);
    }
    return extremes;
}

/* Which display rule applies is known when the whole overlay is, but a few rows
 * nearly always tell. */
static ecam_display guess_display(const ecam_image *image, struct ecam_draw_scratch *s)
{
    ecam_extremes extremes = ecam_extremes_none;
    size_t n = image->w < WHOLE ? image->w : image->w / WHOLE * WHOLE;

    if (n > ECAM_HEAT_PIECE)
        n = ECAM_HEAT_PIECE;
    for (size_t k = 0; k < GUESS_ROWS; k++) {
        size_t first = (2 * k + 1) * image->h / (2 * GUESS_ROWS) * image->w;
        piece p = heated_piece(image, s, first, n);
        s->rows->extremes(&p.pixels, &p.heat, p.n, &s->paint, &extremes);
    }
    return display_of(&extremes, s->paint.divisor);
}

/* The guess's rows have told what sets its rule apart from the stricter ones:
 * it holds if all values are in its range. */
static bool paint_within(const ecam_image *image, struct ecam_draw_scratch *s, uint8_t *rgb)
{
    bool within = image->is_float && !s->paint.display.per_channel && s->rows->paint_within;
    piece p;

    for (size_t i = 0; i < pixels_of(image) && within; i += p.n) {
        p = heated_piece(image, s, i, ECAM_HEAT_PIECE);
        within = s->rows->paint_within(&p.pixels, &p.heat, p.n, &s->paint, rgb + 3 * i);
    }
    return within;
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
    unsigned sum = 0;
    piece p;

    if (s->summed_divisor != s->paint.divisor)
        s->sums_decide = ecam_paint_bytes(&s->paint, &s->sums, s->paint.divisor);
    s->summed_divisor = s->paint.divisor;
    if (!s->sums_decide)
        return false;
    for (size_t i = 0; i < pixels_of(image); i += p.n) {
        p = levelled_piece(image, s, i, ECAM_HEAT_PIECE);
        s->rows->paint_sums(&p.pixels, &p.heat, p.n, &s->paint, &sum, rgb + 3 * i);
    }
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
