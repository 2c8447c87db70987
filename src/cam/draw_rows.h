/* The work on single rows of pixels: plain kernels, and the same for some
 * instruction sets. A kernel gives the same bytes as its plain twin: the
 * operations are float32, each rounded as written. Where a quicker way is
 * taken, it is one that provably rounds the same. */
#ifndef ECAM_CAM_DRAW_ROWS_H
#define ECAM_CAM_DRAW_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Floats that may be read, and are finite, behind the end of a source row. */
#define ECAM_ROWS_PADDING ((size_t)32)

/* Where the pixels of a target row lie between those of a source row:
 * source[near[i]] * (1 - weight[i]) + source[far[i]] * weight[i]. */
typedef struct ecam_taps {
    int32_t *near, *far; /* neither ever descends */
    float *weight;
} ecam_taps;

/* A row between two rows of the stretched map, none of whose numbers is negative:
 * near * (1 - weight) + far * weight. */
typedef struct ecam_between {
    const float *near, *far;
    float weight;
} ecam_between;

/* A row of the image: value of pixel i, channel c is
 * pixels[i * pixel_stride + c * channel_stride], float or uint8.
 * pixel_stride is 1 or 3; channel_stride is 0 where one channel is all. */
typedef struct ecam_pixels {
    const void *pixels;
    bool is_float;
    size_t pixel_stride, channel_stride;
} ecam_pixels;

/* The heat of a row: colour levels, and what `colour` made of them, where there is
 * one: channel c's behind colours + c * stride. */
typedef struct ecam_heat {
    const uint8_t *levels;
    uint8_t *colours;
    size_t stride;
} ecam_heat;

/* Per channel. */
typedef struct ecam_extremes {
    float lo[3], hi[3];
} ecam_extremes;

/* From divided overlay to byte, per channel:
 * clip((x + shift) / span * scale) to 0..255, truncated. */
typedef struct ecam_display {
    bool per_channel; /* else one shift for all, and span is 1 */
    float shift[3], span[3], scale;
} ecam_display;

/* How an overlay is mixed and shown: overlay = image + heat of the level, each
 * times its weight; divided; displayed. */
typedef struct ecam_paint {
    _Alignas(64) uint8_t planes[3][256]; /* the colour map, by channel */
    uint8_t byte_of_sum[512];            /* see ecam_rows.paint_sums */
    uint32_t packed[256];                /* red, green << 8, blue << 16 */
    float image[256];                    /* image_weight * v / 255 */
    float heat[256][3];                  /* heat_weight * colour / 255 */
    bool add;                            /* both weights are 1 */
    float image_weight, heat_weight;
    float divisor;
    ecam_display display;
} ecam_paint;

/* One instruction set's kernels. n: pixels of the row, at least 1. */
typedef struct ecam_rows {
    const char *name;

    /* Resize a row along x. source: ECAM_ROWS_PADDING longer than it is. */
    void (*stretch)(const float *source, const ecam_taps *taps, size_t n, float *out);

    /* The smallest and the largest value of a row join lo and hi. */
    void (*range)(const ecam_between *row, size_t n, float *lo, float *hi);

    /* level = truncate(255 * ((value - lo) / range)), range > 0; lo and lo +
     * range are extremes of values, of these or of more rows. */
    void (*levels)(const ecam_between *row, size_t n, float lo, float range, uint8_t *levels);

    /* Channel c's bytes of the colour map go to colours + c * stride; for extremes,
     * paint and paint_within. NULL where these look them up. */
    void (*colour)(const uint8_t *levels, size_t n, const ecam_paint *paint, uint8_t *colours,
                   size_t stride);

    /* The extremes of the overlay, not divided, join `extremes`. */
    void (*extremes)(const ecam_pixels *image, const ecam_heat *heat, size_t n,
                     const ecam_paint *paint, ecam_extremes *extremes);

    /* The largest value joins `most`; the colours are made on the way. Float images
     * only; NULL where `extremes` is as quick. */
    void (*most)(const ecam_pixels *image, const ecam_heat *heat, size_t n,
                 const ecam_paint *paint, float *most);

    /* The extremes, and the overlay's display bytes into rgb [n][3]: unspecified
     * where the display does not fit the extremes. */
    void (*paint)(const ecam_pixels *image, const ecam_heat *heat, size_t n,
                  const ecam_paint *paint, ecam_extremes *extremes, uint8_t *rgb);

    /* A float overlay's display bytes into rgb, if all of its values, divided,
     * lie where a byte of 0..255 comes out without clipping; false, and rgb
     * unspecified, where one does not or this was not found out. Not for
     * displays per channel; NULL where `paint` is quicker. */
    bool (*paint_within)(const ecam_pixels *image, const ecam_heat *heat, size_t n,
                         const ecam_paint *paint, uint8_t *rgb);

    /* The largest image byte + colour byte joins `sum`. A uint8 image with
     * weights of 1 only; NULL where `extremes` is quicker. */
    void (*sums)(const ecam_pixels *image, const ecam_heat *heat, size_t n,
                 const ecam_paint *paint, unsigned *sum);

    /* The same, and byte_of_sum[sum] into rgb. NULL where `paint` is quicker. */
    void (*paint_sums)(const ecam_pixels *image, const ecam_heat *heat, size_t n,
                       const ecam_paint *paint, unsigned *sum, uint8_t *rgb);

    /* A uint8 image's own bytes into rgb. */
    void (*bytes)(const ecam_pixels *image, size_t n, uint8_t *rgb);
} ecam_rows;

extern const ecam_rows ecam_rows_plain;
#if defined(__x86_64__)
extern const ecam_rows ecam_rows_avx2;
extern const ecam_rows ecam_rows_avx512;
#endif

/* The tables that this processor can run, best first; NULL behind the last
 * (ecam_rows_plain). */
const ecam_rows *ecam_rows_usable(size_t i);

/* Whether quotients up to 1 may be computed with a reciprocal r, rounded, and
 * what it lacks, rest = 1 / divisor - r: q = x * r + x * rest is within one unit
 * of the last place, and from there q + (x - q * divisor) * r rounds correctly,
 * both fused (P. Markstein, "Computation of elementary functions on the IBM RISC
 * System/6000", 1990), as long as nothing overflows and what underflows is too
 * small to show. */
static inline bool ecam_rows_divides(float divisor)
{
    return divisor >= 0x1p-60f && divisor <= 0x1p60f;
}

/* overlay = image + heat, float32 [n][3]: what the kernels compute on the way. */
void ecam_rows_overlay(const ecam_pixels *image, const uint8_t *levels, size_t n,
                       const ecam_paint *paint, float *overlay);

#endif
