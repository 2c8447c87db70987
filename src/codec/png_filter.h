/* PNG's Paeth filter. */
#ifndef ECAM_CODEC_PNG_FILTER_H
#define ECAM_CODEC_PNG_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include "codec/png.h"

/* Rows of pixels in memory order. above: the row before the first, in the same
 * format, or NULL for zeros. */
typedef struct ecam_png_rows {
    const void *pixels;
    const void *above;
    size_t row_bytes;
    size_t n_rows;
    ecam_png_format format;
} ecam_png_rows;

/* Row y as it stands in the file: the filter's number, then row_bytes bytes. */
void ecam_png_filter_row(const ecam_png_rows *rows, size_t y, uint8_t *out);

#endif
