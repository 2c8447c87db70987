/* Maps as .npy: what comes out is what the codec reads. */
#include "support/check.h"

#include <stdlib.h>

#include "codec/npy.h"
#include "codec/png.h"
#include "web/pictures.h"

static ecam_buffer encode(const void *pixels, size_t w, size_t h, ecam_png_format format)
{
    ecam_png_encoder *encoder;
    ecam_buffer png = {.data = NULL};
    ecam_error error;

    CHECK_STATUS(ecam_png_encoder_create(&encoder), ECAM_OK);
    CHECK_OK(ecam_png_encode(encoder, pixels, w, h, format, NULL, 0, &png, &error), error);
    ecam_png_encoder_destroy(&encoder);
    return png;
}

static void a_map_becomes_its_projection(void **state)
{
    const uint16_t values[6] = {0, 65535, 13107, 1, 2, 3};
    ecam_buffer png = encode(values, 3, 2, ECAM_PNG_GRAY16);
    ecam_tensor tensor;
    ecam_error error;
    void *npy;
    size_t size;

    (void)state;
    CHECK_OK(ecam_pictures_npy(png.data, png.size, -1.0, 4.0, &npy, &size, &error), error);
    CHECK_OK(ecam_npy_parse(npy, size, &tensor, &error), error);
    assert_int_equal(tensor.ndim, 2);
    assert_int_equal(tensor.shape[0], 2);
    assert_int_equal(tensor.shape[1], 3);
    assert_int_equal(tensor.dtype, ECAM_F32);
    CHECK_NEAR(ecam_tensor_at(&tensor, 0), -1.0, 0);
    CHECK_NEAR(ecam_tensor_at(&tensor, 1), 4.0, 0);
    CHECK_NEAR(ecam_tensor_at(&tensor, 2), 0.0, 1e-7); /* a fifth of the way */
    CHECK_NEAR(ecam_tensor_at(&tensor, 5), -1.0 + 15.0 / 65535, 1e-7);
    free(npy);
    ecam_buffer_finish(&png);
}

static void other_pictures_are_refused(void **state)
{
    const uint8_t rgb[3] = {1, 2, 3};
    ecam_buffer png = encode(rgb, 1, 1, ECAM_PNG_RGB8);
    ecam_error error;
    void *npy;
    size_t size;

    (void)state;
    CHECK_STATUS(ecam_pictures_npy(png.data, png.size, 0, 1, &npy, &size, &error), ECAM_EFORMAT);
    assert_null(npy);
    CHECK_STATUS(ecam_pictures_npy(png.data, png.size / 2, 0, 1, &npy, &size, &error), ECAM_EFORMAT);
    CHECK_STATUS(ecam_pictures_npy("", 0, 0, 1, &npy, &size, &error), ECAM_EFORMAT);
    ecam_buffer_finish(&png);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_becomes_its_projection),
        cmocka_unit_test(other_pictures_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
