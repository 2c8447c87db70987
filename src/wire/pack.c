#include "wire/pack.h"

#include <msgpack.h>
#include <string.h>

static int write_bytes(void *data, const char *bytes, size_t size)
{
    ecam_packer *p = data;
    if (p->status == ECAM_OK)
        p->status = ecam_buffer_append(p->out, bytes, size);
    return p->status == ECAM_OK ? 0 : -1;
}

/* msgpack-c's packer is two pointers; made where it is used. */
static msgpack_packer packer_of(ecam_packer *p)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, p, write_bytes);
    return packer;
}

/* The outer map has the 16-bit form, whose count can be filled in later. */
void ecam_pack_begin(ecam_packer *p, ecam_buffer *out)
{
    *p = (ecam_packer){.out = out};
    ecam_buffer_clear(out);
    write_bytes(p, "\xde\0\0", 3);
}

ecam_status ecam_pack_end(ecam_packer *p)
{
    if (p->status == ECAM_OK) {
        p->out->data[1] = (uint8_t)(p->entries >> 8);
        p->out->data[2] = (uint8_t)p->entries;
    }
    return p->status;
}

void ecam_pack_key(ecam_packer *p, const char *key)
{
    p->entries++;
    ecam_pack_text(p, key);
}

void ecam_pack_nil(ecam_packer *p)
{
    msgpack_packer packer = packer_of(p);
    msgpack_pack_nil(&packer);
}

void ecam_pack_bool(ecam_packer *p, bool value)
{
    msgpack_packer packer = packer_of(p);
    if (value)
        msgpack_pack_true(&packer);
    else
        msgpack_pack_false(&packer);
}

void ecam_pack_uint(ecam_packer *p, uint64_t value)
{
    msgpack_packer packer = packer_of(p);
    msgpack_pack_uint64(&packer, value);
}

void ecam_pack_int(ecam_packer *p, int64_t value)
{
    msgpack_packer packer = packer_of(p);
    msgpack_pack_int64(&packer, value);
}

void ecam_pack_double(ecam_packer *p, double value)
{
    msgpack_packer packer = packer_of(p);
    msgpack_pack_double(&packer, value);
}

void ecam_pack_text(ecam_packer *p, const char *text)
{
    msgpack_packer packer = packer_of(p);
    if (text)
        msgpack_pack_str_with_body(&packer, text, strlen(text));
    else
        msgpack_pack_nil(&packer);
}

void ecam_pack_bytes(ecam_packer *p, const void *bytes, size_t size)
{
    msgpack_packer packer = packer_of(p);
    msgpack_pack_bin_with_body(&packer, bytes, size);
}

void ecam_pack_list(ecam_packer *p, size_t n)
{
    msgpack_packer packer = packer_of(p);
    msgpack_pack_array(&packer, n);
}

void ecam_pack_map(ecam_packer *p, size_t n)
{
    msgpack_packer packer = packer_of(p);
    msgpack_pack_map(&packer, n);
}

void ecam_pack_uint_entry(ecam_packer *p, const char *key, uint64_t value)
{
    ecam_pack_key(p, key);
    ecam_pack_uint(p, value);
}

void ecam_pack_double_entry(ecam_packer *p, const char *key, double value)
{
    ecam_pack_key(p, key);
    ecam_pack_double(p, value);
}

void ecam_pack_text_entry(ecam_packer *p, const char *key, const char *text)
{
    ecam_pack_key(p, key);
    ecam_pack_text(p, text);
}

void ecam_pack_entries_of(ecam_packer *p, const ecam_buffer *map)
{
    p->entries += (uint32_t)map->data[1] << 8 | map->data[2];
    write_bytes(p, (const char *)map->data + 3, map->size - 3);
}
