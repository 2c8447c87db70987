/* The structure of a PNG file around a finished zlib stream, by libpng. */
#ifndef ECAM_CODEC_PNG_WRITE_H
#define ECAM_CODEC_PNG_WRITE_H

#include "codec/png.h"

/* A zlib stream, or a part of one: the pieces, which are chunks already, then
 * an IDAT of head, body and tail (several where the body is larger than a chunk
 * may be). Any of them may be empty; body: NULL where there is none. */
typedef struct ecam_png_stream {
    const ecam_png_piece *pieces;
    size_t n_pieces;
    const uint8_t *head, *tail;
    size_t head_bytes, tail_bytes;
    const ecam_buffer *body;
} ecam_png_stream;

typedef struct ecam_png_file {
    size_t w, h;
    ecam_png_format format;
    const ecam_png_text *texts;
    size_t n_texts;
} ecam_png_file;

/* Replaces the contents of `out`.
 * Errors: ECAM_EINVAL (size, key or value), ECAM_ENOMEM. */
ecam_status ecam_png_write(const ecam_png_file *file, const ecam_png_stream *stream,
                           ecam_buffer *out, ecam_error *error);

/* The chunks of a stream alone, without a file around them: a piece.
 * Errors: ECAM_ENOMEM. */
ecam_status ecam_png_write_chunks(const ecam_png_stream *stream, ecam_buffer *out,
                                  ecam_error *error);

#endif
