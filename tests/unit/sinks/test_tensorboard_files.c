#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "board.h"

static void write_epoch(uint64_t epoch, uint64_t stage, uint32_t attempt)
{
    ecam_tensorboard *board = board_open(BOARD_LIMITS);
    board_put_epoch(board, epoch, stage, attempt);
    board_close(&board);
}

static void a_restarted_logger_goes_on_in_a_file_of_its_own(void **state)
{
    (void)state;
    char names[BOARD_FILES][512];
    write_epoch(3, 0xabc, 1);
    assert_int_equal(board_files("run", names), 1);
    board_bytes before = board_load(names[0]);

    ecam_tensorboard *board = board_open(BOARD_LIMITS);
    board_put_epoch(board, 3, 0xabc, 1);
    assert_true(ecam_tensorboard_last_epoch(board).there_before);
    for (uint64_t epoch = 4; epoch < 7; epoch++) {
        board_put_epoch(board, epoch, 0xabc, 1);
        assert_false(ecam_tensorboard_last_epoch(board).there_before);
    }
    board_close(&board);

    char after[BOARD_FILES][512];
    assert_int_equal(board_files("run", after), 2);
    assert_string_equal(after[0], names[0]); /* the new one's name comes later */
    board_bytes same = board_load(names[0]);
    assert_int_equal(same.size, before.size);
    assert_memory_equal(same.data, before.data, before.size);
    for (uint64_t epoch = 3; epoch < 7; epoch++)
        assert_int_equal(board_count("run", epoch), 1);
    free(before.data);
    free(same.data);
}

static void steps_that_go_back_go_to_another_run(void **state)
{
    (void)state;
    ecam_tensorboard *board = board_open(BOARD_LIMITS);
    for (uint64_t epoch = 1; epoch < 4; epoch++)
        board_put_epoch(board, epoch, 0xabc, 1);
    board_put_epoch(board, 2, 0xabc, 2); /* a rank was started again */
    assert_string_equal(ecam_tensorboard_last_epoch(board).folder, "run/attempt-2");
    board_put_epoch(board, 3, 0xabc, 2);
    board_put_epoch(board, 4, 0xabc, 1);
    assert_string_equal(ecam_tensorboard_last_epoch(board).folder, "run/attempt-2");
    board_close(&board);
    assert_int_equal(board_count("run", 4), 0);
    assert_int_equal(board_count("run", 3), 1);
    assert_int_equal(board_count("run/attempt-2", 3), 1);

    board = board_open(BOARD_LIMITS); /* the whole training again, under another stage */
    board_put_epoch(board, 3, 0xabc, 2);
    assert_true(ecam_tensorboard_last_epoch(board).there_before);
    board_put_epoch(board, 4, 0xdef, 1);
    assert_string_equal(ecam_tensorboard_last_epoch(board).folder, "run/attempt-3");
    board_close(&board);
    assert_int_equal(board_count("run/attempt-3", 4), 1);
}

static void other_series_do_not_go_back(void **state)
{
    (void)state;
    ecam_tensorboard *board = board_open(BOARD_LIMITS);
    board_put_epoch(board, 7, 0xabc, 1);
    ecam_result overlay = store_overlay("run", 0, 0), summary = store_summary("run", 1);
    overlay.mode = summary.mode = "test";
    board_put(board, overlay);
    board_put(board, summary);
    assert_string_equal(ecam_tensorboard_last_epoch(board).folder, "run");
    board_close(&board);
}

/* Wherever a file is torn: an epoch that is there is not written again, one that
 * is not there is, and the torn file stays as it is. */
