#include <zmq.h>

#include "stage/delivery.h"
#include "support/check.h"

static void *context, *in, *out;

static int set_up(void **state)
{
    (void)state;
    context = zmq_ctx_new();
    in = zmq_socket(context, ZMQ_PAIR);
    out = zmq_socket(context, ZMQ_PAIR);
    return zmq_bind(in, "inproc://delivery") || zmq_connect(out, "inproc://delivery");
}

static int tear_down(void **state)
{
    (void)state;
    zmq_close(in);
    zmq_close(out);
    return zmq_ctx_term(context);
}

/* A delivery that holds one message of these sizes. */
static ecam_delivery *receive(ecam_delivery_desk *desk, size_t first, size_t second)
{
    static char bytes[100000];
    const ecam_frame frames[] = {{bytes, first}, {bytes, second}};
    ecam_error error = {0};
    ecam_delivery *delivery = ecam_delivery_take(desk);
    assert_non_null(delivery);
    CHECK_OK(ecam_parts_send(out, frames, 2, 0, &error), error);
    CHECK_OK(ecam_parts_receive(in, 0, &delivery->parts, &error), error);
    ecam_delivery_filled(delivery);
    return delivery;
}

static void bytes_count_while_deliveries_live(void **state)
{
    (void)state;
    ecam_delivery_desk desk = {0};
    ecam_delivery *a = receive(&desk, 10, 90000), *b = receive(&desk, 5, 7);
    assert_int_equal(a->parts.n, 2);
    assert_int_equal(desk.bytes_out, 90010 + 12);
    ecam_delivery *again = ecam_delivery_ref(a);
    assert_ptr_equal(again, a);
    ecam_delivery_unref(&a);
    assert_null(a);
    assert_int_equal(desk.bytes_out, 90010 + 12);
    assert_int_equal(again->parts.frames[1].size, 90000); /* still there */
    ecam_delivery_unref(&again);
    assert_int_equal(desk.bytes_out, 12);
    ecam_delivery_unref(&b);
    assert_int_equal(desk.bytes_out, 0);
    ecam_delivery_unref(&b); /* NULL is accepted */
    ecam_delivery_desk_finish(&desk);
}

static void an_empty_one_counts_nothing(void **state)
{
    (void)state;
    ecam_delivery_desk desk = {0};
    ecam_delivery *delivery = ecam_delivery_take(&desk);
    ecam_delivery_unref(&delivery);
    assert_int_equal(desk.bytes_out, 0);
    ecam_delivery_desk_finish(&desk);
}

static void what_is_given_back_is_used_again(void **state)
{
    (void)state;
    ecam_delivery_desk desk = {0};
    ecam_delivery *first = receive(&desk, 100, 200), *kept = first;
    assert_non_null(ecam_arena_alloc(&first->arena, 1000, 8));
    ecam_delivery_unref(&first);
    ecam_delivery *second = ecam_delivery_take(&desk);
    assert_ptr_equal(second, kept);
    assert_int_equal(second->references, 1);
    assert_int_equal(second->parts.n, 0);
    assert_int_equal(second->arena.used_bytes, 0);
    assert_int_equal(second->arena.limit_bytes, ECAM_HEADER_LIMIT);
    ecam_delivery_unref(&second);
    ecam_delivery_desk_finish(&desk);
}

static void many_at_once(void **state)
{
    (void)state; /* more than are kept idle; the sanitizers look for leaks */
    ecam_delivery_desk desk = {0};
    ecam_delivery *all[200];
    for (size_t i = 0; i < 200; i++)
        all[i] = receive(&desk, i, 1);
    assert_int_equal(desk.bytes_out, 200 * 199 / 2 + 200);
    for (size_t i = 0; i < 200; i++)
        ecam_delivery_unref(&all[i]);
    assert_int_equal(desk.bytes_out, 0);
    ecam_delivery_desk_finish(&desk);
    assert_null(desk.idle);
}

static void headers_are_bounded(void **state)
{
    (void)state;
    ecam_delivery_desk desk = {0};
    ecam_delivery *delivery = ecam_delivery_take(&desk);
    assert_null(ecam_arena_alloc(&delivery->arena, ECAM_HEADER_LIMIT + 1, 1));
    ecam_delivery_unref(&delivery);
    ecam_delivery_desk_finish(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_count_while_deliveries_live),
        cmocka_unit_test(an_empty_one_counts_nothing),
        cmocka_unit_test(what_is_given_back_is_used_again),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(headers_are_bounded),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
