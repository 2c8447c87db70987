/* Every method with every build of the kernels against LAPACK's float64 SVD, on
 * ordinary and on hard data. */
#include <stdlib.h>

#include <lapacke.h>

#include "cam/project_plan.h"
#include "hard_data.h"
#include "support/blas_core.h"
#include "support/check.h"

/* The exact answer: sigma [r], v [r][n] by rows, of the centred activations,
 * values that are not finite counting as 0. */
typedef struct truth {
    size_t c, n, r;
    double *sigma, *v;
} truth;

static void *allocate(size_t count, size_t size)
{
    void *p = calloc(count, size);
    assert_non_null(p);
    return p;
}

static truth make_truth(const float *x, size_t c, size_t n)
{
    truth t = {.c = c, .n = n, .r = c < n ? c : n};
    double *b = allocate(c * n, sizeof *b), *u = allocate(c * t.r, sizeof *u);

    t.sigma = allocate(t.r, sizeof *t.sigma);
    t.v = allocate(t.r * n, sizeof *t.v);
    for (size_t i = 0; i < c; i++) {
        double mean = 0;
        for (size_t p = 0; p < n; p++) {
            b[i * n + p] = isfinite(x[i * n + p]) ? (double)x[i * n + p] : 0;
            mean += b[i * n + p] / (double)n;
        }
        for (size_t p = 0; p < n; p++)
            b[i * n + p] -= mean;
    }
    assert_int_equal(LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'S', (int)c, (int)n, b, (int)n, t.sigma, u,
                                    (int)t.r, t.v, (int)n),
                     0);
    free(b);
    free(u);
    return t;
}

static void drop_truth(truth *t)
{
    free(t->sigma);
    free(t->v);
}

static double relative_gap(const truth *t, size_t i)
{
    double above = i > 0 ? t->sigma[i - 1] - t->sigma[i] : INFINITY;
    double below = i + 1 < t->r ? t->sigma[i] - t->sigma[i + 1] : t->sigma[i];
    return fmin(above, below) / t->sigma[0];
}

/* The largest magnitude of scale v + sign map; not a number where one is not. */
static double peak_of(const double *v, double scale, const float *map, double sign, size_t n)
{
    double peak = 0;

    for (size_t p = 0; p < n; p++) {
        double size = fabs(scale * v[p] + sign * (double)map[p]);
        peak = size <= peak ? peak : size;
    }
    return peak;
}

/* Largest difference over the largest magnitude, up to sign. */
static double map_error(const truth *t, size_t i, const float *map)
{
    const double *v = t->v + i * t->n;
    double same = peak_of(v, t->sigma[i], map, -1, t->n);
    double turned = peak_of(v, t->sigma[i], map, 1, t->n);

    return fmin(same, turned) / peak_of(v, t->sigma[i], map, 0, t->n);
}

/* The part of a map outside the components with singular values near its own. */
static double subspace_error(const truth *t, size_t i, const float *map)
{
    double *rest = allocate(t->n, sizeof *rest), all = 0, left = 0;

    for (size_t p = 0; p < t->n; p++) {
        rest[p] = (double)map[p];
        all += rest[p] * rest[p];
    }
    for (size_t j = 0; j < t->r; j++) {
        double dot = 0;
        if (fabs(t->sigma[j] - t->sigma[i]) > 0.02 * t->sigma[0])
            continue;
        for (size_t p = 0; p < t->n; p++)
            dot += rest[p] * t->v[j * t->n + p];
        for (size_t p = 0; p < t->n; p++)
            rest[p] -= dot * t->v[j * t->n + p];
    }
    for (size_t p = 0; p < t->n; p++)
        left += rest[p] * rest[p];
    free(rest);
    return sqrt(left / all);
}

/* What is promised: 1e-5 where the values are well apart, less as they close
 * up, and always the subspace. */
static void compare(const truth *t, const ecam_projection *got, const char *what)
{
    unsigned rank = 0;

    while (rank < t->r && t->sigma[rank] > 1e-6 * t->sigma[0])
        rank++;
    if (got->components != (got->shown < rank ? got->shown : rank))
        fail_msg("%s: %u components of %u shown, the rank is %u", what, got->components, got->shown,
                 rank);
    for (unsigned i = 0; i < got->components; i++) {
        const float *map = got->maps + i * t->n;
        double gap = relative_gap(t, i), error = map_error(t, i, map);
        if (gap > 1e-4 && !(error <= fmax(1e-5, 1e-6 / gap)))
            fail_msg("%s: component %u is off by %.3g of its maximum (gap %.3g, sigma %.3g)", what, i,
                     error, gap, t->sigma[i] / t->sigma[0]);
        error = subspace_error(t, i, map);
        if (!(error <= 1e-4))
            fail_msg("%s: component %u is off its subspace by %.3g", what, i, error);
        error = fabs(got->singular[i] - t->sigma[i]) / t->sigma[0];
        if (!(error <= 2e-6))
            fail_msg("%s: singular value %u is off by %.3g of the first", what, i, error);
    }
}

