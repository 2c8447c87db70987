/* What is known to be lost. */
#include "collecting.h"

static void mark_sent(sender from, uint64_t number, const ecam_sent *sent, size_t n)
{
    ecam_epoch *epoch;
    ecam_part *part;
    ecam_message m = message(ECAM_MESSAGE_EPOCH_END, from, number);
    m.has_sent = true;
    m.sent = sent;
    m.n_sent = n;
    CHECK_STATUS(locate(ECAM_MESSAGE_EPOCH_END, from, number, SECOND, &epoch, &part), ECAM_OK);
    ecam_collector_mark(&collector, epoch, part, &m, SECOND);
}

static void what_was_sent_tells_the_loss(void **state)
{
    (void)state;
    CHECK_STATUS(ecam_filter_parse("!b", &traces->traces[0].ds_id, NULL), ECAM_OK);
    const sender one = {0, 2, 7, 0}, two = {1, 2, 8, 0};
    const ecam_sent sent[] = {{"", 5, 40}, {"b", 100, 100} /* not subscribed to */, {"c", 3, 3}};
    batch(one, 0)->parts[0].gap_lost = 9; /* by gaps: of no account, as the marker is exact */
    batch(one, 0);
    mark_sent(one, 0, sent, 3);
    batch(two, 0)->parts[1].gap_lost = 2;
    mark(two, 0);
    ecam_epoch *epoch = ecam_collector_take(&collector);
    assert_int_equal(ecam_epoch_lost(epoch), (5 - 2) + 3 + 2);
    ecam_epoch_destroy(&epoch, &shelf);
}

static void more_than_was_sent_is_no_loss(void **state)
{
    (void)state;
    const ecam_sent sent[] = {{"", 1, 1}};
    batch((sender){.session = 7}, 0);
    batch((sender){.session = 7}, 0);
    mark_sent((sender){.session = 7}, 0, sent, 1);
    ecam_epoch *epoch = ecam_collector_take(&collector);
    assert_int_equal(ecam_epoch_lost(epoch), 0);
    ecam_epoch_destroy(&epoch, &shelf);
}

static ecam_seq_verdict note(uint32_t rank, uint64_t session, const char *topic, uint64_t seq, uint64_t *lost)
{
    ecam_message m = message(ECAM_MESSAGE_BATCH, (sender){rank, 8, session, 0}, 0);
    ecam_seq_verdict verdict;
    m.topic = topic;
    m.has_seq = true;
    m.seq = seq;
    CHECK_STATUS(ecam_collector_note_seq(&collector, &m, &verdict, lost), ECAM_OK);
    return verdict;
}

static void sequences_count_for_each_stream(void **state)
{
    (void)state;
    uint64_t lost;
    assert_int_equal(note(0, 7, "a|", 0, &lost), ECAM_SEQ_NEW);
    assert_int_equal(note(0, 7, "a|", 3, &lost), ECAM_SEQ_NEW);
    assert_int_equal(lost, 2);
    assert_int_equal(note(0, 7, "b|", 5, &lost), ECAM_SEQ_NEW); /* another topic */
    assert_int_equal(lost, 0);
    assert_int_equal(note(1, 7, "a|", 0, &lost), ECAM_SEQ_NEW); /* another rank */
    assert_int_equal(note(0, 8, "a|", 0, &lost), ECAM_SEQ_NEW); /* another session */
    assert_int_equal(note(0, 7, "a|", 3, &lost), ECAM_SEQ_DUPLICATE);
    assert_int_equal(note(0, 7, "a|", 1, &lost), ECAM_SEQ_LATE);

    ecam_message m = message(ECAM_MESSAGE_BATCH, (sender){0, 1, 7, 0}, 0);
    ecam_seq_verdict verdict = ECAM_SEQ_DUPLICATE;
    m.topic = "a|"; /* without a number everything is new */
    CHECK_STATUS(ecam_collector_note_seq(&collector, &m, &verdict, &lost), ECAM_OK);
    assert_int_equal(verdict, ECAM_SEQ_NEW);
    assert_int_equal(lost, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_was_sent_tells_the_loss),
        CASE(more_than_was_sent_is_no_loss),
        CASE(sequences_count_for_each_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
