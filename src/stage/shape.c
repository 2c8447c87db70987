#include "stage/shape.h"

#include <stdio.h>
#include <string.h>

#define SHAPE_TEXT 192

const char *ecam_layout_name(ecam_layout layout)
{
    static const char *const names[] = {"auto", "NCHW", "NHWC", "NLC"};
    return names[layout];
}

char *ecam_shape_text(const ecam_tensor *tensor, char *text, size_t capacity)
{
    size_t used = (size_t)snprintf(text, capacity, "(");

    for (unsigned i = 0; i < tensor->ndim && used < capacity; i++)
        used += (size_t)snprintf(text + used, capacity - used, "%s%llu", i ? ", " : "",
                                 (unsigned long long)tensor->shape[i]);
    if (used < capacity)
        snprintf(text + used, capacity - used, "%s", tensor->ndim == 1 ? ",)" : ")");
    return text;
}

static bool is_channels(uint64_t axis)
{
    return axis == 1 || axis == 3;
}

static size_t sample_bytes(const ecam_tensor *t)
{
    return t->size_bytes / t->shape[0];
}

static ecam_status refuse(const ecam_tensor *t, const char *what, const char *expected,
                          ecam_error *error)
{
    char text[SHAPE_TEXT];
    return ecam_fail(error, ECAM_ESHAPE, "%s of shape %s: expected %s", what,
                     ecam_shape_text(t, text, sizeof text), expected);
}

static ecam_layout image_layout(const ecam_tensor *t, ecam_layout setting)
{
    if (t->layout == ECAM_LAYOUT_NCHW || t->layout == ECAM_LAYOUT_NHWC)
        return t->layout;
    if (setting != ECAM_LAYOUT_AUTO)
        return setting;
    return is_channels(t->shape[1]) || !is_channels(t->shape[3]) ? ECAM_LAYOUT_NCHW : ECAM_LAYOUT_NHWC;
}

ecam_status ecam_shape_images(const ecam_tensor *t, ecam_layout setting, ecam_image_batch *out,
                              ecam_error *error)
{
    uint64_t channels = 1, h, w;
    ecam_layout layout = ECAM_LAYOUT_NCHW;

    if (t->ndim == 3) {
        h = t->shape[1];
        w = t->shape[2];
    } else if (t->ndim == 4) {
        layout = image_layout(t, setting);
        bool last = layout == ECAM_LAYOUT_NHWC;
        channels = t->shape[last ? 3 : 1];
        h = t->shape[last ? 1 : 2];
        w = t->shape[last ? 2 : 3];
    } else {
        return refuse(t, "images", "(N,C,H,W), (N,H,W,C) or (N,H,W)", error);
    }
    if (!is_channels(channels))
        return refuse(t, "images",
                      layout == ECAM_LAYOUT_NHWC ? "1 or 3 channels on the last axis (NHWC)"
                                                 : "1 or 3 channels on axis 1 (NCHW), or on the "
                                                   "last one with layout NHWC",
                      error);
    if (h > ECAM_MAX_IMAGE_SIDE || w > ECAM_MAX_IMAGE_SIDE)
        return refuse(t, "images", "at most 16384 pixels a side", error);
    *out = (ecam_image_batch){.data = t->data, .dtype = t->dtype, .layout = layout,
                              .n = t->shape[0], .stride = sample_bytes(t),
                              .channels = (unsigned)channels, .h = h, .w = w};
    return ECAM_OK;
}

/* Rows and columns of the token grid: given, or the largest square that the
 * tokens fill; what is over stands in front (class and register tokens). */
static ecam_status token_grid(const ecam_tensor *t, size_t *h, size_t *w, ecam_error *error)
{
    uint64_t tokens = t->shape[1], side = 1;

    if (t->grid[0] != 0) {
        *h = t->grid[0];
        *w = t->grid[1];
        if ((uint64_t)t->grid[0] * t->grid[1] > tokens)
            return refuse(t, "activations", "as many tokens as the grid has places", error);
        return ECAM_OK;
    }
    while (side + 1 <= tokens / (side + 1))
        side++;
    *h = *w = side;
    return ECAM_OK;
}

static ecam_status shape_tokens(const ecam_tensor *t, ecam_activation_batch *out,
                                ecam_error *error)
{
    size_t h, w;

    if (t->ndim != 3)
        return refuse(t, "activations", "(N, tokens, channels) for layout NLC", error);
    ecam_status st = token_grid(t, &h, &w, error);
    if (st != ECAM_OK)
        return st;
    size_t token_bytes = t->shape[2] * ecam_dtype_size(t->dtype);
    *out = (ecam_activation_batch){.data = (const char *)t->data + (t->shape[1] - h * w) * token_bytes,
                                   .dtype = t->dtype, .layout = ECAM_LAYOUT_NLC,
                                   .n = t->shape[0], .stride = sample_bytes(t),
                                   .c = t->shape[2], .h = h, .w = w};
    return ECAM_OK;
}

ecam_status ecam_shape_activations(const ecam_tensor *t, ecam_layout setting, ecam_layout images,
                                   ecam_activation_batch *out, ecam_error *error)
{
    ecam_layout layout = t->layout != ECAM_LAYOUT_AUTO ? t->layout
                         : setting != ECAM_LAYOUT_AUTO ? setting
                                                       : images;

    if (layout == ECAM_LAYOUT_NLC)
        return shape_tokens(t, out, error);
    if (t->ndim != 4)
        return refuse(t, "activations",
                      "(N,C,h,w) or (N,h,w,C), or tokens (N,L,C) with layout NLC", error);
    bool last = layout == ECAM_LAYOUT_NHWC;
    *out = (ecam_activation_batch){.data = t->data, .dtype = t->dtype, .layout = layout,
                                   .n = t->shape[0], .stride = sample_bytes(t),
                                   .c = t->shape[last ? 3 : 1], .h = t->shape[last ? 1 : 2],
                                   .w = t->shape[last ? 2 : 3]};
    return ECAM_OK;
}

ecam_activation ecam_activation_of(const ecam_activation_batch *b, uint64_t i)
{
    return (ecam_activation){.data = b->data + i * b->stride, .dtype = b->dtype,
                             .channels_last = b->layout != ECAM_LAYOUT_NCHW,
                             .c = b->c, .h = b->h, .w = b->w};
}
