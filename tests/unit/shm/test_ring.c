/* The ring: records and their places, the wrap, what a reader must not believe,
 * and a writer that is faster than its reader. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "shm/layout.h"
#include "shm/ring.h"
#include "shm/segment.h"
#include "support/check.h"

#define CAPACITY 4096

typedef struct pair {
    ecam_ring_writer writer;
    ecam_ring_reader reader;
} pair;

static void make(pair *p, size_t capacity)
{
    ecam_error error;

    CHECK_OK(ecam_ring_create(capacity, &p->writer, &error), error);
    CHECK_OK(ecam_ring_open(dup(p->writer.memory.fd), &p->reader, &error), error);
    assert_int_equal(p->reader.capacity, p->writer.capacity);
}

static void drop(pair *p)
{
    ecam_ring_close(&p->reader);
    ecam_ring_destroy(&p->writer);
}

static ecam_ring_place put(ecam_ring_writer *w, const void *piece, size_t size)
{
    ecam_ring_begin(w, ecam_ring_record_bytes(&size, 1));
    ecam_ring_place place = ecam_ring_put(w, piece, size);
    ecam_ring_commit(w);
    return place;
}

static ecam_ring_header *header_of(pair *p)
{
    return p->writer.memory.map;
}

static void sizes_are_counted_and_checked(void **state)
{
    const size_t two[] = {1, 65}, huge[] = {SIZE_MAX - 10}, sum[] = {SIZE_MAX / 2, SIZE_MAX / 2, 64};
    ecam_ring_writer ring;
    ecam_error error;

    (void)state;
    assert_int_equal(ecam_ring_record_bytes(two, 2), 64 + 64 + 128);
    assert_int_equal(ecam_ring_record_bytes(two, 0), 64);
    assert_true(ecam_ring_record_bytes(huge, 1) == SIZE_MAX);
    assert_true(ecam_ring_record_bytes(sum, 3) == SIZE_MAX);
    CHECK_STATUS(ecam_ring_create(0, &ring, &error), ECAM_EINVAL);
    CHECK_STATUS(ecam_ring_create(ECAM_RING_MAX_BYTES + 1, &ring, &error), ECAM_EINVAL);
    CHECK_OK(ecam_ring_create(4097, &ring, &error), error);
    assert_int_equal(ring.capacity, 8192);
    ecam_ring_destroy(&ring);
}

static void pieces_of_a_record_are_found(void **state)
{
    const size_t sizes[] = {5, 100};
    char first[5] = "abcd", second[100], back[100];
    const void *data;
    ecam_error error;
    pair p;

    (void)state;
    memset(second, 'x', sizeof second);
    make(&p, CAPACITY);
    put(&p.writer, "before", 7);
    ecam_ring_begin(&p.writer, ecam_ring_record_bytes(sizes, 2));
    ecam_ring_place a = ecam_ring_put(&p.writer, first, 5), b = ecam_ring_put(&p.writer, second, 100);
    CHECK_STATUS(ecam_ring_find(&p.reader, &a, &data, &error), ECAM_EINVAL); /* not committed */
    ecam_ring_commit(&p.writer);

    assert_int_equal(a.ticket, 128);
    assert_int_equal(a.offset, 192);
    assert_int_equal(b.ticket, 128);
    assert_int_equal(b.offset, 256);
    CHECK_OK(ecam_ring_find(&p.reader, &a, &data, &error), error);
    assert_memory_equal(data, "abcd", 5);
    CHECK_OK(ecam_ring_find(&p.reader, &b, &data, &error), error);
    ecam_ring_copy(back, data, 100);
    assert_true(ecam_ring_intact(&p.reader, b.ticket));
    assert_memory_equal(back, second, 100);
    drop(&p);
}

/* 4096 bytes: a record of 64 + 1920 takes 1984, so the third would end at 5952
 * and begins at 4096 instead, over the first. */