/* Short, wide, odd; sides around whole vectors; more and fewer than channels. */
static const size_t shapes[][2] = {{64, 64}, {130, 49}, {33, 50},  {96, 17},  {16, 1000}, {5, 7},
                                   {70, 196}, {100, 113}, {64, 1030}, {7, 300}, {200, 64}, {3, 2},
                                   {163, 1303}};
#define SHAPE_COUNT (sizeof shapes / sizeof *shapes)

/* Whether float32 must not give these data up. */
static bool must_do(size_t d, ecam_method method, const truth *t)
{
    if (method == ECAM_METHOD_BLOCK)
        return d == HARD_DATA_FEATURES && t->c >= 130 && t->n > t->c;
    return hard_data_is_ordinary(d) && method == ECAM_METHOD_LANCZOS && t->c >= 64 && t->n >= 49;
}

static void check_sample(ecam_workspace *ws, const float *x, const truth *t, size_t d)
{
    static const char *const builds[] = {"avx512", "avx2", "plain"};
    ecam_activation a = {.data = x, .dtype = ECAM_F32, .c = t->c, .h = 1, .w = t->n};
    ecam_project_options o = {.n_components = 3, .sign = ECAM_SIGN_NONE};
    ecam_projection got;
    char what[128];

    snprintf(what, sizeof what, "%s, %zu x %zu", hard_data_name(d), t->c, t->n);
    CHECK_STATUS(ecam_project(ws, &a, &o, &got), ECAM_OK);
    compare(t, &got, what);
    for (size_t b = 0; b < 3; b++) {
        const ecam_kernels *kernels = ecam_kernels_find(builds[b]);
        for (int m = 0; kernels && m < ECAM_METHOD_COUNT; m++) {
            ecam_status st = ecam_project_by(ws, &a, &o, (ecam_method)m, kernels, &got);
            snprintf(what, sizeof what, "%s, %zu x %zu, %s, %s", hard_data_name(d), t->c, t->n,
                     ecam_method_name((ecam_method)m), builds[b]);
            if (st != ECAM_EMATH || m == ECAM_METHOD_EXACT)
                CHECK_STATUS(st, ECAM_OK);
            else if (must_do(d, (ecam_method)m, t))
                fail_msg("%s: given up", what);
            if (st == ECAM_OK)
                compare(t, &got, what);
        }
    }
}

static void methods_agree_with_lapack(void **state)
{
    size_t d = (size_t)(uintptr_t)*state;
    ecam_workspace *ws;

    CHECK_STATUS(ecam_workspace_create(&ws), ECAM_OK);
    for (size_t s = 0; s < SHAPE_COUNT; s++) {
        size_t c = shapes[s][0], n = shapes[s][1];
        float *x = allocate(c * n, sizeof *x);
        hard_data_seed(1000 * d + s);
        hard_data_make(d, x, c, n);
        truth t = make_truth(x, c, n);
        check_sample(ws, x, &t, d);
        drop_truth(&t);
        free(x);
    }
    ecam_workspace_destroy(&ws);
}

/* Repeated values are what one-vector iterations miss: many draws. */
static void repeated_values_are_not_missed(void **state)
{
    enum { C = 70, N = 100 };
    static float x[C * N];
    ecam_workspace *ws = *state;
    ecam_activation a = {.data = x, .dtype = ECAM_F32, .c = C, .h = 1, .w = N};
    ecam_project_options o = {.n_components = 3};
    ecam_projection got;

    for (unsigned i = 0; i < 12; i++) {
        hard_data_seed(i);
        hard_data_make(i % 2 ? HARD_DATA_TRIPLE : HARD_DATA_NEAR_SECOND_PAIR, x, C, N);
        truth t = make_truth(x, C, N);
        CHECK_STATUS(ecam_project(ws, &a, &o, &got), ECAM_OK);
        compare(&t, &got, i % 2 ? "triple" : "near second pair");
        drop_truth(&t);
    }
}

