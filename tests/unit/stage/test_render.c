/* Which results leave, and in what order. */
#include "scene.h"

static void expect(const scene_results *results, size_t at, ecam_result_type type, uint32_t number,
                   uint32_t component)
{
    assert_true(at < results->n);
    const ecam_result *r = &results->items[at].result;
    uint32_t own = type == ECAM_RESULT_SHEET ? r->page.number : r->sample.number;
    if (r->type != type || own != number || r->component.number != component)
        fail_msg("result %zu is %s of %u, component %u, expected %s of %u, component %u", at,
                 ecam_result_type_name(r->type), own, r->component.number, ecam_result_type_name(type), number,
                 component);
}

static void check_same(const scene_results *a, const scene_results *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        const ecam_result *x = &a->items[i].result, *y = &b->items[i].result;
        assert_int_equal(x->type, y->type);
        assert_int_equal(x->sample.number, y->sample.number);
        assert_int_equal(x->component.number, y->component.number);
        assert_int_equal(x->picture.png_bytes, y->picture.png_bytes);
        if (x->picture.png_bytes > 0)
            assert_memory_equal(a->items[i].png, b->items[i].png, x->picture.png_bytes);
        assert_memory_equal(&x->component, &y->component, sizeof x->component);
        assert_memory_equal(x->summary.published, y->summary.published, sizeof x->summary.published);
    }
}

static void results_leave_in_a_fixed_order(void **state)
{
    (void)state;
    static const struct { ecam_result_type type; uint32_t number, component; } expected[] = {
        {ECAM_RESULT_IMAGE, 0, 0},   {ECAM_RESULT_OVERLAY, 0, 0}, {ECAM_RESULT_MAP, 0, 0},
        {ECAM_RESULT_OVERLAY, 0, 1}, {ECAM_RESULT_MAP, 0, 1},     {ECAM_RESULT_IMAGE, 1, 0},
        {ECAM_RESULT_OVERLAY, 1, 0}, {ECAM_RESULT_MAP, 1, 0},     {ECAM_RESULT_OVERLAY, 1, 1},
        {ECAM_RESULT_MAP, 1, 1},     {ECAM_RESULT_SHEET, 0, 0},   {ECAM_RESULT_IMAGE, 2, 0},
        {ECAM_RESULT_OVERLAY, 2, 0}, {ECAM_RESULT_MAP, 2, 0},     {ECAM_RESULT_OVERLAY, 2, 1},
        {ECAM_RESULT_MAP, 2, 1},     {ECAM_RESULT_SHEET, 1, 0},   {ECAM_RESULT_EPOCH, 0, 0},
    };
    scene s;
    scene_results results = {0};
    scene_open(&s, 3, 0);
    s.trace->project.n_components = 2;
    s.trace->sheet_rows = 2;
    scene_fill(&s, 3);
    s.job.lost = 5;
    s.job.rejected = 6;
    s.job.late = 7;
    scene_draw(&s, &results);
    assert_int_equal(results.n, 18);
    for (size_t i = 0; i < 18; i++) {
        expect(&results, i, expected[i].type, expected[i].number, expected[i].component);
        const ecam_result *r = &results.items[i].result;
        assert_string_equal(r->run, "run \u00fc");
        assert_string_equal(r->output, "eigencam");
        assert_string_equal(r->mode, "eval");
        assert_int_equal(r->epoch, 12);
        assert_int_equal(r->attempt, 1);
        assert_int_equal(r->picture.png_bytes == 0, r->type == ECAM_RESULT_EPOCH);
    }
    const ecam_result *page = &results.items[10].result, *last = &results.items[16].result;
    assert_int_equal(page->page.pages, 2);
    assert_int_equal(page->page.rows, 2);
    assert_int_equal(last->page.pages, 2);
    assert_int_equal(last->page.rows, 1);

    const ecam_result_summary *summary = &scene_last(&results)->result.summary;
    assert_int_equal(summary->samples, 3);
    assert_int_equal(summary->components, 2);
    assert_true(summary->complete);
    assert_int_equal(summary->n_missing, 0);
    assert_int_equal(summary->lost, 5);
    assert_int_equal(summary->rejected, 6);
    assert_int_equal(summary->late, 7);
    assert_int_equal(summary->published[ECAM_RESULT_OVERLAY], 6);
    assert_int_equal(summary->published[ECAM_RESULT_MAP], 6);
    assert_int_equal(summary->published[ECAM_RESULT_IMAGE], 3);
    assert_int_equal(summary->published[ECAM_RESULT_SHEET], 2);
    assert_null(summary->labels);
    assert_null(summary->preds);
    scene_results_finish(&results);
    scene_close(&s);
}

