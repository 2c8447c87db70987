#include "cam/draw.h"
#include "support/check.h"

static ecam_workspace *ws;

static const ecam_overlay_style jet = {.colormap = ECAM_COLORMAP_JET, .add = true};
static const ecam_overlay_style gray = {.colormap = ECAM_COLORMAP_GRAY, .add = true};

static int make_workspace(void **state)
{
    (void)state;
    return ecam_workspace_create(&ws) == ECAM_OK ? 0 : -1;
}

static int destroy_workspace(void **state)
{
    (void)state;
    ecam_workspace_destroy(&ws);
    return 0;
}

static ecam_image gray_image(const uint8_t *data, size_t h, size_t w)
{
    return (ecam_image){.data = data, .channels = 1, .h = h, .w = w};
}

static void no_map_is_the_lowest_colour(void **state)
{
    const uint8_t black[] = {0, 0};
    const ecam_image image = gray_image(black, 1, 2);
    uint8_t rgb[6];
    float max;

    (void)state;
    CHECK_STATUS(ecam_overlay_max(ws, &image, NULL, 0, 0, &jet, &max), ECAM_OK);
    CHECK_NEAR(max, 128.0f / 255.0f, 0); /* (0, 0, 128) */
    CHECK_STATUS(ecam_overlay_draw(ws, &image, NULL, 0, 0, &jet, max, rgb), ECAM_OK);
    assert_memory_equal(rgb, ((uint8_t[]){0, 0, 255, 0, 0, 255}), 6);
}

static void a_map_without_positive_part_is_no_map(void **state)
{
    const float maps[3][4] = {{0}, {-1, -2, -3, -4}, {5, 5, 5, 5}};
    const uint8_t black[] = {0, 0};
    const ecam_image image = gray_image(black, 1, 2);
    float max;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        CHECK_STATUS(ecam_overlay_max(ws, &image, maps[i], 2, 2, &jet, &max), ECAM_OK);
        CHECK_NEAR(max, 128.0f / 255.0f, 0);
    }
}

/* One row, doubled: 0, 0.25, 0.75, 1 of the larger value. */
static void heat_is_resized_and_added(void **state)
{
    const float map[] = {-7, 8};
    const uint8_t pixels[] = {10, 20, 30, 40, 10, 20, 30, 40};
    const ecam_image image = gray_image(pixels, 2, 4);
    const uint8_t levels[] = {0, 63, 191, 255};
    uint8_t rgb[24];
    float max;

    (void)state;
    CHECK_STATUS(ecam_overlay_max(ws, &image, map, 1, 2, &gray, &max), ECAM_OK);
    CHECK_NEAR(max, 295.0 / 255.0, 1e-6);
    CHECK_STATUS(ecam_overlay_draw(ws, &image, map, 1, 2, &gray, 2.0f, rgb), ECAM_OK);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(rgb[3 * i + i % 3], (pixels[i] + levels[i % 4]) / 2);
}

static void weights_share_one(void **state)
{
    const ecam_overlay_style quarter = {.colormap = ECAM_COLORMAP_GRAY, .weight = 0.25f};
    const uint8_t white[] = {255};
    const ecam_image image = gray_image(white, 1, 1);
    uint8_t rgb[3];
    float max;

    (void)state;
    CHECK_STATUS(ecam_overlay_max(ws, &image, NULL, 0, 0, &quarter, &max), ECAM_OK);
    CHECK_NEAR(max, 0.75f, 0);
    CHECK_STATUS(ecam_overlay_draw(ws, &image, NULL, 0, 0, &quarter, max, rgb), ECAM_OK);
    assert_int_equal(rgb[0], 255);
    CHECK_STATUS(ecam_overlay_draw(ws, &image, NULL, 0, 0, &quarter, 1.0f, rgb), ECAM_OK);
    assert_int_equal(rgb[0], 191); /* 191.25 */
}

static void a_divisor_not_above_zero_is_one(void **state)
{
    const float divisors[] = {0, -1, NAN};
    const uint8_t half[] = {128};
    const ecam_image image = gray_image(half, 1, 1);
    uint8_t rgb[3];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        CHECK_STATUS(ecam_overlay_draw(ws, &image, NULL, 0, 0, &gray, divisors[i], rgb), ECAM_OK);
        assert_int_equal(rgb[0], 128);
    }
}

