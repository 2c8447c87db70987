/* Shared memory for where a memfd is not to be had: a POSIX segment without a
 * name. It cannot be sealed, so whoever reads it must not map it: its maker could
 * cut it off under his feet. */
#ifndef ECAM_SHM_SEGMENT_H
#define ECAM_SHM_SEGMENT_H

#include <stdbool.h>

#include "shm/memfd.h"

/* As ecam_memfd_create, but not sealed; the descriptor is for reading only. Its
 * name, which nobody can guess, is gone before it has any bytes. */
ecam_status ecam_segment_create(size_t bytes, ecam_memfd *out, ecam_error *error);

/* Take a peer's descriptor over, on failure too. out->map is address space of
 * its size where nothing can be read: ecam_segment_read takes places in it.
 * Errors: ECAM_EFORMAT (no such segment), ECAM_ELIMIT (size), ECAM_ENOMEM,
 * ECAM_EIO. */
ecam_status ecam_segment_open(int fd, size_t min_bytes, size_t max_bytes, ecam_memfd *out, ecam_error *error);

/* Whether ecam_segment_open is the one for this descriptor, and not
 * ecam_memfd_open. */
bool ecam_segment_is(int fd);

/* Copy bytes from a place in a segment's map; false where it was cut off before
 * their end. */
bool ecam_segment_read(const ecam_memfd *segment, const void *from, void *to, size_t bytes);

#endif
