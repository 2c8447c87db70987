#include "codec/deflate_code.h"

#include <stdbool.h>

#define MAX_BITS 15

typedef struct leaf {
    uint32_t count;
    uint16_t symbol;
} leaf;

/* Stable, by ascending count: one pass for each byte that the largest has. */
static leaf *sort_leaves(leaf *from, leaf *to, size_t n, uint32_t largest)
{
    for (unsigned shift = 0; shift < 32 && largest >> shift != 0; shift += 8) {
        uint16_t starts[257] = {0};
        for (size_t i = 0; i < n; i++)
            starts[(from[i].count >> shift & 255) + 1]++;
        for (size_t i = 1; i < 257; i++)
            starts[i] = (uint16_t)(starts[i] + starts[i - 1]);
        for (size_t i = 0; i < n; i++)
            to[starts[from[i].count >> shift & 255]++] = from[i];
        leaf *sorted = to;
        to = from;
        from = sorted;
    }
    return from;
}

/* Huffman's algorithm on sorted leaves: the next smallest is the first of the
 * leaves or of the inner nodes, which arise in ascending order. depths[d]
 * becomes the number of leaves at depth d, all below `limit` counted there. */
static void count_depths(const leaf *leaves, size_t n, unsigned limit, unsigned *depths)
{
    uint64_t weight[ECAM_DEFLATE_SYMBOLS];
    uint16_t parent[2 * ECAM_DEFLATE_SYMBOLS]; /* leaves first, then inner nodes */
    uint8_t depth[ECAM_DEFLATE_SYMBOLS];
    size_t next_leaf = 0, next_inner = 0;

    for (size_t made = 0; made < n - 1; made++) {
        weight[made] = 0;
        for (int child = 0; child < 2; child++) {
            bool inner = next_leaf == n || (next_inner < made &&
                                            weight[next_inner] < leaves[next_leaf].count);
            weight[made] += inner ? weight[next_inner] : leaves[next_leaf].count;
            parent[inner ? n + next_inner++ : next_leaf++] = (uint16_t)made;
        }
    }
    depth[n - 2] = 0;
    for (size_t i = n - 2; i-- > 0;)
        depth[i] = (uint8_t)(depth[parent[n + i]] + 1);
    for (size_t i = 0; i < n; i++) {
        unsigned d = depth[parent[i]] + 1u;
        depths[d < limit ? d : limit]++;
    }
}

/* Leaves that were raised to the limit take more than there is: each step
 * hangs one of them beside the deepest leaf above it. */
static void pay_for_limit(unsigned *depths, unsigned limit)
{
    uint32_t taken = 0;

    for (unsigned d = 1; d <= limit; d++)
        taken += (uint32_t)depths[d] << (limit - d);
    for (; taken > 1u << limit; taken--) {
        unsigned d = limit - 1;
        while (depths[d] == 0)
            d--;
        depths[d]--;
        depths[d + 1] += 2;
        depths[limit]--;
    }
}

void ecam_deflate_lengths(const uint32_t *counts, size_t n, unsigned limit, uint8_t *lengths)
{
    leaf space[2][ECAM_DEFLATE_SYMBOLS];
    unsigned depths[MAX_BITS + 1] = {0};
    uint32_t largest = 0;
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        lengths[i] = 0;
        if (counts[i] != 0)
            space[0][used++] = (leaf){counts[i], (uint16_t)i};
        largest = counts[i] > largest ? counts[i] : largest;
    }
    if (used < 2) {
        for (size_t i = 0; i < used; i++)
            lengths[space[0][i].symbol] = 1;
        return;
    }
    const leaf *leaves = sort_leaves(space[0], space[1], used, largest);
    count_depths(leaves, used, limit, depths);
    pay_for_limit(depths, limit);
    for (unsigned d = limit; d > 0; d--)
        for (unsigned i = 0; i < depths[d]; i++)
            lengths[(leaves++)->symbol] = (uint8_t)d;
}

