#include "support/check.h"
#include "stage/filter.h"

static ecam_filter parse(const char *text)
{
    ecam_filter filter;
    ecam_error error = {0};
    CHECK_OK(ecam_filter_parse(text, &filter, &error), error);
    return filter;
}

static void check_refused(ecam_status (*parser)(const char *, ecam_filter *, ecam_error *),
                          const char *text, const char *says)
{
    ecam_filter filter;
    ecam_error error = {0};
    CHECK_STATUS(parser(text, &filter, &error), ECAM_EINVAL);
    assert_int_equal(error.status, ECAM_EINVAL);
    CHECK_TEXT_HAS(error.text, says);
}

static void no_filter_accepts_all(void **state)
{
    (void)state;
    const ecam_filter zeroed = {0}, all = parse("all"), none = parse("none");
    const ecam_filter *filters[] = {&zeroed, &all, &none};
    for (size_t i = 0; i < 3; i++) {
        assert_true(ecam_filter_accepts(filters[i], "train"));
        assert_true(ecam_filter_accepts(filters[i], ""));
    }
}

static void names_accept_only_themselves(void **state)
{
    (void)state;
    ecam_filter filter = parse("eval,test");
    assert_true(ecam_filter_accepts(&filter, "eval"));
    assert_true(ecam_filter_accepts(&filter, "test"));
    assert_false(ecam_filter_accepts(&filter, "train"));
    assert_false(ecam_filter_accepts(&filter, "eva"));
    assert_false(ecam_filter_accepts(&filter, "evals"));
    assert_false(ecam_filter_accepts(&filter, "eval,test"));
}

static void negative_names_accept_all_but_themselves(void **state)
{
    (void)state;
    ecam_filter filter = parse("!train,!test");
    assert_false(ecam_filter_accepts(&filter, "train"));
    assert_false(ecam_filter_accepts(&filter, "test"));
    assert_true(ecam_filter_accepts(&filter, "eval"));
    assert_true(ecam_filter_accepts(&filter, "!train"));
}

static void a_batch_without_data_set_satisfies_only_negative_names(void **state)
{
    (void)state;
    ecam_filter taken = parse("ds1"), left_out = parse("!ds1");
    assert_false(ecam_filter_accepts(&taken, ""));
    assert_true(ecam_filter_accepts(&left_out, ""));
}

static void mixing_both_kinds_is_refused(void **state)
{
    (void)state;
    check_refused(ecam_filter_parse, "a,!b", "mixed");
    check_refused(ecam_filter_parse, "!a,b", "mixed");
    check_refused(ecam_filter_parse_modes, "eval,!train", "mixed");
    check_refused(ecam_filter_parse_ds_ids, "!a,b,!c", "mixed");
}

static void empty_names_are_refused(void **state)
{
    (void)state;
    const char *const texts[] = {"", ",", "a,", ",a", "a,,b", "!", "!a,!"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_refused(ecam_filter_parse, texts[i], "empty");
}

static void names_have_at_most_128_bytes(void **state)
{
    (void)state;
    char text[160];
    memset(text, 'x', sizeof text);
    text[128] = '\0';
    ecam_filter filter = parse(text);
    assert_true(ecam_filter_accepts(&filter, text));

    memset(text, 'x', sizeof text);
    text[129] = '\0';
    check_refused(ecam_filter_parse, text, "over-long");
    text[0] = '!';
    filter = parse(text);
    assert_false(ecam_filter_accepts(&filter, text + 1));
}

static void at_most_64_names(void **state)
{
    (void)state;
    char text[65 * 4 + 1] = "";
    for (int i = 0; i < 65; i++)
        snprintf(text + strlen(text), 5, "%sn%02d", i ? "," : "", i);
    check_refused(ecam_filter_parse, text, "64");
    text[strlen(text) - 4] = '\0';
    ecam_filter filter = parse(text);
    assert_int_equal(filter.n_names, 64);
    assert_true(ecam_filter_accepts(&filter, "n63"));
    assert_false(ecam_filter_accepts(&filter, "n64"));
}

static void modes_are_the_four(void **state)
{
    (void)state;
    ecam_filter filter;
    ecam_error error = {0};
    CHECK_OK(ecam_filter_parse_modes("train,eval,test,infer", &filter, &error), error);
    CHECK_OK(ecam_filter_parse_modes("!infer", &filter, &error), error);
    CHECK_OK(ecam_filter_parse_modes("all", &filter, &error), error);
    check_refused(ecam_filter_parse_modes, "validate", "train, eval, test, infer");
    check_refused(ecam_filter_parse_modes, "Train", "Train");
    check_refused(ecam_filter_parse_modes, "eval, test", "\" test\"");
    check_refused(ecam_filter_parse_modes, "!!eval", "!eval");
}

static void data_set_ids_have_no_separators(void **state)
{
    (void)state;
    ecam_filter filter;
    ecam_error error = {0};
    CHECK_OK(ecam_filter_parse_ds_ids("clean,noisy 2,pr\u00fcfung", &filter, &error), error);
    assert_true(ecam_filter_accepts(&filter, "pr\u00fcfung"));
    check_refused(ecam_filter_parse_ds_ids, "a:b", "a:b");
    check_refused(ecam_filter_parse_ds_ids, "a;b", ": ; |");
    check_refused(ecam_filter_parse_ds_ids, "!a|b", "a|b");
    check_refused(ecam_filter_parse_ds_ids, "!!a", "!a");
    check_refused(ecam_filter_parse_ds_ids, "a\tb", "control");
    check_refused(ecam_filter_parse_ds_ids, "a\xff", "data set id");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_filter_accepts_all),
        cmocka_unit_test(names_accept_only_themselves),
        cmocka_unit_test(negative_names_accept_all_but_themselves),
        cmocka_unit_test(a_batch_without_data_set_satisfies_only_negative_names),
        cmocka_unit_test(mixing_both_kinds_is_refused),
        cmocka_unit_test(empty_names_are_refused),
        cmocka_unit_test(names_have_at_most_128_bytes),
        cmocka_unit_test(at_most_64_names),
        cmocka_unit_test(modes_are_the_four),
        cmocka_unit_test(data_set_ids_have_no_separators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
