/* What stages want of a publisher, without a socket. */
#include "client/wishes.h"
#include "support/check.h"

#define EVAL (1u << ECAM_MODE_EVAL)
#define SECOND INT64_C(1000000000)

static const char *const picture_keys[] = {"images", "activations"};

static ecam_interest five_of_eval(void)
{
    return (ecam_interest){.modes = EVAL, .keys = {picture_keys, 2}, .n_samples = 5};
}

static void note(ecam_wishes *w, uint64_t stage, const ecam_interest *interests, size_t n, int64_t now)
{
    const ecam_want want = {.stage = stage, .ttl_ms = 10000, .interests = interests, .n_interests = n};
    CHECK_STATUS(ecam_wishes_note(w, &want, now), ECAM_OK);
}

static size_t stream(ecam_wishes *w, ecam_mode mode, const char *ds_id)
{
    size_t at = 99;
    CHECK_STATUS(ecam_wishes_stream(w, mode, ds_id, &at, NULL), ECAM_OK);
    return at;
}

static void start(ecam_wishes *w)
{
    ecam_wishes_init(w, "r");
    CHECK_STATUS(ecam_wishes_subscribe(w, "batch|", 6, true), ECAM_OK);
}

static void nothing_goes_where_nobody_listens(void **state)
{
    ecam_wishes w;

    (void)state;
    ecam_wishes_init(&w, "r");
    size_t eval = stream(&w, ECAM_MODE_EVAL, "");
    assert_int_equal(ecam_wishes_left(&w, eval, 1, 0), 0);
    CHECK_STATUS(ecam_wishes_subscribe(&w, "batch|eval|a|", 13, true), ECAM_OK);
    assert_int_equal(ecam_wishes_left(&w, eval, 1, 0), 0);
    assert_true(ecam_wishes_left(&w, stream(&w, ECAM_MODE_EVAL, "a"), 1, 0) == SIZE_MAX);
    assert_int_equal(ecam_wishes_left(&w, stream(&w, ECAM_MODE_TRAIN, "a"), 1, 0), 0);
    CHECK_STATUS(ecam_wishes_subscribe(&w, "batch|eval|a|", 13, false), ECAM_OK);
    assert_int_equal(ecam_wishes_left(&w, stream(&w, ECAM_MODE_EVAL, "a"), 1, 0), 0);
    ecam_wishes_finish(&w);
}

/* A stage that comes back may be there before its old connection is gone. */
static void subscriptions_are_counted(void **state)
{
    ecam_wishes w;

    (void)state;
    start(&w);
    CHECK_STATUS(ecam_wishes_subscribe(&w, "batch|", 6, true), ECAM_OK);
    CHECK_STATUS(ecam_wishes_subscribe(&w, "batch|", 6, false), ECAM_OK);
    assert_true(ecam_wishes_subscribed(&w, "batch|eval||r|"));
    CHECK_STATUS(ecam_wishes_subscribe(&w, "batch|", 6, false), ECAM_OK);
    assert_false(ecam_wishes_subscribed(&w, "batch|eval||r|"));
    CHECK_STATUS(ecam_wishes_subscribe(&w, "batch|", 6, false), ECAM_OK); /* of nothing */
    CHECK_STATUS(ecam_wishes_subscribe(&w, "", 0, true), ECAM_OK);
    assert_true(ecam_wishes_subscribed(&w, "batch|eval||r|"));
    ecam_wishes_finish(&w);
}

static void the_first_samples_of_each_epoch_are_wanted(void **state)
{
    const ecam_interest five = five_of_eval();
    ecam_wishes w;

    (void)state;
    start(&w);
    size_t eval = stream(&w, ECAM_MODE_EVAL, ""), train = stream(&w, ECAM_MODE_TRAIN, "");
    note(&w, 1, &five, 1, 0);
    assert_int_equal(ecam_wishes_left(&w, eval, 7, 0), 5);
    assert_int_equal(ecam_wishes_left(&w, train, 7, 0), 0);
    ecam_wishes_sent(&w, eval, 7, 0, 3);
    assert_int_equal(ecam_wishes_left(&w, eval, 7, 1), 2);
    assert_int_equal(ecam_wishes_left(&w, eval, 7, 0), 5); /* not before itself */
    ecam_wishes_sent(&w, eval, 7, 1, 2);
    assert_int_equal(ecam_wishes_left(&w, eval, 7, 2), 0);
    assert_int_equal(ecam_wishes_left(&w, eval, 7, UINT64_MAX), 0);
    assert_int_equal(ecam_wishes_left(&w, eval, 8, 0), 5);
    assert_int_equal(w.streams[eval]->batches, 2);
    assert_int_equal(w.streams[eval]->samples, 5);
    ecam_wishes_sent(&w, eval, 8, 0, 1);
    assert_int_equal(w.streams[eval]->batches, 1);
    ecam_wishes_finish(&w);
}

