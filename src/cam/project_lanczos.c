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
#include "cam/ritz.h"
#include "cam/tridiagonal.h"

#define MAX_PROBE 12
#define MAX_BASIS (ECAM_RITZ_STEPS + MAX_PROBE + 2)

/* How far a vector may be off, in radians. */
#define ANGLE 3e-6

/* Singular values below this share of the first are float64's business. */
#define LEAST_SHARE 2e-3

typedef struct krylov {
    const ecam_task *task;
    ecam_centred_floats in;
    float *basis; /* [MAX_BASIS][stride] */
    float *left;  /* [c]: alpha u of the last step */
    ecam_ritz ritz; /* of B'B */
} krylov;

/* What a step leaves for the next. */
typedef struct link {
    double alpha, beta;
} link;

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
    double h[MAX_BASIS];

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

/* One step from basis vector `at`, after a step that left `*l`. beta is 0 where
 * the space is exhausted: B'B maps it to itself. */
static void advance(krylov *k, size_t at, link *l)
{
    float *y = vector(k, at + 1);
    ecam_sweep s = {.matrix = k->in.matrix,
                    .rows = k->task->activation->c,
                    .stride = k->in.stride,
                    .x = vector(k, at),
                    .left = k->left,
                    .beta = l->alpha > 0 ? (float)(l->beta / l->alpha) : 0,
                    .y = y};
    double least = FLT_EPSILON * sqrt(k->in.norm2);

    l->alpha = sqrt(k->task->kernels->sweep(&s));
    l->beta = 0;
    if (!(l->alpha > least))
        return;
    float factor = (float)(1 / l->alpha);
    for (size_t i = 0; i < k->in.stride; i++)
        y[i] *= factor;
    orthogonalise(k, at + 1, y);
    if (!normalise(k, y, least, &l->beta))
        l->beta = 0;
}

/* Iterate until the components wanted have converged. */
static bool iterate(krylov *k)
{
    ecam_ritz_state state = ECAM_RITZ_GOES_ON;
    link l = {0, 0};

    for (size_t m = 0; state == ECAM_RITZ_GOES_ON; m++) {
        double before = l.beta;
        advance(k, m, &l);
        state = ecam_ritz_step(&k->ritz, l.alpha * l.alpha + before * before, l.alpha * l.beta);
    }
    return state == ECAM_RITZ_CONVERGED;
}

/* Whether an iteration in the complement of the basis stays clearly below
 * `smallest`. */
static bool probe(krylov *k, double smallest)
{
    double diagonal[MAX_PROBE], off[MAX_PROBE];
    link l = {0, 0};

    for (size_t m = 0; m < MAX_PROBE; m++) {
        double values[MAX_PROBE], vectors[MAX_PROBE * MAX_PROBE], before = l.beta;
        advance(k, k->ritz.steps + m, &l);
        diagonal[m] = l.alpha * l.alpha + before * before;
        off[m] = l.alpha * l.beta;
        if (!ecam_tridiagonal_solve(m + 1, diagonal, off, 1, values, vectors) ||
            values[0] >= smallest * (1 - 1e-5))
            return false;
        double residual = off[m] * fabs(vectors[m]);
        if (l.beta == 0 || (m >= 2 && (values[0] < 0.6 * smallest ||
                                       residual < 0.2 * (smallest - values[0]))))
            return true;
    }
    return false;
}

/* Whether the complement of the basis may hold an eigenvalue that belongs to
 * the leading ones: first by its trace, then by a short iteration in it. */
static bool missed_none(krylov *k, double smallest)
{
    double rest = k->in.norm2, length;
    size_t m = k->ritz.steps;
    float *y = vector(k, m);

    for (size_t i = 0; i < m; i++)
        rest -= k->ritz.diagonal[i];
    if (k->ritz.wanted == 1 || rest < smallest)
        return true;
    memcpy(y, k->in.mixture + k->in.stride, k->in.stride * sizeof *y);
    orthogonalise(k, m, y);
    return !normalise(k, y, FLT_EPSILON * sqrt(k->in.norm2), &length) || probe(k, smallest);
}

static ecam_status prepare(const ecam_task *task, krylov *k)
{
    struct ecam_project_scratch *s = task->scratch;
    size_t c = task->activation->c;

    ecam_status st = ecam_load_floats(task, &k->in);
    if (st != ECAM_OK)
        return st;
    k->task = task;
    k->basis = ecam_room_get(s, ECAM_ROOM_BASIS, MAX_BASIS, k->in.stride, sizeof(float));
    k->left = ecam_room_get(s, ECAM_ROOM_VECTORS, c, 1, sizeof(float));
    double *small = ecam_room_get(s, ECAM_ROOM_SMALL, ECAM_RITZ_STEPS, ECAM_RITZ_STEPS, sizeof *small);
    if (!k->basis || !k->left || !small)
        return ECAM_ENOMEM;
    ecam_ritz_init(&k->ritz, task->wanted, task->variance * k->in.norm2, ANGLE, task->wanted + 9, 1,
                   small);
    memset(k->left, 0, c * sizeof *k->left);
    memcpy(k->basis, k->in.mixture, k->in.stride * sizeof(float));
    return ECAM_OK;
}

/* map = sigma * sum of s_j v_j. */
static void fill(const krylov *k, unsigned i, float *map, double sigma)
{
    double h[ECAM_RITZ_STEPS];
    size_t m = k->ritz.steps;
    float *sum = vector(k, MAX_BASIS - 1);

    for (size_t j = 0; j < m; j++)
        h[j] = -sigma * k->ritz.vectors[i * m + j];
    memset(sum, 0, k->in.stride * sizeof *sum);
    k->task->kernels->subtract(k->basis, m, k->in.stride, h, sum);
    memcpy(map, sum, k->task->n * sizeof *map);
}

/* Whether the leading eigenpairs are known as well as float32 can tell. */
static bool find(krylov *k)
{
    const double *values = k->ritz.values;
    double length, smallest, size2 = k->in.peak * k->in.peak * (double)k->task->n *
                                     (double)k->task->activation->c;

    if (!normalise(k, k->basis, FLT_EPSILON * sqrt(k->in.norm2), &length) || !iterate(k))
        return false;
    smallest = values[k->ritz.wanted - 1];
    return smallest > LEAST_SHARE * LEAST_SHARE * values[0] && values[0] > 1e-8 * size2 &&
           missed_none(k, smallest);
}

ecam_status ecam_project_lanczos(const ecam_task *task, ecam_answer *answer)
{
    krylov k;

    if (task->wanted > ECAM_RITZ_WANTED)
        return ECAM_EMATH;
    ecam_status st = prepare(task, &k);
    if (st == ECAM_OK && k.in.norm2 == 0)
        return ecam_answer_make(task, task->wanted, answer);
    if (st == ECAM_OK && !find(&k))
        st = ECAM_EMATH;
    if (st == ECAM_OK)
        st = ecam_answer_fill(task, &k.ritz, k.in.norm2, answer);
    if (st != ECAM_OK)
        return st;
    answer->exponent = k.in.exponent;
    for (unsigned i = 0; i < answer->components; i++)
        fill(&k, i, answer->maps + i * task->n, answer->singular[i]);
    return ECAM_OK;
}
