#include "wire/recording.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/check.h"

static char folder[64], path[96];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/test-recording-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/file", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void write_file(const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static size_t read_file(unsigned char *bytes, size_t capacity)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, capacity, file);
    fclose(file);
    return size;
}

static ecam_frame text_frame(const char *text)
{
    return (ecam_frame){.data = text, .size = strlen(text)};
}

static void write_record(ecam_recorder *recorder, uint64_t time_ns, const char *a, const char *b)
{
    const ecam_frame frames[] = {text_frame(a), text_frame(b ? b : "")};
    ecam_error error = {0};
    CHECK_OK(ecam_recorder_write(recorder, time_ns, frames, b ? 2 : 1, &error), error);
}

static ecam_recorder *open_recorder(ecam_recording_kind kind)
{
    ecam_recorder *recorder;
    ecam_error error = {0};
    CHECK_OK(ecam_recorder_open(path, kind, &recorder, &error), error);
    return recorder;
}

static ecam_player *open_player(void)
{
    ecam_player *player;
    ecam_error error = {0};
    CHECK_OK(ecam_player_open(path, &player, &error), error);
    return player;
}

static void expect_record(ecam_player *player, uint64_t time_ns, const char *a, const char *b)
{
    const char *expected[] = {a, b};
    const ecam_frame *frames;
    uint64_t time;
    size_t n;
    ecam_error error = {0};

    CHECK_OK(ecam_player_next(player, &time, &frames, &n, &error), error);
    assert_int_equal(time, time_ns);
    assert_int_equal(n, b ? 2 : 1);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(frames[i].size, strlen(expected[i]));
        assert_memory_equal(frames[i].data, expected[i], frames[i].size);
    }
}

static void expect_failure(ecam_player *player, ecam_status status, const char *part)
{
    const ecam_frame *frames;
    uint64_t time;
    size_t n;
    ecam_error error = {0};

    CHECK_STATUS(ecam_player_next(player, &time, &frames, &n, &error), status);
    if (part)
        CHECK_TEXT_HAS(error.text, part);
    assert_null(frames);
    assert_int_equal(n, 0);
}

static void refuses_to_open(ecam_status status, const char *part)
{
    ecam_player *player = (ecam_player *)path;
    ecam_error error = {0};

    CHECK_STATUS(ecam_player_open(path, &player, &error), status);
    CHECK_TEXT_HAS(error.text, part);
    CHECK_TEXT_HAS(error.text, path);
    assert_null(player);
}

/* The example of proto/recording.md. */
static const unsigned char example[] = {
    0x45, 0x49, 0x47, 0x45, 0x4e, 0x52, 0x45, 0x43, 1, 0, 0, 0, 1, 0, 0, 0, /* head */
    0x40, 0x4b, 0x4c, 0,    0,    0,    0,    0,    2, 0, 0, 0, 0, 0, 0, 0, /* record */
    1,    0,    0,    0,    0,    0,    0,    0,    0, 0, 0, 0, 0, 0, 0, 0, /* sizes */
    0x61};

static void writes_the_specified_bytes(void **state)
{
    (void)state;
    unsigned char bytes[128];
    ecam_recorder *recorder = open_recorder(ECAM_RECORDING_TRAINER);
    write_record(recorder, 5000000, "a", "");
    CHECK_STATUS(ecam_recorder_close(&recorder, NULL), ECAM_OK);
    assert_null(recorder);
    assert_int_equal(read_file(bytes, sizeof bytes), sizeof example);
    assert_memory_equal(bytes, example, sizeof example);
}

static void reads_the_specified_bytes(void **state)
{
    (void)state;
    write_file(example, sizeof example);
    ecam_player *player = open_player();
    assert_int_equal(ecam_player_kind(player), ECAM_RECORDING_TRAINER);
    expect_record(player, 5000000, "a", "");
    expect_failure(player, ECAM_ECLOSED, NULL);
    ecam_player_close(&player);
    assert_null(player);
    ecam_player_close(&player);
}

static void plays_what_was_recorded_and_again(void **state)
{
    (void)state;
    ecam_recorder *recorder = open_recorder(ECAM_RECORDING_RESULTS);
    write_record(recorder, 0, "first", NULL);
    write_record(recorder, 7, "topic|", "header");
    write_record(recorder, 3, "earlier than the one before", NULL);
    CHECK_STATUS(ecam_recorder_close(&recorder, NULL), ECAM_OK);

    ecam_player *player = open_player();
    assert_int_equal(ecam_player_kind(player), ECAM_RECORDING_RESULTS);
    for (int turn = 0; turn < 2; turn++) {
        expect_record(player, 0, "first", NULL);
        expect_record(player, 7, "topic|", "header");
        expect_record(player, 7, "earlier than the one before", NULL);
        expect_failure(player, ECAM_ECLOSED, NULL);
        expect_failure(player, ECAM_ECLOSED, NULL);
        CHECK_STATUS(ecam_player_rewind(player, NULL), ECAM_OK);
    }
    ecam_player_close(&player);
}

