#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cam/project_plan.h"
#include "cam/workspace.h"
#include "eigencam/cam.h"

static ecam_status check(const ecam_activation *a, const ecam_project_options *o, size_t *n)
{
    size_t elements, bytes;

    if (o->n_components > ECAM_MAX_COMPONENTS ||
        (o->n_components == 0 && !(o->variance > 0 && o->variance < 1)))
        return ECAM_EINVAL;
    if (a->c == 0 || a->h == 0 || a->w == 0 || __builtin_mul_overflow(a->h, a->w, n) ||
        __builtin_mul_overflow(*n, a->c, &elements) ||
        __builtin_mul_overflow(elements, sizeof(double), &bytes))
        return ECAM_ESHAPE;
    return ECAM_OK;
}

/* Maps are float32: where float64 activations leave its range, all maps of the
 * sample are scaled by one power of two so that the first still fits. */
static int fitting_exponent(float largest, int exponent)
{
    int own;

    frexpf(largest, &own);
    if (own + exponent > FLT_MAX_EXP)
        return FLT_MAX_EXP - own;
    return own + exponent < FLT_MIN_EXP ? FLT_MIN_EXP - own : exponent;
}

static void finish_map(float *map, size_t n, bool negate, int exponent)
{
    /* Two factors, as one alone may be out of range. */
    float half = ldexpf(1, exponent / 2), rest = ldexpf(1, exponent - exponent / 2);

    if (negate)
        half = -half;
    for (size_t i = 0; i < n; i++)
        map[i] = map[i] * half * rest;
}

static void finish(const ecam_task *task, ecam_answer *answer, ecam_sign sign)
{
    size_t n = task->n;
    int exponent = 0;

    for (unsigned i = 0; i < answer->components; i++) {
        float *map = answer->maps + i * n, lo, hi;

        task->kernels->extremes(map, n, &lo, &hi);
        bool negate = sign == ECAM_SIGN_PEAK && fabsf(lo) > fabsf(hi);
        if (i == 0)
            exponent = fitting_exponent(fmaxf(-lo, hi), answer->exponent);
        if (negate || exponent != 0)
            finish_map(map, n, negate, exponent);
        answer->singular[i] = ldexp(answer->singular[i], answer->exponent);
    }
    for (unsigned i = answer->components; i < answer->shown; i++) {
        memset(answer->maps + i * n, 0, n * sizeof(float));
        answer->singular[i] = 0;
        answer->explained[i] = 0;
    }
}

static ecam_status begin(ecam_workspace *ws, const ecam_activation *activation,
                         const ecam_project_options *options, const ecam_kernels *kernels,
                         ecam_task *task)
{
    *task = (ecam_task){.activation = activation,
                        .wanted = options->n_components,
                        .variance = options->variance,
                        .kernels = kernels};
    ecam_status st = check(activation, options, &task->n);
    if (st == ECAM_OK && !ws->project && !(ws->project = calloc(1, sizeof *ws->project)))
        st = ECAM_ENOMEM;
    task->scratch = ws->project;
    return st;
}

static ecam_status run(const ecam_task *task, ecam_method method, ecam_answer *answer)
{
    switch (method) {
    case ECAM_METHOD_LANCZOS: return ecam_project_lanczos(task, answer);
    case ECAM_METHOD_BLOCK: return ecam_project_block(task, answer);
    case ECAM_METHOD_GRAM_POSITIONS: return ecam_project_gram_positions(task, answer);
    case ECAM_METHOD_GRAM_CHANNELS: return ecam_project_gram_channels(task, answer);
    case ECAM_METHOD_EXACT: break;
    }
    return ecam_project_exact(task, answer);
}

static ecam_projection view(const ecam_answer *answer)
{
    return (ecam_projection){.maps = answer->maps,
                             .singular = answer->singular,
                             .explained = answer->explained,
                             .shown = answer->shown,
                             .components = answer->components};
}

ecam_status ecam_project_by(ecam_workspace *ws, const ecam_activation *activation,
                            const ecam_project_options *options, ecam_method method,
                            const ecam_kernels *kernels, ecam_projection *out)
{
    ecam_task task;
    ecam_answer answer;

    *out = (ecam_projection){0};
    ecam_status st = begin(ws, activation, options, kernels, &task);
    if (st == ECAM_OK)
        st = run(&task, method, &answer);
    if (st != ECAM_OK)
        return st;
    finish(&task, &answer, options->sign);
    *out = view(&answer);
    return ECAM_OK;
}

ecam_status ecam_project(ecam_workspace *ws, const ecam_activation *activation,
                         const ecam_project_options *options, ecam_projection *out)
{
    ecam_task task;
    ecam_answer answer;

    *out = (ecam_projection){0};
    ecam_status st = begin(ws, activation, options, ecam_kernels_best(), &task);
    if (st != ECAM_OK)
        return st;
    ecam_method method = ecam_plan_choose(&task);
    st = run(&task, method, &answer);
    while (st == ECAM_EMATH && method != ECAM_METHOD_EXACT) {
        method = ecam_plan_next(method);
        st = run(&task, method, &answer);
    }
    if (st != ECAM_OK)
        return st;
    finish(&task, &answer, options->sign);
    *out = view(&answer);
    return ECAM_OK;
}
