/* A deflate block for filtered pixels: literals, and runs of zeros as matches
 * of distance 1. Looking for other matches gains nothing on photos, and costs
 * ten times as much. */
#ifndef ECAM_CODEC_DEFLATE_BLOCK_H
#define ECAM_CODEC_DEFLATE_BLOCK_H

#include <stdbool.h>

#include "codec/deflate_literals.h"

/* How often each symbol comes. */
typedef struct ecam_deflate_counts {
    uint32_t n[ECAM_DEFLATE_SYMBOLS];
} ecam_deflate_counts;

/* Add what `size` bytes, coded in one call of ecam_deflate_put, come to. */
void ecam_deflate_count(ecam_deflate_counts *counts, const uint8_t *bytes, size_t size);

/* A code in which every literal has its place, counted or not.
 * runs: whether runs of zeros were counted; without, they become literals.
 * run[n]: code << 8 | length of a match of n bytes, 3..258. */
typedef struct ecam_deflate_code {
    ecam_literal_code literals;
    uint32_t run[259];
    uint32_t end;
    uint8_t lengths[ECAM_DEFLATE_SYMBOLS];
    bool runs;
} ecam_deflate_code;

/* Returns the bits of what was counted. */
uint64_t ecam_deflate_plan(const ecam_deflate_counts *counts, ecam_deflate_code *code);

/* How much room the functions below may use: behind bits->at for `size` bytes. */
#define ECAM_DEFLATE_ROOM(size) (2 * (size) + 64)
#define ECAM_DEFLATE_FRAME 512 /* start and end of a block together */

void ecam_deflate_start(ecam_bits *bits, const ecam_deflate_code *code);
void ecam_deflate_put(ecam_bits *bits, const ecam_deflate_code *code,
                      ecam_put_literals *put_literals, const uint8_t *bytes, size_t size);

/* End the block, and bring the stream to a whole byte by an empty stored one.
 * Neither is final. */
void ecam_deflate_end(ecam_bits *bits, const ecam_deflate_code *code);

#endif
