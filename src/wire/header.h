/* Frame 1 of every message: a map with the protocol's version. */
#ifndef ECAM_WIRE_HEADER_H
#define ECAM_WIRE_HEADER_H

#include "wire/message.h"
#include "wire/reader.h"

#define ECAM_PROTOCOL_VERSION 1

/* The header's map, or NULL. Errors: as ecam_unpack; ECAM_EFORMAT (fewer than
 * two frames, no map). */
const ecam_node *ecam_header_open(ecam_reader *r, const ecam_frame *frames, size_t n_frames);

/* Errors: ECAM_EVERSION; ECAM_EMISSING and ECAM_ETYPE for "v". */
void ecam_header_check_version(ecam_reader *r, const ecam_node *header);

#endif
