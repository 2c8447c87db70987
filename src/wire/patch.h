/* One value of a header changed, the rest left byte for byte: so that a
 * recording can be played as another session, and a relay keeps to itself what
 * holds on this host only. */
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

/* The same with the text of the top-level `key` made nil, which counts as
 * absent. Errors: ECAM_EFORMAT (no map), ECAM_EMISSING (no such key), ECAM_ETYPE
 * (its value is no text), ECAM_ENOMEM. */
ecam_status ecam_patch_nil(const void *header, size_t size, const ecam_node *tree, const char *key,
                           ecam_buffer *out, ecam_error *error);

#endif
