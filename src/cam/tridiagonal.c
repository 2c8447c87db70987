/* Implicit QL (EISPACK's tql2). Why not LAPACK's dsteqr: the matrices of a
 * Lanczos iteration give their largest eigenvalues first, so QL can stop after
 * a few; and at these sizes (10..30) dsteqr takes as long as several passes
 * over the activations. */
#include "cam/tridiagonal.h"

#include <math.h>
#include <float.h>
#include <string.h>

#define MAX_STEPS 50

/* One implicit QL step on the block l..k. */
static void step(size_t l, size_t k, double *d, double *e, size_t m, double *z)
{
    double g = (d[l + 1] - d[l]) / (2 * e[l]), r = sqrt(g * g + 1);
    double s = 1, c = 1, p = 0;

    g = d[k] - d[l] + e[l] / (g + copysign(r, g));
    for (size_t i = k; i-- > l;) {
        double f = s * e[i], b = c * e[i];
        r = sqrt(f * f + g * g);
        e[i + 1] = r;
        if (r == 0) {
            d[i + 1] -= p;
            e[k] = 0;
            return;
        }
        double inverse = 1 / r;
        s = f * inverse;
        c = g * inverse;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        double *low = z + i * m, *high = low + m;
        for (size_t j = 0; j < m; j++) {
            double t = high[j];
            high[j] = s * low[j] + c * t;
            low[j] = c * low[j] - s * t;
        }
    }
    d[l] -= p;
    e[l] = g;
    e[k] = 0;
}

static size_t block_end(size_t l, size_t m, const double *d, const double *e)
{
    size_t k = l;
    while (k + 1 < m && fabs(e[k]) > DBL_EPSILON * (fabs(d[k]) + fabs(d[k + 1])))
        k++;
    return k;
}

/* How many eigenvalues lie above x: Sturm's sequence. */
static size_t count_above(size_t m, const double *d, const double *e, double x)
{
    double pivot = 1;
    size_t count = 0;

    for (size_t i = 0; i < m; i++) {
        double before = i > 0 ? e[i - 1] * e[i - 1] / pivot : 0;
        pivot = d[i] - x - before;
        if (pivot == 0)
            pivot = -DBL_MIN;
        count += pivot > 0;
    }
    return count;
}

/* Order the first `found` by value. */
static void sort(size_t m, size_t found, double *d, double *z)
{
    double swap[ECAM_TRIDIAGONAL_SIDE];
    size_t bytes = m * sizeof *z;

    for (size_t i = 0; i + 1 < found; i++) {
        size_t best = i;
        for (size_t j = i + 1; j < found; j++)
            best = d[j] > d[best] ? j : best;
        if (best == i)
            continue;
        double t = d[i];
        d[i] = d[best];
        d[best] = t;
        memcpy(swap, z + i * m, bytes);
        memcpy(z + i * m, z + best * m, bytes);
        memcpy(z + best * m, swap, bytes);
    }
}

bool ecam_tridiagonal_solve(size_t m, const double *diagonal, const double *off, size_t wanted,
                            double *values, double *vectors)
{
    double e[ECAM_TRIDIAGONAL_SIDE];

    memcpy(values, diagonal, m * sizeof *values);
    memcpy(e, off, (m - 1) * sizeof *e);
    e[m - 1] = 0;
    memset(vectors, 0, m * m * sizeof *vectors);
    for (size_t j = 0; j < m; j++)
        vectors[j * m + j] = 1;
    for (size_t l = 0; l < m; l++) {
        size_t k, steps = 0;
        while ((k = block_end(l, m, values, e)) != l) {
            if (steps++ == MAX_STEPS)
                return false;
            step(l, k, values, e, m, vectors);
        }
        if (l + 1 < wanted)
            continue;
        sort(m, l + 1, values, vectors);
        double last = values[wanted - 1];
        if (count_above(m, diagonal, off, last + 1e-13 * fabs(values[0])) < wanted)
            return true;
    }
    return true;
}
