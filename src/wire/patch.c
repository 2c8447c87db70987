#include "wire/patch.h"

#include <string.h>

/* MessagePack: 0x80..0x8f is a map of up to 15 pairs, 0xde and 0xdf have their
 * number behind them in 16 and 32 bits; 0xcf is a 64-bit number, 0xc0 nil. */
#define SMALL_MAP 0x80
#define MAP_32 0xdf
#define UINT_64 0xcf
#define NIL 0xc0

static void put_big_endian(uint8_t *to, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

static ecam_status append_uint(ecam_buffer *out, uint64_t value)
{
    uint8_t bytes[9] = {UINT_64};
    put_big_endian(bytes + 1, value, 8);
    return ecam_buffer_append(out, bytes, sizeof bytes);
}

/* Bytes of an encoded integer, by its first byte. */
static size_t integer_bytes(uint8_t first)
{
    switch (first) {
    case 0xcc: case 0xd0: return 2;
    case 0xcd: case 0xd1: return 3;
    case 0xce: case 0xd2: return 5;
    case 0xcf: case 0xd3: return 9;
    default: return 1;
    }
}

/* Bytes in front of an encoded text, by the first of them. */
static size_t text_head_bytes(uint8_t first)
{
    switch (first) {
    case 0xc4: case 0xd9: return 2;
    case 0xc5: case 0xda: return 3;
    case 0xc6: case 0xdb: return 5;
    default: return 1;
    }
}

/* A text node's bytes lie in the header, and its value right behind it. */
static ecam_status replace(const uint8_t *header, size_t size, const ecam_node *key, uint64_t value,
                           ecam_buffer *out)
{
    size_t at = (size_t)((const uint8_t *)key->bytes - header) + key->size;
    size_t end = at + integer_bytes(header[at]);
    ecam_status st = ecam_buffer_append(out, header, at);

    if (st == ECAM_OK)
        st = append_uint(out, value);
    return st == ECAM_OK ? ecam_buffer_append(out, header + end, size - end) : st;
}

static ecam_status add(const uint8_t *header, size_t size, const ecam_node *tree, const char *key,
                       uint64_t value, ecam_buffer *out)
{
    size_t start = (header[0] & 0xf0) == SMALL_MAP ? 1 : header[0] == MAP_32 ? 5 : 3;
    const uint8_t name_head = (uint8_t)(0xa0 | strlen(key)); /* a text below 32 bytes */
    uint8_t map[5] = {MAP_32};

    put_big_endian(map + 1, tree->size + 1, 4);
    ecam_status st = ecam_buffer_append(out, map, sizeof map);
    if (st == ECAM_OK)
        st = ecam_buffer_append(out, header + start, size - start);
    if (st == ECAM_OK)
        st = ecam_buffer_append(out, &name_head, 1);
    if (st == ECAM_OK)
        st = ecam_buffer_append(out, key, strlen(key));
    return st == ECAM_OK ? append_uint(out, value) : st;
}

static ecam_status find(const ecam_node *tree, const char *key, const ecam_node **found, ecam_error *error)
{
    *found = NULL;
    if (!tree || tree->kind != ECAM_NODE_MAP)
        return ecam_fail(error, ECAM_EFORMAT, "header is %s, expected a map", ecam_node_kind_name(tree));
    for (size_t i = 0; !*found && i < tree->size; i++)
        if (ecam_node_is_text(&tree->items[2 * i], key))
            *found = &tree->items[2 * i];
    return ECAM_OK;
}

ecam_status ecam_patch_uint(const void *header, size_t size, const ecam_node *tree, const char *key,
                            uint64_t value, ecam_buffer *out, ecam_error *error)
{
    const ecam_node *found;
    ecam_status st = find(tree, key, &found, error);

    ecam_buffer_clear(out);
    if (st != ECAM_OK)
        return st;
    if (found && found[1].kind != ECAM_NODE_INT && found[1].kind != ECAM_NODE_UINT)
        return ecam_fail(error, ECAM_ETYPE, "key \"%s\" is %s, expected an integer", key,
                         ecam_node_kind_name(&found[1]));
    st = found ? replace(header, size, found, value, out) : add(header, size, tree, key, value, out);
    return st == ECAM_OK ? st : ecam_fail(error, st, "no memory for a header");
}

ecam_status ecam_patch_nil(const void *header, size_t size, const ecam_node *tree, const char *key,
                           ecam_buffer *out, ecam_error *error)
{
    static const uint8_t nil = NIL;
    const uint8_t *bytes = header;
    const ecam_node *found;
    ecam_status st = find(tree, key, &found, error);

    ecam_buffer_clear(out);
    if (st != ECAM_OK)
        return st;
    if (!found)
        return ecam_fail(error, ECAM_EMISSING, "key \"%s\" is missing", key);
    if (found[1].kind != ECAM_NODE_TEXT)
        return ecam_fail(error, ECAM_ETYPE, "key \"%s\" is %s, expected a string", key, ecam_node_kind_name(&found[1]));
    size_t at = (size_t)((const uint8_t *)found->bytes - bytes) + found->size;
    size_t end = at + text_head_bytes(bytes[at]) + found[1].size;
    st = ecam_buffer_append(out, bytes, at);
    if (st == ECAM_OK)
        st = ecam_buffer_append(out, &nil, 1);
    if (st == ECAM_OK)
        st = ecam_buffer_append(out, bytes + end, size - end);
    return st == ECAM_OK ? st : ecam_fail(error, st, "no memory for a header");
}
