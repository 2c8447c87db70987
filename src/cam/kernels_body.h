/* The loops themselves; included by each kernels_*.c after it has defined its
 * vectors (vf, LANES of them) and their operations. */
#include <string.h>

/* Rows that are taken together in a sweep: one load of x and y serves all. */
#define GROUP 8
#define PIECE 2048

static inline uint32_t vu_peak(vu peak)
{
    uint32_t largest = 0;
    for (int i = 0; i < LANES; i++)
        largest = peak[i] > largest ? peak[i] : largest;
    return largest;
}

/* The mean of x - x[0]: small numbers, so that float32 sums do. Sums of 64
 * vectors each go to float64. */
static double mean_beyond_first(ecam_row *row)
{
    const float *x = row->x;
    vf first = vf_set(x[0]);
    vu peak = {0};
    double sum = 0;
    size_t i = 0, whole = row->n / LANES * LANES;

    while (i < whole) {
        size_t end = whole - i > 64 * LANES ? i + 64 * LANES : whole;
        vf even = {0}, odd = {0};
        for (; i + 2 * LANES <= end; i += 2 * LANES) {
            vf a = vf_load_any(x + i), b = vf_load_any(x + i + LANES);
            peak = vu_max_magnitude(vu_max_magnitude(peak, a), b);
            even += a - first;
            odd += b - first;
        }
        if (i < end) {
            vf a = vf_load_any(x + i);
            peak = vu_max_magnitude(peak, a);
            even += a - first;
            i += LANES;
        }
        sum += (double)vf_sum(even + odd);
    }
    row->peak = vu_peak(peak);
    for (; i < row->n; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bits &= 0x7fffffffu;
        row->peak = bits > row->peak ? bits : row->peak;
        sum += (double)(x[i] - x[0]);
    }
    return sum / (double)row->n;
}

/* x - high is exact where the values lie close together, and where they do not
 * its rounding is that of the values themselves; low takes up the rest. */
static void centre(ecam_row *row)
{
    double mean = mean_beyond_first(row) + (double)row->x[0];
    float high = (float)mean, low = (float)(mean - (double)high);
    vf high_v = vf_set(high), low_v = vf_set(low), sum = {0};
    vf w0 = vf_set(row->weight[0]), w1 = vf_set(row->weight[1]);
    float *y0 = row->y, *y1 = row->y + row->padded;
    size_t i = 0;

    for (; i + LANES <= row->n; i += LANES) {
        vf b = (vf_load_any(row->x + i) - high_v) - low_v;
        vf_store(row->out + i, b);
        vf_store(y0 + i, vf_fma(w0, b, vf_load(y0 + i)));
        vf_store(y1 + i, vf_fma(w1, b, vf_load(y1 + i)));
        sum = vf_fma(b, b, sum);
    }
    row->norm2 = (double)vf_sum(sum);
    for (; i < row->n; i++) {
        float b = (row->x[i] - high) - low;
        row->out[i] = b;
        y0[i] += row->weight[0] * b;
        y1[i] += row->weight[1] * b;
        row->norm2 += (double)b * (double)b;
    }
    for (; i < row->padded; i++)
        row->out[i] = 0;
}

/* product = b x for a group of rows. Long rows are summed in pieces, which
 * keeps rounding small. */
static void multiply_group(const float *b, const float *x, size_t stride, float product[GROUP])
{
    float part[GROUP];

    memset(product, 0, GROUP * sizeof *product);
    for (size_t j = 0; j < stride;) {
        size_t end = stride - j > PIECE ? j + PIECE : stride;
        vf sum[GROUP] = {0};
        for (; j < end; j += LANES) {
            vf values = vf_load(x + j);
#pragma GCC unroll 8
            for (size_t i = 0; i < GROUP; i++)
                sum[i] = vf_fma(vf_load(b + i * stride + j), values, sum[i]);
        }
        vf_sum8(sum, part);
        for (size_t i = 0; i < GROUP; i++)
            product[i] += part[i];
    }
}

