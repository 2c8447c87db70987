/* The publisher and its ring, with the stage's side played by the test: what is
 * offered, when the ring is used, which part of it, and what ends its use. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <zmq.h>

#include "base/arena.h"
#include "client/receive.h"
#include "eigencam/publisher.h"
#include "shm/greeting.h"
#include "shm/page.h"
#include "shm/ring.h"
#include "support/check.h"
#include "support/failing_malloc.h"
#include "wire/message.h"
#include "wire/want.h"

#define PATIENCE_MS 20000
#define RING_BYTES ((size_t)32 << 20)
#define RECORD_BYTES ((size_t)3 << 20)

typedef struct stage {
    void *context, *socket;
    char endpoint[128], name[64];
    int listener, link, given; /* given: the ring's descriptor */
    ecam_offer offer;
    ecam_memfd page;
    ecam_publisher *publisher;
    ecam_parts parts;
    ecam_arena arena;
    ecam_message message;
    ecam_error error;
} stage;

static int open_stage(void **state)
{
    static stage s;
    size_t size = sizeof s.endpoint;
    const int timeout = PATIENCE_MS, linger = 0;

    s = (stage){.context = zmq_ctx_new(), .link = -1, .given = -1, .page = ECAM_MEMFD_CLOSED};
    s.socket = zmq_socket(s.context, ZMQ_XSUB);
    ecam_parts_init(&s.parts);
    ecam_arena_init(&s.arena, 0);
    snprintf(s.name, sizeof s.name, "@ecam-test-ring-%d-%p", (int)getpid(), (void *)s.socket);
    s.listener = ecam_greeting_listen(s.name);
    *state = &s;
    return s.listener < 0 || zmq_setsockopt(s.socket, ZMQ_RCVTIMEO, &timeout, sizeof timeout) ||
           zmq_setsockopt(s.socket, ZMQ_LINGER, &linger, sizeof linger) || zmq_bind(s.socket, "tcp://127.0.0.1:*") ||
           zmq_getsockopt(s.socket, ZMQ_LAST_ENDPOINT, s.endpoint, &size);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int close_stage(void **state)
{
    stage *s = *state;

    ecam_publisher_close(&s->publisher, 0);
    ecam_memfd_close(&s->page);
    close_fd(&s->link);
    close_fd(&s->given);
    close_fd(&s->listener);
    ecam_parts_finish(&s->parts);
    ecam_arena_finish(&s->arena);
    zmq_close(s->socket);
    return zmq_ctx_term(s->context);
}

static ecam_publisher_stats stats_of(const stage *s)
{
    ecam_publisher_stats stats;
    ecam_publisher_get_stats(s->publisher, &stats);
    return stats;
}

/* A want that names the local socket, until the offer is there. */
static void await_offer(stage *s)
{
    const ecam_interest all = {.modes = ECAM_ALL_MODES};
    const ecam_want want = {.stage = 5, .ttl_ms = 600000, .socket = s->name, .interests = &all, .n_interests = 1};
    ecam_buffer header = {0};
    int socket = -1;

    CHECK_STATUS(ecam_want_encode(&want, &header), ECAM_OK);
    const ecam_frame frames[] = {{"want", 4}, {header.data, header.size}};
    CHECK_OK(ecam_parts_send(s->socket, frames, 2, 0, &s->error), s->error);
    ecam_buffer_finish(&header);
    for (int tries = 0; socket < 0 && tries < PATIENCE_MS; tries++) {
        ecam_publisher_wait(s->publisher, 1);
        socket = accept(s->listener, NULL, NULL);
    }
    assert_true(socket >= 0);
    s->link = socket;
    CHECK_STATUS(ecam_offer_receive(s->link, &s->offer, &s->given), ECAM_OK);
}

static void connect_publisher(stage *s, unsigned block_ms)
{
    zmq_pollitem_t item = {.socket = s->socket, .events = ZMQ_POLLIN};
    ecam_publisher_options o;

    ecam_publisher_defaults(&o);
    o.endpoint = s->endpoint;
    o.run = "r";
    o.ring_bytes = RING_BYTES;
    o.block_ms = block_ms;
    CHECK_OK(ecam_publisher_open(&o, &s->publisher, &s->error), s->error);
    assert_true(zmq_send(s->socket, "\1", 1, 0) == 1);
    for (int tries = 0; !stats_of(s).subscribed && tries < PATIENCE_MS; tries++) {
        ecam_publisher_wait(s->publisher, 1);
        zmq_poll(&item, 1, 0);
    }
    await_offer(s);
}

static void answer(stage *s, uint64_t ring, bool page)
{
    const ecam_answer answer = {.ring = ring, .has_page = page};

    if (page)
        CHECK_OK(ecam_page_create(&s->page, &s->error), s->error);
    CHECK_STATUS(ecam_answer_send(s->link, &answer, page ? s->page.fd : -1), ECAM_OK);
    ecam_publisher_wait(s->publisher, PATIENCE_MS);
}

static ecam_status publish_bytes(stage *s, size_t size)
{
    static char bytes[RECORD_BYTES];
    static uint64_t step;
    const ecam_batch_value value = {.key = "x", .tensor = {.data = bytes, .size_bytes = size, .dtype = ECAM_U8,
                                                           .ndim = 2, .shape = {1, size}}};
    const ecam_batch batch = {.mode = "eval", .ds_id = "", .epoch = 1, .step = step++, .values = &value, .n_values = 1};
    return ecam_publisher_batch(s->publisher, &batch, &s->error);
}

static ecam_status publish(stage *s)
{
    return publish_bytes(s, RECORD_BYTES);
}

/* The next batch's place; all zero where it came in a frame. */
static ecam_shared_place receive(stage *s)
{
    do {
        CHECK_OK(ecam_parts_receive(s->socket, 0, &s->parts, &s->error), s->error);
        ecam_arena_reset(&s->arena);
        CHECK_OK(ecam_message_decode_shared(s->parts.frames, s->parts.n, &s->arena, &s->message, &s->error), s->error);
    } while (s->message.type != ECAM_MESSAGE_BATCH);
    return s->message.fields[0].shared;
}

static ecam_shared_place publish_and_receive(stage *s)
{
    CHECK_OK(publish(s), s->error);
    return receive(s);
}

/* What a stage has read that has given everything back. */
static void consume(stage *s, const ecam_shared_place *place)
{
    ecam_page_set(&s->page, place->ticket + 64 + RECORD_BYTES);
}

static void the_ring_is_used_once_it_is_acknowledged(void **state)
{
    ecam_ring_reader ring;
    ecam_ring_place where;
    const void *data;
    stage *s = *state;

    connect_publisher(s, 0);
    assert_string_equal(s->offer.run, "r");
    assert_string_equal(s->offer.endpoint, s->endpoint);
    assert_true(s->offer.has_ring && s->offer.wants_page);
    assert_false(publish_and_receive(s).there);
    answer(s, 77, true);
    ecam_shared_place place = publish_and_receive(s);
    assert_true(place.there);
    assert_int_equal(place.ring, 77);
    CHECK_OK(ecam_ring_open(s->given, &ring, &s->error), s->error);
    s->given = -1;
    where = (ecam_ring_place){.offset = place.offset, .size = place.size, .ticket = place.ticket};
    CHECK_OK(ecam_ring_find(&ring, &where, &data, &s->error), s->error);
    ecam_ring_close(&ring);
}

static void a_ring_that_is_not_taken_is_not_used(void **state)
{
    stage *s = *state;

    connect_publisher(s, 0);
    answer(s, 0, false);
    assert_false(publish_and_receive(s).there);
    assert_false(stats_of(s).shared_memory);
}

static void a_hang_up_ends_its_use(void **state)
{
    stage *s = *state;

    connect_publisher(s, 0);
    answer(s, 5, true);
    assert_true(publish_and_receive(s).there);
    close_fd(&s->link);
    for (int tries = 0; stats_of(s).shared_memory && tries < PATIENCE_MS; tries++)
        ecam_publisher_wait(s->publisher, 1);
    assert_false(publish_and_receive(s).there);
}

/* 32 MB, records of 3 MB and 64 bytes. */
static void what_is_read_is_written_over_first(void **state)
{
    stage *s = *state;

    connect_publisher(s, 0);
    answer(s, 5, true);
    for (int i = 0; i < 9; i++) {
        ecam_shared_place place = publish_and_receive(s);
        assert_int_equal(place.offset, 64 + (uint64_t)(i % 3) * (64 + RECORD_BYTES));
        assert_int_equal(place.ticket % RING_BYTES, place.offset - 64);
        assert_int_equal(place.ticket / RING_BYTES, i / 3);
        consume(s, &place);
    }
}

static void what_is_not_read_is_written_over_last(void **state)
{
    ecam_shared_place place = {0};
    stage *s = *state;

    connect_publisher(s, 0);
    answer(s, 5, true);
    for (int i = 0; i < 11; i++) {
        place = publish_and_receive(s);
        ecam_page_set(&s->page, 64); /* it never gets on */
        assert_int_equal(place.ticket, i < 10 ? (uint64_t)i * (64 + RECORD_BYTES) : RING_BYTES);
    }
    /* Says more than there was ever written: not believed. */
    ecam_page_set(&s->page, UINT64_MAX);
    for (int i = 1; i < 5; i++)
        assert_int_equal(publish_and_receive(s).ticket, RING_BYTES + (uint64_t)i * (64 + RECORD_BYTES));
}

static void a_publisher_that_waits_needs_a_page(void **state)
{
    stage *s = *state;

    connect_publisher(s, 50);
    answer(s, 5, false);
    assert_false(publish_and_receive(s).there);
}

static void a_full_ring_is_waited_for_and_then_dropped(void **state)
{
    ecam_shared_place first = {0};
    stage *s = *state;

    connect_publisher(s, 50);
    answer(s, 5, true);
    for (int i = 0; i < 10; i++) {
        ecam_shared_place place = publish_and_receive(s);
        if (i == 0)
            first = place;
    }
    CHECK_STATUS(publish(s), ECAM_EAGAIN);
    assert_int_equal(stats_of(s).dropped, 1);
    consume(s, &first);
    assert_int_equal(publish_and_receive(s).ticket, RING_BYTES);
    CHECK_STATUS(publish(s), ECAM_EAGAIN);
}

/* Once there are as many messages as are on their way at the same time: twenty
 * that leave within a tick make more than five. */
static void a_call_allocates_nothing(void **state)
{
    stage *s = *state;

    connect_publisher(s, 0);
    answer(s, 5, true);
    for (int round = 0; round < 4; round++) {
        const int calls = round < 3 ? 20 : 5;
        failing_malloc_arm(round < 3 ? UINT_MAX : 0);
        for (int i = 0; i < calls; i++)
            CHECK_OK(publish_bytes(s, 2000), s->error);
        assert_false(failing_malloc_disarm());
        for (int i = 0; i < calls; i++)
            assert_true(receive(s).there);
        for (int i = 0; i < 20; i++) { /* what was sent comes back */
            usleep(2000);
            ecam_publisher_wait(s->publisher, 1);
        }
    }
}

#define WITH_STAGE(f) cmocka_unit_test_setup_teardown(f, open_stage, close_stage)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STAGE(the_ring_is_used_once_it_is_acknowledged),
        WITH_STAGE(a_ring_that_is_not_taken_is_not_used),
        WITH_STAGE(a_hang_up_ends_its_use),
        WITH_STAGE(what_is_read_is_written_over_first),
        WITH_STAGE(what_is_not_read_is_written_over_last),
        WITH_STAGE(a_publisher_that_waits_needs_a_page),
        WITH_STAGE(a_full_ring_is_waited_for_and_then_dropped),
        WITH_STAGE(a_call_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
