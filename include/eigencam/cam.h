/* EigenCAM: the principal components of a convolution layer's activations,
 * drawn over the input image. Pure computation: opens, logs, locks and waits
 * for nothing.
 *
 * Source: M. B. Muhammad, M. Yeasin, "Eigen-CAM", arXiv:2008.00299. With
 * A (h*w rows, C columns) the activations of one sample and B = A with each
 * column's mean subtracted, B = U S V': the projection on component i is
 * B V[:,i], reshaped to h x w.
 *
 * Exactness: within 1e-5 of a component's largest magnitude of a float64 SVD
 * where the singular values are well apart, else the same subspace. The same
 * input gives the same bytes on one machine, whatever the number of threads.
 *
 * Threads: a workspace is used by one thread at a time; functions are safe on
 * distinct workspaces. */
#ifndef EIGENCAM_CAM_H
#define EIGENCAM_CAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eigencam/status.h"
#include "eigencam/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The largest number of components that can be asked for. */
#define ECAM_MAX_COMPONENTS 1024

/* The memory that computing needs; grows to the largest sample seen and is
 * reused, so that a steady stream allocates nothing. */
typedef struct ecam_workspace ecam_workspace;

ECAM_API ecam_status ecam_workspace_create(ecam_workspace **out);
ECAM_API void ecam_workspace_destroy(ecam_workspace **ws);

/* One sample's activations: c channels of h x w positions.
 * data: any real dtype, dense, any alignment; channels_last: (h, w, c) memory
 * order, else (c, h, w). Values that are not finite count as 0. */
typedef struct ecam_activation {
    const void *data;
    ecam_dtype dtype;
    bool channels_last;
    size_t c, h, w;
} ecam_activation;

typedef enum ecam_sign {
    ECAM_SIGN_PEAK, /* negate a projection with |min| > |max|: "Seg-Eigen-CAM",
                       Appl. Sci. 2025, 15(13), 7562, Eq. 13 */
    ECAM_SIGN_NONE  /* the solver's own: unspecified but repeatable */
} ecam_sign;

/* n_components: 1..ECAM_MAX_COMPONENTS, exactly so many; or 0, then variance
 * (0 < variance < 1) is the share that the components together must reach. */
typedef struct ecam_project_options {
    unsigned n_components;
    double variance;
    ecam_sign sign;
} ecam_project_options;

/* What a projection gives; the arrays belong to the workspace and hold until
 * its next use.
 * maps        float32 [shown][h][w], signed, activation units (times one power
 *             of two where float64 activations leave float32's range); maps
 *             from `components` on are zeros
 * singular    [shown] singular values, descending, 0 beyond the rank
 * explained   [shown] s_i^2 / sum_j s_j^2; 0 beyond the rank
 * shown       n_components, or what the variance target asks for (0 for a
 *             sample without variance; at most ECAM_MAX_COMPONENTS)
 * components  how many of these are not empty: min(shown, rank), where the
 *             rank is 0 if s_0 <= 1e-6 |A|_F, else the number of s_i > 1e-6 s_0 */
typedef struct ecam_projection {
    const float *maps;
    const double *singular;
    const double *explained;
    unsigned shown;
    unsigned components;
} ecam_projection;

/* Project one sample on its leading principal directions.
 * Errors: ECAM_EINVAL (options), ECAM_ESHAPE (an axis is 0 or the sizes
 * overflow), ECAM_ENOMEM, ECAM_EMATH (no convergence). */
ECAM_API ecam_status ecam_project(ecam_workspace *ws, const ecam_activation *activation,
                                  const ecam_project_options *options,
                                  ecam_projection *out);

/* One sample's input image: 1 or 3 channels of h x w pixels.
 * data: dense; is_float: float32 (aligned), taken as they are; else uint8,
 * v / 255. channels_last: (h, w, channels), else (channels, h, w). */
typedef struct ecam_image {
    const void *data;
    bool is_float;
    bool channels_last;
    unsigned channels;
    size_t h, w;
} ecam_image;

