#include "wire/patch.h"

#include "support/check.h"
#include "wire/unpack.h"

typedef struct patched {
    ecam_arena arena;
    ecam_buffer bytes;
    const ecam_node *tree;
} patched;

/* Patch a header, decode what came out. */
static ecam_status patch(const char *header, size_t size, uint64_t value, patched *out, ecam_error *error)
{
    const ecam_node *tree;

    *out = (patched){0};
    ecam_arena_init(&out->arena, 0);
    CHECK_OK(ecam_unpack(header, size, NULL, &out->arena, &tree, error), *error);
    ecam_status st = ecam_patch_uint(header, size, tree, "session", value, &out->bytes, error);
    if (st == ECAM_OK)
        CHECK_OK(ecam_unpack(out->bytes.data, out->bytes.size, NULL, &out->arena, &out->tree, error), *error);
    return st;
}

static void finish(patched *p)
{
    ecam_arena_finish(&p->arena);
    ecam_buffer_finish(&p->bytes);
}

static void expect(const char *header, size_t size, size_t pairs)
{
    const uint64_t value = 0x0123456789abcdefu;
    uint64_t found = 0;
    patched p;
    ecam_error error = {0};

    CHECK_OK(patch(header, size, value, &p, &error), error);
    assert_int_equal(p.tree->size, pairs);
    assert_true(ecam_node_uint(ecam_node_get(p.tree, "session"), UINT64_MAX, &found));
    assert_true(found == value);
    if (pairs > 1) {
        assert_true(ecam_node_uint(ecam_node_get(p.tree, "v"), 1, &found));
        assert_int_equal(found, 1);
    }
    finish(&p);
}

#define EXPECT(header, pairs) expect(header, sizeof(header) - 1, pairs)

static void a_value_of_any_width_is_replaced(void **state)
{
    (void)state;
    EXPECT("\x82\xa1v\x01\xa7session\x07", 2);
    EXPECT("\x82\xa7session\xcc\xff\xa1v\x01", 2);
    EXPECT("\x82\xa7session\xcd\x01\x02\xa1v\x01", 2);
    EXPECT("\x82\xa7session\xce\x01\x02\x03\x04\xa1v\x01", 2);
    EXPECT("\x82\xa7session\xcf\x01\x02\x03\x04\x05\x06\x07\x08\xa1v\x01", 2);
    EXPECT("\x82\xa7session\xff\xa1v\x01", 2); /* -1 */
    EXPECT("\x82\xa7session\xd0\x05\xa1v\x01", 2);
    EXPECT("\x82\xa7session\xd3\x01\x02\x03\x04\x05\x06\x07\x08\xa1v\x01", 2);
}

static void keys_of_any_form_are_found(void **state)
{
    (void)state;
    EXPECT("\x82\xc4\x07session\x07\xa1v\x01", 2); /* bin */
    EXPECT("\x82\xd9\x07session\x07\xa1v\x01", 2); /* str 8 */
    EXPECT("\xde\x00\x02\xa7session\x07\xa1v\x01", 2);
}

static void a_missing_key_is_added(void **state)
{
    (void)state;
    EXPECT("\x80", 1);
    EXPECT("\x81\xa1v\x01", 2);
    EXPECT("\xde\x00\x01\xa1v\x01", 2);
    EXPECT("\xdf\x00\x00\x00\x01\xa1v\x01", 2);
    EXPECT("\x82\xa1v\x01\xa4" "data" "\x81\xa7session\x05", 3); /* not the inner one */
    EXPECT("\x8f\xa1v\x01\xa1" "b\x01\xa1" "c\x01\xa1" "d\x01\xa1" "e\x01\xa1" "f\x01\xa1" "g\x01\xa1" "h\x01\xa1"
           "i\x01\xa1" "j\x01\xa1" "k\x01\xa1" "l\x01\xa1" "m\x01\xa1" "n\x01\xa1" "o\x01", 16);
}

