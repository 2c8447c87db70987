/* Multipart messages over a pair of real sockets. */
#include <pthread.h>
#include <signal.h>

#include <zmq.h>

#include "client/receive.h"
#include "support/check.h"

typedef struct pair {
    void *context, *in, *out;
} pair;

static int set_up(void **state)
{
    static pair l;

    l.context = zmq_ctx_new();
    l.in = zmq_socket(l.context, ZMQ_PAIR);
    l.out = zmq_socket(l.context, ZMQ_PAIR);
    *state = &l;
    return zmq_bind(l.in, "inproc://x") || zmq_connect(l.out, "inproc://x");
}

static int tear_down(void **state)
{
    pair *l = *state;

    zmq_close(l->in);
    zmq_close(l->out);
    return l->context ? zmq_ctx_term(l->context) : 0;
}

/* n frames of different sizes, short ones and some beyond what a zmq_msg_t
 * holds in itself. */
static void send_frames(pair *l, size_t n)
{
    static char bytes[8192];
    ecam_frame frames[ECAM_MAX_PARTS + 1];
    ecam_error error;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7 + i / 256);
    for (size_t i = 0; i < n; i++)
        frames[i] = (ecam_frame){bytes + i, i % 3 == 0 ? i : 100 * i};
    CHECK_OK(ecam_parts_send(l->out, frames, n, ZMQ_DONTWAIT, &error), error);
}

static void check_frames(const ecam_parts *parts, size_t n)
{
    size_t bytes = 0;

    assert_int_equal(parts->n, n);
    for (size_t i = 0; i < n; i++) {
        const unsigned char *data = parts->frames[i].data;
        assert_int_equal(parts->frames[i].size, i % 3 == 0 ? i : 100 * i);
        for (size_t j = 0; j < parts->frames[i].size; j++)
            assert_int_equal(data[j], (unsigned char)((i + j) * 7 + (i + j) / 256));
        bytes += parts->frames[i].size;
    }
    assert_int_equal(ecam_parts_bytes(parts), bytes);
}

static void messages_of_any_number_of_parts_arrive(void **state)
{
    static const size_t numbers[] = {1, 3, 8, 9, 2, 63, ECAM_MAX_PARTS, 1};
    pair *l = *state;
    ecam_parts parts;
    ecam_error error;

    ecam_parts_init(&parts);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        send_frames(l, numbers[i]);
        CHECK_OK(ecam_parts_receive(l->in, ZMQ_DONTWAIT, &parts, &error), error);
        check_frames(&parts, numbers[i]);
    }
    ecam_parts_finish(&parts);
    assert_int_equal(parts.n, 0);
    ecam_parts_finish(&parts);
}

static void a_message_moves_with_its_struct(void **state)
{
    pair *l = *state;
    ecam_parts parts, moved;
    ecam_error error;

    ecam_parts_init(&parts);
    send_frames(l, 5);
    CHECK_OK(ecam_parts_receive(l->in, 0, &parts, &error), error);
    moved = parts;
    ecam_parts_init(&parts);
    send_frames(l, 2);
    CHECK_OK(ecam_parts_receive(l->in, 0, &parts, &error), error);
    check_frames(&moved, 5);
    check_frames(&parts, 2);
    ecam_parts_finish(&parts);
    check_frames(&moved, 5);
    ecam_parts_finish(&moved);
}

static void a_message_of_too_many_parts_is_taken_off_whole(void **state)
{
    pair *l = *state;
    ecam_parts parts;
    ecam_error error;

    ecam_parts_init(&parts);
    send_frames(l, ECAM_MAX_PARTS + 1);
    send_frames(l, 3);
    CHECK_STATUS(ecam_parts_receive(l->in, ZMQ_DONTWAIT, &parts, &error), ECAM_ELIMIT);
    CHECK_TEXT_HAS(error.text, "more than 64 parts");
    assert_int_equal(parts.n, 0);
    CHECK_OK(ecam_parts_receive(l->in, ZMQ_DONTWAIT, &parts, &error), error);
    check_frames(&parts, 3);
    ecam_parts_finish(&parts);
}

static void nothing_there_is_no_failure(void **state)
{
    pair *l = *state;
    ecam_parts parts;
    ecam_error error;

    ecam_parts_init(&parts);
    send_frames(l, 3);
    CHECK_OK(ecam_parts_receive(l->in, ZMQ_DONTWAIT, &parts, &error), error);
    CHECK_STATUS(ecam_parts_receive(l->in, ZMQ_DONTWAIT, &parts, &error), ECAM_EAGAIN);
    assert_int_equal(parts.n, 0);
    CHECK_STATUS(ecam_parts_receive(NULL, ZMQ_DONTWAIT, &parts, &error), ECAM_EIO);
    CHECK_STATUS(ecam_parts_send(NULL, &(ecam_frame){"x", 1}, 1, 0, &error), ECAM_EIO);
    ecam_parts_finish(&parts);
}

static void on_signal(int number)
{
    (void)number;
}

static void *interrupt(void *thread)
{
    /* again and again, as the first may come before the wait begins */
    while (pthread_kill(*(pthread_t *)thread, SIGUSR1) == 0) {
        struct timespec pause = {.tv_nsec = 1000000};
        if (nanosleep(&pause, NULL) != 0)
            break;
        pthread_testcancel();
    }
    return NULL;
}

static void a_signal_ends_the_wait(void **state)
{
    const struct sigaction action = {.sa_handler = on_signal};
    pair *l = *state;
    pthread_t self = pthread_self(), other;
    ecam_parts parts;
    ecam_error error;

    ecam_parts_init(&parts);
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    assert_int_equal(pthread_create(&other, NULL, interrupt, &self), 0);
    CHECK_STATUS(ecam_parts_receive(l->in, 0, &parts, &error), ECAM_EAGAIN);
    pthread_cancel(other);
    pthread_join(other, NULL);
    ecam_parts_finish(&parts);
}

static void the_end_of_the_context_is_reported(void **state)
{
    pair *l = *state;
    ecam_parts parts;
    ecam_error error;

    ecam_parts_init(&parts);
    assert_int_equal(zmq_ctx_shutdown(l->context), 0);
    CHECK_STATUS(ecam_parts_receive(l->in, 0, &parts, &error), ECAM_ECLOSED);
    CHECK_STATUS(ecam_parts_send(l->out, &(ecam_frame){"x", 1}, 1, 0, &error), ECAM_ECLOSED);
    ecam_parts_finish(&parts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_of_any_number_of_parts_arrive, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_message_moves_with_its_struct, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_message_of_too_many_parts_is_taken_off_whole, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nothing_there_is_no_failure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_signal_ends_the_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_of_the_context_is_reported, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("receive", tests, NULL, NULL);
}