static void records_stay_contiguous_at_the_wrap(void **state)
{
    char bytes[1920];
    const void *data;
    ecam_error error;
    pair p;

    (void)state;
    memset(bytes, 1, sizeof bytes);
    make(&p, CAPACITY);
    ecam_ring_place first = put(&p.writer, bytes, sizeof bytes);
    ecam_ring_place second = put(&p.writer, bytes, sizeof bytes);
    CHECK_OK(ecam_ring_find(&p.reader, &first, &data, &error), error);
    assert_int_equal(ecam_ring_end_of(&p.writer, 1984), 4096 + 1984);
    ecam_ring_place third = put(&p.writer, bytes, sizeof bytes);

    assert_int_equal(second.ticket, 1984);
    assert_int_equal(third.ticket, 4096);
    assert_int_equal(third.offset, 64);
    assert_int_equal(header_of(&p)->intent, 4096 + 1984);
    assert_int_equal(header_of(&p)->commit, 4096 + 1984);
    const ecam_ring_record *skipped = (const void *)((char *)p.writer.memory.map + ECAM_RING_HEADER_BYTES + 3968);
    assert_int_equal(skipped->kind, ECAM_RECORD_PADDING);
    assert_int_equal(skipped->position, 3968);
    assert_int_equal(skipped->bytes, 128);
    CHECK_STATUS(ecam_ring_find(&p.reader, &first, &data, &error), ECAM_ECLOSED);
    assert_false(ecam_ring_intact(&p.reader, first.ticket));
    CHECK_OK(ecam_ring_find(&p.reader, &second, &data, &error), error);
    CHECK_OK(ecam_ring_find(&p.reader, &third, &data, &error), error);
    drop(&p);
}

/* 4096 bytes, and two records of 128: the third begins again at the front. */
static void a_rewound_ring_begins_at_its_front(void **state)
{
    const void *data;
    ecam_error error;
    pair p;

    (void)state;
    make(&p, CAPACITY);
    ecam_ring_rewind(&p.writer); /* it is there already */
    ecam_ring_place first = put(&p.writer, "1", 2), second = put(&p.writer, "2", 2);
    assert_int_equal(second.ticket, 128);
    ecam_ring_rewind(&p.writer);
    assert_int_equal(ecam_ring_end_of(&p.writer, 128), 4096 + 128);
    ecam_ring_place third = put(&p.writer, "3", 2), fourth = put(&p.writer, "4", 2);

    assert_int_equal(third.ticket, 4096);
    assert_int_equal(third.offset, 64);
    assert_int_equal(fourth.ticket, 4096 + 128);
    const ecam_ring_record *skipped = (const void *)((char *)p.writer.memory.map + ECAM_RING_HEADER_BYTES + 256);
    assert_int_equal(skipped->kind, ECAM_RECORD_PADDING);
    assert_int_equal(skipped->position, 256);
    assert_int_equal(skipped->bytes, 4096 - 256);
    assert_int_equal(header_of(&p)->commit, 4096 + 256);
    CHECK_STATUS(ecam_ring_find(&p.reader, &first, &data, &error), ECAM_ECLOSED);
    CHECK_STATUS(ecam_ring_find(&p.reader, &second, &data, &error), ECAM_ECLOSED);
    CHECK_OK(ecam_ring_find(&p.reader, &third, &data, &error), error);
    assert_string_equal(data, "3");
    CHECK_OK(ecam_ring_find(&p.reader, &fourth, &data, &error), error);
    assert_string_equal(data, "4");
    drop(&p);
}

static void a_record_may_fill_the_ring(void **state)
{
    char bytes[CAPACITY - 64];
    const void *data;
    ecam_error error;
    pair p;

    (void)state;
    memset(bytes, 3, sizeof bytes);
    make(&p, CAPACITY);
    put(&p.writer, bytes, 1);
    for (int i = 1; i < 4; i++) {
        ecam_ring_place place = put(&p.writer, bytes, sizeof bytes);
        assert_int_equal(place.ticket, i * CAPACITY);
        CHECK_OK(ecam_ring_find(&p.reader, &place, &data, &error), error);
        assert_memory_equal(data, bytes, sizeof bytes);
        assert_true(ecam_ring_intact(&p.reader, place.ticket));
    }
    drop(&p);
}

static void places_that_no_record_has_are_refused(void **state)
{
    const uint64_t beyond = UINT64_C(1) << 63;
    char bytes[100] = {0};
    const void *data;
    ecam_error error;
    pair p;

    (void)state;
    make(&p, CAPACITY);
    put(&p.writer, bytes, 1);
    const ecam_ring_place good = put(&p.writer, bytes, 100); /* 192 bytes at 128 */
    const ecam_ring_place bad[] = {
        {good.offset, 129, good.ticket},       {good.offset, beyond, good.ticket},
        {good.offset, UINT64_MAX, good.ticket}, {good.offset - 1, 1, good.ticket},
        {good.offset + 128, 1, good.ticket},   {beyond, 1, good.ticket},
        {UINT64_MAX, 2, good.ticket},          {good.offset, 1, good.ticket + 1},
        {good.offset, 1, good.ticket + 64},    {good.offset, 1, good.ticket + 192},
        {good.offset, 1, 0},                   {good.offset, 1, UINT64_MAX - 63},
        {good.offset, 1, good.ticket - 64},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ecam_status st = ecam_ring_find(&p.reader, &bad[i], &data, &error);
        if (st != ECAM_EINVAL || data)
            fail_msg("place %zu gave \"%s\"", i, ecam_status_word(st));
    }
    CHECK_OK(ecam_ring_find(&p.reader, &good, &data, &error), error);
    const ecam_ring_place end = {good.offset + 128, 0, good.ticket};
    CHECK_OK(ecam_ring_find(&p.reader, &end, &data, &error), error);
    drop(&p);
}

