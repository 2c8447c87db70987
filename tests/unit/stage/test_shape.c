#include "support/check.h"
#include "stage/shape.h"

#define NOTHING ((const void *)0x1000) /* never read */

static ecam_tensor tensor(ecam_dtype dtype, ecam_layout layout, unsigned ndim, const uint64_t *shape)
{
    ecam_tensor t = {.data = NOTHING, .dtype = dtype, .layout = layout, .ndim = ndim,
                     .size_bytes = ecam_dtype_size(dtype)};
    for (unsigned i = 0; i < ndim; i++) {
        t.shape[i] = shape[i];
        t.size_bytes *= shape[i];
    }
    return t;
}

#define TENSOR(dtype, layout, ...) \
    tensor(dtype, layout, sizeof((uint64_t[]){__VA_ARGS__}) / 8, (const uint64_t[]){__VA_ARGS__})

static void check_images(ecam_tensor t, ecam_layout setting, ecam_layout layout, uint64_t n,
                         unsigned channels, size_t h, size_t w, size_t stride)
{
    ecam_image_batch batch;
    ecam_error error = {0};
    CHECK_OK(ecam_shape_images(&t, setting, &batch, &error), error);
    assert_int_equal(batch.layout, layout);
    assert_int_equal(batch.n, n);
    assert_int_equal(batch.channels, channels);
    assert_int_equal(batch.h, h);
    assert_int_equal(batch.w, w);
    assert_int_equal(batch.stride, stride);
    assert_int_equal(batch.dtype, t.dtype);
    assert_ptr_equal(batch.data, t.data);
}

static void images_by_setting(void **state)
{
    (void)state;
    check_images(TENSOR(ECAM_U8, ECAM_LAYOUT_AUTO, 8, 3, 20, 30), ECAM_LAYOUT_NCHW, ECAM_LAYOUT_NCHW,
                 8, 3, 20, 30, 1800);
    check_images(TENSOR(ECAM_F32, ECAM_LAYOUT_AUTO, 8, 20, 30, 3), ECAM_LAYOUT_NHWC, ECAM_LAYOUT_NHWC,
                 8, 3, 20, 30, 7200);
    check_images(TENSOR(ECAM_U8, ECAM_LAYOUT_AUTO, 2, 3, 5, 1), ECAM_LAYOUT_NHWC, ECAM_LAYOUT_NHWC, 2,
                 1, 3, 5, 15);
}

static void images_layout_is_found_by_the_channel_axis(void **state)
{
    (void)state;
    check_images(TENSOR(ECAM_U8, ECAM_LAYOUT_AUTO, 8, 1, 20, 30), ECAM_LAYOUT_AUTO, ECAM_LAYOUT_NCHW,
                 8, 1, 20, 30, 600);
    check_images(TENSOR(ECAM_U8, ECAM_LAYOUT_AUTO, 8, 20, 30, 3), ECAM_LAYOUT_AUTO, ECAM_LAYOUT_NHWC,
                 8, 3, 20, 30, 1800);
    check_images(TENSOR(ECAM_U8, ECAM_LAYOUT_AUTO, 8, 20, 30, 1), ECAM_LAYOUT_AUTO, ECAM_LAYOUT_NHWC,
                 8, 1, 20, 30, 600);
    /* NCHW if both could be */
    check_images(TENSOR(ECAM_U8, ECAM_LAYOUT_AUTO, 8, 3, 30, 3), ECAM_LAYOUT_AUTO, ECAM_LAYOUT_NCHW, 8,
                 3, 30, 3, 270);
    check_images(TENSOR(ECAM_U8, ECAM_LAYOUT_AUTO, 8, 1, 30, 3), ECAM_LAYOUT_AUTO, ECAM_LAYOUT_NCHW, 8,
                 1, 30, 3, 90);
}

