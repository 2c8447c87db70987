#include "board.h"
#include "support/failing_malloc.h"

/* One epoch from opening to closing. It is whole, or it is said not to be. */
static ecam_status attempt(const ecam_result results[3], bool *written)
{
    ecam_tensorboard *board;
    ecam_status first, st = ecam_tensorboard_open(store_dir, BOARD_LIMITS, &board, NULL);

    *written = false;
    if (st != ECAM_OK)
        return st;
    first = ECAM_OK;
    for (int i = 0; i < 3; i++) {
        st = ecam_tensorboard_store(board, &results[i], 1, NULL);
        first = first == ECAM_OK ? st : first;
    }
    *written = st == ECAM_OK;
    st = ecam_tensorboard_close(&board, NULL);
    return first == ECAM_OK ? st : first;
}

static void every_failed_allocation_is_told(void **state)
{
    bool failed = true;
    unsigned failures = 0;

    for (unsigned n = 0; failed; n++) {
        const ecam_result results[] = {store_overlay("run", 1, 1), store_sheet("run", 0), store_summary("run", 2)};
        bool written;
        char names[BOARD_FILES][512];
        assert_int_equal(store_set_up(state), 0);
        failing_malloc_arm(n);
        ecam_status st = attempt(results, &written);
        failed = failing_malloc_disarm();
        if (st != (failed ? ECAM_ENOMEM : ECAM_OK))
            fail_msg("allocation %u: \"%s\"", n, ecam_status_word(st));
        if (written) {
            assert_int_equal(board_files("run", names), 1);
            board_events events = board_read(names[0]);
            assert_non_null(board_value(&events, "out/eval/samples", 3));
            board_free(&events);
        }
        failures += failed;
        assert_int_equal(store_tear_down(state), 0);
    }
    assert_true(failures > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_failed_allocation_is_told)};
    return cmocka_run_group_tests_name("tensorboard memory", tests, NULL, NULL);
}
