/* The collector's runs: what a hello brings, and the limits. */
#include "nodes.h"
#include "stage/collector.h"
#include "support/check.h"

static ecam_traces *traces;
static ecam_collector collector;
static ecam_sample_shelf shelf;

static void start(bool own)
{
    ecam_trace base;
    ecam_trace_init(&base);
    ecam_sample_shelf_init(&shelf, 0);
    CHECK_STATUS(ecam_traces_create(&base, 1, &traces), ECAM_OK);
    ecam_collector_init(&collector, traces, own, 1000);
}

static int set_up(void **state)
{
    (void)state;
    start(false);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ecam_collector_finish(&collector, &shelf);
    if (traces->references != 1)
        return -1;
    ecam_traces_unref(&traces);
    ecam_sample_shelf_finish(&shelf);
    return 0;
}

static ecam_run *run_of(const char *name)
{
    ecam_run *run;
    ecam_error error = {0};
    CHECK_OK(ecam_collector_run(&collector, name, &run, &error), error);
    assert_string_equal(run->name, name);
    return run;
}

static ecam_epoch *open_epoch(ecam_run *run, uint64_t number, uint32_t rank)
{
    const ecam_message m = {.type = ECAM_MESSAGE_BATCH, .run = run->name, .ds_id = "", .topic = "t",
                            .epoch = number, .rank = rank, .world = 100, .session = 5};
    ecam_epoch *epoch;
    ecam_part *part;
    ecam_error error = {0};
    CHECK_OK(ecam_collector_locate(&collector, run, &m, 1, &epoch, &part, &error), error);
    return epoch;
}

static void hello(ecam_run *run, const ecam_node *mapping, const ecam_node *list)
{
    const ecam_message m = {.type = ECAM_MESSAGE_HELLO, .run = run->name, .label_mapping = mapping,
                            .traces = list};
    ecam_error error = {0};
    CHECK_OK(ecam_collector_hello(&collector, run, &m, &error), error);
}

static void refuse_hello(ecam_run *run, const ecam_node *mapping, const ecam_node *list, ecam_status expected,
                         const char *says)
{
    const ecam_message m = {.type = ECAM_MESSAGE_HELLO, .run = run->name, .label_mapping = mapping,
                            .traces = list};
    ecam_error error = {0};
    CHECK_STATUS(ecam_collector_hello(&collector, run, &m, &error), expected);
    assert_int_equal(error.status, expected);
    CHECK_TEXT_HAS(error.text, says);
}

static void runs_are_found_by_name(void **state)
{
    (void)state;
    ecam_run *a = run_of("a"), *b = run_of("b");
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(run_of("a"), a);
}

static void runs_are_bounded(void **state)
{
    (void)state;
    char name[32];
    ecam_run *run;
    ecam_error error = {0};
    for (int i = 0; i < 1024; i++) {
        snprintf(name, sizeof name, "run %d", i);
        run_of(name);
    }
    CHECK_STATUS(ecam_collector_run(&collector, "one more", &run, &error), ECAM_ELIMIT);
    CHECK_TEXT_HAS(error.text, "one more");
    CHECK_TEXT_HAS(error.text, "1024");
    run_of("run 5"); /* the others go on */
}

static void a_silent_run_is_forgotten(void **state)
{
    (void)state;
    collector.forget_ns = 100;
    ecam_collector_touch(run_of("a"), 10);
    ecam_collector_touch(run_of("b"), 50);
    ecam_collector_touch(run_of("c"), 1000);
    open_epoch(run_of("a"), 0, 1); /* of several ranks: it stays open */
    assert_int_equal(ecam_collector_expire(&collector, 149), 150);
    assert_int_equal(collector.runs.count, 3);
    ecam_collector_expire(&collector, 150);
    assert_int_equal(collector.runs.count, 2); /* "a" has an epoch under way */
    assert_null(ecam_table_get(&collector.runs, "b", 1));
    ecam_collector_close_all(&collector);
    ecam_epoch *epoch = ecam_collector_take(&collector);
    ecam_collector_expire(&collector, 150);
    assert_int_equal(collector.runs.count, 2); /* it is being drawn */
    ecam_collector_give_back(&epoch, &shelf);
    ecam_collector_expire(&collector, 150);
    assert_null(ecam_table_get(&collector.runs, "a", 1));
    assert_int_equal(collector.runs.count, 1);
}

static void open_epochs_are_bounded(void **state)
{
    (void)state;
    ecam_run *run = run_of("a");
    ecam_epoch *epoch;
    ecam_part *part;
    ecam_error error = {0};
    for (uint32_t i = 0; i < 64; i++)
        open_epoch(run, i, i);
    const ecam_message m = {.type = ECAM_MESSAGE_BATCH, .run = "a", .ds_id = "", .topic = "t", .epoch = 1000,
                            .rank = 99, .world = 100};
    CHECK_STATUS(ecam_collector_locate(&collector, run, &m, 1, &epoch, &part, &error), ECAM_ELIMIT);
    CHECK_TEXT_HAS(error.text, "64");
    assert_non_null(open_epoch(run, 3, 3)); /* those that are open go on */
    assert_non_null(open_epoch(run_of("b"), 0, 0));
}

static void a_mapping_counts_at_once(void **state)
{
    (void)state;
    ecam_run *run = run_of("a");
    assert_null(run->mapping);
    hello(run, &NODE_MAP(NODE_TEXT("cat"), NODE_UINT(0)), NULL);
    assert_string_equal(ecam_mapping_name(run->mapping, 0), "cat");
    hello(run, NULL, NULL); /* says nothing: the old one stays */
    assert_string_equal(ecam_mapping_name(run->mapping, 0), "cat");
    hello(run, &NODE_MAP(NODE_TEXT("dog"), NODE_UINT(0)), NULL);
    assert_string_equal(ecam_mapping_name(run->mapping, 0), "dog");
    assert_null(run_of("b")->mapping);
    refuse_hello(run, &NODE_MAP(NODE_TEXT("cow"), NODE_FLOAT(0.5)), NULL, ECAM_EINVAL, "a float");
    assert_string_equal(ecam_mapping_name(run->mapping, 0), "dog");
}