static void an_empty_recording_is_one(void **state)
{
    (void)state;
    ecam_recorder *recorder = open_recorder(ECAM_RECORDING_RESULTS);
    CHECK_STATUS(ecam_recorder_close(&recorder, NULL), ECAM_OK);
    CHECK_STATUS(ecam_recorder_close(&recorder, NULL), ECAM_OK);
    ecam_player *player = open_player();
    expect_failure(player, ECAM_ECLOSED, NULL);
    ecam_player_close(&player);
}

static void a_cut_at_every_byte_is_found(void **state)
{
    (void)state;
    unsigned char bytes[256];
    char at[64];
    ecam_recorder *recorder = open_recorder(ECAM_RECORDING_TRAINER);
    write_record(recorder, 1, "one", "two");  /* 16 + 16 + 6: ends at 54 */
    write_record(recorder, 2, "three", NULL); /* 16 + 8 + 5: ends at 83 */
    ecam_recorder_close(&recorder, NULL);
    assert_int_equal(read_file(bytes, sizeof bytes), 83);

    for (size_t size = 0; size <= 83; size++) {
        write_file(bytes, size);
        if (size < 16) {
            refuses_to_open(ECAM_EFORMAT, "not a recording");
            continue;
        }
        ecam_player *player = open_player();
        if (size >= 54)
            expect_record(player, 1, "one", "two");
        if (size == 83)
            expect_record(player, 2, "three", NULL);
        if (size == 16 || size == 54 || size == 83) {
            expect_failure(player, ECAM_ECLOSED, NULL);
        } else {
            snprintf(at, sizeof at, "cut: the record at byte %d goes beyond its end at byte %zu",
                     size < 54 ? 16 : 54, size);
            expect_failure(player, ECAM_EFORMAT, at);
            expect_failure(player, ECAM_EFORMAT, at);
        }
        ecam_player_close(&player);
    }
}

/* The example with one byte changed. */
static void write_changed(size_t at, unsigned char value)
{
    unsigned char bytes[sizeof example];
    memcpy(bytes, example, sizeof bytes);
    bytes[at] = value;
    write_file(bytes, sizeof bytes);
}

static void hostile_heads_are_refused(void **state)
{
    (void)state;
    write_changed(0, 'X');
    refuses_to_open(ECAM_EFORMAT, "does not begin with EIGENREC");
    write_changed(8, 2);
    refuses_to_open(ECAM_EVERSION, "version 2, expected 1");
    write_changed(12, 3);
    refuses_to_open(ECAM_EFORMAT, "kind 3");
    write_changed(12, 0);
    refuses_to_open(ECAM_EFORMAT, "kind 0");
}

