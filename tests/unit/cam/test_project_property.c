/* Every method with every build of the kernels against LAPACK's float64 SVD, on
 * ordinary and on hard data. */
#include <stdlib.h>

#include <lapacke.h>

#include "cam/project_plan.h"
#include "support/check.h"

/* The exact answer: sigma [r], v [r][n] by rows, of the centred activations. */
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
        for (size_t p = 0; p < n; p++)
            mean += (double)x[i * n + p] / (double)n;
        for (size_t p = 0; p < n; p++)
            b[i * n + p] = (double)x[i * n + p] - mean;
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

/* Largest difference over the largest magnitude, up to sign. */
static double map_error(const truth *t, size_t i, const float *map)
{
    const double *v = t->v + i * t->n;
    double peak = 0, same = 0, turned = 0;

    for (size_t p = 0; p < t->n; p++) {
        double e = t->sigma[i] * v[p];
        peak = fmax(peak, fabs(e));
        same = fmax(same, fabs((double)map[p] - e));
        turned = fmax(turned, fabs((double)map[p] + e));
    }
    return fmin(same, turned) / peak;
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

static unsigned long long seed;

static double uniform(void)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (double)(seed >> 11) * 0x1p-53;
}

static double gaussian(void)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += uniform();
    return sum;
}

/* Orthonormal rows [r][n]; centred ones are orthogonal to a constant too. */
static double *orthonormal(size_t r, size_t n, bool centred)
{
    double *q = allocate(r * n, sizeof *q);

    for (size_t i = 0; i < r; i++) {
        double *row = q + i * n, norm = 0, mean = 0;
        for (size_t p = 0; p < n; p++)
            mean += (row[p] = gaussian()) / (double)n;
        for (size_t p = 0; p < n && centred; p++)
            row[p] -= mean;
        for (int twice = 0; twice < 2; twice++)
            for (size_t j = 0; j < i; j++) {
                double dot = 0;
                for (size_t p = 0; p < n; p++)
                    dot += row[p] * q[j * n + p];
                for (size_t p = 0; p < n; p++)
                    row[p] -= dot * q[j * n + p];
            }
        for (size_t p = 0; p < n; p++)
            norm += row[p] * row[p];
        for (size_t p = 0; p < n; p++)
            row[p] /= sqrt(norm);
    }
    return q;
}

/* x with exactly these singular values after centring, but for rounding. */
static void from_spectrum(float *x, size_t c, size_t n, const double *sigma, size_t r)
{
    double *u = orthonormal(r, c, false), *v = orthonormal(r, n, true);

    for (size_t i = 0; i < c; i++)
        for (size_t p = 0; p < n; p++) {
            double sum = 0;
            for (size_t k = 0; k < r; k++)
                sum += sigma[k] * u[k * c + i] * v[k * n + p];
            x[i * n + p] = (float)sum;
        }
    free(u);
    free(v);
}

typedef void (*maker)(float *x, size_t c, size_t n);

static void make_noise(float *x, size_t c, size_t n)
{
    for (size_t i = 0; i < c * n; i++)
        x[i] = (float)gaussian();
}

static void make_features(float *x, size_t c, size_t n)
{
    for (size_t i = 0; i < c; i++) {
        double a = gaussian(), b = gaussian(), d = gaussian(), e = 2 * gaussian();
        for (size_t p = 0; p < n; p++) {
            double t = 6.28 * (double)p / (double)n;
            double v = a * sin(t) + b * cos(2 * t) + d * sin(3.3 * t) + e * cos(0.7 * t);
            x[i * n + p] = (float)fmax(0, v + 0.3 * gaussian());
        }
    }
}

static void make_huge_mean(float *x, size_t c, size_t n)
{
    make_features(x, c, n);
    for (size_t i = 0; i < c * n; i++)
        x[i] = 1000 + x[i] / 2;
}

static void make_large(float *x, size_t c, size_t n)
{
    make_features(x, c, n);
    for (size_t i = 0; i < c * n; i++)
        x[i] *= 1e20f;
}

