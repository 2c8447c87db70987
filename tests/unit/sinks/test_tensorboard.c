#include "board.h"

/* The only file of run "run", read. */
static board_events read_only_file(void)
{
    char names[BOARD_FILES][512];
    assert_int_equal(board_files("run", names), 1);
    return board_read(names[0]);
}

static ecam_result with_type(ecam_result result, ecam_result_type type, const char *png)
{
    result.type = type;
    result.picture = store_picture(png);
    return result;
}

static void put_kinds(ecam_tensorboard *board)
{
    for (uint32_t sample = 0; sample < 2; sample++) {
        for (uint32_t c = 0; c < 2; c++) {
            char png[40];
            ecam_result overlay = store_overlay("run", sample, c);
            snprintf(png, sizeof png, "overlay %u of %u", c, sample);
            overlay.component.explained = sample == 0 ? 0.5 : 0.25;
            board_put(board, with_type(overlay, ECAM_RESULT_OVERLAY, png));
            board_put(board, with_type(overlay, ECAM_RESULT_MAP, "map"));
        }
        board_put(board, with_type(store_overlay("run", sample, 0), ECAM_RESULT_IMAGE, "image"));
    }
    board_put(board, store_sheet("run", 0));
    board_put(board, store_summary("run", 2));
}

static void check_images(const board_events *events)
{
    const Tensorboard__Summary__Value *v = board_value(events, "out/eval/overlay-1", 3);

    board_expect_item(v, 0, "4", 1);
    board_expect_item(v, 1, "3", 1);
    board_expect_png(v, 0, "overlay 1 of 0");
    board_expect_png(v, 1, "overlay 1 of 1");
    assert_int_equal(v->tensor->n_string_val, 4);
    assert_int_equal(v->tensor->dtype, TENSORBOARD__DATA_TYPE__DT_STRING);
    assert_int_equal(v->tensor->tensor_shape->n_dim, 1);
    assert_int_equal(v->tensor->tensor_shape->dim[0]->size, 4);
    assert_string_equal(v->metadata->plugin_data->plugin_name, "images");
    assert_int_equal(v->metadata->data_class, TENSORBOARD__DATA_CLASS__DATA_CLASS_BLOB_SEQUENCE);
    CHECK_TEXT_HAS(v->metadata->summary_description, "| 2 | cat | – |");
    board_expect_png(board_value(events, "out/eval/map-0", 3), 1, "map");
    board_expect_png(board_value(events, "out/eval/image", 3), 1, "image");
    board_expect_png(board_value(events, "out/eval/sheet", 3), 0, "sheet");
    assert_null(board_value(events, "out/eval/overlay-2", 3));
}

static void an_epoch_becomes_one_record_with_all_tags(void **state)
{
    (void)state;
    ecam_tensorboard *board = board_open(BOARD_LIMITS);
    put_kinds(board);
    ecam_tensorboard_epoch last = ecam_tensorboard_last_epoch(board);
    assert_int_equal(last.pictures, 2 * 5 + 1);
    assert_int_equal(last.left_out, 0);
    assert_string_equal(last.folder, "run");
    board_close(&board);

    board_events events = read_only_file();
    assert_int_equal(events.n, 3); /* version, mark, epoch */
    assert_string_equal(events.event[0]->file_version, "brain.Event:2");
    assert_string_equal(events.event[0]->source_metadata->writer, "eigencam");
    CHECK_NEAR(events.event[2]->wall_time, 2e-6, 1e-12);
    check_images(&events);
    const Tensorboard__Summary__Value *v = board_value(&events, "out/eval/explained-1", 3);
    assert_string_equal(v->metadata->plugin_data->plugin_name, "scalars");
    assert_int_equal(v->tensor->n_float_val, 1);
    CHECK_NEAR(v->tensor->float_val[0], 0.375, 1e-6);
    v = board_value(&events, "out/eval/samples", 3);
    assert_string_equal(v->metadata->plugin_data->plugin_name, "text");
    CHECK_TEXT_HAS(board_text(v), "**Epoch 3**: 2 samples, complete");
    CHECK_TEXT_HAS(board_text(v), "0: 37.5 %, 1: 37.5 %");
    CHECK_TEXT_HAS(board_text(v), "| 1 | cat | – | ds | 9 | 2 | 1 |");
    board_free(&events);
}

