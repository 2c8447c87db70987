/* Every allocation of ours in the client fails once. */
#include <zmq.h>

#include "client/receive.h"
#include "eigencam/subscriber.h"
#include "support/check.h"
#include "support/failing_malloc.h"

/* A message that does not fit the memory is taken off the socket all the same. */
static void receiving_drops_the_message(void **state)
{
    static const ecam_frame frames[20] = {{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}};
    void *context = zmq_ctx_new();
    void *in = zmq_socket(context, ZMQ_PAIR), *out = zmq_socket(context, ZMQ_PAIR);
    bool failed = true;
    unsigned n = 0;

    (void)state;
    assert_int_equal(zmq_bind(in, "inproc://x") | zmq_connect(out, "inproc://x"), 0);
    for (; failed; n++) {
        ecam_parts parts;
        ecam_error error = {0};
        ecam_parts_init(&parts);
        CHECK_OK(ecam_parts_send(out, frames, 20, 0, &error), error);
        failing_malloc_arm(n);
        ecam_status st = ecam_parts_receive(in, ZMQ_DONTWAIT, &parts, &error);
        failed = failing_malloc_disarm();
        CHECK_STATUS(st, failed ? ECAM_ENOMEM : ECAM_OK);
        assert_int_equal(parts.n, failed ? 0 : 20);
        CHECK_STATUS(ecam_parts_receive(in, ZMQ_DONTWAIT, &parts, &error), ECAM_EAGAIN);
        ecam_parts_finish(&parts);
    }
    assert_int_equal(n, 7); /* room for 8, 16 and 32 parts, two arrays each, and the success */
    zmq_close(in);
    zmq_close(out);
    zmq_ctx_term(context);
}

static void opening_gives_back_what_it_has(void **state)
{
    static const char *const endpoints[] = {"tcp://127.0.0.1:9"};
    ecam_subscriber *subscriber = NULL;
    bool failed = true;
    unsigned n = 0;

    (void)state;
    for (; failed; n++) {
        ecam_error error = {0};
        failing_malloc_arm(n);
        ecam_status st = ecam_subscriber_open(endpoints, 1, NULL, 0, &subscriber, &error);
        failed = failing_malloc_disarm();
        CHECK_STATUS(st, failed ? ECAM_ENOMEM : ECAM_OK);
        assert_true((subscriber == NULL) == failed);
        ecam_subscriber_close(&subscriber);
    }
    assert_true(n > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(receiving_drops_the_message),
        cmocka_unit_test(opening_gives_back_what_it_has),
    };
    return cmocka_run_group_tests_name("client memory", tests, NULL, NULL);
}
