#include <stdlib.h>
#include <unistd.h>

#include "nodes.h"
#include "stage/trace.h"
#include "support/check.h"

static ecam_arena arena;
static ecam_trace trace;

static int set_up(void **state)
{
    (void)state;
    ecam_arena_init(&arena, 0);
    ecam_trace_init(&trace);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ecam_arena_finish(&arena);
    return 0;
}

static void set_node(const char *name, ecam_node value)
{
    ecam_error error = {0};
    CHECK_OK(ecam_trace_set(&trace, name, strlen(name), &value, &arena, &error), error);
}

static void set(const char *name, const char *value)
{
    set_node(name, NODE_TEXT(value));
}

static void refuse_node(const char *name, ecam_node value, ecam_status expected, const char *says)
{
    ecam_error error = {0};
    CHECK_STATUS(ecam_trace_set(&trace, name, strlen(name), &value, &arena, &error), expected);
    assert_int_equal(error.status, expected);
    CHECK_TEXT_HAS(error.text, name);
    CHECK_TEXT_HAS(error.text, says);
}

static void refuse(const char *name, const char *value, const char *says)
{
    refuse_node(name, NODE_TEXT(value), ECAM_EINVAL, says);
}

static void defaults_are_fastestimators(void **state)
{
    (void)state;
    assert_string_equal(trace.images, "images");
    assert_string_equal(trace.activations, "activations");
    assert_string_equal(trace.labels, "labels");
    assert_string_equal(trace.preds, "preds");
    assert_false(trace.labels_asked);
    assert_false(trace.preds_asked);
    assert_string_equal(trace.outputs, "eigencam");
    assert_int_equal(trace.project.n_components, 3);
    assert_int_equal(trace.project.sign, ECAM_SIGN_PEAK);
    assert_int_equal(trace.n_samples, 5);
    assert_null(trace.label_mapping);
    assert_false(ecam_filter_accepts(&trace.mode, "train"));
    assert_true(ecam_filter_accepts(&trace.mode, "eval"));
    assert_true(ecam_filter_accepts(&trace.ds_id, ""));
    assert_int_equal(trace.image_layout, ECAM_LAYOUT_AUTO);
    assert_int_equal(trace.activation_layout, ECAM_LAYOUT_AUTO);
    assert_int_equal(trace.normalize, ECAM_NORMALIZE_EPOCH);
    assert_int_equal(trace.style.colormap, ECAM_COLORMAP_JET);
    assert_true(trace.style.add);
    assert_int_equal(trace.publish, ECAM_PUBLISH_OVERLAY | ECAM_PUBLISH_MAP | ECAM_PUBLISH_IMAGE |
                                        ECAM_PUBLISH_SHEET);
    assert_int_equal(trace.sheet_rows, 64);
}

/* What --help shows as the default is the default. */
static void initial_values_are_the_defaults(void **state)
{
    (void)state;
    size_t n;
    const ecam_trace_option *options = ecam_trace_options(&n);
    ecam_trace fresh;

    ecam_trace_init(&fresh);
    assert_true(n >= 18);
    for (size_t i = 0; i < n; i++) {
        assert_non_null(options[i].value);
        assert_non_null(options[i].help);
        if (options[i].initial)
            set(options[i].name, options[i].initial);
    }
    fresh.labels_asked = fresh.preds_asked = true; /* the only difference */
    assert_memory_equal(&trace, &fresh, sizeof trace);
}

static void keys_and_names(void **state)
{
    (void)state;
    char longest[130];
    memset(longest, 'k', sizeof longest);
    longest[128] = '\0';
    set("images", "x|y");
    set("activations", longest);
    set("labels", "\u00e9tiquette");
    set("preds", "y_pred");
    set("outputs", "layer 4");
    assert_string_equal(trace.images, "x|y");
    assert_string_equal(trace.activations, longest);
    assert_string_equal(trace.labels, "\u00e9tiquette");
    assert_string_equal(trace.preds, "y_pred");
    assert_string_equal(trace.outputs, "layer 4");
    assert_true(trace.labels_asked);
    assert_true(trace.preds_asked);

    longest[128] = 'k';
    longest[129] = '\0';
    const char *const options[] = {"images", "activations", "labels", "preds", "outputs"};
    for (size_t i = 0; i < 5; i++) {
        refuse(options[i], "", "1 to 128");
        refuse(options[i], longest, "1 to 128");
        refuse(options[i], "a\nb", "control");
        refuse(options[i], "a\xff", "UTF-8");
    }
    refuse("outputs", "a|b", "|");
}

