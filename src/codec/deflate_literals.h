/* Emitting literals: the innermost loop of the PNG encoder. */
#ifndef ECAM_CODEC_DEFLATE_LITERALS_H
#define ECAM_CODEC_DEFLATE_LITERALS_H

#include "codec/deflate_code.h"

/* Longest code of a literal: four of them and the 7 bits that may wait fit into
 * 64. Shorter ones cost photos 1 % a bit. */
#define ECAM_LITERAL_BITS 14

/* entry: code << 8 | length. The rest is the same for looking up by vectors:
 * the code's lower 8 bits, its upper ones, and the length. */
typedef struct ecam_literal_code {
    uint32_t entry[256];
    uint8_t low[256] __attribute__((aligned(64)));
    uint8_t high[256] __attribute__((aligned(64)));
    uint8_t length[256] __attribute__((aligned(64)));
} ecam_literal_code;

/* Append the codes of n bytes. Writes at most n * 1.75 + 8 bytes from
 * bits->at. */
typedef void ecam_put_literals(ecam_bits *bits, const ecam_literal_code *code,
                               const uint8_t *bytes, size_t n);

/* Those that this machine can run, all with the same result; the plain one is
 * the first, the fastest the last. Returns their number. */
#define ECAM_LITERALS_PUTTERS 3
size_t ecam_literals_putters(ecam_put_literals *list[ECAM_LITERALS_PUTTERS]);

#endif
