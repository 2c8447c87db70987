/* What the drawn results show and say. */
#include "scene.h"

static void check_chunk(const ecam_png_image *image, const char *key, const char *expected)
{
    for (size_t i = 0; i < image->n_texts; i++) {
        if (strcmp(image->texts[i].key, key) == 0) {
            assert_string_equal(image->texts[i].value, expected);
            return;
        }
    }
    if (expected)
        fail_msg("no text chunk \"%s\"", key);
}

static void pictures_say_what_they_show(void **state)
{
    (void)state;
    scene s;
    scene_results results = {0};
    scene_open(&s, 2, 0);
    scene_fill(&s, 6);
    s.output->samples[5]->label = (ecam_label){.kind = ECAM_LABEL_TEXT, .text = "\u732b"};
    s.output->samples[5]->key.rank = 3;
    s.output->samples[4]->pred = (ecam_label){.kind = ECAM_LABEL_TEXT, .text = "dog"};
    double explained = s.output->samples[5]->explained[1], singular = s.output->samples[5]->singular[1];
    scene_draw(&s, &results);

    const scene_result *overlay = scene_find(&results, ECAM_RESULT_OVERLAY, 5, 1);
    const ecam_result_sample *sample = &overlay->result.sample;
    assert_int_equal(sample->step, 1);
    assert_int_equal(sample->index, 1);
    assert_int_equal(sample->rank, 3);
    assert_string_equal(overlay->label, "\u732b");
    assert_string_equal(overlay->pred, "-");
    assert_int_equal(overlay->result.component.components, 3);
    CHECK_NEAR(overlay->result.component.explained, explained, 0);
    CHECK_NEAR(overlay->result.component.singular, singular, 0);
    assert_true(explained > 0 && explained < 1 && singular > 0);

    ecam_png_image image = scene_decode(overlay);
    char text[32];
    assert_int_equal(image.w, 24);
    assert_int_equal(image.h, 20);
    check_chunk(&image, "Software", "eigencam");
    check_chunk(&image, "run", "run \u00fc");
    check_chunk(&image, "output", "eigencam");
    check_chunk(&image, "mode", "eval");
    check_chunk(&image, "epoch", "12");
    check_chunk(&image, "attempt", "1");
    check_chunk(&image, "sample", "5");
    check_chunk(&image, "ds_id", "ds");
    check_chunk(&image, "component", "1");
    snprintf(text, sizeof text, "%.9g", explained);
    check_chunk(&image, "explained", text);
    check_chunk(&image, "label", "\u732b");
    check_chunk(&image, "prediction", NULL);
    ecam_png_image_finish(&image);

    const scene_result *map = scene_find(&results, ECAM_RESULT_MAP, 4, 2);
    image = scene_decode(map);
    check_chunk(&image, "prediction", "dog");
    snprintf(text, sizeof text, "%.9g", map->result.component.lo);
    check_chunk(&image, "lo", text);
    snprintf(text, sizeof text, "%.9g", map->result.component.hi);
    check_chunk(&image, "hi", text);
    assert_true(map->result.component.lo < map->result.component.hi);
    ecam_png_image_finish(&image);
    scene_results_finish(&results);
    scene_close(&s);
}

/* The image alone is the input; the map has 16 bits of the projection. */
static void images_and_maps_are_what_was_computed(void **state)
{
    (void)state;
    scene s;
    scene_results results = {0};
    float activation[SCENE_C * SCENE_H * SCENE_W], projection[3 * SCENE_H * SCENE_W];
    uint8_t pixels[3 * 20 * 24];
    uint32_t seed = 5;
    for (size_t i = 0; i < sizeof activation / sizeof *activation; i++)
        activation[i] = scene_number(&seed);
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(255 * scene_number(&seed));
    scene_open(&s, 1, 0);
    ecam_sample *sample =
        scene_put(&s, &(scene_sample){activation, SCENE_C, SCENE_H, SCENE_W, pixels, 3, 20, 24});
    ecam_error error = {0};
    CHECK_OK(ecam_sample_load(sample, &s.worker, &error), error);
    memcpy(projection, sample->maps, sizeof projection);
    scene_draw(&s, &results);

    ecam_png_image image = scene_decode(scene_find(&results, ECAM_RESULT_IMAGE, 0, 0));
    assert_int_equal(image.format, ECAM_PNG_RGB8);
    for (size_t y = 0; y < 20; y++)
        for (size_t x = 0; x < 24; x++)
            for (size_t c = 0; c < 3; c++)
                assert_int_equal(((uint8_t *)image.pixels)[(y * 24 + x) * 3 + c], pixels[(c * 20 + y) * 24 + x]);
    ecam_png_image_finish(&image);
    for (uint32_t k = 0; k < 3; k++) {
        const scene_result *map = scene_find(&results, ECAM_RESULT_MAP, 0, k);
        double lo = map->result.component.lo, hi = map->result.component.hi;
        image = scene_decode(map);
        assert_int_equal(image.format, ECAM_PNG_GRAY16);
        assert_int_equal(image.w, SCENE_W);
        assert_int_equal(image.h, SCENE_H);
        assert_true(lo < hi);
        for (size_t i = 0; i < SCENE_H * SCENE_W; i++)
            CHECK_NEAR(lo + (hi - lo) * ((uint16_t *)image.pixels)[i] / 65535, projection[k * SCENE_H * SCENE_W + i],
                       (hi - lo) / 65535);
        ecam_png_image_finish(&image);
    }
    scene_results_finish(&results);
    scene_close(&s);
}

