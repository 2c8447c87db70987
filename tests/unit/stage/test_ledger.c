/* Every batch message in exactly one class, whatever comes. */
#include "stage/ledger.h"
#include "support/check.h"

static ecam_ledger ledger;

static int set_up(void **state)
{
    (void)state;
    ledger = (ecam_ledger){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ecam_ledger_finish(&ledger);
    return 0;
}

static ecam_ledger_rank *rank_of(uint32_t number)
{
    ecam_ledger_rank *rank;
    ecam_error error = {0};
    CHECK_OK(ecam_ledger_rank_of(&ledger, number, &rank, &error), error);
    return rank;
}

static ecam_message message(const char *topic, uint64_t session, uint64_t seq)
{
    return (ecam_message){.topic = topic, .session = session, .has_session = true, .seq = seq, .has_seq = true};
}

static ecam_seq_verdict note(uint32_t rank, uint64_t session, const char *topic, uint64_t seq, uint64_t *lost)
{
    const ecam_message m = message(topic, session, seq);
    ecam_seq_verdict verdict;
    CHECK_STATUS(ecam_ledger_note(&ledger, rank_of(rank), &m, &verdict, lost), ECAM_OK);
    return verdict;
}

/* Noted and used, as the stage does it. */
static ecam_seq_verdict use(uint32_t rank, uint64_t session, const char *topic, uint64_t seq)
{
    uint64_t lost;
    ecam_seq_verdict verdict = note(rank, session, topic, seq, &lost);
    if (verdict != ECAM_SEQ_DUPLICATE)
        ecam_ledger_class(&ledger, rank_of(rank), ECAM_CLASS_USED);
    return verdict;
}

static void check_account(const ecam_account *a, uint64_t sent, uint64_t used, uint64_t lost, uint64_t duplicates)
{
    assert_int_equal(a->sent, sent);
    assert_int_equal(a->classes[ECAM_CLASS_USED], used);
    assert_int_equal(a->classes[ECAM_CLASS_LOST], lost);
    assert_int_equal(a->duplicates, duplicates);
    assert_int_equal(ecam_account_sum(a), sent);
}

static void sequences_count_for_each_stream(void **state)
{
    uint64_t lost;

    (void)state;
    assert_int_equal(note(0, 7, "batch|a|", 0, &lost), ECAM_SEQ_NEW);
    assert_int_equal(note(0, 7, "batch|a|", 3, &lost), ECAM_SEQ_NEW);
    assert_int_equal(lost, 2);
    assert_int_equal(note(0, 7, "batch|b|", 5, &lost), ECAM_SEQ_NEW); /* another topic */
    assert_int_equal(lost, 0);
    assert_int_equal(note(1, 7, "batch|a|", 0, &lost), ECAM_SEQ_NEW); /* another rank */
    assert_int_equal(note(0, 8, "batch|a|", 0, &lost), ECAM_SEQ_NEW); /* another session */
    assert_int_equal(note(0, 7, "batch|a|", 3, &lost), ECAM_SEQ_DUPLICATE);
    assert_int_equal(note(0, 7, "batch|a|", 1, &lost), ECAM_SEQ_LATE);
}

static void the_sum_holds_with_gaps_and_duplicates(void **state)
{
    static const uint64_t seqs[] = {0, 4, 2, 2, 9, 4, 3};

    (void)state;
    for (size_t i = 0; i < sizeof seqs / sizeof *seqs; i++)
        use(3, 7, "batch|", seqs[i]);
    check_account(&rank_of(3)->account, 10, 5, 5, 2); /* 0 2 3 4 9 of 0..9 */
    use(4, 7, "batch|", 0);
    check_account(&rank_of(4)->account, 1, 1, 0, 0);
    check_account(&ledger.account, 11, 6, 5, 2);
}

static void without_a_number_everything_is_new(void **state)
{
    ecam_message m = message("batch|", 7, 0);
    ecam_seq_verdict verdict = ECAM_SEQ_DUPLICATE;
    uint64_t lost;

    (void)state;
    m.has_seq = false;
    for (int i = 0; i < 2; i++) {
        CHECK_STATUS(ecam_ledger_note(&ledger, rank_of(0), &m, &verdict, &lost), ECAM_OK);
        assert_int_equal(verdict, ECAM_SEQ_NEW);
        assert_int_equal(lost, 0);
    }
    assert_int_equal(ledger.account.sent, 2);
}

static void without_a_session_nothing_is_a_duplicate(void **state)
{
    ecam_message m = message("batch|", 0, 5);
    ecam_seq_verdict verdict;
    uint64_t lost;

    (void)state;
    m.has_session = false;
    for (int i = 0; i < 2; i++) {
        CHECK_STATUS(ecam_ledger_note(&ledger, rank_of(0), &m, &verdict, &lost), ECAM_OK);
        assert_int_equal(verdict, ECAM_SEQ_NEW);
    }
    assert_int_equal(ledger.account.sent, 2);
    assert_int_equal(ledger.account.duplicates, 0);
}

static void what_came_before_the_first_is_lost_if_the_first_hello_came(void **state)
{
    uint64_t lost;

    (void)state;
    note(0, 7, "hello|r|", 0, &lost);
    note(0, 7, "batch|", 3, &lost);
    assert_int_equal(lost, 3);
    note(1, 7, "hello|r|", 1, &lost); /* it greeted others before */
    note(1, 7, "batch|", 3, &lost);
    assert_int_equal(lost, 0);
    assert_int_equal(rank_of(0)->account.sent, 4);
    assert_int_equal(rank_of(1)->account.sent, 1);
}

static void a_lost_end_is_told(void **state)
{
    uint64_t lost;

    (void)state;
    use(0, 7, "batch|a|", 0);
    assert_int_equal(ecam_ledger_tell(&ledger, rank_of(0), 7, "batch|a|", 4), 4);
    assert_int_equal(ecam_ledger_tell(&ledger, rank_of(0), 7, "batch|a|", 4), 0);
    check_account(&rank_of(0)->account, 5, 1, 4, 0);
    assert_int_equal(use(0, 7, "batch|a|", 2), ECAM_SEQ_LATE); /* after all */
    check_account(&rank_of(0)->account, 5, 2, 3, 0);
    /* Of a topic that never came something is known only if all was heard. */
    assert_int_equal(ecam_ledger_tell(&ledger, rank_of(0), 7, "batch|b|", 1), 0);
    assert_int_equal(ecam_ledger_tell(&ledger, rank_of(0), 9, "batch|b|", 1), 0);
    note(1, 7, "hello|r|", 0, &lost);
    assert_int_equal(ecam_ledger_tell(&ledger, rank_of(1), 7, "hello|r|", 8), 0); /* no batches */
    assert_int_equal(ecam_ledger_tell(&ledger, rank_of(1), 7, "batch|b|", 1), 2);
    check_account(&rank_of(1)->account, 2, 0, 2, 0);
}

static void every_class_is_in_the_sum(void **state)
{
    (void)state;
    for (int class = 0; class < ECAM_CLASS_COUNT; class++) {
        ecam_account account = {.duplicates = 100};
        account.classes[class] = 1;
        assert_int_equal(ecam_account_sum(&account), 1);
    }
}

static void a_message_moves_between_classes(void **state)
{
    (void)state;
    use(0, 7, "batch|", 0);
    ecam_ledger_move(&ledger, rank_of(0), ECAM_CLASS_USED, ECAM_CLASS_OVERWRITTEN);
    check_account(&rank_of(0)->account, 1, 0, 0, 0);
    assert_int_equal(ledger.account.classes[ECAM_CLASS_OVERWRITTEN], 1);
}

static void the_oldest_session_is_forgotten(void **state)
{
    uint64_t lost;

    (void)state;
    for (uint64_t session = 1; session <= ECAM_LEDGER_SESSIONS; session++)
        note(0, session, "batch|", 0, &lost);
    assert_int_equal(note(0, 1, "batch|", 0, &lost), ECAM_SEQ_DUPLICATE);
    note(0, ECAM_LEDGER_SESSIONS + 1, "batch|", 0, &lost);
    assert_int_equal(note(0, 2, "batch|", 0, &lost), ECAM_SEQ_DUPLICATE);
    assert_int_equal(note(0, 1, "batch|", 0, &lost), ECAM_SEQ_NEW);
    assert_int_equal(rank_of(0)->n_sessions, ECAM_LEDGER_SESSIONS);
}

static void ranks_are_bounded(void **state)
{
    ecam_ledger_rank *rank;
    ecam_error error = {0};

    (void)state;
    ledger.max_ranks = 2;
    rank_of(5);
    rank_of(1000000);
    CHECK_STATUS(ecam_ledger_rank_of(&ledger, 7, &rank, &error), ECAM_ELIMIT);
    assert_non_null(strstr(error.text, "at most 2"));
    assert_ptr_equal(rank_of(5), rank_of(5));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(sequences_count_for_each_stream),
        CASE(the_sum_holds_with_gaps_and_duplicates),
        CASE(without_a_number_everything_is_new),
        CASE(without_a_session_nothing_is_a_duplicate),
        CASE(what_came_before_the_first_is_lost_if_the_first_hello_came),
        CASE(a_lost_end_is_told),
        CASE(every_class_is_in_the_sum),
        CASE(a_message_moves_between_classes),
        CASE(the_oldest_session_is_forgotten),
        CASE(ranks_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
