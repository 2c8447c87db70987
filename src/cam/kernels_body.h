/* The loops themselves; included by each kernels_*.c after it has defined its
 * vectors (vf, LANES of them) and their operations. */
#include <string.h>

/* Rows that are taken together in a sweep: one load of x and y serves all. */
#define GROUP 8

/* Sums over longer rows go piece by piece, which keeps rounding small. */
#define PIECE 2048

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

/* The mean of x - x[0]: small numbers, so that float32 sums do. Sums of 64
 * vectors each go to float64. */
static double mean_beyond_first(ecam_row *row)
{
    const float *x = row->x;
    vf first = vf_set(x[0]);
    vu peak = {0};
    double sum = 0;
    size_t i = 0, whole = row->n / LANES * LANES, rest = row->n - whole;
    vf even = {0}, odd = {0};

    if (rest > 0) {
        vf a = vf_load_part(x + whole, rest);
        peak = vu_max_magnitude(peak, a);
        even = (vf)((vu)(a - first) & vu_below(rest));
    }
    while (i < whole) {
        size_t end = whole - i > 64 * LANES ? i + 64 * LANES : whole;
        for (; i + 2 * LANES <= end; i += 2 * LANES) {
            vf a = vf_load_any(x + i), b = vf_load_any(x + i + LANES);
            __builtin_prefetch(x + i + AHEAD);
            __builtin_prefetch(x + i + AHEAD + LANES);
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
        even = odd = vf_set(0);
    }
    row->peak = vu_peak(peak);
    return (sum + (double)vf_sum(even)) / (double)row->n;
}

typedef struct centring {
    vf high, low, norm2;
    vf weight[2];
} centring;

static inline void centre_vector(ecam_row *row, centring *c, size_t i, vf b)
{
    vf_store(row->out + i, b);
    c->norm2 = vf_fma(b, b, c->norm2);
    if (!row->y)
        return;
    for (size_t k = 0; k < 2; k++) {
        float *y = row->y + k * row->padded + i;
        vf_store(y, vf_fma(c->weight[k], b, vf_load(y)));
    }
}

/* x - high is exact where the values lie close together, and where they do not
 * its rounding is that of the values themselves; low takes up the rest. */
static void centre(ecam_row *row)
{
    double mean = mean_beyond_first(row) + (double)row->x[0];
    float high = (float)mean, low = (float)(mean - (double)high);
    centring c = {.high = vf_set(high),
                  .low = vf_set(low),
                  .weight = {vf_set(row->weight[0]), vf_set(row->weight[1])}};
    size_t i = 0;

    for (; i + LANES <= row->n; i += LANES)
        centre_vector(row, &c, i, (vf_load_any(row->x + i) - c.high) - c.low);
    if (i < row->n) {
        vf b = (vf_load_part(row->x + i, row->n - i) - c.high) - c.low;
        centre_vector(row, &c, i, (vf)((vu)b & vu_below(row->n - i)));
        i += LANES;
    }
    row->norm2 = (double)vf_sum(c.norm2);
    for (; i < row->padded; i += LANES)
        vf_store(row->out + i, vf_set(0));
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

/* Four vectors against `group` rows; group is a constant of each call. */
static inline __attribute__((always_inline)) void sweep4_group(const ecam_sweep *s, size_t r,
                                                               size_t group)
{
    const float *b = s->matrix + r * s->stride;
    size_t stride = s->stride;
    float product[16] = {0}, part[16];
    vf sum[16];

    for (size_t j = 0; j < stride;) {
        size_t end = stride - j > PIECE ? j + PIECE : stride;
        memset(sum, 0, sizeof sum);
        for (; j < end; j += LANES) {
#pragma GCC unroll 4
            for (size_t i = 0; i < group; i++) {
                vf row = vf_load(b + i * stride + j);
#pragma GCC unroll 4
                for (size_t v = 0; v < 4; v++)
                    sum[i * 4 + v] = vf_fma(row, vf_load(s->x + v * stride + j), sum[i * 4 + v]);
            }
        }
        vf_sum8(sum, part);
        vf_sum8(sum + 8, part + 8);
        for (size_t i = 0; i < 16; i++)
            product[i] += part[i];
    }
#pragma GCC unroll 16
    for (size_t i = 0; i < 16; i++)
        sum[i] = vf_set(product[i]);
    for (size_t j = 0; j < stride; j += LANES) {
        vf y[4];
#pragma GCC unroll 4
        for (size_t v = 0; v < 4; v++)
            y[v] = vf_load(s->y + v * stride + j);
#pragma GCC unroll 4
        for (size_t i = 0; i < group; i++) {
            vf row = vf_load(b + i * stride + j);
#pragma GCC unroll 4
            for (size_t v = 0; v < 4; v++)
                y[v] = vf_fma(row, sum[i * 4 + v], y[v]);
        }
#pragma GCC unroll 4
        for (size_t v = 0; v < 4; v++)
            vf_store(s->y + v * stride + j, y[v]);
    }
}

static void sweep4(const ecam_sweep *s)
{
    size_t r = 0;

    memset(s->y, 0, 4 * s->stride * sizeof(float));
    for (; r + 4 <= s->rows; r += 4)
        sweep4_group(s, r, 4);
    for (; r < s->rows; r++)
        sweep4_group(s, r, 1);
}

/* Rows i.. against columns j..: TILE_ROWS times `vectors` sums in registers. */
static inline __attribute__((always_inline)) void gram_tile(const float *panel, size_t count,
                                                            size_t side, double *gram, size_t i,
                                                            size_t j, size_t vectors)
{
    vf sum[TILE_ROWS][TILE_VECTORS];
    float flat[LANES] __attribute__((aligned(64)));

    memset(sum, 0, sizeof sum);
    for (size_t k = 0; k < count; k++, panel += side) {
        vf column[TILE_VECTORS];
#pragma GCC unroll 4
        for (size_t v = 0; v < vectors; v++)
            column[v] = vf_load(panel + j + v * LANES);
#pragma GCC unroll 8
        for (size_t r = 0; r < TILE_ROWS; r++) {
            vf row = vf_set(panel[i + r]);
#pragma GCC unroll 4
            for (size_t v = 0; v < vectors; v++)
                sum[r][v] = vf_fma(row, column[v], sum[r][v]);
        }
    }
    for (size_t r = 0; r < TILE_ROWS; r++)
        for (size_t v = 0; v < vectors; v++) {
            double *out = gram + (i + r) * side + j + v * LANES;
            vf_store(flat, sum[r][v]);
            for (size_t l = 0; l < LANES; l++)
                out[l] += (double)flat[l];
        }
}

static void gram(const float *panel, size_t count, size_t side, double *out)
{
    for (size_t i = 0; i < side; i += TILE_ROWS) {
        size_t j = i / LANES * LANES;
        for (; j + TILE_VECTORS * LANES <= side; j += TILE_VECTORS * LANES)
            gram_tile(panel, count, side, out, i, j, TILE_VECTORS);
        size_t vectors = (side - j) / LANES;
        if (vectors == 2)
            gram_tile(panel, count, side, out, i, j, 2);
        else if (vectors == 1)
            gram_tile(panel, count, side, out, i, j, 1);
    }
}

/* LANES channels by LANES values, at channel c and value i. */
static void pack_block(const ecam_pack *p, size_t c, size_t i, vf sum[LANES], vu *peak)
{
    size_t channels = p->channels - c < LANES ? p->channels - c : LANES;
    size_t count = p->count - i < LANES ? p->count - i : LANES;
    vf block[LANES];

    for (size_t r = 0; r < LANES; r++) {
        block[r] = vf_set(0);
        if (r >= channels)
            continue;
        const float *x = p->x + (c + r) * p->pitch + i;
        vf pivot = vf_set(p->pivot[c + r]);
        if (p->more)
            __builtin_prefetch(x + p->count);
        vf a = count == LANES ? vf_load_any(x) : vf_load_part(x, count);
        *peak = vu_max_magnitude(*peak, a);
        a -= pivot;
        block[r] = count == LANES ? a : (vf)((vu)a & vu_below(count));
        sum[r] += block[r];
    }
    vf_transpose(block);
    for (size_t r = 0; r < count; r++)
        vf_store(p->out + (i + r) * p->side + c, block[r]);
}

static void pack(ecam_pack *p)
{
    vu peak = {0};

    for (size_t c = 0; c < p->side; c += LANES) {
        vf sum[LANES];
        memset(sum, 0, sizeof sum);
        if (c >= p->channels) {
            for (size_t i = 0; i < p->count; i++)
                vf_store(p->out + i * p->side + c, vf_set(0));
            continue;
        }
        for (size_t i = 0; i < p->count; i += LANES)
            pack_block(p, c, i, sum, &peak);
        for (size_t r = 0; r < LANES; r++)
            p->sum[c + r] += (double)vf_sum(sum[r]);
    }
    uint32_t largest = vu_peak(peak);
    p->peak = largest > p->peak ? largest : p->peak;
}

static void mix_vector(const ecam_mix *m, size_t i, size_t count)
{
    size_t apart = (m->count + ECAM_LANES - 1) / ECAM_LANES * ECAM_LANES;
    vf map[4];

    for (size_t k = 0; k < 4; k++)
        map[k] = vf_set(m->start[k]);
    for (size_t c = 0; c < m->channels; c++) {
        const float *x = m->x + c * m->pitch + i;
        vf a = (count == LANES ? vf_load_any(x) : vf_load_part(x, count)) - vf_set(m->pivot[c]);
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++)
            map[k] = vf_fma(vf_set(m->u[c * 4 + k]), a, map[k]);
    }
    for (size_t k = 0; k < 4; k++)
        vf_store(m->maps + k * apart + i, map[k]);
}

/* Four vectors by four maps. */
static void mix_vectors(const ecam_mix *m, size_t i)
{
    size_t apart = (m->count + ECAM_LANES - 1) / ECAM_LANES * ECAM_LANES;
    vf map[4][4];

    for (size_t k = 0; k < 4; k++)
        for (size_t v = 0; v < 4; v++)
            map[k][v] = vf_set(m->start[k]);
    for (size_t c = 0; c < m->channels; c++) {
        const float *x = m->x + c * m->pitch + i;
        vf pivot = vf_set(m->pivot[c]);
        vf a[4];
#pragma GCC unroll 4
        for (size_t v = 0; v < 4; v++) {
            __builtin_prefetch(x + 4 * LANES + v * LANES);
            a[v] = vf_load_any(x + v * LANES) - pivot;
        }
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++) {
            vf factor = vf_set(m->u[c * 4 + k]);
#pragma GCC unroll 4
            for (size_t v = 0; v < 4; v++)
                map[k][v] = vf_fma(factor, a[v], map[k][v]);
        }
    }
    for (size_t k = 0; k < 4; k++)
        for (size_t v = 0; v < 4; v++)
            vf_store(m->maps + k * apart + i + v * LANES, map[k][v]);
}

static void mix(const ecam_mix *m)
{
    size_t i = 0;

    for (; i + 4 * LANES <= m->count; i += 4 * LANES)
        mix_vectors(m, i);
    for (; i < m->count; i += LANES)
        mix_vector(m, i, m->count - i < LANES ? m->count - i : LANES);
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

static void products(const double *rows, size_t count, size_t n, const double *y, double *out)
{
    for (size_t i = 0; i < count; i++) {
        vd sum = {0};
        for (size_t j = 0; j < n; j += 8)
            sum += *(const vd *)(rows + i * n + j) * *(const vd *)(y + j);
        out[i] = ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
    }
}

const ecam_kernels KERNELS = {
    .add_rows = add_rows,
    .products = products,
    .name = KERNELS_NAME,
    .centre = centre,
    .sweep = sweep,
    .sweep4 = sweep4,
    .dots = dots,
    .subtract = subtract,
    .gram = gram,
    .pack = pack,
    .mix = mix,
};