/* Steps count over all data sets; or, with some trainers, in each. */
static void data_sets_share_the_number(void **state)
{
    const ecam_interest five = five_of_eval();
    ecam_wishes w;

    (void)state;
    start(&w);
    size_t a = stream(&w, ECAM_MODE_EVAL, "a"), b;
    note(&w, 1, &five, 1, 0);
    b = stream(&w, ECAM_MODE_EVAL, "b"); /* after the want */
    ecam_wishes_sent(&w, a, 1, 0, 2);
    ecam_wishes_sent(&w, a, 1, 1, 2);
    assert_int_equal(ecam_wishes_left(&w, b, 1, 2), 1);
    assert_int_equal(ecam_wishes_left(&w, b, 1, 1), 3); /* step 1 of a is not before it */
    assert_int_equal(ecam_wishes_left(&w, b, 1, 0), 5); /* b begins again: all may be first */
    ecam_wishes_sent(&w, b, 1, 2, 1);
    assert_int_equal(ecam_wishes_left(&w, a, 1, 3), 0);
    ecam_wishes_finish(&w);
}

static void all_samples_have_no_end(void **state)
{
    ecam_interest all = five_of_eval();
    ecam_wishes w;

    (void)state;
    all.n_samples = 0;
    start(&w);
    size_t eval = stream(&w, ECAM_MODE_EVAL, "");
    note(&w, 1, &all, 1, 0);
    ecam_wishes_sent(&w, eval, 1, 0, 1000);
    assert_true(ecam_wishes_left(&w, eval, 1, 1) == SIZE_MAX);
    ecam_wishes_finish(&w);
}

static void the_union_of_the_live_is_wanted(void **state)
{
    static const char *const other_key[] = {"features"};
    ecam_interest five = five_of_eval(), eight = {.modes = EVAL, .keys = {other_key, 1}, .n_samples = 8};
    ecam_wishes w;

    (void)state;
    start(&w);
    size_t eval = stream(&w, ECAM_MODE_EVAL, "");
    note(&w, 1, &five, 1, 0);
    note(&w, 2, &eight, 1, 5 * SECOND);
    assert_int_equal(ecam_wishes_left(&w, eval, 1, 0), 8);
    assert_true(ecam_wishes_key(&w, eval, 1, 0, "images"));
    assert_true(ecam_wishes_key(&w, eval, 1, 0, "features"));
    assert_false(ecam_wishes_key(&w, eval, 1, 0, "labels"));
    ecam_wishes_sent(&w, eval, 1, 0, 6);
    assert_int_equal(ecam_wishes_left(&w, eval, 1, 1), 2);
    assert_false(ecam_wishes_key(&w, eval, 1, 1, "images")); /* the first has its five */
    ecam_wishes_expire(&w, 10 * SECOND);
    assert_int_equal(w.n_wishers, 1);
    ecam_wishes_expire(&w, 15 * SECOND);
    assert_int_equal(w.n_wishers, 0);
    assert_true(ecam_wishes_left(&w, eval, 1, 1) == SIZE_MAX); /* nobody says: all */
    assert_true(ecam_wishes_key(&w, eval, 1, 1, "labels"));
    ecam_wishes_finish(&w);
}

