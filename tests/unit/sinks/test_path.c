#include "sinks/path.h"

#include <stdlib.h>

#include "support/check.h"

static void expect(const char *name, const char *expected)
{
    char out[ECAM_PATH_NAME_BYTES];
    assert_ptr_equal(ecam_path_encode(out, name), out);
    assert_string_equal(out, expected);
}

static void plain_names_stay(void **state)
{
    (void)state;
    expect("run", "run");
    expect("ResNet-50_v1.5", "ResNet-50_v1.5");
    expect("a.b.", "a.b.");
    expect("0123456789", "0123456789");
    expect("na\xc3\xafve", "na\xc3\xafve");
    expect("\xe5\x88\x86\xe9\xa1\x9e", "\xe5\x88\x86\xe9\xa1\x9e");
    expect("\xf0\x9f\x90\x88", "\xf0\x9f\x90\x88");
}

static void hostile_names_are_encoded(void **state)
{
    (void)state;
    expect(".", "%2E");
    expect("..", "%2E.");
    expect("../../etc", "%2E.%2F..%2Fetc");
    expect("/etc/passwd", "%2Fetc%2Fpasswd");
    expect("a/b", "a%2Fb");
    expect("a\\b", "a%5Cb");
    expect(".hidden", "%2Ehidden");
    expect(" ", "%20");
    expect("a b", "a%20b");
    expect("100%", "100%25");
    expect("%2E", "%252E");
    expect("a\nb\x1b[2J\x7f", "a%0Ab%1B%5B2J%7F");
    expect("<b>&\"'$`;*?~:", "%3Cb%3E%26%22%27%24%60%3B%2A%3F%7E%3A");
    expect("\xc2\x9b"
           "2J",
           "%C2%9B2J"); /* a terminal's command in UTF-8 */
    expect("\xc2\xa0x", "\xc2\xa0x");
}

static void bytes_that_are_no_utf8_are_encoded(void **state)
{
    (void)state;
    expect("\xff", "%FF");
    expect("\xc3\xa4\xc3", "%C3%A4%C3");
    expect("\xed\xa0\x80", "%ED%A0%80"); /* a surrogate */
}

static void nothing_is_a_name_of_its_own(void **state)
{
    (void)state;
    expect("", "%empty");
    expect("%empty", "%25empty");
}

static void the_index_is_out_of_reach(void **state)
{
    (void)state;
    expect("index.sqlite", "%69ndex.sqlite");
    expect("index.sqlite-wal", "%69ndex.sqlite-wal");
    expect("%69ndex.sqlite", "%2569ndex.sqlite");
    expect("index.html", "index.html");
}

static char *repeated(const char *piece, size_t n, const char *end)
{
    char *text = calloc(n * strlen(piece) + strlen(end) + 1, 1);
    assert_non_null(text);
    for (size_t i = 0; i < n; i++)
        strcat(text, piece);
    return strcat(text, end);
}

static void encode_repeated(char *out, const char *piece, size_t n, const char *end)
{
    char *text = repeated(piece, n, end);
    ecam_path_encode(out, text);
    free(text);
}

static void long_names_are_cut_and_differ(void **state)
{
    (void)state;
    char a[ECAM_PATH_NAME_BYTES], b[ECAM_PATH_NAME_BYTES];

    encode_repeated(a, "x", 200, "");
    assert_int_equal(strlen(a), 200);
    assert_null(strchr(a, '%'));

    encode_repeated(a, "x", 201, "");
    assert_int_equal(strlen(a), 200);
    assert_memory_equal(a + 182, "%-", 2);
    assert_int_equal(strspn(a + 184, "0123456789abcdef"), 16);

    encode_repeated(a, "x", 5000, "a");
    encode_repeated(b, "x", 5000, "b");
    assert_string_not_equal(a, b);
    assert_int_equal(strlen(a), 200);
}