static void make_tiny(float *x, size_t c, size_t n)
{
    make_features(x, c, n);
    for (size_t i = 0; i < c * n; i++)
        x[i] *= 1e-20f;
}

#define MOST 24

static size_t ranks(size_t c, size_t n)
{
    size_t r = c < n - 1 ? c : n - 1;
    return r < MOST ? r : MOST;
}

static void make_small_third(float *x, size_t c, size_t n)
{
    double sigma[MOST] = {1, 0.3, 0.006};
    for (size_t i = 3; i < MOST; i++)
        sigma[i] = 0.003 / (double)i;
    from_spectrum(x, c, n, sigma, ranks(c, n));
}

static void make_steep(float *x, size_t c, size_t n)
{
    double sigma[MOST];
    for (size_t i = 0; i < MOST; i++)
        sigma[i] = pow(10, -2.0 * (double)i);
    from_spectrum(x, c, n, sigma, ranks(c, n) < 3 ? ranks(c, n) : 3);
}

static void make_rank_two(float *x, size_t c, size_t n)
{
    const double sigma[] = {3, 2};
    double *u = allocate(2 * c, sizeof *u), *v = allocate(2 * n, sizeof *v);

    /* Small whole numbers, so that the rank is exact. */
    for (size_t i = 0; i < 2 * c; i++)
        u[i] = floor(7 * uniform()) - 3;
    for (size_t i = 0; i < 2 * n; i++)
        v[i] = floor(9 * uniform()) - 4;
    for (size_t i = 0; i < c; i++)
        for (size_t p = 0; p < n; p++)
            x[i * n + p] = (float)(sigma[0] * u[i] * v[p] + sigma[1] * u[c + i] * v[n + p]);
    free(u);
    free(v);
}

static void make_near_pair(float *x, size_t c, size_t n)
{
    double sigma[MOST] = {1, 1 - 1e-5, 0.6};
    for (size_t i = 3; i < MOST; i++)
        sigma[i] = 0.4 / (double)i;
    from_spectrum(x, c, n, sigma, ranks(c, n));
}

static void make_near_second_pair(float *x, size_t c, size_t n)
{
    double sigma[MOST] = {1, 0.7, 0.7 - 1e-7};
    for (size_t i = 3; i < MOST; i++)
        sigma[i] = 0.6 / sqrt((double)i);
    from_spectrum(x, c, n, sigma, ranks(c, n));
}

static void make_triple(float *x, size_t c, size_t n)
{
    double sigma[MOST] = {1, 1, 1};
    for (size_t i = 3; i < MOST; i++)
        sigma[i] = 0.8 / sqrt((double)i);
    from_spectrum(x, c, n, sigma, ranks(c, n));
}

/* Each of the first channels lights one position of its own: all values equal. */
static void make_spots(float *x, size_t c, size_t n)
{
    memset(x, 0, c * n * sizeof *x);
    for (size_t i = 0; i < c && i < n; i++)
        x[i * n + i] = 1;
}

static void make_dead_channels(float *x, size_t c, size_t n)
{
    make_features(x, c, n);
    for (size_t i = 0; i < c; i++)
        for (size_t p = 0; p < n && i % 3 != 0; p++)
            x[i * n + p] = i % 3 == 1 ? 0 : 5;
}

static const struct {
    const char *name;
    maker make;
    bool ordinary; /* float32 must not give this up (in a suitable shape) */
} data[] = {
    {"noise", make_noise, false},
    {"features", make_features, true},
    {"huge mean", make_huge_mean, true},
    {"1e20", make_large, false},
    {"1e-20", make_tiny, false},
    {"small third", make_small_third, false},
    {"steep", make_steep, false},
    {"rank two", make_rank_two, false},
    {"near pair", make_near_pair, false},
    {"near second pair", make_near_second_pair, false},
    {"triple", make_triple, false},
    {"spots", make_spots, false},
    {"dead channels", make_dead_channels, true},
};
#define DATA_COUNT (sizeof data / sizeof *data)

