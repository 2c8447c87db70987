#include "cli/args.h"

#include <unistd.h>

#include "support/check.h"

static const ecam_option options[] = {
    {"dir", "DIR", NULL, "where the store is"},
    {"n-samples", "N|all", "5", "how many samples"},
    {"verbose", NULL, NULL, "say more"},
    {"help", NULL, NULL, "this page"},
};
#define N_OPTIONS (sizeof options / sizeof *options)

static ecam_args args_of(int argc, const char **argv)
{
    ecam_args args;
    ecam_args_init(&args, argc, (char **)argv, options, N_OPTIONS);
    return args;
}

#define ARGS(...)                                                                             \
    args_of((int)(sizeof((const char *[]){"name", __VA_ARGS__}) / sizeof(char *)),            \
            (const char *[]){"name", __VA_ARGS__})

/* The next argument is this option with this value (NULL: none). */
static void expect(ecam_args *args, const char *name, const char *expected)
{
    const ecam_option *option;
    const char *value;
    ecam_error error;

    CHECK_OK(ecam_args_next(args, &option, &value, &error), error);
    if (name) {
        assert_true(ecam_args_is(option, name));
    } else {
        assert_null(option);
    }
    if (expected) {
        assert_non_null(value);
        assert_string_equal(value, expected);
    } else {
        assert_null(value);
    }
}

static void expect_end(ecam_args *args)
{
    const ecam_option *option;
    const char *value;
    CHECK_STATUS(ecam_args_next(args, &option, &value, NULL), ECAM_ECLOSED);
    CHECK_STATUS(ecam_args_next(args, &option, &value, NULL), ECAM_ECLOSED);
    assert_null(option);
    assert_null(value);
}

static const char *refused(ecam_args args)
{
    static ecam_error error;
    const ecam_option *option;
    const char *value;

    error = (ecam_error){0};
    CHECK_STATUS(ecam_args_next(&args, &option, &value, &error), ECAM_EINVAL);
    assert_int_equal(error.status, ECAM_EINVAL);
    assert_null(strchr(error.text, '\n'));
    return error.text;
}

static void reads_every_form(void **state)
{
    (void)state;
    ecam_args args = ARGS("--dir", "a", "--dir=b", "--dir=", "--dir=c=d", "--verbose", "x", "-", "");
    expect(&args, "dir", "a");
    expect(&args, "dir", "b");
    expect(&args, "dir", "");
    expect(&args, "dir", "c=d");
    expect(&args, "verbose", NULL);
    expect(&args, NULL, "x");
    expect(&args, NULL, "-");
    expect(&args, NULL, "");
    expect_end(&args);
}

static void underscores_are_dashes(void **state)
{
    (void)state;
    ecam_args args = ARGS("--n_samples", "3", "--n-samples=all", "--n_samples=-1");
    expect(&args, "n-samples", "3");
    expect(&args, "n-samples", "all");
    expect(&args, "n-samples", "-1");
    expect_end(&args);
}

static void two_dashes_end_the_options(void **state)
{
    (void)state;
    ecam_args args = ARGS("--verbose", "--", "--dir", "-h", "--");
    expect(&args, "verbose", NULL);
    expect(&args, NULL, "--dir");
    expect(&args, NULL, "-h");
    expect(&args, NULL, "--");
    expect_end(&args);

    args = ARGS("--");
    expect_end(&args);
}

static void h_is_help_where_listed(void **state)
{
    (void)state;
    ecam_args args = ARGS("-h", "--help");
    expect(&args, "help", NULL);
    expect(&args, "help", NULL);

    args = ARGS("-h");
    args.n_options = N_OPTIONS - 1;
    CHECK_TEXT_HAS(refused(args), "unknown option -h; accepted: --dir");
}

static void no_arguments_end_at_once(void **state)
{
    (void)state;
    const char *argv[] = {"name"};
    ecam_args args = args_of(1, argv);
    expect_end(&args);
    args = args_of(0, argv);
    expect_end(&args);
}

static void names_what_was_meant_and_what_is_accepted(void **state)
{
    (void)state;
    assert_string_equal(refused(ARGS("--dirr", "x")),
                        "unknown option --dirr; did you mean --dir?; accepted: --dir, "
                        "--n-samples, --verbose, --help");
    CHECK_TEXT_HAS(refused(ARGS("--n-sample=3")), "unknown option --n-sample; did you mean --n-samples?");
    CHECK_TEXT_HAS(refused(ARGS("--nsamples")), "did you mean --n-samples?");
    CHECK_TEXT_HAS(refused(ARGS("--verb")), "did you mean --verbose?");
    assert_string_equal(refused(ARGS("--colour")),
                        "unknown option --colour; accepted: --dir, --n-samples, --verbose, --help");
    CHECK_TEXT_HAS(refused(ARGS("-v")), "unknown option -v; accepted");
    CHECK_TEXT_HAS(refused(ARGS("-dir")), "unknown option -dir; did you mean --dir?");
    CHECK_TEXT_HAS(refused(ARGS("--=x")), "unknown option --; accepted");
    CHECK_TEXT_HAS(refused(ARGS("---dir")), "unknown option ---dir");
}

