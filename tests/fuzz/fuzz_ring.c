/* A ring of any bytes, sealed as it should be: 16 places, then the memory's
 * beginning. Whatever header and records say, a place that is found lies in the
 * memory, and all of it can be copied. */
#include "fuzz_target.h"

#include <string.h>
#include <unistd.h>

#include "shm/layout.h"
#include "shm/ring.h"

#define CAPACITY 8192
#define TOTAL (ECAM_RING_HEADER_BYTES + CAPACITY)
#define MAX_PLACES 16

static uint8_t copy[CAPACITY];

/* Made once; the bytes change, as a hostile writer's do. */
static ecam_ring_writer *shared_ring(void)
{
    static ecam_ring_writer writer;

    if (!writer.memory.map)
        FUZZ_CHECK(ecam_ring_create(CAPACITY, &writer, NULL) == ECAM_OK);
    return &writer;
}

static void try_place(const ecam_ring_reader *ring, const ecam_ring_place *place)
{
    const uint8_t *first = (const uint8_t *)ring->memory.map + ECAM_RING_HEADER_BYTES;
    const void *found;
    ecam_error error = {0};
    ecam_status st = ecam_ring_find(ring, place, &found, &error);

    if (st != ECAM_OK) {
        FUZZ_CHECK(!found && error.status == st && (st == ECAM_EINVAL || st == ECAM_ECLOSED));
        return;
    }
    const uint8_t *at = found;
    FUZZ_CHECK(at >= first && at <= first + CAPACITY && place->size <= (size_t)(first + CAPACITY - at));
    FUZZ_CHECK(ecam_ring_fetch(ring, copy, found, place->size));
    (void)ecam_ring_intact(ring, place->ticket);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ecam_ring_writer *writer = shared_ring();
    ecam_ring_place places[MAX_PLACES];
    ecam_ring_reader ring;
    ecam_error error = {0};
    size_t n = 0;

    while (n < MAX_PLACES && size >= sizeof *places) {
        memcpy(&places[n++], data, sizeof *places);
        data += sizeof *places;
        size -= sizeof *places;
    }
    memset(writer->memory.map, 0, TOTAL);
    if (size > 0)
        memcpy(writer->memory.map, data, size < TOTAL ? size : TOTAL);
    ecam_status st = ecam_ring_open(dup(writer->memory.fd), &ring, &error);
    if (st != ECAM_OK) {
        FUZZ_CHECK(!ring.memory.map && ring.memory.fd == -1 && error.text[0] != '\0');
        return 0;
    }
    FUZZ_CHECK(ring.capacity == CAPACITY);
    for (size_t i = 0; i < n; i++)
        try_place(&ring, &places[i]);
    ecam_ring_close(&ring);
    return 0;
}
