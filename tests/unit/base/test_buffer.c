#include "base/buffer.h"

#include "support/check.h"

static void grows_and_keeps_its_contents(void **state)
{
    (void)state;
    ecam_buffer buffer = {0};
    for (unsigned i = 0; i < 10000; i++) {
        uint8_t byte = (uint8_t)(i * 7);
        CHECK_STATUS(ecam_buffer_append(&buffer, &byte, 1), ECAM_OK);
    }
    assert_int_equal(buffer.size, 10000);
    assert_true(buffer.capacity >= 10000);
    for (unsigned i = 0; i < 10000; i++)
        assert_int_equal(buffer.data[i], (uint8_t)(i * 7));
    ecam_buffer_finish(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.size, 0);
    ecam_buffer_finish(&buffer);
}

static void nothing_can_be_appended(void **state)
{
    (void)state;
    ecam_buffer buffer = {0};
    CHECK_STATUS(ecam_buffer_append(&buffer, NULL, 0), ECAM_OK);
    CHECK_STATUS(ecam_buffer_append(&buffer, "a", 1), ECAM_OK);
    CHECK_STATUS(ecam_buffer_append(&buffer, NULL, 0), ECAM_OK);
    assert_int_equal(buffer.size, 1);
    ecam_buffer_finish(&buffer);
}

static void reserve_makes_room_without_contents(void **state)
{
    (void)state;
    ecam_buffer buffer = {0};
    CHECK_STATUS(ecam_buffer_append(&buffer, "abc", 3), ECAM_OK);
    CHECK_STATUS(ecam_buffer_reserve(&buffer, 1000), ECAM_OK);
    assert_true(buffer.capacity - buffer.size >= 1000);
    assert_int_equal(buffer.size, 3);
    const uint8_t *before = buffer.data;
    memset(buffer.data + buffer.size, 1, 1000);
    CHECK_STATUS(ecam_buffer_reserve(&buffer, 1000), ECAM_OK);
    assert_ptr_equal(buffer.data, before);
    assert_memory_equal(buffer.data, "abc", 3);
    ecam_buffer_finish(&buffer);
}

static void clear_keeps_the_memory(void **state)
{
    (void)state;
    ecam_buffer buffer = {0};
    CHECK_STATUS(ecam_buffer_append(&buffer, "abcdef", 6), ECAM_OK);
    size_t capacity = buffer.capacity;
    ecam_buffer_clear(&buffer);
    assert_int_equal(buffer.size, 0);
    assert_int_equal(buffer.capacity, capacity);
    CHECK_STATUS(ecam_buffer_append(&buffer, "xy", 2), ECAM_OK);
    assert_memory_equal(buffer.data, "xy", 2);
    ecam_buffer_finish(&buffer);
}

static void what_cannot_be_had_leaves_the_contents(void **state)
{
    (void)state;
    ecam_buffer buffer = {0};
    CHECK_STATUS(ecam_buffer_append(&buffer, "abc", 3), ECAM_OK);
    CHECK_STATUS(ecam_buffer_reserve(&buffer, SIZE_MAX), ECAM_ENOMEM);
    CHECK_STATUS(ecam_buffer_reserve(&buffer, SIZE_MAX - 2), ECAM_ENOMEM);
    CHECK_STATUS(ecam_buffer_reserve(&buffer, SIZE_MAX / 2), ECAM_ENOMEM);
    CHECK_STATUS(ecam_buffer_append(&buffer, "x", SIZE_MAX), ECAM_ENOMEM);
    assert_int_equal(buffer.size, 3);
    assert_memory_equal(buffer.data, "abc", 3);
    ecam_buffer_finish(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_keeps_its_contents),
        cmocka_unit_test(nothing_can_be_appended),
        cmocka_unit_test(reserve_makes_room_without_contents),
        cmocka_unit_test(clear_keeps_the_memory),
        cmocka_unit_test(what_cannot_be_had_leaves_the_contents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
