/* The loops themselves; included by each kernels_*.c after it has defined its
 * vectors (vf, LANES of them) and their operations. */
#include <string.h>

/* Rows that are taken together: one load of x and y serves all. */
#define GROUP 8

/* Sums over longer rows go piece by piece, which keeps rounding small. */
#define PIECE 2048


/* As many doubles as a vector has floats. */
typedef double wide __attribute__((vector_size(LANES * 8), aligned(8), may_alias));

static inline uint32_t vu_peak(vu peak)
{
    uint32_t largest = 0;
    for (int i = 0; i < LANES; i++)
        largest = peak[i] > largest ? peak[i] : largest;
    return largest;
}

/* Which lanes are below count. */
static inline vu vu_below(size_t count)
{
    vu mask;
    for (int i = 0; i < LANES; i++)
        mask[i] = (size_t)i < count ? 0xffffffffu : 0;
    return mask;
}

/* How far ahead of its use the input is asked for; the hardware alone starts
 * anew on every row. */
#define AHEAD 512

/* Sums of x - x[0] of a group of rows, from value `from` on: small numbers, so
 * that float32 does. */
static inline void sum_beyond_first(const ecam_centring *rows, size_t r, size_t from, size_t to,
                                    vu *peak, float *out)
{
    const float *x = rows->x + r * rows->n;
    vf sum[GROUP];

#pragma GCC unroll 8
    for (size_t i = 0; i < GROUP; i++)
        sum[i] = vf_set(0);
    for (size_t j = from; j < to; j += LANES) {
#pragma GCC unroll 8
        for (size_t i = 0; i < GROUP; i++) {
            const float *at = x + i * rows->n + j;
            __builtin_prefetch(at + GROUP * rows->n);
            vf a = vf_load_any(at);
            *peak = vu_max_magnitude(*peak, a);
            sum[i] += a - vf_set(x[i * rows->n]);
        }
    }
    vf_sum8(sum, out);
}

/* The mean of a group's rows, those of whole vectors in pieces, the rest of
 * each one by one. */
static void find_means(const ecam_centring *rows, size_t r, size_t count, vu *peak, double mean[GROUP])
{
    size_t n = rows->n, whole = n / LANES * LANES;
    float part[GROUP];

    for (size_t i = 0; i < GROUP; i++)
        mean[i] = 0;
    for (size_t j = 0; count == GROUP && j < whole; j += PIECE) {
        sum_beyond_first(rows, r, j, whole - j > PIECE ? j + PIECE : whole, peak, part);
        for (size_t i = 0; i < GROUP; i++)
            mean[i] += (double)part[i];
    }
    for (size_t i = 0; i < count; i++) {
        const float *x = rows->x + (r + i) * n;
        vf first = vf_set(x[0]), sum = {0};
        for (size_t j = 0; count < GROUP && j < whole; j += LANES) {
            vf a = vf_load_any(x + j);
            *peak = vu_max_magnitude(*peak, a);
            sum += a - first;
        }
        if (whole < n) {
            vf a = vf_load_part(x + whole, n - whole);
            *peak = vu_max_magnitude(*peak, a);
            sum += (vf)((vu)(a - first) & vu_below(n - whole));
        }
        mean[i] = (mean[i] + (double)vf_sum(sum)) / (double)n + (double)x[0];
    }
}

/* x - high is exact where the values lie close together, and where they do not
 * its rounding is that of the values themselves; low takes up the rest. */
static inline __attribute__((always_inline)) void centre_group(ecam_centring *rows, size_t r,
                                                               size_t count, const double *mean)
{
    size_t n = rows->n, padded = rows->padded;
    const float *x = rows->x + r * n;
    float *out = rows->out + r * padded, *y = rows->y;
    float high[GROUP], low[GROUP];
    vf norm2 = vf_set(0);

    for (size_t i = 0; i < count; i++) {
        high[i] = (float)mean[i];
        low[i] = (float)(mean[i] - (double)high[i]);
    }
    for (size_t j = 0; j < padded; j += LANES) {
        size_t left = n > j ? n - j : 0, rest = left < LANES ? left : LANES;
        vu below = rest < LANES ? vu_below(rest) : (vu){0};
        vf y0 = vf_load(y + j), y1 = vf_load(y + padded + j);
#pragma GCC unroll 8
        for (size_t i = 0; i < count; i++) {
            const float *at = x + i * n + j;
            vf b;
            if (rest == LANES)
                b = (vf_load_any(at) - vf_set(high[i])) - vf_set(low[i]);
            else
                b = (vf)((vu)((vf_load_part(at, rest) - vf_set(high[i])) - vf_set(low[i])) & below);
            vf_store(out + i * padded + j, b);
            norm2 = vf_fma(b, b, norm2);
            y0 = vf_fma(vf_set(rows->weight[0][r + i]), b, y0);
            y1 = vf_fma(vf_set(rows->weight[1][r + i]), b, y1);
        }
        vf_store(y + j, y0);
        vf_store(y + padded + j, y1);
    }
    rows->norm2 += (double)vf_sum(norm2);
}

