/* Golub-Kahan-Lanczos bidiagonalisation of B (a row for each channel) from the
 * side of the positions:
 *
 *     alpha_j u_j     = B v_j - beta_{j-1} u_{j-1}
 *     beta_j  v_{j+1} = B' u_j - alpha_j v_j
 *
 * Only the v are kept and reorthogonalised, against all earlier ones. So the
 * first line needs no later correction, row by row, and both lines share one
 * pass over B (H. D. Simon, H. Zha, SIAM J. Sci. Comput. 21(6), 2000). The
 * bidiagonal's singular values keep their relative accuracy where a Gram matrix
 * in float32 would square it away. A component's projection is its singular
 * value times its v: no pass at the end.
 *
 * Krylov spaces from one vector hold each eigenvalue once. Whether a repeated
 * one was missed is asked afterwards, with another vector. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "cam/project_load.h"
#include "cam/tridiagonal.h"

#define MAX_STEPS 96
#define MAX_PROBE 12
#define MAX_WANTED 12

/* A residual over the gap bounds the angle of a vector. */
#define ANGLE 1e-6
#define FLOOR 1e-8

/* Singular values below this share of the first are float64's business. */
#define LEAST_SHARE 2e-3

typedef struct krylov {
    const ecam_task *task;
    ecam_centred_floats in;
    float *basis; /* [MAX_STEPS + MAX_PROBE + 1][stride] */
    float *left;  /* [c]: alpha u of the last step */
    size_t steps;
    double alpha[MAX_STEPS], beta[MAX_STEPS];
    double diagonal[MAX_STEPS], off[MAX_STEPS]; /* of B'B in the basis */
    double values[MAX_STEPS], spare[MAX_STEPS];
    double *vectors; /* [MAX_STEPS][MAX_STEPS] */
    unsigned wanted;
} krylov;

static float *vector(const krylov *k, size_t i)
{
    return k->basis + i * k->in.stride;
}

static double norm(const krylov *k, const float *y)
{
    double square;
    k->task->kernels->dots(y, 1, k->in.stride, y, &square);
    return sqrt(square);
}

/* Twice is enough (Kahan, in Parlett's book). */
static void orthogonalise(const krylov *k, size_t count, float *y)
{
    double h[MAX_STEPS + MAX_PROBE];

    for (int i = 0; i < 2; i++) {
        k->task->kernels->dots(k->basis, count, k->in.stride, y, h);
        k->task->kernels->subtract(k->basis, count, k->in.stride, h, y);
    }
}

/* y = y / norm; false where nothing but rounding is left of it. */
static bool normalise(const krylov *k, float *y, double least, double *length)
{
    *length = norm(k, y);
    if (!(*length > least))
        return false;
    float factor = (float)(1 / *length);
    for (size_t i = 0; i < k->in.stride; i++)
        y[i] *= factor;
    return true;
}

/* One step from basis vector `at`; `before` is the beta that led to it. False
 * where the space is exhausted: B'B maps it to itself. */
static bool advance(krylov *k, size_t at, double before, double alpha_before, double *alpha,
                    double *beta)
{
    float *y = vector(k, at + 1);
    ecam_sweep s = {.matrix = k->in.matrix,
                    .rows = k->task->activation->c,
                    .stride = k->in.stride,
                    .x = vector(k, at),
                    .left = k->left,
                    .beta = alpha_before > 0 ? (float)(before / alpha_before) : 0,
                    .y = y};
    double least = FLT_EPSILON * sqrt(k->in.norm2);

    *alpha = sqrt(k->task->kernels->sweep(&s));
    *beta = 0;
    if (!(*alpha > least))
        return false;
    float factor = (float)(1 / *alpha);
    for (size_t i = 0; i < k->in.stride; i++)
        y[i] *= factor;
    orthogonalise(k, at + 1, y);
    return normalise(k, y, least, beta);
}

static bool solve(krylov *k, size_t rows)
{
    size_t m = k->steps;

    memcpy(k->values, k->diagonal, m * sizeof(double));
    memcpy(k->spare, k->off, m * sizeof(double));
    return ecam_tridiagonal_solve(m, k->values, k->spare, rows, k->vectors);
}

static double gap(const krylov *k, size_t i)
{
    double above = i > 0 ? k->values[i - 1] - k->values[i] : INFINITY;
    double below = i + 1 < k->steps ? k->values[i] - k->values[i + 1] : k->values[i];
    return fmin(above, below);
}

/* The largest residual over what it may be, of the components wanted: 1 is
 * converged. */
static double excess(const krylov *k, double alpha, double beta)
{
    double worst = 0;

    for (size_t i = 0; i < k->wanted; i++) {
        double residual = alpha * beta * fabs(k->vectors[i]);
        worst = fmax(worst, residual / fmax(ANGLE * gap(k, i), FLOOR * k->values[0]));
    }
    return worst;
}

/* When to look again: residuals fall steadily, by a factor that two looks
 * tell. */
static size_t next_look(size_t now, double excess_now, size_t last, double excess_last)
{
    double rate = last ? log(excess_last / excess_now) / (double)(now - last) : 1.5;
    double wait = rate > 0.05 ? log(excess_now) / rate : 4;
    return now + (size_t)fmin(fmax(ceil(wait * 0.8), 1), 12);
}

