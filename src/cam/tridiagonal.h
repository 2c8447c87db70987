/* Eigenpairs of small symmetric tridiagonal matrices. */
#ifndef ECAM_CAM_TRIDIAGONAL_H
#define ECAM_CAM_TRIDIAGONAL_H

#include <stdbool.h>
#include <stddef.h>

/* diagonal [m] becomes the eigenvalues, descending; off [m] holds the m - 1
 * others and is overwritten. vectors [m][rows]: the last `rows` elements of
 * each eigenvector. False where it does not converge. */
bool ecam_tridiagonal_solve(size_t m, double *diagonal, double *off, size_t rows,
                            double *vectors);

#endif