static void n_components(void **state)
{
    (void)state;
    set("n-components", "1");
    assert_int_equal(trace.project.n_components, 1);
    set("n-components", "0.9");
    assert_int_equal(trace.project.n_components, 0);
    CHECK_NEAR(trace.project.variance, 0.9, 0);
    set("n-components", "1024");
    assert_int_equal(trace.project.n_components, 1024);
    CHECK_NEAR(trace.project.variance, 0, 0);
    set_node("n_components", NODE_FLOAT(0.5));
    CHECK_NEAR(trace.project.variance, 0.5, 0);
    set_node("n_components", NODE_FLOAT(2.0));
    assert_int_equal(trace.project.n_components, 2);
    set_node("n_components", NODE_UINT(7));
    assert_int_equal(trace.project.n_components, 7);

    const char *const bad[] = {"0", "-1", "1025", "1.0", "0.0", "1.5", "three", "", "nan", "inf", "2x",
                               "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuse("n-components", bad[i], "1 to 1024");
    refuse("n-components", "1.5", "0.9");
    assert_int_equal(trace.project.n_components, 7);
}

static void n_samples(void **state)
{
    (void)state;
    set("n-samples", "12");
    assert_int_equal(trace.n_samples, 12);
    set("n-samples", "all");
    assert_int_equal(trace.n_samples, 0);
    set("n-samples", "1");
    set_node("n-samples", NODE_NIL); /* FastEstimator's None */
    assert_int_equal(trace.n_samples, 0);
    set_node("n_samples", NODE_INT(4));
    assert_int_equal(trace.n_samples, 4);
    const char *const bad[] = {"0", "-3", "2.5", "some", "", "1000000001"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuse("n-samples", bad[i], "all");
    assert_int_equal(trace.n_samples, 4);
}

static void mode_and_ds_id(void **state)
{
    (void)state;
    set("mode", "train,eval");
    assert_true(ecam_filter_accepts(&trace.mode, "train"));
    assert_false(ecam_filter_accepts(&trace.mode, "test"));
    set_node("mode", NODE_LIST(NODE_TEXT("!eval"), NODE_TEXT("!test")));
    assert_true(ecam_filter_accepts(&trace.mode, "train"));
    assert_false(ecam_filter_accepts(&trace.mode, "eval"));
    assert_false(ecam_filter_accepts(&trace.mode, "test"));
    set_node("mode", NODE_NIL);
    assert_true(ecam_filter_accepts(&trace.mode, "train"));
    set_node("ds_id", NODE_LIST(NODE_TEXT("clean")));
    assert_true(ecam_filter_accepts(&trace.ds_id, "clean"));
    assert_false(ecam_filter_accepts(&trace.ds_id, ""));
    set("ds-id", "all");
    assert_true(ecam_filter_accepts(&trace.ds_id, ""));

    refuse("mode", "training", "train, eval, test, infer");
    refuse("mode", "eval,!train", "mixed");
    refuse("mode", "", "empty");
    refuse("ds-id", "a:b", ": ; |");
    refuse("ds-id", "a,!b", "mixed");
    refuse_node("mode", NODE_LIST(NODE_TEXT("eval"), NODE_LIST(NODE_TEXT("test"))), ECAM_EINVAL, "a list");
    refuse_node("mode", NODE_MAP(NODE_TEXT("eval"), NODE_UINT(1)), ECAM_EINVAL, "a map");
    const ecam_node empty = {.kind = ECAM_NODE_LIST};
    refuse_node("mode", empty, ECAM_EINVAL, "empty");
}

static void layouts(void **state)
{
    (void)state;
    set("image-layout", "NHWC");
    set("activation_layout", "NCHW");
    assert_int_equal(trace.image_layout, ECAM_LAYOUT_NHWC);
    assert_int_equal(trace.activation_layout, ECAM_LAYOUT_NCHW);
    set("image_layout", "auto");
    assert_int_equal(trace.image_layout, ECAM_LAYOUT_AUTO);
    refuse("image-layout", "nhwc", "auto, NCHW, NHWC");
    refuse("activation-layout", "CHW", "auto, NCHW, NHWC");
    refuse("image-layout", "NLC", "auto, NCHW, NHWC");
}

static void drawing(void **state)
{
    (void)state;
    set("normalize", "image");
    assert_int_equal(trace.normalize, ECAM_NORMALIZE_IMAGE);
    set("normalize", "epoch");
    assert_int_equal(trace.normalize, ECAM_NORMALIZE_EPOCH);
    refuse("normalize", "batch", "epoch, image");

    set("blend", "0.25");
    assert_false(trace.style.add);
    CHECK_NEAR(trace.style.weight, 0.25, 0);
    set("blend", "1");
    CHECK_NEAR(trace.style.weight, 1, 0);
    set("blend", "0");
    assert_false(trace.style.add);
    set("blend", "add");
    assert_true(trace.style.add);
    const char *const bad[] = {"1.01", "-0.1", "nan", "", "multiply", "0.5x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuse("blend", bad[i], "add");

    set("sign", "none");
    assert_int_equal(trace.project.sign, ECAM_SIGN_NONE);
    set("sign", "peak");
    assert_int_equal(trace.project.sign, ECAM_SIGN_PEAK);
    refuse("sign", "positive", "peak, none");

    static const char *const maps[] = {"jet", "turbo", "viridis", "inferno", "gray"};
    for (unsigned i = 0; i < 5; i++) {
        set("colormap", maps[i]);
        assert_string_equal(ecam_colormap_name(trace.style.colormap), maps[i]);
    }
    refuse("colormap", "JET", "jet, turbo, viridis, inferno, gray");
}

static void publish(void **state)
{
    (void)state;
    set("publish", "map");
    assert_int_equal(trace.publish, ECAM_PUBLISH_MAP);
    set("publish", "sheet,image");
    assert_int_equal(trace.publish, ECAM_PUBLISH_IMAGE | ECAM_PUBLISH_SHEET);
    set_node("publish", NODE_LIST(NODE_TEXT("overlay"), NODE_TEXT("overlay")));
    assert_int_equal(trace.publish, ECAM_PUBLISH_OVERLAY);
    const char *const bad[] = {"", "maps", "map,", ",map", "overlay;map", "mapoverlay", "ma", "all"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuse("publish", bad[i], "overlay, map, image, sheet");
    assert_int_equal(trace.publish, ECAM_PUBLISH_OVERLAY);

    set("sheet-rows", "1");
    assert_int_equal(trace.sheet_rows, 1);
    set("sheet_rows", "64");
    assert_int_equal(trace.sheet_rows, 64);
    refuse("sheet-rows", "0", "1 to 64");
    refuse("sheet-rows", "65", "1 to 64");
}

static void label_mapping(void **state)
{
    (void)state;
    set_node("label_mapping", NODE_MAP(NODE_TEXT("cat"), NODE_UINT(1)));
    assert_string_equal(ecam_mapping_name(trace.label_mapping, 1), "cat");
    set("label-mapping", "dog=1");
    assert_string_equal(ecam_mapping_name(trace.label_mapping, 1), "dog");
    refuse("label-mapping", "dog=one", "dog=one");
    refuse_node("label_mapping", NODE_TEXT("/no/such.json"), ECAM_EIO, "/no/such.json");
    set_node("label_mapping", NODE_NIL);
    assert_null(trace.label_mapping);
}

static void text_with_a_zero_byte_is_refused(void **state)
{
    (void)state;
    refuse_node("mode", NODE_BYTES("eval\0train", 10), ECAM_EINVAL, "mode");
    refuse_node("outputs", NODE_BYTES("a\0b", 3), ECAM_EINVAL, "outputs");
    refuse_node("n_samples", NODE_BYTES("5\0", 2), ECAM_EINVAL, "n_samples");
}

static void names_of_options(void **state)
{
    (void)state;
    assert_true(ecam_option_named("n-samples", "n-samples", 9));
    assert_true(ecam_option_named("n-samples", "n_samples", 9));
    assert_true(ecam_option_named("n-samples", "n_samples and more", 9));
    assert_false(ecam_option_named("n-samples", "n_sample", 8));
    assert_false(ecam_option_named("n-samples", "N-samples", 9));
    assert_false(ecam_option_named("n-samples", "n samples", 9));

    const ecam_node value = NODE_TEXT("5");
    ecam_error error = {0};
    CHECK_STATUS(ecam_trace_set(&trace, "nsamples", 8, &value, &arena, &error), ECAM_EMISSING);
    assert_int_equal(error.status, ECAM_EMISSING);
    CHECK_TEXT_HAS(error.text, "nsamples");
    CHECK_STATUS(ecam_trace_set(&trace, "", 0, &value, &arena, &error), ECAM_EMISSING);
}

static void check_option_text(ecam_node value, const char *expected)
{
    const char *text;
    ecam_error error = {0};
    CHECK_OK(ecam_option_text(&value, &arena, &text, &error), error);
    assert_string_equal(text, expected);
}

static void values_as_text(void **state)
{
    (void)state;
    const ecam_node empty = {.kind = ECAM_NODE_LIST};
    check_option_text(NODE_TEXT("a b"), "a b");
    check_option_text(NODE_BYTES("abc", 2), "ab");
    check_option_text(NODE_INT(-5), "-5");
    check_option_text(NODE_UINT(UINT64_MAX), "18446744073709551615");
    check_option_text(NODE_FLOAT(0.5), "0.5");
    check_option_text(NODE_NIL, "none");
    check_option_text(NODE_BOOL(true), "true");
    check_option_text(NODE_LIST(NODE_TEXT("a"), NODE_INT(1), NODE_TEXT("c")), "a,1,c");
    check_option_text(empty, "");
}

static void numbers_of_options(void **state)
{
    (void)state;
    uint64_t count = 99;
    double real = 99;
    ecam_error error = {0};
    CHECK_OK(ecam_option_count("0", 0, 5, &count, &error), error);
    assert_int_equal(count, 0);
    CHECK_OK(ecam_option_count("18446744073709551615", 0, UINT64_MAX, &count, &error), error);
    const char *const no_counts[] = {"6", "-1", "+1", " 1", "1 ", "0x1", "", "1e0", "18446744073709551616"};
    for (size_t i = 0; i < sizeof no_counts / sizeof *no_counts; i++) {
        CHECK_STATUS(ecam_option_count(no_counts[i], 1, 5, &count, &error), ECAM_EINVAL);
        CHECK_TEXT_HAS(error.text, "1 to 5");
    }
    CHECK_OK(ecam_option_real("2.5", 0, 5, &real, &error), error);
    CHECK_NEAR(real, 2.5, 0);
    const char *const no_reals[] = {"5.01", "-0.01", "nan", "inf", "", "x", "1x", "1 "};
    for (size_t i = 0; i < sizeof no_reals / sizeof *no_reals; i++) {
        CHECK_STATUS(ecam_option_real(no_reals[i], 0, 5, &real, &error), ECAM_EINVAL);
        CHECK_TEXT_HAS(error.text, "0 to 5");
    }
    CHECK_NEAR(real, 2.5, 0);
}

/* ---- lists of traces ---- */

static ecam_traces *apply(ecam_node list, bool from_wire)
{
    ecam_traces *set;
    ecam_error error = {0};
    CHECK_STATUS(ecam_traces_create(&trace, list.size, &set), ECAM_OK);
    CHECK_OK(ecam_traces_apply(set, &list, from_wire, &error), error);
    return set;
}

static void refuse_list(ecam_node list, bool from_wire, const char *says)
{
    ecam_traces *set;
    ecam_error error = {0};
    CHECK_STATUS(ecam_traces_create(&trace, list.size, &set), ECAM_OK);
    CHECK_STATUS(ecam_traces_apply(set, &list, from_wire, &error), ECAM_EINVAL);
    assert_int_equal(error.status, ECAM_EINVAL);
    ecam_traces_unref(&set);
    assert_null(set);
    CHECK_TEXT_HAS(error.text, says);
}

static void a_list_of_traces(void **state)
{
    (void)state;
    trace.n_samples = 9;
    ecam_traces *set = apply(
        NODE_LIST(NODE_MAP(NODE_TEXT("outputs"), NODE_TEXT("a"), NODE_TEXT("n_components"), NODE_UINT(1)),
                  NODE_MAP(NODE_TEXT("outputs"), NODE_TEXT("b"), NODE_TEXT("n-samples"), NODE_UINT(2))),
        true);
    assert_int_equal(set->n, 2);
    assert_string_equal(set->traces[0].outputs, "a");
    assert_int_equal(set->traces[0].project.n_components, 1);
    assert_int_equal(set->traces[0].n_samples, 9); /* of the base */
    assert_string_equal(set->traces[1].outputs, "b");
    assert_int_equal(set->traces[1].n_samples, 2);
    ecam_traces *second = ecam_traces_ref(set);
    assert_ptr_equal(second, set);
    ecam_traces_unref(&set);
    assert_null(set);
    assert_string_equal(second->traces[0].outputs, "a");
    ecam_traces_unref(&second);
    ecam_traces_unref(&second); /* NULL is accepted */
}

static void output_names_differ(void **state)
{
    (void)state;
    const ecam_node empty = {.kind = ECAM_NODE_MAP};
    refuse_list(NODE_LIST(empty, NODE_MAP(NODE_TEXT("outputs"), NODE_TEXT("x")), empty), false,
                "\"eigencam\"");
}

static void an_unknown_key_lists_the_accepted_ones(void **state)
{
    (void)state;
    size_t n;
    const ecam_trace_option *options = ecam_trace_options(&n);
    ecam_node map = NODE_MAP(NODE_TEXT("n_sample"), NODE_UINT(1));
    ((ecam_node *)map.items)[0].line = 17;
    refuse_list(NODE_LIST(map), false, "line 17");
    refuse_list(NODE_LIST(map), false, "\"n_sample\"");
    for (size_t i = 0; i < n; i++) {
        char name[64];
        strcpy(name, options[i].name);
        for (char *at = name; *at; at++)
            *at = *at == '-' ? '_' : *at;
        refuse_list(NODE_LIST(map), false, name);
    }
}

static void impossible_lists(void **state)
{
    (void)state;
    refuse_list(NODE_LIST(NODE_TEXT("eval")), false, "a map");
    refuse_list(NODE_LIST(NODE_MAP(NODE_INT(1), NODE_INT(2))), false, "an integer");
    ecam_node map = NODE_MAP(NODE_TEXT("mode"), NODE_TEXT("sleep"));
    refuse_list(NODE_LIST(map), true, "\"sleep\"");
    ((ecam_node *)map.items)[0].line = 3;
    refuse_list(NODE_LIST(map), false, "line 3: mode: ");
}

static void a_trainer_names_no_files(void **state)
{
    (void)state;
    char path[] = "/tmp/test-trace-XXXXXX.json";
    int fd = mkstemps(path, 5);
    assert_int_equal(write(fd, "[\"a\"]", 5), 5);
    close(fd);
    const ecam_node list = NODE_LIST(NODE_MAP(NODE_TEXT("label_mapping"), NODE_TEXT(path)));
    refuse_list(list, true, "label_mapping");
    refuse_list(NODE_LIST(NODE_MAP(NODE_TEXT("label-mapping"), NODE_TEXT(path))), true, "label_mapping");
    ecam_traces *set = apply(list, false);
    assert_string_equal(ecam_mapping_name(set->traces[0].label_mapping, 0), "a");
    ecam_traces_unref(&set);
    unlink(path);
    set = apply(NODE_LIST(NODE_MAP(NODE_TEXT("label_mapping"), NODE_MAP(NODE_TEXT("b"), NODE_INT(4)))), true);
    assert_string_equal(ecam_mapping_name(set->traces[0].label_mapping, 4), "b");
    ecam_traces_unref(&set);
}

/* A list of a million empty maps fits a small message; as traces it would take
 * gigabytes. */
static void the_number_of_traces_is_bounded(void **state)
{
    (void)state;
    ecam_traces *set = (void *)&set;
    CHECK_STATUS(ecam_traces_create(&trace, 1000000, &set), ECAM_ELIMIT);
    assert_null(set);
    CHECK_STATUS(ecam_traces_create(&trace, ECAM_MAX_TRACES + 1, &set), ECAM_ELIMIT);
    CHECK_STATUS(ecam_traces_create(&trace, ECAM_MAX_TRACES, &set), ECAM_OK);
    ecam_traces_unref(&set);
    CHECK_STATUS(ecam_traces_create(&trace, 0, &set), ECAM_OK);
    assert_int_equal(set->n, 0);
    ecam_traces_unref(&set);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(defaults_are_fastestimators), CASE(initial_values_are_the_defaults),
        CASE(keys_and_names),              CASE(n_components),
        CASE(n_samples),                   CASE(mode_and_ds_id),
        CASE(layouts),                     CASE(drawing),
        CASE(publish),                     CASE(label_mapping),
        CASE(text_with_a_zero_byte_is_refused), CASE(names_of_options),
        CASE(values_as_text),              CASE(numbers_of_options),
        CASE(a_list_of_traces),            CASE(output_names_differ),
        CASE(an_unknown_key_lists_the_accepted_ones), CASE(impossible_lists),
        CASE(a_trainer_names_no_files),    CASE(the_number_of_traces_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