static void a_tensors_own_layout_wins(void **state)
{
    (void)state;
    check_images(TENSOR(ECAM_U8, ECAM_LAYOUT_NHWC, 8, 3, 30, 3), ECAM_LAYOUT_NCHW, ECAM_LAYOUT_NHWC, 8,
                 3, 3, 30, 270);
    check_images(TENSOR(ECAM_U8, ECAM_LAYOUT_NCHW, 8, 3, 30, 3), ECAM_LAYOUT_NHWC, ECAM_LAYOUT_NCHW, 8,
                 3, 30, 3, 270);
}

static void images_without_channel_axis_are_grey(void **state)
{
    (void)state;
    check_images(TENSOR(ECAM_F64, ECAM_LAYOUT_AUTO, 4, 20, 30), ECAM_LAYOUT_AUTO, ECAM_LAYOUT_NCHW, 4,
                 1, 20, 30, 4800);
    check_images(TENSOR(ECAM_U8, ECAM_LAYOUT_AUTO, 4, 20, 30), ECAM_LAYOUT_NHWC, ECAM_LAYOUT_NCHW, 4, 1,
                 20, 30, 600);
}

static void refuse_images(ecam_tensor t, ecam_layout setting, const char *says)
{
    ecam_image_batch batch;
    ecam_error error = {0};
    CHECK_STATUS(ecam_shape_images(&t, setting, &batch, &error), ECAM_ESHAPE);
    assert_int_equal(error.status, ECAM_ESHAPE);
    CHECK_TEXT_HAS(error.text, says);
}

static void impossible_images_are_refused(void **state)
{
    (void)state;
    refuse_images(TENSOR(ECAM_U8, ECAM_LAYOUT_AUTO, 8, 20), ECAM_LAYOUT_AUTO, "(8, 20)");
    refuse_images(TENSOR(ECAM_U8, ECAM_LAYOUT_AUTO, 8), ECAM_LAYOUT_AUTO, "(8,)");
    refuse_images(TENSOR(ECAM_U8, ECAM_LAYOUT_AUTO, 1, 1, 1, 3, 20), ECAM_LAYOUT_AUTO, "(1, 1, 1, 3, 20)");
    refuse_images(TENSOR(ECAM_U8, ECAM_LAYOUT_AUTO, 8, 4, 20, 30), ECAM_LAYOUT_AUTO, "1 or 3 channels");
    refuse_images(TENSOR(ECAM_U8, ECAM_LAYOUT_AUTO, 8, 20, 30, 3), ECAM_LAYOUT_NCHW, "(8, 20, 30, 3)");
    refuse_images(TENSOR(ECAM_U8, ECAM_LAYOUT_AUTO, 8, 3, 20, 30), ECAM_LAYOUT_NHWC, "NHWC");
    refuse_images(TENSOR(ECAM_U8, ECAM_LAYOUT_NHWC, 8, 3, 20, 30), ECAM_LAYOUT_NCHW, "last axis");
    ecam_tensor number = {.data = NOTHING, .dtype = ECAM_U8, .size_bytes = 1};
    refuse_images(number, ECAM_LAYOUT_AUTO, "(N,C,H,W)");
}

static void images_have_bounded_sides(void **state)
{
    (void)state;
    check_images(TENSOR(ECAM_U8, ECAM_LAYOUT_AUTO, 1, 1, 16384, 16384), ECAM_LAYOUT_AUTO,
                 ECAM_LAYOUT_NCHW, 1, 1, 16384, 16384, (size_t)16384 * 16384);
    refuse_images(TENSOR(ECAM_U8, ECAM_LAYOUT_AUTO, 1, 1, 16385, 4), ECAM_LAYOUT_AUTO, "16384");
    refuse_images(TENSOR(ECAM_U8, ECAM_LAYOUT_AUTO, 1, 4, 16385, 3), ECAM_LAYOUT_AUTO, "16384");
}

