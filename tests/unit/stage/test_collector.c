/* When an epoch is over, and what comes after. */
#include "collecting.h"

/* ---- when an epoch is over ---- */

static void one_rank_and_its_marker(void **state)
{
    (void)state;
    const sender trainer = {.session = 7};
    assert_true(ecam_collector_idle(&collector));
    ecam_epoch *first = batch(trainer, 0);
    assert_ptr_equal(batch(trainer, 0), first);
    assert_int_equal(first->parts[0].tallies[0].batches, 2);
    assert_false(ecam_collector_idle(&collector));
    expect_none();
    mark(trainer, 0);
    assert_false(ecam_collector_idle(&collector));
    expect_closed(0, true, 1);
    expect_none();
    assert_true(ecam_collector_idle(&collector));
}

static void a_marker_alone_is_an_epoch(void **state)
{
    (void)state;
    mark((sender){.session = 7}, 3);
    expect_closed(3, true, 1);
}

static void all_markers_are_waited_for(void **state)
{
    (void)state;
    const sender ranks[] = {{0, 3, 10, 0}, {1, 3, 11, 0}, {2, 3, 12, 0}};
    mark(ranks[1], 0);
    batch(ranks[0], 0);
    mark(ranks[2], 0);
    mark(ranks[2], 0); /* twice is once */
    batch(ranks[0], 0);
    expect_none();
    mark(ranks[0], 0);
    expect_closed(0, true, 1);
}

static void modes_are_apart(void **state)
{
    (void)state;
    const sender eval = {.session = 7, .mode = ECAM_MODE_EVAL}, test = {.session = 7, .mode = ECAM_MODE_TEST};
    ecam_epoch *a = batch(eval, 0), *b = batch(test, 0);
    assert_ptr_not_equal(a, b);
    batch(test, 1); /* gives up test's, not eval's */
    expect_closed(0, false, 1);
    expect_none();
    mark(eval, 0);
    expect_closed(0, true, 1);
}

static void the_world_grows(void **state)
{
    (void)state;
    batch((sender){0, 1, 10, 0}, 0);
    batch((sender){1, 2, 11, 0}, 0);
    mark((sender){0, 1, 10, 0}, 0);
    expect_none(); /* the largest holds */
    mark((sender){1, 2, 11, 0}, 0);
    expect_closed(0, true, 1);
}

static void epochs_leave_in_the_order_they_closed(void **state)
{
    (void)state;
    ecam_epoch *first = batch((sender){.session = 1}, 0);
    first->pending = 1; /* a sample is being projected */
    mark((sender){.session = 1}, 0);
    mark((sender){.session = 1}, 1);
    expect_none();
    first->pending = 0;
    expect_closed(0, true, 1);
    expect_closed(1, true, 1);
    mark((sender){.session = 1}, 2); /* the list is whole again */
    expect_closed(2, true, 1);
}

/* ---- ranks that do not answer ---- */

static void a_later_epoch_gives_a_rank_up(void **state)
{
    (void)state;
    const sender one = {0, 2, 10, 0}, two = {1, 2, 11, 0};
    batch(one, 0);
    batch(two, 0);
    mark(one, 0);
    expect_none();
    batch(two, 1);
    expect_closed(0, false, 1);
    mark(one, 1);
    mark(two, 1);
    expect_closed(1, true, 1);
}

static void a_rank_never_seen_is_given_up_by_its_later_epoch(void **state)
{
    (void)state;
    const sender one = {0, 2, 10, 0}, two = {1, 2, 11, 0};
    mark(one, 0);
    batch(two, 2);
    uint32_t missing[2];
    ecam_epoch *epoch = ecam_collector_take(&collector);
    assert_non_null(epoch);
    assert_int_equal(ecam_epoch_missing(epoch, missing, 2), 1);
    assert_int_equal(missing[0], 1);
    ecam_collector_give_back(&epoch, &shelf);
}

static void an_earlier_epoch_gives_nothing_up(void **state)
{
    (void)state;
    batch((sender){.session = 7}, 5);
    batch((sender){.session = 7}, 4);
    expect_none();
    mark((sender){.session = 7}, 5); /* it went on: 4 is given up */
    expect_closed(4, false, 1);
    expect_closed(5, true, 1);
}

