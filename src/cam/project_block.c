/* Block Krylov iterations on the channels' Gram matrix, which is never made:
 *
 *     Y = B (B' U),  U of four columns
 *
 * in one pass over the activations, a tile of positions at a time: B' U of the
 * tile and its product with the tile while the tile is near. Where activations
 * do not fit the second cache, reading them is what iterations cost, and four
 * vectors a pass take half as many passes as one. Every other pass goes
 * backwards, so that it begins with what the last one left in the cache.
 *
 * Means are not subtracted beforehand: with s the sums of the channels,
 * B B' = X X' - s s'/n. Where that would lose digits, the data are given up.
 *
 * Fewer components than the block has vectors are wanted, so that no repeated
 * one is missed (G. H. Golub, R. Underwood, Mathematical Software III, 1977). */
#include <math.h>
#include <string.h>

#include "base/float16.h"
#include "cam/project_load.h"
#include "cam/symmetric.h"

#define WIDTH ECAM_BLOCK_WIDTH
#define MOST (24 * WIDTH) /* basis vectors */
#define FIRST_LOOK 6      /* steps */

/* How far a vector may be off, in radians, by a bound that is never reached; that
 * of the small problem's, less. */
#define ANGLE 8e-6
#define SMALL_ANGLE 3e-7

/* Residuals below this share of the first eigenvalue are rounding, and so are
 * eigenvalues below LEAST_SHARE. */
#define FLOOR 1e-8
#define LEAST_SHARE 1e-3

/* Of a vector's squared length, when its direction is rounding in part. */
#define LITTLE_LEFT 1e-12

/* How much larger than the centred matrix the one before centring may be. */
#define MOST_LOST 6

/* Two tiles share the second cache, and what is known of a tile the first. */
#define TILE_BYTES (5 << 17)
#define TILE_MOST 640
#define TILE_ROOM (TILE_MOST + ECAM_LANES)

typedef struct block {
    const ecam_task *task;
    const float *x; /* [c][n] */
    size_t c, n, tile;
    size_t lead; /* values from the last cache line's begin to x, if in every row */
    size_t known;  /* basis vectors, the last WIDTH of them just multiplied */
    size_t stride; /* of the basis: c, to whole vectors of doubles */
    double *basis; /* [MOST + WIDTH][stride] */
    double *h;     /* [MOST][MOST]: the basis' products with K, upper half */
    double *small; /* the same as symmetric.c takes it */
    double r[WIDTH][WIDTH]; /* what led from the last block to the next */
    double *y;              /* [c][WIDTH] */
    float *u, *w;           /* [c][WIDTH], [2][WIDTH * TILE_ROOM] */
    ecam_survey found;      /* by the first pass */
    double trace;
    ecam_symmetric eigen;
} block;

static double *vector(const block *b, size_t i)
{
    return b->basis + i * b->stride;
}

static size_t choose_tile(size_t c)
{
    size_t tile = TILE_BYTES / sizeof(float) / c / ECAM_LANES * ECAM_LANES;
    return tile < 8 * ECAM_LANES ? 8 * ECAM_LANES : tile > TILE_MOST ? TILE_MOST : tile;
}

static ecam_status make_room(block *b)
{
    struct ecam_project_scratch *s = b->task->scratch;

    b->stride = (b->c + 7) / 8 * 8;
    b->tile = choose_tile(b->c);
    b->lead = b->n % ECAM_LANES == 0 ? (uintptr_t)b->x / sizeof *b->x % ECAM_LANES : 0;
    b->basis = ecam_room_get(s, ECAM_ROOM_MATRIX, MOST + WIDTH, b->stride, sizeof *b->basis);
    b->h = ecam_room_get(s, ECAM_ROOM_GRAM, 2 * MOST, MOST, sizeof *b->h);
    b->y = ecam_room_get(s, ECAM_ROOM_VECTORS, WIDTH + 1, b->c, sizeof *b->y);
    b->u = ecam_room_get(s, ECAM_ROOM_WEIGHTS, b->c, WIDTH, sizeof *b->u);
    b->w = ecam_room_get(s, ECAM_ROOM_STRIP, 2 * WIDTH, TILE_ROOM, sizeof *b->w);
    if (!b->basis || !b->h || !b->y || !b->u || !b->w)
        return ECAM_ENOMEM;
    b->small = b->h + MOST * MOST;
    b->found.sum = b->y + WIDTH * b->c;
    memset(b->found.sum, 0, b->c * sizeof *b->found.sum);
    return ECAM_OK;
}

/* Tiles take turns with two places for what is known of them. */
static ecam_tile tile_at(const block *b, size_t number)
{
    size_t first = number * b->tile;
    return (ecam_tile){.x = b->x + first,
                       .count = b->n - first < b->tile ? b->n - first : b->tile,
                       .lead = b->lead,
                       .w = b->w + number % 2 * WIDTH * TILE_ROOM};
}

