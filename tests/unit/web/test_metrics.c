/* Prometheus' text, letter by letter. */
#include "support/check.h"

#include "web/metrics.h"

static const char *text_of(ecam_metrics *metrics)
{
    CHECK_STATUS(metrics->status, ECAM_OK);
    CHECK_STATUS(ecam_buffer_append(&metrics->text, "", 1), ECAM_OK);
    return (const char *)metrics->text.data;
}

static void values_have_head_and_labels(void **state)
{
    ecam_metrics metrics = {.status = ECAM_OK};

    (void)state;
    ecam_metrics_head(&metrics, "a_total", "counter", "What it is.");
    ecam_metrics_value(&metrics, "a_total", "", 7);
    ecam_metrics_value(&metrics, "a_total", "b=\"c\"", UINT64_MAX);
    assert_string_equal(text_of(&metrics), "# HELP a_total What it is.\n# TYPE a_total counter\na_total 7\n"
                                           "a_total{b=\"c\"} 18446744073709551615\n");
    ecam_metrics_finish(&metrics);
}

static void buckets_count_all_below_them(void **state)
{
    ecam_histogram h = {.sum_ns = 0};
    ecam_metrics metrics = {.status = ECAM_OK};

    (void)state;
    ecam_histogram_add(&h, 1000000);       /* 1 ms: within the first */
    ecam_histogram_add(&h, 1000001);       /* within the second */
    ecam_histogram_add(&h, 300000000);     /* 0.3 s */
    ecam_histogram_add(&h, 60000000000);   /* beyond all */
    ecam_metrics_histogram(&metrics, "d_seconds", "r=\"/\"", &h);
    const char *text = text_of(&metrics);
    CHECK_TEXT_HAS(text, "d_seconds_bucket{r=\"/\",le=\"0.001\"} 1\n");
    CHECK_TEXT_HAS(text, "d_seconds_bucket{r=\"/\",le=\"0.0025\"} 2\n");
    CHECK_TEXT_HAS(text, "d_seconds_bucket{r=\"/\",le=\"0.25\"} 2\n");
    CHECK_TEXT_HAS(text, "d_seconds_bucket{r=\"/\",le=\"0.5\"} 3\n");
    CHECK_TEXT_HAS(text, "d_seconds_bucket{r=\"/\",le=\"10\"} 3\n");
    CHECK_TEXT_HAS(text, "d_seconds_bucket{r=\"/\",le=\"+Inf\"} 4\n");
    CHECK_TEXT_HAS(text, "d_seconds_sum{r=\"/\"} 60.302000001\n");
    CHECK_TEXT_HAS(text, "d_seconds_count{r=\"/\"} 4\n");
    ecam_metrics_finish(&metrics);
}

static void an_empty_histogram_without_labels(void **state)
{
    const ecam_histogram none = {.sum_ns = 0};
    ecam_metrics metrics = {.status = ECAM_OK};

    (void)state;
    ecam_metrics_histogram(&metrics, "d_seconds", "", &none);
    const char *text = text_of(&metrics);
    CHECK_TEXT_HAS(text, "d_seconds_bucket{le=\"0.001\"} 0\n");
    CHECK_TEXT_HAS(text, "d_seconds_sum 0.000000000\nd_seconds_count 0\n");
    ecam_metrics_finish(&metrics);
}

static void stages_share_one_head(void **state)
{
    const ecam_counter first[] = {{"lost", 1}, {"evil\n\"name", 5}}, second[] = {{"batches", 3}, {"lost", 2}};
    const ecam_metrics_stage stages[] = {{"stage=\"1\"", first, 2}, {"stage=\"2\"", second, 2}};
    ecam_metrics metrics = {.status = ECAM_OK};

    (void)state;
    ecam_metrics_stages(&metrics, stages, 2);
    const char *text = text_of(&metrics);
    CHECK_TEXT_HAS(text, "# TYPE eigencam_stage_batches_lost_total counter\n"
                         "eigencam_stage_batches_lost_total{stage=\"1\"} 1\n"
                         "eigencam_stage_batches_lost_total{stage=\"2\"} 2\n");
    CHECK_TEXT_HAS(text, "eigencam_stage_batches_total{stage=\"2\"} 3\n");
    assert_null(strstr(text, "evil"));
    assert_null(strstr(text, "uptime")); /* nobody said it */
    ecam_metrics_finish(&metrics);
}

static void a_line_that_is_too_long_is_an_error(void **state)
{
    ecam_metrics metrics = {.status = ECAM_OK};
    char labels[2000];

    (void)state;
    memset(labels, 'a', sizeof labels);
    labels[sizeof labels - 1] = '\0';
    ecam_metrics_value(&metrics, "a", labels, 1);
    CHECK_STATUS(metrics.status, ECAM_ELIMIT);
    ecam_metrics_value(&metrics, "a", "", 1); /* the first failure is kept */
    CHECK_STATUS(metrics.status, ECAM_ELIMIT);
    assert_int_equal(metrics.text.size, 0);
    ecam_metrics_finish(&metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_have_head_and_labels),
        cmocka_unit_test(buckets_count_all_below_them),
        cmocka_unit_test(an_empty_histogram_without_labels),
        cmocka_unit_test(stages_share_one_head),
        cmocka_unit_test(a_line_that_is_too_long_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
