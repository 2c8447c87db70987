/* How a projection is computed: what the methods are asked and what they
 * answer, and which of them is taken. */
#ifndef ECAM_CAM_PROJECT_PLAN_H
#define ECAM_CAM_PROJECT_PLAN_H

#include "cam/kernels.h"
#include "cam/project_scratch.h"
#include "cam/ritz.h"
#include "eigencam/cam.h"

typedef enum ecam_method {
    ECAM_METHOD_EXACT,
    ECAM_METHOD_LANCZOS,
    ECAM_METHOD_BLOCK,
    ECAM_METHOD_GRAM_POSITIONS,
    ECAM_METHOD_GRAM_CHANNELS
} ecam_method;
#define ECAM_METHOD_COUNT 5

/* "exact", "lanczos", ...; static storage. */
const char *ecam_method_name(ecam_method method);

/* What a method is asked for, already checked. */
typedef struct ecam_task {
    struct ecam_project_scratch *scratch;
    const ecam_activation *activation;
    size_t n;          /* positions: h * w */
    unsigned wanted;   /* components, or 0 */
    double variance;   /* counts where wanted is 0 */
    const ecam_kernels *kernels;
} ecam_task;

/* What a method answers. The arrays lie in the scratch's rooms MAPS (float
 * [shown][n]) and VALUES (double [2][shown]); maps and values from
 * `components` on are unspecified. Values are those of the activations times
 * 2^-exponent. */
typedef struct ecam_answer {
    float *maps;
    double *singular, *explained;
    unsigned shown, components;
    int exponent;
} ecam_answer;

/* Get the answer's arrays. Errors: ECAM_ENOMEM. */
ecam_status ecam_answer_make(const ecam_task *task, unsigned shown, ecam_answer *answer);

/* The same, with the values of converged iterations.
 * Errors: ECAM_ENOMEM; ECAM_EMATH where a variance target is met too narrowly
 * for float32 to tell. */
ecam_status ecam_answer_fill(const ecam_task *task, const ecam_ritz *ritz, double trace,
                             ecam_answer *answer);

/* How many components are shown and how many of these are not empty, from the
 * leading `known` eigenvalues (descending) of a Gram matrix. norm2: squared
 * Frobenius norm before centring. */
void ecam_answer_count(const ecam_task *task, const double *eigenvalues, size_t known,
                       double trace, double norm2, unsigned *shown, unsigned *components);

/* Golub-Kahan-Lanczos iterations on the centred activations, in float32.
 * Errors: ECAM_ENOMEM, ECAM_EMATH where float32 would not do for these data or
 * the iterations ran out. */
ecam_status ecam_project_lanczos(const ecam_task *task, ecam_answer *answer);

/* Block Krylov iterations on the activations as they are, in float32: for large
 * ones. For fewer components than ECAM_BLOCK_WIDTH. Errors: as above. */
#define ECAM_BLOCK_WIDTH 4
ecam_status ecam_project_block(const ecam_task *task, ecam_answer *answer);

/* A Gram matrix in float32 with sums in float64: of the positions, or of the
 * channels, which takes another pass for the maps. For a side up to
 * ECAM_GRAM_SIDE. Errors: as above. */
#define ECAM_GRAM_SIDE 256
ecam_status ecam_project_gram_positions(const ecam_task *task, ecam_answer *answer);
ecam_status ecam_project_gram_channels(const ecam_task *task, ecam_answer *answer);

/* The reference: float64 throughout, the Gram matrix of the smaller side,
 * LAPACK's eigenpairs. Takes all data.
 * Errors: ECAM_ENOMEM, ECAM_EMATH. */
ecam_status ecam_project_exact(const ecam_task *task, ecam_answer *answer);

/* The method for this task: see project_plan.c. */
ecam_method ecam_plan_choose(const ecam_task *task);

/* What to try where a method gave the data up; the last is EXACT. */
ecam_method ecam_plan_next(ecam_method method);

/* ecam_project by one method alone, without the fall-back, and with these
 * kernels: for tests and benchmarks. Errors: also ECAM_EMATH where the method
 * gives the data up. */
ecam_status ecam_project_by(ecam_workspace *ws, const ecam_activation *activation,
                            const ecam_project_options *options, ecam_method method,
                            const ecam_kernels *kernels, ecam_projection *out);

#endif
