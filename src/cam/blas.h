/* The BLAS library's process-wide settings. For programs only: a library must
 * not change them under its host. */
#ifndef ECAM_CAM_BLAS_H
#define ECAM_CAM_BLAS_H

/* One thread in each call: the workers are the parallelism, and results must
 * not depend on how BLAS divides its work. */
void ecam_blas_single_thread(void);

#endif
