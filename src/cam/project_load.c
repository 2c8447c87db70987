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

void ecam_load_doubles(const void *src, ecam_dtype dtype, size_t start, size_t count,
                       double *dst)
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
        ecam_load_doubles(a->data, a->dtype, 0, c * n, matrix);
        return ECAM_OK;
    }
    double *strip = ecam_room_get(task->scratch, ECAM_ROOM_STRIP, c, STRIP, sizeof *strip);
    if (!strip)
        return ECAM_ENOMEM;
    for (size_t first = 0; first < n; first += STRIP) {
        size_t count = n - first < STRIP ? n - first : STRIP;
        ecam_load_doubles(a->data, a->dtype, first * c, count * c, strip);
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
