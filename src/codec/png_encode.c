#include "codec/png.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>
#include <zlib.h>

#include "codec/deflate_block.h"
#include "codec/png_filter.h"
#include "codec/png_write.h"

/* Filtered rows are coded in blocks that stay in the nearest cache. */
#define BLOCK_BYTES ((size_t)12 << 10)

/* Of so many rows one is counted, for the code of them all. */
#define SAMPLED_ROWS 8

/* Pictures that libdeflate codes better than we do: small ones, and those of
 * less than so many bits a byte, which are flat but for patterns that repeat.
 * These are its levels. */
#define SMALL_BYTES ((size_t)4 << 10)
#define SMALL_MATCHING 1
#define FLAT_BITS 1.2
#define FLAT_MATCHING 5

/* zero: a row above the first. swapped: two rows of 16-bit pixels in the
 * file's byte order, row y in half y % 2. */
struct ecam_png_encoder {
    ecam_png_filter *filter;
    ecam_put_literals *put_literals;
    ecam_deflate_code code;
    struct libdeflate_compressor *small_matcher, *flat_matcher;
    ecam_buffer filtered, zero, swapped;
    ecam_png_piece piece;
};

/* The rows to encode. above: the row before the first, NULL for zeros. */
typedef struct rows {
    const uint8_t *pixels, *above;
    size_t row_bytes, n;
    size_t step; /* bytes a pixel */
} rows;

/* A zlib stream begins with its header (window of 32 KB, fastest level) and
 * ends with the checksum. Pieces hold no final block. */
static const uint8_t zlib_head[2] = {0x78, 0x01};
static const uint8_t final_block[2] = {0x03, 0x00};

ecam_status ecam_png_encoder_create(ecam_png_encoder **out)
{
    ecam_put_literals *putters[ECAM_LITERALS_PUTTERS];
    ecam_png_filter *filters[ECAM_PNG_FILTERS];
    /* For the code's tables, which vectors load. */
    ecam_png_encoder *e = aligned_alloc(64, (sizeof *e + 63) / 64 * 64);

    *out = e;
    if (!e)
        return ECAM_ENOMEM;
    memset(e, 0, sizeof *e);
    e->filter = filters[ecam_png_filters(filters) - 1];
    e->put_literals = putters[ecam_literals_putters(putters) - 1];
    e->small_matcher = libdeflate_alloc_compressor(SMALL_MATCHING);
    e->flat_matcher = libdeflate_alloc_compressor(FLAT_MATCHING);
    if (!e->small_matcher || !e->flat_matcher)
        ecam_png_encoder_destroy(out);
    return *out ? ECAM_OK : ECAM_ENOMEM;
}

void ecam_png_encoder_destroy(ecam_png_encoder **encoder)
{
    ecam_png_encoder *e = *encoder;

    if (!e)
        return;
    if (e->small_matcher)
        libdeflate_free_compressor(e->small_matcher);
    if (e->flat_matcher)
        libdeflate_free_compressor(e->flat_matcher);
    ecam_buffer_finish(&e->filtered);
    ecam_buffer_finish(&e->zero);
    ecam_buffer_finish(&e->swapped);
    ecam_png_piece_finish(&e->piece);
    free(e);
    *encoder = NULL;
}

void ecam_png_piece_finish(ecam_png_piece *piece)
{
    ecam_buffer_finish(&piece->bytes);
    *piece = (ecam_png_piece){0};
}

static size_t block_rows(const rows *r)
{
    size_t n = BLOCK_BYTES / (r->row_bytes + 1);
    return n < 1 ? 1 : n;
}

static ecam_status make_room(ecam_png_encoder *e, const rows *r)
{
    ecam_status st = ecam_buffer_reserve(&e->filtered, block_rows(r) * (r->row_bytes + 1));
    if (st == ECAM_OK)
        st = ecam_buffer_reserve(&e->zero, r->row_bytes);
    if (st == ECAM_OK && r->step == 2)
        st = ecam_buffer_reserve(&e->swapped, 2 * r->row_bytes);
    if (st == ECAM_OK)
        memset(e->zero.data, 0, r->row_bytes);
    return st;
}

/* Row y as the file has it: 16 bits are big-endian there. */
static const uint8_t *file_row(ecam_png_encoder *e, const rows *r, size_t y)
{
    const uint8_t *row = r->pixels + y * r->row_bytes;

    if (r->step != 2)
        return row;
    uint8_t *to = e->swapped.data + y % 2 * r->row_bytes;
    for (size_t i = 0; i < r->row_bytes; i += 2) {
        uint16_t v;
        memcpy(&v, row + i, 2);
        to[i] = (uint8_t)(v >> 8);
        to[i + 1] = (uint8_t)v;
    }
    return to;
}

