/* ecam_project on numbers worked out by hand, and its errors. */
#include <stdlib.h>

#include "cam/project_plan.h"
#include "support/check.h"

static ecam_projection project(ecam_workspace *ws, const void *data, ecam_dtype dtype, size_t c,
                               size_t w, ecam_project_options o)
{
    ecam_activation a = {.data = data, .dtype = dtype, .c = c, .h = 1, .w = w};
    ecam_projection out;

    CHECK_STATUS(ecam_project(ws, &a, &o, &out), ECAM_OK);
    return out;
}

static void ignores_a_constant_channel(void **state)
{
    ecam_workspace *ws = *state;
    const float x[] = {-1, 0, 2, /* next channel */ 7, 7, 7};
    ecam_projection p = project(ws, x, ECAM_F32, 2, 3, (ecam_project_options){.n_components = 1});

    assert_int_equal(p.components, 1);
    CHECK_NEAR(p.maps[0], -4.0 / 3, 1e-6); /* -1 less the mean 1/3 */
    CHECK_NEAR(p.maps[1], -1.0 / 3, 1e-6);
    CHECK_NEAR(p.maps[2], 5.0 / 3, 1e-6);
    CHECK_NEAR(p.singular[0], sqrt(42.0 / 9), 1e-6); /* 16/9 + 1/9 + 25/9 */
    CHECK_NEAR(p.explained[0], 1, 1e-6);
}

/* Centred rows (3,-3,0,0) and (0,0,2,-2): orthogonal, norms sqrt 18, sqrt 8. */
static void orders_components_by_variance(void **state)
{
    ecam_workspace *ws = *state;
    const uint8_t x[] = {5, 5, 7, 3, /* next channel */ 9, 3, 6, 6};
    ecam_projection p = project(ws, x, ECAM_U8, 2, 4, (ecam_project_options){.n_components = 2});

    CHECK_NEAR(p.singular[0], sqrt(18), 1e-6);
    CHECK_NEAR(p.singular[1], sqrt(8), 1e-6);
    CHECK_NEAR(p.explained[0], 18.0 / 26, 1e-6);
    CHECK_NEAR(fabs((double)p.maps[0]), 3, 1e-6);
    CHECK_NEAR(p.maps[1], -(double)p.maps[0], 1e-6);
    CHECK_NEAR(p.maps[2], 0, 1e-6);
    CHECK_NEAR(fabs((double)p.maps[4 + 2]), 2, 1e-6);
    CHECK_NEAR(p.maps[4 + 0], 0, 1e-6);
}

static void turns_the_peak_up(void **state)
{
    ecam_workspace *ws = *state;
    const float x[] = {1, 1, -5, 1};
    ecam_projection p = project(ws, x, ECAM_F32, 1, 4, (ecam_project_options){.n_components = 1});

    CHECK_NEAR(p.maps[2], 4.5, 1e-6); /* -5 less the mean -1/2, negated */
    CHECK_NEAR(p.maps[0], -1.5, 1e-6);
}

/* The direction in the channels is the same for both, whichever it is. */
static void leaves_the_sign_where_told(void **state)
{
    ecam_workspace *ws = *state;
    const ecam_project_options options = {.n_components = 1, .sign = ECAM_SIGN_NONE};
    const float x[] = {1, 1, -5, 1}, negated[] = {-1, -1, 5, -1};
    float first = project(ws, x, ECAM_F32, 1, 4, options).maps[2];
    float second = project(ws, negated, ECAM_F32, 1, 4, options).maps[2];

    CHECK_NEAR(fabsf(first), 4.5, 1e-6);
    CHECK_NEAR(second, -first, 1e-6);
}

static void fills_up_with_empty_maps(void **state)
{
    ecam_workspace *ws = *state;
    const float x[] = {1, 2, 3, 6, 2, 4, 6, 12};
    const float zeros[8] = {0};
    ecam_projection p = project(ws, x, ECAM_F32, 2, 4, (ecam_project_options){.n_components = 3});

    assert_int_equal(p.shown, 3);
    assert_int_equal(p.components, 1);
    assert_memory_equal(p.maps + 4, zeros, sizeof zeros);
    assert_true(p.singular[1] == 0 && p.explained[2] == 0);
}

static void shows_what_the_variance_asks_for(void **state)
{
    ecam_workspace *ws = *state;
    const float x[] = {9, 3, 6, 6, 5, 5, 7, 3}; /* shares 18/26 = 0.69 and 8/26 */
    ecam_projection p = project(ws, x, ECAM_F32, 2, 4, (ecam_project_options){.variance = 0.6});

    assert_int_equal(p.shown, 1);
    p = project(ws, x, ECAM_F32, 2, 4, (ecam_project_options){.variance = 0.7});
    assert_int_equal(p.shown, 2);
    assert_int_equal(p.components, 2);
}

