#include "cam/project_plan.h"

#include <math.h>

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

void ecam_answer_count(const ecam_task *task, const double *eigenvalues, size_t known,
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
}

/* Shares in float32 are known to this. */
#define SHARE_ERROR 2e-6

ecam_status ecam_answer_fill(const ecam_task *task, const ecam_ritz *ritz, double trace,
                             ecam_answer *answer)
{
    double sum = 0, before = 0;
    ecam_status st = ecam_answer_make(task, ritz->wanted, answer);

    if (st != ECAM_OK)
        return st;
    answer->components = ritz->wanted;
    for (unsigned i = 0; i < ritz->wanted; i++) {
        answer->singular[i] = sqrt(ritz->values[i]);
        answer->explained[i] = ritz->values[i] / trace;
        before = sum;
        sum += answer->explained[i];
    }
    if (task->wanted == 0 &&
        (sum - task->variance < SHARE_ERROR || task->variance - before < SHARE_ERROR))
        return ECAM_EMATH;
    return ECAM_OK;
}

const char *ecam_method_name(ecam_method method)
{
    static const char *const names[ECAM_METHOD_COUNT] = {
        [ECAM_METHOD_EXACT] = "exact",
        [ECAM_METHOD_LANCZOS] = "lanczos",
        [ECAM_METHOD_BLOCK] = "block",
        [ECAM_METHOD_GRAM_POSITIONS] = "gram-positions",
        [ECAM_METHOD_GRAM_CHANNELS] = "gram-channels",
    };
    return names[method];
}

/* What the methods cost, in microseconds on the machine of docs/limits.md; on
 * others the proportions are much the same. Measured: 17 sweeps for three
 * components of features, a fused sweep at 70 GFLOP/s from the second cache and
 * at 27 GB/s beyond it, a Gram matrix at 150 GFLOP/s, reading and centring at
 * 16 GB/s, Lanczos on the Gram matrix at 60 GB/s. Blocks take 7 to 9 passes at
 * 22 GB/s (more on the first, less for the maps), and a microsecond a channel for
 * the rest. */
#define SWEEPS 17.0
#define SWEEP_RATE 70e3
#define FAR_RATE 27e3
#define GRAM_RATE 150e3
#define READ_RATE 16e3
#define SMALL_RATE 60e3
#define BLOCK_RATE 22e3
#define NEAR_BYTES (3 << 19)
#define BLOCK_CHANNELS 128

static double cost_of_lanczos(double c, double n)
{
    double bytes = 4 * c * n, basis = 40 * n * sizeof(float);
    double sweep = bytes < NEAR_BYTES ? bytes / SWEEP_RATE : bytes / FAR_RATE;

    return SWEEPS * (sweep + basis / SMALL_RATE) + bytes / READ_RATE;
}

static double cost_of_block(double c, double n)
{
    return 9 * 4 * c * n / BLOCK_RATE + c;
}

/* side: of the Gram matrix; others: what its products sum over. */
static double cost_of_gram(double side, double others, double passes)
{
    double products = others * side * (side + ECAM_LANES) / GRAM_RATE;
    double small = SWEEPS * side * side * sizeof(double) / SMALL_RATE;

    return products + passes * side * others * sizeof(float) / READ_RATE + small;
}

/* Blocks pay where activations are large; they need some channels to work in. */
static bool suits_block(const ecam_task *task)
{
    return task->wanted > 0 && task->wanted < ECAM_BLOCK_WIDTH &&
           task->activation->c >= BLOCK_CHANNELS && task->n > task->activation->c;
}

ecam_method ecam_plan_choose(const ecam_task *task)
{
    double c = (double)task->activation->c, n = (double)task->n, cost;
    double cheapest = cost_of_lanczos(c, n);
    ecam_method method = ECAM_METHOD_LANCZOS;

    if (task->wanted > ECAM_RITZ_WANTED)
        return ECAM_METHOD_EXACT;
    if (suits_block(task) && (cost = cost_of_block(c, n)) < cheapest) {
        method = ECAM_METHOD_BLOCK;
        cheapest = cost;
    }
    if (n <= c && n <= ECAM_GRAM_SIDE && (cost = cost_of_gram(n, c, 1)) < cheapest) {
        method = ECAM_METHOD_GRAM_POSITIONS;
        cheapest = cost;
    }
    if (c < n && c <= ECAM_GRAM_SIDE && cost_of_gram(c, n, 2) < cheapest)
        method = ECAM_METHOD_GRAM_CHANNELS;
    return method;
}

/* Iterations without a Gram matrix keep twice its digits, float64 the rest. */
ecam_method ecam_plan_next(ecam_method method)
{
    return method == ECAM_METHOD_LANCZOS ? ECAM_METHOD_EXACT : ECAM_METHOD_LANCZOS;
}
