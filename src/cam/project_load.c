#include "cam/project_load.h"

#include <math.h>
#include <string.h>

#include "base/float16.h"

/* memcpy because tensors in messages have any alignment. */
#define CONVERT(type, expression)                                                             \
    for (size_t i = 0; i < count; i++) {                                                      \
        type v;                                                                               \
        memcpy(&v, (const char *)src + (start + i) * sizeof v, sizeof v);                     \
        dst[i] = (double)(expression);                                                        \
    }                                                                                         \
    break

static void convert(const void *src, ecam_dtype dtype, size_t start, size_t count, double *dst)
{
    switch (dtype) {
    case ECAM_BOOL: CONVERT(uint8_t, v != 0);
    case ECAM_U8: CONVERT(uint8_t, v);
    case ECAM_I8: CONVERT(int8_t, v);
    case ECAM_U16: CONVERT(uint16_t, v);
    case ECAM_I16: CONVERT(int16_t, v);
    case ECAM_U32: CONVERT(uint32_t, v);
    case ECAM_I32: CONVERT(int32_t, v);
    case ECAM_U64: CONVERT(uint64_t, v);
    case ECAM_I64: CONVERT(int64_t, v);
    case ECAM_F16: CONVERT(uint16_t, ecam_float_from_half(v));
    case ECAM_BF16: CONVERT(uint16_t, ecam_float_from_bfloat(v));
    case ECAM_F32: CONVERT(float, v);
    case ECAM_F64: CONVERT(double, v);
    }
}

/* Values that are not finite become 0. */
static void load_doubles(const void *src, ecam_dtype dtype, size_t start, size_t count,
                         double *dst)
{
    convert(src, dtype, start, count, dst);
    for (size_t i = 0; i < count; i++)
        dst[i] = isfinite(dst[i]) ? dst[i] : 0;
}

/* Positions of a channels-last tensor are taken a few at a time. */
#define STRIP 16

static ecam_status load_rows(const ecam_task *task, double *matrix)
{
    const ecam_activation *a = task->activation;
    size_t c = a->c, n = task->n;

    if (!a->channels_last) {
        load_doubles(a->data, a->dtype, 0, c * n, matrix);
        return ECAM_OK;
    }
    double *strip = ecam_room_get(task->scratch, ECAM_ROOM_STRIP, c, STRIP, sizeof *strip);
    if (!strip)
        return ECAM_ENOMEM;
    for (size_t first = 0; first < n; first += STRIP) {
        size_t count = n - first < STRIP ? n - first : STRIP;
        load_doubles(a->data, a->dtype, first * c, count * c, strip);
        for (size_t i = 0; i < c; i++)
            for (size_t p = 0; p < count; p++)
                matrix[i * n + first + p] = strip[p * c + i];
    }
    return ECAM_OK;
}

/* Powers of two beyond these are no doubles; the values stay far enough from
 * both ends of the range all the same. */
static double power_of_two(int exponent)
{
    return ldexp(1, exponent < -1000 ? -1000 : exponent > 1000 ? 1000 : exponent);
}

/* Bring the largest magnitude to 0.5..1, so that no product over- or
 * underflows. */
static int scale(double *values, size_t count)
{
    double largest = 0;
    int exponent;

    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(values[i]));
    if (largest == 0)
        return 0;
    frexp(largest, &exponent);
    if (exponent < -1000)
        exponent = -1000;
    /* Two steps: 2^-1024 itself is too small for a normal double. */
    double half = power_of_two(-(exponent / 2)), rest = power_of_two(-(exponent - exponent / 2));
    for (size_t i = 0; i < count; i++)
        values[i] = values[i] * half * rest;
    return exponent;
}

/* The mean in two steps: the second takes up what the first lost. */
static void centre_row(double *row, size_t n)
{
    for (int step = 0; step < 2; step++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += row[i];
        double mean = sum / (double)n;
        for (size_t i = 0; i < n; i++)
            row[i] -= mean;
    }
}

ecam_status ecam_load_centred(const ecam_task *task, ecam_centred *out)
{
    size_t c = task->activation->c, n = task->n;

    out->matrix = ecam_room_get(task->scratch, ECAM_ROOM_MATRIX, c, n, sizeof(double));
    if (!out->matrix)
        return ECAM_ENOMEM;
    ecam_status st = load_rows(task, out->matrix);
    if (st != ECAM_OK)
        return st;
    out->exponent = scale(out->matrix, c * n);
    out->norm2 = 0;
    for (size_t i = 0; i < c * n; i++)
        out->norm2 += out->matrix[i] * out->matrix[i];
    for (size_t i = 0; i < c; i++)
        centre_row(out->matrix + i * n, n);
    return ECAM_OK;
}

/* Whether float32 holds every value of this type. */
static bool is_narrow(ecam_dtype dtype)
{
    return dtype == ECAM_F32 || ecam_dtype_size(dtype) <= 2;
}

