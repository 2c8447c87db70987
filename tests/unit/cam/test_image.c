#include <float.h>

#include "base/float16.h"
#include "eigencam/cam.h"
#include "support/check.h"

/* Sources are copied to an odd address: any alignment is accepted. */
static void load(const void *src, ecam_dtype dtype, size_t n, void *dst)
{
    static char storage[1025];

    memcpy(storage + 1, src, n * ecam_dtype_size(dtype));
    ecam_image_load(storage + 1, dtype, n, dst);
}

static void check_bytes(const void *src, ecam_dtype dtype, size_t n, const uint8_t *expected)
{
    uint8_t bytes[16];

    assert_false(ecam_image_is_float(dtype));
    assert_int_equal(ecam_image_bytes(dtype, n), n);
    load(src, dtype, n, bytes);
    assert_memory_equal(bytes, expected, n);
}

static void integers_are_clipped(void **state)
{
    const uint8_t ends[] = {0, 255, 7, 0}, positive[] = {0, 255, 7};

    (void)state;
    check_bytes((uint8_t[]){0, 255, 7}, ECAM_U8, 3, positive);
    check_bytes((int8_t[]){-128, 127, 7, -1}, ECAM_I8, 4, (uint8_t[]){0, 127, 7, 0});
    check_bytes((uint16_t[]){0, 65535, 7}, ECAM_U16, 3, positive);
    check_bytes((int16_t[]){-1, 256, 7, INT16_MIN}, ECAM_I16, 4, ends);
    check_bytes((uint32_t[]){0, UINT32_MAX, 7}, ECAM_U32, 3, positive);
    check_bytes((int32_t[]){-256, 65536 + 3, 7, INT32_MIN}, ECAM_I32, 4, ends);
    check_bytes((uint64_t[]){0, (uint64_t)1 << 32, 7}, ECAM_U64, 3, positive);
    check_bytes((int64_t[]){-1, INT64_MAX, 7, INT64_MIN}, ECAM_I64, 4, ends);
}

static void booleans_are_black_and_white(void **state)
{
    (void)state;
    check_bytes((uint8_t[]){0, 1, 2}, ECAM_BOOL, 3, (uint8_t[]){0, 255, 255});
}

static void check_floats(const void *src, ecam_dtype dtype, size_t n, const float *expected)
{
    float floats[16];

    assert_true(ecam_image_is_float(dtype));
    assert_int_equal(ecam_image_bytes(dtype, n), 4 * n);
    load(src, dtype, n, floats);
    for (size_t i = 0; i < n; i++)
        CHECK_NEAR(floats[i], expected[i], 0);
}

static void floats_become_finite(void **state)
{
    const float expected[] = {1.5f, 0, 0, 0, -2};

    (void)state;
    check_floats((float[]){1.5f, NAN, INFINITY, -INFINITY, -2}, ECAM_F32, 5, expected);
    check_floats((double[]){1.5, (double)NAN, 1e300, -(double)INFINITY, -2}, ECAM_F64, 5, expected);
    check_floats((uint16_t[]){0x3e00, 0x7e00, 0x7c00, 0xfc00, 0xc000}, ECAM_F16, 5, expected);
    check_floats((uint16_t[]){0x3fc0, 0x7fc0, 0x7f80, 0xff80, 0xc000}, ECAM_BF16, 5, expected);
    check_floats((float[]){FLT_MAX, -FLT_MAX}, ECAM_F32, 2, (float[]){FLT_MAX, -FLT_MAX});
}

static void every_half_is_exact(void **state)
{
    static uint16_t halves[65536];
    static float floats[65536];

    (void)state;
    for (unsigned i = 0; i < 65536; i++)
        halves[i] = (uint16_t)i;
    ecam_image_load(halves, ECAM_F16, 65536, floats);
    for (unsigned i = 0; i < 65536; i++) {
        float value = ecam_float_from_half((uint16_t)i);
        CHECK_NEAR(floats[i], isfinite(value) ? value : 0, 0);
    }
}

