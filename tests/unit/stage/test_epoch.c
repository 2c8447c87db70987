#include <stdlib.h>

#include "stage/epoch.h"
#include "support/check.h"

static ecam_sample_shelf shelf;
static ecam_traces *traces;

/* Two outputs: of at most 5 samples, and of all. */
static int set_up(void **state)
{
    (void)state;
    ecam_trace base;
    ecam_trace_init(&base);
    ecam_sample_shelf_init(&shelf, 0);
    if (ecam_traces_create(&base, 2, &traces) != ECAM_OK)
        return -1;
    traces->traces[1].n_samples = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ecam_traces_unref(&traces);
    ecam_sample_shelf_finish(&shelf);
    return 0;
}

static ecam_epoch *create(void)
{
    ecam_epoch *epoch = ecam_epoch_create(NULL, ECAM_MODE_EVAL, 4, 1, traces);
    assert_non_null(epoch);
    return epoch;
}

static ecam_part *part_of(ecam_epoch *epoch, uint32_t rank, uint64_t session)
{
    ecam_part *part = ecam_epoch_part(epoch, rank, session);
    assert_non_null(part);
    assert_int_equal(part->rank, rank);
    assert_int_equal(part->session, session);
    return part;
}

/* ---- parts ---- */

static void a_new_epoch_is_empty(void **state)
{
    (void)state;
    ecam_epoch *epoch = create();
    assert_int_equal(epoch->mode, ECAM_MODE_EVAL);
    assert_int_equal(epoch->number, 4);
    assert_int_equal(epoch->attempt, 1);
    assert_int_equal(epoch->world, 1);
    assert_int_equal(traces->references, 2);
    assert_ptr_equal(epoch->outputs[1].trace, &traces->traces[1]);
    assert_int_equal(ecam_epoch_lost(epoch), 0);
    assert_null(ecam_epoch_find(epoch, 0));
    ecam_epoch_destroy(&epoch, &shelf);
    assert_null(epoch);
    assert_int_equal(traces->references, 1);
    ecam_epoch_destroy(&epoch, &shelf); /* NULL is accepted */
}

static void parts_are_kept_by_rank(void **state)
{
    (void)state;
    static const uint32_t ranks[] = {5, 0, 9, 3, 7, 1, 8, 2, 6, 4, 100, 50};
    ecam_epoch *epoch = create();
    for (size_t i = 0; i < 12; i++)
        part_of(epoch, ranks[i], ranks[i] + 1000);
    for (size_t i = 0; i < 12; i++)
        assert_int_equal(part_of(epoch, ranks[i], ranks[i] + 1000)->rank, ranks[i]);
    assert_int_equal(epoch->n_parts, 12);
    for (size_t i = 1; i < 12; i++)
        assert_true(epoch->parts[i - 1].rank < epoch->parts[i].rank);
    assert_int_equal(ecam_epoch_find(epoch, 50)->session, 1050);
    assert_null(ecam_epoch_find(epoch, 51));
    ecam_epoch_destroy(&epoch, &shelf);
}

static void done_and_gone_are_counted_once(void **state)
{
    (void)state;
    ecam_epoch *epoch = create();
    ecam_part *part = part_of(epoch, 0, 1);
    ecam_epoch_set_done(epoch, part);
    ecam_epoch_set_done(epoch, part);
    ecam_epoch_set_gone(epoch, part); /* done stays done */
    assert_int_equal(epoch->settled, 1);
    assert_int_equal(epoch->done, 1);
    assert_true(part->done && !part->gone);

    part = part_of(epoch, 1, 1);
    ecam_epoch_set_gone(epoch, part);
    ecam_epoch_set_gone(epoch, part);
    assert_int_equal(epoch->settled, 2);
    assert_int_equal(epoch->done, 1);
    ecam_epoch_set_done(epoch, part); /* its marker came after all */
    assert_int_equal(epoch->settled, 2);
    assert_int_equal(epoch->done, 2);
    assert_true(part->done && !part->gone);
    ecam_epoch_destroy(&epoch, &shelf);
}

