#include <zmq.h>

#include "client/receive.h"
#include "stage/outlet.h"
#include "support/check.h"
#include "wire/result.h"

#define SECOND INT64_C(1000000000)

static void *context, *logger;
static ecam_outlet outlet;

static void open_logger(const char *topic, int queue)
{
    logger = zmq_socket(context, ZMQ_SUB);
    assert_non_null(logger);
    assert_int_equal(zmq_setsockopt(logger, ZMQ_RCVHWM, &queue, sizeof queue), 0);
    assert_int_equal(zmq_setsockopt(logger, ZMQ_SUBSCRIBE, topic, strlen(topic)), 0);
    assert_int_equal(zmq_connect(logger, "inproc://outlet"), 0);
    /* The subscription is there when the outlet can read it. */
    zmq_pollitem_t item = {.socket = outlet.socket, .events = ZMQ_POLLIN};
    assert_int_equal(zmq_poll(&item, 1, 30000), 1);
    assert_true(ecam_outlet_heard(&outlet));
}

static int set_up(void **state)
{
    (void)state;
    ecam_error error = {0};
    context = zmq_ctx_new();
    CHECK_OK(ecam_outlet_open(&outlet, context, &error), error);
    return zmq_bind(outlet.socket, "inproc://outlet");
}

static int tear_down(void **state)
{
    (void)state;
    if (logger)
        zmq_close(logger);
    logger = NULL;
    ecam_outlet_close(&outlet, 0);
    assert_null(outlet.socket);
    ecam_outlet_close(&outlet, 0); /* twice does no harm */
    return zmq_ctx_term(context);
}

static ecam_result overlay(const char *run, uint32_t number)
{
    return (ecam_result){.type = ECAM_RESULT_OVERLAY, .run = run, .output = "out", .mode = "eval", .epoch = 3,
                         .attempt = 1, .sample = {.number = number, .ds_id = ""},
                         .component = {.components = 1},
                         .picture = {.width = 1, .height = 1, .png = "\x89PNG\r\n\x1a\n", .png_bytes = 8}};
}

static ecam_result stats(void)
{
    static const ecam_counter counter = {"received", 5};
    return (ecam_result){.type = ECAM_RESULT_STATS, .run = "", .output = "", .mode = "", .attempt = 1,
                         .stats = {&counter, 1}};
}

static ecam_status send(ecam_result result, int64_t now_ns)
{
    ecam_error error = {0};
    ecam_status st = ecam_outlet_send(&outlet, &result, now_ns, &error);
    if (st != ECAM_OK && st != ECAM_EAGAIN)
        fail_msg("not sent: %s", error.text);
    return st;
}

/* The next result that the logger has; false where there is none. */
static bool receive(ecam_result_type *type, uint64_t *seq, uint64_t *stage, char *topic, size_t capacity)
{
    ecam_parts parts;
    ecam_arena arena;
    ecam_result result;
    ecam_error error = {0};

    ecam_parts_init(&parts);
    zmq_pollitem_t item = {.socket = logger, .events = ZMQ_POLLIN};
    zmq_poll(&item, 1, 100);
    bool there = ecam_parts_receive(logger, ZMQ_DONTWAIT, &parts, NULL) == ECAM_OK;
    if (there) {
        ecam_arena_init(&arena, 0);
        CHECK_OK(ecam_result_decode(parts.frames, parts.n, &arena, &result, &error), error);
        *type = result.type;
        *seq = result.seq;
        *stage = result.stage;
        snprintf(topic, capacity, "%.*s", (int)parts.frames[0].size, (const char *)parts.frames[0].data);
        assert_true(result.time_ns > UINT64_C(1600000000) * 1000000000);
        assert_int_equal(parts.n, result.picture.png ? 3 : 2);
        ecam_arena_finish(&arena);
    }
    ecam_parts_finish(&parts);
    return there;
}