/* A hostile writer changes what it likes, whenever it likes. */
static void counters_and_record_headers_are_not_believed(void **state)
{
    char bytes[100] = {0};
    const void *data;
    ecam_error error;
    pair p;

    (void)state;
    make(&p, CAPACITY);
    const ecam_ring_place place = put(&p.writer, bytes, 100);
    ecam_ring_record *record = (void *)((char *)p.writer.memory.map + ECAM_RING_HEADER_BYTES);

    header_of(&p)->intent = UINT64_MAX;
    CHECK_STATUS(ecam_ring_find(&p.reader, &place, &data, &error), ECAM_ECLOSED);
    header_of(&p)->intent = 0; /* at its ticket: nothing is said to be written over */
    CHECK_OK(ecam_ring_find(&p.reader, &place, &data, &error), error);
    header_of(&p)->commit = UINT64_MAX;
    header_of(&p)->capacity = UINT64_MAX;
    record->bytes = UINT64_MAX;
    CHECK_STATUS(ecam_ring_find(&p.reader, &place, &data, &error), ECAM_EINVAL);
    record->bytes = CAPACITY + 64;
    CHECK_STATUS(ecam_ring_find(&p.reader, &place, &data, &error), ECAM_EINVAL);
    record->bytes = CAPACITY; /* a lie that stays within the ring does no harm */
    const ecam_ring_place all = {64, CAPACITY - 64, 0};
    CHECK_OK(ecam_ring_find(&p.reader, &all, &data, &error), error);
    record->bytes = 32;
    CHECK_STATUS(ecam_ring_find(&p.reader, &place, &data, &error), ECAM_EINVAL);
    drop(&p);
}

static void headers_that_lie_are_refused(void **state)
{
    static const struct {
        size_t offset;
        uint64_t value;
        ecam_status expected;
    } lies[] = {
        {0, 0, ECAM_EFORMAT},                                 /* magic */
        {8, (UINT64_C(4096) << 32) | 2, ECAM_EVERSION},       /* version 2 */
        {8, (UINT64_C(0) << 32) | 1, ECAM_EFORMAT},           /* header_bytes 0 */
        {8, (UINT64_C(8192) << 32) | 1, ECAM_EFORMAT},        /* header_bytes */
        {16, 0, ECAM_EFORMAT},                                /* capacity */
        {16, CAPACITY - 64, ECAM_EFORMAT},                    {16, 2 * CAPACITY, ECAM_EFORMAT},
        {16, UINT64_MAX, ECAM_EFORMAT},                       {16, UINT64_C(0) - 4096, ECAM_EFORMAT},
    };
    ecam_ring_writer writer;
    ecam_ring_reader reader;
    ecam_error error;

    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        CHECK_OK(ecam_ring_create(CAPACITY, &writer, &error), error);
        memcpy((char *)writer.memory.map + lies[i].offset, &lies[i].value, 8);
        ecam_status st = ecam_ring_open(dup(writer.memory.fd), &reader, &error);
        if (st != lies[i].expected || reader.memory.map)
            fail_msg("lie %zu gave \"%s\"", i, ecam_status_word(st));
        ecam_ring_destroy(&writer);
    }
}

/* ---- two threads ---- */

#define RACE_CAPACITY (1 << 16)
#define RACE_RECORDS 4000000 /* at most; with ECAM_LONG, so many times more */
#define RACE_WHOLE 3000
#define RACE_OVER 300
#ifdef ECAM_SHM_TSAN
#define LONG_TIMES 20
#else
#define LONG_TIMES 100
#endif
#define SLOTS 256

typedef struct race {
    pair p;
    struct {
        _Atomic uint64_t offset, size, ticket; /* offset last; 0: none yet */
    } places[SLOTS];
    _Atomic uint64_t written;
    _Atomic bool enough;
    uint64_t times;
    uint64_t whole, torn, over;
} race;

