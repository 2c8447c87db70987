#include "eigencam/cam.h"
#include "support/check.h"

static void check_ends(ecam_colormap map, const uint8_t first[3], const uint8_t last[3])
{
    const uint8_t(*table)[3] = ecam_colormap_table(map);
    assert_memory_equal(table[0], first, 3);
    assert_memory_equal(table[255], last, 3);
}

static void tables_begin_and_end_as_published(void **state)
{
    (void)state;
    check_ends(ECAM_COLORMAP_JET, (uint8_t[]){0, 0, 128}, (uint8_t[]){128, 0, 0});
    check_ends(ECAM_COLORMAP_TURBO, (uint8_t[]){48, 18, 59}, (uint8_t[]){122, 4, 3});
    check_ends(ECAM_COLORMAP_VIRIDIS, (uint8_t[]){68, 1, 84}, (uint8_t[]){253, 231, 37});
    check_ends(ECAM_COLORMAP_INFERNO, (uint8_t[]){0, 0, 4}, (uint8_t[]){252, 255, 164});
    check_ends(ECAM_COLORMAP_GRAY, (uint8_t[]){0, 0, 0}, (uint8_t[]){255, 255, 255});
}

static void gray_is_the_level(void **state)
{
    (void)state;
    for (unsigned v = 0; v < 256; v++)
        for (unsigned c = 0; c < 3; c++)
            assert_int_equal(ecam_colormap_table(ECAM_COLORMAP_GRAY)[v][c], v);
}

static void names_parse_to_their_maps(void **state)
{
    (void)state;
    for (int i = 0; i < ECAM_COLORMAP_COUNT; i++) {
        ecam_colormap map = ECAM_COLORMAP_JET;
        CHECK_STATUS(ecam_colormap_parse(ecam_colormap_name((ecam_colormap)i), &map), ECAM_OK);
        assert_int_equal(map, i);
    }
    assert_string_equal(ecam_colormap_name(ECAM_COLORMAP_INFERNO), "inferno");
}

static void other_names_are_refused(void **state)
{
    ecam_colormap map;

    (void)state;
    CHECK_STATUS(ecam_colormap_parse("Jet", &map), ECAM_EINVAL);
    CHECK_STATUS(ecam_colormap_parse("", &map), ECAM_EINVAL);
    CHECK_STATUS(ecam_colormap_parse("jets", &map), ECAM_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_begin_and_end_as_published),
        cmocka_unit_test(gray_is_the_level),
        cmocka_unit_test(names_parse_to_their_maps),
        cmocka_unit_test(other_names_are_refused),
    };
    return cmocka_run_group_tests_name("colormap", tests, NULL, NULL);
}
