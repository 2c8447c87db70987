/* Eigenpairs of small symmetric tridiagonal matrices. */
#ifndef ECAM_CAM_TRIDIAGONAL_H
#define ECAM_CAM_TRIDIAGONAL_H

#include <stdbool.h>
#include <stddef.h>

#define ECAM_TRIDIAGONAL_SIDE 128

/* The `wanted` largest eigenvalues of the matrix of side m (at most
 * ECAM_TRIDIAGONAL_SIDE), descending, with vectors [wanted][m]; off holds m - 1
 * numbers. values and vectors have room for m of each: they are worked in.
 * False where it does not converge. */
bool ecam_tridiagonal_solve(size_t m, const double *diagonal, const double *off, size_t wanted,
                            double *values, double *vectors);

#endif