/* Beyond these, squares and their sums leave float32's range or lose bits. */
#define PEAK_MOST 0x1p40
#define PEAK_LEAST 0x1p-40

/* A sign for each channel and mixture: the top bits of a multiplicative hash,
 * so that the same input always gives the same bytes. */
static float random_sign(size_t channel, unsigned mixture)
{
    uint64_t hash = (channel * 2 + mixture + 1) * 0x9e3779b97f4a7c15u;
    hash = (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9u;
    return hash >> 63 ? 1 : -1;
}

static ecam_status make_floats(const ecam_task *task, ecam_centred_floats *out)
{
    size_t c = task->activation->c, rows, stride;

    if (__builtin_add_overflow(task->n, ECAM_LANES - 1, &stride) ||
        __builtin_add_overflow(c, 2, &rows))
        return ECAM_ENOMEM;
    out->stride = stride / ECAM_LANES * ECAM_LANES;
    out->matrix = ecam_room_get(task->scratch, ECAM_ROOM_FLOATS, rows, out->stride, sizeof(float));
    out->weights = ecam_room_get(task->scratch, ECAM_ROOM_WEIGHTS, c, 2, sizeof(float));
    if (!out->matrix || !out->weights)
        return ECAM_ENOMEM;
    out->mixture = out->matrix + c * out->stride;
    for (size_t i = 0; i < c; i++) {
        out->weights[i] = random_sign(i, 0);
        out->weights[c + i] = random_sign(i, 1);
    }
    return ECAM_OK;
}

/* rows: float32 [c][n]. False where the result cannot be used. */
static bool centre_floats(const ecam_task *task, const float *rows, ecam_centred_floats *out)
{
    size_t c = task->activation->c;
    ecam_centring r = {.x = rows,
                   .n = task->n,
                   .count = c,
                   .padded = out->stride,
                   .out = out->matrix,
                   .weight = {out->weights, out->weights + c},
                   .y = out->mixture};

    task->kernels->centre(&r);
    out->norm2 = r.norm2;
    out->peak = (double)ecam_float_from_bits(r.peak);
    return ecam_load_fits(r.peak);
}

ecam_status ecam_load_rows(const ecam_task *task, const float **out)
{
    const ecam_activation *a = task->activation;
    size_t c = a->c, n = task->n;

    *out = NULL;
    if (!is_narrow(a->dtype))
        return ECAM_OK;
    if (a->dtype == ECAM_F32 && !a->channels_last && (uintptr_t)a->data % sizeof(float) == 0) {
        *out = a->data;
        return ECAM_OK;
    }
    float *rows = ecam_room_get(task->scratch, ECAM_ROOM_ROWS, c, n, sizeof *rows);
    double *strip = ecam_room_get(task->scratch, ECAM_ROOM_STRIP, c > n ? c : n, STRIP, sizeof *strip);
    if (!rows || !strip)
        return ECAM_ENOMEM;
    *out = rows;
    for (size_t i = 0; i < c && !a->channels_last; i++) {
        convert(a->data, a->dtype, i * n, n, strip);
        for (size_t p = 0; p < n; p++)
            rows[i * n + p] = (float)strip[p];
    }
    for (size_t first = 0; first < n && a->channels_last; first += STRIP) {
        size_t count = n - first < STRIP ? n - first : STRIP;
        convert(a->data, a->dtype, first * c, count * c, strip);
        for (size_t i = 0; i < c; i++)
            for (size_t p = 0; p < count; p++)
                rows[i * n + first + p] = (float)strip[p * c + i];
    }
    return ECAM_OK;
}

bool ecam_load_fits(uint32_t peak)
{
    double largest = (double)ecam_float_from_bits(peak);
    return largest == 0 || (largest <= PEAK_MOST && largest >= PEAK_LEAST);
}

ecam_status ecam_load_floats(const ecam_task *task, ecam_centred_floats *out)
{
    size_t c = task->activation->c, n = task->n;
    ecam_centred exact;

    out->exponent = 0;
    ecam_status st = make_floats(task, out);
    if (st != ECAM_OK)
        return st;
    const float *narrow;
    st = ecam_load_rows(task, &narrow);
    if (st != ECAM_OK)
        return st;
    if (narrow && centre_floats(task, narrow, out))
        return ECAM_OK;
    /* Wide, huge, tiny or not finite: centred and scaled in float64. */
    st = ecam_load_centred(task, &exact);
    if (st != ECAM_OK)
        return st;
    float *rows = ecam_room_get(task->scratch, ECAM_ROOM_ROWS, c, n, sizeof *rows);
    if (!rows)
        return ECAM_ENOMEM;
    for (size_t i = 0; i < c * n; i++)
        rows[i] = (float)exact.matrix[i];
    centre_floats(task, rows, out);
    out->peak = exact.norm2 > 0 ? 1 : 0;
    out->exponent = exact.exponent;
    return ECAM_OK;
}