/* y = X (X' u); on the first pass all else that has to be known of X. */
static void pass(block *b, bool first, bool backwards)
{
    size_t tiles = (b->n + b->tile - 1) / b->tile;
    ecam_walk walk = {.pitch = b->n, .rows = b->c, .u = b->u, .y = b->y};

    if (first)
        walk.survey = &b->found;
    memset(b->y, 0, b->c * WIDTH * sizeof *b->y);
    walk.front = (ecam_tile){.x = b->x, .w = b->w};
    for (size_t i = 0; i <= tiles; i++) {
        walk.behind = walk.front;
        walk.front = (ecam_tile){.x = b->x, .w = b->w};
        if (i < tiles)
            walk.front = tile_at(b, backwards ? tiles - 1 - i : i);
        b->task->kernels->walk(&walk);
    }
}

static double dot(const block *b, const double *a, const double *c)
{
    double result;
    b->task->kernels->products(a, 1, b->stride, c, &result);
    return result;
}

/* y less its parts along the first count vectors; h: what these were. Once is
 * enough unless nearly nothing is left: products are known to float32 only. */
static void orthogonalise(const block *b, size_t count, double *y, double *h)
{
    double part[MOST + WIDTH], before, after;

    memset(h, 0, count * sizeof *h);
    do {
        before = dot(b, y, y);
        b->task->kernels->products(b->basis, count, b->stride, y, part);
        for (size_t i = 0; i < count; i++) {
            h[i] += part[i];
            part[i] = -part[i];
        }
        b->task->kernels->add_rows(b->basis, count, b->stride, part, y);
        after = dot(b, y, y);
    } while (after > 0 && after < LITTLE_LEFT * before);
}

/* Make the WIDTH vectors behind the basis a part of it. False where fewer
 * dimensions are left. */
static bool extend(block *b, double least)
{
    double h[MOST + WIDTH];

    for (size_t k = 0; k < WIDTH; k++) {
        double *y = vector(b, b->known + k);
        orthogonalise(b, b->known + k, y, h);
        for (size_t i = 0; i < b->known; i++)
            b->h[i * MOST + b->known - WIDTH + k] = h[i];
        for (size_t i = 0; i < k; i++)
            b->r[i][k] = h[b->known + i];
        double norm = sqrt(dot(b, y, y));
        b->r[k][k] = norm;
        if (!(norm > least))
            return false;
        for (size_t i = 0; i < b->stride; i++)
            y[i] /= norm;
    }
    b->known += WIDTH;
    return true;
}

/* A sign from the top bit of a multiplicative hash: the same input always gives
 * the same bytes. */
