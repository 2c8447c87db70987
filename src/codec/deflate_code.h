/* Huffman codes as deflate (RFC 1951) has them, and bits in deflate's order. */
#ifndef ECAM_CODEC_DEFLATE_CODE_H
#define ECAM_CODEC_DEFLATE_CODE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ECAM_DEFLATE_SYMBOLS 286
#define ECAM_DEFLATE_END 256 /* the symbol that ends a block */

/* The shortest prefix code for the given counts in which no code is longer
 * than `limit` bits: lengths[i] is 0 where counts[i] is 0.
 * n: 1..ECAM_DEFLATE_SYMBOLS, at most 2^limit; limit: 1..15. */
void ecam_deflate_lengths(const uint32_t *counts, size_t n, unsigned limit, uint8_t *lengths);

/* The canonical codes for lengths, first bit lowest. */
void ecam_deflate_codes(const uint8_t *lengths, size_t n, uint16_t *codes);

/* A run of bits on its way into memory: at most 7 are held between calls. The
 * caller sees to it that 8 bytes may be written beyond `at`. */
typedef struct ecam_bits {
    uint8_t *at;
    uint64_t held;
    unsigned n;
} ecam_bits;

static inline void ecam_store64(uint8_t *to, uint64_t value)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    memcpy(to, &value, 8);
}

/* n: at most 56; the bits above n must be 0. */
static inline void ecam_bits_put(ecam_bits *b, uint64_t value, unsigned n)
{
    b->held |= value << b->n;
    b->n += n;
    ecam_store64(b->at, b->held);
    b->at += b->n >> 3;
    b->held >>= b->n & 56;
    b->n &= 7;
}

/* The start of a block with a code of its own for 257..286 literals and
 * lengths. The distance code has two entries, of which the first, distance 1,
 * is the single bit 0. Writes at most 400 bytes. */
void ecam_deflate_put_header(ecam_bits *bits, const uint8_t *lengths, size_t n);

#endif
