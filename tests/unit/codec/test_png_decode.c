/* PNG files of others: every colour type, limits, damage. */
#include <stdbool.h>
#include <stdlib.h>

#include <png.h>
#include <zlib.h>

#include "codec/png.h"
#include "support/check.h"

static ecam_error error;

static void append(png_structp png, png_bytep bytes, size_t size)
{
    ecam_buffer *file = png_get_io_ptr(png);

    if (ecam_buffer_append(file, bytes, size) != ECAM_OK)
        abort();
}

/* A file by libpng itself. rows: `row_bytes` apart, as libpng wants them. */
typedef struct source {
    unsigned w, h;
    int depth, colour;
    bool interlaced;
    const png_color *palette;
    int n_palette;
    const uint8_t *rows;
    size_t row_bytes;
    png_text *text;
} source;

static void write_source(const source *s, ecam_buffer *file)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);

    png_set_write_fn(png, file, append, NULL);
    png_set_IHDR(png, info, s->w, s->h, s->depth, s->colour,
                 s->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (s->palette)
        png_set_PLTE(png, info, s->palette, s->n_palette);
    if (s->text)
        png_set_text(png, info, s->text, 1);
    png_write_info(png, info);
    int passes = png_set_interlace_handling(png);
    for (int pass = 0; pass < passes; pass++)
        for (unsigned y = 0; y < s->h; y++)
            png_write_row(png, s->rows + y * s->row_bytes);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
}

static void check_decodes(const source *s, ecam_png_format format, const void *expected)
{
    ecam_buffer file = {0};
    ecam_png_image image;

    write_source(s, &file);
    CHECK_OK(ecam_png_decode(file.data, file.size, 1000, &image, &error), error);
    assert_int_equal(image.w, s->w);
    assert_int_equal(image.h, s->h);
    assert_int_equal(image.format, format);
    assert_memory_equal(image.pixels, expected,
                        s->w * s->h * (format == ECAM_PNG_RGB8 ? 3u : 2u));
    ecam_png_image_finish(&image);
    ecam_buffer_finish(&file);
}

static void every_colour_type_becomes_rgb(void **state)
{
    const uint8_t bits[] = {0x80}; /* one bit each: white, black */
    const uint8_t bits_rgb[] = {255, 255, 255, 0, 0, 0};
    const uint8_t gray[] = {7, 200};
    const uint8_t gray_rgb[] = {7, 7, 7, 200, 200, 200};
    const uint8_t gray_alpha[] = {7, 0, 200, 128};
    const uint8_t rgba[] = {1, 2, 3, 0, 4, 5, 6, 255};
    const uint8_t rgb[] = {1, 2, 3, 4, 5, 6};
    const uint8_t rgb16[] = {0, 0, 255, 255, 128, 128, 1, 1, 2, 2, 3, 3};
    const uint8_t rgb16_rgb[] = {0, 255, 128, 1, 2, 3};
    const png_color palette[] = {{9, 8, 7}, {6, 5, 4}};
    const uint8_t indices[] = {1, 0};
    const uint8_t palette_rgb[] = {6, 5, 4, 9, 8, 7};
    const source list[] = {
        {.depth = 1, .colour = PNG_COLOR_TYPE_GRAY, .rows = bits},
        {.depth = 8, .colour = PNG_COLOR_TYPE_GRAY, .rows = gray},
        {.depth = 8, .colour = PNG_COLOR_TYPE_GRAY_ALPHA, .rows = gray_alpha},
        {.depth = 8, .colour = PNG_COLOR_TYPE_RGB_ALPHA, .rows = rgba},
        {.depth = 8, .colour = PNG_COLOR_TYPE_RGB, .rows = rgb},
        {.depth = 16, .colour = PNG_COLOR_TYPE_RGB, .rows = rgb16},
        {.depth = 8, .colour = PNG_COLOR_TYPE_PALETTE, .palette = palette, .n_palette = 2,
         .rows = indices},
    };
    const uint8_t *expected[] = {bits_rgb, gray_rgb, gray_rgb, rgb, rgb, rgb16_rgb, palette_rgb};

    (void)state;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        source s = list[i];
        s.w = 2;
        s.h = 1;
        check_decodes(&s, ECAM_PNG_RGB8, expected[i]);
    }
}

/* In the file the high byte comes first. */
static void gray16_stays(void **state)
{
    const uint8_t rows[] = {0x12, 0x34, 0xff, 0x01};
    const uint16_t expected[] = {0x1234, 0xff01};
    const source s = {.w = 2, .h = 1, .depth = 16, .colour = PNG_COLOR_TYPE_GRAY, .rows = rows};

    (void)state;
    check_decodes(&s, ECAM_PNG_GRAY16, expected);
}

static void interlaced_files_are_read(void **state)
{
    uint8_t rgb[9 * 9 * 3];

    (void)state;
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)(i * 37);
    const source s = {.w = 9, .h = 9, .depth = 8, .colour = PNG_COLOR_TYPE_RGB,
                      .interlaced = true, .rows = rgb, .row_bytes = 27};
    check_decodes(&s, ECAM_PNG_RGB8, rgb);
}

