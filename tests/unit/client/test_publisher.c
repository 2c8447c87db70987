/* The publisher against a real XSUB socket in the same process: what it sends,
 * leaves out, counts and refuses. */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <zmq.h>

#include "base/arena.h"
#include "client/receive.h"
#include "eigencam/publisher.h"
#include "support/check.h"
#include "wire/message.h"
#include "wire/want.h"

#define PATIENCE_MS 20000

typedef struct stage {
    void *context, *socket;
    char endpoint[128];
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

    s = (stage){.context = zmq_ctx_new()};
    s.socket = zmq_socket(s.context, ZMQ_XSUB);
    ecam_parts_init(&s.parts);
    ecam_arena_init(&s.arena, 0);
    *state = &s;
    return zmq_setsockopt(s.socket, ZMQ_RCVTIMEO, &timeout, sizeof timeout) ||
           zmq_setsockopt(s.socket, ZMQ_LINGER, &linger, sizeof linger) || zmq_bind(s.socket, "tcp://127.0.0.1:*") ||
           zmq_getsockopt(s.socket, ZMQ_LAST_ENDPOINT, s.endpoint, &size);
}

static int close_stage(void **state)
{
    stage *s = *state;

    ecam_publisher_close(&s->publisher, 0);
    ecam_parts_finish(&s->parts);
    ecam_arena_finish(&s->arena);
    zmq_close(s->socket);
    return zmq_ctx_term(s->context);
}

static void subscribe(stage *s, const char *prefix)
{
    char message[64] = {1};

    strcpy(message + 1, prefix);
    assert_true(zmq_send(s->socket, message, 1 + strlen(prefix), 0) >= 0);
}

static void open_publisher(stage *s, const ecam_publisher_options *given)
{
    ecam_publisher_options o;

    ecam_publisher_defaults(&o);
    if (given)
        o = *given;
    o.endpoint = s->endpoint;
    o.run = "r";
    o.ring_bytes = 1 << 16;
    CHECK_OK(ecam_publisher_open(&o, &s->publisher, &s->error), s->error);
}

static const ecam_message *receive(stage *s)
{
    CHECK_OK(ecam_parts_receive(s->socket, 0, &s->parts, &s->error), s->error);
    ecam_arena_reset(&s->arena);
    CHECK_OK(ecam_message_decode(s->parts.frames, s->parts.n, &s->arena, &s->message, &s->error), s->error);
    return &s->message;
}

static bool nothing_comes(stage *s)
{
    zmq_pollitem_t item = {.socket = s->socket, .events = ZMQ_POLLIN};
    return zmq_poll(&item, 1, 50) == 0;
}

static void say_want(stage *s, const ecam_interest *interests, size_t n)
{
    const ecam_want want = {.stage = 5, .ttl_ms = 10000, .interests = interests, .n_interests = n};
    ecam_buffer header = {0};

    CHECK_STATUS(ecam_want_encode(&want, &header), ECAM_OK);
    const ecam_frame frames[] = {{"want", 4}, {header.data, header.size}};
    CHECK_OK(ecam_parts_send(s->socket, frames, 2, 0, &s->error), s->error);
    ecam_buffer_finish(&header);
    ecam_publisher_stats stats;
    do {
        ecam_publisher_wait(s->publisher, 100);
        ecam_publisher_get_stats(s->publisher, &stats);
    } while (stats.stages == 0);
}

/* Both sockets live in this thread: each sees to its peers when it is used. */
static void wait_for_publisher(stage *s)
{
    zmq_pollitem_t item = {.socket = s->socket, .events = ZMQ_POLLIN};
    int tries = PATIENCE_MS / 10;

    while (!ecam_publisher_wait(s->publisher, 10) && tries-- > 0)
        zmq_poll(&item, 1, 0);
    assert_true(tries > 0);
}

/* A stage that wants all, greeted. */
static void connect_all(stage *s)
{
    subscribe(s, "");
    open_publisher(s, NULL);
    wait_for_publisher(s);
    assert_int_equal(receive(s)->type, ECAM_MESSAGE_HELLO);
}

/* 3 samples: images of 2 x 1 x 500, labels, names. */
static uint8_t pixels[3 * 1000];
static const int64_t numbers[3] = {7, 8, 9};
static const char *const names[3] = {"cat", "dog", "ant"};
static const ecam_batch_value values[] = {
    {.key = "images",
     .tensor = {.data = pixels, .size_bytes = sizeof pixels, .dtype = ECAM_U8, .layout = ECAM_LAYOUT_NHWC, .ndim = 4,
                .shape = {3, 2, 500, 1}}},
    {.key = "labels",
     .tensor = {.data = numbers, .size_bytes = sizeof numbers, .dtype = ECAM_I64, .ndim = 1, .shape = {3}}},
    {.key = "preds", .texts = names, .n_texts = 3},
};

