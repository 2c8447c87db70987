#include <stdlib.h>
#include <unistd.h>

#include "stage/config.h"
#include "support/check.h"

static char path[64];

static void write_file(const char *text)
{
    strcpy(path, "/tmp/test-config-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

#define FLAGS(...)                                              \
    (const ecam_setting[]){__VA_ARGS__},                        \
        sizeof((ecam_setting[]){__VA_ARGS__}) / sizeof(ecam_setting)
#define NO_FLAGS NULL, 0

/* A NULL text means no file. */
static ecam_config build(const char *text, const ecam_setting *flags, size_t n_flags)
{
    ecam_config config;
    ecam_error error = {0};
    if (text)
        write_file(text);
    ecam_status st = ecam_config_build(text ? path : NULL, flags, n_flags, &config, &error);
    if (text)
        unlink(path);
    CHECK_OK(st, error);
    return config;
}

static void refuse(const char *text, const ecam_setting *flags, size_t n_flags, ecam_status expected,
                   const char *says)
{
    ecam_config config;
    ecam_error error = {0};
    if (text)
        write_file(text);
    ecam_status st = ecam_config_build(text ? path : NULL, flags, n_flags, &config, &error);
    if (text)
        unlink(path);
    CHECK_STATUS(st, expected);
    assert_int_equal(error.status, expected);
    CHECK_TEXT_HAS(error.text, says);
    ecam_config_finish(&config);
}

static void refuse_file(const char *text, ecam_status expected, const char *says)
{
    refuse(text, NO_FLAGS, expected, says);
    if (expected != ECAM_EIO)
        refuse(text, NO_FLAGS, expected, "/tmp/test-config-");
}

static void defaults(void **state)
{
    (void)state;
    ecam_config config = build(NULL, NO_FLAGS);
    assert_int_equal(config.n_in, 1);
    assert_string_equal(config.in[0], "tcp://127.0.0.1:5560");
    assert_int_equal(config.n_out, 1);
    assert_string_equal(config.out[0], "tcp://127.0.0.1:5561");
    assert_true(config.workers >= 1);
    CHECK_NEAR(config.epoch_timeout_s, 30, 0);
    assert_int_equal(config.memory_bytes, 1 << 30);
    assert_null(config.record);
    assert_false(config.has_traces);
    assert_int_equal(config.traces->n, 1);
    assert_string_equal(config.traces->traces[0].outputs, "eigencam");
    ecam_config_finish(&config);
    assert_null(config.traces);
    ecam_config_finish(&config); /* twice does no harm */
}

static void an_empty_file_changes_nothing(void **state)
{
    (void)state;
    const char *const texts[] = {"", "# a comment\n", "---\n", "~\n"};
    for (size_t i = 0; i < 4; i++) {
        ecam_config config = build(texts[i], NO_FLAGS);
        assert_false(config.has_traces);
        assert_int_equal(config.traces->traces[0].n_samples, 5);
        ecam_config_finish(&config);
    }
}

static void the_top_level_of_a_file(void **state)
{
    (void)state;
    ecam_config config = build("in: tcp://*:7000\n"
                               "out: [\"tcp://*:7001\", 'connect:tcp://hub:9', ipc:///tmp/x]\n"
                               "workers: 3\nepoch_timeout: 2.5\nmemory: 512M\nrecord: /tmp/r.ecam\n",
                               NO_FLAGS);
    assert_int_equal(config.n_in, 1);
    assert_string_equal(config.in[0], "tcp://*:7000");
    assert_int_equal(config.n_out, 3);
    assert_string_equal(config.out[0], "tcp://*:7001");
    assert_string_equal(config.out[1], "connect:tcp://hub:9");
    assert_string_equal(config.out[2], "ipc:///tmp/x");
    assert_int_equal(config.workers, 3);
    CHECK_NEAR(config.epoch_timeout_s, 2.5, 0);
    assert_int_equal(config.memory_bytes, 512 << 20);
    assert_string_equal(config.record, "/tmp/r.ecam");
    assert_false(config.has_traces); /* nothing of an output was said */
    ecam_config_finish(&config);
}

static void what_is_set_to_nothing_is_not_set(void **state)
{
    (void)state;
    ecam_config config = build("record: ~\nlabel_mapping: null\nds_id:\nn_samples: null\n", NO_FLAGS);
    assert_null(config.record);
    assert_null(config.traces->traces[0].label_mapping);
    assert_int_equal(config.traces->traces[0].ds_id.n_names, 0);
    assert_int_equal(config.traces->traces[0].n_samples, 0);
    ecam_config_finish(&config);
}

static void both_spellings(void **state)
{
    (void)state;
    ecam_config config = build("epoch-timeout: 4\nn-samples: 7\nn_components: 0.5\n",
                               FLAGS({"epoch_timeout", "6"}, {"sheet_rows", "9"}));
    CHECK_NEAR(config.epoch_timeout_s, 6, 0);
    assert_int_equal(config.traces->traces[0].n_samples, 7);
    CHECK_NEAR(config.traces->traces[0].project.variance, 0.5, 0);
    assert_int_equal(config.traces->traces[0].sheet_rows, 9);
    ecam_config_finish(&config);
}

static void sizes_of_memory(void **state)
{
    (void)state;
    const struct { const char *text; size_t bytes; } sizes[] = {
        {"1", 1}, {"4096", 4096}, {"3K", 3072}, {"2M", (size_t)2 << 20}, {"16G", (size_t)16 << 30}};
    for (size_t i = 0; i < 5; i++) {
        ecam_config config = build(NULL, FLAGS({"memory", sizes[i].text}));
        assert_int_equal(config.memory_bytes, sizes[i].bytes);
        ecam_config_finish(&config);
    }
    const char *const bad[] = {"", "0", "M", "-1M", "1.5G", "1T", "1GB", "99999999999999999999999999", "1 M"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuse(NULL, FLAGS({"memory", bad[i]}), ECAM_EINVAL, "K, M or G");
}

static void flags_win_over_the_file(void **state)
{
    (void)state;
    ecam_config config = build("in: [a, b]\nout: c\nworkers: 3\nn_samples: 7\nmode: train\n",
                               FLAGS({"in", "tcp://one:1"}, {"workers", "2"}, {"in", "tcp://two:2"},
                                     {"n-samples", "8"}));
    assert_int_equal(config.n_in, 2); /* the first flag replaces, further ones add */
    assert_string_equal(config.in[0], "tcp://one:1");
    assert_string_equal(config.in[1], "tcp://two:2");
    assert_int_equal(config.n_out, 1);
    assert_string_equal(config.out[0], "c");
    assert_int_equal(config.workers, 2);
    assert_int_equal(config.traces->traces[0].n_samples, 8);
    assert_true(ecam_filter_accepts(&config.traces->traces[0].mode, "train"));
    assert_true(config.has_traces);
    ecam_config_finish(&config);
}

static void a_traces_own_keys_win_over_all(void **state)
{
    (void)state;
    ecam_config config = build("n_samples: 2\nn_components: 4\ncolormap: turbo\n"
                               "traces:\n"
                               "- outputs: a\n  n_samples: 11\n"
                               "- outputs: b\n  activations: conv2\n  publish: [map, sheet]\n"
                               "  label_mapping: {cat: 0, dog: 1}\n",
                               FLAGS({"n-samples", "9"}, {"blend", "0.5"}));
    assert_int_equal(config.traces->n, 2);
    const ecam_trace *a = &config.traces->traces[0], *b = &config.traces->traces[1];
    assert_string_equal(a->outputs, "a");
    assert_int_equal(a->n_samples, 11);
    assert_int_equal(a->project.n_components, 4);
    assert_string_equal(a->activations, "activations");
    assert_null(a->label_mapping);
    assert_string_equal(b->outputs, "b");
    assert_int_equal(b->n_samples, 9);
    assert_int_equal(b->style.colormap, ECAM_COLORMAP_TURBO);
    assert_false(b->style.add);
    assert_string_equal(b->activations, "conv2");
    assert_int_equal(b->publish, ECAM_PUBLISH_MAP | ECAM_PUBLISH_SHEET);
    assert_string_equal(ecam_mapping_name(b->label_mapping, 1), "dog");
    assert_true(config.has_traces);
    ecam_config_finish(&config);
}

static void traces_count_as_the_users_own(void **state)
{
    (void)state;
    ecam_config config = build("traces: [{}]\n", NO_FLAGS);
    assert_true(config.has_traces);
    ecam_config_finish(&config);
    config = build(NULL, FLAGS({"mode", "all"}));
    assert_true(config.has_traces);
    ecam_config_finish(&config);
    config = build(NULL, FLAGS({"workers", "1"}, {"record", "x"}));
    assert_false(config.has_traces);
    assert_string_equal(config.record, "x");
    ecam_config_finish(&config);
}

static void an_unknown_key_is_told_with_its_line(void **state)
{
    (void)state;
    const char *const names[] = {"traces", "in", "out", "workers", "epoch_timeout", "memory", "record",
                                 "images", "n_components", "label_mapping", "ds_id", "sheet_rows"};
    refuse_file("workers: 1\n\nn_sample: 3\n", ECAM_EINVAL, "line 3: unknown key \"n_sample\"");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        refuse_file("colour: red\n", ECAM_EINVAL, names[i]);
    refuse_file("traces:\n- outputs: a\n- outputs: b\n  workers: 2\n", ECAM_EINVAL,
                "line 4: unknown key \"workers\" in a trace");
}

static void impossible_values_are_told_with_their_line(void **state)
{
    (void)state;
    refuse_file("workers: 0\n", ECAM_EINVAL, "line 1: workers: \"0\" is not a whole number from 1 to 256");
    refuse_file("\nepoch_timeout: soon\n", ECAM_EINVAL, "line 2: epoch_timeout: ");
    refuse_file("epoch_timeout: 0\n", ECAM_EINVAL, "0.001");
    refuse_file("mode: [eval, '!train']\n", ECAM_EINVAL, "line 1: mode: names and !names are mixed");
    refuse_file("n_samples: [1, [2]]\n", ECAM_EINVAL, "a list");
    refuse_file("in: {a: b}\n", ECAM_EINVAL, "line 1: in: ");
    refuse_file("1: {a: b}\n", ECAM_EINVAL, "\"1\"");
    refuse_file("[1]: 2\n", ECAM_EINVAL, "a list");
    refuse_file("- workers: 1\n", ECAM_EINVAL, "a list");
    refuse_file("workers\n", ECAM_EINVAL, "a string");
    refuse_file("traces: 3\n", ECAM_EINVAL, "traces is a string");
    refuse_file("traces: []\n", ECAM_EINVAL, "an empty list");
    refuse_file("traces: {outputs: a}\n", ECAM_EINVAL, "traces is a map");
    refuse_file("traces: [a]\n", ECAM_EINVAL, "line 1: a trace is a string");
    refuse_file("traces:\n- {}\n- {n_samples: 2}\n", ECAM_EINVAL, "line 3: two traces");
    refuse_file("label_mapping: /no/such.json\n", ECAM_EIO, "line 1: label_mapping: ");
}

static void faulty_flags_are_named(void **state)
{
    (void)state;
    refuse(NULL, FLAGS({"workers", "many"}), ECAM_EINVAL, "--workers: \"many\"");
    refuse(NULL, FLAGS({"n-samples", "0"}), ECAM_EINVAL, "--n-samples: ");
    refuse(NULL, FLAGS({"n-samples", "2"}, {"mode", "sleep"}), ECAM_EINVAL, "--mode: ");
    refuse(NULL, FLAGS({"nonsense", "2"}), ECAM_EMISSING, "--nonsense: ");
    refuse(NULL, FLAGS({"memory", "2X"}), ECAM_EINVAL, "--memory: \"2X\"");
}

static void endpoints_are_counted(void **state)
{
    (void)state;
    ecam_setting flags[17];
    for (size_t i = 0; i < 17; i++)
        flags[i] = (ecam_setting){i < 16 ? "in" : "out", "tcp://x:1"};
    ecam_config config = build(NULL, flags, 17);
    assert_int_equal(config.n_in, 16);
    ecam_config_finish(&config);
    flags[16].name = "in";
    refuse(NULL, flags, 17, ECAM_ELIMIT, "16");
    refuse_file("out: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]\n", ECAM_ELIMIT, "16");
}

static void too_many_traces(void **state)
{
    (void)state;
    char text[4096] = "traces:\n";
    for (int i = 0; i < ECAM_MAX_TRACES + 1; i++)
        snprintf(text + strlen(text), 32, "- outputs: o%d\n", i);
    refuse_file(text, ECAM_ELIMIT, "64");
    *strstr(text, "- outputs: o64") = '\0';
    ecam_config config = build(text, NO_FLAGS);
    assert_int_equal(config.traces->n, ECAM_MAX_TRACES);
    assert_string_equal(config.traces->traces[63].outputs, "o63");
    ecam_config_finish(&config);
}

/* ---- YAML as such ---- */

static void what_is_no_yaml_is_told_with_its_line(void **state)
{
    (void)state;
    refuse_file("workers: 1\nin: [a, b\nout: c\n", ECAM_EFORMAT, "line ");
    refuse_file("workers: 1\n\t- x\n", ECAM_EFORMAT, "line 2");
    refuse_file("a: *b\n", ECAM_EFORMAT, "line 1");
    refuse_file("a: \"\xff\xfe\"\n", ECAM_EFORMAT, "no YAML");
    refuse_file("[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]\n", ECAM_ELIMIT, "levels");
}

static void a_file_that_is_not_there(void **state)
{
    (void)state;
    ecam_config config;
    ecam_error error = {0};
    CHECK_STATUS(ecam_config_build("/no/such/file.yaml", NULL, 0, &config, &error), ECAM_EIO);
    CHECK_TEXT_HAS(error.text, "/no/such/file.yaml");
    ecam_config_finish(&config);
    CHECK_STATUS(ecam_config_build("/tmp", NULL, 0, &config, &error), ECAM_EFORMAT);
    CHECK_TEXT_HAS(error.text, "/tmp");
    ecam_config_finish(&config);
}

/* Aliases in aliases: a few lines that would be a thousand million nodes. */
static void aliases_do_not_multiply_without_end(void **state)
{
    (void)state;
    char text[2048] = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for (int i = 1; i < 9; i++)
        snprintf(text + strlen(text), 128, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i,
                 i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    refuse_file(text, ECAM_ELIMIT, "nodes");
    refuse_file("a: &a [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n", ECAM_ELIMIT, "a");
}

static const ecam_node *read_yaml(const char *text, ecam_arena *arena)
{
    const ecam_node *root;
    ecam_error error = {0};
    write_file(text);
    ecam_status st = ecam_yaml_read(path, arena, &root, &error);
    unlink(path);
    CHECK_OK(st, error);
    return root;
}

static void a_file_as_a_tree(void **state)
{
    (void)state;
    ecam_arena arena;
    ecam_arena_init(&arena, 0);
    const ecam_node *root = read_yaml("a: 1\nb:\n  - x y\n  - \"null\"\n  - null\n  - ~\n  -\n  - ''\n"
                                      "c: {d: &anchor e, f: *anchor}\n",
                                      &arena);
    assert_int_equal(root->kind, ECAM_NODE_MAP);
    assert_int_equal(root->size, 3);
    assert_true(ecam_node_is_text(ecam_node_get(root, "a"), "1"));
    const ecam_node *b = ecam_node_get(root, "b");
    assert_int_equal(b->kind, ECAM_NODE_LIST);
    assert_int_equal(b->size, 6);
    assert_true(ecam_node_is_text(&b->items[0], "x y"));
    assert_int_equal(b->items[0].line, 3);
    assert_true(ecam_node_is_text(&b->items[1], "null"));
    for (size_t i = 2; i < 5; i++)
        assert_int_equal(b->items[i].kind, ECAM_NODE_NIL);
    assert_true(ecam_node_is_text(&b->items[5], ""));
    const ecam_node *c = ecam_node_get(root, "c");
    assert_true(ecam_node_is_text(ecam_node_get(c, "d"), "e"));
    assert_true(ecam_node_is_text(ecam_node_get(c, "f"), "e"));
    assert_int_equal(root->items[4].line, 9); /* the key c */
    ecam_arena_finish(&arena);
}

static void the_options_have_names(void **state)
{
    (void)state;
    size_t n;
    const ecam_trace_option *options = ecam_config_options(&n);
    const char *const names[] = {"in", "out", "workers", "epoch-timeout", "memory", "record"};
    assert_true(n >= 6);
    for (size_t i = 0; i < 6; i++) {
        size_t at = 0;
        while (at < n && strcmp(options[at].name, names[i]) != 0)
            at++;
        assert_true(at < n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(an_empty_file_changes_nothing),
        cmocka_unit_test(the_top_level_of_a_file),
        cmocka_unit_test(what_is_set_to_nothing_is_not_set),
        cmocka_unit_test(both_spellings),
        cmocka_unit_test(sizes_of_memory),
        cmocka_unit_test(flags_win_over_the_file),
        cmocka_unit_test(a_traces_own_keys_win_over_all),
        cmocka_unit_test(traces_count_as_the_users_own),
        cmocka_unit_test(an_unknown_key_is_told_with_its_line),
        cmocka_unit_test(impossible_values_are_told_with_their_line),
        cmocka_unit_test(faulty_flags_are_named),
        cmocka_unit_test(endpoints_are_counted),
        cmocka_unit_test(too_many_traces),
        cmocka_unit_test(what_is_no_yaml_is_told_with_its_line),
        cmocka_unit_test(a_file_that_is_not_there),
        cmocka_unit_test(aliases_do_not_multiply_without_end),
        cmocka_unit_test(a_file_as_a_tree),
        cmocka_unit_test(the_options_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
