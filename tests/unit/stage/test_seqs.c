#include "support/check.h"
#include "stage/seqs.h"

static void check_note(ecam_seqs *seqs, uint64_t seq, ecam_seq_verdict verdict, uint64_t lost)
{
    uint64_t found = 12345;
    ecam_seq_verdict given = ecam_seqs_note(seqs, seq, &found);
    if (given != verdict || found != lost)
        fail_msg("%llu gave verdict %d and %llu lost, expected %d and %llu", (unsigned long long)seq,
                 (int)given, (unsigned long long)found, (int)verdict, (unsigned long long)lost);
}

static void a_steady_count_loses_nothing(void **state)
{
    (void)state;
    ecam_seqs seqs = {0};
    for (uint64_t n = 0; n < 5000; n++)
        check_note(&seqs, n, ECAM_SEQ_NEW, 0);
}

static void a_gap_is_a_loss_and_may_be_filled(void **state)
{
    (void)state;
    ecam_seqs seqs = {0};
    check_note(&seqs, 0, ECAM_SEQ_NEW, 0);
    check_note(&seqs, 4, ECAM_SEQ_NEW, 3);
    check_note(&seqs, 2, ECAM_SEQ_LATE, 0);
    check_note(&seqs, 2, ECAM_SEQ_DUPLICATE, 0);
    check_note(&seqs, 1, ECAM_SEQ_LATE, 0);
    check_note(&seqs, 3, ECAM_SEQ_LATE, 0);
    check_note(&seqs, 3, ECAM_SEQ_DUPLICATE, 0);
    check_note(&seqs, 5, ECAM_SEQ_NEW, 0);
}

static void what_comes_twice_is_a_duplicate(void **state)
{
    (void)state;
    ecam_seqs seqs = {0};
    check_note(&seqs, 7, ECAM_SEQ_NEW, 0);
    check_note(&seqs, 7, ECAM_SEQ_DUPLICATE, 0);
    check_note(&seqs, 8, ECAM_SEQ_NEW, 0);
    check_note(&seqs, 7, ECAM_SEQ_DUPLICATE, 0);
}

static void what_came_before_the_first_is_no_loss(void **state)
{
    (void)state;
    ecam_seqs seqs = {0};
    check_note(&seqs, 100, ECAM_SEQ_NEW, 0);
    check_note(&seqs, 99, ECAM_SEQ_DUPLICATE, 0);
    check_note(&seqs, 0, ECAM_SEQ_DUPLICATE, 0);
    check_note(&seqs, 102, ECAM_SEQ_NEW, 1);
    check_note(&seqs, 101, ECAM_SEQ_LATE, 0);
}

static void gaps_are_remembered_within_the_window(void **state)
{
    (void)state;
    ecam_seqs seqs = {0};
    check_note(&seqs, 0, ECAM_SEQ_NEW, 0);
    check_note(&seqs, ECAM_SEQ_WINDOW, ECAM_SEQ_NEW, ECAM_SEQ_WINDOW - 1);
    check_note(&seqs, 1, ECAM_SEQ_LATE, 0);
    check_note(&seqs, ECAM_SEQ_WINDOW + 2, ECAM_SEQ_NEW, 1);
    check_note(&seqs, 2, ECAM_SEQ_DUPLICATE, 0); /* too old to tell */
    check_note(&seqs, 3, ECAM_SEQ_LATE, 0);
}

static void a_jump_beyond_the_window_is_counted_whole(void **state)
{
    (void)state;
    const uint64_t far = UINT64_C(1) << 53;
    ecam_seqs seqs = {0};
    check_note(&seqs, 10, ECAM_SEQ_NEW, 0);
    check_note(&seqs, far, ECAM_SEQ_NEW, far - 11);
    check_note(&seqs, far - 1, ECAM_SEQ_LATE, 0);
    check_note(&seqs, far - ECAM_SEQ_WINDOW + 1, ECAM_SEQ_LATE, 0);
    check_note(&seqs, far - ECAM_SEQ_WINDOW, ECAM_SEQ_DUPLICATE, 0);
    check_note(&seqs, 11, ECAM_SEQ_DUPLICATE, 0);
    check_note(&seqs, far, ECAM_SEQ_DUPLICATE, 0);
    check_note(&seqs, far + 1, ECAM_SEQ_NEW, 0);
}

/* The same with a plain set of all numbers. */
#define MODEL_NUMBERS 20000

typedef struct model {
    bool seen[MODEL_NUMBERS];
    bool started;
    uint64_t next, first;
} model;

static ecam_seq_verdict model_note(model *m, uint64_t seq, uint64_t *lost)
{
    bool old = m->started && seq < m->next;
    bool seen = old && (m->seen[seq] || seq < m->first || m->next - seq > ECAM_SEQ_WINDOW);

    *lost = m->started && !old ? seq - m->next : 0;
    if (!m->started)
        m->first = seq;
    m->started = true;
    m->seen[seq] = true;
    if (!old)
        m->next = seq + 1;
    return !old ? ECAM_SEQ_NEW : seen ? ECAM_SEQ_DUPLICATE : ECAM_SEQ_LATE;
}

static uint32_t random_below(uint64_t *state, uint32_t bound)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % bound;
}

static void agrees_with_a_plain_set(void **state)
{
    (void)state;
    static const uint32_t spreads[] = {2, 5, 60, 700, 1500, 4000};
    uint64_t random = 1;

    for (size_t round = 0; round < 60; round++) {
        uint32_t spread = spreads[round % 6];
        static model m;
        ecam_seqs seqs = {0};
        uint64_t base = random_below(&random, 3000), lost;
        memset(&m, 0, sizeof m);
        for (size_t i = 0; i < 3000 && base + spread < MODEL_NUMBERS; i++) {
            uint64_t seq = base + random_below(&random, spread);
            ecam_seq_verdict verdict = model_note(&m, seq, &lost);
            check_note(&seqs, seq, verdict, lost);
            base += random_below(&random, 3);
        }
    }
}

/* The sum of losses less what came late is what is missing in the end. */
static void losses_add_up(void **state)
{
    (void)state;
    ecam_seqs seqs = {0};
    uint64_t random = 7, total = 0, lost, sent = 0, here = 0;

    check_note(&seqs, 0, ECAM_SEQ_NEW, 0);
    for (uint64_t block = 1; block < 4000; block += 20) {
        for (uint64_t n = block + 20; n-- > block;) { /* backwards */
            sent++;
            if (random_below(&random, 4) == 0 && n + 1 < block + 20)
                continue;
            here++;
            if (ecam_seqs_note(&seqs, n, &lost) == ECAM_SEQ_LATE)
                total--;
            total += lost;
        }
    }
    assert_int_equal(total, sent - here);
    assert_true(total > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_count_loses_nothing),
        cmocka_unit_test(a_gap_is_a_loss_and_may_be_filled),
        cmocka_unit_test(what_comes_twice_is_a_duplicate),
        cmocka_unit_test(what_came_before_the_first_is_no_loss),
        cmocka_unit_test(gaps_are_remembered_within_the_window),
        cmocka_unit_test(a_jump_beyond_the_window_is_counted_whole),
        cmocka_unit_test(agrees_with_a_plain_set),
        cmocka_unit_test(losses_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
