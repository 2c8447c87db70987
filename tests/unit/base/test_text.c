#include "base/text.h"

#include "support/check.h"

static bool utf8(const char *text)
{
    return ecam_text_is_utf8(text, strlen(text));
}

static void good_utf8_is_accepted(void **state)
{
    (void)state;
    assert_true(utf8(""));
    assert_true(utf8("abc \x7f\x01"));
    assert_true(utf8("\xc2\x80 \xdf\xbf"));                     /* U+0080, U+07FF */
    assert_true(utf8("\xe0\xa0\x80 \xed\x9f\xbf"));             /* U+0800, U+D7FF */
    assert_true(utf8("\xee\x80\x80 \xef\xbf\xbf"));             /* U+E000, U+FFFF */
    assert_true(utf8("\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"));     /* U+10000, U+10FFFF */
    assert_true(ecam_text_is_utf8("a\0b", 3));
}

static void bad_utf8_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",             "\xbf",             "\xc0\x80",         "\xc1\xbf", /* overlong */
        "\xe0\x9f\xbf",     "\xf0\x8f\xbf\xbf",                                 /* overlong */
        "\xed\xa0\x80",     "\xed\xbf\xbf",                                     /* surrogates */
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",             "\xfe",     /* too large */
        "\xc3",             "\xe2\x82",         "\xf0\x9f\x90",                 /* cut */
        "\xc3(",            "\xe2(\x80",        "\xe2\x82(",        "\xf0\x9f\x90(",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char inside[16];
        snprintf(inside, sizeof inside, "a%sb", bad[i]);
        if (utf8(bad[i]) || utf8(inside))
            fail_msg("case %zu is accepted", i);
    }
}

/* A character whose rest lies beyond the end must not be read. */
static void the_length_bounds_the_reading(void **state)
{
    (void)state;
    assert_false(ecam_text_is_utf8("\xc3\xa4", 1));
    assert_false(ecam_text_is_utf8("\xf0\x9f\x90\x88", 3));
    assert_true(ecam_text_is_utf8("\xc3\xa4\xff", 2));
}

static bool is_name(const char *text, size_t max_bytes, const char *banned)
{
    return ecam_text_is_name(text, strlen(text), max_bytes, banned);
}

static void names_have_rules(void **state)
{
    (void)state;
    assert_true(is_name("run 1/\xc3\xa4", 128, "|"));
    assert_true(is_name("abc", 3, "|"));
    assert_true(is_name("a:b", 8, ""));
    assert_false(is_name("", 128, "|"));
    assert_false(is_name("abcd", 3, "|"));
    assert_false(is_name("a|b", 128, "|"));
    assert_false(is_name("a;b", 128, ":;|"));
    assert_false(is_name("a\nb", 128, ""));
    assert_false(is_name("a\x1f", 128, ""));
    assert_false(is_name("\x7f", 128, ""));
    assert_false(is_name("\xff", 128, ""));
    assert_false(ecam_text_is_name("a\0b", 3, 128, ""));
    assert_false(ecam_text_is_name("\0", 1, 128, ""));
}

static void expect_clean(const char *text, size_t length, size_t capacity, const char *expected)
{
    char out[64];
    memset(out, 'X', sizeof out);
    assert_ptr_equal(ecam_text_clean(out, capacity, text, length), out);
    assert_string_equal(out, expected);
    for (size_t i = capacity; i < sizeof out; i++)
        assert_int_equal(out[i], 'X');
}

#define CLEAN(text, expected) expect_clean(text, sizeof(text) - 1, 64, expected)

static void what_is_printed_is_harmless(void **state)
{
    (void)state;
    CLEAN("", "");
    CLEAN("plain \xc3\xa4 \xf0\x9f\x90\x88", "plain \xc3\xa4 \xf0\x9f\x90\x88");
    CLEAN("a\nb\tc\r\x7f", "a b c  ");
    CLEAN("\x1b[2J", " [2J");
    CLEAN("\xc2\x9b"
          "2J \xc2\x80\xc2\x9f",
          " 2J   "); /* the same command as one character, U+009B */
    CLEAN("\xc2\xa0x", "\xc2\xa0x");
    CLEAN("a\0b", "a\xef\xbf\xbd"
                  "b");
    CLEAN("\xff\xc3", "\xef\xbf\xbd\xef\xbf\xbd");
    CLEAN("\xe2\x82x", "\xef\xbf\xbd\xef\xbf\xbdx");
}

static void clean_text_is_cut_between_characters(void **state)
{
    (void)state;
    expect_clean("abc", 3, 4, "abc");
    expect_clean("abc", 3, 3, "ab");
    expect_clean("abc", 3, 1, "");
    expect_clean("a\xe2\x82\xac", 4, 4, "a");
    expect_clean("a\xe2\x82\xac", 4, 5, "a\xe2\x82\xac");
    expect_clean("a\xff", 2, 4, "a"); /* its replacement needs three bytes */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_utf8_is_accepted),
        cmocka_unit_test(bad_utf8_is_refused),
        cmocka_unit_test(the_length_bounds_the_reading),
        cmocka_unit_test(names_have_rules),
        cmocka_unit_test(what_is_printed_is_harmless),
        cmocka_unit_test(clean_text_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