static ecam_batch make_batch(uint64_t epoch, uint64_t step)
{
    return (ecam_batch){.mode = "eval", .ds_id = "d", .epoch = epoch, .step = step, .values = values, .n_values = 3};
}

static void publish(stage *s, uint64_t epoch, uint64_t step)
{
    const ecam_batch batch = make_batch(epoch, step);
    CHECK_OK(ecam_publisher_batch(s->publisher, &batch, &s->error), s->error);
}

static void a_batch_arrives_whole(void **state)
{
    stage *s = *state;
    ecam_publisher_stats stats;

    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 7);
    connect_all(s);
    publish(s, 4, 2);
    const ecam_message *m = receive(s);
    assert_int_equal(m->type, ECAM_MESSAGE_BATCH);
    assert_string_equal(m->topic, "batch|eval|d|r|");
    assert_int_equal(m->epoch, 4);
    assert_int_equal(m->step, 2);
    assert_int_equal(m->seq, 0);
    assert_true(m->has_session && m->has_rank && m->world == 1);
    assert_int_equal(m->n_fields, 3);
    const ecam_tensor *images = &ecam_message_field(m, "images")->tensor;
    assert_int_equal(images->size_bytes, sizeof pixels);
    assert_memory_equal(images->data, pixels, sizeof pixels);
    assert_int_equal(images->layout, ECAM_LAYOUT_NHWC);
    assert_int_equal(ecam_tensor_at(&ecam_message_field(m, "labels")->tensor, 2), 9);
    assert_memory_equal(ecam_message_field(m, "preds")->items[1].bytes, "dog", 3);
    publish(s, 4, 3);
    assert_int_equal(receive(s)->seq, 1);
    ecam_publisher_get_stats(s->publisher, &stats);
    assert_int_equal(stats.sent, 2);
    assert_int_equal(stats.frame_bytes, 2 * sizeof pixels);
    assert_true(stats.subscribed && !stats.shared_memory && stats.stages == 0 && stats.inside_ns > 0);
}

static void only_what_is_wanted_is_sent(void **state)
{
    static const char *const keys[] = {"images", "preds"};
    const ecam_interest four = {.modes = 1u << ECAM_MODE_EVAL, .keys = {keys, 2}, .n_samples = 4};
    stage *s = *state;
    ecam_publisher_stats stats;

    connect_all(s);
    assert_true(ecam_publisher_wants(s->publisher, "train", "", 1) == SIZE_MAX);
    say_want(s, &four, 1);
    assert_int_equal(ecam_publisher_wants(s->publisher, "train", "", 1), 0);
    assert_int_equal(ecam_publisher_wants(s->publisher, "eval", "d", 1), 4);
    assert_int_equal(ecam_publisher_wants(s->publisher, "evil", "d", 1), 0);
    for (uint64_t step = 0; step < 5; step++)
        publish(s, 1, step);
    assert_int_equal(ecam_publisher_wants(s->publisher, "eval", "d", 1), 0);
    const ecam_message *m = receive(s);
    assert_int_equal(m->n_fields, 2);
    assert_null(ecam_message_field(m, "labels"));
    assert_int_equal(ecam_message_field(m, "images")->tensor.shape[0], 3);
    m = receive(s);
    const ecam_tensor *images = &ecam_message_field(m, "images")->tensor;
    assert_int_equal(images->shape[0], 1);
    assert_int_equal(images->size_bytes, 1000);
    assert_int_equal(ecam_message_field(m, "preds")->n_items, 1);
    assert_true(nothing_comes(s));
    ecam_publisher_get_stats(s->publisher, &stats);
    assert_int_equal(stats.sent, 2);
    assert_int_equal(stats.unwanted, 3);
    assert_int_equal(stats.stages, 1);
}

static void a_marker_says_what_was_sent(void **state)
{
    stage *s = *state;

    connect_all(s);
    publish(s, 1, 0);
    publish(s, 1, 1);
    CHECK_OK(ecam_publisher_epoch_end(s->publisher, "eval", 1, 0, &s->error), s->error);
    receive(s);
    receive(s);
    assert_int_equal(receive(s)->type, ECAM_MESSAGE_HELLO);
    const ecam_message *m = receive(s);
    assert_int_equal(m->type, ECAM_MESSAGE_EPOCH_END);
    assert_true(m->has_sent && m->n_sent == 1);
    assert_string_equal(m->sent[0].ds_id, "d");
    assert_int_equal(m->sent[0].batches, 2);
    assert_int_equal(m->sent[0].samples, 6);
    CHECK_OK(ecam_publisher_epoch_end(s->publisher, "eval", 2, 3, &s->error), s->error);
    receive(s);
    m = receive(s);
    assert_int_equal(m->n_sent, 0);
    assert_int_equal(m->world, 3);
    assert_int_equal(m->seq, 1);
    ecam_publisher_close(&s->publisher, 1000);
    assert_null(s->publisher);
    m = receive(s);
    assert_int_equal(m->type, ECAM_MESSAGE_BYE);
    assert_int_equal(m->n_last_seq, 1);
    assert_string_equal(m->last_seq[0].topic, "batch|eval|d|r|");
    assert_int_equal(m->last_seq[0].seq, 1);
}