static void results_are_counted_for_each_topic(void **state)
{
    (void)state;
    static const struct { const char *topic; uint64_t seq; } expected[] = {
        {"overlay|a|out|eval|", 0}, {"overlay|a|out|eval|", 1}, {"overlay|b|out|eval|", 0}, {"stats|", 0},
        {"overlay|a|out|eval|", 2}, {"stats|", 1}};
    ecam_result_type type;
    uint64_t seq, stage;
    char topic[64];

    open_logger("", 1000);
    assert_int_equal(send(overlay("a", 0), 1), ECAM_OK);
    assert_int_equal(send(overlay("a", 1), 1), ECAM_OK);
    assert_int_equal(send(overlay("b", 0), 1), ECAM_OK);
    assert_int_equal(send(stats(), 1), ECAM_OK);
    assert_int_equal(send(overlay("a", 2), 1), ECAM_OK);
    assert_int_equal(send(stats(), 1), ECAM_OK);
    for (size_t i = 0; i < 6; i++) {
        assert_true(receive(&type, &seq, &stage, topic, sizeof topic));
        assert_string_equal(topic, expected[i].topic);
        assert_int_equal(seq, expected[i].seq);
        assert_true(stage == outlet.stage && stage != 0);
    }
    assert_false(receive(&type, &seq, &stage, topic, sizeof topic));
    assert_int_equal(outlet.sent[ECAM_RESULT_OVERLAY], 4);
    assert_int_equal(outlet.sent[ECAM_RESULT_STATS], 2);
}

/* The first result that a logger gets has the seq that it would have had, had
 * the logger been there from the start. */
static void what_nobody_asked_for_is_counted(void **state)
{
    (void)state;
    ecam_result_type type;
    uint64_t seq, stage;
    char topic[64];

    open_logger("stats|", 10);
    for (uint32_t i = 0; i < 7; i++)
        assert_int_equal(send(overlay("a", i), 1), ECAM_OK);
    assert_int_equal(outlet.header.size, 0); /* not even packed */
    assert_int_equal(send(stats(), 1), ECAM_OK);
    assert_true(receive(&type, &seq, &stage, topic, sizeof topic));
    assert_int_equal(type, ECAM_RESULT_STATS);

    /* heard by the sending itself, and told afterwards */
    assert_int_equal(zmq_setsockopt(logger, ZMQ_SUBSCRIBE, "overlay|a|", 10), 0);
    zmq_pollitem_t item = {.socket = outlet.socket, .events = ZMQ_POLLIN};
    assert_int_equal(zmq_poll(&item, 1, 30000), 1);
    assert_int_equal(send(overlay("a", 7), 1), ECAM_OK);
    assert_int_equal(send(overlay("b", 0), 1), ECAM_OK);
    assert_true(ecam_outlet_heard(&outlet));
    assert_false(ecam_outlet_heard(&outlet));
    assert_true(receive(&type, &seq, &stage, topic, sizeof topic));
    assert_string_equal(topic, "overlay|a|out|eval|");
    assert_int_equal(seq, 7);
    assert_false(receive(&type, &seq, &stage, topic, sizeof topic));
    assert_int_equal(outlet.sent[ECAM_RESULT_OVERLAY], 9);
}

/* Another one who leaves takes nothing along. */
static void a_leaving_logger_ends_nothing(void **state)
{
    (void)state;
    ecam_result_type type;
    uint64_t seq, stage;
    char topic[64];
    void *other = zmq_socket(context, ZMQ_XSUB);
    zmq_pollitem_t item = {.socket = outlet.socket, .events = ZMQ_POLLIN};

    open_logger("overlay|", 10);
    assert_int_equal(zmq_connect(other, "inproc://outlet"), 0);
    assert_int_equal(zmq_send(other, "\1overlay|", 9, 0), 9);
    assert_int_equal(zmq_poll(&item, 1, 30000), 1);
    assert_true(ecam_outlet_heard(&outlet));
    assert_int_equal(zmq_send(other, "\0overlay|", 9, 0), 9);
    zmq_close(other);
    zmq_poll(&item, 1, 100);
    ecam_outlet_heard(&outlet);
    assert_int_equal(send(overlay("a", 0), 1), ECAM_OK);
    assert_true(receive(&type, &seq, &stage, topic, sizeof topic));
}