static void the_rest_stays_byte_for_byte(void **state)
{
    (void)state;
    patched p;
    ecam_error error = {0};
    static const char header[] = "\x83\xa1v\x01\xa7session\x07\xa1x\xcd\x00\x01"; /* 1 in three bytes */
    static const char expected[] = "\x83\xa1v\x01\xa7session\xcf\0\0\0\0\0\0\0\x09\xa1x\xcd\x00\x01";

    CHECK_OK(patch(header, sizeof header - 1, 9, &p, &error), error);
    assert_int_equal(p.bytes.size, sizeof expected - 1);
    assert_memory_equal(p.bytes.data, expected, sizeof expected - 1);
    finish(&p);
}

static void other_things_are_refused(void **state)
{
    (void)state;
    patched p;
    ecam_error error = {0};

    CHECK_STATUS(patch("\x90", 1, 0, &p, &error), ECAM_EFORMAT);
    CHECK_TEXT_HAS(error.text, "header is a list, expected a map");
    finish(&p);
    CHECK_STATUS(patch("\x81\xa7session\xa1x", 11, 0, &p, &error), ECAM_ETYPE);
    CHECK_TEXT_HAS(error.text, "key \"session\" is a string, expected an integer");
    finish(&p);
}

/* What is left of a header where "socket" is made nil. */
static ecam_status forget(const char *header, size_t size, patched *out, ecam_error *error)
{
    const ecam_node *tree;

    *out = (patched){0};
    ecam_arena_init(&out->arena, 0);
    CHECK_OK(ecam_unpack(header, size, NULL, &out->arena, &tree, error), *error);
    return ecam_patch_nil(header, size, tree, "socket", &out->bytes, error);
}

#define EXPECT_FORGOTTEN(header, expected)                                     \
    do {                                                                       \
        patched p_;                                                            \
        ecam_error error_ = {0};                                               \
        CHECK_OK(forget(header, sizeof(header) - 1, &p_, &error_), error_);    \
        assert_int_equal(p_.bytes.size, sizeof(expected) - 1);                 \
        assert_memory_equal(p_.bytes.data, expected, sizeof(expected) - 1);    \
        finish(&p_);                                                           \
    } while (0)

static void a_text_is_made_nil(void **state)
{
    (void)state;
    EXPECT_FORGOTTEN("\x82\xa6socket\xa3@ab\xa1v\x01", "\x82\xa6socket\xc0\xa1v\x01");
    EXPECT_FORGOTTEN("\x82\xa1v\x01\xa6socket\xd9\x03@ab", "\x82\xa1v\x01\xa6socket\xc0");
    EXPECT_FORGOTTEN("\x81\xc4\x06socket\xc4\x02@a", "\x81\xc4\x06socket\xc0"); /* bin */
    EXPECT_FORGOTTEN("\x81\xa6socket\xa0", "\x81\xa6socket\xc0");               /* no byte at all */
}

static void what_is_no_text_is_not_made_nil(void **state)
{
    (void)state;
    patched p;
    ecam_error error = {0};

    CHECK_STATUS(forget("\x81\xa6socket\x07", 9, &p, &error), ECAM_ETYPE);
    CHECK_TEXT_HAS(error.text, "key \"socket\" is an integer, expected a string");
    finish(&p);
    CHECK_STATUS(forget("\x81\xa1v\x01", 4, &p, &error), ECAM_EMISSING);
    finish(&p);
    CHECK_STATUS(forget("\x90", 1, &p, &error), ECAM_EFORMAT);
    finish(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_of_any_width_is_replaced),
        cmocka_unit_test(keys_of_any_form_are_found),
        cmocka_unit_test(a_missing_key_is_added),
        cmocka_unit_test(the_rest_stays_byte_for_byte),
        cmocka_unit_test(other_things_are_refused),
        cmocka_unit_test(a_text_is_made_nil),
        cmocka_unit_test(what_is_no_text_is_not_made_nil),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
