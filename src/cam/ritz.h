/* What a Lanczos iteration knows so far: a tridiagonal matrix, its eigenpairs,
 * and whether those wanted have converged. */
#ifndef ECAM_CAM_RITZ_H
#define ECAM_CAM_RITZ_H

#include <stdbool.h>
#include <stddef.h>

#define ECAM_RITZ_STEPS 128 /* at most ECAM_TRIDIAGONAL_SIDE */

typedef struct ecam_ritz {
    size_t steps;
    unsigned wanted;  /* leading eigenpairs */
    bool by_share;    /* as many as add up to `share`, which looks find out */
    bool short_of_share;
    double share;
    double angle;    /* how far a vector may be off, in radians */
    double diagonal[ECAM_RITZ_STEPS], off[ECAM_RITZ_STEPS];
    double values[ECAM_RITZ_STEPS]; /* descending, of the last look */
    double *vectors;                /* the caller's, [ECAM_RITZ_STEPS][ECAM_RITZ_STEPS]; of the
                                       last look: [known][steps] */
    size_t known;                   /* leading eigenpairs that a look finds */
    size_t patience;                /* steps between two looks, at least */
    size_t next_look, last_look;
    double last_excess;
} ecam_ritz;

/* The largest number of eigenpairs that a share may take. */
#define ECAM_RITZ_WANTED 12

/* A look at the eigenpairs costs some microseconds: first: the step of the
 * first one, patience: steps between two, at least.
 * wanted: at least 1; or 0, then `share` counts. */
void ecam_ritz_init(ecam_ritz *r, unsigned wanted, double share, double angle, size_t first,
                    size_t patience, double *vectors);

typedef enum ecam_ritz_state {
    ECAM_RITZ_GOES_ON,
    ECAM_RITZ_CONVERGED,
    ECAM_RITZ_FAILED
} ecam_ritz_state;

/* One more step. off: the norm of what is left for the next vector; 0 where
 * the space is exhausted. Once converged, values and vectors hold the
 * eigenpairs wanted, and `wanted` is their number. */
ecam_ritz_state ecam_ritz_step(ecam_ritz *r, double diagonal, double off);

#endif