static void a_torn_file_is_read_up_to_where_it_is_torn(void **state)
{
    (void)state;
    char names[BOARD_FILES][512], again[BOARD_FILES][512];
    write_epoch(3, 0xabc, 1);
    ecam_tensorboard *board = board_open(BOARD_LIMITS);
    board_put_epoch(board, 4, 0xabc, 1);
    board_put_epoch(board, 5, 0xabc, 1);
    board_close(&board);
    assert_int_equal(board_files("run", names), 2);
    board_bytes whole = board_load(names[1]);
    int known_at_end = 0;

    for (size_t size = 0; size <= whole.size; size += size < whole.size && size + 13 > whole.size ? 1 : 13) {
        board_save(names[1], whole.data, size);
        board = board_open(BOARD_LIMITS);
        board_put_epoch(board, 3, 0xabc, 1);
        assert_true(ecam_tensorboard_last_epoch(board).there_before);
        board_put_epoch(board, 4, 0xabc, 1);
        board_put_epoch(board, 5, 0xabc, 1);
        known_at_end = ecam_tensorboard_last_epoch(board).there_before;
        assert_int_equal(known_at_end, size == whole.size);
        assert_string_equal(ecam_tensorboard_last_epoch(board).folder, known_at_end ? "" : "run");
        board_close(&board);

        assert_int_equal(board_files("run", again), known_at_end ? 2 : 3);
        assert_string_equal(again[1], names[1]);
        board_bytes same = board_load(names[1]);
        assert_int_equal(same.size, size);
        free(same.data);
        if (!known_at_end) {
            board_events events = board_read(again[2]);
            assert_non_null(board_value(&events, "out/eval/samples", 5));
            board_free(&events);
            assert_int_equal(unlink(store_path(again[2])), 0);
        }
    }
    assert_true(known_at_end);
    free(whole.data);
}

static void any_flipped_byte_is_survived(void **state)
{
    (void)state;
    char names[BOARD_FILES][512], again[BOARD_FILES][512];
    write_epoch(3, 0xabc, 1);
    assert_int_equal(board_files("run", names), 1);
    board_bytes bytes = board_load(names[0]);

    for (size_t i = 0; i < bytes.size; i += 3) {
        bytes.data[i] ^= 0x5a;
        board_save(names[0], bytes.data, bytes.size);
        write_epoch(4, 0xabc, 1);
        int n = board_files("run", again);
        assert_int_equal(n, 2);
        assert_int_equal(unlink(store_path(again[1])), 0);
        bytes.data[i] ^= 0x5a;
    }
    free(bytes.data);
}

/* What others left in the folder, or planted there. */
static void foreign_files_are_left_alone(void **state)
{
    (void)state;
    static const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3, 4, 5, 6, 7, 8};
    assert_int_equal(mkdir(store_dir, 0777), 0);
    assert_int_equal(mkdir(store_path("run"), 0777), 0);
    board_save("run/events.out.tfevents.0000000001.host.1.0", (const uint8_t *)"no events", 9);
    board_save("run/events.out.tfevents.2.", huge, sizeof huge);
    board_save("run/notes.txt", (const uint8_t *)"x", 1);
    assert_int_equal(mkdir(store_path("run/events.out.tfevents.3.folder"), 0777), 0);
    assert_int_equal(mkfifo(store_path("run/events.out.tfevents.4.fifo"), 0666), 0);
    assert_int_equal(symlink("/dev/zero", store_path("run/events.out.tfevents.5.link")), 0);
    write_epoch(3, 0xabc, 1);
    assert_int_equal(store_entries(store_path("run")), 7);
}

/* TensorBoard reads a folder's files in the order of their names, and never goes
 * back, so that a clock that was set back must not matter. */
static void a_new_file_is_the_last_one(void **state)
{
    (void)state;
    char names[BOARD_FILES][512], future[80];
    write_epoch(3, 0xabc, 1);
    assert_int_equal(board_files("run", names), 1);
    snprintf(future, sizeof future, "run/events.out.tfevents.%010lld.host.9.1", (long long)time(NULL) + 100000);
    assert_int_equal(rename(store_path(names[0]), store_path(future)), 0);
    write_epoch(4, 0xabc, 1);
    assert_int_equal(board_files("run", names), 2);
    assert_string_equal(names[0], future);
    board_events events = board_read(names[1]);
    assert_non_null(board_value(&events, "out/eval/samples", 4));
    board_free(&events);
}

static void links_are_not_followed(void **state)
{
    (void)state;
    char elsewhere[100];
    ecam_error error = {0};
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", store_root);
    assert_int_equal(mkdir(elsewhere, 0777), 0);
    assert_int_equal(mkdir(store_dir, 0777), 0);
    assert_int_equal(symlink(elsewhere, store_path("run")), 0);
    ecam_tensorboard *board = board_open(BOARD_LIMITS);
    ecam_result summary = store_summary("run", 1);
    CHECK_STATUS(ecam_tensorboard_store(board, &summary, 1, &error), ECAM_EIO);
    CHECK_TEXT_HAS(error.text, "links");
    summary.run = "good";
    board_put(board, summary);
    board_close(&board);
    assert_int_equal(store_entries(elsewhere), 0);
}

