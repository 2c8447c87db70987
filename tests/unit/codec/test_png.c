/* PNG files: what goes in comes out, whole and in bands; texts; arguments. */
#include <stdlib.h>

#include "codec/png.h"
#include "pictures.h"
#include "support/check.h"

#define MANY_PIXELS ((size_t)1 << 26)

static ecam_png_encoder *encoder;
static ecam_error error;

static size_t pixel_bytes(ecam_png_format format)
{
    return format == ECAM_PNG_RGB8 ? 3 : 2;
}

/* Decode and compare with what was encoded. */
static void check_file(const ecam_buffer *file, const void *pixels, size_t w, size_t h,
                       ecam_png_format format)
{
    ecam_png_image image;

    CHECK_OK(ecam_png_decode(file->data, file->size, MANY_PIXELS, &image, &error), error);
    assert_int_equal(image.w, w);
    assert_int_equal(image.h, h);
    assert_int_equal(image.format, format);
    assert_memory_equal(image.pixels, pixels, w * h * pixel_bytes(format));
    ecam_png_image_finish(&image);
}

static const size_t sizes[][2] = {{1, 1},   {2, 1},   {1, 9},    {3, 5},    {21, 3},  {22, 7},
                                  {33, 17}, {64, 64}, {100, 43}, {224, 61}, {1000, 9}};

static void round_trip(size_t w, size_t h, ecam_png_format format)
{
    size_t row_bytes = w * pixel_bytes(format);
    uint8_t *pixels = malloc(h * row_bytes);
    ecam_buffer file = {0};

    for (picture_kind kind = 0; kind < PICTURE_KINDS; kind++) {
        picture_fill(kind, row_bytes, h, pixels);
        CHECK_OK(ecam_png_encode(encoder, pixels, w, h, format, NULL, 0, &file, &error), error);
        check_file(&file, pixels, w, h, format);
    }
    ecam_buffer_finish(&file);
    free(pixels);
}

static void rgb_comes_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        round_trip(sizes[i][0], sizes[i][1], ECAM_PNG_RGB8);
}

static void gray16_comes_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        round_trip(sizes[i][0], sizes[i][1], ECAM_PNG_GRAY16);
}

/* A side of 65535, where row offsets pass 16 bits. */
static void the_longest_row_and_column_come_back(void **state)
{
    (void)state;
    round_trip(65535, 2, ECAM_PNG_RGB8);
    round_trip(1, 65535, ECAM_PNG_RGB8);
}

/* Cut h rows into pieces of the sizes in `cuts` (repeated), encode them last
 * one first, join them. */
static void check_bands(const uint8_t *rgb, size_t w, size_t h, const size_t *cuts, size_t n_cuts)
{
    ecam_png_piece pieces[64] = {0};
    size_t starts[65] = {0}, n = 0;
    ecam_buffer file = {0};

    while (starts[n] < h && n < 64) {
        size_t end = starts[n] + cuts[n % n_cuts];
        starts[++n] = end < h ? end : h;
    }
    for (size_t i = n; i-- > 0;) {
        const uint8_t *at = rgb + starts[i] * 3 * w;
        CHECK_OK(ecam_png_band(encoder, at, i ? at - 3 * w : NULL, w, starts[i + 1] - starts[i],
                               &pieces[i], &error), error);
    }
    CHECK_OK(ecam_png_join(pieces, n, w, h, NULL, 0, &file, &error), error);
    check_file(&file, rgb, w, h, ECAM_PNG_RGB8);
    for (size_t i = 0; i < n; i++)
        ecam_png_piece_finish(&pieces[i]);
    ecam_buffer_finish(&file);
}

static void bands_join_to_the_picture(void **state)
{
    const size_t cuts[][3] = {{1, 1, 1}, {1, 2, 40}, {7, 5, 9}, {30, 1, 2}, {1000, 1, 1}};
    const size_t widths[] = {1, 22, 200}, h = 61;
    uint8_t *rgb = malloc(200 * 3 * h);

    (void)state;
    for (picture_kind kind = 0; kind < PICTURE_KINDS; kind++)
        for (size_t i = 0; i < 3; i++) {
            picture_fill(kind, widths[i] * 3, h, rgb);
            for (size_t c = 0; c < 5; c++)
                check_bands(rgb, widths[i], h, cuts[c], 3);
        }
    free(rgb);
}

static void bands_must_make_up_the_picture(void **state)
{
    uint8_t rgb[2 * 9] = {0};
    ecam_png_piece piece = {0};
    ecam_buffer file = {0};

    (void)state;
    CHECK_OK(ecam_png_band(encoder, rgb, NULL, 3, 2, &piece, &error), error);
    CHECK_STATUS(ecam_png_join(&piece, 1, 3, 3, NULL, 0, &file, &error), ECAM_EINVAL);
    CHECK_STATUS(ecam_png_join(&piece, 0, 3, 2, NULL, 0, &file, &error), ECAM_EINVAL);
    CHECK_OK(ecam_png_join(&piece, 1, 3, 2, NULL, 0, &file, &error), error);
    ecam_png_piece_finish(&piece);
    ecam_buffer_finish(&file);
}