static void centre(ecam_centring *rows)
{
    vu peak = {0};
    size_t r = 0;
    double mean[GROUP];

    memset(rows->y, 0, 2 * rows->padded * sizeof *rows->y);
    rows->norm2 = 0;
    for (; r + GROUP <= rows->count; r += GROUP) {
        find_means(rows, r, GROUP, &peak, mean);
        centre_group(rows, r, GROUP, mean);
    }
    for (; r < rows->count; r++) {
        find_means(rows, r, 1, &peak, mean);
        centre_group(rows, r, 1, mean);
    }
    rows->peak = vu_peak(peak);
}

/* One walk along the rows of two groups: b x for the group in front, whose rows
 * are still far, and y += left b for the group behind, whose rows are near by
 * now. So reading and computing overlap. Either may be missing. */
static inline __attribute__((always_inline)) void sweep_piece(const ecam_sweep *s, size_t front,
                                                              size_t behind, bool has_front,
                                                              bool has_behind, size_t from,
                                                              size_t to, const float *left,
                                                              float *product)
{
    size_t stride = s->stride;
    const float *f = s->matrix + front * stride, *b = s->matrix + behind * stride;
    const float *f4 = f + 4 * stride, *b4 = b + 4 * stride;
    const float *x = s->x;
    float *y = s->y, part[GROUP];
    vf sum[GROUP], factor[GROUP];

#pragma GCC unroll 8
    for (size_t i = 0; i < GROUP; i++)
        sum[i] = vf_set(0);
#pragma GCC unroll 8
    for (size_t i = 0; has_behind && i < GROUP; i++)
        factor[i] = vf_set(left[i]);
    for (size_t j = from; j < to; j += LANES) {
        if (has_front) {
            vf values = vf_load(x + j);
#pragma GCC unroll 4
            for (size_t i = 0; i < 4; i++) {
                sum[i] = vf_fma(vf_load(f + i * stride + j), values, sum[i]);
                sum[i + 4] = vf_fma(vf_load(f4 + i * stride + j), values, sum[i + 4]);
            }
        }
        if (has_behind) {
            vf even = vf_load(y + j), odd = vf_set(0);
#pragma GCC unroll 4
            for (size_t i = 0; i < 4; i++) {
                even = vf_fma(vf_load(b + i * stride + j), factor[i], even);
                odd = vf_fma(vf_load(b4 + i * stride + j), factor[i + 4], odd);
            }
            vf_store(y + j, even + odd);
        }
    }
    if (has_front) {
        vf_sum8(sum, part);
        for (size_t i = 0; i < GROUP; i++)
            product[i] += part[i];
    }
}

/* Groups that lie between the front and the one behind: the sums over the
 * lanes of a group are ready by the time they are used. */
#define LAG 2

static void sweep_groups(const ecam_sweep *s, size_t groups)
{
    float left[LAG + 1][GROUP];

    for (size_t g = 0; g < groups + LAG; g++) {
        size_t front = g * GROUP, behind = (g - LAG) * GROUP;
        float *mine = left[g % (LAG + 1)], *old = left[(g + 1) % (LAG + 1)];
        memset(mine, 0, sizeof left[0]);
        for (size_t j = 0; j < s->stride; j += PIECE) {
            size_t end = s->stride - j > PIECE ? j + PIECE : s->stride;
            if (g < LAG && g < groups)
                sweep_piece(s, front, 0, true, false, j, end, NULL, mine);
            else if (g < groups)
                sweep_piece(s, front, behind, true, true, j, end, old, mine);
            else if (g >= LAG)
                sweep_piece(s, 0, behind, false, true, j, end, old, NULL);
        }
        if (g >= groups)
            continue;
        for (size_t i = 0; i < GROUP; i++)
            mine[i] -= s->beta * s->left[front + i];
        memcpy(s->left + front, mine, sizeof left[0]);
    }
}

static void sweep_row(const ecam_sweep *s, size_t r)
{
    const float *b = s->matrix + r * s->stride;
    vf sum = {0};

    for (size_t j = 0; j < s->stride; j += LANES)
        sum = vf_fma(vf_load(b + j), vf_load(s->x + j), sum);
    float left = vf_sum(sum) - s->beta * s->left[r];
    s->left[r] = left;
    for (size_t j = 0; j < s->stride; j += LANES)
        vf_store(s->y + j, vf_fma(vf_load(b + j), vf_set(left), vf_load(s->y + j)));
}

