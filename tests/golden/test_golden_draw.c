/* From the stored projections every stored overlay, divisor and display must
 * come out bit for bit, with the kernels of each instruction set. */
#include <stdlib.h>

#include "cam/draw.h"
#include "support/check.h"
#include "support/golden.h"

static const ecam_overlay_style style = {.colormap = ECAM_COLORMAP_JET, .add = true};

typedef struct fixture {
    golden_run run;
    ecam_workspace *ws;
    void *storage; /* of one image */
    uint8_t *rgb;
    float *row;
    size_t pixels;
} fixture;

static int open_run(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    size_t i = (size_t)(uintptr_t)*state;

    golden_open(i, &f->run);
    f->pixels = f->run.image_h * f->run.image_w;
    f->storage = malloc(golden_image_elements(&f->run) * sizeof(float));
    f->rgb = malloc(3 * f->pixels);
    f->row = malloc(3 * f->run.image_w * sizeof(float));
    *state = f;
    return ecam_workspace_create(&f->ws) == ECAM_OK ? 0 : -1;
}

static int close_run(void **state)
{
    fixture *f = *state;

    golden_close(&f->run);
    ecam_workspace_destroy(&f->ws);
    free(f->storage);
    free(f->rgb);
    free(f->row);
    free(f);
    return 0;
}

static const float *projection(const fixture *f, size_t s, size_t k)
{
    const float *maps = f->run.expected_projection.tensor.data;
    return maps + (s * f->run.components + k) * f->run.h * f->run.w;
}

static float own_max(fixture *f, size_t s, size_t k)
{
    ecam_image image = golden_image(&f->run, s, f->storage);
    float max = -1;

    CHECK_STATUS(ecam_overlay_max(f->ws, &image, projection(f, s, k), f->run.h, f->run.w, &style,
                                  &max),
                 ECAM_OK);
    return max;
}

static float batch_max(fixture *f, size_t k)
{
    float max = own_max(f, 0, k);

    for (size_t s = 1; s < f->run.samples; s++)
        max = fmaxf(max, own_max(f, s, k));
    return max;
}

/* Ten digits name one float. */
static float stored_number(const json_t *array, size_t i)
{
    return (float)json_number_value(json_array_get(array, i));
}

static void check_maxima(fixture *f)
{
    const json_t *batch = json_object_get(f->run.json, "overlay_max_batch");
    const json_t *image = json_object_get(f->run.json, "overlay_max_image");

    assert_int_equal(json_array_size(batch), f->run.components);
    for (size_t k = 0; k < f->run.components; k++) {
        CHECK_NEAR(batch_max(f, k), stored_number(batch, k), 0);
        for (size_t s = 0; s < f->run.samples; s++)
            CHECK_NEAR(own_max(f, s, k), stored_number(json_array_get(image, s), k), 0);
    }
}

static void check_display(fixture *f, const ecam_npy *expected, const char *list, bool batch)
{
    size_t shown = expected->tensor.data ? expected->tensor.shape[1] : 0;
    const uint8_t *bytes = expected->tensor.data;

    for (size_t at = 0; at < shown; at++) {
        size_t k = golden_display_component(&f->run, list, at);
        float divisor = batch ? batch_max(f, k) : 0;
        for (size_t s = 0; s < f->run.samples; s++) {
            if (!batch)
                divisor = own_max(f, s, k);
            ecam_image image = golden_image(&f->run, s, f->storage);
            CHECK_STATUS(ecam_overlay_draw(f->ws, &image, projection(f, s, k), f->run.h, f->run.w,
                                           &style, divisor, f->rgb),
                         ECAM_OK);
            assert_memory_equal(f->rgb, bytes + (s * shown + at) * 3 * f->pixels, 3 * f->pixels);
        }
    }
}

static void check_one_overlay(fixture *f, const float *expected, size_t s, size_t k)
{
    ecam_image image = golden_image(&f->run, s, f->storage);
    struct ecam_draw_scratch *scratch;
    float divisor = batch_max(f, k);

    golden_image(&f->run, s, f->storage); /* batch_max loaded others there */
    CHECK_STATUS(ecam_draw_begin(f->ws, &image, projection(f, s, k), f->run.h, f->run.w, &style,
                                    &scratch),
                 ECAM_OK);
    ecam_heat_level(scratch, f->pixels);
    for (size_t y = 0; y < image.h; y++) {
        ecam_pixels row = ecam_image_pixels(&image, y * image.w);
        ecam_rows_overlay(&row, scratch->levels + y * image.w, image.w, &scratch->paint, f->row);
        for (size_t i = 0; i < 3 * image.w; i++)
            CHECK_NEAR(f->row[i] / divisor, expected[y * 3 * image.w + i], 0);
    }
}

static void check_overlays(fixture *f)
{
    const ecam_tensor *expected = &f->run.expected_overlay.tensor;
    size_t shown = expected->data ? expected->shape[1] : 0;

    for (size_t s = 0; s < f->run.samples; s++)
        for (size_t at = 0; at < shown; at++)
            check_one_overlay(f, (const float *)expected->data + (s * shown + at) * 3 * f->pixels,
                              s, golden_display_component(&f->run, "display_components", at));
}

static void draws_what_is_stored(void **state)
{
    fixture *f = *state;
    struct ecam_draw_scratch *scratch;

    CHECK_STATUS(ecam_draw_scratch_fit(f->ws, 1, 1, 1, 1, &scratch), ECAM_OK);
    for (size_t i = 0; ecam_rows_usable(i); i++) {
        scratch->rows = ecam_rows_usable(i);
        check_maxima(f);
        check_overlays(f);
        check_display(f, &f->run.expected_display, "display_components", true);
        check_display(f, &f->run.expected_display_image, "display_image_components", false);
    }
}

static void jet_is_as_stored(void **state)
{
    char path[512];
    ecam_error error;
    ecam_npy npy;

    (void)state;
    snprintf(path, sizeof path, "%s/jet_lut.npy", golden_dir());
    CHECK_OK(ecam_npy_read(path, &npy, &error), error);
    assert_int_equal(npy.tensor.size_bytes, 256 * 3);
    assert_memory_equal(ecam_colormap_table(ECAM_COLORMAP_JET), npy.tensor.data, 256 * 3);
    ecam_npy_finish(&npy);
}

int main(void)
{
    static char names[GOLDEN_RUNS][160];
    static struct CMUnitTest tests[GOLDEN_RUNS + 1] = {
        [GOLDEN_RUNS] = cmocka_unit_test(jet_is_as_stored)};

    for (size_t i = 0; i < GOLDEN_RUNS; i++) {
        golden_run run;
        golden_open(i, &run);
        snprintf(names[i], sizeof names[i], "draws %s", run.name);
        golden_close(&run);
        tests[i] = (struct CMUnitTest){.name = names[i],
                                       .test_func = draws_what_is_stored,
                                       .setup_func = open_run,
                                       .teardown_func = close_run,
                                       .initial_state = (void *)(uintptr_t)i};
    }
    return _cmocka_run_group_tests("golden_draw", tests, GOLDEN_RUNS + 1, NULL, NULL);
}
