/* Losses counted from numbers. */
#include <stdlib.h>

#include "client/gaps.h"
#include "support/check.h"

static ecam_gaps *gaps;

static int set_up(void **state)
{
    (void)state;
    gaps = calloc(1, sizeof *gaps);
    return gaps ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(gaps);
    return 0;
}

static uint64_t note(uint64_t stage, const char *topic, uint64_t seq)
{
    ecam_gaps_note(gaps, stage, topic, strlen(topic), seq);
    return gaps->lost;
}

static void a_gap_is_counted(void **state)
{
    (void)state;
    assert_int_equal(note(1, "a|", 0), 0);
    assert_int_equal(note(1, "a|", 1), 0);
    assert_int_equal(note(1, "a|", 4), 2); /* 2 and 3 */
    assert_int_equal(note(1, "a|", 5), 2);
    assert_int_equal(note(1, "a|", 15), 11); /* 6 to 14 */
}

static void who_comes_late_has_lost_nothing(void **state)
{
    (void)state;
    assert_int_equal(note(1, "a|", 100), 0);
    assert_int_equal(note(1, "a|", 101), 0);
}

static void repeated_messages_count_as_nothing(void **state)
{
    (void)state;
    note(1, "a|", 0);
    note(1, "a|", 1);
    assert_int_equal(note(1, "a|", 1), 0);
    assert_int_equal(note(1, "a|", 0), 0);
    assert_int_equal(note(1, "a|", 2), 0);
}

static void topics_and_stages_are_apart(void **state)
{
    (void)state;
    note(1, "a|", 0);
    note(1, "b|", 7);
    note(2, "a|", 50);
    assert_int_equal(note(1, "a|", 1), 0);
    assert_int_equal(note(1, "b|", 8), 0);
    assert_int_equal(note(2, "a|", 51), 0);
    assert_int_equal(note(2, "a|", 53), 1);
}

static void largest_numbers_do_not_disturb(void **state)
{
    (void)state;
    note(1, "a|", UINT64_MAX);
    assert_int_equal(note(1, "a|", 0), 0);
    note(1, "a|", 5);
}

/* Topics without end: memory is bounded, and a stream among them that comes
 * regularly keeps its place. */
static void a_flood_of_topics_is_bounded(void **state)
{
    char topic[32];

    (void)state;
    note(9, "kept|", 0);
    for (uint64_t i = 0; i < 100000; i++) {
        snprintf(topic, sizeof topic, "topic %llu|", (unsigned long long)i);
        note(9, topic, i);
        note(9, "kept|", i + 1);
    }
    assert_int_equal(gaps->lost, 0);
    assert_int_equal(note(9, "kept|", 100003), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_gap_is_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_comes_late_has_lost_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(repeated_messages_count_as_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(topics_and_stages_are_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(largest_numbers_do_not_disturb, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flood_of_topics_is_bounded, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("gaps", tests, NULL, NULL);
}