static void what_is_said_again_goes_on(void **state)
{
    ecam_interest interests[2] = {five_of_eval(), {.modes = EVAL, .n_samples = 2}};
    ecam_wishes w;

    (void)state;
    start(&w);
    size_t eval = stream(&w, ECAM_MODE_EVAL, "");
    note(&w, 1, interests, 1, 0);
    ecam_wishes_sent(&w, eval, 1, 0, 4);
    note(&w, 1, interests, 1, SECOND);
    assert_int_equal(ecam_wishes_left(&w, eval, 1, 1), 1);
    note(&w, 1, interests, 2, SECOND); /* one more output: it has nothing yet */
    assert_int_equal(ecam_wishes_left(&w, eval, 1, 1), 2);
    note(&w, 3, interests, 1, SECOND); /* another stage has nothing either */
    assert_int_equal(ecam_wishes_left(&w, eval, 1, 1), 5);
    ecam_wishes_finish(&w);
}

static void interests_of_other_runs_say_nothing(void **state)
{
    static const char *const mine[] = {"x", "r"}, *const others[] = {"x"};
    const ecam_interest named = {.runs = {mine, 2}, .modes = EVAL, .n_samples = 3};
    const ecam_interest other = {.runs = {others, 1}, .modes = EVAL, .n_samples = 4};
    const ecam_interest any = {.modes = EVAL, .n_samples = 9};
    const ecam_interest all[] = {other, any, named};
    ecam_wishes w;

    (void)state;
    start(&w);
    size_t eval = stream(&w, ECAM_MODE_EVAL, "");
    note(&w, 1, &other, 1, 0);
    assert_true(ecam_wishes_left(&w, eval, 1, 0) == SIZE_MAX);
    note(&w, 1, all, 2, 0);
    assert_int_equal(ecam_wishes_left(&w, eval, 1, 0), 9);
    note(&w, 1, all, 3, 0); /* naming it wins */
    assert_int_equal(ecam_wishes_left(&w, eval, 1, 0), 3);
    note(&w, 1, &other, 1, 0);
    assert_int_equal(w.n_wishers, 0);
    ecam_wishes_finish(&w);
}

static void data_sets_are_taken_or_left_out(void **state)
{
    static const char *const only[] = {"a"}, *const without[] = {"!a"};
    ecam_interest i = {.modes = EVAL, .ds_ids = {only, 1}};

    (void)state;
    assert_true(ecam_interest_accepts(&i, ECAM_MODE_EVAL, "a"));
    assert_false(ecam_interest_accepts(&i, ECAM_MODE_EVAL, "b"));
    assert_false(ecam_interest_accepts(&i, ECAM_MODE_EVAL, ""));
    assert_false(ecam_interest_accepts(&i, ECAM_MODE_TRAIN, "a"));
    i.ds_ids = (ecam_texts){without, 1};
    assert_false(ecam_interest_accepts(&i, ECAM_MODE_EVAL, "a"));
    assert_true(ecam_interest_accepts(&i, ECAM_MODE_EVAL, "b"));
    assert_true(ecam_interest_accepts(&i, ECAM_MODE_EVAL, ""));
}

static void all_gone_forgets_the_stages(void **state)
{
    const ecam_interest five = five_of_eval();
    ecam_wishes w;

    (void)state;
    start(&w);
    for (uint64_t stage = 0; stage < ECAM_MAX_WISHERS + 3; stage++)
        note(&w, stage, &five, 1, (int64_t)stage);
    assert_int_equal(w.n_wishers, ECAM_MAX_WISHERS);
    for (size_t i = 0; i < w.n_wishers; i++)
        assert_true(w.wishers[i]->stage >= 3); /* the oldest made room */
    CHECK_STATUS(ecam_wishes_subscribe(&w, "batch|", 6, false), ECAM_OK);
    assert_int_equal(w.n_wishers, 0);
    ecam_wishes_finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_goes_where_nobody_listens),
        cmocka_unit_test(subscriptions_are_counted),
        cmocka_unit_test(the_first_samples_of_each_epoch_are_wanted),
        cmocka_unit_test(data_sets_share_the_number),
        cmocka_unit_test(all_samples_have_no_end),
        cmocka_unit_test(the_union_of_the_live_is_wanted),
        cmocka_unit_test(what_is_said_again_goes_on),
        cmocka_unit_test(interests_of_other_runs_say_nothing),
        cmocka_unit_test(data_sets_are_taken_or_left_out),
        cmocka_unit_test(all_gone_forgets_the_stages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
