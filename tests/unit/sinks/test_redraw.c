/* Pictures out of a store, also of one that was tampered with. */
#include <fcntl.h>

#include "codec/png.h"
#include "sinks/redraw.h"

#include "store.h"

#define FOLDER "run/out/eval/epoch-000003"

/* A grey image of 4 x 3 under a map of 2 x 1 whose right half is hot: the heat
 * is jet's ends, its middle columns in between. */
static ecam_result_picture encode(const void *pixels, size_t w, size_t h, ecam_png_format format)
{
    static ecam_buffer buffers[4];
    static int next;
    ecam_buffer *buffer = &buffers[next++ % 4];
    ecam_png_encoder *encoder;
    ecam_error error = {0};

    CHECK_STATUS(ecam_png_encoder_create(&encoder), ECAM_OK);
    CHECK_OK(ecam_png_encode(encoder, pixels, w, h, format, NULL, 0, buffer, &error), error);
    ecam_png_encoder_destroy(&encoder);
    return (ecam_result_picture){.width = (uint32_t)w, .height = (uint32_t)h, .png = buffer->data,
                                 .png_bytes = buffer->size};
}

/* image, overlay, map and summary of a compact store; ids 1, 2, 3. */
static void make_store(bool image_float)
{
    const ecam_files_options options = {.compact = true};
    const uint16_t levels[2] = {0, 65535};
    uint8_t grey[4 * 3 * 3];
    ecam_error error = {0};
    ecam_files *files;
    ecam_result overlay = store_overlay("run", 0, 0), summary = store_summary("run", 1);

    memset(grey, 51, sizeof grey); /* 0.2 */
    overlay.component = (ecam_result_component){.components = 1, .explained = 0.5, .divisor = 2, .lo = -1, .hi = 1,
                                                .style = {.colormap = "gray", .add = true, .image_float = image_float}};
    summary.summary.components = 1;
    for (int i = 0; i < 3; i++)
        summary.summary.published[i] = 1;
    ecam_result map = overlay, image = overlay;
    map.type = ECAM_RESULT_MAP;
    map.picture = encode(levels, 2, 1, ECAM_PNG_GRAY16);
    image.type = ECAM_RESULT_IMAGE;
    image.component = (ecam_result_component){0};
    image.picture = encode(grey, 4, 3, ECAM_PNG_RGB8);
    CHECK_OK(ecam_files_open_with(store_dir, &options, &files, &error), error);
    store_put(files, &image);
    store_put(files, &overlay);
    store_put(files, &map);
    store_put(files, &summary);
    store_close(&files);
    CHECK_QUERY("SELECT id, type, file IS NULL FROM pictures", "1|image|0; 2|overlay|1; 3|map|0");
}

static ecam_redraw *open_store(void)
{
    ecam_redraw *redraw;
    ecam_error error = {0};
    CHECK_OK(ecam_redraw_open(store_dir, &redraw, &error), error);
    return redraw;
}

static void expect_failure(int64_t id, ecam_status expected, const char *text)
{
    ecam_error error = {0};
    ecam_buffer png = {0};
    ecam_redraw *redraw = open_store();

    CHECK_STATUS(ecam_redraw_picture(redraw, id, &png, &error), expected);
    CHECK_TEXT_HAS(error.text, text);
    ecam_redraw_close(&redraw);
    assert_null(redraw);
    ecam_buffer_finish(&png);
}

/* The middle row's reds of picture 2. */
static void draw_middle(uint8_t out[4])
{
    ecam_error error = {0};
    ecam_buffer png = {0};
    ecam_png_image image;
    ecam_redraw *redraw = open_store();

    CHECK_OK(ecam_redraw_picture(redraw, 2, &png, &error), error);
    CHECK_OK(ecam_png_decode(png.data, png.size, 100, &image, &error), error);
    assert_true(image.w == 4 && image.h == 3 && image.format == ECAM_PNG_RGB8);
    for (int x = 0; x < 4; x++)
        out[x] = ((const uint8_t *)image.pixels)[3 * (4 + x)];
    assert_string_equal(image.texts[1].key, "run");
    assert_string_equal(image.texts[1].value, "run");
    ecam_png_image_finish(&image);
    ecam_buffer_finish(&png);
    ecam_redraw_close(&redraw);
}

/* The positive part is 0 and 1; along x it is 0, 0.25, 0.75, 1, which are the
 * levels 0, 63, 191, 255. (51 + level) / 255 / 2 * 255, truncated. */
static void an_overlay_is_drawn_from_map_and_image(void **state)
{
    (void)state;
    uint8_t reds[4];
    make_store(false);
    draw_middle(reds);
    const uint8_t expected[] = {25, 57, 121, 153};
    for (int i = 0; i < 4; i++)
        assert_in_range(reds[i], expected[i] - 1, expected[i]);
}

