/* ecam_png_decode on any bytes; and pictures that the bytes describe, encoded
 * whole and in bands: what comes out must decode to what went in. */
#include "fuzz_target.h"

#include <stdbool.h>
#include <string.h>

#include "codec/png.h"

#define MAX_PIXELS ((size_t)1 << 20)

/* The first bytes: size, format, texture, rows of a band; the rest fills the
 * picture. */
typedef struct spec {
    size_t w, h;
    ecam_png_format format;
    unsigned texture;
    size_t band;
    const uint8_t *fill;
    size_t n_fill;
} spec;

static bool read_spec(const uint8_t *data, size_t size, spec *s)
{
    if (size < 7)
        return false;
    *s = (spec){.w = 1 + (data[0] | (data[1] & 3u) << 8), .h = 1 + data[2] % 80u,
                .format = data[3] & 1 ? ECAM_PNG_GRAY16 : ECAM_PNG_RGB8,
                .texture = data[4] % 4u, .band = 1 + data[5] % 40u,
                .fill = data + 6, .n_fill = size - 6};
    return true;
}

/* Repeated; held for some bytes; with noise of few bits; a frame of one value. */
static uint8_t texel(const spec *s, size_t y, size_t i, size_t row_bytes, uint32_t *noise)
{
    uint8_t value = s->fill[(y * row_bytes + i) % s->n_fill];

    *noise = *noise * 1664525u + 1013904223u;
    switch (s->texture) {
    case 1: return s->fill[(y / 4 * row_bytes + i) / 16 % s->n_fill];
    case 2: return (uint8_t)(i / 3 + y + (*noise >> 24) % (1u + value % 16u));
    case 3: return i < row_bytes / 3 || y % 16 < 3 ? 255 : value;
    default: return value;
    }
}

static void check_decodes(const spec *s, const ecam_buffer *file, const uint8_t *pixels,
                          size_t size)
{
    ecam_png_image image;

    FUZZ_CHECK(ecam_png_decode(file->data, file->size, MAX_PIXELS, &image, NULL) == ECAM_OK);
    FUZZ_CHECK(image.w == s->w && image.h == s->h && image.format == s->format);
    FUZZ_CHECK(memcmp(image.pixels, pixels, size) == 0);
    ecam_png_image_finish(&image);
}

static void check_bands(const spec *s, ecam_png_encoder *encoder, const uint8_t *pixels,
                        ecam_buffer *file)
{
    ecam_png_piece pieces[80] = {0};
    size_t row = s->w * 3, n = 0;

    for (size_t y = 0; y < s->h; y += s->band, n++) {
        size_t rows = s->h - y < s->band ? s->h - y : s->band;
        const uint8_t *at = pixels + y * row;
        FUZZ_CHECK(ecam_png_band(encoder, at, y ? at - row : NULL, s->w, rows, &pieces[n],
                                 NULL) == ECAM_OK);
    }
    FUZZ_CHECK(ecam_png_join(pieces, n, s->w, s->h, NULL, 0, file, NULL) == ECAM_OK);
    check_decodes(s, file, pixels, s->h * row);
    while (n-- > 0)
        ecam_png_piece_finish(&pieces[n]);
}

static void encode(const spec *s)
{
    size_t row = s->w * (s->format == ECAM_PNG_RGB8 ? 3 : 2);
    uint8_t *pixels = malloc(s->h * row);
    ecam_png_encoder *encoder = NULL;
    ecam_buffer file = {0};
    uint32_t noise = 1;

    FUZZ_CHECK(pixels && ecam_png_encoder_create(&encoder) == ECAM_OK);
    for (size_t y = 0; y < s->h; y++)
        for (size_t i = 0; i < row; i++)
            pixels[y * row + i] = texel(s, y, i, row, &noise);
    FUZZ_CHECK(ecam_png_encode(encoder, pixels, s->w, s->h, s->format, NULL, 0, &file, NULL) ==
               ECAM_OK);
    check_decodes(s, &file, pixels, s->h * row);
    if (s->format == ECAM_PNG_RGB8)
        check_bands(s, encoder, pixels, &file);
    ecam_png_encoder_destroy(&encoder);
    ecam_buffer_finish(&file);
    free(pixels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ecam_png_image image;
    spec s;

    if (ecam_png_decode(data, size, MAX_PIXELS, &image, NULL) == ECAM_OK) {
        FUZZ_CHECK(image.w > 0 && image.h > 0 && image.w * image.h <= MAX_PIXELS);
        ecam_png_image_finish(&image);
    }
    if (read_spec(data, size, &s))
        encode(&s);
    return 0;
}
