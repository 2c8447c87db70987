#include <stdlib.h>

#include "stage/sample.h"
#include "support/check.h"

static ecam_sample_shelf shelf;
static ecam_worker worker;
static ecam_trace trace;

static int set_up(void **state)
{
    (void)state;
    ecam_sample_shelf_init(&shelf, 0);
    ecam_trace_init(&trace);
    worker = (ecam_worker){0};
    return ecam_workspace_create(&worker.workspace);
}

static int tear_down(void **state)
{
    (void)state;
    ecam_sample_shelf_finish(&shelf);
    ecam_workspace_destroy(&worker.workspace);
    free(worker.block);
    return 0;
}

/* Two samples of one channel, a gradient each; grey images of 2 x 2. */
static const float activations[2][4] = {{0, 0, 0, 4}, {8, 0, 0, 0}};
static const uint8_t images[2][4] = {{0, 0, 0, 0}, {255, 0, 51, 0}};

static ecam_sample *project(uint64_t i)
{
    const ecam_image_batch image = {.data = (const char *)images, .dtype = ECAM_U8, .layout = ECAM_LAYOUT_NCHW,
                                    .n = 2, .stride = 4, .channels = 1, .h = 2, .w = 2};
    const ecam_activation_batch activation = {.data = (const char *)activations, .dtype = ECAM_F32,
                                              .layout = ECAM_LAYOUT_NCHW, .n = 2, .stride = 16, .c = 1,
                                              .h = 2, .w = 2};
    ecam_sample *sample = ecam_sample_take(&shelf);
    assert_non_null(sample);
    ecam_sample_set(sample, &trace, &image, &activation, i);
    ecam_sample_project(sample, &worker);
    return sample;
}

static void check_first(ecam_sample *sample)
{
    ecam_error error = {0};
    CHECK_OK(sample->status, sample->error);
    CHECK_OK(ecam_sample_load(sample, &worker, &error), error);
    assert_int_equal(sample->shown, 3);
    assert_int_equal(sample->components, 1); /* of rank one */
    assert_int_equal(sample->h, 2);
    assert_int_equal(sample->w, 2);
    static const float map[4] = {-1, -1, -1, 3}; /* less the mean of 1 */
    for (size_t i = 0; i < 4; i++)
        CHECK_NEAR(sample->maps[i], map[i], 1e-5);
    CHECK_NEAR(sample->singular[0], sqrt(12), 1e-5);
    CHECK_NEAR(sample->explained[0], 1, 1e-6);
    CHECK_NEAR(sample->explained[1], 0, 0);
    CHECK_NEAR(sample->singular[2], 0, 0);
    CHECK_NEAR(sample->maxima[0], 128 / 255.0, 1e-6); /* a black image: the end of jet, (128, 0, 0) */
    CHECK_NEAR(sample->zero_max, 128 / 255.0, 1e-6);  /* its beginning, (0, 0, 128) */
    assert_memory_equal(sample->image.data, images[0], 4);
}

static void a_projection_by_hand(void **state)
{
    (void)state;
    ecam_sample *sample = project(0);
    check_first(sample);
    ecam_sample_give(&shelf, &sample);
    assert_null(sample);
    ecam_sample_give(&shelf, &sample); /* NULL is accepted */

    ecam_error error = {0};
    sample = project(1);
    CHECK_OK(sample->status, sample->error);
    CHECK_OK(ecam_sample_load(sample, &worker, &error), error);
    CHECK_NEAR(sample->maps[0], 6, 1e-5);
    assert_memory_equal(sample->image.data, images[1], 4);
    CHECK_NEAR(sample->maxima[0], 1 + 128 / 255.0, 1e-6); /* white under its peak */
    ecam_sample_give(&shelf, &sample);
}

/* A sample that was used before must not remember anything. */
static void samples_are_used_again(void **state)
{
    (void)state;
    trace.project.n_components = 1;
    ecam_sample *first = project(1), *kept = first;
    first->dropped = true;
    first->label.kind = ECAM_LABEL_INT;
    first->status = ECAM_EMATH;
    ecam_sample_give(&shelf, &first);
    trace.project.n_components = 3;
    ecam_sample *second = project(0);
    assert_ptr_equal(second, kept);
    assert_false(second->dropped);
    assert_int_equal(second->label.kind, ECAM_LABEL_NONE);
    assert_null(second->delivery);
    check_first(second);
    ecam_sample_give(&shelf, &second);
}

static void beyond_the_budget_samples_are_spilled(void **state)
{
    (void)state;
    ecam_sample *samples[10];
    ecam_sample_shelf_finish(&shelf);
    ecam_sample_shelf_init(&shelf, 50); /* a sample takes 16 + 4 bytes: two fit */
    for (size_t i = 0; i < 10; i++) {
        samples[i] = project(0);
        assert_int_equal(samples[i]->content_bytes, 20);
        assert_int_equal(samples[i]->block == NULL, i >= 2);
    }
    for (size_t i = 10; i-- > 0;)
        check_first(samples[i]);
    ecam_sample_give(&shelf, &samples[0]); /* makes room for one more */
    samples[0] = project(0);
    assert_non_null(samples[0]->block);
    check_first(samples[0]);
    for (size_t i = 0; i < 10; i++)
        ecam_sample_give(&shelf, &samples[i]);
    assert_int_equal(shelf.vault.resident_bytes, 0);
}

static void what_cannot_be_spilled_stays(void **state)
{
    (void)state;
    const char *before = getenv("TMPDIR");
    char kept[4096] = "";
    if (before)
        snprintf(kept, sizeof kept, "%s", before);
    ecam_sample_shelf_finish(&shelf);
    ecam_sample_shelf_init(&shelf, 1);
    setenv("TMPDIR", "/no/such/folder", 1);
    ecam_sample *sample = project(0);
    if (*kept)
        setenv("TMPDIR", kept, 1);
    else
        unsetenv("TMPDIR");
    assert_int_equal(sample->error.status, ECAM_OK);
    CHECK_TEXT_HAS(sample->error.text, "/no/such/folder");
    assert_non_null(sample->block);
    check_first(sample);
    ecam_sample_give(&shelf, &sample);
    assert_int_equal(shelf.vault.resident_bytes, 0);
}

static void failures_are_told(void **state)
{
    (void)state;
    trace.project.n_components = 0;
    trace.project.variance = 7; /* impossible */
    ecam_sample *sample = project(0);
    assert_int_equal(sample->status, ECAM_EINVAL);
    assert_int_equal(sample->error.status, ECAM_EINVAL);
    CHECK_TEXT_HAS(sample->error.text, "1 x 2 x 2");
    ecam_sample_give(&shelf, &sample);

    ecam_workspace_destroy(&worker.workspace); /* a worker whose scratch is missing */
    ecam_trace_init(&trace);
    sample = project(0);
    assert_int_equal(sample->status, ECAM_ENOMEM);
    ecam_sample_give(&shelf, &sample);
    assert_int_equal(shelf.vault.resident_bytes, 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_projection_by_hand),
        CASE(samples_are_used_again),
        CASE(beyond_the_budget_samples_are_spilled),
        CASE(what_cannot_be_spilled_stays),
        CASE(failures_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
