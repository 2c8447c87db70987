#include "eigencam/tensor.h"

#include "base/float16.h"
#include "support/check.h"

static ecam_dtype parsed(const char *name)
{
    ecam_dtype dtype = (ecam_dtype)99;
    if (ecam_dtype_parse(name, strlen(name), &dtype) != ECAM_OK)
        fail_msg("%s is not accepted", name);
    return dtype;
}

static void types_have_names_and_sizes(void **state)
{
    (void)state;
    static const struct {
        ecam_dtype dtype;
        const char *name;
        size_t size;
    } types[] = {{ECAM_BOOL, "|b1", 1}, {ECAM_U8, "|u1", 1},  {ECAM_I8, "|i1", 1},  {ECAM_U16, "<u2", 2},
                 {ECAM_I16, "<i2", 2},  {ECAM_U32, "<u4", 4}, {ECAM_I32, "<i4", 4}, {ECAM_U64, "<u8", 8},
                 {ECAM_I64, "<i8", 8},  {ECAM_F16, "<f2", 2}, {ECAM_F32, "<f4", 4}, {ECAM_F64, "<f8", 8},
                 {ECAM_BF16, "bfloat16", 2}};
    assert_int_equal(sizeof types / sizeof *types, ECAM_DTYPE_COUNT);
    for (size_t i = 0; i < ECAM_DTYPE_COUNT; i++) {
        assert_string_equal(ecam_dtype_name(types[i].dtype), types[i].name);
        assert_int_equal(ecam_dtype_size(types[i].dtype), types[i].size);
        assert_int_equal(parsed(types[i].name), types[i].dtype);
    }
}

static void other_spellings_are_known(void **state)
{
    (void)state;
    assert_int_equal(parsed("<u1"), ECAM_U8);
    assert_int_equal(parsed(">i1"), ECAM_I8);
    assert_int_equal(parsed("=b1"), ECAM_BOOL);
    assert_int_equal(parsed("|V2"), ECAM_BF16);
    assert_int_equal(parsed("<V2"), ECAM_BF16);
}

static void all_else_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    "<",   "u1",  "<f",   ">f4", "|f4", "<f16", "<c8", "|O",      "<U3",
                                      "|S1", "|V4", "<b1 ", "xu1", "<M8", "f4",  "bfloat", "bfloat162", "<f3"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ecam_dtype dtype = ECAM_I64;
        if (ecam_dtype_parse(bad[i], strlen(bad[i]), &dtype) != ECAM_ETYPE)
            fail_msg("\"%s\" is accepted", bad[i]);
        assert_int_equal(dtype, ECAM_I64);
    }
    ecam_dtype dtype;
    CHECK_STATUS(ecam_dtype_parse("\0u1", 3, &dtype), ECAM_ETYPE);
    CHECK_STATUS(ecam_dtype_parse("<f4x", 3, &dtype), ECAM_OK); /* the length counts */
}

static void sizes_must_agree(void **state)
{
    (void)state;
    ecam_error error = {0};
    ecam_tensor t = {.dtype = ECAM_F32, .ndim = 3, .shape = {2, 3, 4}, .size_bytes = 96};
    CHECK_OK(ecam_tensor_check(&t, &error), error);
    t.size_bytes = 95;
    CHECK_STATUS(ecam_tensor_check(&t, &error), ECAM_ESHAPE);
    CHECK_TEXT_HAS(error.text, "96");
    CHECK_TEXT_HAS(error.text, "95");
    t.size_bytes = 96;
    t.shape[1] = 0;
    CHECK_STATUS(ecam_tensor_check(&t, &error), ECAM_ESHAPE);
    CHECK_TEXT_HAS(error.text, "axis 1 of the shape is 0");
    t = (ecam_tensor){.dtype = ECAM_F64, .ndim = 0, .size_bytes = 8};
    CHECK_OK(ecam_tensor_check(&t, &error), error);
    t.ndim = ECAM_MAX_DIMS + 1;
    CHECK_STATUS(ecam_tensor_check(&t, &error), ECAM_ESHAPE);
    CHECK_TEXT_HAS(error.text, "9 axes, at most 8");
}

static void shapes_that_overflow_are_refused(void **state)
{
    (void)state;
    ecam_error error = {0};
    /* 2^61 times 8 bytes is 2^64, which is 0 to a careless product */
    ecam_tensor t = {.dtype = ECAM_F64, .ndim = 1, .shape = {(uint64_t)1 << 61}, .size_bytes = 0};
    CHECK_STATUS(ecam_tensor_check(&t, &error), ECAM_ESHAPE);
    CHECK_TEXT_HAS(error.text, "overflows");
    t = (ecam_tensor){.dtype = ECAM_U8, .ndim = 2, .shape = {(uint64_t)1 << 32, (uint64_t)1 << 32}};
    CHECK_STATUS(ecam_tensor_check(&t, &error), ECAM_ESHAPE);
    t = (ecam_tensor){.dtype = ECAM_U8, .ndim = 1, .shape = {UINT64_MAX}, .size_bytes = SIZE_MAX};
    CHECK_OK(ecam_tensor_check(&t, &error), error);
}