/* Divided by too little, the largest value is beyond 1: the last rule, with
 * the range of the channel. */
static void a_small_divisor_takes_the_range(void **state)
{
    const uint8_t pixels[] = {85, 255};
    const ecam_image image = gray_image(pixels, 1, 2);
    uint8_t rgb[6];

    (void)state;
    CHECK_STATUS(ecam_overlay_draw(ws, &image, NULL, 0, 0, &gray, 0.5f, rgb), ECAM_OK);
    assert_int_equal(rgb[0], 127); /* (2/3 + 2/3) / (2 + 2/3) * 255 = 127.5 */
    assert_int_equal(rgb[3], 255);
}

static void negative_images_take_the_other_rules(void **state)
{
    const struct {
        float low, high;
        uint8_t bytes[2];
    } cases[] = {
        {-0.5f, 0.25f, {0, 191}},
        {-0.75f, 0.5f, {31, 191}}, /* 0.25 and 1.5 times 127.5 */
        {-1.0f, 3.0f, {0, 255}},
    };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const float pixels[] = {cases[i].low, cases[i].high};
        const ecam_image image = {.data = pixels, .is_float = true, .channels = 1, .h = 1, .w = 2};
        uint8_t rgb[6];
        CHECK_STATUS(ecam_overlay_draw(ws, &image, NULL, 0, 0, &gray, 1.0f, rgb), ECAM_OK);
        assert_int_equal(rgb[0], cases[i].bytes[0]);
        assert_int_equal(rgb[5], cases[i].bytes[1]);
    }
}

/* The middle row alone would be shown by another rule than the picture. */
static void the_whole_picture_chooses_the_rule(void **state)
{
    const float pixels[] = {-0.75f, 0.25f, 0.5f};
    const ecam_image image = {.data = pixels, .is_float = true, .channels = 1, .h = 3, .w = 1};
    uint8_t rgb[9];

    (void)state;
    CHECK_STATUS(ecam_overlay_draw(ws, &image, NULL, 0, 0, &gray, 1.0f, rgb), ECAM_OK);
    assert_int_equal(rgb[0], 31);
    assert_int_equal(rgb[3], 159); /* 1.25 * 127.5 = 159.375 */
    assert_int_equal(rgb[6], 191);
}

static void the_reduction_by_two_is_a_mean(void **state)
{
    const float map[] = {8, 0, 0, 0,  /* means 2, 1, */
                         0, 0, 0, 4,
                         0, 0, -9, 0, /* and 0, 0.25 */
                         0, 0, 1, 0};
    const uint8_t black[4] = {0};
    const ecam_image image = gray_image(black, 2, 2);
    uint8_t rgb[12];

    (void)state;
    CHECK_STATUS(ecam_overlay_draw(ws, &image, map, 4, 4, &gray, 1.0f, rgb), ECAM_OK);
    assert_int_equal(rgb[0], 255);
    assert_int_equal(rgb[3], 127);
    assert_int_equal(rgb[6], 0);
    assert_int_equal(rgb[9], 31); /* 255 / 8 = 31.875 */
}

static void the_same_place_may_hold_another_map(void **state)
{
    float map[] = {0, 1};
    const uint8_t black[2] = {0};
    const ecam_image image = gray_image(black, 1, 2);
    uint8_t rgb[6];
    float max;

    (void)state;
    CHECK_STATUS(ecam_overlay_max(ws, &image, map, 1, 2, &gray, &max), ECAM_OK);
    map[0] = 2;
    CHECK_STATUS(ecam_overlay_draw(ws, &image, map, 1, 2, &gray, max, rgb), ECAM_OK);
    assert_int_equal(rgb[0], 255);
    assert_int_equal(rgb[3], 0); /* the minimum is subtracted */
    CHECK_STATUS(ecam_overlay_draw(ws, &image, NULL, 1, 2, &gray, max, rgb), ECAM_OK);
    assert_int_equal(rgb[0], 0);
    CHECK_STATUS(ecam_overlay_draw(ws, &image, map, 1, 2, &gray, max, rgb), ECAM_OK);
    assert_int_equal(rgb[0], 255);
}

