#include "cam/project_plan.h"

ecam_status ecam_answer_make(const ecam_task *task, unsigned shown, ecam_answer *answer)
{
    struct ecam_project_scratch *s = task->scratch;

    *answer = (ecam_answer){.shown = shown};
    answer->maps = ecam_room_get(s, ECAM_ROOM_MAPS, shown, task->n, sizeof(float));
    answer->singular = ecam_room_get(s, ECAM_ROOM_VALUES, shown, 2, sizeof(double));
    if (!answer->maps || !answer->singular)
        return ECAM_ENOMEM;
    answer->explained = answer->singular + shown;
    return ECAM_OK;
}

/* Singular values below this share of the first, and a first below this share
 * of the whole, are rounding residue. */
#define RESIDUE 1e-6

bool ecam_answer_count(const ecam_task *task, const double *eigenvalues, size_t known,
                       double trace, double norm2, unsigned *shown, unsigned *components)
{
    unsigned most = task->wanted ? task->wanted : ECAM_MAX_COMPONENTS, rank = 0;
    double sum = 0;
    bool reached = false;

    while (rank < most && rank < known && !reached && eigenvalues[0] > RESIDUE * RESIDUE * norm2 &&
           eigenvalues[rank] > RESIDUE * RESIDUE * eigenvalues[0]) {
        sum += eigenvalues[rank++] / trace;
        reached = !task->wanted && sum >= task->variance;
    }
    *components = rank;
    *shown = task->wanted ? task->wanted : rank;
    return reached || rank < known || rank == most;
}

const char *ecam_method_name(ecam_method method)
{
    static const char *const names[ECAM_METHOD_COUNT] = {
        [ECAM_METHOD_EXACT] = "exact",
        [ECAM_METHOD_LANCZOS] = "lanczos",
        [ECAM_METHOD_GRAM_POSITIONS] = "gram-positions",
        [ECAM_METHOD_GRAM_CHANNELS] = "gram-channels",
    };
    return names[method];
}

ecam_method ecam_plan_choose(const ecam_task *task)
{
    size_t c = task->activation->c, n = task->n;

    if (task->wanted == 0)
        return ECAM_METHOD_EXACT;
    if (n <= c && n <= 64)
        return ECAM_METHOD_GRAM_POSITIONS;
    if (c <= n && c <= 64)
        return ECAM_METHOD_GRAM_CHANNELS;
    return ECAM_METHOD_LANCZOS;
}

/* Iterations without a Gram matrix keep twice its digits, float64 the rest. */
ecam_method ecam_plan_next(ecam_method method)
{
    return method == ECAM_METHOD_LANCZOS ? ECAM_METHOD_EXACT : ECAM_METHOD_LANCZOS;
}