/* Every byte of record i is i's, so that a mixture shows. */
static void *write_race(void *argument)
{
    race *r = argument;
    unsigned char *bytes = malloc(8192);
    unsigned seed = 1;

    for (uint64_t i = 0; i < r->times * RACE_RECORDS && !atomic_load(&r->enough); i++) {
        size_t size = 1 + (size_t)rand_r(&seed) % 8192;
        if (rand_r(&seed) % 16 == 0)
            ecam_ring_rewind(&r->p.writer);
        memset(bytes, (int)(i % 251), size);
        ecam_ring_place place = put(&r->p.writer, bytes, size);
        atomic_store(&r->places[i % SLOTS].ticket, place.ticket);
        atomic_store(&r->places[i % SLOTS].size, place.size);
        atomic_store(&r->places[i % SLOTS].offset, place.offset);
        atomic_store(&r->written, i + 1);
    }
    free(bytes);
    return NULL;
}

static void read_one(race *r, uint64_t i, unsigned char *bytes)
{
    const ecam_ring_place place = {atomic_load(&r->places[i % SLOTS].offset), atomic_load(&r->places[i % SLOTS].size),
                                   atomic_load(&r->places[i % SLOTS].ticket)};
    const void *data;
    ecam_status st;

    if (atomic_load(&r->written) > i + SLOTS - 1)
        return; /* the place may be a mixture */
    st = ecam_ring_find(&r->p.reader, &place, &data, NULL);
    if (st != ECAM_OK) {
        assert_int_equal(st, ECAM_ECLOSED);
        r->over++;
        return;
    }
    assert_true(ecam_ring_fetch(&r->p.reader, bytes, data, place.size));
    if (!ecam_ring_intact(&r->p.reader, place.ticket)) {
        r->over++;
        return;
    }
    r->whole++;
    for (uint64_t at = 0; at < place.size; at++)
        if (bytes[at] != i % 251)
            r->torn++;
}

/* As a ring's, in memory that is read by calls of the system. */
static void make_in_segment(pair *p, size_t capacity)
{
    ecam_error error;
    ecam_memfd memory;

    CHECK_OK(ecam_ring_create(capacity, &p->writer, &error), error);
    CHECK_OK(ecam_segment_create(p->writer.memory.bytes, &memory, &error), error);
    memcpy(memory.map, p->writer.memory.map, memory.bytes);
    ecam_memfd_close(&p->writer.memory);
    p->writer.memory = memory;
    CHECK_OK(ecam_ring_open(dup(memory.fd), &p->reader, &error), error);
    assert_true(p->reader.unmapped);
}

static void run_race(void (*make_pair)(pair *, size_t))
{
    race *r = calloc(1, sizeof *r);
    unsigned char *bytes = malloc(8192);
    unsigned seed = 2;
    pthread_t writer;

    r->times = getenv("ECAM_LONG") ? LONG_TIMES : 1;
    make_pair(&r->p, RACE_CAPACITY);
    assert_int_equal(pthread_create(&writer, NULL, write_race, r), 0);
    /* Some 16 records fill the ring: from fresh ones to such that are just
     * being written over. */
    while (atomic_load(&r->written) < r->times * RACE_RECORDS &&
           (r->whole < r->times * RACE_WHOLE || r->over < r->times * RACE_OVER)) {
        uint64_t written = atomic_load(&r->written), back = 1 + (uint64_t)rand_r(&seed) % 20;
        if (written >= back)
            read_one(r, written - back, bytes);
    }
    atomic_store(&r->enough, true);
    pthread_join(writer, NULL);
    assert_int_equal(r->torn, 0);
    assert_true(r->whole > 0 && r->over > 0);
    print_message("# %llu whole, %llu written over\n", (unsigned long long)r->whole, (unsigned long long)r->over);
    drop(&r->p);
    free(bytes);
    free(r);
}

static void nothing_torn_is_taken_for_whole(void **state)
{
    (void)state;
    run_race(make);
}

static void nor_in_a_segment(void **state)
{
    (void)state;
    run_race(make_in_segment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_counted_and_checked),
        cmocka_unit_test(pieces_of_a_record_are_found),
        cmocka_unit_test(records_stay_contiguous_at_the_wrap),
        cmocka_unit_test(a_rewound_ring_begins_at_its_front),
        cmocka_unit_test(a_record_may_fill_the_ring),
        cmocka_unit_test(places_that_no_record_has_are_refused),
        cmocka_unit_test(counters_and_record_headers_are_not_believed),
        cmocka_unit_test(headers_that_lie_are_refused),
        cmocka_unit_test(nothing_torn_is_taken_for_whole),
        cmocka_unit_test(nor_in_a_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