static void samples_are_given_back_as_they_are_drawn(void **state)
{
    (void)state;
    scene s;
    scene_results results = {0};
    scene_open(&s, 2, 0);
    scene_fill(&s, 6);
    ecam_render *render = scene_create(&s);
    scene_drive(&s, render, &results);
    for (size_t i = 0; i < s.output->n; i++)
        assert_null(s.output->samples[i]);
    assert_non_null(s.shelf.idle);
    assert_int_equal(ecam_render_step(render, scene_emit, &results), 0); /* nothing more */
    ecam_render_destroy(&render);
    ecam_render_destroy(&render); /* NULL is accepted */
    scene_results_finish(&results);
    scene_close(&s);
}

/* Draw 7 samples on pages of 3 with so many workers. */
static void draw_seven(unsigned workers, unsigned window, size_t memory_bytes,
                       ecam_status (*answer)(scene_results *, const ecam_result *), scene_results *results)
{
    scene s;
    scene_open(&s, workers, memory_bytes);
    if (window)
        s.job.window = window;
    s.trace->sheet_rows = 3;
    scene_fill(&s, 7);
    *results = (scene_results){.answer = answer};
    scene_draw(&s, results);
    scene_close(&s);
}

static void the_same_bytes_for_any_number_of_workers(void **state)
{
    (void)state;
    scene_results one, many;
    draw_seven(1, 0, 0, NULL, &one);
    assert_int_equal(one.n, 7 * 7 + 3 + 1);
    for (int round = 0; round < 5; round++) {
        draw_seven(8, 0, 0, NULL, &many);
        check_same(&one, &many);
        scene_results_finish(&many);
    }
    draw_seven(3, 1, 0, NULL, &many); /* one sample under way at once */
    check_same(&one, &many);
    scene_results_finish(&many);
    draw_seven(2, 64, 0, NULL, &many); /* all of them */
    check_same(&one, &many);
    scene_results_finish(&many);
    scene_results_finish(&one);
}

static void the_same_bytes_from_the_vault(void **state)
{
    (void)state;
    scene_results memory, spilled;
    draw_seven(2, 0, 0, NULL, &memory);
    draw_seven(2, 0, 1, NULL, &spilled); /* a budget of one byte */
    check_same(&memory, &spilled);
    scene_results_finish(&memory);
    scene_results_finish(&spilled);
}

/* ---- a receiver that does not take all ---- */

static ecam_result last_refused;

static ecam_status refuse_twice(scene_results *r, const ecam_result *result)
{
    if (r->calls % 3 == 2) { /* third time: must be the same again */
        assert_int_equal(result->type, last_refused.type);
        assert_int_equal(result->sample.number, last_refused.sample.number);
        assert_int_equal(result->component.number, last_refused.component.number);
        assert_int_equal(result->page.number, last_refused.page.number);
        assert_int_equal(result->picture.png_bytes, last_refused.picture.png_bytes);
        return ECAM_OK;
    }
    last_refused = *result;
    return ECAM_EAGAIN;
}

static void what_is_not_taken_comes_again(void **state)
{
    (void)state;
    scene_results plain, stalled;
    draw_seven(2, 0, 0, NULL, &plain);
    draw_seven(2, 0, 0, refuse_twice, &stalled);
    check_same(&plain, &stalled);
    assert_int_equal(stalled.refused, 2 * stalled.n);
    scene_results_finish(&plain);
    scene_results_finish(&stalled);
}

