/* The two 16-bit float formats, bit by bit, on any processor. */
#ifndef ECAM_BASE_FLOAT16_H
#define ECAM_BASE_FLOAT16_H

#include <stdint.h>
#include <string.h>

static inline float ecam_float_from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline float ecam_float_from_bfloat(uint16_t bits)
{
    return ecam_float_from_bits((uint32_t)bits << 16);
}

/* IEEE 754 binary16. A subnormal is its 10 bits times 2^-24. */
static inline float ecam_float_from_half(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000u) << 16;
    uint32_t exponent = (bits >> 10) & 0x1fu;
    uint32_t fraction = bits & 0x3ffu;

    if (exponent == 31)
        return ecam_float_from_bits(sign | 0x7f800000u | fraction << 13);
    if (exponent != 0)
        return ecam_float_from_bits(sign | (exponent + 112) << 23 | fraction << 13);
    float magnitude = (float)fraction * 0x1p-24f;
    return sign ? -magnitude : magnitude;
}

#endif