/* The maximum over what is displayed is (51 + 255) / 255, whatever the stage
 * divided the floats by. */
static void over_a_float_image_the_divisor_is_found_anew(void **state)
{
    (void)state;
    uint8_t reds[4];
    make_store(true);
    draw_middle(reds);
    const uint8_t expected[] = {42, 95, 201, 255};
    for (int i = 0; i < 4; i++)
        assert_in_range(reds[i], expected[i] - 1, expected[i]);
}

static void a_picture_that_is_held_comes_as_it_is(void **state)
{
    (void)state;
    ecam_error error = {0};
    ecam_buffer png = {0};
    make_store(false);
    ecam_redraw *redraw = open_store();
    CHECK_OK(ecam_redraw_picture(redraw, 3, &png, &error), error);
    store_expect_file(FOLDER "/000-map-0.png", png.data, png.size);
    ecam_redraw_close(&redraw);
    ecam_buffer_finish(&png);
}

static void what_is_not_there_is_missing(void **state)
{
    (void)state;
    make_store(false);
    expect_failure(9, ECAM_EMISSING, "no such picture");
    expect_failure(-1, ECAM_EMISSING, "no such picture");
    assert_int_equal(unlink(store_path(FOLDER "/000-map-0.png")), 0);
    expect_failure(2, ECAM_EMISSING, "000-map-0.png");
    expect_failure(3, ECAM_EMISSING, "000-map-0.png");
    store_query("DELETE FROM pictures WHERE type = 'map'");
    expect_failure(2, ECAM_EMISSING, "no such map");
    store_query("UPDATE epochs SET colormap = 'plasma'");
    expect_failure(2, ECAM_EMISSING, "coloured");
}

static void an_edited_index_leads_nowhere(void **state)
{
    (void)state;
    make_store(false);
    FILE *outside = fopen(store_path("../outside.png"), "wb");
    fputs("secret", outside);
    fclose(outside);
    static const char *const files[] = {"../outside.png", "run/../../outside.png", "/etc/passwd", "outside.png", "//", "run//x"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char sql[120];
        snprintf(sql, sizeof sql, "UPDATE pictures SET file = '%s' WHERE id = 3", files[i]);
        store_query(sql);
        ecam_buffer png = {0};
        ecam_redraw *redraw = open_store();
        ecam_status st = ecam_redraw_picture(redraw, 3, &png, NULL);
        assert_true(st == ECAM_EIO || st == ECAM_EMISSING);
        assert_int_equal(png.size, 0);
        ecam_redraw_close(&redraw);
        ecam_buffer_finish(&png);
    }
}

static void pictures_of_the_wrong_kind_are_refused(void **state)
{
    (void)state;
    make_store(false);
    store_query("INSERT INTO pictures (epoch_id, type, number, page_rows, width, height, bytes, stamp, stage, seq, time_ns)"
                " VALUES (1, 'sheet', 0, 4000000000, 1, 1, 0, 1, '', 0, 0)");
    expect_failure(4, ECAM_EMISSING, "no such image");
    store_query("UPDATE epochs SET components = 4000000000");
    expect_failure(4, ECAM_EFORMAT, "wrong about a sheet");
    store_query("UPDATE pictures SET file = (SELECT file FROM pictures WHERE id = 3) WHERE id = 1");
    expect_failure(2, ECAM_EFORMAT, "has 16 bits");
    FILE *map = fopen(store_path(FOLDER "/000-map-0.png"), "r+b");
    fseek(map, 20, SEEK_SET);
    fputc(0x55, map);
    fclose(map);
    expect_failure(3, ECAM_EFORMAT, "no whole PNG");
}

static void what_is_no_store_is_refused(void **state)
{
    (void)state;
    ecam_error error = {0};
    ecam_redraw *redraw;
    CHECK_STATUS(ecam_redraw_open(store_dir, &redraw, &error), ECAM_EIO);
    assert_null(redraw);
    make_store(false);
    store_query("PRAGMA user_version = 1");
    CHECK_STATUS(ecam_redraw_open(store_dir, &redraw, &error), ECAM_EVERSION);
    CHECK_TEXT_HAS(error.text, "brings it up to date");
    FILE *file = fopen(store_path("index.sqlite"), "wb");
    for (int i = 0; i < 100; i++)
        fputs("this is no database. ", file);
    fclose(file);
    CHECK_STATUS(ecam_redraw_open(store_dir, &redraw, &error), ECAM_EFORMAT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_overlay_is_drawn_from_map_and_image),
        TEST(over_a_float_image_the_divisor_is_found_anew),
        TEST(a_picture_that_is_held_comes_as_it_is),
        TEST(what_is_not_there_is_missing),
        TEST(an_edited_index_leads_nowhere),
        TEST(pictures_of_the_wrong_kind_are_refused),
        TEST(what_is_no_store_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
