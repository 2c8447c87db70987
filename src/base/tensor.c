#include "eigencam/tensor.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/float16.h"

static const struct {
    const char *name;
    size_t size;
} types[ECAM_DTYPE_COUNT] = {
    [ECAM_BOOL] = {"|b1", 1}, [ECAM_U8] = {"|u1", 1},  [ECAM_I8] = {"|i1", 1},
    [ECAM_U16] = {"<u2", 2},  [ECAM_I16] = {"<i2", 2}, [ECAM_U32] = {"<u4", 4},
    [ECAM_I32] = {"<i4", 4},  [ECAM_U64] = {"<u8", 8}, [ECAM_I64] = {"<i8", 8},
    [ECAM_F16] = {"<f2", 2},  [ECAM_F32] = {"<f4", 4}, [ECAM_F64] = {"<f8", 8},
    [ECAM_BF16] = {"bfloat16", 2},
};

size_t ecam_dtype_size(ecam_dtype dtype)
{
    return types[dtype].size;
}

const char *ecam_dtype_name(ecam_dtype dtype)
{
    return types[dtype].name;
}

ecam_status ecam_dtype_parse(const char *name, size_t length, ecam_dtype *out)
{
    for (size_t i = 0; i < ECAM_DTYPE_COUNT; i++) {
        const char *known = types[i].name;
        if (length != strlen(known))
            continue;
        bool one_byte = known[0] == '|' && length == 3 && name[0] != '\0' && strchr("|<>=", name[0]);
        if (memcmp(name, known, length) == 0 || (one_byte && memcmp(name + 1, known + 1, 2) == 0)) {
            *out = (ecam_dtype)i;
            return ECAM_OK;
        }
    }
    if (length == 3 && (memcmp(name, "|V2", 3) == 0 || memcmp(name, "<V2", 3) == 0)) {
        *out = ECAM_BF16;
        return ECAM_OK;
    }
    return ECAM_ETYPE;
}

ecam_status ecam_tensor_check(const ecam_tensor *t, ecam_error *error)
{
    uint64_t bytes = ecam_dtype_size(t->dtype);

    if (t->ndim > ECAM_MAX_DIMS)
        return ecam_fail(error, ECAM_ESHAPE, "shape has %u axes, at most %d are accepted", t->ndim,
                         ECAM_MAX_DIMS);
    for (unsigned i = 0; i < t->ndim; i++) {
        if (t->shape[i] == 0)
            return ecam_fail(error, ECAM_ESHAPE, "axis %u of the shape is 0", i);
        if (bytes > SIZE_MAX / t->shape[i])
            return ecam_fail(error, ECAM_ESHAPE, "shape overflows: its bytes cannot be counted");
        bytes *= t->shape[i];
    }
    if (bytes != t->size_bytes)
        return ecam_fail(error, ECAM_ESHAPE, "shape times type %s needs %llu bytes, there are %zu",
                         ecam_dtype_name(t->dtype), (unsigned long long)bytes, t->size_bytes);
    return ECAM_OK;
}

/* One element; memcpy because tensors in messages have any alignment. */
#define READ(type)                                                                            \
    do {                                                                                      \
        type value;                                                                           \
        memcpy(&value, at, sizeof value);                                                     \
        return (double)value;                                                                 \
    } while (0)

double ecam_tensor_at(const ecam_tensor *t, size_t i)
{
    const unsigned char *at = (const unsigned char *)t->data + i * ecam_dtype_size(t->dtype);
    uint16_t half;

    switch (t->dtype) {
    case ECAM_BOOL: return *at != 0;
    case ECAM_U8: READ(uint8_t);
    case ECAM_I8: READ(int8_t);
    case ECAM_U16: READ(uint16_t);
    case ECAM_I16: READ(int16_t);
    case ECAM_U32: READ(uint32_t);
    case ECAM_I32: READ(int32_t);
    case ECAM_U64: READ(uint64_t);
    case ECAM_I64: READ(int64_t);
    case ECAM_F32: READ(float);
    case ECAM_F64: READ(double);
    case ECAM_F16: memcpy(&half, at, 2); return (double)ecam_float_from_half(half);
    case ECAM_BF16: memcpy(&half, at, 2); return (double)ecam_float_from_bfloat(half);
    }
    return NAN;
}
