/* Projections of every golden run against its stored float64 SVD: as usual by
 * the tolerance for float32, by the float64 method alone by that for float64. */
#include "cam/project_plan.h"
#include "support/blas_core.h"
#include "support/check.h"
#include "support/golden.h"

static double at(const json_t *json, const char *key, size_t sample, size_t i)
{
    const json_t *row = json_array_get(json_object_get(json, key), sample);
    return json_number_value(json_array_get(row, i));
}

/* Where the sign rule is undecided by rounding, maps agree up to sign. */
static bool sign_is_fragile(const golden_run *run, size_t sample, size_t component)
{
    const json_t *row = json_array_get(json_object_get(run->json, "sign_fragile"), sample);
    return json_is_true(json_array_get(row, component));
}

/* Not a number where a difference is not. */
static double distance(const float *a, const float *b, size_t n, double sign)
{
    double worst = 0;

    for (size_t i = 0; i < n; i++) {
        double off = fabs((double)a[i] - sign * (double)b[i]);
        worst = off <= worst ? worst : off;
    }
    return worst;
}

static void compare_map(const golden_run *run, size_t sample, size_t component, const float *map,
                        double tolerance)
{
    size_t n = run->h * run->w;
    const float *expected = (const float *)run->expected_projection.tensor.data +
                            (sample * run->components + component) * n;
    double peak = distance(expected, expected, n, 0), worst = distance(map, expected, n, 1);

    if (sign_is_fragile(run, sample, component) && !isnan(worst))
        worst = fmin(worst, distance(map, expected, n, -1));
    if (!(worst <= tolerance * peak))
        fail_msg("%s sample %zu component %zu: off by %.3g of its maximum, %.3g are allowed",
                 run->name, sample, component, worst / peak, tolerance);
}

static void compare_sample(const golden_run *run, size_t sample, const ecam_projection *got,
                           double tolerance)
{
    const json_t *counts = json_object_get(run->json, "components_per_sample");
    size_t n = run->h * run->w, count = (size_t)json_integer_value(json_array_get(counts, sample));
    float *zeros = calloc(n, sizeof *zeros);

    if (got->components != count)
        fail_msg("%s sample %zu: %u components, expected %zu", run->name, sample, got->components,
                 count);
    assert_int_equal(got->shown, run->n_components ? run->n_components : count);
    for (size_t i = 0; i < run->components; i++) {
        compare_map(run, sample, i, i < got->shown ? got->maps + i * n : zeros, tolerance);
        if (i >= got->shown)
            continue;
        double s = at(run->json, "singular_values", sample, i);
        double first = at(run->json, "singular_values", sample, 0);
        CHECK_NEAR(got->singular[i], s, 2e-6 * first);
        CHECK_NEAR(got->explained[i], at(run->json, "explained_variance_ratio", sample, i), 4e-6);
    }
    free(zeros);
}

static void run_matches(void **state)
{
    ecam_workspace *ws;
    golden_run run;

    golden_open((size_t)(uintptr_t)*state, &run);
    CHECK_STATUS(ecam_workspace_create(&ws), ECAM_OK);
    for (size_t s = 0; s < run.samples; s++) {
        ecam_activation a = golden_activation(&run, s);
        ecam_project_options o = {.n_components = run.n_components, .variance = run.variance};
        ecam_projection got;
        CHECK_STATUS(ecam_project(ws, &a, &o, &got), ECAM_OK);
        compare_sample(&run, s, &got, run.tolerance.projection_single);
        CHECK_STATUS(ecam_project_by(ws, &a, &o, ECAM_METHOD_EXACT, ecam_kernels_best(), &got), ECAM_OK);
        compare_sample(&run, s, &got, run.tolerance.projection_double);
    }
    ecam_workspace_destroy(&ws);
    golden_close(&run);
}

int main(void)
{
    static char names[GOLDEN_RUNS][160];
    struct CMUnitTest tests[GOLDEN_RUNS + 1] = {
        [GOLDEN_RUNS] = cmocka_unit_test(blas_core_is_the_one_asked_for)};

    for (size_t i = 0; i < GOLDEN_RUNS; i++) {
        golden_run run;
        golden_open(i, &run);
        snprintf(names[i], sizeof names[i], "projection_of_%s", run.name);
        golden_close(&run);
        tests[i] = (struct CMUnitTest){.name = names[i],
                                       .test_func = run_matches,
                                       .initial_state = (void *)(uintptr_t)i};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
