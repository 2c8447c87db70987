#include "stage/history.h"
#include "support/check.h"

static ecam_part parts[4];

static ecam_epoch epoch_of(uint64_t number, uint32_t attempt, size_t n_parts)
{
    for (uint32_t i = 0; i < n_parts; i++)
        parts[i] = (ecam_part){.rank = 2 * i, .session = 100 + i, .done = true};
    return (ecam_epoch){.number = number, .attempt = attempt, .parts = parts, .n_parts = n_parts};
}

static void add(ecam_history *history, uint64_t number, uint32_t attempt, size_t n_parts)
{
    const ecam_epoch epoch = epoch_of(number, attempt, n_parts);
    CHECK_STATUS(ecam_history_add(history, &epoch), ECAM_OK);
}

static void finds_what_was_published(void **state)
{
    (void)state;
    ecam_history history = {0};
    assert_null(ecam_history_find(&history, 0));
    add(&history, 0, 1, 1);
    add(&history, 7, 1, 2);
    assert_int_equal(ecam_history_find(&history, 0)->number, 0);
    assert_int_equal(ecam_history_find(&history, 7)->n_parts, 2);
    assert_null(ecam_history_find(&history, 1));
    ecam_history_finish(&history);
    assert_null(ecam_history_find(&history, 0));
    ecam_history_finish(&history);
}

static void the_newest_attempt_counts(void **state)
{
    (void)state;
    ecam_history history = {0};
    add(&history, 3, 1, 1);
    add(&history, 4, 1, 1);
    add(&history, 3, 2, 1);
    assert_int_equal(ecam_history_find(&history, 3)->attempt, 2);
    ecam_history_finish(&history);
}

static void knows_who_had_part(void **state)
{
    (void)state;
    ecam_history history = {0};
    add(&history, 3, 1, 3); /* ranks 0, 2, 4 in sessions 100, 101, 102 */
    const ecam_published *p = ecam_history_find(&history, 3);
    assert_int_equal(ecam_published_part_of(p, 0, 100), ECAM_PART_SAME_SESSION);
    assert_int_equal(ecam_published_part_of(p, 0, 101), ECAM_PART_OTHER_SESSION);
    assert_int_equal(ecam_published_part_of(p, 4, 102), ECAM_PART_SAME_SESSION);
    assert_int_equal(ecam_published_part_of(p, 1, 100), ECAM_PART_NONE);
    assert_int_equal(ecam_published_part_of(p, 5, 102), ECAM_PART_NONE);
    ecam_history_finish(&history);
}

static void a_rank_that_sent_nothing_had_no_part(void **state)
{
    (void)state;
    ecam_history history = {0};
    ecam_epoch epoch = epoch_of(3, 1, 3);
    parts[0].done = false; /* given up without anything */
    parts[0].gone = true;
    parts[1].done = false; /* given up in the middle */
    parts[1].gone = true;
    parts[1].n_tallies = 1;
    CHECK_STATUS(ecam_history_add(&history, &epoch), ECAM_OK);
    const ecam_published *p = ecam_history_find(&history, 3);
    assert_int_equal(p->n_parts, 2);
    assert_int_equal(ecam_published_part_of(p, 0, 100), ECAM_PART_NONE);
    assert_int_equal(ecam_published_part_of(p, 2, 101), ECAM_PART_SAME_SESSION);
    assert_int_equal(ecam_published_part_of(p, 4, 9), ECAM_PART_OTHER_SESSION);
    ecam_history_finish(&history);
}

static void an_epoch_without_ranks(void **state)
{
    (void)state;
    ecam_history history = {0};
    add(&history, 3, 1, 0);
    assert_int_equal(ecam_published_part_of(ecam_history_find(&history, 3), 0, 0), ECAM_PART_NONE);
    ecam_history_finish(&history);
}

static void the_oldest_are_forgotten(void **state)
{
    (void)state;
    ecam_history history = {0};
    for (uint64_t n = 0; n < ECAM_MAX_REMEMBERED; n++)
        add(&history, n, 1, 1);
    assert_non_null(ecam_history_find(&history, 0));
    add(&history, ECAM_MAX_REMEMBERED, 1, 1);
    assert_null(ecam_history_find(&history, 0));
    assert_non_null(ecam_history_find(&history, 1));
    assert_non_null(ecam_history_find(&history, ECAM_MAX_REMEMBERED));
    assert_int_equal(history.n, ECAM_MAX_REMEMBERED);
    ecam_history_finish(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_published), cmocka_unit_test(the_newest_attempt_counts),
        cmocka_unit_test(knows_who_had_part),       cmocka_unit_test(a_rank_that_sent_nothing_had_no_part),
        cmocka_unit_test(an_epoch_without_ranks),
        cmocka_unit_test(the_oldest_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
