/* Implicit QL (EISPACK's tql2). Why not LAPACK's dsteqr: an iteration that asks
 * whether it has converged needs only the last row of the eigenvectors, which
 * is a third of the work, and at these sizes (10..30) dsteqr takes as long as
 * several passes over the activations. */
#include "cam/tridiagonal.h"

#include <math.h>
#include <float.h>
#include <string.h>

#define MAX_STEPS 50

/* One implicit QL step on the block l..k. */
static void step(size_t l, size_t k, double *d, double *e, size_t rows, double *z)
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
        double *low = z + i * rows, *high = low + rows;
        for (size_t j = 0; j < rows; j++) {
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

static void sort(size_t m, double *d, size_t rows, double *z)
{
    for (size_t i = 0; i + 1 < m; i++) {
        size_t best = i;
        for (size_t j = i + 1; j < m; j++)
            best = d[j] > d[best] ? j : best;
        if (best == i)
            continue;
        double t = d[i];
        d[i] = d[best];
        d[best] = t;
        for (size_t j = 0; j < rows; j++) {
            t = z[i * rows + j];
            z[i * rows + j] = z[best * rows + j];
            z[best * rows + j] = t;
        }
    }
}

bool ecam_tridiagonal_solve(size_t m, double *diagonal, double *off, size_t rows,
                            double *vectors)
{
    memset(vectors, 0, m * rows * sizeof *vectors);
    for (size_t j = 0; j < rows; j++)
        vectors[(m - rows + j) * rows + j] = 1;
    off[m - 1] = 0;
    for (size_t l = 0; l < m; l++) {
        size_t k, steps = 0;
        while ((k = block_end(l, m, diagonal, off)) != l) {
            if (steps++ == MAX_STEPS)
                return false;
            step(l, k, diagonal, off, rows, vectors);
        }
    }
    sort(m, diagonal, rows, vectors);
    return true;
}