/* Short, wide, odd; sides around whole vectors; more and fewer than channels. */
static const size_t shapes[][2] = {{64, 64}, {130, 49}, {33, 50},  {96, 17},  {16, 1000}, {5, 7},
                                   {70, 196}, {100, 113}, {64, 1030}, {7, 300}, {200, 64}, {3, 2}};
#define SHAPE_COUNT (sizeof shapes / sizeof *shapes)

static void check_sample(ecam_workspace *ws, const float *x, const truth *t, size_t d)
{
    static const char *const builds[] = {"avx512", "avx2", "plain"};
    ecam_activation a = {.data = x, .dtype = ECAM_F32, .c = t->c, .h = 1, .w = t->n};
    ecam_project_options o = {.n_components = 3, .sign = ECAM_SIGN_NONE};
    ecam_projection got;
    char what[128];

    snprintf(what, sizeof what, "%s, %zu x %zu", data[d].name, t->c, t->n);
    CHECK_STATUS(ecam_project(ws, &a, &o, &got), ECAM_OK);
    compare(t, &got, what);
    for (size_t b = 0; b < 3; b++) {
        const ecam_kernels *kernels = ecam_kernels_find(builds[b]);
        for (int m = 0; kernels && m < ECAM_METHOD_COUNT; m++) {
            ecam_status st = ecam_project_by(ws, &a, &o, (ecam_method)m, kernels, &got);
            snprintf(what, sizeof what, "%s, %zu x %zu, %s, %s", data[d].name, t->c, t->n,
                     ecam_method_name((ecam_method)m), builds[b]);
            if (st != ECAM_EMATH || m == ECAM_METHOD_EXACT)
                CHECK_STATUS(st, ECAM_OK);
            else if (data[d].ordinary && m == ECAM_METHOD_LANCZOS && t->c >= 64 && t->n >= 49)
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
        seed = 1000 * d + s;
        data[d].make(x, c, n);
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
        seed = i;
        (i % 2 ? make_triple : make_near_second_pair)(x, C, N);
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

    seed = 7;
    make_features(x, C, N);
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
    enum { N = 196 };
    ecam_workspace *ws = *state, *fresh;
    float *x = allocate(256 * 784 + 1, sizeof *x);
    ecam_project_options o = {.n_components = 3};
    ecam_projection first, again;

    for (size_t c = 64; c <= 256; c += 96) {
        ecam_activation a = {.data = x, .dtype = ECAM_F32, .c = c, .h = 14, .w = N / 14};
        ecam_activation other = {.data = x, .dtype = ECAM_F32, .c = 100, .h = 28, .w = 28};
        seed = c;
        make_features(x, c, N);
        CHECK_STATUS(ecam_workspace_create(&fresh), ECAM_OK);
        CHECK_STATUS(ecam_project(fresh, &a, &o, &first), ECAM_OK);
        CHECK_STATUS(ecam_project(ws, &other, &o, &again), ECAM_OK);
        memmove(x + 1, x, c * N * sizeof *x);
        a.data = x + 1;
        CHECK_STATUS(ecam_project(ws, &a, &o, &again), ECAM_OK);
        assert_memory_equal(first.maps, again.maps, 3 * N * sizeof *x);
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

    seed = 3;
    make_features(x, C, N);
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
    static char names[DATA_COUNT][64];
    struct CMUnitTest tests[DATA_COUNT + 4] = {
        TEST(repeated_values_are_not_missed),
        TEST(types_and_layouts_agree),
        TEST(same_input_gives_same_bytes),
        TEST(variance_target_stops_in_time),
    };
    for (size_t d = 0; d < DATA_COUNT; d++) {
        snprintf(names[d], sizeof names[d], "methods_agree_on_%s", data[d].name);
        tests[4 + d] = (struct CMUnitTest){.name = names[d],
                                           .test_func = methods_agree_with_lapack,
                                           .initial_state = (void *)(uintptr_t)d};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
