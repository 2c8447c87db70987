#include <stdlib.h>

#include "shm/layout.h"
#include "shm/ring.h"
#include "shm/segment.h"

#define PAGE_BYTES ((size_t)4096)

static ecam_ring_header *header_of(const ecam_ring_writer *ring)
{
    return ring->memory.map;
}

static char *data_of(const ecam_ring_writer *ring)
{
    return (char *)ring->memory.map + ECAM_RING_HEADER_BYTES;
}

ecam_status ecam_ring_create(size_t capacity, ecam_ring_writer *out, ecam_error *error)
{
    *out = (ecam_ring_writer){.memory = ECAM_MEMFD_CLOSED};
    if (capacity < 1 || capacity > ECAM_RING_MAX_BYTES)
        return ecam_fail(error, ECAM_EINVAL, "a ring of %zu bytes; expected 1 to %zu", capacity,
                         ECAM_RING_MAX_BYTES);
    capacity = (capacity + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    ecam_status st = ecam_memfd_create("eigencam-ring", ECAM_RING_HEADER_BYTES + capacity, &out->memory, error);
    if (st == ECAM_EIO)
        st = ecam_segment_create(ECAM_RING_HEADER_BYTES + capacity, &out->memory, error);
    if (st != ECAM_OK)
        return st;
    out->capacity = capacity;
    ecam_ring_header *header = header_of(out);
    header->version = ECAM_RING_VERSION;
    header->header_bytes = ECAM_RING_HEADER_BYTES;
    header->capacity = capacity;
    header->magic = ECAM_RING_MAGIC;
    return ECAM_OK;
}

void ecam_ring_destroy(ecam_ring_writer *ring)
{
    ecam_memfd_close(&ring->memory);
    ring->capacity = 0;
}

static size_t align(size_t bytes)
{
    return bytes > SIZE_MAX - ECAM_RING_ALIGN ? SIZE_MAX
                                              : (bytes + ECAM_RING_ALIGN - 1) / ECAM_RING_ALIGN * ECAM_RING_ALIGN;
}

size_t ecam_ring_record_bytes(const size_t *sizes, size_t n)
{
    size_t bytes = sizeof(ecam_ring_record);

    for (size_t i = 0; i < n; i++) {
        size_t piece = align(sizes[i]);
        if (piece > SIZE_MAX - bytes)
            return SIZE_MAX;
        bytes += piece;
    }
    return bytes;
}

/* Records are contiguous: what is left at the end is skipped. */
static uint64_t padding(const ecam_ring_writer *ring, size_t record_bytes)
{
    uint64_t at = ring->position % ring->capacity, left = ring->capacity - at;
    return left < record_bytes || (ring->rewinds && at > 0) ? left : 0;
}

void ecam_ring_rewind(ecam_ring_writer *ring)
{
    ring->rewinds = true;
}

uint64_t ecam_ring_end_of(const ecam_ring_writer *ring, size_t record_bytes)
{
    return ring->position + padding(ring, record_bytes) + record_bytes;
}

static void write_header(ecam_ring_writer *ring, uint64_t bytes, uint32_t kind)
{
    const ecam_ring_record record = {.position = ring->position, .bytes = bytes, .kind = kind};
    ecam_ring_copy(data_of(ring) + ring->position % ring->capacity, &record, sizeof record);
}

void ecam_ring_begin(ecam_ring_writer *ring, size_t record_bytes)
{
    uint64_t skip = padding(ring, record_bytes);

    atomic_store_explicit(&header_of(ring)->intent, ring->position + skip + record_bytes, memory_order_relaxed);
    ecam_shm_fence(memory_order_release); /* no byte below before the line above */
    if (skip > 0)
        write_header(ring, skip, ECAM_RECORD_PADDING);
    ring->position += skip;
    ring->rewinds = false;
    write_header(ring, record_bytes, ECAM_RECORD_DATA);
    ring->filled = sizeof(ecam_ring_record);
}

ecam_ring_place ecam_ring_put(ecam_ring_writer *ring, const void *piece, size_t size)
{
    const ecam_ring_place place = {.offset = ring->position % ring->capacity + ring->filled, .size = size,
                                   .ticket = ring->position};
    ecam_ring_copy(data_of(ring) + place.offset, piece, size);
    ring->filled += align(size);
    return place;
}

void ecam_ring_commit(ecam_ring_writer *ring)
{
    ring->position += ring->filled;
    atomic_store_explicit(&header_of(ring)->commit, ring->position, memory_order_release);
}
