#include "hard_data.h"

#include <stdlib.h>

#include "support/check.h"

static unsigned long long state;

void hard_data_seed(unsigned long long seed)
{
    state = seed;
}

static double uniform(void)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (double)(state >> 11) * 0x1p-53;
}

static double gaussian(void)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += uniform();
    return sum;
}

static void *allocate(size_t count, size_t size)
{
    void *p = calloc(count, size);
    assert_non_null(p);
    return p;
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

static void make_not_finite(float *x, size_t c, size_t n)
{
    const float bad[] = {INFINITY, -INFINITY, NAN};

    make_features(x, c, n);
    for (size_t i = 0; i < c * n; i += 1 + (size_t)(c * n * uniform() / 4))
        x[i] = bad[(size_t)(3 * uniform())];
}

static const struct {
    const char *name;
    void (*make)(float *x, size_t c, size_t n);
    bool ordinary;
} data[HARD_DATA_COUNT] = {
    [HARD_DATA_NOISE] = {"noise", make_noise, false},
    [HARD_DATA_FEATURES] = {"features", make_features, true},
    [HARD_DATA_HUGE_MEAN] = {"huge mean", make_huge_mean, true},
    [HARD_DATA_LARGE] = {"1e20", make_large, false},
    [HARD_DATA_TINY] = {"1e-20", make_tiny, false},
    [HARD_DATA_SMALL_THIRD] = {"small third", make_small_third, false},
    [HARD_DATA_STEEP] = {"steep", make_steep, false},
    [HARD_DATA_RANK_TWO] = {"rank two", make_rank_two, false},
    [HARD_DATA_NEAR_PAIR] = {"near pair", make_near_pair, false},
    [HARD_DATA_NEAR_SECOND_PAIR] = {"near second pair", make_near_second_pair, false},
    [HARD_DATA_TRIPLE] = {"triple", make_triple, false},
    [HARD_DATA_SPOTS] = {"spots", make_spots, false},
    [HARD_DATA_DEAD_CHANNELS] = {"dead channels", make_dead_channels, true},
    [HARD_DATA_NOT_FINITE] = {"not finite", make_not_finite, false},
};

void hard_data_make(size_t kind, float *x, size_t c, size_t n)
{
    data[kind].make(x, c, n);
}

const char *hard_data_name(size_t kind)
{
    return data[kind].name;
}

bool hard_data_is_ordinary(size_t kind)
{
    return data[kind].ordinary;
}
