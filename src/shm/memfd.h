/* Sealed shared memory without a name. A seal against shrinking is what lets a
 * reader map a peer's memory: it cannot be cut off under its feet. */
#ifndef ECAM_SHM_MEMFD_H
#define ECAM_SHM_MEMFD_H

#include <stddef.h>

#include "eigencam/status.h"

/* Mapped memory and its descriptor. Closed: fd -1, map NULL. */
typedef struct ecam_memfd {
    int fd;
    void *map;
    size_t bytes;
} ecam_memfd;

#define ECAM_MEMFD_CLOSED ((ecam_memfd){.fd = -1})

/* Zeroed memory that is really there (allocated and touched), mapped for
 * writing, not inherited by forked children, then sealed: its size is fixed and
 * nobody else can write to it. Errors: ECAM_ENOMEM, ECAM_EIO (no memfd or seals
 * on this system, descriptors, limits); `out` is closed then. */
ecam_status ecam_memfd_create(const char *name, size_t bytes, ecam_memfd *out, ecam_error *error);

/* The same for a new file in memory, fd, but for its seals: its bytes are really
 * there when it returns. On failure `memory` is to be closed. */
ecam_status ecam_memfd_fill(ecam_memfd *memory, size_t bytes, ecam_error *error);

/* Map a peer's memory for reading, after its seals, size and allocation have
 * been checked: from min_bytes to max_bytes. Takes the descriptor over, on
 * failure too. Errors: ECAM_EFORMAT (not such memory), ECAM_ELIMIT (size),
 * ECAM_ENOMEM, ECAM_EIO. */
ecam_status ecam_memfd_open(int fd, size_t min_bytes, size_t max_bytes, ecam_memfd *out,
                            ecam_error *error);

void ecam_memfd_close(ecam_memfd *memory);

#endif
