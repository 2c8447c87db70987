/* Drawing, inside: from a projection to levels, from levels to pictures. */
#ifndef ECAM_CAM_DRAW_H
#define ECAM_CAM_DRAW_H

#include "cam/draw_rows.h"
#include "cam/resize.h"
#include "cam/workspace.h"

/* Grows to the largest picture seen. Every array lies in `memory`.
 * source    [w] the positive part of one row of the map
 * taps      [W] along x
 * stretched [h][W] the map, resized along x (or all the way, [H][W])
 * levels    [H][W]
 * overlay   [W][3] */
struct ecam_draw_scratch {
    void *memory;
    size_t size_bytes;
    float *source;
    ecam_tap *taps;
    float *stretched;
    uint8_t *levels;
    float *overlay;
    ecam_tints tints;
};

/* The workspace's scratch, made to fit. Errors: ECAM_ESHAPE (a size is 0 or
 * the sizes overflow), ECAM_ENOMEM. */
ecam_status ecam_draw_scratch_fit(ecam_workspace *ws, size_t h, size_t w, size_t image_h,
                                  size_t image_w, struct ecam_draw_scratch **out);

/* The map's colour levels at the image's size, into scratch->levels.
 * projection: [h][w], or NULL for zeros. */
void ecam_heat_levels(struct ecam_draw_scratch *scratch, const float *projection, size_t h,
                      size_t w, size_t image_h, size_t image_w);

/* Row y of the image. */
ecam_pixels ecam_image_row(const ecam_image *image, size_t y);

/* Row y of the overlay, float32 [image.w][3], not divided. */
void ecam_overlay_row(const ecam_image *image, size_t y, const struct ecam_draw_scratch *scratch,
                      float *overlay);

/* Levels and tints, so that rows can be drawn. */
ecam_status ecam_overlay_begin(ecam_workspace *ws, const ecam_image *image,
                               const float *projection, size_t h, size_t w,
                               const ecam_overlay_style *style,
                               struct ecam_draw_scratch **out);

extern const ecam_extremes ecam_extremes_none;

/* The display rule that fits these extremes: see cam.h. */
ecam_display ecam_display_choose(const ecam_extremes *extremes);

#endif
