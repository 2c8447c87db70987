/* A ring of records in shared memory: one writer, any number of readers, none
 * of whom the writer waits for. The layout is specified in proto/shm.md.
 *
 * Positions are bytes since the beginning, in 64 bits, and never go back; where
 * a position lies in the ring is its remainder by the capacity. The writer
 * raises `intent` before it writes over anything and `commit` when a record is
 * whole. A reader copies, and then looks whether `intent` has come round to what
 * it copied. */
#ifndef ECAM_SHM_RING_H
#define ECAM_SHM_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/memfd.h"

#define ECAM_RING_ALIGN 64
#define ECAM_RING_MIN_BYTES ((size_t)1 << 12)
#define ECAM_RING_MAX_BYTES ((size_t)1 << 36)

/* Where a piece of a record lies: what a message says about it. */
typedef struct ecam_ring_place {
    uint64_t offset; /* of the piece, from the beginning of the ring's data */
    uint64_t size;
    uint64_t ticket; /* the record's position */
} ecam_ring_place;

/* ---- the writer; used by one thread ---- */

typedef struct ecam_ring_writer {
    ecam_memfd memory;
    uint64_t capacity;
    uint64_t position; /* of the next record */
    uint64_t filled;   /* of the record that is being written */
    bool rewinds;      /* the next record begins at the beginning of the data */
} ecam_ring_writer;

/* A ring for capacity bytes of records (rounded up to pages), in a POSIX segment
 * where there is no memfd. Errors: ECAM_EINVAL (size), else as
 * ecam_memfd_create. */
ecam_status ecam_ring_create(size_t capacity, ecam_ring_writer *out, ecam_error *error);
void ecam_ring_destroy(ecam_ring_writer *ring);

/* The bytes that n pieces of these sizes take in one record; SIZE_MAX where they
 * cannot be counted. */
size_t ecam_ring_record_bytes(const size_t *sizes, size_t n);

/* Leave out what is behind the last record: the next one begins where the data
 * begin. */
void ecam_ring_rewind(ecam_ring_writer *ring);

/* Where intent would be after a record of so many bytes. */
uint64_t ecam_ring_end_of(const ecam_ring_writer *ring, size_t record_bytes);

/* Begin a record of record_bytes (of ecam_ring_record_bytes, at most the
 * capacity), put its pieces into it, publish it. What it writes over is lost. */
void ecam_ring_begin(ecam_ring_writer *ring, size_t record_bytes);
ecam_ring_place ecam_ring_put(ecam_ring_writer *ring, const void *piece, size_t size);
void ecam_ring_commit(ecam_ring_writer *ring);

/* ---- a reader; any thread ---- */

typedef struct ecam_ring_reader {
    ecam_memfd memory;
    uint64_t capacity;
    bool unmapped; /* a segment: read by calls of the system */
} ecam_ring_reader;

/* Take over a peer's descriptor, on failure too. Nothing in the memory is
 * trusted, now or later. Errors: as ecam_memfd_open and ecam_segment_open;
 * ECAM_EFORMAT, ECAM_EVERSION. */
ecam_status ecam_ring_open(int fd, ecam_ring_reader *out, ecam_error *error);
void ecam_ring_close(ecam_ring_reader *ring);

/* The bytes of a place, for ecam_ring_fetch and nothing else. Errors:
 * ECAM_ECLOSED (written over since, or cut off), ECAM_EINVAL (no record has such a
 * piece). */
ecam_status ecam_ring_find(const ecam_ring_reader *ring, const ecam_ring_place *place,
                           const void **out, ecam_error *error);

/* Copy what was found; false where the memory was cut off. */
bool ecam_ring_fetch(const ecam_ring_reader *ring, void *to, const void *from, size_t bytes);

/* One pass over mapped memory, whatever another process writes meanwhile. */
void ecam_ring_copy(void *to, const void *from, size_t bytes);

/* Whether what was copied of this record before the call is whole. */
bool ecam_ring_intact(const ecam_ring_reader *ring, uint64_t ticket);

#endif