static void a_hello_brings_what_the_script_asks_for(void **state)
{
    const ecam_setting_text settings[] = {{"n_samples", "8"}, {"mode", "all"}};
    const ecam_trace_request trace = {settings, 2};
    stage *s = *state;
    ecam_publisher_options o;

    ecam_publisher_defaults(&o);
    o.class_names = names;
    o.n_class_names = 3;
    o.traces = &trace;
    o.n_traces = 1;
    o.framework = "test";
    o.world = 4;
    o.rank = 3;
    subscribe(s, "hello|");
    open_publisher(s, &o);
    wait_for_publisher(s);
    const ecam_message *m = receive(s);
    assert_int_equal(m->rank, 3);
    assert_int_equal(m->label_mapping->size, 3);
    assert_true(ecam_node_is_text(&m->label_mapping->items[2], "dog"));
    assert_int_equal(m->label_mapping->items[3].natural, 1);
    assert_int_equal(m->traces->size, 1);
    assert_true(ecam_node_is_text(ecam_node_get(&m->traces->items[0], "n_samples"), "8"));
    publish(s, 1, 0); /* nobody subscribed to batches */
    assert_true(nothing_comes(s));
}

static void without_a_stage_calls_do_nothing(void **state)
{
    stage *s = *state;
    ecam_publisher_stats stats;

    open_publisher(s, NULL); /* it is there, and subscribes to nothing */
    assert_false(ecam_publisher_wait(s->publisher, 20));
    assert_int_equal(ecam_publisher_wants(s->publisher, "eval", NULL, 1), 0);
    publish(s, 1, 0);
    CHECK_OK(ecam_publisher_epoch_end(s->publisher, "eval", 1, 0, &s->error), s->error);
    ecam_publisher_get_stats(s->publisher, &stats);
    assert_int_equal(stats.unwanted, 1);
    assert_int_equal(stats.sent + stats.dropped, 0);
    subscribe(s, "batch|");
    wait_for_publisher(s);
    publish(s, 1, 1);
    assert_int_equal(receive(s)->seq, 0);
}

static void check_batch_refused(stage *s, ecam_batch batch, ecam_status expected, const char *says)
{
    CHECK_STATUS(ecam_publisher_batch(s->publisher, &batch, &s->error), expected);
    CHECK_TEXT_HAS(s->error.text, says);
}

static void impossible_batches_are_refused(void **state)
{
    stage *s = *state;
    ecam_batch batch;
    ecam_batch_value bad[3];

    open_publisher(s, NULL);
    batch = make_batch(1, 0);
    batch.mode = "Eval";
    check_batch_refused(s, batch, ECAM_EINVAL, "train, eval, test or infer");
    batch = make_batch(1, 0);
    batch.ds_id = "a|b";
    check_batch_refused(s, batch, ECAM_EINVAL, "ds_id \"a|b\"");
    batch = make_batch(UINT64_MAX, 0);
    check_batch_refused(s, batch, ECAM_EINVAL, "2^53");
    batch = make_batch(1, 0);
    batch.n_values = 0;
    check_batch_refused(s, batch, ECAM_EINVAL, "0 values");
    batch = make_batch(1, 0);
    batch.values = bad;
    memcpy(bad, values, sizeof bad);
    bad[1].tensor.shape[0] = 2;
    bad[1].tensor.size_bytes = 16;
    check_batch_refused(s, batch, ECAM_ESHAPE, "\"images\" has 3 samples, \"labels\" has 2");
    memcpy(bad, values, sizeof bad);
    bad[0].tensor.size_bytes--;
    check_batch_refused(s, batch, ECAM_ESHAPE, "\"images\"");
    memcpy(bad, values, sizeof bad);
    bad[0].tensor.ndim = 0;
    check_batch_refused(s, batch, ECAM_ESHAPE, "no axis");
    memcpy(bad, values, sizeof bad);
    bad[0].tensor.data = NULL;
    check_batch_refused(s, batch, ECAM_EINVAL, "no data");
    memcpy(bad, values, sizeof bad);
    bad[0].tensor.dtype = (ecam_dtype)99;
    check_batch_refused(s, batch, ECAM_EINVAL, "element type 99");
    memcpy(bad, values, sizeof bad);
    bad[2].key = "";
    check_batch_refused(s, batch, ECAM_EINVAL, "a key");
    CHECK_STATUS(ecam_publisher_epoch_end(s->publisher, NULL, 1, 0, &s->error), ECAM_EINVAL);
}

