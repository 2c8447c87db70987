#include "codec/deflate_block.h"

/* The longest match, the shortest run that is looked for (shorter ones cost as
 * little as literals: where they are many, a zero takes about one bit), and
 * the shortest match. */
enum { LONGEST = 258, RUN = 16, SHORTEST = 3 };

/* Symbol 257 + i stands for lengths from base[i] on, told apart by `extra`
 * further bits. */
static const struct {
    uint16_t base;
    uint8_t extra;
} classes[29] = {{3, 0},  {4, 0},  {5, 0},   {6, 0},   {7, 0},   {8, 0},   {9, 0},  {10, 0},
                 {11, 1}, {13, 1}, {15, 1},  {17, 1},  {19, 2},  {23, 2},  {27, 2}, {31, 2},
                 {35, 3}, {43, 3}, {51, 3},  {59, 3},  {67, 4},  {83, 4},  {99, 4}, {115, 4},
                 {131, 5}, {163, 5}, {195, 5}, {227, 5}, {258, 0}};

/* From 11 on, four classes for each power of two. */
static unsigned class_of(size_t length)
{
    unsigned over = (unsigned)length - SHORTEST;

    if (length == LONGEST)
        return 28;
    if (over < 8)
        return over;
    unsigned extra = 29u - (unsigned)__builtin_clz(over);
    return 4 * extra + (over >> extra);
}

static bool is_zero(const uint8_t *at)
{
    uint64_t value[RUN / 8];
    memcpy(value, at, RUN);
    return (value[0] | value[1]) == 0;
}

/* The first run of zeros between at and end that covers RUN bytes at a multiple
 * of RUN from `at` on (so every run of 31, and some of 16); *stop is its end.
 * Returns `end` where there is none. */
static const uint8_t *find_run(const uint8_t *at, const uint8_t *end, const uint8_t **stop)
{
    const uint8_t *start = at;

    while (end - at >= RUN && !is_zero(at))
        at += RUN;
    *stop = end;
    if (end - at < RUN)
        return end;
    const uint8_t *last = at + RUN;
    while (at > start && at[-1] == 0)
        at--;
    while (end - last >= RUN && is_zero(last))
        last += RUN;
    while (last < end && *last == 0)
        last++;
    *stop = last;
    return at;
}

/* The next match's length for a run of which `left` bytes are left. Never
 * leaves a rest that is too short for a match. */
static size_t next_match(size_t left)
{
    if (left <= LONGEST)
        return left;
    return left - LONGEST < SHORTEST ? LONGEST - SHORTEST : LONGEST;
}

static void count_literals(uint32_t sums[4][256], const uint8_t *at, const uint8_t *end)
{
    for (; end - at >= 4; at += 4) {
        sums[0][at[0]]++;
        sums[1][at[1]]++;
        sums[2][at[2]]++;
        sums[3][at[3]]++;
    }
    for (; at < end; at++)
        sums[0][*at]++;
}

void ecam_deflate_count(ecam_deflate_counts *counts, const uint8_t *bytes, size_t size)
{
    const uint8_t *at = bytes, *end = bytes + size, *stop;
    uint32_t sums[4][256] = {{0}};

    while (at < end) {
        const uint8_t *run = find_run(at, end, &stop);
        count_literals(sums, at, run < end ? run + 1 : end);
        size_t left = run < end ? (size_t)(stop - run) - 1 : 0;
        while (left > 0) {
            size_t length = next_match(left);
            counts->n[257 + class_of(length)]++;
            left -= length;
        }
        at = stop;
    }
    for (int i = 0; i < 256; i++)
        counts->n[i] += sums[0][i] + sums[1][i] + sums[2][i] + sums[3][i];
}

/* A match is its length's code, the extra bits, and the distance's one bit 0. */
static void plan_runs(ecam_deflate_code *code, const uint16_t *codes)
{
    for (size_t length = SHORTEST; length <= LONGEST; length++) {
        unsigned class = class_of(length), bits = code->lengths[257 + class];
        uint32_t extra = (uint32_t)(length - classes[class].base);
        code->run[length] = (codes[257 + class] | extra << bits) << 8 |
                            (bits + classes[class].extra + 1);
    }
}

