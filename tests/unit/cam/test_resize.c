#include "cam/resize.h"
#include "support/check.h"

static int32_t near[8], far[8];
static float weight[8];
static ecam_taps taps = {near, far, weight};

static void check_tap(size_t i, int32_t a, int32_t b, float w)
{
    assert_int_equal(near[i], a);
    assert_int_equal(far[i], b);
    CHECK_NEAR(weight[i], w, 0);
}

static void doubling_takes_quarters(void **state)
{
    (void)state;
    ecam_resize_taps(2, 4, true, &taps); /* positions -0.25, 0.25, 0.75, 1.25 */
    check_tap(0, 0, 0, 0);
    check_tap(1, 0, 1, 0.25f);
    check_tap(2, 0, 1, 0.75f);
    check_tap(3, 1, 1, 0);
}

static void edges_keep_their_weight_along_y(void **state)
{
    (void)state;
    ecam_resize_taps(2, 4, false, &taps);
    check_tap(0, 0, 0, 0.75f); /* -0.25 is 0.75 behind -1 */
    check_tap(1, 0, 1, 0.25f);
    check_tap(3, 1, 1, 0.25f);
}

static void equal_sizes_copy(void **state)
{
    (void)state;
    ecam_resize_taps(3, 3, false, &taps);
    check_tap(0, 0, 1, 0);
    check_tap(1, 1, 2, 0);
    check_tap(2, 2, 2, 0);
}

static void a_single_pixel_is_everywhere(void **state)
{
    (void)state;
    ecam_resize_taps(1, 2, true, &taps);
    check_tap(0, 0, 0, 0);
    check_tap(1, 0, 0, 0);
}

static void reduction_picks_without_smoothing(void **state)
{
    (void)state;
    ecam_resize_taps(8, 2, true, &taps); /* positions 1.5 and 5.5 */
    check_tap(0, 1, 2, 0.5f);
    check_tap(1, 5, 6, 0.5f);
}

static void only_both_halves_are_a_half(void **state)
{
    (void)state;
    assert_true(ecam_resize_halves(4, 6, 2, 3));
    assert_false(ecam_resize_halves(4, 6, 2, 6));
    assert_false(ecam_resize_halves(5, 6, 2, 3));
    assert_false(ecam_resize_halves(2, 3, 4, 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubling_takes_quarters),
        cmocka_unit_test(edges_keep_their_weight_along_y),
        cmocka_unit_test(equal_sizes_copy),
        cmocka_unit_test(a_single_pixel_is_everywhere),
        cmocka_unit_test(reduction_picks_without_smoothing),
        cmocka_unit_test(only_both_halves_are_a_half),
    };
    return cmocka_run_group_tests_name("resize", tests, NULL, NULL);
}