static void bye_gives_a_rank_up(void **state)
{
    (void)state;
    const sender one = {0, 2, 10, 0}, two = {1, 2, 11, 0};
    mark(one, 0);
    bye(one); /* done stays done */
    expect_none();
    bye(two); /* never seen in this epoch */
    expect_closed(0, false, 1);
    mark(one, 1);
    batch(two, 1);
    mark(two, 1);
    expect_closed(1, true, 1);
}

static void bye_of_an_old_session_says_nothing(void **state)
{
    (void)state;
    const sender old = {0, 1, 10, 0}, new = {0, 1, 11, 0};
    batch(new, 0);
    bye(old);
    expect_none();
    bye(new);
    expect_closed(0, false, 1);
}

static void bye_of_a_rank_outside_the_mode(void **state)
{
    (void)state;
    batch((sender){0, 1, 10, ECAM_MODE_EVAL}, 0); /* only rank 0 evaluates */
    bye((sender){3, 4, 13, ECAM_MODE_EVAL});
    expect_none();
    mark((sender){0, 1, 10, ECAM_MODE_EVAL}, 0);
    expect_closed(0, true, 1);
}

static void a_marker_after_all_makes_it_complete(void **state)
{
    (void)state;
    const sender one = {0, 2, 10, 0}, two = {1, 2, 11, 0};
    batch(one, 0);
    batch(two, 0);
    bye(two);
    mark(two, 0); /* overtaken by its bye */
    mark(one, 0);
    expect_closed(0, true, 1);
}

/* ---- time ---- */

static void without_a_marker_nothing_expires(void **state)
{
    (void)state;
    batch_at((sender){0, 2, 10, 0}, 0, SECOND);
    assert_true(ecam_collector_expire(&collector, 100000 * SECOND) == INT64_MAX);
    expect_none();
}

static void the_wait_begins_with_the_first_marker(void **state)
{
    (void)state;
    batch_at((sender){0, 3, 10, 0}, 0, 1 * SECOND);
    mark_at((sender){0, 3, 10, 0}, 0, 5 * SECOND);
    mark_at((sender){1, 3, 11, 0}, 0, 20 * SECOND); /* a later marker does not prolong it */
    assert_true(ecam_collector_expire(&collector, 6 * SECOND) == 5 * SECOND + TIMEOUT);
    assert_true(ecam_collector_expire(&collector, 5 * SECOND + TIMEOUT - 1) == 5 * SECOND + TIMEOUT);
    expect_none();
    assert_true(ecam_collector_expire(&collector, 5 * SECOND + TIMEOUT) == INT64_MAX);
    expect_closed(0, false, 1);
}

static void or_with_the_last_batch(void **state)
{
    (void)state;
    mark_at((sender){0, 2, 10, 0}, 0, 5 * SECOND);
    batch_at((sender){1, 2, 11, 0}, 0, 9 * SECOND);
    batch_at((sender){1, 2, 11, 0}, 0, 12 * SECOND);
    assert_true(ecam_collector_expire(&collector, 5 * SECOND + TIMEOUT) == 12 * SECOND + TIMEOUT);
    expect_none();
    ecam_collector_expire(&collector, 12 * SECOND + TIMEOUT);
    expect_closed(0, false, 1);
}

static void the_nearest_time_is_told(void **state)
{
    (void)state;
    const sender one = {0, 2, 10, ECAM_MODE_EVAL}, two = {0, 2, 10, ECAM_MODE_TEST};
    ecam_error error = {0};
    mark_at(one, 0, 8 * SECOND);
    ecam_run *first = run;
    CHECK_OK(ecam_collector_run(&collector, "other", &run, &error), error);
    mark_at(two, 0, 6 * SECOND);
    assert_true(ecam_collector_expire(&collector, 9 * SECOND) == 6 * SECOND + TIMEOUT);
    assert_true(ecam_collector_expire(&collector, 7 * SECOND + TIMEOUT) == 8 * SECOND + TIMEOUT);
    ecam_epoch *epoch = ecam_collector_take(&collector);
    assert_ptr_equal(epoch->run, run);
    ecam_collector_give_back(&epoch, &shelf);
    run = first;
    expect_none();
}

