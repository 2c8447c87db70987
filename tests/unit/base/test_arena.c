#include "base/arena.h"

#include <stdalign.h>
#include <stdbool.h>

#include "support/check.h"

static ecam_arena open_arena(size_t limit_bytes)
{
    ecam_arena arena;
    ecam_arena_init(&arena, limit_bytes);
    return arena;
}

static bool is_zero(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static void memory_is_aligned_zeroed_and_apart(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 3, 8, 17, 100, 5000, 16384, 16385, 100000, 7};
    enum { N = sizeof sizes / sizeof *sizes };
    unsigned char *parts[N];
    ecam_arena arena = open_arena(0);

    for (size_t i = 0; i < N; i++) {
        parts[i] = ecam_arena_alloc(&arena, sizes[i], 1);
        assert_non_null(parts[i]);
        assert_int_equal((uintptr_t)parts[i] % alignof(max_align_t), 0);
        assert_true(is_zero(parts[i], sizes[i]));
        memset(parts[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < sizes[i]; j++)
            assert_int_equal(parts[i][j], i + 1);
    ecam_arena_finish(&arena);
}

static void nothing_has_an_address_of_its_own(void **state)
{
    (void)state;
    ecam_arena arena = open_arena(0);
    void *a = ecam_arena_alloc(&arena, 0, 8), *b = ecam_arena_alloc(&arena, 8, 0);
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    ecam_arena_finish(&arena);
}

static void products_that_overflow_are_refused(void **state)
{
    (void)state;
    ecam_arena arena = open_arena(0);
    assert_null(ecam_arena_alloc(&arena, SIZE_MAX, 2));
    assert_null(ecam_arena_alloc(&arena, SIZE_MAX / 2 + 1, 2));
    assert_null(ecam_arena_alloc(&arena, SIZE_MAX, SIZE_MAX));
    assert_null(ecam_arena_alloc(&arena, SIZE_MAX, 1));
    assert_null(ecam_arena_alloc(&arena, SIZE_MAX - 15, 1));
    assert_null(ecam_arena_text(&arena, "x", SIZE_MAX));
    assert_non_null(ecam_arena_alloc(&arena, 1, 1));
    ecam_arena_finish(&arena);
}

static void the_limit_bounds_the_sum(void **state)
{
    (void)state;
    ecam_arena arena = open_arena(1024);
    assert_null(ecam_arena_alloc(&arena, 1025, 1));
    assert_non_null(ecam_arena_alloc(&arena, 512, 1));
    assert_null(ecam_arena_alloc(&arena, 513, 1));
    assert_non_null(ecam_arena_alloc(&arena, 512, 1));
    assert_null(ecam_arena_alloc(&arena, 1, 1));
    assert_null(ecam_arena_alloc(&arena, SIZE_MAX / 4, 1));
    ecam_arena_reset(&arena);
    assert_non_null(ecam_arena_alloc(&arena, 1024, 1));
    ecam_arena_finish(&arena);
}

static void texts_are_copied_and_ended(void **state)
{
    (void)state;
    ecam_arena arena = open_arena(0);
    char source[] = "abc";
    char *copy = ecam_arena_text(&arena, source, 2);
    source[0] = 'x';
    assert_string_equal(copy, "ab");
    assert_string_equal(ecam_arena_text(&arena, NULL, 0), "");
    char *inner = ecam_arena_text(&arena, "a\0b", 3);
    assert_memory_equal(inner, "a\0b", 4);
    ecam_arena_finish(&arena);
}

static void reset_reuses_memory_and_zeroes_it(void **state)
{
    (void)state;
    ecam_arena arena = open_arena(0);
    for (int turn = 0; turn < 3; turn++) {
        unsigned char *small = ecam_arena_alloc(&arena, 1000, 1);
        unsigned char *large = ecam_arena_alloc(&arena, 50000, 1);
        assert_true(is_zero(small, 1000) && is_zero(large, 50000));
        memset(small, 0xff, 1000);
        memset(large, 0xff, 50000);
        ecam_arena_reset(&arena);
        assert_int_equal(arena.used_bytes, 0);
    }
    ecam_arena_finish(&arena);
    ecam_arena_finish(&arena);
    assert_null(arena.blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_aligned_zeroed_and_apart),
        cmocka_unit_test(nothing_has_an_address_of_its_own),
        cmocka_unit_test(products_that_overflow_are_refused),
        cmocka_unit_test(the_limit_bounds_the_sum),
        cmocka_unit_test(texts_are_copied_and_ended),
        cmocka_unit_test(reset_reuses_memory_and_zeroes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
