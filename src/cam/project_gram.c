/* The Gram matrix of a small side. Products and short sums are float32 (this is
 * where the time goes), sums of these float64, and everything after them. */
#include <math.h>
#include <string.h>

#include "base/float16.h"
#include "cam/project_load.h"
#include "cam/symmetric.h"

/* Rows or columns that are summed in float32, and stay in the first cache. */
#define CHUNK 128

/* Positions that are turned over at a time: long enough stretches of each
 * channel for the hardware to fetch ahead. */
#define PACKED 512

/* Eigenvalues below this share of the first drown in the rounding of float32
 * products. */
#define LEAST_SHARE 1e-3

/* How far a vector may be off, in radians. */
#define ANGLE 2e-6

/* How much larger than the centred matrix the one before centring may be. */
#define MOST_LOST 6

typedef struct gram {
    const ecam_task *task;
    const float *rows; /* [c][n] */
    size_t side, padded; /* of the product */
    float *panel;      /* [PACKED][pitch] */
    size_t pitch;      /* no large power of two: rows of a tile would share few cache sets */
    double *product;   /* [padded][padded], the upper half */
    uint32_t peak;
    double *matrix;    /* what symmetric.c takes: [full][stride] */
    size_t full, stride;
    ecam_symmetric eigen;
} gram;

static ecam_status make_room(gram *g)
{
    struct ecam_project_scratch *s = g->task->scratch;

    g->padded = (g->side + ECAM_LANES - 1) / ECAM_LANES * ECAM_LANES;
    size_t square = g->padded * g->padded;
    g->pitch = g->padded < 128 ? g->padded : g->padded + ECAM_LANES;
    g->stride = (g->full + 7) / 8 * 8;
    g->panel = ecam_room_get(s, ECAM_ROOM_FLOATS, PACKED, g->pitch, sizeof *g->panel);
    g->product = ecam_room_get(s, ECAM_ROOM_GRAM, square + g->full * g->stride, 1, sizeof *g->product);
    if (!g->panel || !g->product)
        return ECAM_ENOMEM;
    g->matrix = g->product + square;
    memset(g->product, 0, square * sizeof *g->product);
    return ECAM_OK;
}

/* The upper half of the product as a full matrix, in blocks that stay near. */
static void unfold(gram *g)
{
    memset(g->matrix, 0, g->full * g->stride * sizeof *g->matrix);
    for (size_t i0 = 0; i0 < g->side; i0 += ECAM_LANES)
        for (size_t j0 = i0; j0 < g->side; j0 += ECAM_LANES)
            for (size_t i = i0; i < i0 + ECAM_LANES && i < g->side; i++)
                for (size_t j = j0 > i ? j0 : i; j < j0 + ECAM_LANES && j < g->side; j++)
                    g->matrix[i * g->stride + j] = g->matrix[j * g->stride + i] =
                        g->product[i * g->padded + j];
}

static bool is_good(const gram *g)
{
    const double *values = g->eigen.ritz.values;
    double peak = (double)ecam_float_from_bits(g->peak);
    double size2 = peak * peak * (double)g->task->n * (double)g->task->activation->c;

    return values[g->eigen.wanted - 1] > LEAST_SHARE * values[0] && values[0] > 1e-8 * size2;
}

/* Eigenpairs, and the answer but for its maps. */
static ecam_status solve(gram *g, ecam_answer *answer)
{
    const ecam_task *task = g->task;
    double trace = 0;

    if (!ecam_load_fits(g->peak))
        return ECAM_EMATH;
    for (size_t i = 0; i < g->full; i++)
        trace += g->matrix[i * g->stride + i];
    if (trace == 0)
        return ecam_answer_make(task, task->wanted, answer);
    g->eigen = (ecam_symmetric){.matrix = g->matrix,
                                .side = g->full,
                                .stride = g->stride,
                                .wanted = task->wanted,
                                .share = task->variance * trace,
                                .angle = ANGLE,
                                .kernels = task->kernels,
                                .scratch = task->scratch};
    ecam_status st = ecam_symmetric_solve(&g->eigen);
    if (st == ECAM_OK && !is_good(g))
        st = ECAM_EMATH;
    return st == ECAM_OK ? ecam_answer_fill(task, &g->eigen.ritz, trace, answer) : st;
}

