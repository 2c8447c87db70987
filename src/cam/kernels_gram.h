/* The part of kernels_body.h that makes Gram matrices and maps from their
 * eigenvectors; included by it. */

/* Rows i.. against columns j..: TILE_ROWS times `vectors` sums in registers. */
static inline __attribute__((always_inline)) void gram_tile(const float *panel, size_t pitch,
                                                            size_t count, size_t side,
                                                            double *gram, size_t i, size_t j,
                                                            size_t vectors)
{
    vf sum[TILE_ROWS][TILE_VECTORS];

#pragma GCC unroll 8
    for (size_t r = 0; r < TILE_ROWS; r++)
#pragma GCC unroll 4
        for (size_t v = 0; v < vectors; v++)
            sum[r][v] = vf_set(0);
    for (size_t k = 0; k < count; k++, panel += pitch) {
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
#pragma GCC unroll 8
    for (size_t r = 0; r < TILE_ROWS; r++)
#pragma GCC unroll 4
        for (size_t v = 0; v < vectors; v++) {
            wide *out = (wide *)(gram + (i + r) * side + j + v * LANES);
            *out += __builtin_convertvector(sum[r][v], wide);
        }
}

static void gram(const float *panel, size_t pitch, size_t count, size_t side, double *out)
{
    for (size_t i = 0; i < side; i += TILE_ROWS) {
        size_t j = i / LANES * LANES;
        /* Four vectors are better done as two and two. */
        for (; j + TILE_VECTORS * LANES <= side && j + 4 * LANES != side; j += TILE_VECTORS * LANES)
            gram_tile(panel, pitch, count, side, out, i, j, TILE_VECTORS);
        for (; j + 2 * LANES <= side; j += 2 * LANES)
            gram_tile(panel, pitch, count, side, out, i, j, 2);
        if (j < side)
            gram_tile(panel, pitch, count, side, out, i, j, 1);
    }
}

static void column(const float *panel, size_t count, size_t side, const float *factors, double *out)
{
    for (size_t j = 0; j < side; j += LANES) {
        const float *at = panel + j;
        vf sum[4];
        size_t i = 0;

        for (size_t k = 0; k < 4; k++)
            sum[k] = vf_set(0);
        for (; i + 4 <= count; i += 4)
#pragma GCC unroll 4
            for (size_t k = 0; k < 4; k++)
                sum[k] = vf_fma(vf_load(at + (i + k) * side), vf_set(factors[i + k]), sum[k]);
        for (; i < count; i++)
            sum[0] = vf_fma(vf_load(at + i * side), vf_set(factors[i]), sum[0]);
        *(wide *)(out + j) += __builtin_convertvector((sum[0] + sum[1]) + (sum[2] + sum[3]), wide);
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
        __builtin_prefetch(x + LANES * p->pitch, 0, 2);
        vf a = count == LANES ? vf_load_any(x) : vf_load_part(x, count);
        *peak = vu_max_magnitude(*peak, a);
        a -= pivot;
        block[r] = count == LANES ? a : (vf)((vu)a & vu_below(count));
        sum[r] += block[r];
    }
    vf_transpose(block);
    for (size_t r = 0; r < count; r++)
        vf_store(p->out + (i + r) * p->out_pitch + c, block[r]);
}

static void pack(ecam_pack *p)
{
    vu peak = {0};

    for (size_t c = 0; c < p->side; c += LANES) {
        vf sum[LANES];
        memset(sum, 0, sizeof sum);
        if (c >= p->channels) {
            for (size_t i = 0; i < p->count; i++)
                vf_store(p->out + i * p->out_pitch + c, vf_set(0));
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

/* `group` channels, a constant of each call, onto all four maps. */
static inline __attribute__((always_inline)) void mix_group(const ecam_mix *m, size_t c,
                                                            size_t group)
{
    const float *x = m->x + c * m->pitch;
    vf factor[4][4], pivot[4];

#pragma GCC unroll 4
    for (size_t i = 0; i < group; i++) {
        pivot[i] = vf_set(m->pivot[c + i]);
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++)
            factor[i][k] = vf_set(m->u[(c + i) * 4 + k]);
    }
    for (size_t j = 0; j < m->count; j += LANES) {
        size_t rest = m->count - j;
        vf map[4];
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++)
            map[k] = vf_load(m->maps + k * m->apart + j);
#pragma GCC unroll 4
        for (size_t i = 0; i < group; i++) {
            const float *at = x + i * m->pitch + j;
            __builtin_prefetch(at + group * m->pitch);
            vf a = (rest >= LANES ? vf_load_any(at) : vf_load_part(at, rest)) - pivot[i];
#pragma GCC unroll 4
            for (size_t k = 0; k < 4; k++)
                map[k] = vf_fma(factor[i][k], a, map[k]);
        }
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++)
            vf_store(m->maps + k * m->apart + j, map[k]);
    }
}

static void mix(const ecam_mix *m)
{
    size_t c = 0;

    for (size_t k = 0; k < 4; k++)
        for (size_t j = 0; j < m->count; j += LANES)
            vf_store(m->maps + k * m->apart + j, vf_set(m->start[k]));
    for (; c + 4 <= m->channels; c += 4)
        mix_group(m, c, 4);
    for (; c < m->channels; c++)
        mix_group(m, c, 1);
}

static void shift(ecam_shift *s)
{
    size_t whole = s->n / LANES * LANES, rest = s->n - whole;
    vu peak = {0}, below = vu_below(rest);

    for (size_t r = 0; r < s->count; r++) {
        const float *x = s->x + r * s->n;
        float *out = s->out + r * s->padded;
        vf first = vf_set(x[0]);
        for (size_t i = 0; i < whole; i += LANES) {
            vf a = vf_load_any(x + i);
            __builtin_prefetch(x + i + AHEAD);
            peak = vu_max_magnitude(peak, a);
            vf_store(out + i, a - first);
        }
        if (rest == 0)
            continue;
        vf a = vf_load_part(x + whole, rest);
        peak = vu_max_magnitude(peak, a);
        if (s->n > s->padded)
            s->last[r] = x[whole] - x[0];
        else
            vf_store(out + whole, (vf)((vu)(a - first) & below));
    }
    uint32_t largest = vu_peak(peak);
    s->peak = largest > s->peak ? largest : s->peak;
}
