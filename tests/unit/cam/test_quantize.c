#include <float.h>

#include "eigencam/cam.h"
#include "support/check.h"

static void extremes_become_the_ends(void **state)
{
    const float p[] = {-1, 0, 3};
    uint16_t v[3];
    float lo, hi;

    (void)state;
    ecam_map_quantize(p, 3, v, &lo, &hi);
    CHECK_NEAR(lo, -1, 0);
    CHECK_NEAR(hi, 3, 0);
    assert_int_equal(v[0], 0);
    assert_int_equal(v[1], 16384); /* 65535 / 4 = 16383.75 */
    assert_int_equal(v[2], 65535);
}

static void a_constant_map_is_zeros(void **state)
{
    const float p[] = {2.5f, 2.5f};
    uint16_t v[2] = {7, 7};
    float lo, hi;

    (void)state;
    ecam_map_quantize(p, 2, v, &lo, &hi);
    CHECK_NEAR(lo, 2.5, 0);
    CHECK_NEAR(hi, 2.5, 0);
    assert_int_equal(v[0], 0);
    assert_int_equal(v[1], 0);
}

static void a_range_beyond_float_is_no_overflow(void **state)
{
    const float p[] = {-FLT_MAX, 0, FLT_MAX};
    uint16_t v[3];
    float lo, hi;

    (void)state;
    ecam_map_quantize(p, 3, v, &lo, &hi);
    assert_int_equal(v[0], 0);
    assert_int_equal(v[1], 32768); /* 32767.5, rounded */
    assert_int_equal(v[2], 65535);
}

static void every_step_comes_back(void **state)
{
    enum { N = 65536 };
    static float p[N];
    static uint16_t v[N];
    float lo, hi;

    (void)state;
    for (int i = 0; i < N; i++)
        p[i] = (float)i / 65536.0f - 0.25f;
    ecam_map_quantize(p, N, v, &lo, &hi);
    for (int i = 0; i < N; i++)
        assert_int_equal(v[i], i);
}

static void values_that_are_no_numbers_do_no_harm(void **state)
{
    const float p[] = {NAN, 1, INFINITY, -INFINITY};
    uint16_t v[4];
    float lo, hi;

    (void)state;
    ecam_map_quantize(p, 1, v, &lo, &hi);
    CHECK_NEAR(lo, 0, 0);
    assert_int_equal(v[0], 0);
    ecam_map_quantize(p, 4, v, &lo, &hi);
    assert_int_equal(v[0], 0);
    ecam_map_quantize(p, 2, v, &lo, &hi);
    CHECK_NEAR(hi, 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extremes_become_the_ends),
        cmocka_unit_test(a_constant_map_is_zeros),
        cmocka_unit_test(a_range_beyond_float_is_no_overflow),
        cmocka_unit_test(every_step_comes_back),
        cmocka_unit_test(values_that_are_no_numbers_do_no_harm),
    };
    return cmocka_run_group_tests_name("quantize", tests, NULL, NULL);
}
