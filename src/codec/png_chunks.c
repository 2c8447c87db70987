#include "codec/png_chunks.h"

#include <libdeflate.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SIGNATURE_BYTES 8
#define AROUND_BYTES 12 /* length, type and checksum of a chunk */
#define IHDR_BYTES 13
#define MAX_CHUNK_BYTES 0x7fffffffu

typedef struct chunk {
    const uint8_t *at; /* of the length */
    size_t size;       /* of all of it */
} chunk;

static uint32_t read_be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool is_type(const chunk *c, const char *type)
{
    return memcmp(c->at + 4, type, 4) == 0;
}

/* The chunk at `offset`; false where it reaches beyond the end. */
static bool read_chunk(const uint8_t *png, size_t size, size_t offset, chunk *out)
{
    if (size - offset < AROUND_BYTES)
        return false;
    uint32_t length = read_be32(png + offset);
    if (length > MAX_CHUNK_BYTES || length > size - offset - AROUND_BYTES)
        return false;
    *out = (chunk){png + offset, length + AROUND_BYTES};
    return true;
}

static bool is_intact(const chunk *c)
{
    size_t length = c->size - AROUND_BYTES;
    return libdeflate_crc32(0, c->at + 4, length + 4) == read_be32(c->at + 8 + length);
}

/* What is wrong, or NULL. */
static const char *find_fault(const uint8_t *png, size_t size)
{
    static const uint8_t signature[SIGNATURE_BYTES] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    size_t at = sizeof signature;
    bool pixels = false;
    chunk c;

    if (size < sizeof signature || memcmp(png, signature, sizeof signature) != 0)
        return "it has no signature";
    for (bool first = true;; first = false) {
        if (!read_chunk(png, size, at, &c))
            return "it is cut short";
        if (!is_intact(&c))
            return "a checksum is wrong";
        if (first && (!is_type(&c, "IHDR") || c.size != IHDR_BYTES + AROUND_BYTES))
            return "it does not begin with its header";
        at += c.size;
        pixels |= is_type(&c, "IDAT");
        if (is_type(&c, "IEND"))
            return !pixels ? "it has no pixels" : at != size ? "bytes follow its end" : NULL;
    }
}

ecam_status ecam_png_check(const void *png, size_t size, ecam_error *error)
{
    const char *fault = find_fault(png, size);
    return fault ? ecam_fail(error, ECAM_EFORMAT, "no whole PNG: %s", fault) : ECAM_OK;
}

ecam_status ecam_png_strip(const void *png, size_t size, ecam_buffer *out)
{
    const uint8_t *bytes = png;
    chunk c;

    ecam_buffer_clear(out);
    ecam_status st = ecam_buffer_append(out, bytes, SIGNATURE_BYTES);
    for (size_t at = SIGNATURE_BYTES; st == ECAM_OK && at < size; at += c.size) {
        if (!read_chunk(bytes, size, at, &c))
            break;
        if (!is_type(&c, "tEXt") && !is_type(&c, "iTXt") && !is_type(&c, "zTXt") && !is_type(&c, "tIME"))
            st = ecam_buffer_append(out, c.at, c.size);
    }
    return st;
}
