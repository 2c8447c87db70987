/* The structural scan with its count; see unpack.h for what it promises. */
#ifndef ECAM_WIRE_SCAN_H
#define ECAM_WIRE_SCAN_H

#include "wire/unpack.h"

/* What limits->depth may ask for: a level less than msgpack-c's own stack. */
#define ECAM_SCAN_MAX_DEPTH 31

/* As ecam_scan; also says how many nodes the tree will have, so that memory
 * can be refused before any is taken. */
ecam_status ecam_scan_count(const void *bytes, size_t size, const ecam_scan_limits *limits,
                            size_t *nodes, ecam_error *error);

#endif
