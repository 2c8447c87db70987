/* The inner loops, in float32, for the processor at hand. Every build holds the
 * same loops (kernels_body.h) over vectors of its own width; sums are therefore
 * in another order, and results equal to rounding only. */
#ifndef ECAM_CAM_KERNELS_H
#define ECAM_CAM_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rows are padded with zeros to a multiple of this many floats, and aligned to
 * a cache line. */
#define ECAM_LANES 16

/* A channel's values less their mean; on the way, two random mixtures of all
 * channels, to start iterations from. */
typedef struct ecam_row {
    const float *x; /* any alignment of float */
    size_t n, padded;
    float *out;     /* [padded] */
    float weight[2];
    float *y;       /* [2][padded]: y_i += weight_i * out */
    uint32_t peak;  /* result: largest magnitude's bits */
    double norm2;   /* result: of out */
} ecam_row;

/* One pass over B [rows][stride] for up to 4 vectors at once: left = B x, for a
 * single vector less beta times its predecessor, and y = B' left. */
typedef struct ecam_sweep {
    const float *matrix;
    size_t rows, stride;
    const float *x;  /* [vectors][stride] */
    float *left;     /* [rows]; the predecessor, then the result; single vector only */
    float beta;
    float *y;        /* [vectors][stride] */
} ecam_sweep;

typedef struct ecam_kernels {
    const char *name;
    void (*centre)(ecam_row *row);
    /* Returns the squared norm of left. */
    double (*sweep)(const ecam_sweep *s);
    void (*sweep4)(const ecam_sweep *s);
    /* out[i] = v_i y and y -= sum h[i] v_i, for count rows v of n floats. */
    void (*dots)(const float *v, size_t count, size_t n, const float *y, double *out);
    void (*subtract)(const float *v, size_t count, size_t n, const double *h, float *y);
} ecam_kernels;

/* "avx512", "avx2" or "plain"; NULL where this processor (or this build) has
 * no such kernels. */
const ecam_kernels *ecam_kernels_find(const char *name);

const ecam_kernels *ecam_kernels_best(void);

extern const ecam_kernels ecam_kernels_plain;
#if defined(__x86_64__)
extern const ecam_kernels ecam_kernels_avx2, ecam_kernels_avx512;
#endif

#endif