static float sum_of(unsigned pixel, unsigned level)
{
    return (float)pixel / 255.0f + (float)level / 255.0f;
}

static void check_pairs(float divisor)
{
    static uint8_t pixels[65536], rgb[3 * 65536];
    static float map[65536];
    const ecam_image image = gray_image(pixels, 256, 256);

    for (unsigned i = 0; i < 65536; i++) {
        unsigned level = i / 256, pixel = i % 256;
        pixels[i] = (uint8_t)(sum_of(pixel, level) <= divisor ? pixel : 0);
        map[i] = (float)level;
    }
    CHECK_STATUS(ecam_overlay_draw(ws, &image, map, 256, 256, &gray, divisor, rgb), ECAM_OK);
    for (unsigned i = 0; i < 65536; i++) {
        float shown = sum_of(pixels[i], i / 256) / divisor * 255.0f;
        assert_int_equal(rgb[3 * i], (int)shown);
    }
}

/* Every image byte with every colour byte, against the formula. Some of these
 * divisors show pairs of the same sum as different bytes. */
static void every_pair_of_bytes_is_exact(void **state)
{
    const float divisors[] = {2, 1.2f, 4.0f / 3.0f, 5.0f / 3.0f, 1.4000001f, 1.7f, 2.5f};

    (void)state;
    for (size_t d = 0; d < sizeof divisors / sizeof *divisors; d++)
        check_pairs(divisors[d]);
}

static void impossible_shapes_are_refused(void **state)
{
    const uint8_t pixels[4] = {0};
    const float map[] = {1};
    ecam_image image = gray_image(pixels, 1, 2);
    uint8_t rgb[6];
    float max;

    (void)state;
    CHECK_STATUS(ecam_overlay_max(ws, &image, map, 0, 1, &jet, &max), ECAM_ESHAPE);
    CHECK_STATUS(ecam_overlay_max(ws, &image, map, 1, (size_t)1 << 40, &jet, &max), ECAM_ESHAPE);
    image.channels = 2;
    CHECK_STATUS(ecam_overlay_draw(ws, &image, map, 1, 1, &jet, 1, rgb), ECAM_ESHAPE);
    image.channels = 1;
    image.h = 0;
    CHECK_STATUS(ecam_overlay_draw(ws, &image, map, 1, 1, &jet, 1, rgb), ECAM_ESHAPE);
    image.h = SIZE_MAX;
    CHECK_STATUS(ecam_overlay_draw(ws, &image, map, 1, 1, &jet, 1, rgb), ECAM_ESHAPE);
}

static void memory_is_kept(void **state)
{
    static const uint8_t pixels[64 * 64];
    const ecam_image small = gray_image(pixels, 8, 8), large = gray_image(pixels, 64, 64);
    const float map[] = {1, 2, 3, 4};
    float max;

    (void)state;
    CHECK_STATUS(ecam_overlay_max(ws, &large, map, 2, 2, &jet, &max), ECAM_OK);
    void *memory = ws->draw->memory;
    CHECK_STATUS(ecam_overlay_max(ws, &small, map, 2, 2, &jet, &max), ECAM_OK);
    CHECK_STATUS(ecam_overlay_max(ws, &large, map, 2, 2, &jet, &max), ECAM_OK);
    assert_ptr_equal(ws->draw->memory, memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_map_is_the_lowest_colour),
        cmocka_unit_test(a_map_without_positive_part_is_no_map),
        cmocka_unit_test(heat_is_resized_and_added),
        cmocka_unit_test(weights_share_one),
        cmocka_unit_test(a_divisor_not_above_zero_is_one),
        cmocka_unit_test(a_small_divisor_takes_the_range),
        cmocka_unit_test(negative_images_take_the_other_rules),
        cmocka_unit_test(the_whole_picture_chooses_the_rule),
        cmocka_unit_test(the_reduction_by_two_is_a_mean),
        cmocka_unit_test(the_same_place_may_hold_another_map),
        cmocka_unit_test(every_pair_of_bytes_is_exact),
        cmocka_unit_test(impossible_shapes_are_refused),
        cmocka_unit_test(memory_is_kept),
    };
    return cmocka_run_group_tests_name("overlay", tests, make_workspace, destroy_workspace);
}
