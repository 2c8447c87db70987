/* The reference path. All eigenvalues come from the tridiagonal form, which is
 * cheap; eigenvectors only for the components that are shown. */
#include <limits.h>
#include <math.h>
#include <string.h>

#include <cblas.h>
#include <lapacke.h>

#include "cam/project_load.h"

/* The Gram matrix of side d, overwritten by its reflectors. */
typedef struct exact {
    lapack_int d;
    bool by_position; /* side of positions, else of channels */
    double *gram;
    double *diagonal, *off, *tau;
    double *values, *spare; /* eigenvalues, descending at last; overwritten by LAPACK */
    double *work;
    lapack_int work_length;
    lapack_int *integers;
    double *vectors; /* [components][d] */
} exact;

static ecam_status make_room(const ecam_task *task, exact *e)
{
    struct ecam_project_scratch *s = task->scratch;
    size_t d = (size_t)e->d;

    /* 18 d and 10 d are what dstemr asks for; dsytrd gets blocks of 64. */
    e->work_length = 64 * e->d;
    e->gram = ecam_room_get(s, ECAM_ROOM_GRAM, d, d, sizeof(double));
    e->diagonal = ecam_room_get(s, ECAM_ROOM_SMALL, d, 5, sizeof(double));
    e->work = ecam_room_get(s, ECAM_ROOM_LAPACK, d,
                            64 * sizeof(double) + 12 * sizeof(lapack_int), 1);
    if (!e->gram || !e->diagonal || !e->work)
        return ECAM_ENOMEM;
    e->off = e->diagonal + d;
    e->tau = e->off + d;
    e->values = e->tau + d;
    e->spare = e->values + d;
    e->integers = (lapack_int *)(e->work + 64 * d);
    return ECAM_OK;
}

static double multiply(const ecam_task *task, exact *e, const double *matrix)
{
    int c = (int)task->activation->c, n = (int)task->n;
    double trace = 0;

    cblas_dsyrk(CblasRowMajor, CblasUpper, e->by_position ? CblasTrans : CblasNoTrans, e->d,
                e->by_position ? c : n, 1, matrix, n, 0, e->gram, e->d);
    for (lapack_int i = 0; i < e->d; i++)
        trace += e->gram[(size_t)i * (size_t)e->d + (size_t)i];
    return trace;
}

/* Row-major upper is LAPACK's lower: no transposition anywhere. */
static bool find_values(exact *e)
{
    if (LAPACKE_dsytrd_work(LAPACK_COL_MAJOR, 'L', e->d, e->gram, e->d, e->diagonal, e->off,
                            e->tau, e->work, e->work_length) != 0)
        return false;
    memcpy(e->values, e->diagonal, (size_t)e->d * sizeof(double));
    memcpy(e->spare, e->off, (size_t)e->d * sizeof(double));
    if (LAPACKE_dsterf_work(e->d, e->values, e->spare) != 0)
        return false;
    for (lapack_int i = 0, j = e->d - 1; i < j; i++, j--) {
        double swap = e->values[i];
        e->values[i] = e->values[j];
        e->values[j] = swap;
    }
    return true;
}

static bool find_vectors(exact *e, unsigned count)
{
    lapack_int d = e->d, found = 0, first = d - (lapack_int)count + 1;
    lapack_logical try_accuracy = 1;
    lapack_int *support = e->integers + 10 * (size_t)d;

    memcpy(e->spare, e->off, (size_t)d * sizeof(double));
    if (LAPACKE_dstemr_work(LAPACK_COL_MAJOR, 'V', 'I', d, e->diagonal, e->spare, 0, 0, first, d,
                            &found, e->values, e->vectors, d, (lapack_int)count, support,
                            &try_accuracy, e->work, e->work_length, e->integers, 10 * d) != 0 ||
        found != (lapack_int)count)
        return false;
    return d == 1 || LAPACKE_dormtr_work(LAPACK_COL_MAJOR, 'L', 'L', 'N', d, found, e->gram, d,
                                         e->tau, e->vectors, d, e->work, e->work_length) == 0;
}

/* Vectors are ascending; answers descend. By position a component is its
 * eigenvector times the singular value, by channel one more product. */
static void fill(const ecam_task *task, const exact *e, const double *matrix,
                 ecam_answer *answer)
{
    size_t c = task->activation->c, n = task->n;

    for (unsigned i = 0; i < answer->components; i++) {
        const double *v = e->vectors + (answer->components - 1 - i) * (size_t)e->d;
        float *map = answer->maps + i * n;
        double *sum = e->by_position ? NULL : e->work;

        if (!sum) {
            for (size_t p = 0; p < n; p++)
                map[p] = (float)(answer->singular[i] * v[p]);
            continue;
        }
        cblas_dgemv(CblasRowMajor, CblasTrans, (int)c, (int)n, 1, matrix, (int)n, v, 1, 0, sum, 1);
        for (size_t p = 0; p < n; p++)
            map[p] = (float)sum[p];
    }
}

static ecam_status add_maps(const ecam_task *task, exact *e, const double *matrix,
                            ecam_answer *answer)
{
    if (answer->components == 0)
        return ECAM_OK;
    e->vectors = ecam_room_get(task->scratch, ECAM_ROOM_VECTORS, answer->components, (size_t)e->d,
                               sizeof *e->vectors);
    if (!e->vectors)
        return ECAM_ENOMEM;
    if (!find_vectors(e, answer->components))
        return ECAM_EMATH;
    if (!e->by_position)
        e->work = ecam_room_get(task->scratch, ECAM_ROOM_LAPACK, task->n, 1, sizeof *e->work);
    if (!e->work)
        return ECAM_ENOMEM;
    fill(task, e, matrix, answer);
    return ECAM_OK;
}

ecam_status ecam_project_exact(const ecam_task *task, ecam_answer *answer)
{
    size_t c = task->activation->c, n = task->n;
    exact e = {.by_position = n <= c, .d = (lapack_int)(n <= c ? n : c)};
    ecam_centred in;
    unsigned shown, components;

    /* LAPACK counts in 32 bits. */
    if (n > INT_MAX || c > INT_MAX || e.d > INT_MAX / 64)
        return ECAM_ENOMEM;
    ecam_status st = ecam_load_centred(task, &in);
    if (st == ECAM_OK)
        st = make_room(task, &e);
    if (st != ECAM_OK)
        return st;
    double trace = multiply(task, &e, in.matrix);
    if (!find_values(&e))
        return ECAM_EMATH;
    ecam_answer_count(task, e.values, (size_t)e.d, trace, in.norm2, &shown, &components);
    st = ecam_answer_make(task, shown, answer);
    if (st != ECAM_OK)
        return st;
    answer->components = components;
    answer->exponent = in.exponent;
    for (unsigned i = 0; i < components; i++) {
        answer->singular[i] = sqrt(e.values[i]);
        answer->explained[i] = e.values[i] / trace;
    }
    return add_maps(task, &e, in.matrix, answer);
}