static void another_session_starts_again(void **state)
{
    (void)state;
    ecam_epoch *epoch = create();
    ecam_part *part = part_of(epoch, 2, 1);
    CHECK_STATUS(ecam_part_count(part, "a"), ECAM_OK);
    part->gap_lost = 3;
    ecam_epoch_set_done(epoch, part);
    part = part_of(epoch, 2, 99);
    assert_int_equal(epoch->n_parts, 1);
    assert_int_equal(epoch->settled, 0);
    assert_int_equal(epoch->done, 0);
    assert_false(part->done);
    assert_int_equal(part->n_tallies, 0);
    assert_int_equal(ecam_epoch_lost(epoch), 0);

    ecam_epoch_set_gone(epoch, part);
    part = part_of(epoch, 2, 100);
    assert_false(part->gone);
    assert_int_equal(epoch->settled, 0);
    ecam_epoch_destroy(&epoch, &shelf);
}

static void missing_ranks(void **state)
{
    (void)state;
    uint32_t ranks[8] = {0};
    ecam_epoch *epoch = create();
    epoch->world = 5;
    assert_int_equal(ecam_epoch_missing(epoch, ranks, 8), 5);
    ecam_epoch_set_done(epoch, part_of(epoch, 1, 1));
    ecam_epoch_set_done(epoch, part_of(epoch, 4, 1));
    ecam_epoch_set_gone(epoch, part_of(epoch, 2, 1));
    part_of(epoch, 3, 1);
    assert_int_equal(ecam_epoch_missing(epoch, ranks, 8), 3);
    assert_int_equal(ranks[0], 0);
    assert_int_equal(ranks[1], 2);
    assert_int_equal(ranks[2], 3);
    ranks[1] = 77;
    assert_int_equal(ecam_epoch_missing(epoch, ranks, 1), 3); /* in all */
    assert_int_equal(ranks[1], 77);
    assert_int_equal(ecam_epoch_missing(epoch, NULL, 0), 3);
    ecam_epoch_destroy(&epoch, &shelf);
}

static void batches_are_counted_by_data_set(void **state)
{
    (void)state;
    ecam_epoch *epoch = create();
    ecam_part *part = part_of(epoch, 0, 1);
    char longest[129];
    memset(longest, 'd', 128);
    longest[128] = '\0';
    for (int i = 0; i < 3; i++)
        CHECK_STATUS(ecam_part_count(part, "a"), ECAM_OK);
    CHECK_STATUS(ecam_part_count(part, ""), ECAM_OK);
    CHECK_STATUS(ecam_part_count(part, longest), ECAM_OK);
    CHECK_STATUS(ecam_part_count(part, longest), ECAM_OK);
    assert_int_equal(part->n_tallies, 3);
    assert_int_equal(part->tallies[0].batches, 3);
    assert_string_equal(part->tallies[1].ds_id, "");
    assert_int_equal(part->tallies[1].batches, 1);
    assert_string_equal(part->tallies[2].ds_id, longest);
    assert_int_equal(part->tallies[2].batches, 2);
    ecam_epoch_destroy(&epoch, &shelf);
}

static void losses_are_what_is_known_best(void **state)
{
    (void)state;
    ecam_epoch *epoch = create();
    part_of(epoch, 0, 1)->gap_lost = 4;
    part_of(epoch, 1, 1)->gap_lost = 10;
    assert_int_equal(ecam_epoch_lost(epoch), 14);
    ecam_epoch_find(epoch, 1)->has_sent = true; /* exact: its gaps are other epochs' */
    ecam_epoch_find(epoch, 1)->sent_lost = 3;
    assert_int_equal(ecam_epoch_lost(epoch), 7);
    ecam_epoch_destroy(&epoch, &shelf);
}

/* ---- samples ---- */

