#include "codec/png_filter.h"

#include <stdlib.h>

#define FILTER_PAETH 4

/* Byte i of a row as the file has it (16 bits are big-endian there); 0 outside
 * of the picture. */
static uint8_t byte_at(const ecam_png_rows *r, const uint8_t *row, size_t i)
{
    const uint16_t *wide = (const uint16_t *)(const void *)row;

    if (r->format == ECAM_PNG_RGB8)
        return row[i];
    return (uint8_t)(i % 2 ? wide[i / 2] : wide[i / 2] >> 8);
}

static uint8_t paeth(int a, int b, int c)
{
    int pa = abs(b - c), pb = abs(a - c), pc = abs(a + b - 2 * c);

    return (uint8_t)(pa <= pb && pa <= pc ? a : pb <= pc ? b : c);
}

void ecam_png_filter_row(const ecam_png_rows *r, size_t y, uint8_t *out)
{
    const uint8_t *row = (const uint8_t *)r->pixels + y * r->row_bytes;
    const uint8_t *up = y > 0 ? row - r->row_bytes : r->above;
    size_t step = r->format == ECAM_PNG_RGB8 ? 3 : 2;

    *out++ = FILTER_PAETH;
    for (size_t i = 0; i < r->row_bytes; i++) {
        int a = i < step ? 0 : byte_at(r, row, i - step);
        int b = up ? byte_at(r, up, i) : 0;
        int c = up && i >= step ? byte_at(r, up, i - step) : 0;
        out[i] = (uint8_t)(byte_at(r, row, i) - paeth(a, b, c));
    }
}
