/* The subscriber against a real XPUB socket in the same process. */
#include <zmq.h>

#include "base/buffer.h"
#include "client/receive.h"
#include "eigencam/subscriber.h"
#include "support/check.h"
#include "wire/result.h"

#define TIMEOUT_MS 20000

typedef struct stage {
    void *context, *socket;
    char endpoint[128];
    ecam_subscriber *subscriber;
    ecam_error error;
} stage;

static int open_stage(void **state)
{
    static stage s;
    size_t size = sizeof s.endpoint;
    const int timeout = TIMEOUT_MS, linger = 0;

    s = (stage){.context = zmq_ctx_new()};
    s.socket = zmq_socket(s.context, ZMQ_XPUB);
    *state = &s;
    return zmq_setsockopt(s.socket, ZMQ_RCVTIMEO, &timeout, sizeof timeout) ||
           zmq_setsockopt(s.socket, ZMQ_LINGER, &linger, sizeof linger) ||
           zmq_bind(s.socket, "tcp://127.0.0.1:*") ||
           zmq_getsockopt(s.socket, ZMQ_LAST_ENDPOINT, s.endpoint, &size);
}

static int close_stage(void **state)
{
    stage *s = *state;

    ecam_subscriber_close(&s->subscriber);
    zmq_close(s->socket);
    return zmq_ctx_term(s->context);
}

/* Open the subscriber, and wait until its subscriptions have arrived. */
static void subscribe(stage *s, const char *const *topics, size_t n)
{
    const char *endpoints[] = {s->endpoint};
    char bytes[64];

    CHECK_OK(ecam_subscriber_open(endpoints, 1, topics, n, &s->subscriber, &s->error), s->error);
    for (size_t i = 0; i < (n ? n : 1); i++)
        assert_true(zmq_recv(s->socket, bytes, sizeof bytes, 0) >= 1 && bytes[0] == 1);
}

static ecam_result stats(uint64_t seq, const ecam_counter *counter)
{
    return (ecam_result){.type = ECAM_RESULT_STATS, .stage = 1, .seq = seq, .run = "", .output = "",
                         .mode = "", .stats = {.counters = counter, .n_counters = 1}};
}

static void send_result(stage *s, const ecam_result *result)
{
    ecam_buffer topic = {0}, header = {0};

    CHECK_STATUS(ecam_result_topic(result, &topic), ECAM_OK);
    CHECK_STATUS(ecam_result_header(result, &header), ECAM_OK);
    const ecam_frame frames[] = {{topic.data, topic.size},
                                 {header.data, header.size},
                                 {result->picture.png, result->picture.png_bytes}};
    CHECK_OK(ecam_parts_send(s->socket, frames, result->picture.png ? 3 : 2, 0, &s->error),
             s->error);
    ecam_buffer_finish(&topic);
    ecam_buffer_finish(&header);
}

static const ecam_result *receive(stage *s)
{
    const ecam_result *result = NULL;
    CHECK_OK(ecam_subscriber_next(s->subscriber, TIMEOUT_MS, &result, &s->error), s->error);
    return result;
}

static void results_arrive_decoded(void **state)
{
    static const char png[] = "\x89PNG\r\n\x1a\nand so on";
    stage *s = *state;
    ecam_result sent = {.type = ECAM_RESULT_SHEET, .stage = 5, .run = "r", .output = "o",
                        .mode = "eval",
                        .epoch = 4, .attempt = 1, .page = {.number = 0, .pages = 1, .rows = 2},
                        .picture = {.width = 7, .height = 5, .png = png, .png_bytes = sizeof png}};

    subscribe(s, NULL, 0);
    send_result(s, &sent);
    const ecam_result *got = receive(s);
    assert_int_equal(got->type, ECAM_RESULT_SHEET);
    assert_string_equal(got->run, "r");
    assert_string_equal(got->mode, "eval");
    assert_int_equal(got->page.rows, 2);
    assert_int_equal(got->picture.png_bytes, sizeof png);
    assert_memory_equal(got->picture.png, png, sizeof png);
}