/* Rows y.. of number n, each behind its filter's number; returns the bytes. */
static size_t filter_rows(ecam_png_encoder *e, const rows *r, size_t y, size_t n)
{
    const uint8_t *up = y > 0 ? file_row(e, r, y - 1) : r->above ? r->above : e->zero.data;
    uint8_t *out = e->filtered.data;

    for (size_t i = 0; i < n; i++) {
        const uint8_t *row = file_row(e, r, y + i);
        *out = ECAM_PNG_PAETH;
        e->filter(row, up, r->step, r->row_bytes, out + 1);
        out += r->row_bytes + 1;
        up = row;
    }
    return n * (r->row_bytes + 1);
}

/* Plan the code from one row of `every`; which one moves, so that a pattern in
 * the picture is not missed. Returns the bits that all rows should come to. */
static double plan(ecam_png_encoder *e, const rows *r, size_t every)
{
    ecam_deflate_counts counts = {{[ECAM_DEFLATE_END] = 1}};
    size_t sampled = 0;

    for (size_t y = 0; y < r->n; y += every) {
        size_t row = y + (y / every * 5 + every / 2) % every;
        size_t size = filter_rows(e, r, row < r->n ? row : r->n - 1, 1);
        ecam_deflate_count(&counts, e->filtered.data, size);
        sampled++;
    }
    return (double)ecam_deflate_plan(&counts, &e->code) * (double)r->n / (double)sampled;
}

/* Filter, sum and code all rows; about expected_bits come out. */
static ecam_status code_rows(ecam_png_encoder *e, const rows *r, double expected_bits,
                             ecam_png_piece *piece)
{
    ecam_buffer *out = &piece->bytes;
    size_t most = block_rows(r);
    ecam_bits bits = {0};

    ecam_buffer_clear(out);
    piece->adler = 1;
    piece->raw_bytes = 0;
    size_t room = ECAM_DEFLATE_ROOM(most * (r->row_bytes + 1)) + 2 * ECAM_DEFLATE_FRAME;
    ecam_status st = ecam_buffer_reserve(out, (size_t)(expected_bits / 7) + room);
    if (st != ECAM_OK)
        return st;
    bits.at = out->data;
    ecam_deflate_start(&bits, &e->code);
    for (size_t y = 0; y < r->n; y += most) {
        size_t size = filter_rows(e, r, y, r->n - y < most ? r->n - y : most);
        piece->adler = libdeflate_adler32(piece->adler, e->filtered.data, size);
        piece->raw_bytes += size;
        out->size = (size_t)(bits.at - out->data);
        st = ecam_buffer_reserve(out, room);
        if (st != ECAM_OK)
            return st;
        bits.at = out->data + out->size;
        ecam_deflate_put(&bits, &e->code, e->put_literals, e->filtered.data, size);
    }
    ecam_deflate_end(&bits, &e->code);
    out->size = (size_t)(bits.at - out->data);
    return ECAM_OK;
}

/* Where the sampled rows were not like the others, all are counted. */
static ecam_status code_well(ecam_png_encoder *e, const rows *r, double expected_bits,
                             ecam_png_piece *piece)
{
    ecam_status st = code_rows(e, r, expected_bits, piece);

    if (st == ECAM_OK &&
        (double)piece->bytes.size > 1.1 * expected_bits / 8 + ECAM_DEFLATE_FRAME)
        st = code_rows(e, r, plan(e, r, 1), piece);
    return st;
}

/* By libdeflate, as a whole stream: its last block is final. */
static ecam_status match_rows(ecam_png_encoder *e, struct libdeflate_compressor *matcher,
                              size_t size, ecam_png_piece *piece)
{
    size_t bound = libdeflate_deflate_compress_bound(matcher, size);

    ecam_buffer_clear(&piece->bytes);
    ecam_status st = ecam_buffer_reserve(&piece->bytes, bound);
    if (st != ECAM_OK)
        return st;
    piece->bytes.size = libdeflate_deflate_compress(matcher, e->filtered.data, size,
                                                    piece->bytes.data, piece->bytes.capacity);
    piece->adler = libdeflate_adler32(1, e->filtered.data, size);
    piece->raw_bytes = size;
    return ECAM_OK;
}

/* What is drawn rather than taken repeats itself more without a filter. */
static void copy_rows(ecam_png_encoder *e, const rows *r)
{
    uint8_t *out = e->filtered.data;

    for (size_t y = 0; y < r->n; y++, out += r->row_bytes + 1) {
        out[0] = ECAM_PNG_NONE;
        memcpy(out + 1, file_row(e, r, y), r->row_bytes);
    }
}

/* What the filtered rows would come to without matches. */
static uint64_t literal_bits(ecam_png_encoder *e, size_t size)
{
    ecam_deflate_counts counts = {{[ECAM_DEFLATE_END] = 1}};

    ecam_deflate_count(&counts, e->filtered.data, size);
    return ecam_deflate_plan(&counts, &e->code);
}

