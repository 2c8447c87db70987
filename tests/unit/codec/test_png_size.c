/* How large the files are: overlays of photos beside libpng's own, bounds for
 * what does not compress, and white ground. */
#include <stdlib.h>

#include <png.h>

#include "codec/png.h"
#include "pictures.h"
#include "support/check.h"
#include "support/golden.h"

static ecam_png_encoder *encoder;
static ecam_error error;

static void append(png_structp png, png_bytep bytes, size_t size)
{
    (void)bytes;
    *(size_t *)png_get_io_ptr(png) += size;
}

/* By libpng as it is. */
static size_t default_size(const uint8_t *rgb, size_t w, size_t h)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    size_t size = 0;

    png_set_write_fn(png, &size, append, NULL);
    png_set_IHDR(png, info, (png_uint_32)w, (png_uint_32)h, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (size_t y = 0; y < h; y++)
        png_write_row(png, rgb + y * 3 * w);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return size;
}

static size_t own_size(const void *pixels, size_t w, size_t h, ecam_png_format format)
{
    ecam_buffer file = {0};

    CHECK_OK(ecam_png_encode(encoder, pixels, w, h, format, NULL, 0, &file, &error), error);
    size_t size = file.size;
    ecam_buffer_finish(&file);
    return size;
}

static size_t banded_size(const uint8_t *rgb, size_t w, size_t h, size_t band)
{
    ecam_png_piece pieces[64] = {0};
    ecam_buffer file = {0};
    size_t n = 0;

    for (size_t y = 0; y < h; y += band, n++)
        CHECK_OK(ecam_png_band(encoder, rgb + y * 3 * w, y ? rgb + (y - 1) * 3 * w : NULL, w,
                               h - y < band ? h - y : band, &pieces[n], &error), error);
    CHECK_OK(ecam_png_join(pieces, n, w, h, NULL, 0, &file, &error), error);
    size_t size = file.size;
    while (n-- > 0)
        ecam_png_piece_finish(&pieces[n]);
    ecam_buffer_finish(&file);
    return size;
}

static void overlays_are_as_small_as_libpngs(void **state)
{
    char path[512];
    ecam_npy overlays;

    (void)state;
    snprintf(path, sizeof path, "%s/resnet_photos/expected_display_layer4.npy", golden_dir());
    CHECK_OK(ecam_npy_read(path, &overlays, &error), error);
    for (size_t i = 0; i < overlays.tensor.shape[0]; i++) {
        const uint8_t *rgb = (const uint8_t *)overlays.tensor.data + i * 224 * 224 * 3;
        size_t reference = default_size(rgb, 224, 224);
        size_t whole = own_size(rgb, 224, 224, ECAM_PNG_RGB8);
        size_t banded = banded_size(rgb, 224, 224, 45);
        if (whole > reference * 103 / 100 || banded > reference * 103 / 100)
            fail_msg("overlay %zu: %zu bytes, in bands %zu, by libpng %zu", i, whole, banded,
                     reference);
    }
    ecam_npy_finish(&overlays);
}

/* Also where the rows that are looked at are not like the others. */
static void what_does_not_compress_hardly_grows(void **state)
{
    const picture_kind kinds[] = {PICTURE_NOISE, PICTURE_STRIPES, PICTURE_RARE};
    size_t w = 300, h = 200, raw = h * (3 * w + 1);
    uint8_t *rgb = malloc(w * 3 * h);

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        picture_fill(kinds[i], 3 * w, h, rgb);
        assert_true(own_size(rgb, w, h, ECAM_PNG_RGB8) < raw + raw / 64 + 400);
        assert_true(banded_size(rgb, w, h, 50) < raw + raw / 64 + 2000);
        assert_true(own_size(rgb, w, h, ECAM_PNG_GRAY16) < raw + raw / 64 + 400);
    }
    /* Flat but for every eighth row: whichever the sample holds, the code must
     * suit the others. */
    picture_fill(PICTURE_STRIPES, 3 * w, h, rgb);
    assert_true(banded_size(rgb, w, h, h) < raw * 3 / 8);
    free(rgb);
}

/* 3000 bytes of white are a literal and twelve matches: a few bytes. */
static void white_ground_costs_little(void **state)
{
    size_t w = 1000, h = 300;
    uint8_t *rgb = malloc(w * 3 * h);

    (void)state;
    picture_fill(PICTURE_WHITE, 3 * w, h, rgb);
    assert_true(own_size(rgb, w, h, ECAM_PNG_RGB8) < 6 * h);
    assert_true(banded_size(rgb, w, h, 50) < 7 * h);
    free(rgb);
}

/* Maps of a network's last layers: 57 bytes of PNG, some of deflate. */
static void small_maps_stay_small(void **state)
{
    uint16_t map[49];

    (void)state;
    picture_fill(PICTURE_NOISE, sizeof map, 1, (uint8_t *)map);
    assert_true(own_size(map, 7, 7, ECAM_PNG_GRAY16) <= 57 + 7 * 15 + 11);
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
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overlays_are_as_small_as_libpngs),
        cmocka_unit_test(what_does_not_compress_hardly_grows),
        cmocka_unit_test(white_ground_costs_little),
        cmocka_unit_test(small_maps_stay_small),
    };
    return cmocka_run_group_tests(tests, open_encoder, close_encoder);
}