static ecam_sample *sample_of(uint64_t step, uint32_t index, uint32_t rank, const char *ds_id)
{
    ecam_sample *sample = ecam_sample_take(&shelf);
    assert_non_null(sample);
    sample->key = (ecam_sample_key){.step = step, .index = index, .rank = rank};
    strcpy(sample->key.ds_id, ds_id);
    return sample;
}

static void samples_go_by_step_index_rank_data_set(void **state)
{
    (void)state;
    const ecam_sample_key keys[] = {
        {.step = 0, .index = 0, .rank = 0, .ds_id = ""},  {.step = 0, .index = 0, .rank = 0, .ds_id = "a"},
        {.step = 0, .index = 0, .rank = 0, .ds_id = "b"}, {.step = 0, .index = 0, .rank = 1, .ds_id = ""},
        {.step = 0, .index = 1, .rank = 0, .ds_id = ""},  {.step = 0, .index = 9, .rank = 0, .ds_id = ""},
        {.step = 1, .index = 0, .rank = 0, .ds_id = ""},  {.step = UINT64_MAX, .index = 0, .rank = 0, .ds_id = ""},
    };
    for (size_t i = 0; i < 8; i++)
        for (size_t j = 0; j < 8; j++) {
            int order = ecam_sample_compare(&keys[i], &keys[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
}

/* What the stage does with a sample: ask, put in, give the evicted one back. */
static bool offer(ecam_output *output, uint64_t step, uint32_t index, uint32_t rank, const char *ds_id)
{
    ecam_sample *evicted = NULL, *sample = sample_of(step, index, rank, ds_id);
    if (!ecam_output_wants(output, &sample->key)) {
        ecam_sample_give(&shelf, &sample);
        return false;
    }
    ecam_status st = ecam_output_add(output, sample, &evicted);
    if (st != ECAM_OK) {
        CHECK_STATUS(st, ECAM_EAGAIN);
        ecam_sample_give(&shelf, &sample);
    }
    ecam_sample_give(&shelf, &evicted);
    return st == ECAM_OK;
}

static int by_key(const void *a, const void *b)
{
    return ecam_sample_compare(a, b);
}

/* Whatever the order of arrival, the first n of the whole are kept. */
static void the_same_samples_in_any_order_of_arrival(void **state)
{
    (void)state;
    static ecam_sample_key keys[300];
    uint32_t random = 1;

    for (size_t round = 0; round < 40; round++) {
        size_t n = 0, n_samples = 1 + round % 17, expected;
        for (uint64_t step = 0; step < 10; step++)
            for (uint32_t index = 0; index < 5; index++)
                for (uint32_t rank = 0; rank < 3; rank++)
                    keys[n++] = (ecam_sample_key){.step = step, .index = index, .rank = rank, .ds_id = "x"};
        for (size_t i = n - 1; i > 0; i--) { /* shuffle */
            random = random * 1664525 + 1013904223;
            size_t j = (random >> 8) % (i + 1);
            ecam_sample_key swap = keys[i];
            keys[i] = keys[j];
            keys[j] = swap;
        }
        traces->traces[0].n_samples = n_samples;
        ecam_epoch *epoch = create();
        for (size_t i = 0; i < n; i++)
            for (size_t o = 0; o < 2; o++)
                offer(&epoch->outputs[o], keys[i].step, keys[i].index, keys[i].rank, keys[i].ds_id);
        qsort(keys, n, sizeof *keys, by_key);
        for (size_t o = 0; o < 2; o++) {
            expected = o == 0 ? n_samples : n;
            ecam_output_sort(&epoch->outputs[o], &shelf);
            assert_int_equal(epoch->outputs[o].n, expected);
            for (size_t i = 0; i < expected; i++)
                assert_int_equal(ecam_sample_compare(&epoch->outputs[o].samples[i]->key, &keys[i]), 0);
        }
        ecam_epoch_destroy(&epoch, &shelf);
    }
}

static void the_last_makes_room(void **state)
{
    (void)state;
    traces->traces[0].n_samples = 2;
    ecam_epoch *epoch = create();
    ecam_output *output = &epoch->outputs[0];
    ecam_sample *evicted, *first = sample_of(5, 0, 0, ""), *second = sample_of(7, 0, 0, "");
    ecam_sample *third = sample_of(6, 0, 0, "");
    CHECK_STATUS(ecam_output_add(output, second, &evicted), ECAM_OK);
    assert_null(evicted);
    CHECK_STATUS(ecam_output_add(output, first, &evicted), ECAM_OK);
    assert_null(evicted);
    assert_false(ecam_output_wants(output, &second->key));
    assert_true(ecam_output_wants(output, &third->key));
    CHECK_STATUS(ecam_output_add(output, third, &evicted), ECAM_OK);
    assert_ptr_equal(evicted, second);
    assert_int_equal(output->n, 2);
    assert_ptr_equal(output->samples[0], first);
    assert_ptr_equal(output->samples[1], third);
    ecam_sample_give(&shelf, &evicted);
    ecam_epoch_destroy(&epoch, &shelf);
}

static void what_is_there_already_is_not_taken(void **state)
{
    (void)state;
    traces->traces[0].n_samples = 3;
    ecam_epoch *epoch = create();
    assert_true(offer(&epoch->outputs[0], 1, 0, 0, "a"));
    assert_false(offer(&epoch->outputs[0], 1, 0, 0, "a"));
    assert_true(offer(&epoch->outputs[0], 1, 0, 0, "b"));
    assert_true(offer(&epoch->outputs[0], 2, 0, 0, "a"));
    assert_false(offer(&epoch->outputs[0], 1, 0, 0, "a")); /* while it is full, too */
    assert_int_equal(epoch->outputs[0].n, 3);
    ecam_epoch_destroy(&epoch, &shelf);
}

static void sorting_drops_what_came_twice(void **state)
{
    (void)state;
    ecam_epoch *epoch = create();
    ecam_output *output = &epoch->outputs[1];
    ecam_output_sort(output, &shelf); /* nothing there */
    static const uint64_t steps[] = {3, 1, 3, 2, 1, 3};
    for (size_t i = 0; i < 6; i++)
        offer(output, steps[i], 0, 0, "");
    ecam_output_sort(output, &shelf);
    assert_int_equal(output->n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(output->samples[i]->key.step, i + 1);
    ecam_epoch_destroy(&epoch, &shelf);
}

static void taken_out_again(void **state)
{
    (void)state;
    ecam_epoch *epoch = create();
    ecam_output *output = &epoch->outputs[0];
    for (uint64_t step = 0; step < 5; step++)
        offer(output, step, 0, 0, "");
    const uint64_t order[] = {2, 0, 4, 1, 3};
    for (size_t i = 0; i < 5; i++) {
        size_t at = 0;
        while (output->samples[at]->key.step != order[i])
            at++;
        ecam_sample *sample = output->samples[at];
        ecam_output_remove(output, sample);
        ecam_output_remove(output, sample); /* not there any more: nothing */
        ecam_sample_give(&shelf, &sample);
        assert_int_equal(output->n, 4 - i);
        for (size_t j = 1; j < output->n; j++)
            assert_true(output->samples[j - 1]->key.step < output->samples[j]->key.step);
    }
    assert_true(offer(output, 9, 0, 0, "")); /* its place is free */
    ecam_epoch_destroy(&epoch, &shelf);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_new_epoch_is_empty),
        CASE(parts_are_kept_by_rank),
        CASE(done_and_gone_are_counted_once),
        CASE(another_session_starts_again),
        CASE(missing_ranks),
        CASE(batches_are_counted_by_data_set),
        CASE(losses_are_what_is_known_best),
        CASE(samples_go_by_step_index_rank_data_set),
        CASE(the_same_samples_in_any_order_of_arrival),
        CASE(the_last_makes_room),
        CASE(what_is_there_already_is_not_taken),
        CASE(sorting_drops_what_came_twice),
        CASE(taken_out_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
