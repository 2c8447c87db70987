/* Drawing, inside: from a projection to levels, from levels to pictures. */
#ifndef ECAM_CAM_DRAW_H
#define ECAM_CAM_DRAW_H

#include "cam/draw_rows.h"
#include "cam/workspace.h"

/* Image byte a plus colour byte b: the smallest and the largest float32 value
 * that a / 255 + b / 255 has among all a, b with that sum. They differ in the
 * last place at most. */
typedef struct ecam_sums {
    float least[511], most[511];
} ecam_sums;

#define ECAM_HEAT_PIECE ((size_t)8192)

/* Grows to the largest picture seen; what the last call had in common with
 * this one is not computed again.
 * projection [h][w] what the levels are of
 * source     [w] the positive part of one row of it
 * stretched  [h][W] the map, resized along x (or all the way, [H][W]), and the
 *            extremes of each row
 * levels     [H][W]
 * colours    of the levels, [3][H][W]; or of a piece, [3][ECAM_HEAT_PIECE], where
 *            so many would have to come from memory again */
struct ecam_draw_scratch {
    ecam_paint paint;
    ecam_sums sums;
    const ecam_rows *rows; /* the best for this processor */
    void *memory;          /* of all arrays */
    size_t size_bytes;
    size_t h, w, image_h, image_w; /* what the taps are for */
    ecam_taps taps_x, taps_y;
    float *projection;
    float *source;
    float *stretched, *row_lo, *row_hi;
    uint8_t *levels, *colours;
    size_t levelled; /* so many rows of levels are known */
    size_t coloured; /* so many pixels have colours, where they are kept */
    bool keeps_colours;
    bool heated;     /* the map is `projection`, else zeros */
    bool halved;     /* `stretched` is resized all the way */
    float heat_lo, heat_range;
    ecam_overlay_style style; /* what the paint is mixed for */
    bool mixed;
    float summed_divisor; /* what paint.byte_of_sum is for; 0 for nothing */
    bool sums_decide;
};

/* The workspace's scratch, made to fit. Errors: ECAM_ESHAPE (a size is 0 or
 * too large), ECAM_ENOMEM. */
ecam_status ecam_draw_scratch_fit(ecam_workspace *ws, size_t h, size_t w, size_t image_h,
                                  size_t image_w, struct ecam_draw_scratch **out);

/* Everything that drawing rows needs except levels, a divisor and a display:
 * the resized map's extremes, and paint for the style. Errors: as above, and ECAM_ESHAPE for an image that
 * has not 1 or 3 channels. */
ecam_status ecam_draw_begin(ecam_workspace *ws, const ecam_image *image, const float *projection,
                            size_t h, size_t w, const ecam_overlay_style *style,
                            struct ecam_draw_scratch **out);

/* Resize a map and find its extremes, unless it is the one before.
 * projection: [scratch->h][scratch->w], or NULL for zeros. */
void ecam_heat_begin(struct ecam_draw_scratch *scratch, const float *projection);

/* The map's colour levels at the image's size, into scratch->levels, at least up
 * to pixel number `end`. */
void ecam_heat_level(struct ecam_draw_scratch *scratch, size_t end);

/* Levels and colours of at least pixels begin..end - 1, ECAM_HEAT_PIECE at most;
 * then these from pixel number `begin` on. */
void ecam_heat_piece(struct ecam_draw_scratch *scratch, size_t begin, size_t end);
ecam_heat ecam_heat_from(const struct ecam_draw_scratch *scratch, size_t begin);

/* Fill in sums; mix the paint for a style. */
void ecam_paint_sum(ecam_sums *sums);
void ecam_paint_mix(ecam_paint *paint, const ecam_overlay_style *style);

/* Fill in byte_of_sum for an overlay that is divided and then displayed by
 * x * 255. Returns whether the byte depends on the sum alone. */
bool ecam_paint_bytes(ecam_paint *paint, const ecam_sums *sums, float divisor);

/* The image's pixels from number `first` on, in rows without gaps. */
ecam_pixels ecam_image_pixels(const ecam_image *image, size_t first);

extern const ecam_extremes ecam_extremes_none;

/* The display rule for these extremes (see cam.h), and whether it is `display`. */
ecam_display ecam_display_choose(const ecam_extremes *extremes);
bool ecam_display_equal(const ecam_display *a, const ecam_display *b);

#endif
