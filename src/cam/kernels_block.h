/* The part of kernels_body.h that multiplies by four vectors in one pass over
 * the activations; included by it. Rows are taken BLOCK_ROWS at a time, so that
 * the factors, or the sums, of all of them stay in registers. */

/* The values `from` to `to` - 1 of a vector, zeros for the others. */
static inline vf block_load(const float *x, size_t from, size_t to)
{
    if (from == 0 && to == LANES)
        return vf_load_any(x);
    return from < to ? vf_load_span(x, from, to) : vf_set(0);
}

/* Lane `lead` first: each value back in the lane that it has without a lead. */
static inline vf block_turn(vf a, size_t lead)
{
    vu place;

    for (size_t i = 0; i < LANES; i++)
        place[i] = (uint32_t)((i + lead) % LANES);
    return __builtin_shuffle(a, place);
}

/* What a walk keeps in registers: copies of its arguments, since stores might
 * change these, and the factors and sums of BLOCK_ROWS rows. */
typedef struct block_rows {
    const float *front, *behind;
    float *front_w;
    const float *behind_w;
    size_t pitch;
    vf factor[BLOCK_ROWS][4], sum[BLOCK_ROWS * 4];
    vf plain[BLOCK_ROWS], square; /* sums of the values themselves */
    vu peak;
} block_rows;

/* Where the vector of the first of four sums lies, those of the others behind
 * it. */
static inline size_t block_place(size_t j)
{
    return j / ECAM_LANES * 4 * ECAM_LANES + j % ECAM_LANES;
}

/* A vector of the tile in front: `rows` rows (a constant of each call). */
static inline __attribute__((always_inline)) void combine_at(const block_rows *b, size_t j,
                                                             size_t rows, size_t from, size_t to)
{
    const float *x = b->front + j;
    float *w = b->front_w + block_place(j);
    vf sum[4];

#pragma GCC unroll 4
    for (size_t v = 0; v < 4; v++)
        sum[v] = vf_load(w + v * ECAM_LANES);
#pragma GCC unroll 4
    for (size_t i = 0; i < rows; i++) {
        vf a = block_load(x + i * b->pitch, from, to);
#pragma GCC unroll 4
        for (size_t v = 0; v < 4; v++)
            sum[v] = vf_fma(a, b->factor[i][v], sum[v]);
    }
#pragma GCC unroll 4
    for (size_t v = 0; v < 4; v++)
        vf_store(w + v * ECAM_LANES, sum[v]);
}

/* A vector of the tile behind; asks: whether the values are surveyed, too. */
static inline __attribute__((always_inline)) void gather_at(block_rows *b, size_t j, size_t rows,
                                                            size_t from, size_t to, bool asks)
{
    const float *x = b->behind + j, *w = b->behind_w + block_place(j);
    vf factor[4];

#pragma GCC unroll 4
    for (size_t v = 0; v < 4; v++)
        factor[v] = vf_load(w + v * ECAM_LANES);
#pragma GCC unroll 4
    for (size_t i = 0; i < rows; i++) {
        vf a = block_load(x + i * b->pitch, from, to);
#pragma GCC unroll 4
        for (size_t v = 0; v < 4; v++)
            b->sum[i * 4 + v] = vf_fma(a, factor[v], b->sum[i * 4 + v]);
        if (asks) { /* on the first pass the next rows in front are far */
            __builtin_prefetch(b->front + j + (i + BLOCK_ROWS) * b->pitch);
            b->plain[i] += a;
            b->square = vf_fma(a, a, b->square);
            b->peak = vu_max_magnitude(b->peak, a);
        }
    }
}

static inline size_t block_least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline __attribute__((always_inline)) void walk_along(block_rows *b, const ecam_walk *k,
                                                             size_t rows, bool asks)
{
    size_t lead = k->front.lead, end = k->front.count + lead, j = 0;

    for (; j < lead; j += LANES)
        combine_at(b, j, rows, block_least(lead - j, LANES), block_least(end - j, LANES));
    for (; j + LANES <= end; j += LANES)
        combine_at(b, j, rows, 0, LANES);
    if (j < end)
        combine_at(b, j, rows, 0, end - j);
    lead = k->behind.lead;
    end = k->behind.count + lead;
    for (j = 0; j < lead; j += LANES)
        gather_at(b, j, rows, block_least(lead - j, LANES), block_least(end - j, LANES), asks);
    for (; j + LANES <= end; j += LANES)
        gather_at(b, j, rows, 0, LANES, asks);
    if (j < end)
        gather_at(b, j, rows, 0, end - j, asks);
}

static void keep_survey(const ecam_walk *k, size_t r, size_t rows, const block_rows *b)
{
    uint32_t peak = vu_peak(b->peak);

    k->survey->peak = peak > k->survey->peak ? peak : k->survey->peak;
    k->survey->square += (double)vf_sum(block_turn(b->square, k->behind.lead));
    for (size_t i = 0; i < rows; i++)
        k->survey->sum[r + i] += (double)vf_sum(block_turn(b->plain[i], k->behind.lead));
}

static inline __attribute__((always_inline)) void walk_rows(const ecam_walk *k, size_t r,
                                                            size_t rows, bool asks)
{
    block_rows b = {.front = k->front.x + r * k->pitch - k->front.lead,
                    .behind = k->behind.x + r * k->pitch - k->behind.lead,
                    .front_w = k->front.w,
                    .behind_w = k->behind.w,
                    .pitch = k->pitch};
    float part[BLOCK_ROWS * 4];

#pragma GCC unroll 16
    for (size_t i = 0; i < BLOCK_ROWS * 4; i++)
        b.sum[i] = vf_set(0);
#pragma GCC unroll 4
    for (size_t i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (size_t v = 0; v < 4; v++)
            b.factor[i][v] = vf_set(k->u[(r + i) * 4 + v]);
    walk_along(&b, k, rows, asks);
    if (k->behind.lead > 0)
#pragma GCC unroll 16
        for (size_t i = 0; i < BLOCK_ROWS * 4; i++)
            b.sum[i] = block_turn(b.sum[i], k->behind.lead);
#pragma GCC unroll 2
    for (size_t i = 0; i < BLOCK_ROWS * 4; i += 8)
        vf_sum8(b.sum + i, part + i);
    for (size_t i = 0; k->behind.count > 0 && i < rows * 4; i++)
        k->y[r * 4 + i] += (double)part[i];
    if (asks)
        keep_survey(k, r, rows, &b);
}

static inline __attribute__((always_inline)) void walk_all(const ecam_walk *k, bool asks)
{
    size_t r = 0;

    for (; r + BLOCK_ROWS <= k->rows; r += BLOCK_ROWS)
        walk_rows(k, r, BLOCK_ROWS, asks);
    for (; r < k->rows; r++)
        walk_rows(k, r, 1, asks);
}

static void walk(const ecam_walk *k)
{
    size_t groups = (k->front.lead + k->front.count + ECAM_LANES - 1) / ECAM_LANES;

    memset(k->front.w, 0, groups * 4 * ECAM_LANES * sizeof(float));
    if (k->survey)
        walk_all(k, true);
    else
        walk_all(k, false);
}
