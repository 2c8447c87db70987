/* The BLAS library's process-wide settings. For programs only: a library must
 * not change them under its host. */
#ifndef ECAM_CAM_BLAS_H
#define ECAM_CAM_BLAS_H

/* One thread in each call: the workers are the parallelism, and results must
 * not depend on how BLAS divides its work. */
void ecam_blas_single_thread(void);

/* The processor that OpenBLAS takes this one for: "SkylakeX", "Prescott", ...;
 * static storage. */
const char *ecam_blas_core(void);

/* The value of OPENBLAS_CORETYPE that suits this processor better than what
 * OpenBLAS chose by itself, or NULL where its choice is right or not known to
 * be wrong. Debian's OpenBLAS 0.3.21 takes processors newer than itself for
 * ones without AVX, at a fifth of their speed. Static storage. */
const char *ecam_blas_better_core(void);

#endif