/* Iterate until the components wanted have converged. */
static bool iterate(krylov *k)
{
    size_t look = k->wanted + 5, last = 0, limit = MAX_STEPS;
    double excess_last = 0, before = 0, alpha_before = 0;

    for (size_t m = 0; m < limit; m++) {
        double alpha, beta;
        bool goes_on = advance(k, m, before, alpha_before, &alpha, &beta);
        k->diagonal[m] = alpha * alpha + before * before;
        k->off[m] = alpha * beta;
        k->steps = m + 1;
        before = beta;
        alpha_before = alpha;
        if (!goes_on)
            return k->steps >= k->wanted && solve(k, 1);
        if (k->steps < look || k->steps < k->wanted)
            continue;
        if (!solve(k, 1))
            return false;
        double now = excess(k, alpha, beta);
        if (now <= 1)
            return true;
        look = next_look(k->steps, now, last, excess_last);
        last = k->steps;
        excess_last = now;
    }
    return false;
}

/* Whether the complement of the basis may hold an eigenvalue that belongs to
 * the leading ones: first by its trace, then by a short iteration in it. */
static bool missed_none(krylov *k, double smallest)
{
    double rest = k->in.norm2, length, diagonal[MAX_PROBE], off[MAX_PROBE];
    double before = 0, alpha_before = 0;
    float *y = vector(k, k->steps);

    for (size_t i = 0; i < k->steps; i++)
        rest -= k->diagonal[i];
    if (k->wanted == 1 || rest < smallest)
        return true;
    memcpy(y, k->in.mixture + k->in.stride, k->in.stride * sizeof *y);
    orthogonalise(k, k->steps, y);
    if (!normalise(k, y, FLT_EPSILON * sqrt(k->in.norm2), &length))
        return true;
    for (size_t m = 0; m < MAX_PROBE; m++) {
        double alpha, beta, values[MAX_PROBE], spare[MAX_PROBE], last[MAX_PROBE];
        bool goes_on = advance(k, k->steps + m, before, alpha_before, &alpha, &beta);
        diagonal[m] = alpha * alpha + before * before;
        off[m] = alpha * beta;
        before = beta;
        alpha_before = alpha;
        memcpy(values, diagonal, sizeof values);
        memcpy(spare, off, sizeof spare);
        if (!ecam_tridiagonal_solve(m + 1, values, spare, 1, last))
            return false;
        if (values[0] >= smallest * (1 - 1e-5))
            return false;
        double residual = alpha * beta * fabs(last[0]);
        if (!goes_on || (m >= 2 && (values[0] < 0.6 * smallest ||
                                    residual < 0.2 * (smallest - values[0]))))
            return true;
    }
    return false;
}

static ecam_status prepare(const ecam_task *task, krylov *k)
{
    ecam_status st = ecam_load_floats(task, &k->in);
    if (st != ECAM_OK)
        return st;
    k->basis = ecam_room_get(task->scratch, ECAM_ROOM_BASIS, MAX_STEPS + MAX_PROBE + 2, k->in.stride,
                             sizeof(float));
    k->left = ecam_room_get(task->scratch, ECAM_ROOM_VECTORS, task->activation->c, 1, sizeof(float));
    k->vectors = ecam_room_get(task->scratch, ECAM_ROOM_SMALL, MAX_STEPS, MAX_STEPS, sizeof(double));
    if (!k->basis || !k->left || !k->vectors)
        return ECAM_ENOMEM;
    memset(k->left, 0, task->activation->c * sizeof *k->left);
    memcpy(k->basis, k->in.mixture, k->in.stride * sizeof(float));
    return ECAM_OK;
}

/* map = sigma * sum of s_j v_j. */
static void fill(const krylov *k, unsigned i, float *map, double sigma)
{
    double h[MAX_STEPS];
    float *sum = vector(k, MAX_STEPS + MAX_PROBE + 1);

    for (size_t j = 0; j < k->steps; j++)
        h[j] = -sigma * k->vectors[i * k->steps + j];
    memset(sum, 0, k->in.stride * sizeof *sum);
    k->task->kernels->subtract(k->basis, k->steps, k->in.stride, h, sum);
    memcpy(map, sum, k->task->n * sizeof *map);
}

static ecam_status answer_nothing(const ecam_task *task, ecam_answer *answer)
{
    return ecam_answer_make(task, task->wanted, answer);
}

ecam_status ecam_project_lanczos(const ecam_task *task, ecam_answer *answer)
{
    krylov k = {.task = task, .wanted = task->wanted};
    double length;

    if (task->wanted == 0 || task->wanted > MAX_WANTED)
        return ECAM_EMATH;
    ecam_status st = prepare(task, &k);
    if (st != ECAM_OK)
        return st;
    if (k.in.norm2 == 0)
        return answer_nothing(task, answer);
    double size = k.in.peak * sqrt((double)task->n * (double)task->activation->c);
    if (!normalise(&k, k.basis, FLT_EPSILON * sqrt(k.in.norm2), &length) || !iterate(&k) ||
        k.values[k.wanted - 1] < LEAST_SHARE * LEAST_SHARE * k.values[0] ||
        k.values[0] < 1e-8 * size * size)
        return ECAM_EMATH;
    if (!missed_none(&k, k.values[k.wanted - 1]) || !solve(&k, k.steps))
        return ECAM_EMATH;
    st = ecam_answer_make(task, task->wanted, answer);
    if (st != ECAM_OK)
        return st;
    answer->components = task->wanted;
    answer->exponent = k.in.exponent;
    for (unsigned i = 0; i < task->wanted; i++) {
        answer->singular[i] = sqrt(k.values[i]);
        answer->explained[i] = k.values[i] / k.in.norm2;
        fill(&k, i, answer->maps + i * task->n, answer->singular[i]);
    }
    return ECAM_OK;
}
