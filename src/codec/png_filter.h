/* PNG's Paeth filter (PNG specification, 9.4). */
#ifndef ECAM_CODEC_PNG_FILTER_H
#define ECAM_CODEC_PNG_FILTER_H

#include <stddef.h>
#include <stdint.h>

/* The number that stands before each row: unfiltered, or by Paeth. */
enum { ECAM_PNG_NONE = 0, ECAM_PNG_PAETH = 4 };

/* out[i] = row[i] - paeth(row[i - step], up[i], up[i - step]) for n bytes;
 * bytes before the row count as 0. step: bytes a pixel, 1..n. `out` overlaps
 * neither row. */
typedef void ecam_png_filter(const uint8_t *row, const uint8_t *up, size_t step, size_t n,
                             uint8_t *out);

/* Those that this machine can run, all with the same result; the plain one is
 * the first, the fastest the last. Returns their number. */
#define ECAM_PNG_FILTERS 3
size_t ecam_png_filters(ecam_png_filter *list[ECAM_PNG_FILTERS]);

#endif