static void divisors_are_of_the_epoch_or_of_the_image(void **state)
{
    (void)state;
    for (unsigned of_image = 0; of_image < 2; of_image++) {
        scene s;
        scene_results results = {0};
        float maxima[4][3], largest[3] = {0, 0, 0};
        scene_open(&s, 2, 0);
        s.trace->normalize = of_image ? ECAM_NORMALIZE_IMAGE : ECAM_NORMALIZE_EPOCH;
        scene_fill(&s, 4);
        for (uint32_t i = 0; i < 4; i++)
            for (uint32_t k = 0; k < 3; k++) {
                maxima[i][k] = s.output->samples[i]->maxima[k];
                largest[k] = maxima[i][k] > largest[k] ? maxima[i][k] : largest[k];
            }
        scene_draw(&s, &results);
        for (uint32_t i = 0; i < 4; i++)
            for (uint32_t k = 0; k < 3; k++) {
                double expected = (double)(of_image ? maxima[i][k] : largest[k]);
                CHECK_NEAR(scene_find(&results, ECAM_RESULT_OVERLAY, i, k)->result.component.divisor, expected, 0);
                CHECK_NEAR(scene_find(&results, ECAM_RESULT_MAP, i, k)->result.component.divisor, expected, 0);
                assert_true(expected > 0.5 && expected <= 2);
            }
        scene_results_finish(&results);
        scene_close(&s);
    }
}

/* ---- a variance target: samples need different numbers of components ---- */

/* Two orthogonal patterns of the given strengths over 4 positions, 2 channels. */
static void put_patterns(scene *s, float first, float second)
{
    const float activation[8] = {first, -first, first, -first, second, second, -second, -second};
    const uint8_t image[4] = {10, 20, 30, 255};
    scene_put(s, &(scene_sample){activation, 2, 2, 2, image, 1, 2, 2});
}

static void the_most_components_are_shown_for_all(void **state)
{
    (void)state;
    scene s;
    scene_results results = {0};
    scene_open(&s, 2, 0);
    s.trace->project = (ecam_project_options){.variance = 0.9};
    put_patterns(&s, 3, 0.1f); /* shares 0.9989, 0.0011: one is enough */
    put_patterns(&s, 3, 2);    /* 9/13 and 4/13: both */
    put_patterns(&s, 0, 0);    /* no variance: none */
    assert_int_equal(s.output->samples[0]->shown, 1);
    assert_int_equal(s.output->samples[1]->shown, 2);
    assert_int_equal(s.output->samples[2]->shown, 0);
    scene_draw(&s, &results);
    assert_int_equal(results.n, 3 * (1 + 2 * 2) + 1 + 1);
    assert_int_equal(scene_last(&results)->result.summary.components, 2);

    const double shares[3][2] = {{9.0 / 9.01, 0}, {9.0 / 13, 4.0 / 13}, {0, 0}};
    const double values[3][2] = {{6, 0}, {6, 4}, {0, 0}}; /* |pattern| of 4 positions: twice the strength */
    for (uint32_t i = 0; i < 3; i++)
        for (uint32_t k = 0; k < 2; k++) {
            const scene_result *map = scene_find(&results, ECAM_RESULT_MAP, i, k);
            const scene_result *overlay = scene_find(&results, ECAM_RESULT_OVERLAY, i, k);
            CHECK_NEAR(map->result.component.explained, shares[i][k], 1e-6);
            CHECK_NEAR(map->result.component.singular, values[i][k], 1e-5);
            CHECK_NEAR(overlay->result.component.lo, 0, 0); /* a map's */
            assert_int_equal(overlay->result.component.components, 2);
            /* white under the brightest red: 1 + 1; or 1 + 128/255 where nothing shines */
            assert_true(overlay->result.component.divisor > 1);
            CHECK_NEAR(overlay->result.component.divisor,
                       scene_find(&results, ECAM_RESULT_OVERLAY, 0, k)->result.component.divisor, 0);
            bool empty = values[i][k] < 0.5;
            CHECK_NEAR(map->result.component.hi, empty ? 0 : values[i][k] / 2, 1e-5);
            CHECK_NEAR(map->result.component.lo, empty ? 0 : -values[i][k] / 2, 1e-5);
        }
    scene_results_finish(&results);
    scene_close(&s);
}