static double norm2(const float *values, size_t count)
{
    vf sum = {0};
    size_t i = 0;

    for (; i + LANES <= count; i += LANES) {
        vf a = vf_load_any(values + i);
        sum = vf_fma(a, a, sum);
    }
    if (i < count) {
        vf a = vf_load_part(values + i, count - i);
        sum = vf_fma(a, a, sum);
    }
    return (double)vf_sum(sum);
}

static double sweep(const ecam_sweep *s)
{
    memset(s->y, 0, s->stride * sizeof(float));
    sweep_groups(s, s->rows / GROUP);
    for (size_t r = s->rows / GROUP * GROUP; r < s->rows; r++)
        sweep_row(s, r);
    return norm2(s->left, s->rows);
}

#include "cam/kernels_gram.h"
#include "cam/kernels_block.h"

static void extremes(const float *values, size_t count, float *lo, float *hi)
{
    vf low = vf_set(values[0]), high = low;
    size_t i = 0;

    for (; i + LANES <= count; i += LANES) {
        vf a = vf_load_any(values + i);
        low = vf_min(a, low);
        high = vf_max(a, high);
    }
    *lo = low[0];
    *hi = high[0];
    for (size_t l = 1; l < LANES; l++) {
        *lo = low[l] < *lo ? low[l] : *lo;
        *hi = high[l] > *hi ? high[l] : *hi;
    }
    for (; i < count; i++) {
        *lo = values[i] < *lo ? values[i] : *lo;
        *hi = values[i] > *hi ? values[i] : *hi;
    }
}

static void dots(const float *v, size_t count, size_t n, const float *y, double *out)
{
    for (size_t i = 0; i < count; i++) {
        vf a = {0}, b = {0};
        const float *row = v + i * n;
        size_t j = 0;
        for (; j + 2 * LANES <= n; j += 2 * LANES) {
            a = vf_fma(vf_load(row + j), vf_load(y + j), a);
            b = vf_fma(vf_load(row + j + LANES), vf_load(y + j + LANES), b);
        }
        if (j < n)
            a = vf_fma(vf_load(row + j), vf_load(y + j), a);
        out[i] = (double)vf_sum(a + b);
    }
}

static void subtract(const float *v, size_t count, size_t n, const double *h, float *y)
{
    for (size_t i = 0; i < count; i++) {
        vf factor = vf_set((float)-h[i]);
        for (size_t j = 0; j < n; j += LANES)
            vf_store(y + j, vf_fma(factor, vf_load(v + i * n + j), vf_load(y + j)));
    }
}

typedef double vd __attribute__((vector_size(64), may_alias));

/* y += a factor times each row; four rows share a load of y. */
static void add_rows(const double *rows, size_t count, size_t n, const double *factors, double *y)
{
    size_t i = 0;

    for (; i + 4 <= count; i += 4) {
        const double *a = rows + i * n, *f = factors + i;
        for (size_t j = 0; j < n; j += 8)
            *(vd *)(y + j) += (*(const vd *)(a + j) * f[0] + *(const vd *)(a + n + j) * f[1]) +
                              (*(const vd *)(a + 2 * n + j) * f[2] +
                               *(const vd *)(a + 3 * n + j) * f[3]);
    }
    for (; i < count; i++)
        for (size_t j = 0; j < n; j += 8)
            *(vd *)(y + j) += *(const vd *)(rows + i * n + j) * factors[i];
}

static inline double vd_sum(vd a)
{
    return ((a[0] + a[4]) + (a[1] + a[5])) + ((a[2] + a[6]) + (a[3] + a[7]));
}

/* Four rows at a time: their sums do not wait for each other. */
static void products(const double *rows, size_t count, size_t n, const double *y, double *out)
{
    size_t i = 0;

    for (; i + 4 <= count; i += 4) {
        const double *a = rows + i * n;
        vd sum[4] = {{0}, {0}, {0}, {0}};
        for (size_t j = 0; j < n; j += 8) {
            vd factor = *(const vd *)(y + j);
#pragma GCC unroll 4
            for (size_t r = 0; r < 4; r++)
                sum[r] += *(const vd *)(a + r * n + j) * factor;
        }
#pragma GCC unroll 4
        for (size_t r = 0; r < 4; r++)
            out[i + r] = vd_sum(sum[r]);
    }
    for (; i < count; i++) {
        vd sum = {0};
        for (size_t j = 0; j < n; j += 8)
            sum += *(const vd *)(rows + i * n + j) * *(const vd *)(y + j);
        out[i] = vd_sum(sum);
    }
}

const ecam_kernels KERNELS = {
    .shift = shift,
    .add_rows = add_rows,
    .products = products,
    .name = KERNELS_NAME,
    .centre = centre,
    .sweep = sweep,
    .dots = dots,
    .subtract = subtract,
    .gram = gram,
    .column = column,
    .pack = pack,
    .mix = mix,
    .walk = walk,
    .extremes = extremes,
};
