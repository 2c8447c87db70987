/* MessagePack into a buffer. A packer remembers that memory was short and from
 * then on writes nothing, so that encoding code asks once, at the end. */
#ifndef ECAM_WIRE_PACK_H
#define ECAM_WIRE_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

typedef struct ecam_packer {
    ecam_buffer *out; /* borrowed */
    ecam_status status;
    uint32_t entries; /* of the map begun by ecam_pack_begin */
    size_t count_at;
} ecam_packer;

/* Replace the buffer's contents by one map whose entries follow: each a key and
 * one value. ecam_pack_end sets their number. Errors: ECAM_ENOMEM. */
void ecam_pack_begin(ecam_packer *p, ecam_buffer *out);
ecam_status ecam_pack_end(ecam_packer *p);

/* The key of an entry of that map; its value comes next. */
void ecam_pack_key(ecam_packer *p, const char *key);

/* Values; a NULL text is nil. */
void ecam_pack_nil(ecam_packer *p);
void ecam_pack_bool(ecam_packer *p, bool value);
void ecam_pack_uint(ecam_packer *p, uint64_t value);
void ecam_pack_int(ecam_packer *p, int64_t value);
void ecam_pack_double(ecam_packer *p, double value);
void ecam_pack_text(ecam_packer *p, const char *text);
void ecam_pack_bytes(ecam_packer *p, const void *bytes, size_t size);

/* n values follow, or n pairs of them. */
void ecam_pack_list(ecam_packer *p, size_t n);
void ecam_pack_map(ecam_packer *p, size_t n);

/* An entry of the outer map whole. */
void ecam_pack_uint_entry(ecam_packer *p, const char *key, uint64_t value);
void ecam_pack_double_entry(ecam_packer *p, const char *key, double value);
void ecam_pack_text_entry(ecam_packer *p, const char *key, const char *text);

/* All entries of another map, that ecam_pack_end has ended. */
void ecam_pack_entries_of(ecam_packer *p, const ecam_buffer *map);

#endif
