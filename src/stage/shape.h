/* How the tensors of a batch are read: which axis is what. */
#ifndef ECAM_STAGE_SHAPE_H
#define ECAM_STAGE_SHAPE_H

#include "eigencam/cam.h"
#include "eigencam/status.h"
#include "eigencam/tensor.h"

#define ECAM_MAX_IMAGE_SIDE 16384

/* n samples, each `stride` bytes after the other. `layout` is what was taken. */
typedef struct ecam_image_batch {
    const char *data;
    ecam_dtype dtype;
    ecam_layout layout;
    uint64_t n;
    size_t stride;
    unsigned channels;
    size_t h, w;
} ecam_image_batch;

typedef struct ecam_activation_batch {
    const char *data;
    ecam_dtype dtype;
    ecam_layout layout;
    uint64_t n;
    size_t stride;
    size_t c, h, w;
} ecam_activation_batch;

/* (N,C,H,W), (N,H,W,C) or (N,H,W), with 1 or 3 channels. The tensor's own
 * layout wins over `setting`; AUTO takes NCHW if axis 1 is 1 or 3, else NHWC if
 * axis 3 is. Errors: ECAM_ESHAPE with the shape and what was expected. */
ecam_status ecam_shape_images(const ecam_tensor *tensor, ecam_layout setting,
                              ecam_image_batch *out, ecam_error *error);

/* (N,C,h,w), (N,h,w,C), or tokens (N,L,C) of layout NLC, whose leading class
 * and register tokens are dropped: the grid is the tensor's own, else the
 * largest square. The tensor's own layout wins over `setting`, and AUTO follows
 * `images` (NCHW or NHWC). Errors: ECAM_ESHAPE. */
ecam_status ecam_shape_activations(const ecam_tensor *tensor, ecam_layout setting,
                                   ecam_layout images, ecam_activation_batch *out,
                                   ecam_error *error);

ecam_activation ecam_activation_of(const ecam_activation_batch *batch, uint64_t i);

/* "NCHW", ...; static storage. */
const char *ecam_layout_name(ecam_layout layout);

/* "(8, 3, 224, 224)" in `text`; returns it. */
char *ecam_shape_text(const ecam_tensor *tensor, char *text, size_t capacity);

#endif