static ecam_status match_well(ecam_png_encoder *e, const rows *r, ecam_png_piece *piece)
{
    size_t size = r->n * (r->row_bytes + 1);
    ecam_status st = ecam_buffer_reserve(&e->filtered, size);

    if (st != ECAM_OK)
        return st;
    filter_rows(e, r, 0, r->n);
    if (size > SMALL_BYTES)
        return match_rows(e, e->flat_matcher, size, piece);
    uint64_t bits = literal_bits(e, size);
    copy_rows(e, r);
    if (bits < literal_bits(e, size))
        filter_rows(e, r, 0, r->n);
    return match_rows(e, e->small_matcher, size, piece);
}

static ecam_status no_memory(const rows *r, ecam_error *error)
{
    return ecam_fail(error, ECAM_ENOMEM, "no memory for %zu rows of %zu bytes", r->n,
                     r->row_bytes);
}

static ecam_status check_size(size_t w, size_t h, ecam_error *error)
{
    if (w == 0 || h == 0 || w > 65535 || h > 65535)
        return ecam_fail(error, ECAM_EINVAL,
                         "a picture of %zu x %zu pixels; each side must be 1..65535", w, h);
    return ECAM_OK;
}

/* A piece is made of finished chunks, so that joining copies and the checksums
 * are the bands' own work. The first one begins the stream. */
ecam_status ecam_png_band(ecam_png_encoder *encoder, const uint8_t *rgb, const uint8_t *above,
                          size_t w, size_t n_rows, ecam_png_piece *piece, ecam_error *error)
{
    const rows r = {rgb, above, 3 * w, n_rows, 3};
    ecam_png_piece *coded = &encoder->piece;
    ecam_status st = check_size(w, n_rows, error);

    if (st != ECAM_OK)
        return st;
    st = make_room(encoder, &r);
    if (st == ECAM_OK)
        st = code_well(encoder, &r, plan(encoder, &r, SAMPLED_ROWS), coded);
    if (st != ECAM_OK)
        return no_memory(&r, error);
    const ecam_png_stream stream = {.head = zlib_head, .head_bytes = above ? 0 : sizeof zlib_head,
                                    .body = &coded->bytes};
    piece->adler = coded->adler;
    piece->raw_bytes = coded->raw_bytes;
    return ecam_png_write_chunks(&stream, &piece->bytes, error);
}

/* The end of a stream: a final block where there is none yet, and the checksum.
 * Returns its bytes. */
static size_t make_tail(bool ended, uint32_t adler, uint8_t tail[6])
{
    size_t n = ended ? 0 : sizeof final_block;

    memcpy(tail, final_block, n);
    for (int shift = 24; shift >= 0; shift -= 8)
        tail[n++] = (uint8_t)(adler >> shift);
    return n;
}

ecam_status ecam_png_join(const ecam_png_piece *pieces, size_t n_pieces, size_t w, size_t h,
                          const ecam_png_text *texts, size_t n_texts, ecam_buffer *out,
                          ecam_error *error)
{
    const ecam_png_file file = {w, h, ECAM_PNG_RGB8, texts, n_texts};
    uint8_t tail[6];
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
    const ecam_png_stream stream = {.pieces = pieces, .n_pieces = n_pieces, .tail = tail,
                                    .tail_bytes = make_tail(false, (uint32_t)adler, tail)};
    return ecam_png_write(&file, &stream, out, error);
}

ecam_status ecam_png_encode(ecam_png_encoder *encoder, const void *pixels, size_t w, size_t h,
                            ecam_png_format format, const ecam_png_text *texts, size_t n_texts,
                            ecam_buffer *out, ecam_error *error)
{
    size_t step = format == ECAM_PNG_RGB8 ? 3 : 2;
    const rows r = {pixels, NULL, step * w, h, step};
    const ecam_png_file file = {w, h, format, texts, n_texts};
    ecam_png_piece *piece = &encoder->piece;
    uint8_t tail[6];

    ecam_status st = check_size(w, h, error);
    if (st != ECAM_OK)
        return st;
    size_t raw_bytes = h * (r.row_bytes + 1);
    bool match = raw_bytes <= SMALL_BYTES;
    double expected_bits = 0;
    st = make_room(encoder, &r);
    if (st == ECAM_OK && !match) {
        expected_bits = plan(encoder, &r, SAMPLED_ROWS);
        match = expected_bits < FLAT_BITS * (double)raw_bytes;
    }
    if (st == ECAM_OK)
        st = match ? match_well(encoder, &r, piece)
                   : code_well(encoder, &r, expected_bits, piece);
    if (st != ECAM_OK)
        return no_memory(&r, error);
    const ecam_png_stream stream = {.head = zlib_head, .head_bytes = sizeof zlib_head,
                                    .body = &piece->bytes, .tail = tail,
                                    .tail_bytes = make_tail(match, piece->adler, tail)};
    return ecam_png_write(&file, &stream, out, error);
}