static bool start(block *b)
{
    memset(b->basis, 0, WIDTH * b->stride * sizeof *b->basis);
    for (size_t k = 0; k < WIDTH; k++)
        for (size_t i = 0; i < b->c; i++) {
            uint64_t hash = (i * WIDTH + k + 1) * 0x9e3779b97f4a7c15u;
            hash = (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9u;
            vector(b, k)[i] = hash >> 63 ? 1 : -1;
        }
    b->known = 0;
    return extend(b, 1e-6);
}

static void load_block(block *b, size_t first)
{
    for (size_t k = 0; k < WIDTH; k++)
        for (size_t i = 0; i < b->c; i++)
            b->u[i * WIDTH + k] = (float)vector(b, first + k)[i];
}

/* The centred products of the last block, behind the basis. */
static void store_products(block *b)
{
    memset(vector(b, b->known), 0, WIDTH * b->stride * sizeof *b->basis);
    for (size_t k = 0; k < WIDTH; k++) {
        double *y = vector(b, b->known + k), along = 0;
        for (size_t i = 0; i < b->c; i++)
            along += b->found.sum[i] * (double)b->u[i * WIDTH + k];
        for (size_t i = 0; i < b->c; i++)
            y[i] = b->y[i * WIDTH + k] - b->found.sum[i] * along / (double)b->n;
    }
}

/* What the first pass has found: false where these data want another method. */
static bool is_suitable(block *b)
{
    double means = 0;

    for (size_t i = 0; i < b->c; i++)
        means += b->found.sum[i] * b->found.sum[i] / (double)b->n;
    b->trace = b->found.square - means;
    return ecam_load_fits(b->found.peak) && b->trace > 0 && b->found.square <= MOST_LOST * b->trace;
}

static bool solve_small(block *b, size_t side)
{
    size_t stride = (side + 7) / 8 * 8;

    memset(b->small, 0, side * stride * sizeof *b->small);
    for (size_t i = 0; i < side; i++)
        for (size_t j = i; j < side; j++)
            b->small[i * stride + j] = b->small[j * stride + i] = b->h[i * MOST + j];
    b->eigen = (ecam_symmetric){.matrix = b->small,
                                .side = side,
                                .stride = stride,
                                .wanted = b->task->wanted,
                                .angle = SMALL_ANGLE,
                                .kernels = b->task->kernels,
                                .scratch = b->task->scratch};
    return ecam_symmetric_solve(&b->eigen) == ECAM_OK;
}

/* The largest residual over what it may be: a residual over the gap bounds the
 * angle. */
static double excess(const block *b, size_t side)
{
    const double *values = b->eigen.ritz.values;
    double worst = 0;

    for (size_t i = 0; i < b->eigen.wanted; i++) {
        const double *s = b->eigen.vectors + i * b->eigen.stride + side - WIDTH;
        double gap = values[i] - values[i + 1], square = 0;
        if (i > 0)
            gap = fmin(gap, values[i - 1] - values[i]);
        for (size_t a = 0; a < WIDTH; a++) {
            double part = 0;
            for (size_t k = a; k < WIDTH; k++)
                part += b->r[a][k] * s[k];
            square += part * part;
        }
        worst = fmax(worst, sqrt(square) / fmax(ANGLE * gap, FLOOR * values[0]));
    }
    return worst;
}

/* When to look again: a step takes this off the residuals, about. */
#define STEP_FACTOR 20

static size_t next_look(size_t step, double now)
{
    size_t next = step + 1;

    for (now /= STEP_FACTOR; now > STEP_FACTOR && next < step + 4; next++)
        now /= STEP_FACTOR;
    return next;
}

/* Iterate until the components wanted have converged. */
static bool iterate(block *b)
{
    size_t look = FIRST_LOOK;

    if (!start(b))
        return false;
    for (size_t step = 1; b->known < MOST && b->known + WIDTH <= b->c; step++) {
        size_t side = b->known;
        load_block(b, side - WIDTH);
        pass(b, step == 1, step % 2 == 0);
        if (step == 1 && !is_suitable(b))
            return false;
        store_products(b);
        if (!extend(b, 1e-9 * b->trace))
            return false;
        if (step < look)
            continue;
        if (!solve_small(b, side))
            return false;
        double now = excess(b, side);
        if (now <= 1)
            return b->eigen.ritz.values[b->eigen.wanted - 1] > LEAST_SHARE * b->eigen.ritz.values[0];
        look = next_look(step, now);
    }
    return false;
}

/* The components' directions among the channels. */
static void load_directions(block *b)
{
    memset(vector(b, MOST), 0, WIDTH * b->stride * sizeof *b->basis);
    for (unsigned i = 0; i < b->eigen.wanted; i++)
        b->task->kernels->add_rows(b->basis, b->eigen.side, b->stride,
                                   b->eigen.vectors + i * b->eigen.stride, vector(b, MOST + i));
    load_block(b, MOST);
}

static void fill_maps(block *b, unsigned count, float *maps)
{
    size_t tiles = (b->n + b->tile - 1) / b->tile;
    double mean[WIDTH] = {0};

    for (size_t i = 0; i < b->c; i++)
        for (size_t k = 0; k < WIDTH; k++)
            mean[k] += b->found.sum[i] * (double)b->u[i * WIDTH + k] / (double)b->n;
    for (size_t i = 0; i < tiles; i++) {
        ecam_walk walk = {.front = tile_at(b, i), .behind = {.x = b->x, .w = b->w}, .pitch = b->n,
                          .rows = b->c, .u = b->u};
        b->task->kernels->walk(&walk);
        for (unsigned k = 0; k < count; k++) {
            float *map = maps + k * b->n + i * b->tile;
            for (size_t p = b->lead; p < b->lead + walk.front.count; p++)
                map[p - b->lead] =
                    walk.front.w[(p / ECAM_LANES * WIDTH + k) * ECAM_LANES + p % ECAM_LANES] -
                    (float)mean[k];
        }
    }
}

ecam_status ecam_project_block(const ecam_task *task, ecam_answer *answer)
{
    block b = {.task = task, .c = task->activation->c, .n = task->n};

    if (task->wanted == 0 || task->wanted >= WIDTH)
        return ECAM_EMATH;
    ecam_status st = ecam_load_rows(task, &b.x);
    if (st == ECAM_OK && !b.x)
        st = ECAM_EMATH;
    if (st == ECAM_OK)
        st = make_room(&b);
    if (st == ECAM_OK && !iterate(&b))
        st = ECAM_EMATH;
    if (st == ECAM_OK)
        st = ecam_answer_fill(task, &b.eigen.ritz, b.trace, answer);
    if (st != ECAM_OK)
        return st;
    load_directions(&b);
    fill_maps(&b, answer->components, answer->maps);
    return ECAM_OK;
}