static void plan_literals(ecam_literal_code *literals, const uint8_t *lengths,
                          const uint16_t *codes)
{
    for (int i = 0; i < 256; i++) {
        literals->entry[i] = (uint32_t)codes[i] << 8 | lengths[i];
        literals->low[i] = (uint8_t)codes[i];
        literals->high[i] = (uint8_t)(codes[i] >> 8);
        literals->length[i] = lengths[i];
    }
}

/* Counts may come from a sample: what it does not hold still gets a code. The
 * rarest symbols are raised to what the longest code stands for, because
 * ecam_deflate_lengths keeps to its limit at the cost of others. */
static void set_weights(const ecam_deflate_counts *counts, size_t n, uint32_t *weights)
{
    uint64_t total = 0;

    for (size_t i = 0; i < n; i++)
        total += counts->n[i];
    uint64_t least = total >> (ECAM_LITERAL_BITS - 2) | 1;
    for (size_t i = 0; i < n; i++) {
        uint64_t weight = 4 * (uint64_t)counts->n[i] + 1;
        weight = weight < least ? least : weight;
        weights[i] = weight < UINT32_MAX ? (uint32_t)weight : UINT32_MAX;
    }
}

static uint64_t count_bits(const ecam_deflate_counts *counts, size_t n, const uint8_t *lengths)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned further = i > ECAM_DEFLATE_END ? classes[i - 257].extra + 1u : 0;
        bits += (uint64_t)counts->n[i] * (lengths[i] + further);
    }
    return bits;
}

uint64_t ecam_deflate_plan(const ecam_deflate_counts *counts, ecam_deflate_code *code)
{
    uint32_t weights[ECAM_DEFLATE_SYMBOLS];
    uint16_t codes[ECAM_DEFLATE_SYMBOLS];

    code->runs = false;
    for (size_t i = ECAM_DEFLATE_END + 1; i < ECAM_DEFLATE_SYMBOLS; i++)
        code->runs = code->runs || counts->n[i] > 0;
    size_t n = code->runs ? ECAM_DEFLATE_SYMBOLS : ECAM_DEFLATE_END + 1;
    set_weights(counts, n, weights);
    ecam_deflate_lengths(weights, n, ECAM_LITERAL_BITS, code->lengths);
    ecam_deflate_codes(code->lengths, n, codes);
    plan_literals(&code->literals, code->lengths, codes);
    if (code->runs)
        plan_runs(code, codes);
    code->end = (uint32_t)codes[ECAM_DEFLATE_END] << 8 | code->lengths[ECAM_DEFLATE_END];
    return count_bits(counts, n, code->lengths);
}

void ecam_deflate_start(ecam_bits *bits, const ecam_deflate_code *code)
{
    ecam_deflate_put_header(bits, code->lengths,
                            code->runs ? ECAM_DEFLATE_SYMBOLS : ECAM_DEFLATE_END + 1);
}

static void put_entry(ecam_bits *bits, uint32_t entry)
{
    ecam_bits_put(bits, entry >> 8, entry & 255);
}

/* A match repeats the zero before it, which is a literal. */
void ecam_deflate_put(ecam_bits *bits, const ecam_deflate_code *code,
                      ecam_put_literals *put_literals, const uint8_t *bytes, size_t size)
{
    const uint8_t *at = bytes, *end = bytes + size, *stop;

    if (!code->runs) {
        put_literals(bits, &code->literals, bytes, size);
        return;
    }
    while (at < end) {
        const uint8_t *run = find_run(at, end, &stop);
        put_literals(bits, &code->literals, at, (size_t)((run < end ? run + 1 : end) - at));
        size_t left = run < end ? (size_t)(stop - run) - 1 : 0;
        while (left > 0) {
            size_t length = next_match(left);
            put_entry(bits, code->run[length]);
            left -= length;
        }
        at = stop;
    }
}

void ecam_deflate_end(ecam_bits *bits, const ecam_deflate_code *code)
{
    put_entry(bits, code->end);
    ecam_bits_put(bits, 0, 3); /* stored, not final */
    if (bits->n > 0)
        ecam_bits_put(bits, 0, 8 - bits->n);
    ecam_bits_put(bits, 0xffff0000u, 32);
}