static void planes_are_interleaved(void **state)
{
    const uint8_t data[] = {1, 2, /* green */ 3, 4, /* blue */ 5, 6};
    const ecam_image image = {.data = data, .channels = 3, .h = 1, .w = 2};
    uint8_t rgb[6];

    (void)state;
    ecam_image_display(&image, rgb);
    assert_memory_equal(rgb, ((uint8_t[]){1, 3, 5, 2, 4, 6}), 6);
}

static void interleaved_bytes_stay(void **state)
{
    const uint8_t data[] = {1, 2, 3, 4, 5, 6};
    const ecam_image image = {.data = data, .channels_last = true, .channels = 3, .h = 2, .w = 1};
    uint8_t rgb[6];

    (void)state;
    ecam_image_display(&image, rgb);
    assert_memory_equal(rgb, data, 6);
}

static void one_channel_is_gray(void **state)
{
    const uint8_t data[] = {9, 8};
    ecam_image image = {.data = data, .channels = 1, .h = 1, .w = 2};
    uint8_t rgb[6];

    (void)state;
    for (int last = 0; last < 2; last++) {
        image.channels_last = last;
        ecam_image_display(&image, rgb);
        assert_memory_equal(rgb, ((uint8_t[]){9, 9, 9, 8, 8, 8}), 6);
    }
}

static void check_gray(float a, float b, uint8_t first, uint8_t second)
{
    const float data[] = {a, b};
    const ecam_image image = {.data = data, .is_float = true, .channels = 1, .h = 1, .w = 2};
    uint8_t rgb[6];

    ecam_image_display(&image, rgb);
    assert_int_equal(rgb[0], first);
    assert_int_equal(rgb[5], second);
}

static void display_rules_go_by_range(void **state)
{
    (void)state;
    check_gray(0, 0.5f, 0, 127);         /* 0.5 * 255 = 127.5 */
    check_gray(0, 1, 0, 255);
    check_gray(-0.5f, 0.25f, 0, 191);    /* 0.75 * 255 = 191.25 */
    check_gray(-0.5f, 0.5f, 0, 255);
    check_gray(-0.25f, 0.75f, 95, 223);  /* 0.75 and 1.75 times 127.5 */
    check_gray(-1, 1, 0, 255);
    check_gray(-1, 3, 0, 255);           /* (x + 1) / 4 * 255 */
    check_gray(1, 3, 127, 255);          /* (x + 1) / 4 * 255: not from 0 */
    check_gray(-0.5f, 0, 0, 255);        /* hi is not above 0 */
    check_gray(-3, -1, 0, 127);          /* (x + 3) / 4 * 255 */
}

static void the_last_rule_looks_at_each_channel(void **state)
{
    const float data[] = {-1, 0, 2, /* */ 3, 0, 4, /* */ 1, 0, 3}; /* HWC */
    const ecam_image image = {
        .data = data, .is_float = true, .channels_last = true, .channels = 3, .h = 1, .w = 3};
    /* red (x + 1) / 4; green is 0 throughout; blue (x + 2) / 6 */
    const uint8_t expected[] = {0, 0, 170, 255, 0, 255, 127, 0, 212};
    uint8_t rgb[9];

    (void)state;
    ecam_image_display(&image, rgb);
    assert_memory_equal(rgb, expected, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_clipped),
        cmocka_unit_test(booleans_are_black_and_white),
        cmocka_unit_test(floats_become_finite),
        cmocka_unit_test(every_half_is_exact),
        cmocka_unit_test(planes_are_interleaved),
        cmocka_unit_test(interleaved_bytes_stay),
        cmocka_unit_test(one_channel_is_gray),
        cmocka_unit_test(display_rules_go_by_range),
        cmocka_unit_test(the_last_rule_looks_at_each_channel),
    };
    return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