static ecam_status begin(gram *g, const ecam_task *task)
{
    if (task->wanted > ECAM_RITZ_WANTED || g->full > ECAM_GRAM_SIDE || task->wanted > g->full)
        return ECAM_EMATH;
    g->task = task;
    ecam_status st = ecam_load_rows(task, &g->rows);
    if (st == ECAM_OK && !g->rows)
        st = ECAM_EMATH;
    return st == ECAM_OK ? make_room(g) : st;
}

/* The products of a last position that stands alone beyond whole vectors:
 * a column of its own instead of a vector of padding. */
typedef struct last_column {
    float values[CHUNK]; /* of a chunk's rows */
    double *sum;         /* [padded + 1] */
} last_column;

static void multiply_last(const gram *g, size_t count, last_column *last)
{
    g->task->kernels->column(g->panel, count, g->padded, last->values, last->sum);
    for (size_t i = 0; i < count; i++)
        last->sum[g->padded] += (double)last->values[i] * (double)last->values[i];
}

static void multiply_positions(gram *g, last_column *last)
{
    size_t c = g->task->activation->c, n = g->task->n;
    ecam_shift s = {.n = n, .padded = g->padded, .out = g->panel, .last = last->values};

    /* Where there are more lanes than positions, the rest stays zero. */
    memset(g->panel, 0, CHUNK * g->padded * sizeof *g->panel);
    for (size_t first = 0; first < c; first += CHUNK) {
        s.x = g->rows + first * n;
        s.count = c - first < CHUNK ? c - first : CHUNK;
        g->task->kernels->shift(&s);
        g->task->kernels->gram(g->panel, g->padded, s.count, g->padded, g->product);
        if (g->side < g->full)
            multiply_last(g, s.count, last);
    }
    g->peak = s.peak;
}

/* Centre the positions of the product, from both sides: what is left of the
 * means after each channel's shift. False where that is so much that digits
 * were lost. */
static bool centre_both_sides(gram *g, double *mean)
{
    double before = 0, after = 0, all = 0, n = (double)g->full;

    for (size_t i = 0; i < g->full; i++) {
        double sum = 0;
        for (size_t j = 0; j < g->full; j++)
            sum += g->matrix[i * g->stride + j];
        mean[i] = sum / n;
        all += mean[i] / n;
    }
    for (size_t i = 0; i < g->full; i++) {
        double *row = g->matrix + i * g->stride;
        before += row[i];
        for (size_t j = 0; j < g->full; j++)
            row[j] -= mean[i] + mean[j] - all;
        after += row[i];
    }
    return before <= MOST_LOST * after || before == 0;
}

static void add_last(gram *g, const last_column *last)
{
    for (size_t i = 0; i < g->side; i++)
        g->matrix[i * g->stride + g->side] = g->matrix[g->side * g->stride + i] = last->sum[i];
    g->matrix[g->side * g->stride + g->side] = last->sum[g->padded];
}

static ecam_status make_last(const gram *g, last_column *last)
{
    last->sum = ecam_room_get(g->task->scratch, ECAM_ROOM_VECTORS, g->full + ECAM_LANES, 1,
                              sizeof *last->sum);
    if (!last->sum)
        return ECAM_ENOMEM;
    memset(last->sum, 0, (g->full + ECAM_LANES) * sizeof *last->sum);
    return ECAM_OK;
}

ecam_status ecam_project_gram_positions(const ecam_task *task, ecam_answer *answer)
{
    size_t n = task->n;
    gram g = {.full = n, .side = n > 1 && n % ECAM_LANES == 1 ? n - 1 : n};
    last_column last;

    ecam_status st = begin(&g, task);
    if (st == ECAM_OK)
        st = make_last(&g, &last);
    if (st != ECAM_OK)
        return st;
    multiply_positions(&g, &last);
    unfold(&g);
    if (g.side < g.full)
        add_last(&g, &last);
    if (!centre_both_sides(&g, last.sum))
        return ECAM_EMATH;
    st = solve(&g, answer);
    for (unsigned i = 0; st == ECAM_OK && i < answer->components; i++)
        for (size_t p = 0; p < n; p++)
            answer->maps[i * n + p] = (float)(answer->singular[i] * g.eigen.vectors[i * g.stride + p]);
    return st;
}

/* Each channel's mean over some positions: near enough to the true one that
 * correcting the product afterwards loses nothing. */
#define SAMPLED 16

static void estimate_means(const gram *g, float *pivot)
{
    size_t n = g->task->n, step = n > SAMPLED ? n / SAMPLED : 1;

    for (size_t i = 0; i < g->padded; i++) {
        double sum = 0;
        size_t count = 0;
        for (size_t p = step / 2; i < g->side && p < n; p += step, count++)
            sum += (double)g->rows[i * n + p];
        pivot[i] = count ? (float)(sum / (double)count) : 0;
    }
}