/* Bytes that ecam_image_load writes for n = channels * h * w elements. */
ECAM_API size_t ecam_image_bytes(ecam_dtype dtype, size_t n);

/* Whether images of this dtype become float32 (else uint8). */
ECAM_API bool ecam_image_is_float(ecam_dtype dtype);

/* Bring n numbers of any dtype to one of the two forms that ecam_image takes:
 * integers clipped to 0..255 as uint8, booleans as 0 and 255, floats as
 * float32 with values that are not finite set to 0.
 * src: any alignment; dst: aligned for float, ecam_image_bytes long. */
ECAM_API void ecam_image_load(const void *src, ecam_dtype dtype, size_t n, void *dst);

typedef enum ecam_colormap {
    ECAM_COLORMAP_JET,
    ECAM_COLORMAP_TURBO,
    ECAM_COLORMAP_VIRIDIS,
    ECAM_COLORMAP_INFERNO,
    ECAM_COLORMAP_GRAY
} ecam_colormap;
#define ECAM_COLORMAP_COUNT 5

/* "jet", "turbo", ...; static storage. */
ECAM_API const char *ecam_colormap_name(ecam_colormap map);
ECAM_API ecam_status ecam_colormap_parse(const char *name, ecam_colormap *out);

/* 256 rows of red, green, blue. Jet is OpenCV's COLORMAP_JET. */
ECAM_API const uint8_t (*ecam_colormap_table(ecam_colormap map))[3];

/* add: overlay = image + heat; else overlay = (1 - weight) * image + weight *
 * heat, 0 <= weight <= 1. */
typedef struct ecam_overlay_style {
    ecam_colormap colormap;
    bool add;
    float weight;
} ecam_overlay_style;

/* The largest value (over pixels and channels) of the overlay before it is
 * divided. projection: float32 [h][w], signed, or NULL for a map of zeros.
 * The heat is: positive part, resized to the image (bilinear, pixel centres
 * aligned, OpenCV's INTER_LINEAR), minimum subtracted, divided by the maximum
 * (a map without variation stays 0), 256 levels, coloured.
 * Errors: ECAM_ESHAPE, ECAM_ENOMEM. */
ECAM_API ecam_status ecam_overlay_max(ecam_workspace *ws, const ecam_image *image,
                                      const float *projection, size_t h, size_t w,
                                      const ecam_overlay_style *style, float *max);

/* Draw the overlay divided by `divisor` (float32 division; a divisor that is
 * not above 0 counts as 1) as display bytes.
 * rgb: uint8 [image.h][image.w][3], the caller's.
 * Display rules, by the smallest and the largest value lo and hi of the
 * divided overlay: 0 <= lo, hi <= 1: x * 255; -0.5 <= lo < 0 < hi <= 0.5:
 * (x + 0.5) * 255; -1 <= lo < 0 < hi <= 1: (x + 1) * 127.5; else per channel,
 * with ma = |max| and mi = |min| of the channel, (x + mi) / (ma + mi) * 255.
 * Conversion truncates; bytes outside 0..255 are clipped, and a channel that
 * is 0 throughout stays 0. */
ECAM_API ecam_status ecam_overlay_draw(ecam_workspace *ws, const ecam_image *image,
                                       const float *projection, size_t h, size_t w,
                                       const ecam_overlay_style *style, float divisor,
                                       uint8_t *rgb);

/* The input image alone as display bytes, [h][w][3]: uint8 as it is, float by
 * the display rules above. */
ECAM_API void ecam_image_display(const ecam_image *image, uint8_t *rgb);

/* A signed projection as 16 bits: projection ~ lo + (hi - lo) * v / 65535,
 * v = round((p - lo) / (hi - lo) * 65535), lo and hi its extremes; all 0 where
 * lo == hi. out: n values, native byte order. */
ECAM_API void ecam_map_quantize(const float *projection, size_t n, uint16_t *out,
                                float *lo, float *hi);

#ifdef __cplusplus
}
#endif

#endif