/* b x, then y += left b while the rows are near. */
static double sweep_group(const ecam_sweep *s, size_t r)
{
    const float *b = s->matrix + r * s->stride;
    size_t stride = s->stride;
    float product[GROUP];
    vf sum[GROUP];
    double norm2 = 0;

    multiply_group(b, s->x, stride, product);
    for (size_t i = 0; i < GROUP; i++) {
        float left = product[i] - s->beta * s->left[r + i];
        s->left[r + i] = left;
        norm2 += (double)left * (double)left;
        sum[i] = vf_set(left);
    }
    for (size_t j = 0; j < stride; j += LANES) {
        vf y = vf_load(s->y + j);
#pragma GCC unroll 8
        for (size_t i = 0; i < GROUP; i++)
            y = vf_fma(vf_load(b + i * stride + j), sum[i], y);
        vf_store(s->y + j, y);
    }
    return norm2;
}

static double sweep_row(const ecam_sweep *s, size_t r)
{
    const float *b = s->matrix + r * s->stride;
    vf sum = {0};

    for (size_t j = 0; j < s->stride; j += LANES)
        sum = vf_fma(vf_load(b + j), vf_load(s->x + j), sum);
    float left = vf_sum(sum) - s->beta * s->left[r];
    s->left[r] = left;
    for (size_t j = 0; j < s->stride; j += LANES)
        vf_store(s->y + j, vf_fma(vf_load(b + j), vf_set(left), vf_load(s->y + j)));
    return (double)left * (double)left;
}

static double sweep(const ecam_sweep *s)
{
    double norm2 = 0;
    size_t r = 0;

    memset(s->y, 0, s->stride * sizeof(float));
    for (; r + GROUP <= s->rows; r += GROUP)
        norm2 += sweep_group(s, r);
    for (; r < s->rows; r++)
        norm2 += sweep_row(s, r);
    return norm2;
}

/* Four vectors against `group` rows; group is a constant of each call. */
static inline __attribute__((always_inline)) void sweep4_group(const ecam_sweep *s, size_t r,
                                                               size_t group)
{
    const float *b = s->matrix + r * s->stride;
    size_t stride = s->stride;
    float product[8];
    vf sum[8] = {0};

    for (size_t j = 0; j < stride; j += LANES) {
#pragma GCC unroll 8
        for (size_t i = 0; i < group; i++) {
            vf row = vf_load(b + i * stride + j);
#pragma GCC unroll 8
            for (size_t v = 0; v < 4; v++)
                sum[i * 4 + v] = vf_fma(row, vf_load(s->x + v * stride + j), sum[i * 4 + v]);
        }
    }
    vf_sum8(sum, product);
    for (size_t i = 0; i < 8; i++)
        sum[i] = vf_set(product[i]);
    for (size_t j = 0; j < stride; j += LANES) {
        vf y[4];
#pragma GCC unroll 8
        for (size_t v = 0; v < 4; v++)
            y[v] = vf_load(s->y + v * stride + j);
#pragma GCC unroll 8
        for (size_t i = 0; i < group; i++) {
            vf row = vf_load(b + i * stride + j);
#pragma GCC unroll 8
            for (size_t v = 0; v < 4; v++)
                y[v] = vf_fma(row, sum[i * 4 + v], y[v]);
        }
#pragma GCC unroll 8
        for (size_t v = 0; v < 4; v++)
            vf_store(s->y + v * stride + j, y[v]);
    }
}

static void sweep4(const ecam_sweep *s)
{
    size_t r = 0;

    memset(s->y, 0, 4 * s->stride * sizeof(float));
    for (; r + 2 <= s->rows; r += 2)
        sweep4_group(s, r, 2);
    if (r < s->rows)
        sweep4_group(s, r, 1);
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

const ecam_kernels KERNELS = {
    .name = KERNELS_NAME,
    .centre = centre,
    .sweep = sweep,
    .sweep4 = sweep4,
    .dots = dots,
    .subtract = subtract,
};
