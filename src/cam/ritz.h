/* What a Lanczos iteration knows so far: a tridiagonal matrix, its eigenpairs,
 * and whether those wanted have converged. */
#ifndef ECAM_CAM_RITZ_H
#define ECAM_CAM_RITZ_H

#include <stdbool.h>
#include <stddef.h>

#define ECAM_RITZ_STEPS 96

typedef struct ecam_ritz {
    size_t steps;
    unsigned wanted; /* leading eigenpairs, at least 1 */
    double angle;    /* how far a vector may be off, in radians */
    double diagonal[ECAM_RITZ_STEPS], off[ECAM_RITZ_STEPS];
    double values[ECAM_RITZ_STEPS]; /* descending, of the last solve */
    double *vectors;                /* [ECAM_RITZ_STEPS][ECAM_RITZ_STEPS], the caller's */
    size_t patience;                /* steps between two looks, at least */
    size_t look, last_look;
    double last_excess;
} ecam_ritz;

/* A look at the eigenpairs costs some microseconds: first: the step of the
 * first one, patience: steps between two, at least. */
void ecam_ritz_init(ecam_ritz *r, unsigned wanted, double angle, size_t first, size_t patience,
                    double *vectors);

typedef enum ecam_ritz_state {
    ECAM_RITZ_GOES_ON,
    ECAM_RITZ_CONVERGED,
    ECAM_RITZ_FAILED
} ecam_ritz_state;

/* One more step. off: the norm of what is left for the next vector; 0 where
 * the space is exhausted. */
ecam_ritz_state ecam_ritz_step(ecam_ritz *r, double diagonal, double off);

/* vectors [steps][rows]: the last `rows` elements of each. */
bool ecam_ritz_solve(ecam_ritz *r, size_t rows);

#endif
