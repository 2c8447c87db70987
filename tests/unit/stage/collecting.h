/* A collector with one run, and what its ranks send. */
#ifndef TESTS_UNIT_STAGE_COLLECTING_H
#define TESTS_UNIT_STAGE_COLLECTING_H

#include "stage/collector.h"
#include "support/check.h"

#define SECOND INT64_C(1000000000)
#define TIMEOUT (30 * SECOND)

static ecam_traces *traces;
static ecam_collector collector;
static ecam_sample_shelf shelf;
static ecam_run *run;

static inline int set_up(void **state)
{
    (void)state;
    ecam_error error = {0};
    ecam_trace base;
    ecam_trace_init(&base);
    ecam_sample_shelf_init(&shelf, 0);
    CHECK_STATUS(ecam_traces_create(&base, 1, &traces), ECAM_OK);
    ecam_collector_init(&collector, traces, false, TIMEOUT);
    CHECK_OK(ecam_collector_run(&collector, "run", &run, &error), error);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    ecam_collector_finish(&collector, &shelf);
    if (traces->references != 1)
        return -1;
    ecam_traces_unref(&traces);
    ecam_sample_shelf_finish(&shelf);
    return 0;
}

/* ---- messages ---- */

typedef struct sender {
    uint32_t rank, world;
    uint64_t session;
    ecam_mode mode;
} sender;

static inline ecam_message message(ecam_message_type type, sender from, uint64_t epoch)
{
    return (ecam_message){.type = type, .topic = "topic", .run = "run", .rank = from.rank,
                          .world = from.world ? from.world : 1, .session = from.session,
                          .mode = from.mode, .epoch = epoch, .ds_id = ""};
}

static inline ecam_status locate(ecam_message_type type, sender from, uint64_t number, int64_t now_ns,
                          ecam_epoch **epoch, ecam_part **part)
{
    const ecam_message m = message(type, from, number);
    ecam_error error = {0};
    ecam_status st = ecam_collector_locate(&collector, run, &m, now_ns, epoch, part, &error);
    if (st == ECAM_OK) {
        assert_int_equal((*epoch)->number, number);
        assert_int_equal((*epoch)->mode, from.mode);
        assert_int_equal((*part)->rank, from.rank);
        assert_int_equal((*part)->session, from.session);
        assert_ptr_equal((*epoch)->run, run);
    } else {
        assert_int_equal(error.status, st);
        assert_true(strlen(error.text) > 0);
    }
    return st;
}

static inline ecam_epoch *batch_at(sender from, uint64_t number, int64_t now_ns)
{
    ecam_epoch *epoch;
    ecam_part *part;
    CHECK_STATUS(locate(ECAM_MESSAGE_BATCH, from, number, now_ns, &epoch, &part), ECAM_OK);
    CHECK_STATUS(ecam_part_count(part, ""), ECAM_OK);
    return epoch;
}

static inline ecam_epoch *batch(sender from, uint64_t number)
{
    return batch_at(from, number, SECOND);
}

static inline void late(sender from, uint64_t number)
{
    ecam_epoch *epoch;
    ecam_part *part;
    CHECK_STATUS(locate(ECAM_MESSAGE_BATCH, from, number, SECOND, &epoch, &part), ECAM_ECLOSED);
}

static inline void mark_at(sender from, uint64_t number, int64_t now_ns)
{
    ecam_epoch *epoch;
    ecam_part *part;
    const ecam_message m = message(ECAM_MESSAGE_EPOCH_END, from, number);
    CHECK_STATUS(locate(ECAM_MESSAGE_EPOCH_END, from, number, now_ns, &epoch, &part), ECAM_OK);
    ecam_collector_mark(&collector, epoch, part, &m, now_ns);
}

static inline void mark(sender from, uint64_t number)
{
    mark_at(from, number, SECOND);
}

static inline void bye(sender from)
{
    const ecam_message m = message(ECAM_MESSAGE_BYE, from, 0);
    ecam_collector_bye(&collector, run, &m);
}

/* Take the next closed epoch, and look at it. */
static inline void expect_closed(uint64_t number, bool complete, uint32_t attempt)
{
    ecam_epoch *epoch = ecam_collector_take(&collector);
    if (!epoch)
        fail_msg("no epoch is closed, expected %d", (int)number);
    assert_int_equal(epoch->number, number);
    assert_int_equal(epoch->complete, complete);
    assert_int_equal(epoch->attempt, attempt);
    assert_true(epoch->closed);
    ecam_collector_give_back(&epoch, &shelf);
}

static inline void expect_none(void)
{
    assert_null(ecam_collector_take(&collector));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
