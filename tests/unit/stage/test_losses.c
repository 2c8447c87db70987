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
    ecam_collector_give_back(&epoch, &shelf);
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
    ecam_collector_give_back(&epoch, &shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_was_sent_tells_the_loss),
        CASE(more_than_was_sent_is_no_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
