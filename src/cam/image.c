#include <float.h>
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
    return fabsf(value) <= FLT_MAX ? value : 0.0f;
}

/* As ecam_float_from_half, but what is not finite is 0, and all three kinds of
 * number are made and one is chosen by masks: loops of it become vector code. */
static float finite_from_half(uint32_t bits)
{
    uint32_t magnitude = bits & 0x7fffu, sign = (bits & 0x8000u) << 16, small_bits;
    float small = (float)(int32_t)magnitude * 0x1p-24f; /* where the exponent is 0 */
    uint32_t is_small = 0u - (uint32_t)(magnitude < 0x400u);
    uint32_t is_finite = 0u - (uint32_t)(magnitude < 0x7c00u);

    memcpy(&small_bits, &small, sizeof small_bits);
    uint32_t normal_bits = (magnitude << 13) + (112u << 23);
    uint32_t chosen = (small_bits & is_small) | (normal_bits & ~is_small);
    return ecam_float_from_bits((chosen | sign) & is_finite);
}

/* 64-bit compares are slow where they are not built in. */
static uint8_t clip_i64(int64_t value)
{
    uint8_t low = (uint64_t)value >> 8 ? 255 : (uint8_t)value;
    return low & (uint8_t)~(uint64_t)(value >> 63);
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
    case ECAM_I64:
        for (size_t i = 0; i < n; i++) {
            int64_t v;
            memcpy(&v, from + i * sizeof v, sizeof v);
            to[i] = clip_i64(v);
        }
        break;
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
            to[i] = finite_or_zero((float)v); /* too large becomes infinite */
        }
    } else if (dtype == ECAM_F32) {
        for (size_t i = 0; i < n; i++) {
            float v;
            memcpy(&v, from + i * sizeof v, sizeof v);
            to[i] = finite_or_zero(v);
        }
    } else if (dtype == ECAM_F16) {
        for (size_t i = 0; i < n; i++) {
            uint16_t v;
            memcpy(&v, from + i * sizeof v, sizeof v);
            to[i] = finite_from_half(v);
        }
    } else {
        for (size_t i = 0; i < n; i++) {
            uint16_t v;
            memcpy(&v, from + i * sizeof v, sizeof v);
            to[i] = finite_or_zero(ecam_float_from_bfloat(v));
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