static void types_and_layouts_agree(void **state)
{
    enum { C = 40, N = 60 };
    ecam_workspace *ws = *state;
    float x[C * N];
    double wide[C * N], last[C * N];
    uint16_t bfloat[C * N];
    ecam_project_options o = {.n_components = 3};
    ecam_projection got;
    ecam_activation a = {.data = x, .dtype = ECAM_F32, .c = C, .h = 6, .w = N / 6};

    hard_data_seed(7);
    hard_data_make(HARD_DATA_FEATURES, x, C, N);
    for (size_t i = 0; i < C * N; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bits &= 0xffff0000u;
        memcpy(&x[i], &bits, sizeof bits);
        bfloat[i] = (uint16_t)(bits >> 16);
        wide[i] = (double)x[i];
        last[i % N * C + i / N] = (double)x[i];
    }
    truth t = make_truth(x, C, N);
    CHECK_STATUS(ecam_project(ws, &a, &o, &got), ECAM_OK);
    compare(&t, &got, "float32");
    a.data = bfloat;
    a.dtype = ECAM_BF16;
    CHECK_STATUS(ecam_project(ws, &a, &o, &got), ECAM_OK);
    compare(&t, &got, "bfloat16");
    a.data = wide;
    a.dtype = ECAM_F64;
    CHECK_STATUS(ecam_project(ws, &a, &o, &got), ECAM_OK);
    compare(&t, &got, "float64");
    a.data = last;
    a.channels_last = true;
    CHECK_STATUS(ecam_project(ws, &a, &o, &got), ECAM_OK);
    compare(&t, &got, "channels last");
    drop_truth(&t);
}

/* Whatever was computed before, and wherever the input lies. */
static void same_input_gives_same_bytes(void **state)
{
    static const size_t sizes[][2] = {{64, 196}, {160, 196}, {256, 196}, {60, 400}, {192, 3136}};
    ecam_workspace *ws = *state, *fresh;
    float *x = allocate(192 * 3136 + ECAM_LANES, sizeof *x);
    ecam_project_options o = {.n_components = 3};
    ecam_projection first, again;

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t c = sizes[i][0], n = sizes[i][1];
        ecam_activation a = {.dtype = ECAM_F32, .c = c, .h = 4, .w = n / 4};
        ecam_activation other = {.data = x, .dtype = ECAM_F32, .c = 100, .h = 28, .w = 28};
        hard_data_seed(c);
        hard_data_make(HARD_DATA_FEATURES, x, c, n);
        a.data = x;
        CHECK_STATUS(ecam_workspace_create(&fresh), ECAM_OK);
        CHECK_STATUS(ecam_project(fresh, &a, &o, &first), ECAM_OK);
        for (size_t off = 1; off <= ECAM_LANES; off++) {
            memmove(x + off, x + off - 1, c * n * sizeof *x);
            a.data = x + off;
            CHECK_STATUS(ecam_project(ws, &other, &o, &again), ECAM_OK);
            CHECK_STATUS(ecam_project(ws, &a, &o, &again), ECAM_OK);
            assert_memory_equal(first.maps, again.maps, 3 * n * sizeof *x);
        }
        ecam_workspace_destroy(&fresh);
    }
    free(x);
}

static void variance_target_stops_in_time(void **state)
{
    enum { C = 70, N = 100 };
    static float x[C * N];
    ecam_workspace *ws = *state;
    ecam_activation a = {.data = x, .dtype = ECAM_F32, .c = C, .h = 10, .w = 10};
    ecam_projection got;

    hard_data_seed(3);
    hard_data_make(HARD_DATA_FEATURES, x, C, N);
    truth t = make_truth(x, C, N);
    double total = 0;
    for (size_t i = 0; i < t.r; i++)
        total += t.sigma[i] * t.sigma[i];
    for (double target = 0.2; target < 1; target += 0.19) {
        ecam_project_options o = {.variance = target};
        double sum = 0;
        unsigned count = 0;
        while (sum < target)
            sum += t.sigma[count] * t.sigma[count] / total, count++;
        CHECK_STATUS(ecam_project(ws, &a, &o, &got), ECAM_OK);
        assert_int_equal(got.shown, count);
        compare(&t, &got, "variance target");
    }
    drop_truth(&t);
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
    static char names[HARD_DATA_COUNT][64];
    struct CMUnitTest tests[HARD_DATA_COUNT + 5] = {
        TEST(repeated_values_are_not_missed),
        TEST(types_and_layouts_agree),
        TEST(same_input_gives_same_bytes),
        TEST(variance_target_stops_in_time),
        TEST(blas_core_is_the_one_asked_for),
    };
    for (size_t d = 0; d < HARD_DATA_COUNT; d++) {
        snprintf(names[d], sizeof names[d], "methods_agree_on_%s", hard_data_name(d));
        tests[5 + d] = (struct CMUnitTest){.name = names[d],
                                           .test_func = methods_agree_with_lapack,
                                           .initial_state = (void *)(uintptr_t)d};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