static void empty_maps_count_for_the_divisor(void **state)
{
    (void)state;
    scene s;
    scene_results results = {0};
    scene_open(&s, 1, 0);
    s.trace->project.n_components = 2;
    put_patterns(&s, 0, 0); /* two empty maps: image + (0, 0, 128) */
    scene_draw(&s, &results);
    for (uint32_t k = 0; k < 2; k++)
        CHECK_NEAR(scene_find(&results, ECAM_RESULT_OVERLAY, 0, k)->result.component.divisor, 1 + 128.0 / 255, 1e-6);
    scene_results_finish(&results);
    scene_close(&s);
}

/* ---- labels ---- */

static void labels_are_named_when_drawn(void **state)
{
    (void)state;
    static struct ecam_mapping_entry entries[] = {{"cat", 0}, {"\u72ac", 1}};
    static const ecam_mapping mapping = {entries, 2};
    scene s;
    scene_results results = {0};
    const char *value;
    scene_open(&s, 2, 0);
    scene_fill(&s, 4);
    for (size_t i = 0; i < 4; i++)
        s.output->samples[i]->label = (ecam_label){.kind = ECAM_LABEL_INT, .integer = (int64_t)(3 * i) / 2};
    s.output->samples[2]->pred = (ecam_label){.kind = ECAM_LABEL_INT, .integer = -5};
    s.job.mapping = &mapping; /* values 0, 1, 3, 4 */
    ecam_render *render = scene_create(&s);
    scene_drive(&s, render, &results);
    static const char *const labels[] = {"cat", "\u72ac", "3", "4"};
    for (uint32_t i = 0; i < 4; i++) {
        assert_string_equal(scene_find(&results, ECAM_RESULT_IMAGE, i, 0)->label, labels[i]);
        assert_string_equal(scene_find(&results, ECAM_RESULT_MAP, i, 2)->label, labels[i]);
        assert_string_equal(scene_find(&results, ECAM_RESULT_OVERLAY, i, 1)->pred, i == 2 ? "-5" : "-");
    }
    assert_string_equal(scene_last(&results)->labels, "cat;\u72ac;3;4");
    assert_string_equal(scene_last(&results)->preds, "-;-;-5;-");
    assert_int_equal(ecam_render_unmapped(render, &value), 3);
    assert_string_equal(value, "3");
    ecam_render_destroy(&render);
    scene_results_finish(&results);
    scene_close(&s);
}

static void without_labels_there_are_none(void **state)
{
    (void)state;
    scene s;
    scene_results results = {0};
    const char *value;
    scene_open(&s, 2, 0);
    scene_fill(&s, 2);
    ecam_render *render = scene_create(&s);
    scene_drive(&s, render, &results);
    assert_string_equal(scene_last(&results)->labels, "-");
    assert_string_equal(scene_last(&results)->preds, "-");
    assert_int_equal(ecam_render_unmapped(render, &value), 0);
    ecam_render_destroy(&render);
    scene_results_finish(&results);
    scene_close(&s);
}

/* The mapping that a hello brought may be replaced while the epoch is drawn. */
static void a_mapping_is_held(void **state)
{
    (void)state;
    scene s;
    scene_results results = {0};
    ecam_traces *set;
    ecam_trace base;
    ecam_trace_init(&base);
    CHECK_STATUS(ecam_traces_create(&base, 0, &set), ECAM_OK);
    scene_open(&s, 1, 0);
    scene_fill(&s, 1);
    s.job.mapping_set = set;
    ecam_render *render = scene_create(&s);
    assert_int_equal(set->references, 2);
    scene_drive(&s, render, &results);
    ecam_render_destroy(&render);
    assert_int_equal(set->references, 1);
    ecam_traces_unref(&set);
    scene_results_finish(&results);
    scene_close(&s);
}

/* ---- sheets ---- */

