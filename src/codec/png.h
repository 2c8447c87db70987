/* PNG files in memory: the only user of libpng. */
#ifndef ECAM_CODEC_PNG_H
#define ECAM_CODEC_PNG_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "eigencam/status.h"

typedef enum ecam_png_format {
    ECAM_PNG_RGB8,  /* uint8 [h][w][3] */
    ECAM_PNG_GRAY16 /* uint16 [h][w], native byte order in memory */
} ecam_png_format;

/* A text chunk: `key` 1..79 bytes of printable ASCII; `value` UTF-8 (tEXt
 * where it is ASCII, else iTXt). A NULL value is skipped. */
typedef struct ecam_png_text {
    const char *key;
    const char *value;
} ecam_png_text;

/* Scratch memory of one thread; reused, so that a steady stream of equal sizes
 * allocates nothing but what libpng does itself. */
typedef struct ecam_png_encoder ecam_png_encoder;

ecam_status ecam_png_encoder_create(ecam_png_encoder **out);
void ecam_png_encoder_destroy(ecam_png_encoder **encoder);

/* Encode; replaces the contents of `out`. The same input gives the same bytes.
 * Errors: ECAM_EINVAL (size 0 or above 65535 a side, a bad text key, a value
 * that is not UTF-8), ECAM_ENOMEM. */
ecam_status ecam_png_encode(ecam_png_encoder *encoder, const void *pixels, size_t w, size_t h,
                            ecam_png_format format, const ecam_png_text *texts, size_t n_texts,
                            ecam_buffer *out, ecam_error *error);

/* Tall RGB pictures in bands, so that they can be encoded piece by piece, by
 * any thread, in any order, and never lie in memory whole.
 * ecam_png_band: one band's pixels to a piece of the file (replaces
 * the contents of piece->bytes). `above`: the row of pixels (3*w bytes) above the band,
 * NULL for the first band.
 * ecam_png_join: the pieces of all bands, in order, to a file; ECAM_EINVAL also
 * where they do not make up w x h pixels. */
typedef struct ecam_png_piece {
    ecam_buffer bytes;
    uint32_t adler;     /* of the filtered bytes */
    size_t raw_bytes;   /* their number */
} ecam_png_piece;

ecam_status ecam_png_band(ecam_png_encoder *encoder, const uint8_t *rgb, const uint8_t *above,
                          size_t w, size_t rows, ecam_png_piece *piece, ecam_error *error);
ecam_status ecam_png_join(const ecam_png_piece *pieces, size_t n_pieces, size_t w, size_t h,
                          const ecam_png_text *texts, size_t n_texts, ecam_buffer *out,
                          ecam_error *error);
void ecam_png_piece_finish(ecam_png_piece *piece);

/* A decoded picture: `format` as above; `pixels` is freed by
 * ecam_png_image_finish. Any colour type is brought to one of the two (16-bit
 * grey stays, all else becomes RGB). */
typedef struct ecam_png_image {
    size_t w, h;
    ecam_png_format format;
    void *pixels;
    ecam_png_text *texts; /* n_texts; keys and values owned */
    size_t n_texts;
} ecam_png_image;

/* Hostile input is expected. Errors: ECAM_EFORMAT, ECAM_ELIMIT (more than
 * max_pixels), ECAM_ENOMEM. */
ecam_status ecam_png_decode(const void *bytes, size_t size, size_t max_pixels,
                            ecam_png_image *out, ecam_error *error);
void ecam_png_image_finish(ecam_png_image *image);

#endif
