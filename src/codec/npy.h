/* NumPy's .npy files, format versions 1 to 3, little-endian, C order. */
#ifndef ECAM_CODEC_NPY_H
#define ECAM_CODEC_NPY_H

#include "eigencam/status.h"
#include "eigencam/tensor.h"

/* A whole file in memory; tensor.data points into it. */
typedef struct ecam_npy {
    ecam_tensor tensor;
    void *bytes;
} ecam_npy;

/* Errors: ECAM_EIO, ECAM_EFORMAT (no .npy, Fortran order, sizes that do not
 * fit), ECAM_ETYPE, ECAM_ESHAPE, ECAM_ENOMEM; the text names the file. */
ecam_status ecam_npy_read(const char *path, ecam_npy *out, ecam_error *error);

/* The same from memory: `tensor` points into `bytes`. */
ecam_status ecam_npy_parse(const void *bytes, size_t size, ecam_tensor *tensor, ecam_error *error);

void ecam_npy_finish(ecam_npy *npy);

#endif
