/* Pictures of every character for the encoder's tests. */
#ifndef TESTS_UNIT_CODEC_PICTURES_H
#define TESTS_UNIT_CODEC_PICTURES_H

#include <stddef.h>
#include <stdint.h>

typedef enum picture_kind {
    PICTURE_ZERO,     /* all bytes 0 */
    PICTURE_WHITE,    /* all bytes 255 */
    PICTURE_GRADIENT, /* smooth in both directions */
    PICTURE_NOISE,    /* incompressible */
    PICTURE_PHOTO,    /* smooth with small noise */
    PICTURE_BLOCKS,   /* few colours in squares of 4, like an enlarged digit */
    PICTURE_SHEET,    /* photo in a white frame */
    PICTURE_STRIPES,  /* every eighth row is noise, the rest is flat */
    PICTURE_RARE,     /* flat but for a few far values */
    PICTURE_KINDS
} picture_kind;

/* xorshift32; *state must not be 0. */
static inline uint32_t picture_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static inline uint8_t picture_byte(picture_kind kind, size_t y, size_t i, size_t row_bytes,
                                   uint32_t *state)
{
    uint32_t noise = picture_random(state);
    size_t x = i / 3;

    switch (kind) {
    case PICTURE_WHITE: return 255;
    case PICTURE_GRADIENT: return (uint8_t)(x * 2 + y + i % 3 * 40);
    case PICTURE_NOISE: return (uint8_t)(noise >> 9);
    case PICTURE_PHOTO:
        return (uint8_t)(128 + x / 2 - y / 3 + (noise >> 9) % 7 + (noise >> 17) % 5);
    case PICTURE_BLOCKS: return (uint8_t)((x / 4 * 7 + y / 4 * 13) % 5 * 60);
    case PICTURE_SHEET:
        return i < row_bytes / 4 || y % 64 < 12 ? 255 : (uint8_t)(x + y + (noise >> 9) % 13);
    case PICTURE_STRIPES: return y % 8 == 3 ? (uint8_t)(noise >> 9) : 40;
    case PICTURE_RARE: return (noise >> 9) % 97 == 0 ? (uint8_t)(noise >> 17) : 200;
    default: return 0;
    }
}

/* Fill h rows of row_bytes. */
static inline void picture_fill(picture_kind kind, size_t row_bytes, size_t h, uint8_t *out)
{
    uint32_t state = 2463534242u + (uint32_t)kind;

    for (size_t y = 0; y < h; y++)
        for (size_t i = 0; i < row_bytes; i++)
            out[y * row_bytes + i] = picture_byte(kind, y, i, row_bytes, &state);
}

#endif
