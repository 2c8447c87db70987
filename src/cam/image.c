#include <math.h>
#include <string.h>

#include "base/float16.h"
#include "eigencam/cam.h"

bool ecam_image_is_float(ecam_dtype dtype)
{
    return dtype == ECAM_F16 || dtype == ECAM_BF16 || dtype == ECAM_F32 || dtype == ECAM_F64;
}

size_t ecam_image_bytes(ecam_dtype dtype, size_t n)
{
    return ecam_image_is_float(dtype) ? n * sizeof(float) : n;
}

static float finite_or_zero(float value)
{
    return fabsf(value) <= 3.402823466e38f ? value : 0.0f;
}

/* Loops over one source type each; memcpy because src has any alignment. */
#define CLIP_SIGNED(type)                                                                     \
    for (size_t i = 0; i < n; i++) {                                                          \
        type v;                                                                               \
        memcpy(&v, from + i * sizeof v, sizeof v);                                            \
        to[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);                                     \
    }
#define CLIP_UNSIGNED(type)                                                                   \
    for (size_t i = 0; i < n; i++) {                                                          \
        type v;                                                                               \
        memcpy(&v, from + i * sizeof v, sizeof v);                                            \
        to[i] = (uint8_t)(v > 255 ? 255 : v);                                                 \
    }

static void load_bytes(const unsigned char *restrict from, ecam_dtype dtype, size_t n,
                       uint8_t *restrict to)
{
    switch (dtype) {
    case ECAM_BOOL:
        for (size_t i = 0; i < n; i++)
            to[i] = from[i] ? 255 : 0;
        break;
    case ECAM_I8:
        for (size_t i = 0; i < n; i++)
            to[i] = from[i] < 128 ? from[i] : 0;
        break;
    case ECAM_U16: CLIP_UNSIGNED(uint16_t) break;
    case ECAM_U32: CLIP_UNSIGNED(uint32_t) break;
    case ECAM_U64: CLIP_UNSIGNED(uint64_t) break;
    case ECAM_I16: CLIP_SIGNED(int16_t) break;
    case ECAM_I32: CLIP_SIGNED(int32_t) break;
    case ECAM_I64: CLIP_SIGNED(int64_t) break;
    default: memcpy(to, from, n); break;
    }
}

static void load_floats(const unsigned char *restrict from, ecam_dtype dtype, size_t n,
                        float *restrict to)
{
    if (dtype == ECAM_F64) {
        for (size_t i = 0; i < n; i++) {
            double v;
            memcpy(&v, from + i * sizeof v, sizeof v);
            to[i] = fabs(v) <= 3.402823466e38 ? (float)v : 0.0f;
        }
    } else if (dtype == ECAM_F32) {
        for (size_t i = 0; i < n; i++) {
            float v;
            memcpy(&v, from + i * sizeof v, sizeof v);
            to[i] = finite_or_zero(v);
        }
    } else {
        for (size_t i = 0; i < n; i++) {
            uint16_t v;
            memcpy(&v, from + i * sizeof v, sizeof v);
            to[i] = finite_or_zero(dtype == ECAM_F16 ? ecam_float_from_half(v)
                                                     : ecam_float_from_bfloat(v));
        }
    }
}

void ecam_image_load(const void *src, ecam_dtype dtype, size_t n, void *dst)
{
    if (ecam_image_is_float(dtype))
        load_floats(src, dtype, n, dst);
    else
        load_bytes(src, dtype, n, dst);
}