static void impossible_options_are_refused(void **state)
{
    ecam_publisher_options o;
    ecam_publisher *p = (void *)1;
    ecam_error error;

    (void)state;
    ecam_publisher_defaults(&o);
    o.run = "a|b";
    CHECK_STATUS(ecam_publisher_open(&o, &p, &error), ECAM_EINVAL);
    assert_null(p);
    ecam_publisher_defaults(&o);
    o.rank = 1;
    CHECK_STATUS(ecam_publisher_open(&o, &p, &error), ECAM_EINVAL);
    ecam_publisher_defaults(&o);
    o.endpoint = "nowhere";
    CHECK_STATUS(ecam_publisher_open(&o, &p, &error), ECAM_EINVAL);
    CHECK_TEXT_HAS(error.text, "tcp://host:port");
    ecam_publisher_close(&p, 0);
}

/* libzmq ends the process where descriptors are short. */
static void few_descriptors_are_an_error(void **state)
{
    int status;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        const struct rlimit limit = {24, 24};
        ecam_publisher_options o;
        ecam_publisher *p;
        ecam_publisher_defaults(&o);
        setrlimit(RLIMIT_NOFILE, &limit);
        _exit(ecam_publisher_open(&o, &p, NULL) == ECAM_ELIMIT && !p ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_forked_child_is_switched_off(void **state)
{
    stage *s = *state;
    int status;

    connect_all(s);
    pid_t child = fork();
    if (child == 0) {
        const ecam_batch batch = make_batch(1, 0);
        ecam_publisher_stats stats;
        bool quiet = ecam_publisher_wants(s->publisher, "eval", "d", 1) == 0 &&
                     ecam_publisher_batch(s->publisher, &batch, NULL) == ECAM_OK &&
                     ecam_publisher_epoch_end(s->publisher, "eval", 1, 0, NULL) == ECAM_OK &&
                     !ecam_publisher_wait(s->publisher, 1000);
        ecam_publisher_get_stats(s->publisher, &stats);
        ecam_publisher_close(&s->publisher, 1000);
        _exit(quiet && stats.unwanted == 0 && !s->publisher ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(nothing_comes(s));
    publish(s, 1, 0); /* the parent's goes on */
    assert_int_equal(receive(s)->type, ECAM_MESSAGE_BATCH);
}

/* Nobody reads: what is on its way is bounded, and the rest is counted. */
static void what_finds_no_room_is_dropped_and_counted(void **state)
{
    static uint8_t large[1 << 20];
    const ecam_batch_value value = {.key = "images",
                                    .tensor = {.data = large, .size_bytes = sizeof large, .dtype = ECAM_U8, .ndim = 2,
                                               .shape = {4, 1 << 18}}};
    ecam_batch batch = {.mode = "eval", .epoch = 1, .values = &value, .n_values = 1};
    stage *s = *state;
    ecam_publisher_stats stats;
    const int queue = 1;

    size_t size = sizeof s->endpoint;

    zmq_setsockopt(s->socket, ZMQ_RCVHWM, &queue, sizeof queue); /* for what is bound from now on */
    assert_int_equal(zmq_bind(s->socket, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(s->socket, ZMQ_LAST_ENDPOINT, s->endpoint, &size), 0);
    connect_all(s);
    for (batch.step = 0; batch.step < 200; batch.step++) {
        ecam_status st = ecam_publisher_batch(s->publisher, &batch, &s->error);
        assert_true(st == ECAM_OK || st == ECAM_EAGAIN);
    }
    ecam_publisher_get_stats(s->publisher, &stats);
    assert_int_equal(stats.sent + stats.dropped, 200);
    assert_true(stats.dropped > 50 && stats.sent >= 64);
    for (uint64_t seq = 0; seq < stats.sent; seq++)
        assert_int_equal(receive(s)->seq, seq); /* what was sent has no gaps */
}

int main(void)
{
#define WITH_STAGE(f) cmocka_unit_test_setup_teardown(f, open_stage, close_stage)
    const struct CMUnitTest tests[] = {
        WITH_STAGE(a_batch_arrives_whole),
        WITH_STAGE(only_what_is_wanted_is_sent),
        WITH_STAGE(a_marker_says_what_was_sent),
        WITH_STAGE(a_hello_brings_what_the_script_asks_for),
        WITH_STAGE(without_a_stage_calls_do_nothing),
        WITH_STAGE(impossible_batches_are_refused),
        cmocka_unit_test(impossible_options_are_refused),
        cmocka_unit_test(few_descriptors_are_an_error),
        WITH_STAGE(a_forked_child_is_switched_off),
        WITH_STAGE(what_finds_no_room_is_dropped_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