static void sheets_differ_in_their_titles_only(void **state)
{
    (void)state;
    ecam_png_image pages[2];
    size_t first_row = 0;
    for (unsigned incomplete = 0; incomplete < 2; incomplete++) {
        scene s;
        scene_results results = {0};
        scene_open(&s, 2, 0);
        scene_fill(&s, 2);
        if (incomplete) {
            s.epoch->world = 2;
            s.epoch->complete = false;
        } else { /* "rank 0" stands under the image where there are several */
            s.epoch->world = 2;
            ecam_epoch_set_done(s.epoch, ecam_epoch_part(s.epoch, 1, 1));
        }
        scene_draw(&s, &results);
        const scene_result *sheet = scene_find(&results, ECAM_RESULT_SHEET, 0, 0);
        assert_int_equal(sheet->result.page.rows, 2);
        pages[incomplete] = scene_decode(sheet);
        check_chunk(&pages[incomplete], "run", "run \u00fc");
        check_chunk(&pages[incomplete], "epoch", "12");
        check_chunk(&pages[incomplete], "page", "0");
        const ecam_sheet_page look = {.title = "t", .components = 3, .image_w = 24, .image_h = 20};
        ecam_sheet_layout layout;
        CHECK_STATUS(ecam_sheet_measure(&look, &layout), ECAM_OK);
        assert_int_equal(pages[incomplete].w, layout.width);
        assert_int_equal(pages[incomplete].h, layout.header_height + 2 * layout.row_height);
        first_row = layout.header_height;
        scene_results_finish(&results);
        scene_close(&s);
    }
    size_t line = pages[0].w * 3;
    uint8_t *complete = pages[0].pixels, *incomplete = pages[1].pixels;
    assert_memory_not_equal(complete, incomplete, first_row * line);
    assert_memory_equal(complete + first_row * line, incomplete + first_row * line, (pages[0].h - first_row) * line);
    ecam_png_image_finish(&pages[0]);
    ecam_png_image_finish(&pages[1]);
}

/* ---- a sample that cannot be drawn ---- */

/* A map wider than a PNG may be. */
static void put_too_wide(scene *s)
{
    static float activation[70000];
    const uint8_t image[4] = {1, 2, 3, 4};
    activation[5] = 1;
    scene_put(s, &(scene_sample){activation, 1, 1, 70000, image, 1, 2, 2});
}

static void the_others_are_drawn(void **state)
{
    (void)state;
    scene s;
    scene_results results = {0};
    const ecam_error *failure;
    scene_open(&s, 2, 0);
    s.trace->project.n_components = 1;
    s.trace->sheet_rows = 2;
    put_patterns(&s, 3, 1);
    put_too_wide(&s);
    put_too_wide(&s); /* the first of the second page */
    put_patterns(&s, 3, 1);
    put_patterns(&s, 3, 1);
    ecam_render *render = scene_create(&s);
    scene_drive(&s, render, &results);
    assert_int_equal(ecam_render_failed(render, &failure), 2);
    assert_true(failure->status != ECAM_OK && strlen(failure->text) > 0);
    const ecam_result_summary *summary = &scene_last(&results)->result.summary;
    assert_int_equal(summary->samples, 5);
    assert_int_equal(summary->published[ECAM_RESULT_OVERLAY], 3);
    assert_int_equal(summary->published[ECAM_RESULT_IMAGE], 3);
    scene_find(&results, ECAM_RESULT_OVERLAY, 3, 0);
    assert_int_equal(scene_find(&results, ECAM_RESULT_SHEET, 0, 0)->result.page.rows, 1);
    assert_int_equal(scene_find(&results, ECAM_RESULT_SHEET, 2, 0)->result.page.rows, 1);
    ecam_png_image page = scene_decode(scene_find(&results, ECAM_RESULT_SHEET, 0, 0));
    ecam_png_image_finish(&page);
    /* the good sample of the second page is not lost with the bad one */
    assert_int_equal(scene_find(&results, ECAM_RESULT_SHEET, 1, 0)->result.page.rows, 1);
    page = scene_decode(scene_find(&results, ECAM_RESULT_SHEET, 1, 0));
    ecam_png_image_finish(&page);
    ecam_render_destroy(&render);
    scene_results_finish(&results);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_say_what_they_show),
        cmocka_unit_test(images_and_maps_are_what_was_computed),
        cmocka_unit_test(divisors_are_of_the_epoch_or_of_the_image),
        cmocka_unit_test(the_most_components_are_shown_for_all),
        cmocka_unit_test(empty_maps_count_for_the_divisor),
        cmocka_unit_test(labels_are_named_when_drawn),
        cmocka_unit_test(without_labels_there_are_none),
        cmocka_unit_test(a_mapping_is_held),
        cmocka_unit_test(sheets_differ_in_their_titles_only),
        cmocka_unit_test(the_others_are_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