static void multiply_channels(gram *g, const float *pivot, double *sum)
{
    size_t n = g->task->n;
    ecam_pack p = {.pitch = n,
                   .channels = g->side,
                   .pivot = pivot,
                   .side = g->padded,
                   .out = g->panel,
                   .out_pitch = g->pitch,
                   .sum = sum};

    memset(sum, 0, g->padded * sizeof *sum);
    for (size_t first = 0; first < n; first += PACKED) {
        p.x = g->rows + first;
        p.count = n - first < PACKED ? n - first : PACKED;
        g->task->kernels->pack(&p);
        for (size_t at = 0; at < p.count; at += CHUNK)
            g->task->kernels->gram(g->panel + at * g->pitch, g->pitch,
                                   p.count - at < CHUNK ? p.count - at : CHUNK, g->padded,
                                   g->product);
    }
    g->peak = p.peak;
}

/* What remains of the means after the pivots. False where that is so much that
 * digits were lost. */
static bool correct(gram *g, const double *sum)
{
    double before = 0, after = 0;

    for (size_t i = 0; i < g->side; i++) {
        double *row = g->matrix + i * g->stride;
        double mean = sum[i] / (double)g->task->n;
        before += row[i];
        for (size_t j = 0; j < g->side; j++)
            row[j] -= mean * sum[j];
        after += row[i];
    }
    return before <= MOST_LOST * after || before == 0;
}

typedef struct channel_room {
    double *sum;  /* [padded]: of x - pivot */
    float *pivot; /* [padded] */
    float *u;     /* [padded][4] */
    float *strip; /* [4][STRIP] */
} channel_room;

#define STRIP 1024

/* Maps `first` to `first + count - 1`, a strip of positions at a time. */
static void fill_maps(const gram *g, const channel_room *room, unsigned first, unsigned count,
                      float *maps)
{
    size_t n = g->task->n, c = g->side;
    double start[4] = {0};
    ecam_mix m = {.pitch = n, .channels = c, .pivot = room->pivot, .u = room->u, .maps = room->strip,
                  .apart = STRIP};

    memset(room->u, 0, c * 4 * sizeof *room->u);
    for (size_t i = 0; i < c; i++)
        for (unsigned k = 0; k < count; k++) {
            double u = g->eigen.vectors[(first + k) * g->stride + i];
            room->u[i * 4 + k] = (float)u;
            start[k] -= u * room->sum[i] / (double)n;
        }
    for (unsigned k = 0; k < 4; k++)
        m.start[k] = (float)start[k];
    for (size_t p = 0; p < n; p += STRIP) {
        m.x = g->rows + p;
        m.count = n - p < STRIP ? n - p : STRIP;
        g->task->kernels->mix(&m);
        for (unsigned k = 0; k < count; k++)
            memcpy(maps + (first + k) * n + p, room->strip + k * STRIP, m.count * sizeof *maps);
    }
}

static ecam_status make_channel_room(const gram *g, channel_room *room)
{
    size_t each = sizeof(double) + 5 * sizeof(float);

    room->sum = ecam_room_get(g->task->scratch, ECAM_ROOM_STRIP, g->padded * each + 4 * STRIP * sizeof(float),
                              1, 1);
    if (!room->sum)
        return ECAM_ENOMEM;
    room->pivot = (float *)(room->sum + g->padded);
    room->u = room->pivot + g->padded;
    room->strip = room->u + 4 * g->padded;
    return ECAM_OK;
}

ecam_status ecam_project_gram_channels(const ecam_task *task, ecam_answer *answer)
{
    gram g = {.full = task->activation->c, .side = task->activation->c};
    channel_room room;

    ecam_status st = begin(&g, task);
    if (st == ECAM_OK)
        st = make_channel_room(&g, &room);
    if (st != ECAM_OK)
        return st;
    estimate_means(&g, room.pivot);
    multiply_channels(&g, room.pivot, room.sum);
    unfold(&g);
    if (!correct(&g, room.sum))
        return ECAM_EMATH;
    st = solve(&g, answer);
    for (unsigned first = 0; st == ECAM_OK && first < answer->components; first += 4)
        fill_maps(&g, &room, first, answer->components - first < 4 ? answer->components - first : 4,
                  answer->maps);
    return st;
}