static void long_and_hostile_names_are_only_unknown(void **state)
{
    (void)state;
    char name[300] = "--";
    memset(name + 2, 'x', sizeof name - 3);
    name[sizeof name - 1] = '\0';
    CHECK_TEXT_HAS(refused(ARGS(name)), "; accepted: --dir");
    assert_null(strchr(refused(ARGS("--\x1b[2Jx")), '\x1b'));
}

static void values_must_be_there(void **state)
{
    (void)state;
    assert_string_equal(refused(ARGS("--dir")), "--dir needs a value: --dir DIR");
    CHECK_TEXT_HAS(refused(ARGS("--n-samples", "--verbose")), "--n-samples needs a value: --n-samples N|all");
    CHECK_TEXT_HAS(refused(ARGS("--n-samples", "--verbose")), "--verbose");
    CHECK_TEXT_HAS(refused(ARGS("--verbose=yes")), "--verbose is a switch and takes no value");
}

static void no_options_at_all(void **state)
{
    (void)state;
    ecam_args args = ARGS("--x");
    args.n_options = 0;
    assert_string_equal(refused(args), "unknown option --x; no options are accepted");
}

static void reads_whole_numbers(void **state)
{
    (void)state;
    const ecam_option *option = &options[1];
    static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "1x", "x", "0x10", "1.5", "4", "101",
                                      "18446744073709551616"};
    uint64_t n = 0;
    ecam_error error = {0};

    CHECK_OK(ecam_args_uint(option, "5", 5, 100, &n, &error), error);
    assert_int_equal(n, 5);
    CHECK_OK(ecam_args_uint(option, "100", 5, 100, &n, &error), error);
    assert_int_equal(n, 100);
    CHECK_OK(ecam_args_uint(option, "18446744073709551615", 0, UINT64_MAX, &n, &error), error);
    assert_true(n == UINT64_MAX);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        n = 77;
        CHECK_STATUS(ecam_args_uint(option, bad[i], 5, 100, &n, &error), ECAM_EINVAL);
        assert_int_equal(n, 77);
        CHECK_TEXT_HAS(error.text, "expected a whole number from 5 to 100");
        CHECK_TEXT_HAS(error.text, "--n-samples");
    }
}

static void reads_real_numbers(void **state)
{
    (void)state;
    const ecam_option *option = &options[1];
    static const char *const bad[] = {"", " 1", "1 ", "x", "nan", "inf", "-1", "10.5", "1,5"};
    double x = 0;
    ecam_error error = {0};

    CHECK_OK(ecam_args_real(option, "2.5", 0, 10, &x, &error), error);
    CHECK_NEAR(x, 2.5, 0);
    CHECK_OK(ecam_args_real(option, "1e1", 0, 10, &x, &error), error);
    CHECK_NEAR(x, 10, 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_STATUS(ecam_args_real(option, bad[i], 0, 10, &x, &error), ECAM_EINVAL);
        CHECK_TEXT_HAS(error.text, "expected a number from 0 to 10");
    }
}

static void collects_repeated_values(void **state)
{
    (void)state;
    ecam_args_list list = {0};
    ecam_error error = {0};

    for (int i = 0; i < ECAM_ARGS_LIST; i++)
        CHECK_OK(ecam_args_collect(&options[0], i == 3 ? "x" : "y", &list, &error), error);
    assert_int_equal(list.n, ECAM_ARGS_LIST);
    assert_string_equal(list.items[3], "x");
    CHECK_STATUS(ecam_args_collect(&options[0], "z", &list, &error), ECAM_EINVAL);
    assert_string_equal(error.text, "--dir may stand at most 16 times");
    assert_int_equal(list.n, ECAM_ARGS_LIST);
}

/* Catch stdout in a file, and read it. */
static void help_names_every_option(void **state)
{
    (void)state;
    char text[4096];
    FILE *caught = tmpfile();
    int saved = dup(STDOUT_FILENO);

    assert_non_null(caught);
    fflush(stdout);
    dup2(fileno(caught), STDOUT_FILENO);
    ecam_args_help("eigencam x [options]", "Does x.", options, N_OPTIONS);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    rewind(caught);
    text[fread(text, 1, sizeof text - 1, caught)] = '\0';
    fclose(caught);
    assert_string_equal(text, "usage: eigencam x [options]\n\nDoes x.\n\n"
                              "  --dir DIR          where the store is\n"
                              "  --n-samples N|all  how many samples (default: 5)\n"
                              "  --verbose          say more\n"
                              "  --help             this page\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_form),
        cmocka_unit_test(underscores_are_dashes),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(h_is_help_where_listed),
        cmocka_unit_test(no_arguments_end_at_once),
        cmocka_unit_test(names_what_was_meant_and_what_is_accepted),
        cmocka_unit_test(long_and_hostile_names_are_only_unknown),
        cmocka_unit_test(values_must_be_there),
        cmocka_unit_test(no_options_at_all),
        cmocka_unit_test(reads_whole_numbers),
        cmocka_unit_test(reads_real_numbers),
        cmocka_unit_test(collects_repeated_values),
        cmocka_unit_test(help_names_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
