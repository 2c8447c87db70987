#include "codec/png.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>
#include <zlib.h>

#include "codec/png_filter.h"
#include "codec/png_write.h"

struct ecam_png_encoder {
    ecam_buffer filtered;
    ecam_png_piece piece;
};

/* A zlib stream begins with its header (window of 32 KB, fastest level), and
 * ours ends with an empty final block and the checksum. */
static const uint8_t zlib_head[2] = {0x78, 0x01};

ecam_status ecam_png_encoder_create(ecam_png_encoder **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? ECAM_OK : ECAM_ENOMEM;
}

void ecam_png_encoder_destroy(ecam_png_encoder **encoder)
{
    ecam_png_encoder *e = *encoder;

    if (!e)
        return;
    ecam_buffer_finish(&e->filtered);
    ecam_png_piece_finish(&e->piece);
    free(e);
    *encoder = NULL;
}

void ecam_png_piece_finish(ecam_png_piece *piece)
{
    ecam_buffer_finish(&piece->bytes);
    *piece = (ecam_png_piece){0};
}

/* Non-final blocks that end on a byte (an empty stored block does that). */
static ecam_status deflate_piece(const uint8_t *raw, size_t size, ecam_buffer *out)
{
    z_stream z = {0};

    if (deflateInit2(&z, 3, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        return ECAM_ENOMEM;
    ecam_buffer_clear(out);
    ecam_status st = ecam_buffer_reserve(out, deflateBound(&z, size) + 16);
    if (st == ECAM_OK) {
        z.next_in = (Bytef *)(uintptr_t)raw;
        z.avail_in = (uInt)size;
        z.next_out = out->data;
        z.avail_out = (uInt)out->capacity;
        deflate(&z, Z_SYNC_FLUSH);
        out->size = (size_t)(z.next_out - out->data);
    }
    deflateEnd(&z);
    return st;
}

static ecam_status make_piece(ecam_png_encoder *e, const ecam_png_rows *rows,
                              ecam_png_piece *piece, ecam_error *error)
{
    size_t stride = rows->row_bytes + 1;

    ecam_buffer_clear(&e->filtered);
    if (stride > SIZE_MAX / 2 / rows->n_rows ||
        ecam_buffer_reserve(&e->filtered, stride * rows->n_rows) != ECAM_OK)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for %zu rows of %zu bytes", rows->n_rows,
                         stride);
    for (size_t y = 0; y < rows->n_rows; y++)
        ecam_png_filter_row(rows, y, e->filtered.data + y * stride);
    piece->raw_bytes = stride * rows->n_rows;
    piece->adler = libdeflate_adler32(1, e->filtered.data, piece->raw_bytes);
    if (deflate_piece(e->filtered.data, piece->raw_bytes, &piece->bytes) != ECAM_OK)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for %zu rows of %zu bytes", rows->n_rows,
                         stride);
    return ECAM_OK;
}

static ecam_status check_size(size_t w, size_t h, ecam_error *error)
{
    if (w == 0 || h == 0 || w > 65535 || h > 65535)
        return ecam_fail(error, ECAM_EINVAL,
                         "a picture of %zu x %zu pixels; each side must be 1..65535", w, h);
    return ECAM_OK;
}

ecam_status ecam_png_band(ecam_png_encoder *encoder, const uint8_t *rgb, const uint8_t *above,
                          size_t w, size_t n_rows, ecam_png_piece *piece, ecam_error *error)
{
    ecam_png_rows rows = {.pixels = rgb, .above = above, .row_bytes = 3 * w, .n_rows = n_rows,
                          .format = ECAM_PNG_RGB8};
    ecam_status st = check_size(w, n_rows, error);

    return st == ECAM_OK ? make_piece(encoder, &rows, piece, error) : st;
}

ecam_status ecam_png_join(const ecam_png_piece *pieces, size_t n_pieces, size_t w, size_t h,
                          const ecam_png_text *texts, size_t n_texts, ecam_buffer *out,
                          ecam_error *error)
{
    ecam_png_file file = {w, h, ECAM_PNG_RGB8, texts, n_texts};
    uint8_t tail[6] = {0x03, 0x00}; /* an empty final block */
    uLong adler = 1;
    size_t raw_bytes = 0;

    for (size_t i = 0; i < n_pieces; i++) {
        adler = adler32_combine(adler, pieces[i].adler, (z_off_t)pieces[i].raw_bytes);
        raw_bytes += pieces[i].raw_bytes;
    }
    if (raw_bytes != h * (3 * w + 1))
        return ecam_fail(error, ECAM_EINVAL,
                         "bands of %zu bytes in all for a picture of %zu x %zu pixels", raw_bytes,
                         w, h);
    for (int i = 0; i < 4; i++)
        tail[2 + i] = (uint8_t)(adler >> (24 - 8 * i));
    ecam_png_stream stream = {zlib_head, tail, sizeof zlib_head, sizeof tail, pieces, n_pieces};
    return ecam_png_write(&file, &stream, out, error);
}

ecam_status ecam_png_encode(ecam_png_encoder *encoder, const void *pixels, size_t w, size_t h,
                            ecam_png_format format, const ecam_png_text *texts, size_t n_texts,
                            ecam_buffer *out, ecam_error *error)
{
    ecam_png_rows rows = {.pixels = pixels, .row_bytes = w * (format == ECAM_PNG_RGB8 ? 3 : 2),
                          .n_rows = h, .format = format};
    ecam_png_file file = {w, h, format, texts, n_texts};
    uint8_t tail[6] = {0x03, 0x00};

    ecam_status st = check_size(w, h, error);
    if (st == ECAM_OK)
        st = make_piece(encoder, &rows, &encoder->piece, error);
    if (st != ECAM_OK)
        return st;
    for (int i = 0; i < 4; i++)
        tail[2 + i] = (uint8_t)(encoder->piece.adler >> (24 - 8 * i));
    ecam_png_stream stream = {zlib_head, tail, sizeof zlib_head, sizeof tail, &encoder->piece, 1};
    return ecam_png_write(&file, &stream, out, error);
}