static void shows_nothing_of_a_constant(void **state)
{
    ecam_workspace *ws = *state;
    const float x[] = {3, 3, 3, 5, 5, 5};
    ecam_projection p = project(ws, x, ECAM_F32, 2, 3, (ecam_project_options){.variance = 0.9});

    assert_int_equal(p.shown, 0);
    p = project(ws, x, ECAM_F32, 2, 3, (ecam_project_options){.n_components = 2});
    assert_int_equal(p.components, 0);
    assert_true(p.maps[0] == 0 && p.maps[5] == 0);
}

static void takes_what_is_not_finite_for_zero(void **state)
{
    ecam_workspace *ws = *state;
    const float x[] = {NAN, 4, -INFINITY, INFINITY};
    ecam_projection p = project(ws, x, ECAM_F32, 1, 4, (ecam_project_options){.n_components = 1});

    CHECK_NEAR(p.maps[1], 3, 1e-6); /* 0 4 0 0 */
    CHECK_NEAR(p.maps[0], -1, 1e-6);
}

static void keeps_maps_within_float32(void **state)
{
    ecam_workspace *ws = *state;
    const double huge[] = {0, 4e300, 0, 0}, tiny[] = {0, 4e-300, 0, 0};
    ecam_projection p = project(ws, huge, ECAM_F64, 1, 4, (ecam_project_options){.n_components = 1});

    assert_true(isfinite(p.maps[1]) && p.maps[1] > 1e37f);
    CHECK_NEAR((double)p.maps[0] / (double)p.maps[1], -1.0 / 3, 1e-6);
    CHECK_NEAR(p.singular[0] / 1e300, sqrt(12), 1e-6);
    p = project(ws, tiny, ECAM_F64, 1, 4, (ecam_project_options){.n_components = 1});
    assert_true(p.maps[1] > 1e-38f);
    CHECK_NEAR((double)p.maps[0] / (double)p.maps[1], -1.0 / 3, 1e-6);
}

static void reads_channels_last(void **state)
{
    ecam_workspace *ws = *state;
    const int16_t x[] = {9, 5, 3, 5, 6, 7, 6, 3}; /* (1, 4, 2) */
    ecam_activation a = {.data = x, .dtype = ECAM_I16, .channels_last = true, .c = 2, .h = 1, .w = 4};
    ecam_project_options o = {.n_components = 1};
    ecam_projection p;

    CHECK_STATUS(ecam_project(ws, &a, &o, &p), ECAM_OK);
    CHECK_NEAR(p.singular[0], sqrt(18), 1e-6);
    CHECK_NEAR(fabs((double)p.maps[0]), 3, 1e-6);
}

static void refuses_what_makes_no_sense(void **state)
{
    ecam_workspace *ws = *state;
    const float x[4] = {0};
    ecam_activation a = {.data = x, .dtype = ECAM_F32, .c = 1, .h = 2, .w = 2};
    ecam_project_options o = {.n_components = 0};
    ecam_projection p;

    CHECK_STATUS(ecam_project(ws, &a, &o, &p), ECAM_EINVAL);
    o.variance = 1;
    CHECK_STATUS(ecam_project(ws, &a, &o, &p), ECAM_EINVAL);
    o.variance = NAN;
    CHECK_STATUS(ecam_project(ws, &a, &o, &p), ECAM_EINVAL);
    o.n_components = ECAM_MAX_COMPONENTS + 1;
    CHECK_STATUS(ecam_project(ws, &a, &o, &p), ECAM_EINVAL);
    o.n_components = 1;
    a.h = 0;
    CHECK_STATUS(ecam_project(ws, &a, &o, &p), ECAM_ESHAPE);
    a.h = SIZE_MAX / 2;
    a.w = 3;
    CHECK_STATUS(ecam_project(ws, &a, &o, &p), ECAM_ESHAPE);
    assert_null(p.maps);
}

static int setup(void **state)
{
    return ecam_workspace_create((ecam_workspace **)state) == ECAM_OK ? 0 : -1;
}

static int teardown(void **state)
{
    ecam_workspace_destroy((ecam_workspace **)state);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ignores_a_constant_channel),
        TEST(orders_components_by_variance),
        TEST(turns_the_peak_up),
        TEST(leaves_the_sign_where_told),
        TEST(fills_up_with_empty_maps),
        TEST(shows_what_the_variance_asks_for),
        TEST(shows_nothing_of_a_constant),
        TEST(takes_what_is_not_finite_for_zero),
        TEST(keeps_maps_within_float32),
        TEST(reads_channels_last),
        TEST(refuses_what_makes_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