static void only_subscribed_topics_arrive(void **state)
{
    static const char *const topics[] = {"epoch|", "stats|"};
    const ecam_counter counter = {"used", 3};
    stage *s = *state;
    ecam_result error = {.type = ECAM_RESULT_ERROR, .run = "r", .output = "", .mode = "",
                         .error = {.code = "shape", .message = "m"}};
    ecam_result after = stats(0, &counter);

    subscribe(s, topics, 2);
    send_result(s, &error);
    send_result(s, &after);
    const ecam_result *got = receive(s);
    assert_int_equal(got->type, ECAM_RESULT_STATS);
    assert_string_equal(got->stats.counters[0].name, "used");
}

static void gaps_are_losses(void **state)
{
    static const uint64_t seqs[] = {3, 4, 7, 7, 8};
    stage *s = *state;

    subscribe(s, NULL, 0);
    for (size_t i = 0; i < sizeof seqs / sizeof *seqs; i++) {
        const ecam_counter counter = {"n", i};
        ecam_result result = stats(seqs[i], &counter);
        send_result(s, &result);
        assert_int_equal(receive(s)->stats.counters[0].value, i);
    }
    assert_int_equal(ecam_subscriber_lost(s->subscriber), 2);
}

static void a_bad_message_costs_only_itself(void **state)
{
    const ecam_frame bad[] = {{"stats|", 6}, {"\xc1", 1}};
    const ecam_frame many[] = {{"s", 1}, {"", 0}, {"", 0}, {"", 0}, {"", 0},
                               {"", 0},  {"", 0}, {"", 0}, {"", 0}};
    const ecam_counter counter = {"n", 1};
    stage *s = *state;
    ecam_result good = stats(0, &counter);
    const ecam_result *got;

    subscribe(s, NULL, 0);
    CHECK_OK(ecam_parts_send(s->socket, bad, 2, 0, &s->error), s->error);
    CHECK_OK(ecam_parts_send(s->socket, many, 9, 0, &s->error), s->error);
    send_result(s, &good);
    CHECK_STATUS(ecam_subscriber_next(s->subscriber, TIMEOUT_MS, &got, &s->error), ECAM_EFORMAT);
    assert_null(got);
    CHECK_STATUS(ecam_subscriber_next(s->subscriber, TIMEOUT_MS, &got, &s->error), ECAM_ELIMIT);
    CHECK_TEXT_HAS(s->error.text, "9 frames");
    assert_int_equal(receive(s)->stats.counters[0].value, 1);
}

static void time_without_a_result_runs_out(void **state)
{
    stage *s = *state;
    const ecam_result *got;

    subscribe(s, NULL, 0);
    CHECK_STATUS(ecam_subscriber_next(s->subscriber, 0, &got, &s->error), ECAM_EAGAIN);
    CHECK_STATUS(ecam_subscriber_next(s->subscriber, 5, &got, &s->error), ECAM_EAGAIN);
    assert_null(got);
}

static void an_endpoint_may_be_bound(void **state)
{
    static const char *const endpoints[] = {"bind:tcp://127.0.0.1:*"};
    stage *s = *state;

    CHECK_OK(ecam_subscriber_open(endpoints, 1, NULL, 0, &s->subscriber, &s->error), s->error);
}

static void bad_endpoints_leave_nothing(void **state)
{
    stage *s = *state;
    const char *endpoints[] = {s->endpoint, "nonsense"};

    CHECK_STATUS(ecam_subscriber_open(endpoints, 2, NULL, 0, &s->subscriber, &s->error),
                 ECAM_EINVAL);
    assert_null(s->subscriber);
    CHECK_TEXT_HAS(s->error.text, "nonsense");
    CHECK_STATUS(ecam_subscriber_open(NULL, 0, NULL, 0, &s->subscriber, &s->error), ECAM_EINVAL);
    ecam_subscriber_close(&s->subscriber);
}

#define WITH_STAGE(test) cmocka_unit_test_setup_teardown(test, open_stage, close_stage)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STAGE(results_arrive_decoded),
        WITH_STAGE(only_subscribed_topics_arrive),
        WITH_STAGE(gaps_are_losses),
        WITH_STAGE(a_bad_message_costs_only_itself),
        WITH_STAGE(time_without_a_result_runs_out),
        WITH_STAGE(an_endpoint_may_be_bound),
        WITH_STAGE(bad_endpoints_leave_nothing),
    };
    return cmocka_run_group_tests_name("subscriber", tests, NULL, NULL);
}