/* The cut falls between characters, and between encoded bytes. */
static void long_names_are_cut_between_characters(void **state)
{
    (void)state;
    char out[ECAM_PATH_NAME_BYTES];

    encode_repeated(out, "\xf0\x9f\x90\x88", 100, "");
    assert_int_equal(strlen(out), 180 + 18); /* 45 characters of 4 bytes */
    assert_memory_equal(out + 180, "%-", 2);
    encode_repeated(out, "/", 100, "");
    assert_int_equal(strlen(out), 180 + 18); /* 60 times "%2F" */
    assert_memory_equal(out + 177, "%2F%-", 5);
    encode_repeated(out, ".", 128, "");
    assert_int_equal(strlen(out), 130);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Every text of one and two bytes: no two alike, none a path. */
static void short_names_never_collide(void **state)
{
    (void)state;
    static char seen[256 * 256][8];
    size_t n = 0;

    for (int i = 1; i < 256; i++)
        for (int j = 0; j < 256; j++) {
            char out[ECAM_PATH_NAME_BYTES], text[3] = {(char)i, (char)j, '\0'};
            ecam_path_encode(out, text);
            assert_true(strlen(out) < sizeof seen[0]);
            assert_true(out[0] != '\0' && out[0] != '.' && !strchr(out, '/'));
            strcpy(seen[n++], out);
        }
    qsort(seen, n, sizeof seen[0], compare_texts);
    for (size_t i = 1; i < n; i++)
        if (strcmp(seen[i - 1], seen[i]) == 0)
            fail_msg("two texts are \"%s\"", seen[i]);
}

static void folders_tell_epochs_and_attempts_apart(void **state)
{
    (void)state;
    ecam_path_folder folder;
    ecam_result result = {.run = "..", .output = "", .mode = "eval", .epoch = 3, .attempt = 1};

    ecam_path_folder_of(&result, &folder);
    assert_string_equal(folder.whole, "%2E./%empty/eval/epoch-000003");
    assert_string_equal(folder.steps[3], "epoch-000003");
    result.attempt = 0;
    ecam_path_folder_of(&result, &folder);
    assert_string_equal(folder.steps[3], "epoch-000003");
    result.attempt = 2;
    ecam_path_folder_of(&result, &folder);
    assert_string_equal(folder.steps[3], "epoch-000003-attempt-2");
    result.epoch = UINT64_MAX;
    result.attempt = UINT32_MAX;
    ecam_path_folder_of(&result, &folder);
    assert_string_equal(folder.steps[3], "epoch-18446744073709551615-attempt-4294967295");
}

static void pictures_are_named_by_what_they_show(void **state)
{
    (void)state;
    char out[ECAM_PATH_NAME_BYTES];
    ecam_result result = {.type = ECAM_RESULT_OVERLAY, .sample.number = 7, .component.number = 2, .page.number = 1};

    assert_string_equal(ecam_path_picture(out, &result), "007-overlay-2.png");
    result.type = ECAM_RESULT_MAP;
    assert_string_equal(ecam_path_picture(out, &result), "007-map-2.png");
    result.type = ECAM_RESULT_IMAGE;
    assert_string_equal(ecam_path_picture(out, &result), "007-image.png");
    result.type = ECAM_RESULT_SHEET;
    assert_string_equal(ecam_path_picture(out, &result), "sheet-001.png");
    result.page.number = 12345;
    assert_string_equal(ecam_path_picture(out, &result), "sheet-12345.png");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_names_stay),
        cmocka_unit_test(hostile_names_are_encoded),
        cmocka_unit_test(bytes_that_are_no_utf8_are_encoded),
        cmocka_unit_test(nothing_is_a_name_of_its_own),
        cmocka_unit_test(the_index_is_out_of_reach),
        cmocka_unit_test(long_names_are_cut_and_differ),
        cmocka_unit_test(long_names_are_cut_between_characters),
        cmocka_unit_test(short_names_never_collide),
        cmocka_unit_test(folders_tell_epochs_and_attempts_apart),
        cmocka_unit_test(pictures_are_named_by_what_they_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
