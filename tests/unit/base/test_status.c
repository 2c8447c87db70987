#include "eigencam/status.h"

#include "base/text.h"
#include "support/check.h"

#define TEXT_BYTES (sizeof((ecam_error *)0)->text)

static void every_status_has_a_word(void **state)
{
    (void)state;
    static const char *const words[] = {"ok",      "memory", "argument", "shape", "type",  "format", "version",
                                        "missing", "limit",  "math",     "io",    "again", "closed"};
    for (int i = ECAM_OK; i <= ECAM_ECLOSED; i++)
        assert_string_equal(ecam_status_word((ecam_status)i), words[i]);
    assert_string_equal(ecam_status_word((ecam_status)(ECAM_ECLOSED + 1)), "unknown");
    assert_string_equal(ecam_status_word((ecam_status)-1), "unknown");
}

static void a_failure_is_one_statement(void **state)
{
    (void)state;
    ecam_error error = {0};
    CHECK_STATUS(ecam_fail(&error, ECAM_ESHAPE, "axis %d is %s", 3, "odd"), ECAM_ESHAPE);
    assert_int_equal(error.status, ECAM_ESHAPE);
    assert_string_equal(error.text, "axis 3 is odd");
    CHECK_STATUS(ecam_fail(NULL, ECAM_EIO, "nobody reads %d", 1), ECAM_EIO);
    CHECK_STATUS(ecam_fail(&error, ECAM_EIO, "%s", ""), ECAM_EIO);
    assert_string_equal(error.text, "");
}

static void context_goes_in_front(void **state)
{
    (void)state;
    ecam_error error = {0};
    ecam_fail(&error, ECAM_EIO, "no such file");
    ecam_error_prefix(&error, "file %s: ", "x.npy");
    ecam_error_prefix(&error, "case %d: ", 7);
    assert_string_equal(error.text, "case 7: file x.npy: no such file");
    assert_int_equal(error.status, ECAM_EIO);
    ecam_error_prefix(NULL, "%s", "nothing");
}

/* "a" n times, then two-byte characters beyond the end: whatever the offset,
 * what is left is UTF-8 and as long as can be. */
static void long_texts_are_cut_between_characters(void **state)
{
    (void)state;
    static const char *const characters[] = {"b", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x90\x88"};

    for (size_t c = 0; c < 4; c++)
        for (size_t lead = 0; lead < 5; lead++) {
            char text[1024] = "";
            ecam_error error = {0};
            memset(text, 'a', lead);
            while (strlen(text) < 900)
                strcat(text, characters[c]);
            ecam_fail(&error, ECAM_EIO, "%s", text);
            size_t length = strlen(error.text), unit = strlen(characters[c]);
            assert_true(ecam_text_is_utf8(error.text, length));
            assert_int_equal(length, lead + (TEXT_BYTES - 1 - lead) / unit * unit);

            ecam_error_prefix(&error, "%s", "in x: ");
            length = strlen(error.text);
            assert_true(ecam_text_is_utf8(error.text, length));
            assert_true(length > TEXT_BYTES - 1 - unit && length < TEXT_BYTES);
            assert_memory_equal(error.text, "in x: ", 6);
        }
}

static void a_prefix_too_long_leaves_a_text(void **state)
{
    (void)state;
    char prefix[1000];
    ecam_error error = {0};
    memset(prefix, 'p', sizeof prefix - 1);
    prefix[sizeof prefix - 1] = '\0';
    ecam_fail(&error, ECAM_EIO, "the cause");
    ecam_error_prefix(&error, "%s", prefix);
    assert_int_equal(strlen(error.text), TEXT_BYTES - 1);
    assert_int_equal(strspn(error.text, "p"), TEXT_BYTES - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_word),
        cmocka_unit_test(a_failure_is_one_statement),
        cmocka_unit_test(context_goes_in_front),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(a_prefix_too_long_leaves_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
