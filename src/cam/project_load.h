/* Activations of any type and layout as a matrix of numbers: a row for each
 * channel, a column for each position. */
#ifndef ECAM_CAM_PROJECT_LOAD_H
#define ECAM_CAM_PROJECT_LOAD_H

#include "cam/project_plan.h"

/* A matrix that is centred: out [c][n] = (A - mean of each channel) * 2^-exponent.
 * norm2: squared Frobenius norm of A * 2^-exponent, before centring. */
typedef struct ecam_centred {
    double *matrix; /* room MATRIX */
    double norm2;
    int exponent;
} ecam_centred;

/* Errors: ECAM_ENOMEM. */
ecam_status ecam_load_centred(const ecam_task *task, ecam_centred *out);

/* The same in float32, rows padded with zeros to `stride`.
 * mixture: [2][stride], two sums of all rows with random signs.
 * peak: largest magnitude before centring. */
typedef struct ecam_centred_floats {
    float *matrix; /* room FLOATS */
    size_t stride;
    float *mixture; /* behind it */
    float *weights; /* [2][c]: these signs */
    double norm2;  /* after centring: the Gram matrix's trace */
    double peak;
    int exponent;
} ecam_centred_floats;

/* Errors: ECAM_ENOMEM. */
ecam_status ecam_load_floats(const ecam_task *task, ecam_centred_floats *out);

/* The activations as float32 [c][n] before centring: the input itself, or a
 * copy in room ROWS. NULL in *rows where the type needs centring in float64.
 * Errors: ECAM_ENOMEM. */
ecam_status ecam_load_rows(const ecam_task *task, const float **rows);

/* Whether float32 arithmetic is safe for this largest magnitude (its bits). */
bool ecam_load_fits(uint32_t peak);

#endif
