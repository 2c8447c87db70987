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

/* Each channel's values less their mean; on the way, two random mixtures of all
 * channels, to start iterations from. */
typedef struct ecam_centring {
    const float *x; /* [count][n], any alignment of float */
    size_t n, count, padded;
    float *out;     /* [count][padded] */
    const float *weight[2]; /* [count] each */
    float *y;       /* result: [2][padded], y_i = sum of weight_i * out */
    uint32_t peak;  /* result: largest magnitude's bits */
    double norm2;   /* result: of out */
} ecam_centring;

/* Rows less their own first value, `padded` apart; with n = padded + 1 the last
 * value of each goes to `last` instead. */
typedef struct ecam_shift {
    const float *x; /* [count][n] */
    size_t n, count, padded;
    float *out;
    float *last;
    uint32_t peak; /* the larger of itself and the largest magnitude's bits */
} ecam_shift;

/* One pass over B [rows][stride]: left = B x less beta times what left was
 * before, and y = B' left. */
typedef struct ecam_sweep {
    const float *matrix;
    size_t rows, stride;
    const float *x; /* [stride] */
    float *left;    /* [rows] */
    float beta;
    float *y;       /* [stride] */
} ecam_sweep;

/* A tile of activations turned over: out [count][side] = x' - pivot. */
typedef struct ecam_pack {
    const float *x; /* [channels] rows, `pitch` apart, of `count` values */
    size_t pitch, channels, count;
    const float *pivot; /* [side] */
    size_t side;    /* channels, padded to ECAM_LANES */
    float *out;
    size_t out_pitch;
    double *sum;    /* [side], += sums of x - pivot */
    uint32_t peak;  /* the larger of itself and the largest magnitude's bits */
} ecam_pack;

/* maps [4][count] = start + sum over channels of u [channels][4] (x - pivot). */
typedef struct ecam_mix {
    const float *x;
    size_t pitch, channels, count;
    const float *pivot;
    const float *u;
    float start[4];
    float *maps; /* [4], `apart` (a multiple of ECAM_LANES) from one to the next */
    size_t apart;
} ecam_mix;

/* Some positions of all channels, and what four vectors make of them. */
typedef struct ecam_tile {
    const float *x; /* [rows] of `count` values */
    size_t count;   /* may be 0 */
    size_t lead;    /* values before x that are left out, below ECAM_LANES: so that
                       loads cross no cache line; results do not depend on it */
    float *w; /* ECAM_LANES values of each of the four, then the next ones: the
                 lead, `count` values, up to whole ECAM_LANES */
} ecam_tile;

/* What else is asked about values. */
typedef struct ecam_survey {
    double *sum;   /* [rows], += sums */
    double square; /* += sum of squares */
    uint32_t peak; /* the larger of itself and the largest magnitude's bits */
} ecam_survey;

/* One walk along the rows of two tiles: w = the sum over rows of u [rows][4] x
 * of the tile in front, whose values are still far, and y [rows][4] += x w of
 * the tile behind, whose values are near by now. */
typedef struct ecam_walk {
    ecam_tile front, behind;
    size_t pitch, rows; /* of x */
    const float *u;
    double *y;
    ecam_survey *survey; /* of the tile behind; or NULL */
} ecam_walk;

typedef struct ecam_kernels {
    const char *name;
    void (*centre)(ecam_centring *rows);
    void (*shift)(ecam_shift *s);
    /* Returns the squared norm of left. */
    double (*sweep)(const ecam_sweep *s);
    /* out[i] = v_i y and y -= sum h[i] v_i, for count rows v of n floats. */
    void (*dots)(const float *v, size_t count, size_t n, const float *y, double *out);
    void (*subtract)(const float *v, size_t count, size_t n, const double *h, float *y);
    /* gram [side][side] += panel' panel, for `count` rows of `side` floats
     * (a multiple of ECAM_LANES), `pitch` apart; only elements on and above
     * the diagonal are complete. Sums in float32: keep count small. */
    void (*gram)(const float *panel, size_t pitch, size_t count, size_t side, double *gram);
    /* out [side] += sum over count rows of factors[i] panel[i], `side` apart. */
    void (*column)(const float *panel, size_t count, size_t side, const float *factors, double *out);
    void (*pack)(ecam_pack *p);
    void (*mix)(const ecam_mix *m);
    void (*walk)(const ecam_walk *k);
    void (*extremes)(const float *values, size_t count, float *lo, float *hi);
    /* In float64, rows [count][n], n a multiple of 8, aligned to cache lines:
     * y += sum factors[i] rows[i], and out[i] = rows[i] y. */
    void (*add_rows)(const double *rows, size_t count, size_t n, const double *factors, double *y);
    void (*products)(const double *rows, size_t count, size_t n, const double *y, double *out);
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