/* Also after other pictures went through the same encoder. */
static void the_same_pixels_give_the_same_bytes(void **state)
{
    uint8_t a[40 * 3 * 40], b[40 * 3 * 40];
    ecam_buffer first = {0}, other = {0}, again = {0};
    const ecam_png_text text = {"run", "a"};

    (void)state;
    picture_fill(PICTURE_PHOTO, 120, 40, a);
    picture_fill(PICTURE_BLOCKS, 120, 40, b);
    CHECK_OK(ecam_png_encode(encoder, a, 40, 40, ECAM_PNG_RGB8, &text, 1, &first, &error), error);
    CHECK_OK(ecam_png_encode(encoder, b, 40, 40, ECAM_PNG_RGB8, NULL, 0, &other, &error), error);
    CHECK_OK(ecam_png_encode(encoder, a, 40, 40, ECAM_PNG_RGB8, &text, 1, &again, &error), error);
    assert_int_equal(first.size, again.size);
    assert_memory_equal(first.data, again.data, first.size);
    ecam_buffer_finish(&first);
    ecam_buffer_finish(&other);
    ecam_buffer_finish(&again);
}

static void texts_come_back(void **state)
{
    const ecam_png_text texts[] = {{"label", "cat"},
                                   {"skipped", NULL},
                                   {"empty", ""},
                                   {"two lines", "a\nb"},
                                   {"pred", "\xe7\x8c\xab <b>&\"'"}};
    const size_t kept[] = {0, 2, 3, 4};
    const uint8_t rgb[3] = {1, 2, 3};
    ecam_buffer file = {0};
    ecam_png_image image;

    (void)state;
    CHECK_OK(ecam_png_encode(encoder, rgb, 1, 1, ECAM_PNG_RGB8, texts, 5, &file, &error), error);
    assert_non_null(memmem(file.data, file.size, "tEXtlabel", 9));
    assert_non_null(memmem(file.data, file.size, "iTXtpred", 8));
    CHECK_OK(ecam_png_decode(file.data, file.size, 1, &image, &error), error);
    assert_int_equal(image.n_texts, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(image.texts[i].key, texts[kept[i]].key);
        assert_string_equal(image.texts[i].value, texts[kept[i]].value);
    }
    ecam_png_image_finish(&image);
    ecam_buffer_finish(&file);
}

static void check_refused_text(const char *key, const char *value)
{
    const ecam_png_text text = {key, value};
    const uint8_t rgb[3] = {0};
    ecam_buffer file = {0};

    error.text[0] = '\0';
    CHECK_STATUS(ecam_png_encode(encoder, rgb, 1, 1, ECAM_PNG_RGB8, &text, 1, &file, &error),
                 ECAM_EINVAL);
    CHECK_TEXT_HAS(error.text, "text");
    ecam_buffer_finish(&file);
}

static void bad_texts_are_refused(void **state)
{
    char long_key[81];

    (void)state;
    memset(long_key, 'k', 80);
    long_key[80] = '\0';
    check_refused_text(long_key, "v");
    check_refused_text("", "v");
    check_refused_text(" key", "v");
    check_refused_text("key ", "v");
    check_refused_text("a  b", "v");
    check_refused_text("k\xc3\xa9y", "v");
    check_refused_text("k\ny", "v");
    check_refused_text("key", "\xff");
    check_refused_text("key", "\xc0\x80");
}

static void impossible_sizes_are_refused(void **state)
{
    const uint8_t rgb[3] = {0};
    const size_t bad[][2] = {{0, 1}, {1, 0}, {65536, 1}, {1, 65536}, {SIZE_MAX, 1}, {1, SIZE_MAX}};
    ecam_buffer file = {0};
    ecam_png_piece piece = {0};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t w = bad[i][0], h = bad[i][1];
        CHECK_STATUS(ecam_png_encode(encoder, rgb, w, h, ECAM_PNG_RGB8, NULL, 0, &file, &error),
                     ECAM_EINVAL);
        CHECK_STATUS(ecam_png_band(encoder, rgb, NULL, w, h, &piece, &error), ECAM_EINVAL);
        CHECK_STATUS(ecam_png_join(&piece, 1, w, h, NULL, 0, &file, &error), ECAM_EINVAL);
    }
    ecam_png_piece_finish(&piece);
    ecam_buffer_finish(&file);
}

static int open_encoder(void **state)
{
    (void)state;
    return ecam_png_encoder_create(&encoder) != ECAM_OK;
}

static int close_encoder(void **state)
{
    (void)state;
    ecam_png_encoder_destroy(&encoder);
    ecam_png_encoder_destroy(&encoder);
    return encoder != NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rgb_comes_back),
        cmocka_unit_test(gray16_comes_back),
        cmocka_unit_test(the_longest_row_and_column_come_back),
        cmocka_unit_test(bands_join_to_the_picture),
        cmocka_unit_test(bands_must_make_up_the_picture),
        cmocka_unit_test(the_same_pixels_give_the_same_bytes),
        cmocka_unit_test(texts_come_back),
        cmocka_unit_test(bad_texts_are_refused),
        cmocka_unit_test(impossible_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, open_encoder, close_encoder);
}
