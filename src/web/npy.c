#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/png.h"
#include "web/pictures.h"

#define MAX_PIXELS ((size_t)1 << 28)
#define HEADER_BYTES 128 /* magic, version, length, dictionary: a multiple of 64 */

static void write_header(char *out, size_t h, size_t w)
{
    const unsigned length = HEADER_BYTES - 10;

    memset(out, ' ', HEADER_BYTES);
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = (char)(length & 0xff);
    out[9] = (char)(length >> 8);
    int n = snprintf(out + 10, length, "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %zu), }", h, w);
    out[10 + n] = ' ';
    out[HEADER_BYTES - 1] = '\n';
}

/* Little-endian, on any machine. */
static void write_float(uint8_t *out, float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(bits >> 8 * i);
}

static ecam_status write_npy(const ecam_png_image *image, double lo, double hi, void **out, size_t *size,
                             ecam_error *error)
{
    size_t n = image->w * image->h; /* at most MAX_PIXELS */
    const uint16_t *values = image->pixels;
    uint8_t *bytes = n <= MAX_PIXELS ? malloc(HEADER_BYTES + 4 * n) : NULL;

    if (!bytes)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a map of %zu x %zu", image->w, image->h);
    write_header((char *)bytes, image->h, image->w);
    for (size_t i = 0; i < n; i++)
        write_float(bytes + HEADER_BYTES + 4 * i, (float)(lo + (hi - lo) * values[i] / 65535));
    *size = HEADER_BYTES + 4 * n;
    *out = bytes;
    return ECAM_OK;
}

ecam_status ecam_pictures_npy(const void *png, size_t png_bytes, double lo, double hi, void **out, size_t *size,
                              ecam_error *error)
{
    ecam_png_image image;
    ecam_status st = ecam_png_decode(png, png_bytes, MAX_PIXELS, &image, error);

    *out = NULL;
    if (st != ECAM_OK)
        return st;
    if (image.format == ECAM_PNG_GRAY16)
        st = write_npy(&image, lo, hi, out, size, error);
    else
        st = ecam_fail(error, ECAM_EFORMAT, "the map is no 16-bit grey PNG");
    ecam_png_image_finish(&image);
    return st;
}