static void what_is_beyond_the_limit_is_left_out_and_counted(void **state)
{
    (void)state;
    ecam_tensorboard *board = board_open((ecam_tensorboard_limits){2, ECAM_TENSORBOARD_BYTES});
    for (uint32_t sample = 0; sample < 5; sample++) {
        ecam_result overlay = store_overlay("run", sample, 0);
        overlay.component.explained = sample;
        board_put(board, overlay);
    }
    board_put(board, store_sheet("run", 0));
    board_put(board, store_sheet("run", 1)); /* its first sample is number 64 */
    board_put(board, store_summary("run", 5));
    assert_int_equal(ecam_tensorboard_last_epoch(board).pictures, 3);
    assert_int_equal(ecam_tensorboard_last_epoch(board).left_out, 4);
    board_close(&board);

    board_events events = read_only_file();
    assert_int_equal(board_value(&events, "out/eval/overlay-0", 3)->tensor->n_string_val, 4);
    assert_int_equal(board_value(&events, "out/eval/sheet", 3)->tensor->n_string_val, 3);
    /* the mean is over all of them */
    CHECK_NEAR(board_value(&events, "out/eval/explained-0", 3)->tensor->float_val[0], 2, 1e-6);
    CHECK_TEXT_HAS(board_text(board_value(&events, "out/eval/samples", 3)), "4 pictures left out");
    board_free(&events);
}

static void memory_is_bounded(void **state)
{
    (void)state;
    static char large[40001];
    memset(large, 'x', sizeof large - 1);
    ecam_tensorboard *board = board_open((ecam_tensorboard_limits){32, 100000});

    for (uint32_t sample = 0; sample < 5; sample++) {
        ecam_result overlay = store_overlay("run", sample, 0);
        char png[sizeof large + 57];
        size_t used = 8;
        memcpy(png, "\x89PNG\r\n\x1a\n", 8);
        used += store_add_chunk(png + used, "IHDR", "\0\0\0\4\0\0\0\3\10\2\0\0\0", 13);
        used += store_add_chunk(png + used, "IDAT", large, sizeof large - 1);
        used += store_add_chunk(png + used, "IEND", "", 0);
        overlay.picture = (ecam_result_picture){4, 3, png, used};
        board_put(board, overlay);
    }
    board_put(board, store_summary("run", 5));
    assert_int_equal(ecam_tensorboard_last_epoch(board).pictures, 2);
    assert_int_equal(ecam_tensorboard_last_epoch(board).left_out, 3);
    ecam_result next = store_overlay("run", 0, 0), summary = store_summary("run", 1);
    next.epoch = summary.epoch = 4; /* what was held is free again */
    board_put(board, next);
    board_put(board, summary);
    assert_int_equal(ecam_tensorboard_last_epoch(board).pictures, 1);
    board_close(&board);
}

static void open_epochs_are_bounded(void **state)
{
    (void)state;
    ecam_tensorboard *board = board_open(BOARD_LIMITS);
    ecam_error error = {0};
    ecam_result overlay = store_overlay("run", 0, 0);
    for (overlay.epoch = 0; overlay.epoch < 256; overlay.epoch++)
        board_put(board, overlay);
    CHECK_STATUS(ecam_tensorboard_store(board, &overlay, 1, &error), ECAM_ELIMIT);
    CHECK_TEXT_HAS(error.text, "256");
    board_close(&board); /* writes what is there */
    board = board_open(BOARD_LIMITS);
    for (uint64_t epoch = 0; epoch < 256; epoch += 85) {
        board_put_epoch(board, epoch, 0xabc, 1);
        assert_true(ecam_tensorboard_last_epoch(board).there_before);
    }
    board_close(&board);
}

static void a_sample_keeps_its_place(void **state)
{
    (void)state;
    ecam_tensorboard *board = board_open(BOARD_LIMITS);
    ecam_result late = store_overlay("run", 3, 0), twice = store_overlay("run", 1, 0);
    board_put(board, late); /* in any order, and one of them again */
    board_put(board, with_type(twice, ECAM_RESULT_OVERLAY, "first"));
    board_put(board, with_type(twice, ECAM_RESULT_OVERLAY, "second"));
    board_put(board, store_summary("run", 5));
    assert_int_equal(ecam_tensorboard_last_epoch(board).pictures, 2);
    board_close(&board);

    board_events events = read_only_file();
    const Tensorboard__Summary__Value *v = board_value(&events, "out/eval/overlay-0", 3);
    assert_int_equal(v->tensor->n_string_val, 2 + 4);
    board_expect_png(v, 1, "second");
    board_expect_png(v, 3, "overlay");
    for (int slot = 0; slot < 4; slot += 2) /* those between are pictures, too */
        assert_memory_equal(v->tensor->string_val[2 + slot].data, "\x89PNG", 4);
    board_free(&events);
}

static void names_from_the_wire_stay_inside_and_are_text(void **state)
{
    (void)state;
    static const char *const names[] = {"../../etc", "a/b", ".", "..", "", "/tmp/x", "\xff", "\n\t", "a/attempt-2"};
    ecam_tensorboard *board = board_open(BOARD_LIMITS);

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ecam_result overlay = store_overlay(names[i], 0, 0), summary = store_summary(names[i], 1);
        overlay.output = summary.output = names[i];
        overlay.sample.label = "a|b `c` <i>*_\xff";
        board_put(board, overlay);
        board_put(board, summary);
    }
    board_close(&board);
    assert_int_equal(store_entries(store_root), 1);
    assert_int_equal(store_entries(store_dir), 9);
    char files[BOARD_FILES][512];
    assert_int_equal(board_files("%FF", files), 1);
    board_events events = board_read(files[0]);
    const Tensorboard__Summary__Value *v = board_value(&events, "\xef\xbf\xbd/eval/samples", 3);
    CHECK_TEXT_HAS(board_text(v), "| 1 | a&#124;b &#96;c&#96; &#60;i&#62;&#42;&#95;\xef\xbf\xbd | ");
    board_free(&events);
}

