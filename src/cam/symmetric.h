/* Leading eigenpairs of a small dense symmetric matrix, float64. */
#ifndef ECAM_CAM_SYMMETRIC_H
#define ECAM_CAM_SYMMETRIC_H

#include "cam/kernels.h"
#include "cam/project_scratch.h"
#include "cam/ritz.h"

/* Rows are padded with zeros to a multiple of 8. */
typedef struct ecam_symmetric {
    const double *matrix; /* [side][stride], positive semi-definite */
    size_t side, stride;
    unsigned wanted; /* or 0, then as many as add up to `share`; at most ECAM_RITZ_WANTED */
    double share;
    double angle; /* how far a vector may be off, in radians */
    const ecam_kernels *kernels;
    struct ecam_project_scratch *scratch;
    ecam_ritz ritz;
    double *vectors; /* result: [wanted][stride], in room BASIS */
} ecam_symmetric;

/* ritz.values: the eigenvalues, `wanted` of them. No eigenvalue above the last one wanted is
 * missed, repeated ones included. Uses the rooms BASIS and SMALL.
 * Errors: ECAM_ENOMEM, ECAM_EMATH (no convergence, or one was missed). */
ecam_status ecam_symmetric_solve(ecam_symmetric *s);

#endif