static void one_logger_a_folder(void **state)
{
    (void)state;
    ecam_tensorboard *first = board_open(BOARD_LIMITS), *second;
    ecam_error error = {0};
    CHECK_STATUS(ecam_tensorboard_open(store_dir, BOARD_LIMITS, &second, &error), ECAM_EIO);
    CHECK_TEXT_HAS(error.text, "another logger");
    assert_null(second);
    board_close(&first);
    first = board_open(BOARD_LIMITS);
    board_close(&first);
}

static void allow_file_size(rlim_t size)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A limit on the size of files stands for a disk that is full. */
static void a_full_disk_costs_that_epoch_and_no_other(void **state)
{
    (void)state;
    char names[BOARD_FILES][512];
    ecam_error error = {0};
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    ecam_tensorboard *board = board_open(BOARD_LIMITS);
    ecam_result summary = store_summary("run", 1);
    board_put_epoch(board, 3, 0xabc, 1);
    assert_int_equal(board_files("run", names), 1);
    board_bytes bytes = board_load(names[0]);

    summary.epoch = 4;
    allow_file_size(bytes.size + 150); /* the mark fits, and a part of the epoch */
    ecam_status st = ecam_tensorboard_store(board, &summary, 1, &error);
    allow_file_size(RLIM_INFINITY);
    CHECK_STATUS(st, ECAM_EIO);
    CHECK_TEXT_HAS(error.text, "epoch 4");
    board_put_epoch(board, 5, 0xabc, 1);
    board_close(&board);
    signal(SIGXFSZ, before);
    assert_int_equal(board_count("run", 3), 1); /* each file is whole */
    assert_int_equal(board_count("run", 4), 0);
    assert_int_equal(board_count("run", 5), 1);
    free(bytes.data);
}

static void what_was_removed_is_made_again(void **state)
{
    (void)state;
    char names[BOARD_FILES][512];
    ecam_tensorboard *board = board_open(BOARD_LIMITS);
    board_put_epoch(board, 3, 0xabc, 1);
    assert_int_equal(board_files("run", names), 1);
    assert_int_equal(unlink(store_path(names[0])), 0);
    assert_int_equal(rmdir(store_path("run")), 0);
    board_put_epoch(board, 4, 0xabc, 1);
    board_close(&board);
    assert_int_equal(board_count("run", 4), 1);
}

/* A process that writes epochs until it is killed, somewhere in one of them. */
static void a_killed_logger_leaves_whole_epochs(void **state)
{
    (void)state;
    char names[BOARD_FILES][512];
    int told[2];
    uint8_t at;
    assert_int_equal(pipe(told), 0);
    pid_t child = fork();
    if (child == 0) {
        ecam_tensorboard *board = board_open(BOARD_LIMITS);
        for (uint8_t epoch = 1; epoch < 255; epoch++) {
            board_put_epoch(board, epoch, 0xabc, 1);
            if (write(told[1], &epoch, 1) != 1)
                _exit(1);
        }
        pause();
        _exit(0);
    }
    close(told[1]);
    do
        assert_int_equal(read(told[0], &at, 1), 1);
    while (at < 40);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(told[0]);

    ecam_tensorboard *board = board_open(BOARD_LIMITS);
    for (uint64_t epoch = 1; epoch <= 40; epoch++) {
        board_put_epoch(board, epoch, 0xabc, 1);
        assert_true(ecam_tensorboard_last_epoch(board).there_before);
    }
    board_put_epoch(board, 255, 0xabc, 1);
    assert_string_equal(ecam_tensorboard_last_epoch(board).folder, "run");
    board_close(&board);
    assert_int_equal(board_files("run", names), 2);
    board_events events = board_read(names[1]);
    assert_non_null(board_value(&events, "out/eval/samples", 255));
    board_free(&events);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, store_set_up, store_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_restarted_logger_goes_on_in_a_file_of_its_own),
        CASE(steps_that_go_back_go_to_another_run),
        CASE(other_series_do_not_go_back),
        CASE(a_torn_file_is_read_up_to_where_it_is_torn),
        CASE(any_flipped_byte_is_survived),
        CASE(foreign_files_are_left_alone),
        CASE(a_new_file_is_the_last_one),
        CASE(links_are_not_followed),
        CASE(one_logger_a_folder),
        CASE(a_full_disk_costs_that_epoch_and_no_other),
        CASE(what_was_removed_is_made_again),
        CASE(a_killed_logger_leaves_whole_epochs),
    };
    return cmocka_run_group_tests_name("tensorboard files", tests, NULL, NULL);
}
