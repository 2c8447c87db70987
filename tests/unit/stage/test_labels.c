#include <stdlib.h>
#include <unistd.h>

#include "nodes.h"
#include "stage/labels.h"
#include "support/check.h"

/* ---- mappings ---- */

static ecam_arena arena;

static int set_up(void **state)
{
    (void)state;
    ecam_arena_init(&arena, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ecam_arena_finish(&arena);
    return 0;
}

static const ecam_mapping *load(ecam_node node)
{
    const ecam_mapping *mapping;
    ecam_error error = {0};
    CHECK_OK(ecam_mapping_load(&node, &arena, &mapping, &error), error);
    assert_non_null(mapping);
    return mapping;
}

static void refuse(ecam_node node, ecam_status expected, const char *says)
{
    const ecam_mapping *mapping = (const void *)&node;
    ecam_error error = {0};
    CHECK_STATUS(ecam_mapping_load(&node, &arena, &mapping, &error), expected);
    assert_int_equal(error.status, expected);
    assert_null(mapping);
    CHECK_TEXT_HAS(error.text, says);
}

static void mapping_of_a_map(void **state)
{
    (void)state;
    const ecam_mapping *m = load(NODE_MAP(NODE_TEXT("cat"), NODE_UINT(0), NODE_TEXT("dog"), NODE_INT(-3),
                                          NODE_TEXT("\u72d7 \"<&"), NODE_INT(1000),
                                          NODE_TEXT("puppy"), NODE_INT(-3)));
    assert_string_equal(ecam_mapping_name(m, 0), "cat");
    assert_string_equal(ecam_mapping_name(m, -3), "dog"); /* the first of several */
    assert_string_equal(ecam_mapping_name(m, 1000), "\u72d7 \"<&");
    assert_null(ecam_mapping_name(m, 1));
    assert_null(ecam_mapping_name(NULL, 0));
}

static void mapping_values_may_be_digits(void **state)
{
    (void)state; /* as YAML gives them */
    const ecam_mapping *m = load(NODE_MAP(NODE_TEXT("a"), NODE_TEXT("12"), NODE_TEXT("b"), NODE_TEXT("-7"),
                                          NODE_TEXT("c"), NODE_TEXT("9223372036854775807")));
    assert_string_equal(ecam_mapping_name(m, 12), "a");
    assert_string_equal(ecam_mapping_name(m, -7), "b");
    assert_string_equal(ecam_mapping_name(m, INT64_MAX), "c");
}

static void mapping_of_a_list(void **state)
{
    (void)state;
    const ecam_mapping *m = load(NODE_LIST(NODE_TEXT("zero"), NODE_TEXT("one"), NODE_TEXT("two")));
    assert_string_equal(ecam_mapping_name(m, 0), "zero");
    assert_string_equal(ecam_mapping_name(m, 2), "two");
    assert_null(ecam_mapping_name(m, 3));
    assert_null(ecam_mapping_name(m, -1));
}

static void mapping_in_line(void **state)
{
    (void)state;
    const ecam_mapping *m = load(NODE_TEXT("cat=0,big dog=-2,\u72d7=7"));
    assert_string_equal(ecam_mapping_name(m, 0), "cat");
    assert_string_equal(ecam_mapping_name(m, -2), "big dog");
    assert_string_equal(ecam_mapping_name(m, 7), "\u72d7");
    m = load(NODE_BYTES("a=1,b=2garbage", 7)); /* text is not NUL-terminated */
    assert_string_equal(ecam_mapping_name(m, 2), "b");
}

static void empty_mappings_name_nothing(void **state)
{
    (void)state;
    const ecam_node map = {.kind = ECAM_NODE_MAP}, list = {.kind = ECAM_NODE_LIST};
    assert_null(ecam_mapping_name(load(map), 0));
    assert_null(ecam_mapping_name(load(list), 0));
}

static void names_are_brought_to_clean_text(void **state)
{
    (void)state;
    const ecam_mapping *m = load(NODE_MAP(NODE_BYTES("a\n\xff z", 5), NODE_UINT(0)));
    assert_string_equal(ecam_mapping_name(m, 0), "a \ufffd z");
}

static void impossible_mappings_are_refused(void **state)
{
    (void)state;
    refuse(NODE_NIL, ECAM_EINVAL, "nil");
    refuse(NODE_INT(3), ECAM_EINVAL, "an integer");
    refuse(NODE_MAP(NODE_TEXT("a"), NODE_FLOAT(1.5)), ECAM_EINVAL, "a float");
    refuse(NODE_MAP(NODE_TEXT("a"), NODE_UINT(1), NODE_INT(2), NODE_UINT(2)), ECAM_EINVAL, "entry 1");
    refuse(NODE_MAP(NODE_TEXT("a"), NODE_TEXT("one")), ECAM_EINVAL, "class name");
    refuse(NODE_MAP(NODE_TEXT("a"), NODE_TEXT("")), ECAM_EINVAL, "class name");
    refuse(NODE_MAP(NODE_TEXT("a"), NODE_TEXT("12x")), ECAM_EINVAL, "class name");
    refuse(NODE_MAP(NODE_TEXT("a"), NODE_BYTES("\0", 1)), ECAM_EINVAL, "class name");
    refuse(NODE_MAP(NODE_TEXT("a"), NODE_BYTES("1\0" "2", 3)), ECAM_EINVAL, "class name");
    refuse(NODE_MAP(NODE_TEXT("a"), NODE_TEXT("9223372036854775808")), ECAM_EINVAL, "class name");
    refuse(NODE_MAP(NODE_TEXT("a"), NODE_UINT(UINT64_MAX)), ECAM_EINVAL, "class name");
    refuse(NODE_LIST(NODE_TEXT("a"), NODE_INT(1)), ECAM_EINVAL, "entry 1");
    refuse(NODE_TEXT("a=1,b"), ECAM_EINVAL, "\"b\"");
    refuse(NODE_TEXT("a=1,=2"), ECAM_EINVAL, "\"=2\"");
    refuse(NODE_TEXT("a=1,b=two"), ECAM_EINVAL, "name=integer");
    refuse(NODE_TEXT("a="), ECAM_EINVAL, "FILE.json");
}

static char path[64];

static ecam_node file_of(const char *text)
{
    strcpy(path, "/tmp/test-labels-XXXXXX.json");
    int fd = mkstemps(path, 5);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return NODE_TEXT(path);
}

static void mapping_of_a_file(void **state)
{
    (void)state;
    const ecam_mapping *m = load(file_of("{\"cat\": 3, \"\\u72d7\": -1, \"big\": 9007199254740993}"));
    unlink(path);
    assert_string_equal(ecam_mapping_name(m, 3), "cat");
    assert_string_equal(ecam_mapping_name(m, -1), "\u72d7");
    assert_string_equal(ecam_mapping_name(m, 9007199254740993), "big");
    m = load(file_of("[\"zero\", \"one\"]"));
    unlink(path);
    assert_string_equal(ecam_mapping_name(m, 1), "one");
    m = load(file_of("{}"));
    unlink(path);
    assert_null(ecam_mapping_name(m, 0));
}

static void refuse_file(const char *text, const char *says)
{
    ecam_node node = file_of(text);
    refuse(node, ECAM_EINVAL, says);
    refuse(node, ECAM_EINVAL, path);
    unlink(path);
}

static void impossible_files_are_refused(void **state)
{
    (void)state;
    refuse(NODE_TEXT("/no/such/file.json"), ECAM_EIO, "/no/such/file.json");
    refuse(NODE_TEXT("no such file"), ECAM_EIO, "no such file");
    refuse_file("{\"cat\": 1.5}", "\"cat\"");
    refuse_file("{\"cat\": \"1\"}", "no integer");
    refuse_file("[\"a\", 2]", "entry 1");
    refuse_file("\"text\"", "class name");
    refuse_file("3", "class name");
    refuse_file("{\"cat\":\n\n 1", "line 3");
    refuse_file("", "class name");
}

/* ---- reading ---- */

static ecam_field field_of(ecam_dtype dtype, const void *data, unsigned ndim, uint64_t n, uint64_t classes)
{
    ecam_field field = {.key = "labels", .is_tensor = true};
    field.tensor = (ecam_tensor){.data = data, .dtype = dtype, .ndim = ndim, .shape = {n, classes}};
    field.tensor.size_bytes = ecam_dtype_size(dtype);
    for (unsigned i = 0; i < ndim; i++)
        field.tensor.size_bytes *= field.tensor.shape[i];
    return field;
}

static void check_int(const ecam_field *field, uint64_t i, int64_t expected)
{
    ecam_label label;
    ecam_label_read(field, i, &label);
    assert_int_equal(label.kind, ECAM_LABEL_INT);
    if (label.integer != expected)
        fail_msg("sample %d reads %lld, expected %lld", (int)i, (long long)label.integer, (long long)expected);
}

static void check_text(const ecam_field *field, uint64_t i, const ecam_mapping *mapping, const char *expected)
{
    ecam_label label;
    char buffer[ECAM_LABEL_BYTES];
    ecam_label_read(field, i, &label);
    assert_string_equal(ecam_label_text(&label, mapping, buffer, NULL), expected);
}

static void integers_of_every_type(void **state)
{
    (void)state;
    const uint8_t u8[] = {0, 255};
    const int8_t i8[] = {-128, 127};
    const uint16_t u16[] = {65535, 1};
    const int16_t i16[] = {-5, 5};
    const uint32_t u32[] = {4294967295u, 2};
    const int32_t i32[] = {INT32_MIN, 7};
    const struct { ecam_dtype dtype; const void *data; int64_t values[2]; } cases[] = {
        {ECAM_U8, u8, {0, 255}},           {ECAM_I8, i8, {-128, 127}},
        {ECAM_U16, u16, {65535, 1}},       {ECAM_I16, i16, {-5, 5}},
        {ECAM_U32, u32, {4294967295, 2}},  {ECAM_I32, i32, {INT32_MIN, 7}},
        {ECAM_BOOL, (const uint8_t[]){1, 0}, {1, 0}},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        ecam_field flat = field_of(cases[c].dtype, cases[c].data, 1, 2, 0);
        ecam_field column = field_of(cases[c].dtype, cases[c].data, 2, 2, 1);
        for (uint64_t i = 0; i < 2; i++) {
            check_int(&flat, i, cases[c].values[i]);
            check_int(&column, i, cases[c].values[i]);
        }
    }
}

static void integers_of_64_bits_keep_every_digit(void **state)
{
    (void)state;
    const int64_t i64[] = {INT64_MIN, 9007199254740993, INT64_MAX};
    const uint64_t u64[] = {9007199254740993u, INT64_MAX, UINT64_MAX};
    ecam_field field = field_of(ECAM_I64, i64, 1, 3, 0);
    check_int(&field, 0, INT64_MIN);
    check_int(&field, 1, 9007199254740993);
    check_int(&field, 2, INT64_MAX);
    check_text(&field, 0, NULL, "-9223372036854775808");
    field = field_of(ECAM_U64, u64, 1, 3, 0);
    check_int(&field, 0, 9007199254740993);
    check_int(&field, 1, INT64_MAX);
}

static void what_no_int64_holds_is_still_no_negative_number(void **state)
{
    (void)state;
    const uint64_t u64[] = {UINT64_MAX};
    ecam_field field = field_of(ECAM_U64, u64, 1, 1, 0);
    check_text(&field, 0, NULL, "1.84467e+19");
    const ecam_node item = NODE_UINT(UINT64_MAX);
    const ecam_field list = {.key = "labels", .items = &item, .n_items = 1};
    check_text(&list, 0, NULL, "1.84467e+19");
}

static void tensors_need_no_alignment(void **state)
{
    (void)state;
    char bytes[1 + 2 * 8];
    const int64_t values[] = {-2, 1234567890123456789};
    memcpy(bytes + 1, values, sizeof values);
    ecam_field field = field_of(ECAM_I64, bytes + 1, 1, 2, 0);
    check_int(&field, 1, 1234567890123456789);
}

static void floats(void **state)
{
    (void)state;
    const float f32[] = {3.0f, 2.5f, -0.0f, NAN, INFINITY, 1e20f};
    ecam_field field = field_of(ECAM_F32, f32, 1, 6, 0);
    check_int(&field, 0, 3);
    check_text(&field, 1, NULL, "2.5");
    check_int(&field, 2, 0);
    check_text(&field, 3, NULL, "nan");
    check_text(&field, 4, NULL, "inf");
    check_text(&field, 5, NULL, "1e+20");
    const uint16_t half[] = {0x4500}; /* 5 */
    field = field_of(ECAM_F16, half, 2, 1, 1);
    check_int(&field, 0, 5);
}

static void the_largest_of_several_classes(void **state)
{
    (void)state;
    const float scores[4][3] = {
        {0.1f, 0.7f, 0.2f},   {-3, -2, -5}, {0.4f, 0.2f, 0.4f} /* a tie: the first */, {0, 0, 0}};
    ecam_field field = field_of(ECAM_F32, scores, 2, 4, 3);
    check_int(&field, 0, 1);
    check_int(&field, 1, 1);
    check_int(&field, 2, 0);
    check_int(&field, 3, 0);
    const uint8_t onehot[2][3] = {{0, 0, 1}, {0, 1, 0}};
    field = field_of(ECAM_U8, onehot, 2, 2, 3);
    check_int(&field, 0, 2);
    check_int(&field, 1, 1);
}

static void what_is_not_a_number_is_never_the_largest(void **state)
{
    (void)state;
    const float scores[4][3] = {{NAN, 1, 2}, {1, NAN, NAN}, {NAN, -INFINITY, NAN}, {NAN, -INFINITY, 3}};
    ecam_field field = field_of(ECAM_F32, scores, 2, 4, 3);
    check_int(&field, 0, 2);
    check_int(&field, 1, 0);
    check_int(&field, 2, 1);
    check_int(&field, 3, 2);
}

static void lists(void **state)
{
    (void)state;
    const ecam_node items[] = {NODE_UINT(4),   NODE_INT(-4),  NODE_FLOAT(2.0), NODE_FLOAT(0.25),
                               NODE_BOOL(true), NODE_TEXT("\u732b")};
    const ecam_field field = {.key = "labels", .items = items, .n_items = 6};
    check_int(&field, 0, 4);
    check_int(&field, 1, -4);
    check_int(&field, 2, 2);
    check_text(&field, 3, NULL, "0.25");
    check_int(&field, 4, 1);
    check_text(&field, 5, NULL, "\u732b");
}

static void long_texts_are_cut_at_a_character(void **state)
{
    (void)state;
    char text[600];
    for (size_t i = 0; i < 300; i++)
        memcpy(text + 2 * i, "\u00e9", 2);
    const ecam_node item = NODE_BYTES(text, 600);
    const ecam_field field = {.key = "labels", .items = &item, .n_items = 1};
    ecam_label label;
    ecam_label_read(&field, 0, &label);
    assert_int_equal(strlen(label.text), ECAM_LABEL_BYTES - 2); /* 254: whole characters */
}

static void one_label_for_each_sample(void **state)
{
    (void)state;
    const float data[16] = {0};
    ecam_error error = {0};
    ecam_field ok[] = {
        field_of(ECAM_F32, data, 1, 4, 0), field_of(ECAM_F32, data, 2, 4, 1),
        field_of(ECAM_F32, data, 2, 4, 4), {.key = "l", .n_items = 4},
    };
    for (size_t i = 0; i < 4; i++)
        CHECK_OK(ecam_label_check(&ok[i], 4, &error), error);
    ecam_field scalar = field_of(ECAM_F32, data, 0, 0, 0);
    CHECK_OK(ecam_label_check(&scalar, 1, &error), error); /* a batch of one */
    check_int(&scalar, 0, 0);

    ecam_field bad[] = {
        field_of(ECAM_F32, data, 1, 3, 0), field_of(ECAM_F32, data, 2, 1, 4), scalar,
        {.key = "labels", .n_items = 5},   field_of(ECAM_F32, data, 2, 4, 2),
    };
    bad[4].tensor.ndim = 3;
    bad[4].tensor.shape[2] = 2;
    for (size_t i = 0; i < 5; i++) {
        CHECK_STATUS(ecam_label_check(&bad[i], 4, &error), ECAM_ESHAPE);
        assert_int_equal(error.status, ECAM_ESHAPE);
        CHECK_TEXT_HAS(error.text, "labels");
        CHECK_TEXT_HAS(error.text, "4");
    }
}

/* ---- captions ---- */

static void captions_are_names_or_numbers(void **state)
{
    (void)state;
    const ecam_mapping *m = load(NODE_TEXT("cat=0,dog=-2"));
    char buffer[ECAM_LABEL_BYTES];
    bool unmapped = true;
    ecam_label label = {.kind = ECAM_LABEL_INT, .integer = -2};
    assert_string_equal(ecam_label_text(&label, m, buffer, &unmapped), "dog");
    assert_false(unmapped);
    assert_string_equal(ecam_label_text(&label, NULL, buffer, &unmapped), "-2");
    assert_false(unmapped);
    label.integer = 5;
    assert_string_equal(ecam_label_text(&label, m, buffer, &unmapped), "5");
    assert_true(unmapped);
    assert_string_equal(ecam_label_text(&label, m, buffer, NULL), "5");

    label = (ecam_label){.kind = ECAM_LABEL_REAL, .real = 0.5};
    assert_string_equal(ecam_label_text(&label, m, buffer, &unmapped), "0.5");
    assert_true(unmapped);
    label = (ecam_label){.kind = ECAM_LABEL_TEXT, .text = "cat"};
    assert_string_equal(ecam_label_text(&label, m, buffer, &unmapped), "cat");
    assert_false(unmapped);
    label = (ecam_label){.kind = ECAM_LABEL_NONE};
    assert_null(ecam_label_text(&label, m, buffer, &unmapped));
    assert_false(unmapped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mapping_of_a_map),
        cmocka_unit_test(mapping_values_may_be_digits),
        cmocka_unit_test(mapping_of_a_list),
        cmocka_unit_test(mapping_in_line),
        cmocka_unit_test(empty_mappings_name_nothing),
        cmocka_unit_test(names_are_brought_to_clean_text),
        cmocka_unit_test(impossible_mappings_are_refused),
        cmocka_unit_test(mapping_of_a_file),
        cmocka_unit_test(impossible_files_are_refused),
        cmocka_unit_test(integers_of_every_type),
        cmocka_unit_test(integers_of_64_bits_keep_every_digit),
        cmocka_unit_test(what_no_int64_holds_is_still_no_negative_number),
        cmocka_unit_test(tensors_need_no_alignment),
        cmocka_unit_test(floats),
        cmocka_unit_test(the_largest_of_several_classes),
        cmocka_unit_test(what_is_not_a_number_is_never_the_largest),
        cmocka_unit_test(lists),
        cmocka_unit_test(long_texts_are_cut_at_a_character),
        cmocka_unit_test(one_label_for_each_sample),
        cmocka_unit_test(captions_are_names_or_numbers),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