static void a_refusal_ends_the_step(void **state)
{
    (void)state;
    scene s;
    scene_results results = {.answer = refuse_twice};
    scene_open(&s, 2, 0);
    scene_fill(&s, 3);
    ecam_render *render = scene_create(&s);
    while (!ecam_render_finished(render)) {
        size_t refused = results.refused;
        ecam_pool_collect(s.pool, NULL);
        ecam_render_step(render, scene_emit, &results);
        assert_true(results.refused <= refused + 1);
    }
    ecam_render_destroy(&render);
    scene_results_finish(&results);
    scene_close(&s);
}

static ecam_status refuse_maps(scene_results *r, const ecam_result *result)
{
    (void)r;
    return result->type == ECAM_RESULT_MAP ? ECAM_EIO : ECAM_OK;
}

static void what_fails_does_not_come_again(void **state)
{
    (void)state;
    scene_results results;
    draw_seven(2, 0, 0, refuse_maps, &results);
    assert_int_equal(results.refused, 7 * 3);
    assert_int_equal(results.n, 7 * 4 + 3 + 1);
    const ecam_result_summary *summary = &scene_last(&results)->result.summary;
    assert_int_equal(summary->published[ECAM_RESULT_MAP], 0);
    assert_int_equal(summary->published[ECAM_RESULT_OVERLAY], 21);
    scene_results_finish(&results);
}

/* ---- what is published ---- */

static void only_what_is_asked_for(void **state)
{
    (void)state;
    static const struct { unsigned bit; ecam_result_type type; size_t n; } kinds[] = {
        {ECAM_PUBLISH_OVERLAY, ECAM_RESULT_OVERLAY, 6}, {ECAM_PUBLISH_MAP, ECAM_RESULT_MAP, 6},
        {ECAM_PUBLISH_IMAGE, ECAM_RESULT_IMAGE, 2},     {ECAM_PUBLISH_SHEET, ECAM_RESULT_SHEET, 1}};
    scene_results full = {0};
    for (unsigned publish = 15; publish > 0; publish--) {
        scene s;
        scene_results results = {0};
        scene_open(&s, 2, 0);
        s.trace->publish = publish;
        scene_fill(&s, 2);
        scene_draw(&s, &results);
        size_t n = 1;
        for (size_t k = 0; k < 4; k++) {
            size_t wanted = publish & kinds[k].bit ? kinds[k].n : 0;
            assert_int_equal(scene_last(&results)->result.summary.published[kinds[k].type], wanted);
            n += wanted;
        }
        assert_int_equal(results.n, n);
        if (publish == 15)
            full = results;
        for (size_t i = 0; publish != 15 && i + 1 < n; i++) { /* the pictures do not depend on it */
            const ecam_result *r = &results.items[i].result;
            const scene_result *same = scene_find(&full, r->type, r->sample.number, r->component.number);
            assert_int_equal(same->result.picture.png_bytes, r->picture.png_bytes);
            assert_memory_equal(same->png, results.items[i].png, r->picture.png_bytes);
        }
        if (publish != 15)
            scene_results_finish(&results);
        scene_close(&s);
    }
    scene_results_finish(&full);
}

static void an_epoch_without_samples_has_a_summary(void **state)
{
    (void)state;
    for (unsigned variance = 0; variance < 2; variance++) {
        scene s;
        scene_results results = {0};
        scene_open(&s, 2, 0);
        if (variance)
            s.trace->project = (ecam_project_options){.variance = 0.9};
        scene_draw(&s, &results);
        assert_int_equal(results.n, 1);
        assert_int_equal(results.items[0].result.type, ECAM_RESULT_EPOCH);
        assert_int_equal(results.items[0].result.summary.samples, 0);
        assert_int_equal(results.items[0].result.summary.components, variance ? 1 : 3);
        assert_true(results.items[0].result.summary.complete);
        scene_results_finish(&results);
        scene_close(&s);
    }
}