static void hostile_records_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        unsigned char value;
        ecam_status status;
        const char *part;
    } cases[] = {
        {24, 0, ECAM_EFORMAT, "no record begins at byte 16"},      /* no frames */
        {28, 1, ECAM_EFORMAT, "no record begins at byte 16"},      /* reserved */
        {31, 0x80, ECAM_EFORMAT, "no record begins at byte 16"},   /* reserved */
        {25, 5, ECAM_ELIMIT, "1282 frames"},                       /* 0x502 */
        {25, 1, ECAM_EFORMAT, "cut"},                              /* 258 frames */
        {32, 2, ECAM_EFORMAT, "cut"},                              /* one byte more */
        {47, 0xff, ECAM_ELIMIT, "at most 2^30"},                   /* 2^63 bytes and more */
        {36, 1, ECAM_ELIMIT, "at most 2^30"},                      /* 2^32 + 1 bytes */
        {35, 0x3f, ECAM_EFORMAT, "cut"},                           /* just below 2^30 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_changed(cases[i].at, cases[i].value);
        ecam_player *player = open_player();
        expect_failure(player, cases[i].status, cases[i].part);
        ecam_player_close(&player);
    }
}

/* Three frames of 2^30 bytes in a sparse file that really has them. */
static void a_record_of_three_gigabytes_is_refused(void **state)
{
    (void)state;
    unsigned char bytes[16 + 16 + 24] = {0};
    memcpy(bytes, example, 32);
    bytes[24] = 3;
    for (int i = 0; i < 3; i++)
        bytes[32 + 8 * i + 3] = 0x40;
    write_file(bytes, sizeof bytes);
    assert_int_equal(truncate(path, (off_t)sizeof bytes + ((off_t)3 << 30)), 0);
    ecam_player *player = open_player();
    expect_failure(player, ECAM_ELIMIT, "2^31 together");
    ecam_player_close(&player);
}

static void a_recording_that_shrinks_is_no_crash(void **state)
{
    (void)state;
    write_file(example, sizeof example);
    ecam_player *player = open_player();
    assert_int_equal(truncate(path, 40), 0);
    expect_failure(player, ECAM_EIO, "became shorter");
    ecam_player_close(&player);
}

static void only_regular_files_are_played(void **state)
{
    (void)state;
    ecam_player *player;
    ecam_error error = {0};

    CHECK_STATUS(ecam_player_open(folder, &player, &error), ECAM_EIO);
    CHECK_TEXT_HAS(error.text, "not a regular file");
    CHECK_STATUS(ecam_player_open("/dev/null", &player, &error), ECAM_EIO);
    unlink(path);
    refuses_to_open(ECAM_EIO, "cannot be opened: No such file");
    assert_int_equal(mkfifo(path, 0600), 0);
    refuses_to_open(ECAM_EIO, "not a regular file");
    unlink(path);
}

static void what_cannot_be_written_is_said(void **state)
{
    (void)state;
    char bad[128];
    ecam_recorder *recorder = (ecam_recorder *)path;
    ecam_error error = {0};

    snprintf(bad, sizeof bad, "%s/none/file", folder);
    CHECK_STATUS(ecam_recorder_open(bad, ECAM_RECORDING_TRAINER, &recorder, &error), ECAM_EIO);
    assert_null(recorder);
    CHECK_TEXT_HAS(error.text, "none/file cannot be written: No such file");
    CHECK_STATUS(ecam_recorder_open("/dev/full", ECAM_RECORDING_TRAINER, &recorder, &error), ECAM_EIO);
    CHECK_TEXT_HAS(error.text, "No space left");
}

static void limits_hold_for_writing_too(void **state)
{
    (void)state;
    static ecam_frame frames[ECAM_RECORDING_FRAMES + 1];
    ecam_error error = {0};
    ecam_recorder *recorder = open_recorder(ECAM_RECORDING_TRAINER);

    CHECK_STATUS(ecam_recorder_write(recorder, 0, frames, 0, &error), ECAM_EINVAL);
    CHECK_STATUS(ecam_recorder_write(recorder, 0, frames, ECAM_RECORDING_FRAMES + 1, &error), ECAM_ELIMIT);
    CHECK_TEXT_HAS(error.text, "1025 frames");
    /* sizes alone are looked at: nothing is read from these */
    frames[1].size = ((size_t)1 << 30) + 1;
    CHECK_STATUS(ecam_recorder_write(recorder, 0, frames, 2, &error), ECAM_ELIMIT);
    CHECK_TEXT_HAS(error.text, "frame 1 has 1073741825 bytes");
    frames[0].size = frames[1].size = frames[2].size = (size_t)1 << 30;
    CHECK_STATUS(ecam_recorder_write(recorder, 0, frames, 3, &error), ECAM_ELIMIT);
    frames[0].size = frames[1].size = frames[2].size = 0;
    CHECK_OK(ecam_recorder_write(recorder, 9, frames, ECAM_RECORDING_FRAMES, &error), error);
    CHECK_STATUS(ecam_recorder_close(&recorder, NULL), ECAM_OK);

    const ecam_frame *read;
    uint64_t time;
    size_t n;
    ecam_player *player = open_player();
    CHECK_OK(ecam_player_next(player, &time, &read, &n, &error), error);
    assert_int_equal(n, ECAM_RECORDING_FRAMES);
    assert_int_equal(read[ECAM_RECORDING_FRAMES - 1].size, 0);
    expect_failure(player, ECAM_ECLOSED, NULL);
    ecam_player_close(&player);
}

/* A size limit stands for a full disk: the torn record is taken back, and what
 * is small enough still goes in. */
static void a_full_disk_costs_one_record(void **state)
{
    (void)state;
    static char large[4096];
    struct rlimit before, small;
    ecam_error error = {0};
    ecam_frame frame = {.data = large, .size = sizeof large};
    ecam_recorder *recorder = open_recorder(ECAM_RECORDING_TRAINER);

    write_record(recorder, 1, "one", NULL);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 2048;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    ecam_status st = ecam_recorder_write(recorder, 2, &frame, 1, &error);
    const ecam_frame little = text_frame("three");
    ecam_status after = ecam_recorder_write(recorder, 3, &little, 1, NULL);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    CHECK_STATUS(st, ECAM_EIO);
    CHECK_TEXT_HAS(error.text, "message cannot be recorded: File too large");
    CHECK_STATUS(after, ECAM_OK);
    ecam_recorder_close(&recorder, NULL);

    ecam_player *player = open_player();
    expect_record(player, 1, "one", NULL);
    expect_record(player, 3, "three", NULL);
    expect_failure(player, ECAM_ECLOSED, NULL);
    ecam_player_close(&player);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_specified_bytes),
        cmocka_unit_test(reads_the_specified_bytes),
        cmocka_unit_test(plays_what_was_recorded_and_again),
        cmocka_unit_test(an_empty_recording_is_one),
        cmocka_unit_test(a_cut_at_every_byte_is_found),
        cmocka_unit_test(hostile_heads_are_refused),
        cmocka_unit_test(hostile_records_are_refused),
        cmocka_unit_test(a_record_of_three_gigabytes_is_refused),
        cmocka_unit_test(a_recording_that_shrinks_is_no_crash),
        cmocka_unit_test(only_regular_files_are_played),
        cmocka_unit_test(what_cannot_be_written_is_said),
        cmocka_unit_test(limits_hold_for_writing_too),
        cmocka_unit_test(a_full_disk_costs_one_record),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
