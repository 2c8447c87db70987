#include "base/node.h"

#include "support/check.h"

#define TEXT(literal) {.kind = ECAM_NODE_TEXT, .size = sizeof(literal) - 1, .bytes = (literal)}
#define UINT(value) {.kind = ECAM_NODE_UINT, .natural = (value)}
#define INT(value) {.kind = ECAM_NODE_INT, .integer = (value)}
#define FLOAT(value) {.kind = ECAM_NODE_FLOAT, .real = (value)}

static const ecam_node text = TEXT("seven"), seven = UINT(7), minus = INT(-7), signed_seven = INT(7),
                       most = UINT(UINT64_MAX), real = FLOAT(7.5), nil = {.kind = ECAM_NODE_NIL},
                       yes = {.kind = ECAM_NODE_BOOL, .boolean = true};

static void keys_are_found(void **state)
{
    (void)state;
    const ecam_node pairs[] = {TEXT("a"), UINT(1), TEXT("ab"), UINT(2), UINT(3),   UINT(4),
                               TEXT(""),  UINT(5), TEXT("a"),  UINT(6), TEXT("x\0y"), UINT(8)};
    const ecam_node map = {.kind = ECAM_NODE_MAP, .size = 6, .items = pairs};
    const ecam_node list = {.kind = ECAM_NODE_LIST, .size = 2, .items = pairs};

    assert_ptr_equal(ecam_node_get(&map, "a"), &pairs[1]); /* the first of two */
    assert_ptr_equal(ecam_node_get(&map, "ab"), &pairs[3]);
    assert_ptr_equal(ecam_node_get(&map, ""), &pairs[7]);
    assert_null(ecam_node_get(&map, "b"));
    assert_null(ecam_node_get(&map, "x"));
    assert_null(ecam_node_get(&list, "a"));
    assert_null(ecam_node_get(&text, "a"));
    assert_null(ecam_node_get(NULL, "a"));
}

static void texts_are_compared_whole(void **state)
{
    (void)state;
    const ecam_node with_nul = TEXT("a\0b");
    assert_true(ecam_node_is_text(&text, "seven"));
    assert_false(ecam_node_is_text(&text, "seve"));
    assert_false(ecam_node_is_text(&text, "sevens"));
    assert_false(ecam_node_is_text(&with_nul, "a"));
    assert_false(ecam_node_is_text(&seven, "seven"));
    assert_false(ecam_node_is_text(NULL, ""));
}

static void naturals_are_read_within_their_bound(void **state)
{
    (void)state;
    uint64_t value = 99;
    assert_true(ecam_node_uint(&seven, 7, &value));
    assert_int_equal(value, 7);
    value = 99;
    assert_true(ecam_node_uint(&signed_seven, 7, &value));
    assert_int_equal(value, 7);
    assert_true(ecam_node_uint(&most, UINT64_MAX, &value));
    assert_true(value == UINT64_MAX);

    value = 99;
    assert_false(ecam_node_uint(&seven, 6, &value));
    assert_false(ecam_node_uint(&minus, UINT64_MAX, &value));
    assert_false(ecam_node_uint(&real, UINT64_MAX, &value));
    assert_false(ecam_node_uint(&text, UINT64_MAX, &value));
    assert_false(ecam_node_uint(&yes, UINT64_MAX, &value));
    assert_false(ecam_node_uint(NULL, UINT64_MAX, &value));
    assert_int_equal(value, 99);
}

static void integers_are_read_where_they_fit(void **state)
{
    (void)state;
    const ecam_node largest = UINT(INT64_MAX), one_more = UINT((uint64_t)INT64_MAX + 1);
    int64_t value = 99;
    assert_true(ecam_node_int(&minus, &value));
    assert_int_equal(value, -7);
    assert_true(ecam_node_int(&largest, &value));
    assert_true(value == INT64_MAX);

    value = 99;
    assert_false(ecam_node_int(&one_more, &value));
    assert_false(ecam_node_int(&real, &value));
    assert_false(ecam_node_int(&nil, &value));
    assert_false(ecam_node_int(NULL, &value));
    assert_int_equal(value, 99);
}

static void numbers_are_read_from_all_three_kinds(void **state)
{
    (void)state;
    double value = 99;
    assert_true(ecam_node_number(&real, &value));
    CHECK_NEAR(value, 7.5, 0);
    assert_true(ecam_node_number(&seven, &value));
    CHECK_NEAR(value, 7, 0);
    assert_true(ecam_node_number(&minus, &value));
    CHECK_NEAR(value, -7, 0);
    value = 99;
    assert_false(ecam_node_number(&text, &value));
    assert_false(ecam_node_number(&yes, &value));
    assert_false(ecam_node_number(&nil, &value));
    assert_false(ecam_node_number(NULL, &value));
    CHECK_NEAR(value, 99, 0);
}

static void kinds_have_names(void **state)
{
    (void)state;
    const ecam_node list = {.kind = ECAM_NODE_LIST}, map = {.kind = ECAM_NODE_MAP};
    assert_string_equal(ecam_node_kind_name(NULL), "nothing");
    assert_string_equal(ecam_node_kind_name(&nil), "nil");
    assert_string_equal(ecam_node_kind_name(&yes), "a boolean");
    assert_string_equal(ecam_node_kind_name(&minus), "an integer");
    assert_string_equal(ecam_node_kind_name(&seven), "an integer");
    assert_string_equal(ecam_node_kind_name(&real), "a float");
    assert_string_equal(ecam_node_kind_name(&text), "a string");
    assert_string_equal(ecam_node_kind_name(&list), "a list");
    assert_string_equal(ecam_node_kind_name(&map), "a map");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_found),
        cmocka_unit_test(texts_are_compared_whole),
        cmocka_unit_test(naturals_are_read_within_their_bound),
        cmocka_unit_test(integers_are_read_where_they_fit),
        cmocka_unit_test(numbers_are_read_from_all_three_kinds),
        cmocka_unit_test(kinds_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
