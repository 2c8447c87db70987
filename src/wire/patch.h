/* One number of a header changed, the rest left byte for byte: so that a
 * recording can be played as another session. */
#ifndef ECAM_WIRE_PATCH_H
#define ECAM_WIRE_PATCH_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/node.h"

/* A header (frame 1) with the top-level `key` set to `value`, or added where it
 * is missing; replaces the contents of `out`.
 * header, tree   its bytes and what ecam_unpack made of them: a map
 * Errors: ECAM_EFORMAT (no map), ECAM_ETYPE (the key's value is no integer),
 * ECAM_ENOMEM. */
ecam_status ecam_patch_uint(const void *header, size_t size, const ecam_node *tree, const char *key,
                            uint64_t value, ecam_buffer *out, ecam_error *error);

#endif
