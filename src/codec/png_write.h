/* The structure of a PNG file around a finished zlib stream, by libpng. */
#ifndef ECAM_CODEC_PNG_WRITE_H
#define ECAM_CODEC_PNG_WRITE_H

#include "codec/png.h"

/* The zlib stream is head, then all pieces, then tail. Each piece becomes an
 * IDAT (several where it is larger than a chunk may be); the first one begins
 * with head, the last one ends with tail. */
typedef struct ecam_png_stream {
    const uint8_t *head, *tail;
    size_t head_bytes, tail_bytes;
    const ecam_png_piece *pieces;
    size_t n_pieces;
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

#endif