static void missing_ranks_are_named(void **state)
{
    (void)state;
    scene s;
    scene_results results = {0};
    scene_open(&s, 2, 0);
    scene_fill(&s, 1);
    s.epoch->world = 4;
    s.epoch->complete = false;
    s.epoch->attempt = 3;
    ecam_epoch_set_done(s.epoch, ecam_epoch_part(s.epoch, 2, 5));
    uint32_t missing[2] = {0};
    ecam_render *render = scene_create(&s);
    scene_drive(&s, render, &results);
    const ecam_result_summary *summary = &scene_last(&results)->result.summary;
    assert_false(summary->complete);
    assert_int_equal(summary->n_missing, 2);
    memcpy(missing, summary->missing_ranks, sizeof missing); /* it is the render's */
    assert_true(missing[0] == 1 && missing[1] == 3);
    assert_int_equal(scene_last(&results)->result.attempt, 3);
    ecam_render_destroy(&render);
    scene_results_finish(&results);
    scene_close(&s);
}

/* ---- pages ---- */

static void a_page_holds_what_a_png_can(void **state)
{
    (void)state;
    scene s;
    scene_results results = {0};
    float activation[4] = {1, 2, 3, 5};
    uint8_t *image = calloc(20000, 1);
    scene_open(&s, 2, 0);
    s.trace->project.n_components = 1;
    s.trace->publish = ECAM_PUBLISH_SHEET;
    for (int i = 0; i < 7; i++)
        scene_put(&s, &(scene_sample){activation, 1, 2, 2, image, 1, 20000, 1});
    free(image);
    scene_draw(&s, &results);
    assert_int_equal(results.n, 4); /* three, three, one of 20,000 rows each */
    static const uint32_t rows[] = {3, 3, 1};
    for (uint32_t i = 0; i < 3; i++) {
        const ecam_result *r = &scene_find(&results, ECAM_RESULT_SHEET, i, 0)->result;
        assert_int_equal(r->page.rows, rows[i]);
        assert_int_equal(r->page.pages, 3);
        assert_true(r->picture.height <= 65535);
    }
    scene_results_finish(&results);
    scene_close(&s);
}

static void a_sheet_too_wide_is_left_out(void **state)
{
    (void)state;
    scene s;
    scene_results results = {0};
    ecam_render *render;
    ecam_error error = {0};
    scene_open(&s, 1, 0);
    s.trace->project.n_components = 1024;
    s.trace->publish = ECAM_PUBLISH_SHEET | ECAM_PUBLISH_IMAGE;
    scene_fill(&s, 1);
    CHECK_STATUS(ecam_render_create(&s.job, s.pool, &render, &error), ECAM_OK);
    assert_int_equal(error.status, ECAM_ELIMIT);
    CHECK_TEXT_HAS(error.text, "1024");
    scene_drive(&s, render, &results);
    assert_int_equal(results.n, 2);
    expect(&results, 0, ECAM_RESULT_IMAGE, 0, 0);
    assert_int_equal(results.items[1].result.summary.components, 1024);
    const ecam_error *failure;
    assert_int_equal(ecam_render_failed(render, &failure), 0);
    ecam_render_destroy(&render);
    scene_results_finish(&results);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_leave_in_a_fixed_order),
        cmocka_unit_test(samples_are_given_back_as_they_are_drawn),
        cmocka_unit_test(the_same_bytes_for_any_number_of_workers),
        cmocka_unit_test(the_same_bytes_from_the_vault),
        cmocka_unit_test(what_is_not_taken_comes_again),
        cmocka_unit_test(a_refusal_ends_the_step),
        cmocka_unit_test(what_fails_does_not_come_again),
        cmocka_unit_test(only_what_is_asked_for),
        cmocka_unit_test(an_epoch_without_samples_has_a_summary),
        cmocka_unit_test(missing_ranks_are_named),
        cmocka_unit_test(a_page_holds_what_a_png_can),
        cmocka_unit_test(a_sheet_too_wide_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
