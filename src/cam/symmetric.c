/* Lanczos with full reorthogonalisation: for 3 of 49 or 64 eigenpairs it takes
 * a twentieth of LAPACK's time, as it never reduces the whole matrix. It finds
 * a repeated eigenvalue once; Sylvester's law of inertia tells afterwards, by
 * the signs of a factorisation, whether one is missing. */
#include "cam/symmetric.h"

#include <float.h>
#include <math.h>
#include <string.h>

static double *vector(const ecam_symmetric *s, double *basis, size_t i)
{
    return basis + i * s->stride;
}

static bool normalise(const ecam_symmetric *s, double *y, double least, double *length)
{
    double square;

    s->kernels->products(y, 1, s->stride, y, &square);
    *length = sqrt(square);
    if (!(*length > least))
        return false;
    for (size_t i = 0; i < s->stride; i++)
        y[i] /= *length;
    return true;
}

/* y less its parts along the first count vectors; h: what these were. */
static void orthogonalise(const ecam_symmetric *s, double *basis, size_t count, double *y, double *h)
{
    double again[ECAM_RITZ_STEPS + 1];

    s->kernels->products(basis, count, s->stride, y, h);
    for (size_t i = 0; i < count; i++)
        h[i] = -h[i];
    s->kernels->add_rows(basis, count, s->stride, h, y);
    s->kernels->products(basis, count, s->stride, y, again);
    for (size_t i = 0; i < count; i++)
        again[i] = -again[i];
    s->kernels->add_rows(basis, count, s->stride, again, y);
}

static void multiply(const ecam_symmetric *s, const double *x, double *y)
{
    memset(y, 0, s->stride * sizeof *y);
    s->kernels->add_rows(s->matrix, s->side, s->stride, x, y);
}

/* Signs from a hash, once multiplied: rich in the leading directions. */
static bool start(const ecam_symmetric *s, double *basis, double least)
{
    double length, *x = vector(s, basis, 1);

    memset(x, 0, s->stride * sizeof *x);
    for (size_t i = 0; i < s->side; i++)
        x[i] = (i + 1) * 0x9e3779b97f4a7c15u >> 63 ? 1 : -1;
    multiply(s, x, basis);
    return normalise(s, basis, least, &length);
}

static bool iterate(ecam_symmetric *s, double *basis, double trace)
{
    double h[ECAM_RITZ_STEPS + 1], off, least = 1e-14 * trace;
    ecam_ritz_state state = ECAM_RITZ_GOES_ON;

    if (!start(s, basis, least))
        return false;
    for (size_t m = 0; state == ECAM_RITZ_GOES_ON; m++) {
        double *y = vector(s, basis, m + 1);
        multiply(s, vector(s, basis, m), y);
        orthogonalise(s, basis, m + 1, y, h);
        if (m + 1 == s->side || !normalise(s, y, least, &off))
            off = 0;
        state = ecam_ritz_step(&s->ritz, -h[m], off);
    }
    return state == ECAM_RITZ_CONVERGED;
}

/* How many eigenvalues lie above x: the positive pivots of matrix - x. Without
 * row exchanges; a pivot of nothing is taken for a small one. */
static size_t count_above(const ecam_symmetric *s, double x, double *copy)
{
    size_t count = 0;

    memcpy(copy, s->matrix, s->side * s->stride * sizeof *copy);
    for (size_t i = 0; i < s->side; i++)
        copy[i * s->stride + i] -= x;
    for (size_t i = 0; i < s->side; i++) {
        const double *row = copy + i * s->stride;
        double pivot = fabs(row[i]) > 1e-14 * x ? row[i] : -1e-14 * x;
        count += pivot > 0;
        for (size_t r = i + 1; r < s->side; r++) {
            double factor = -row[r] / pivot;
            size_t from = r / 8 * 8;
            s->kernels->add_rows(row + from, 1, s->stride - from, &factor, copy + r * s->stride + from);
        }
    }
    return count;
}

/* What the eigenvalues on the complement of the basis cannot exceed. Their sum
 * and the sum of their squares are those of the whole less those of the
 * tridiagonal part (and its links); the largest of p numbers is at most their
 * mean plus sqrt(p - 1) standard deviations (Samuelson's inequality). */
static double most_beyond(const ecam_symmetric *s)
{
    const ecam_ritz *r = &s->ritz;
    double sum = 0, squares = 0, square, p = (double)(s->side - r->steps);

    for (size_t i = 0; i < s->side; i++) {
        const double *row = s->matrix + i * s->stride;
        s->kernels->products(row, 1, s->stride, row, &square);
        squares += square;
        sum += row[i];
    }
    for (size_t i = 0; i < r->steps; i++) {
        squares -= r->diagonal[i] * r->diagonal[i] + 2 * r->off[i] * r->off[i];
        sum -= r->diagonal[i];
    }
    if (r->steps == s->side)
        return 0;
    return sum / p + sqrt((p - 1) / p * fmax(squares - sum * sum / p, 0));
}

/* Usually the complement is too small to hold another leading eigenvalue. */
static bool missed_none(const ecam_symmetric *s, double *copy)
{
    double last = s->ritz.values[s->wanted - 1], x = last * (1 + 1e-6);
    size_t known = 0;

    if (most_beyond(s) < last)
        return true;
    while (known < s->wanted && s->ritz.values[known] > x)
        known++;
    return count_above(s, x, copy) == known;
}

ecam_status ecam_symmetric_solve(ecam_symmetric *s)
{
    size_t most = ECAM_RITZ_STEPS + 1 + ECAM_RITZ_WANTED + s->side;
    double trace = 0;
    double *basis = ecam_room_get(s->scratch, ECAM_ROOM_BASIS, most, s->stride, sizeof *basis);
    double *small = ecam_room_get(s->scratch, ECAM_ROOM_SMALL, ECAM_RITZ_STEPS, ECAM_RITZ_STEPS,
                                  sizeof *small);

    if (!basis || !small)
        return ECAM_ENOMEM;
    for (size_t i = 0; i < s->side; i++)
        trace += s->matrix[i * s->stride + i];
    ecam_ritz_init(&s->ritz, s->wanted, s->share, s->angle, s->wanted + 12, 3, small);
    if (!iterate(s, basis, trace))
        return ECAM_EMATH;
    s->wanted = s->ritz.wanted;
    s->vectors = vector(s, basis, ECAM_RITZ_STEPS + 1);
    if (!missed_none(s, s->vectors + s->wanted * s->stride))
        return ECAM_EMATH;
    for (unsigned i = 0; i < s->wanted; i++) {
        double *out = s->vectors + i * s->stride;
        memset(out, 0, s->stride * sizeof *out);
        s->kernels->add_rows(basis, s->ritz.steps, s->stride, s->ritz.vectors + i * s->ritz.steps, out);
    }
    return ECAM_OK;
}