static void check_activations(ecam_tensor t, ecam_layout setting, ecam_layout images,
                              ecam_layout layout, size_t c, size_t h, size_t w, size_t skipped)
{
    ecam_activation_batch batch;
    ecam_error error = {0};
    CHECK_OK(ecam_shape_activations(&t, setting, images, &batch, &error), error);
    assert_int_equal(batch.layout, layout);
    assert_int_equal(batch.n, t.shape[0]);
    assert_int_equal(batch.c, c);
    assert_int_equal(batch.h, h);
    assert_int_equal(batch.w, w);
    assert_int_equal(batch.stride, t.size_bytes / t.shape[0]);
    assert_int_equal(batch.data - (const char *)t.data, skipped);

    ecam_activation second = ecam_activation_of(&batch, 1);
    assert_int_equal((const char *)second.data - (const char *)t.data, batch.stride + skipped);
    assert_int_equal(second.channels_last, layout != ECAM_LAYOUT_NCHW);
    assert_int_equal(second.dtype, t.dtype);
    assert_int_equal(second.c, c);
    assert_int_equal(second.h, h);
    assert_int_equal(second.w, w);
}

static void activations_follow_the_images(void **state)
{
    (void)state;
    ecam_tensor t = TENSOR(ECAM_F32, ECAM_LAYOUT_AUTO, 8, 64, 7, 5);
    check_activations(t, ECAM_LAYOUT_AUTO, ECAM_LAYOUT_NCHW, ECAM_LAYOUT_NCHW, 64, 7, 5, 0);
    check_activations(t, ECAM_LAYOUT_AUTO, ECAM_LAYOUT_NHWC, ECAM_LAYOUT_NHWC, 5, 64, 7, 0);
    check_activations(t, ECAM_LAYOUT_NHWC, ECAM_LAYOUT_NCHW, ECAM_LAYOUT_NHWC, 5, 64, 7, 0);
    t.layout = ECAM_LAYOUT_NCHW;
    check_activations(t, ECAM_LAYOUT_NHWC, ECAM_LAYOUT_NHWC, ECAM_LAYOUT_NCHW, 64, 7, 5, 0);
}

static void tokens_drop_what_stands_in_front(void **state)
{
    (void)state;
    /* a class token and 14 x 14, float16 of 768 channels */
    check_activations(TENSOR(ECAM_F16, ECAM_LAYOUT_NLC, 4, 197, 768), ECAM_LAYOUT_AUTO,
                      ECAM_LAYOUT_NCHW, ECAM_LAYOUT_NLC, 768, 14, 14, 768 * 2);
    /* four registers more */
    check_activations(TENSOR(ECAM_F32, ECAM_LAYOUT_NLC, 4, 201, 10), ECAM_LAYOUT_NCHW,
                      ECAM_LAYOUT_NCHW, ECAM_LAYOUT_NLC, 10, 14, 14, 5 * 10 * 4);
    /* a square without any */
    check_activations(TENSOR(ECAM_F32, ECAM_LAYOUT_NLC, 4, 196, 10), ECAM_LAYOUT_AUTO,
                      ECAM_LAYOUT_NHWC, ECAM_LAYOUT_NLC, 10, 14, 14, 0);
    check_activations(TENSOR(ECAM_F32, ECAM_LAYOUT_NLC, 4, 1, 10), ECAM_LAYOUT_AUTO, ECAM_LAYOUT_NHWC,
                      ECAM_LAYOUT_NLC, 10, 1, 1, 0);
    check_activations(TENSOR(ECAM_F32, ECAM_LAYOUT_NLC, 4, 3, 10), ECAM_LAYOUT_AUTO, ECAM_LAYOUT_NHWC,
                      ECAM_LAYOUT_NLC, 10, 1, 1, 80);
}

static void a_given_grid_wins(void **state)
{
    (void)state;
    ecam_tensor t = TENSOR(ECAM_U8, ECAM_LAYOUT_NLC, 2, 33, 6);
    t.grid[0] = 4;
    t.grid[1] = 8;
    check_activations(t, ECAM_LAYOUT_AUTO, ECAM_LAYOUT_NCHW, ECAM_LAYOUT_NLC, 6, 4, 8, 6);
    t.grid[1] = 9;
    ecam_activation_batch batch;
    ecam_error error = {0};
    CHECK_STATUS(ecam_shape_activations(&t, ECAM_LAYOUT_AUTO, ECAM_LAYOUT_NCHW, &batch, &error),
                 ECAM_ESHAPE);
    CHECK_TEXT_HAS(error.text, "(2, 33, 6)");
    t.grid[0] = t.grid[1] = UINT32_MAX; /* whose product must not wrap round */
    CHECK_STATUS(ecam_shape_activations(&t, ECAM_LAYOUT_AUTO, ECAM_LAYOUT_NCHW, &batch, &error),
                 ECAM_ESHAPE);
}