#define TRACE(name) NODE_MAP(NODE_TEXT("outputs"), NODE_TEXT(name))

static void traces_apply_from_the_next_epoch_on(void **state)
{
    (void)state;
    ecam_run *run = run_of("a");
    ecam_epoch *before = open_epoch(run, 0, 0);
    hello(run, NULL, &NODE_LIST(TRACE("conv1"), TRACE("conv2")));
    assert_string_equal(before->outputs[0].trace->outputs, "eigencam");
    assert_ptr_equal(open_epoch(run, 0, 0), before);
    ecam_epoch *after = open_epoch(run, 1, 0);
    assert_int_equal(after->traces->n, 2);
    assert_string_equal(after->outputs[1].trace->outputs, "conv2");
    hello(run, NULL, &NODE_LIST(TRACE("conv3")));
    assert_string_equal(after->outputs[1].trace->outputs, "conv2"); /* kept by the epoch */
    assert_string_equal(open_epoch(run, 2, 0)->outputs[0].trace->outputs, "conv3");
    hello(run, NULL, NULL);
    assert_string_equal(open_epoch(run, 3, 0)->outputs[0].trace->outputs, "conv3");
    assert_string_equal(open_epoch(run_of("b"), 0, 0)->outputs[0].trace->outputs, "eigencam");
}

static void faulty_traces_leave_the_old_ones(void **state)
{
    (void)state;
    ecam_run *run = run_of("a");
    hello(run, NULL, &NODE_LIST(TRACE("conv1")));
    refuse_hello(run, NULL, &NODE_LIST(TRACE("x"), TRACE("x")), ECAM_EINVAL, "\"x\"");
    refuse_hello(run, NULL, &NODE_LIST(NODE_MAP(NODE_TEXT("mode"), NODE_TEXT("sleep"))), ECAM_EINVAL, "sleep");
    refuse_hello(run, NULL, &NODE_LIST(NODE_MAP(NODE_TEXT("colour"), NODE_INT(1))), ECAM_EINVAL, "colour");
    refuse_hello(run, NULL, &NODE_LIST(NODE_MAP(NODE_TEXT("label_mapping"), NODE_TEXT("/etc/passwd"))),
                 ECAM_EINVAL, "label_mapping");
    static ecam_node many[ECAM_MAX_TRACES + 1];
    for (size_t i = 0; i < ECAM_MAX_TRACES + 1; i++)
        many[i].kind = ECAM_NODE_MAP;
    const ecam_node list = {.kind = ECAM_NODE_LIST, .size = ECAM_MAX_TRACES + 1, .items = many};
    refuse_hello(run, NULL, &list, ECAM_ELIMIT, "64");
    assert_string_equal(open_epoch(run, 0, 0)->outputs[0].trace->outputs, "conv1");
}

static void the_stages_own_traces_win(void **state)
{
    (void)state;
    start(true);
    ecam_run *run = run_of("a");
    hello(run, &NODE_MAP(NODE_TEXT("cat"), NODE_UINT(0)), &NODE_LIST(TRACE("conv1")));
    assert_string_equal(open_epoch(run, 0, 0)->outputs[0].trace->outputs, "eigencam");
    assert_string_equal(ecam_mapping_name(run->mapping, 0), "cat");
}

static void close_all_leaves_nothing_open(void **state)
{
    (void)state;
    ecam_run *run = run_of("a");
    const uint64_t numbers[] = {7, 5, 9};
    for (uint32_t i = 0; i < 3; i++)
        open_epoch(run, numbers[i], i);
    open_epoch(run_of("b"), 0, 0);
    ecam_collector_close_all(&collector);
    uint64_t last = 0;
    size_t n = 0;
    for (ecam_epoch *epoch; (epoch = ecam_collector_take(&collector)); n++) {
        assert_false(epoch->complete);
        if (strcmp(epoch->run->name, "a") == 0) {
            assert_true(epoch->number > last); /* the oldest first */
            last = epoch->number;
        }
        ecam_collector_give_back(&epoch, &shelf);
    }
    assert_int_equal(n, 4);
    assert_true(ecam_collector_idle(&collector));
    ecam_collector_close_all(&collector);
    assert_null(ecam_collector_take(&collector));
}

static void finishing_frees_what_is_open(void **state)
{
    (void)state; /* the sanitizers look whether it does */
    ecam_run *run = run_of("a");
    hello(run, &NODE_MAP(NODE_TEXT("cat"), NODE_UINT(0)), &NODE_LIST(TRACE("conv1")));
    ecam_epoch *epoch = open_epoch(run, 0, 0);
    ecam_sample *evicted, *sample = ecam_sample_take(&shelf);
    CHECK_STATUS(ecam_output_add(&epoch->outputs[0], sample, &evicted), ECAM_OK);
    open_epoch(run, 1, 1);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(runs_are_found_by_name),
        CASE(runs_are_bounded),
        CASE(a_silent_run_is_forgotten),
        CASE(open_epochs_are_bounded),
        CASE(a_mapping_counts_at_once),
        CASE(traces_apply_from_the_next_epoch_on),
        CASE(faulty_traces_leave_the_old_ones),
        cmocka_unit_test_teardown(the_stages_own_traces_win, tear_down),
        CASE(close_all_leaves_nothing_open),
        CASE(finishing_frees_what_is_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