/* ---- what comes after an epoch was published ---- */

static void late_messages(void **state)
{
    (void)state;
    const sender trainer = {.session = 7, .world = 2};
    batch(trainer, 0);
    mark(trainer, 0);
    bye((sender){1, 2, 8, 0});
    expect_closed(0, false, 1);
    late(trainer, 0);
    late((sender){1, 2, 8, 0}, 0);
    late((sender){1, 2, 99, 0}, 0); /* given up without a batch: it had no part */
}

static void a_rank_without_part_is_late_in_any_session(void **state)
{
    (void)state;
    mark((sender){0, 1, 7, 0}, 0);
    expect_closed(0, true, 1);
    late((sender){5, 6, 99, 0}, 0);
    expect_none();
}

static void a_new_session_opens_another_attempt(void **state)
{
    (void)state;
    const sender old = {0, 1, 7, 0}, new = {0, 1, 8, 0}, newer = {0, 1, 9, 0};
    mark(old, 0);
    expect_closed(0, true, 1);
    assert_int_equal(batch(new, 0)->attempt, 2);
    late(old, 0);
    mark(new, 0);
    expect_closed(0, true, 2);
    late(new, 0);
    mark(newer, 0);
    expect_closed(0, true, 3);
    mark(newer, 1);
    expect_closed(1, true, 1);
}

static void a_second_attempt_of_several_ranks(void **state)
{
    (void)state;
    mark((sender){0, 2, 7, 0}, 0);
    mark((sender){1, 2, 17, 0}, 0);
    expect_closed(0, true, 1);
    batch((sender){0, 3, 8, 0}, 0);
    mark((sender){1, 3, 18, 0}, 0);
    mark((sender){2, 3, 28, 0}, 0); /* had no part in the first: has it in this one */
    late((sender){1, 3, 17, 0}, 0);
    expect_none();
    mark((sender){0, 3, 8, 0}, 0);
    expect_closed(0, true, 2);
}

static void a_new_session_gives_up_the_old_ones_epochs(void **state)
{
    (void)state;
    batch((sender){0, 1, 7, 0}, 5);
    batch((sender){0, 1, 8, 0}, 0); /* started again from the beginning */
    expect_closed(5, false, 1);
    expect_none();
    mark((sender){0, 1, 8, 0}, 0);
    expect_closed(0, true, 1);
}

static void a_new_session_takes_the_open_epoch_over(void **state)
{
    (void)state;
    const sender one = {0, 2, 7, 0}, again = {0, 2, 8, 0}, two = {1, 2, 17, 0};
    batch(one, 0);
    mark(one, 0);
    batch(again, 0); /* its marker is forgotten */
    mark(two, 0);
    expect_none();
    mark(again, 0);
    expect_closed(0, true, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(one_rank_and_its_marker),
        CASE(a_marker_alone_is_an_epoch),
        CASE(all_markers_are_waited_for),
        CASE(modes_are_apart),
        CASE(the_world_grows),
        CASE(epochs_leave_in_the_order_they_closed),
        CASE(a_later_epoch_gives_a_rank_up),
        CASE(a_rank_never_seen_is_given_up_by_its_later_epoch),
        CASE(an_earlier_epoch_gives_nothing_up),
        CASE(bye_gives_a_rank_up),
        CASE(bye_of_an_old_session_says_nothing),
        CASE(bye_of_a_rank_outside_the_mode),
        CASE(a_marker_after_all_makes_it_complete),
        CASE(without_a_marker_nothing_expires),
        CASE(the_wait_begins_with_the_first_marker),
        CASE(or_with_the_last_batch),
        CASE(the_nearest_time_is_told),
        CASE(late_messages),
        CASE(a_rank_without_part_is_late_in_any_session),
        CASE(a_new_session_opens_another_attempt),
        CASE(a_second_attempt_of_several_ranks),
        CASE(a_new_session_gives_up_the_old_ones_epochs),
        CASE(a_new_session_takes_the_open_epoch_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