static void refuse_activations(ecam_tensor t, ecam_layout images, const char *says)
{
    ecam_activation_batch batch;
    ecam_error error = {0};
    CHECK_STATUS(ecam_shape_activations(&t, ECAM_LAYOUT_AUTO, images, &batch, &error), ECAM_ESHAPE);
    assert_int_equal(error.status, ECAM_ESHAPE);
    CHECK_TEXT_HAS(error.text, says);
}

static void impossible_activations_are_refused(void **state)
{
    (void)state;
    refuse_activations(TENSOR(ECAM_F32, ECAM_LAYOUT_AUTO, 4, 64), ECAM_LAYOUT_NCHW, "(4, 64)");
    refuse_activations(TENSOR(ECAM_F32, ECAM_LAYOUT_AUTO, 4, 197, 64), ECAM_LAYOUT_NCHW, "NLC");
    refuse_activations(TENSOR(ECAM_F32, ECAM_LAYOUT_NLC, 4, 64, 7, 7), ECAM_LAYOUT_NCHW, "tokens");
    refuse_activations(TENSOR(ECAM_F32, ECAM_LAYOUT_NCHW, 4, 64, 7), ECAM_LAYOUT_NCHW, "(4, 64, 7)");
    refuse_activations(TENSOR(ECAM_F32, ECAM_LAYOUT_AUTO, 4, 2, 3, 4, 5), ECAM_LAYOUT_NCHW, "(N,C,h,w)");
}

static void shapes_as_text(void **state)
{
    (void)state;
    char text[64];
    ecam_tensor t = TENSOR(ECAM_U8, ECAM_LAYOUT_AUTO, 8, 3, 224, 224);
    assert_string_equal(ecam_shape_text(&t, text, sizeof text), "(8, 3, 224, 224)");
    t = TENSOR(ECAM_U8, ECAM_LAYOUT_AUTO, 8);
    assert_string_equal(ecam_shape_text(&t, text, sizeof text), "(8,)");
    t = (ecam_tensor){.ndim = 0};
    assert_string_equal(ecam_shape_text(&t, text, sizeof text), "()");

    t = TENSOR(ECAM_U8, ECAM_LAYOUT_AUTO, 1, 2, 3, 4, 5, 6, 7, 8);
    for (unsigned i = 0; i < 8; i++)
        t.shape[i] = UINT64_MAX;
    char small[16];
    memset(small, 'x', sizeof small);
    ecam_shape_text(&t, small, 12);
    assert_string_equal(small, "(1844674407");
    assert_int_equal(small[12], 'x');
}

static void layouts_have_names(void **state)
{
    (void)state;
    assert_string_equal(ecam_layout_name(ECAM_LAYOUT_AUTO), "auto");
    assert_string_equal(ecam_layout_name(ECAM_LAYOUT_NCHW), "NCHW");
    assert_string_equal(ecam_layout_name(ECAM_LAYOUT_NHWC), "NHWC");
    assert_string_equal(ecam_layout_name(ECAM_LAYOUT_NLC), "NLC");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_by_setting),
        cmocka_unit_test(images_layout_is_found_by_the_channel_axis),
        cmocka_unit_test(a_tensors_own_layout_wins),
        cmocka_unit_test(images_without_channel_axis_are_grey),
        cmocka_unit_test(impossible_images_are_refused),
        cmocka_unit_test(images_have_bounded_sides),
        cmocka_unit_test(activations_follow_the_images),
        cmocka_unit_test(tokens_drop_what_stands_in_front),
        cmocka_unit_test(a_given_grid_wins),
        cmocka_unit_test(impossible_activations_are_refused),
        cmocka_unit_test(shapes_as_text),
        cmocka_unit_test(layouts_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