static uint16_t reversed(unsigned code, unsigned n)
{
    code = (code & 0x5555) << 1 | (code >> 1 & 0x5555);
    code = (code & 0x3333) << 2 | (code >> 2 & 0x3333);
    code = (code & 0x0f0f) << 4 | (code >> 4 & 0x0f0f);
    code = (code & 0x00ff) << 8 | (code >> 8 & 0x00ff);
    return (uint16_t)(code >> (16 - n));
}

void ecam_deflate_codes(const uint8_t *lengths, size_t n, uint16_t *codes)
{
    uint16_t next[MAX_BITS + 2] = {0};

    for (size_t i = 0; i < n; i++)
        next[lengths[i] + 1]++;
    next[1] = 0; /* symbols of no length are not there */
    for (unsigned d = 2; d <= MAX_BITS; d++)
        next[d] = (uint16_t)((next[d - 1] + next[d]) << 1);
    for (size_t i = 0; i < n; i++)
        codes[i] = lengths[i] ? reversed(next[lengths[i]]++, lengths[i]) : 0;
}

/* Lengths as the block's header has them: 0..15 as they are, runs as 16 (the
 * last one again, 3 to 6 times), 17 (3 to 10 zeros), 18 (11 to 138 zeros). */
typedef struct packed {
    uint8_t symbol, extra;
} packed;

static size_t pack_run(uint8_t length, size_t run, packed *out)
{
    size_t n = 0;

    while (length == 0 && run >= 3) {
        size_t part = run < 138 ? run : 138;
        out[n++] = part < 11 ? (packed){17, (uint8_t)(part - 3)}
                             : (packed){18, (uint8_t)(part - 11)};
        run -= part;
    }
    if (run > 0) {
        out[n++] = (packed){length, 0};
        run--;
    }
    while (run >= 3) {
        size_t part = run < 6 ? run : 6;
        out[n++] = (packed){16, (uint8_t)(part - 3)};
        run -= part;
    }
    while (run-- > 0)
        out[n++] = (packed){length, 0};
    return n;
}

static size_t pack_lengths(const uint8_t *lengths, size_t n, packed *out)
{
    size_t n_packed = 0;

    for (size_t i = 0; i < n;) {
        size_t run = 1;
        while (i + run < n && lengths[i + run] == lengths[i])
            run++;
        n_packed += pack_run(lengths[i], run, out + n_packed);
        i += run;
    }
    return n_packed;
}

void ecam_deflate_put_header(ecam_bits *bits, const uint8_t *lengths, size_t n)
{
    static const uint8_t order[19] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                      11, 4,  12, 3, 13, 2, 14, 1, 15};
    static const uint8_t extra_bits[19] = {[16] = 2, [17] = 3, [18] = 7};
    uint8_t all[ECAM_DEFLATE_SYMBOLS + 2], own[19];
    packed list[ECAM_DEFLATE_SYMBOLS + 2];
    uint32_t counts[19] = {0};
    uint16_t codes[19];
    size_t sent = 19;

    memcpy(all, lengths, n);
    all[n] = all[n + 1] = 1; /* the distance code */
    size_t n_packed = pack_lengths(all, n + 2, list);
    for (size_t i = 0; i < n_packed; i++)
        counts[list[i].symbol]++;
    ecam_deflate_lengths(counts, 19, 7, own);
    ecam_deflate_codes(own, 19, codes);
    while (sent > 4 && own[order[sent - 1]] == 0)
        sent--;

    ecam_bits_put(bits, 2 << 1, 3); /* not final, own codes */
    ecam_bits_put(bits, n - 257, 5);
    ecam_bits_put(bits, 2 - 1, 5);
    ecam_bits_put(bits, sent - 4, 4);
    for (size_t i = 0; i < sent; i++)
        ecam_bits_put(bits, own[order[i]], 3);
    for (size_t i = 0; i < n_packed; i++) {
        uint8_t s = list[i].symbol;
        ecam_bits_put(bits, codes[s] | (uint64_t)list[i].extra << own[s], own[s] + extra_bits[s]);
    }
}