/* Element 1 of two, one byte off any alignment. */
static double second(ecam_dtype dtype, const void *value)
{
    unsigned char bytes[17] = {0};
    size_t size = ecam_dtype_size(dtype);
    ecam_tensor t = {.data = bytes + 1, .dtype = dtype, .ndim = 1, .shape = {2}, .size_bytes = 2 * size};
    memcpy(bytes + 1 + size, value, size);
    return ecam_tensor_at(&t, 1);
}

#define SECOND(dtype, type, value) second(dtype, &(type){value})

static void elements_are_read_from_every_type(void **state)
{
    (void)state;
    CHECK_NEAR(SECOND(ECAM_BOOL, uint8_t, 0), 0, 0);
    CHECK_NEAR(SECOND(ECAM_BOOL, uint8_t, 2), 1, 0);
    CHECK_NEAR(SECOND(ECAM_U8, uint8_t, 200), 200, 0);
    CHECK_NEAR(SECOND(ECAM_I8, int8_t, -100), -100, 0);
    CHECK_NEAR(SECOND(ECAM_U16, uint16_t, 65535), 65535, 0);
    CHECK_NEAR(SECOND(ECAM_I16, int16_t, -32768), -32768, 0);
    CHECK_NEAR(SECOND(ECAM_U32, uint32_t, UINT32_MAX), 4294967295.0, 0);
    CHECK_NEAR(SECOND(ECAM_I32, int32_t, INT32_MIN), -2147483648.0, 0);
    CHECK_NEAR(SECOND(ECAM_U64, uint64_t, (uint64_t)1 << 53), 9007199254740992.0, 0);
    CHECK_NEAR(SECOND(ECAM_I64, int64_t, -7), -7, 0);
    CHECK_NEAR(SECOND(ECAM_F16, uint16_t, 0xc000), -2, 0);
    CHECK_NEAR(SECOND(ECAM_BF16, uint16_t, 0x4049), 3.140625, 0);
    CHECK_NEAR(SECOND(ECAM_F32, float, 1.5f), 1.5, 0);
    CHECK_NEAR(SECOND(ECAM_F64, double, 0.1), 0.1, 0);
}

static void halves_are_read_bit_by_bit(void **state)
{
    (void)state;
    CHECK_NEAR(ecam_float_from_half(0x3c00), 1, 0);
    CHECK_NEAR(ecam_float_from_half(0x3555), 0.333251953125, 0); /* 1365 / 4096 */
    CHECK_NEAR(ecam_float_from_half(0x7bff), 65504, 0);          /* the largest */
    CHECK_NEAR(ecam_float_from_half(0x0400), 0x1p-14, 0);        /* the smallest normal one */
    CHECK_NEAR(ecam_float_from_half(0x03ff), 1023 * 0x1p-24, 0); /* the largest subnormal one */
    CHECK_NEAR(ecam_float_from_half(0x0001), 0x1p-24, 0);
    CHECK_NEAR(ecam_float_from_half(0x8001), -0x1p-24, 0);
    assert_true(ecam_float_from_half(0x0000) == 0 && !signbit(ecam_float_from_half(0x0000)));
    assert_true(ecam_float_from_half(0x8000) == 0 && signbit(ecam_float_from_half(0x8000)));
    assert_true(isinf(ecam_float_from_half(0x7c00)) && ecam_float_from_half(0x7c00) > 0);
    assert_true(isinf(ecam_float_from_half(0xfc00)) && ecam_float_from_half(0xfc00) < 0);
    assert_true(isnan(ecam_float_from_half(0x7c01)) && isnan(ecam_float_from_half(0xffff)));
}

/* All 63488 finite ones, against their definition. */
static void every_finite_half_is_right(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 65536; bits++) {
        int exponent = bits >> 10 & 31;
        if (exponent == 31)
            continue;
        double fraction = (exponent ? 1024.0 : 0.0) + (bits & 1023);
        double expected = ldexp(fraction, (exponent ? exponent : 1) - 25);
        double value = ecam_float_from_half((uint16_t)bits);
        if (value != (bits & 0x8000 ? -expected : expected))
            fail_msg("half 0x%04x gives %g", bits, value);
    }
}

static void bfloats_are_upper_halves(void **state)
{
    (void)state;
    CHECK_NEAR(ecam_float_from_bfloat(0x3f80), 1, 0);
    CHECK_NEAR(ecam_float_from_bfloat(0xc2f7), -123.5, 0);
    assert_true(ecam_float_from_bfloat(0x0001) == 0x1p-133f);
    assert_true(isinf(ecam_float_from_bfloat(0x7f80)));
    assert_true(isnan(ecam_float_from_bfloat(0x7fc0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_have_names_and_sizes),
        cmocka_unit_test(other_spellings_are_known),
        cmocka_unit_test(all_else_is_refused),
        cmocka_unit_test(sizes_must_agree),
        cmocka_unit_test(shapes_that_overflow_are_refused),
        cmocka_unit_test(elements_are_read_from_every_type),
        cmocka_unit_test(halves_are_read_bit_by_bit),
        cmocka_unit_test(every_finite_half_is_right),
        cmocka_unit_test(bfloats_are_upper_halves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
