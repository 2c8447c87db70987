/* MessagePack bytes to a tree of nodes, safely. */
#ifndef ECAM_WIRE_UNPACK_H
#define ECAM_WIRE_UNPACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/node.h"
#include "eigencam/status.h"

/* Bounds of the structural scan. */
typedef struct ecam_scan_limits {
    unsigned depth;   /* of nested arrays and maps */
    size_t nodes;     /* in all */
} ecam_scan_limits;

/* What headers are held to: depth 16, 1,048,576 nodes. */
extern const ecam_scan_limits ecam_scan_defaults;

/* Walk over the bytes without allocating: exactly one complete MessagePack
 * object, every length covered by bytes that are there, depth and nodes within
 * the limits (NULL: the defaults), no extension types.
 * Errors: ECAM_EFORMAT, ECAM_ELIMIT; the text says at which byte. */
ecam_status ecam_scan(const void *bytes, size_t size, const ecam_scan_limits *limits,
                      ecam_error *error);

/* Scan, then decode with msgpack-c. The tree lives in the arena, its texts in
 * `bytes`. Errors: as ecam_scan, and ECAM_ENOMEM. */
ecam_status ecam_unpack(const void *bytes, size_t size, const ecam_scan_limits *limits,
                        ecam_arena *arena, const ecam_node **out, ecam_error *error);

#endif
