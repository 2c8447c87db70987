/* The work on single rows of pixels: the plain kernels, and the same for some
 * instruction sets. Every kernel gives the same bits as its plain twin: the
 * operations are float32, each rounded as written. */
#ifndef ECAM_CAM_DRAW_ROWS_H
#define ECAM_CAM_DRAW_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A row between two rows of the stretched map:
 * near * (1 - weight) + far * weight. */
typedef struct ecam_between {
    const float *near, *far;
    float weight;
} ecam_between;

/* What bytes and levels add to an overlay, in float32. */
typedef struct ecam_tints {
    float image_weight;    /* of a float image's values */
    float image[256];      /* image_weight * v / 255 */
    float heat[256][3];    /* heat_weight * colour / 255 */
} ecam_tints;

/* A row of the image: value of pixel i, channel c is
 * pixels[i * pixel_stride + c * channel_stride], float or uint8. */
typedef struct ecam_pixels {
    const void *pixels;
    bool is_float;
    size_t pixel_stride, channel_stride; /* 0: the same for all channels */
} ecam_pixels;

/* Per channel. */
typedef struct ecam_extremes {
    float lo[3], hi[3];
} ecam_extremes;

/* From overlay to byte, per channel:
 * clip((x + shift) / span * scale) to 0..255, truncated. */
typedef struct ecam_display {
    float shift[3], span[3], scale;
} ecam_display;

/* Smallest and largest value of a row join lo and hi. */
void ecam_rows_range(const ecam_between *row, size_t n, float *lo, float *hi);

/* level = truncate(255 * ((value - lo) / range)), range > 0. */
void ecam_rows_levels(const ecam_between *row, size_t n, float lo, float range, uint8_t *levels);

/* overlay = image + heat, [n][3]. */
void ecam_rows_overlay(const ecam_pixels *image, const uint8_t *levels, size_t n,
                       const ecam_tints *tints, float *overlay);

void ecam_rows_divide(float *overlay, size_t n, float divisor);

/* The extremes of [n][3] values join `extremes`. */
void ecam_rows_extremes(const float *overlay, size_t n, ecam_extremes *extremes);

void ecam_rows_display(const float *overlay, size_t n, const ecam_display *display, uint8_t *rgb);

#endif
