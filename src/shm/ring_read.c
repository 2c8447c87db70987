#include <inttypes.h>

#include "shm/layout.h"
#include "shm/ring.h"
#include "shm/segment.h"

#define MAX_TRIES 16

static const ecam_ring_header *header_of(const ecam_ring_reader *ring)
{
    return ring->memory.map;
}

bool ecam_ring_fetch(const ecam_ring_reader *ring, void *to, const void *from, size_t bytes)
{
    if (ring->unmapped)
        return ecam_segment_read(&ring->memory, from, to, bytes);
    ecam_ring_copy(to, from, bytes);
    return true;
}

/* The system does not promise to read 8 bytes at once: twice the same is taken
 * for one of the writer's values. An honest one changes it a few times a record. */
static bool read_counter(const ecam_ring_reader *ring, const _Atomic uint64_t *counter, uint64_t *out)
{
    uint64_t before = 0;

    for (int tries = 0; tries < MAX_TRIES; tries++) {
        if (!ecam_segment_read(&ring->memory, counter, out, sizeof *out))
            return false;
        if (tries > 0 && *out == before) {
            ecam_shm_fence(memory_order_acquire);
            return true;
        }
        before = *out;
    }
    return false;
}

/* A counter, and with it everything that was written before it. */
static bool load(const ecam_ring_reader *ring, const _Atomic uint64_t *counter, uint64_t *out)
{
    if (ring->unmapped)
        return read_counter(ring, counter, out);
    *out = atomic_load_explicit(counter, memory_order_acquire);
    return true;
}

/* Trusted in this order: magic, version, sizes; each is read once. */
static ecam_status check_header(ecam_ring_reader *ring, ecam_error *error)
{
    ecam_ring_header header;

    if (!ecam_ring_fetch(ring, &header, ring->memory.map, offsetof(ecam_ring_header, pad)) || header.magic != ECAM_RING_MAGIC)
        return ecam_fail(error, ECAM_EFORMAT, "the shared memory is no ring: it does not begin with its mark");
    if (header.version != ECAM_RING_VERSION)
        return ecam_fail(error, ECAM_EVERSION, "a ring of version %u; expected %d", header.version,
                         ECAM_RING_VERSION);
    if (header.header_bytes != ECAM_RING_HEADER_BYTES || header.capacity % ECAM_RING_ALIGN != 0 ||
        header.capacity != ring->memory.bytes - ECAM_RING_HEADER_BYTES)
        return ecam_fail(error, ECAM_EFORMAT,
                         "a ring of %u + %" PRIu64 " bytes in %zu; expected %d and the rest", header.header_bytes,
                         header.capacity, ring->memory.bytes, ECAM_RING_HEADER_BYTES);
    ring->capacity = header.capacity;
    return ECAM_OK;
}

ecam_status ecam_ring_open(int fd, ecam_ring_reader *out, ecam_error *error)
{
    *out = (ecam_ring_reader){.memory = ECAM_MEMFD_CLOSED};
    out->unmapped = ecam_segment_is(fd);
    ecam_status st = (out->unmapped ? ecam_segment_open : ecam_memfd_open)(
        fd, ECAM_RING_HEADER_BYTES + ECAM_RING_MIN_BYTES, ECAM_RING_HEADER_BYTES + ECAM_RING_MAX_BYTES, &out->memory,
        error);
    if (st == ECAM_OK)
        st = check_header(out, error);
    if (st != ECAM_OK)
        ecam_ring_close(out);
    return st;
}

void ecam_ring_close(ecam_ring_reader *ring)
{
    ecam_memfd_close(&ring->memory);
    ring->capacity = 0;
}

bool ecam_ring_intact(const ecam_ring_reader *ring, uint64_t ticket)
{
    ecam_shm_fence(memory_order_acquire); /* what was copied was read before */
    uint64_t intent;
    return load(ring, &header_of(ring)->intent, &intent) && intent - ticket <= ring->capacity;
}

/* By its own words, the place is within a record that begins at its ticket. */
static bool has_piece(const ecam_ring_reader *ring, const ecam_ring_record *record, const ecam_ring_place *p)
{
    uint64_t from = p->ticket % ring->capacity;

    if (record->position != p->ticket || record->kind != ECAM_RECORD_DATA ||
        record->bytes > ring->capacity - from || record->bytes < sizeof *record)
        return false;
    uint64_t first = from + sizeof *record, end = from + record->bytes;
    return p->offset >= first && p->offset <= end && p->size <= end - p->offset;
}

ecam_status ecam_ring_find(const ecam_ring_reader *ring, const ecam_ring_place *p, const void **out,
                           ecam_error *error)
{
    const char *data = (const char *)ring->memory.map + ECAM_RING_HEADER_BYTES;
    ecam_ring_record record;
    uint64_t commit;

    *out = NULL;
    if (!load(ring, &header_of(ring)->commit, &commit))
        return ecam_fail(error, ECAM_ECLOSED, "the ring was cut off");
    if (p->ticket % ECAM_RING_ALIGN != 0 || p->ticket >= commit)
        return ecam_fail(error, ECAM_EINVAL, "no record of the ring begins at %" PRIu64 "; it is written up to %" PRIu64,
                         p->ticket, commit);
    if (!ecam_ring_fetch(ring, &record, data + p->ticket % ring->capacity, sizeof record) ||
        !ecam_ring_intact(ring, p->ticket))
        return ecam_fail(error, ECAM_ECLOSED, "the record at %" PRIu64 " is written over", p->ticket);
    if (!has_piece(ring, &record, p))
        return ecam_fail(error, ECAM_EINVAL,
                         "%" PRIu64 " bytes at %" PRIu64 " of the ring are not in the record at %" PRIu64, p->size,
                         p->offset, p->ticket);
    *out = data + p->offset;
    return ECAM_OK;
}