/* More subscriptions than are remembered: then everything is sent. */
static void many_subscriptions_lose_nothing(void **state)
{
    (void)state;
    ecam_result_type type;
    uint64_t seq, stage;
    char topic[64];

    open_logger("stats|", 10);
    for (int i = 0; i < 1000; i++) {
        snprintf(topic, sizeof topic, "map|%d|", i);
        assert_int_equal(zmq_setsockopt(logger, ZMQ_SUBSCRIBE, topic, strlen(topic)), 0);
    }
    assert_int_equal(zmq_setsockopt(logger, ZMQ_SUBSCRIBE, "overlay|b|", 10), 0);
    assert_int_equal(send(overlay("b", 0), 1), ECAM_OK);
    assert_true(receive(&type, &seq, &stage, topic, sizeof topic));
    assert_string_equal(topic, "overlay|b|out|eval|");
}

static void without_loggers_all_is_sent(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 5000; i++)
        assert_int_equal(send(overlay("a", i), 1), ECAM_OK);
    assert_false(ecam_outlet_heard(&outlet));
}

static void subscriptions_are_heard(void **state)
{
    (void)state;
    assert_false(ecam_outlet_heard(&outlet));
    open_logger("stats|", 10); /* heard in there */
    assert_false(ecam_outlet_heard(&outlet));
    assert_int_equal(zmq_setsockopt(logger, ZMQ_UNSUBSCRIBE, "stats|", 6), 0);
    zmq_pollitem_t item = {.socket = outlet.socket, .events = ZMQ_POLLIN};
    assert_int_equal(zmq_poll(&item, 1, 30000), 1);
    assert_false(ecam_outlet_heard(&outlet)); /* leaving is no new one */
}

/* Send until the logger's queue is full. */
static uint32_t fill(int64_t now_ns)
{
    for (uint32_t i = 0; i < 100000; i++)
        if (send(overlay("a", i), now_ns) == ECAM_EAGAIN)
            return i;
    fail_msg("the queue never fills");
    return 0;
}

static uint32_t drain(void)
{
    ecam_result_type type;
    uint64_t seq, stage;
    char topic[64];
    uint32_t n = 0;
    while (receive(&type, &seq, &stage, topic, sizeof topic))
        n++;
    return n;
}

static void a_slow_logger_holds_results_up(void **state)
{
    (void)state;
    open_logger("", 10);
    uint32_t n = fill(100 * SECOND);
    assert_true(n >= 10);
    assert_int_equal(outlet.sent[ECAM_RESULT_OVERLAY], n);
    assert_int_equal(send(overlay("a", n), 104 * SECOND), ECAM_EAGAIN);
    assert_int_equal(drain(), n); /* nothing was lost, and nothing sent twice */
    assert_int_equal(send(overlay("a", n), 104 * SECOND), ECAM_OK);
    fill(200 * SECOND); /* the wait begins anew */
    assert_int_equal(send(overlay("a", 0), 204 * SECOND), ECAM_EAGAIN);
}

static void but_not_for_ever(void **state)
{
    (void)state;
    open_logger("", 10);
    uint32_t n = fill(100 * SECOND);
    assert_int_equal(send(overlay("a", n), 100 * SECOND + ECAM_STALL_NS - 1), ECAM_EAGAIN);
    for (uint32_t i = 0; i < 1000; i++) /* lost for this logger */
        assert_int_equal(send(overlay("a", n), 100 * SECOND + ECAM_STALL_NS), ECAM_OK);
    assert_int_equal(drain(), n);

    /* after an epoch's summary it is waited for again */
    ecam_result summary = {.type = ECAM_RESULT_EPOCH, .run = "a", .output = "out", .mode = "eval", .attempt = 1};
    assert_int_equal(send(summary, 110 * SECOND), ECAM_OK);
    assert_int_equal(drain(), 1);
    n = fill(120 * SECOND);
    assert_true(n >= 10);
    assert_int_equal(drain(), n);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(results_are_counted_for_each_topic), CASE(what_nobody_asked_for_is_counted),
        CASE(a_leaving_logger_ends_nothing),      CASE(many_subscriptions_lose_nothing),
        CASE(without_loggers_all_is_sent),
        CASE(subscriptions_are_heard),            CASE(a_slow_logger_holds_results_up),
        CASE(but_not_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