static void write_plain(ecam_buffer *file, png_text *text)
{
    static uint8_t rgb[5 * 4 * 3];
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)(i * i);
    const source s = {.w = 5, .h = 4, .depth = 8, .colour = PNG_COLOR_TYPE_RGB, .rows = rgb,
                      .row_bytes = 15, .text = text};
    write_source(&s, file);
}

/* Latin-1 in tEXt becomes UTF-8; a bad byte in iTXt a replacement character. */
static void texts_become_utf8(void **state)
{
    char key[] = "Author", latin[] = "Ren\xe9", broken[] = "a\xff", empty[] = "";
    png_text texts[] = {
        {.compression = PNG_TEXT_COMPRESSION_NONE, .key = key, .text = latin},
        {.compression = PNG_TEXT_COMPRESSION_zTXt, .key = key, .text = latin},
        {.compression = PNG_ITXT_COMPRESSION_NONE, .key = key, .text = broken, .lang = empty,
         .lang_key = empty},
    };
    const char *expected[] = {"Ren\xc3\xa9", "Ren\xc3\xa9", "a\xef\xbf\xbd"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        ecam_buffer file = {0};
        ecam_png_image image;
        write_plain(&file, &texts[i]);
        CHECK_OK(ecam_png_decode(file.data, file.size, 20, &image, &error), error);
        assert_int_equal(image.n_texts, 1);
        assert_string_equal(image.texts[0].key, "Author");
        assert_string_equal(image.texts[0].value, expected[i]);
        ecam_png_image_finish(&image);
        ecam_buffer_finish(&file);
    }
}

static void more_pixels_than_allowed_are_refused(void **state)
{
    ecam_buffer file = {0};
    ecam_png_image image;

    (void)state;
    write_plain(&file, NULL);
    CHECK_STATUS(ecam_png_decode(file.data, file.size, 19, &image, &error), ECAM_ELIMIT);
    CHECK_TEXT_HAS(error.text, "5 x 4");
    assert_null(image.pixels);
    CHECK_STATUS(ecam_png_decode(file.data, file.size, 0, &image, &error), ECAM_ELIMIT);
    CHECK_OK(ecam_png_decode(file.data, file.size, 20, &image, &error), error);
    ecam_png_image_finish(&image);
    ecam_buffer_finish(&file);
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    ecam_buffer file = {0};
    ecam_png_image image;

    (void)state;
    write_plain(&file, NULL);
    for (size_t size = 0; size < file.size; size++) {
        uint8_t *copy = malloc(size ? size : 1);
        memcpy(copy, file.data, size);
        CHECK_STATUS(ecam_png_decode(copy, size, 20, &image, &error), ECAM_EFORMAT);
        assert_null(image.pixels);
        free(copy);
    }
    ecam_buffer_finish(&file);
}

/* Every chunk carries a checksum, so that any changed byte must show. */
static void a_changed_byte_anywhere_is_refused(void **state)
{
    ecam_buffer file = {0};
    ecam_png_image image;

    (void)state;
    write_plain(&file, NULL);
    for (size_t i = 0; i < file.size; i++) {
        file.data[i] ^= 0x41;
        assert_int_not_equal(ecam_png_decode(file.data, file.size, 20, &image, &error), ECAM_OK);
        file.data[i] ^= 0x41;
    }
    ecam_buffer_finish(&file);
}

/* The picture's own checksum, behind a right chunk checksum. */
static void a_wrong_adler_is_refused(void **state)
{
    ecam_buffer file = {0};
    ecam_png_image image;

    (void)state;
    write_plain(&file, NULL);
    uint8_t *idat = memmem(file.data, file.size, "IDAT", 4);
    assert_non_null(idat);
    uint32_t size = (uint32_t)idat[-2] << 8 | idat[-1];
    idat[4 + size - 1] ^= 1;
    uLong crc = crc32(0, idat, 4 + size);
    for (int i = 0; i < 4; i++)
        idat[4 + size + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
    CHECK_STATUS(ecam_png_decode(file.data, file.size, 20, &image, &error), ECAM_EFORMAT);
    ecam_buffer_finish(&file);
}

static void what_is_no_png_is_refused(void **state)
{
    const char text[] = "\xff\xd8\xff\xe0 a JPEG, say";
    ecam_png_image image;

    (void)state;
    CHECK_STATUS(ecam_png_decode(text, sizeof text, 20, &image, &error), ECAM_EFORMAT);
    CHECK_TEXT_HAS(error.text, "PNG");
    CHECK_STATUS(ecam_png_decode(text, 0, 20, &image, NULL), ECAM_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_colour_type_becomes_rgb),
        cmocka_unit_test(gray16_stays),
        cmocka_unit_test(interlaced_files_are_read),
        cmocka_unit_test(texts_become_utf8),
        cmocka_unit_test(more_pixels_than_allowed_are_refused),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(a_changed_byte_anywhere_is_refused),
        cmocka_unit_test(a_wrong_adler_is_refused),
        cmocka_unit_test(what_is_no_png_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