static void what_the_summary_says_is_told(void **state)
{
    (void)state;
    static const char *const labels[] = {"cat", NULL}, *const preds[] = {NULL, "dog"};
    static const uint32_t missing[] = {1, 3};
    ecam_tensorboard *board = board_open(BOARD_LIMITS);
    ecam_result summary = store_summary("run", 2);
    summary.attempt = 2;
    summary.summary.complete = false;
    summary.summary.missing_ranks = missing;
    summary.summary.n_missing = 2;
    summary.summary.lost = 7;
    summary.summary.labels = labels;
    summary.summary.preds = preds;
    board_put(board, summary);
    board_close(&board);

    board_events events = read_only_file();
    const char *text = board_text(board_value(&events, "out/eval/samples", 3));
    CHECK_TEXT_HAS(text, "**Epoch 3**, attempt 2: 2 samples, incomplete; missing ranks: 1 3; 7 batches lost");
    CHECK_TEXT_HAS(text, "| 1 | cat | – |");
    CHECK_TEXT_HAS(text, "| 2 | – | dog |");
    board_free(&events);
}

static void an_epoch_without_its_summary_is_written_when_the_next_has_one(void **state)
{
    (void)state;
    ecam_tensorboard *board = board_open(BOARD_LIMITS);
    ecam_result lost = store_overlay("run", 0, 0);
    ecam_result other = store_overlay("other run", 0, 0);
    board_put(board, lost);
    board_put(board, other); /* not of that series */
    board_put_epoch(board, 4, 0xabc, 1);
    assert_int_equal(board_count("run", 3), 1);
    assert_int_equal(board_count("run", 4), 1);
    assert_int_equal(board_count("other%20run", 3), 0);

    board_events events = read_only_file();
    CHECK_TEXT_HAS(board_text(board_value(&events, "out/eval/samples", 3)), "its summary did not come");
    board_free(&events);
    board_close(&board);
    assert_int_equal(board_count("other%20run", 3), 1); /* at the end, what there is */
}

static void an_epoch_that_waits_too_long_is_written(void **state)
{
    (void)state;
    ecam_tensorboard *board = board_open(BOARD_LIMITS);
    ecam_error error = {0};
    ecam_result newer = store_overlay("run", 0, 0), older = store_overlay("run", 0, 0);
    newer.epoch = 8;
    CHECK_OK(ecam_tensorboard_store(board, &newer, 1000, &error), error);
    CHECK_OK(ecam_tensorboard_store(board, &older, 1001, &error), error);
    CHECK_OK(ecam_tensorboard_expire(board, 1000 + ECAM_TENSORBOARD_WAIT_NS, &error), error);
    assert_int_equal(board_count("run", 8), 0);
    CHECK_OK(ecam_tensorboard_expire(board, 1002 + ECAM_TENSORBOARD_WAIT_NS, &error), error);
    assert_int_equal(board_count("run", 3), 1);
    assert_int_equal(board_count("run", 8), 1); /* behind the older one: steps do not go back */
    board_put_epoch(board, 8, 0xabc, 1);        /* its summary comes after all */
    assert_true(ecam_tensorboard_last_epoch(board).there_before);
    board_close(&board);
    assert_int_equal(board_count("run", 8), 1);
}

static void what_is_no_whole_png_is_refused(void **state)
{
    (void)state;
    ecam_tensorboard *board = board_open(BOARD_LIMITS);
    ecam_error error = {0};
    ecam_result overlay = store_overlay("run", 0, 0);
    overlay.picture.png_bytes--;
    CHECK_STATUS(ecam_tensorboard_store(board, &overlay, 1, &error), ECAM_EFORMAT);
    overlay.picture.png_bytes = 0;
    CHECK_STATUS(ecam_tensorboard_store(board, &overlay, 1, &error), ECAM_EFORMAT);
    board_close(&board);
    assert_int_equal(store_entries(store_dir), 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, store_set_up, store_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_epoch_becomes_one_record_with_all_tags),
        CASE(what_is_beyond_the_limit_is_left_out_and_counted),
        CASE(memory_is_bounded),
        CASE(open_epochs_are_bounded),
        CASE(a_sample_keeps_its_place),
        CASE(names_from_the_wire_stay_inside_and_are_text),
        CASE(what_the_summary_says_is_told),
        CASE(an_epoch_without_its_summary_is_written_when_the_next_has_one),
        CASE(an_epoch_that_waits_too_long_is_written),
        CASE(what_is_no_whole_png_is_refused),
    };
    return cmocka_run_group_tests_name("tensorboard", tests, NULL, NULL);
}
