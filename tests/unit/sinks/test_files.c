#include "sinks/files.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "store.h"

#define FOLDER "run/out/eval/epoch-000003"

static void pictures_become_files(void **state)
{
    (void)state;
    ecam_files *files = store_open();
    ecam_result overlay = store_overlay("run", 7, 1), sheet = store_sheet("run", 0);
    ecam_result map = overlay, image = overlay;
    map.type = ECAM_RESULT_MAP;
    map.picture = store_picture("map");
    image.type = ECAM_RESULT_IMAGE;
    image.picture = store_picture("image");

    store_put(files, &overlay);
    store_put(files, &map);
    store_put(files, &image);
    store_put(files, &sheet);
    store_expect_png(FOLDER "/007-overlay-1.png", "overlay");
    store_expect_png(FOLDER "/007-map-1.png", "map");
    store_expect_png(FOLDER "/007-image.png", "image");
    store_expect_png(FOLDER "/sheet-000.png", "sheet");
    assert_int_equal(store_entries(store_path(FOLDER)), 4); /* nothing temporary is left */
    store_close(&files);
}

static void hostile_names_stay_inside(void **state)
{
    (void)state;
    static const char *const names[] = {"../../etc", "a/b",  ".",    "..",           "",
                                        "/tmp/x",    "\xff", "\n\t", "index.sqlite", "\xe5\x88\x86"};
    char long_name[1000];
    memset(long_name, '/', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    ecam_files *files = store_open();

    for (size_t i = 0; i <= sizeof names / sizeof *names; i++) {
        ecam_result result = store_overlay("run", 0, 0);
        result.run = result.output = result.mode = i < sizeof names / sizeof *names ? names[i] : long_name;
        store_put(files, &result);
        result = store_summary(result.run, 1);
        store_put(files, &result);
    }
    store_close(&files);
    assert_int_equal(store_entries(store_root), 1);
    assert_int_equal(store_entries(store_dir), 1 + 11); /* the index and a folder for each */
    store_expect_png("%2E./%2E./%2E./epoch-000003/000-overlay-0.png", "overlay");
    store_expect_png("%empty/%empty/%empty/epoch-000003/000-overlay-0.png", "overlay");
    CHECK_QUERY("SELECT count(*) FROM runs", "11");
    CHECK_QUERY("SELECT e.folder FROM epochs e JOIN runs r ON r.id = e.run_id WHERE r.name = 'a/b' AND output = 'a/b'",
                "a%2Fb/a%2Fb/a%2Fb/epoch-000003");
}

static void the_index_says_what_a_picture_says(void **state)
{
    (void)state;
    ecam_files *files = store_open();
    ecam_result overlay = store_overlay("run", 7, 1), map = store_overlay("run", 7, 1), sheet = store_sheet("run", 1);
    map.type = ECAM_RESULT_MAP;
    map.component.lo = -2.5;
    map.component.hi = 4;
    map.seq = 6;
    store_put(files, &overlay);
    store_put(files, &map);
    store_put(files, &sheet);
    store_close(&files);

    CHECK_QUERY("SELECT name FROM runs", "run");
    CHECK_QUERY("SELECT output, mode, epoch, attempt, folder, stage, time_ns, seq, samples FROM epochs",
                "out|eval|3|1|" FOLDER "|0000000000000abc|1000|-|-");
    CHECK_QUERY("SELECT number, ds_id, rank, step, batch_index, label, pred FROM samples", "7|ds|1|9|2|cat|-");
    CHECK_QUERY("SELECT type, number, component, components, explained, singular, lo, hi, divisor, pages, page_rows"
                " FROM pictures ORDER BY file",
                "map|7|1|2|0.5|12.5|-2.5|4.0|1.75|-|-; overlay|7|1|2|0.5|12.5|-|-|1.75|-|-; "
                "sheet|1|-|-|-|-|-|-|-|2|64");
    CHECK_QUERY("SELECT width, height, bytes, file, stage, seq, time_ns FROM pictures WHERE type = 'map'",
                "4|3|64|" FOLDER "/007-map-1.png|0000000000000abc|6|1000");
}

static void the_index_says_what_a_summary_says(void **state)
{
    (void)state;
    const uint32_t missing[] = {1, 3};
    const char *labels[] = {"cat", NULL}, *preds[] = {"dog", "\"<&"};
    ecam_files *files = store_open();
    ecam_result summary = store_summary("run", 2);
    summary.attempt = 2;
    summary.summary = (ecam_result_summary){.samples = 2,
                                            .components = 3,
                                            .complete = false,
                                            .missing_ranks = missing,
                                            .n_missing = 2,
                                            .lost = 4,
                                            .rejected = 5,
                                            .late = 6,
                                            .published = {10, 20, 30, 1},
                                            .labels = labels,
                                            .preds = preds,
                                            .latency_ns = 123456789};
    store_put(files, &summary);
    /* the summary commits: another connection sees it at once */
    CHECK_QUERY("SELECT epoch, attempt, folder, stage, seq, time_ns, samples, components, complete, missing_ranks,"
                " lost, rejected, late, published_overlays, published_maps, published_images, published_sheets,"
                " latency_ns FROM epochs",
                "3|2|" FOLDER "-attempt-2|0000000000000abc|77|2000|2|3|0|1,3|4|5|6|10|20|30|1|123456789");
    CHECK_QUERY("SELECT number, label, pred, ds_id FROM samples ORDER BY number", "0|cat|dog|-; 1|-|\"<&|-");
    store_close(&files);
    store_expect_no_file("run"); /* no pictures, no folder */
}

static void errors_and_stats_are_kept(void **state)
{
    (void)state;
    ecam_files *files = store_open();
    ecam_result error = {.type = ECAM_RESULT_ERROR, .stage = 1, .seq = 4, .time_ns = 9, .run = "", .output = "", .mode = "",
                         .error = {.code = "shape", .message = "axis 1 is 0"}};
    store_put(files, &error);
    error.run = "run";
    error.error.has_rank = error.error.has_session = error.error.has_seq = true;
    error.error.rank = 2;
    error.error.session = UINT64_MAX;
    error.error.of_seq = 8;
    error.error.key = "image";
    store_put(files, &error);
    store_put(files, &error); /* again: no second row */

    const ecam_counter first[] = {{"received", 10}, {"gone", 1}}, second[] = {{"received", 20}};
    ecam_result stats = {.type = ECAM_RESULT_STATS, .stage = 1, .seq = 1, .time_ns = 50, .run = "", .output = "", .mode = "",
                         .stats = {.counters = first, .n_counters = 2}};
    store_put(files, &stats);
    stats.stage = 2;
    store_put(files, &stats);
    stats.stage = 1;
    stats.seq = 2;
    stats.stats = (ecam_result_stats){.counters = second, .n_counters = 1};
    store_put(files, &stats);
    store_close(&files);

    CHECK_QUERY("SELECT stage, run, seq, time_ns, code, message, rank, session, of_seq, key FROM errors ORDER BY run",
                "0000000000000001||4|9|shape|axis 1 is 0|-|-|-|-; "
                "0000000000000001|run|4|9|shape|axis 1 is 0|2|ffffffffffffffff|8|image");
    CHECK_QUERY("SELECT stage, seq, time_ns FROM stats ORDER BY stage", "0000000000000001|2|50; 0000000000000002|1|50");
    CHECK_QUERY("SELECT stage, name, value FROM counters ORDER BY stage, name",
                "0000000000000001|received|20; 0000000000000002|gone|1; 0000000000000002|received|10");
}

static void only_the_newest_errors_are_kept(void **state)
{
    (void)state;
    ecam_files *files = store_open();
    ecam_result error = {.type = ECAM_RESULT_ERROR, .stage = 1, .run = "r", .output = "", .mode = "",
                         .error = {.code = "format", .message = "x"}};
    for (error.seq = 0; error.seq < 10020; error.seq++)
        store_put(files, &error);
    store_close(&files);
    CHECK_QUERY("SELECT count(*), min(seq), max(seq) FROM errors", "10000|20|10019");
}

static void what_comes_again_replaces(void **state)
{
    (void)state;
    ecam_files *files = store_open();
    ecam_result overlay = store_overlay("run", 0, 0), summary = store_summary("run", 1);
    for (int i = 0; i < 2; i++) {
        overlay.picture = store_picture(i == 0 ? "a" : "longer");
        store_put(files, &overlay);
        store_put(files, &summary);
    }
    overlay.attempt = summary.attempt = 2;
    store_put(files, &overlay);
    store_put(files, &summary);
    store_close(&files);

    CHECK_QUERY("SELECT attempt, folder FROM epochs ORDER BY attempt", "1|" FOLDER "; 2|" FOLDER "-attempt-2");
    CHECK_QUERY("SELECT bytes, file FROM pictures", "63|" FOLDER "/000-overlay-0.png; 63|" FOLDER "-attempt-2/000-overlay-0.png");
    CHECK_QUERY("SELECT count(*) FROM runs", "1");
    CHECK_QUERY("SELECT count(*) FROM samples", "2");
    store_expect_png(FOLDER "/000-overlay-0.png", "longer");
}

static void epochs_of_modes_and_outputs_are_apart(void **state)
{
    (void)state;
    ecam_files *files = store_open();
    ecam_result overlay = store_overlay("run", 0, 0);
    store_put(files, &overlay);
    overlay.mode = "train";
    store_put(files, &overlay);
    overlay.output = "deep";
    store_put(files, &overlay);
    overlay.epoch = UINT64_MAX;
    store_put(files, &overlay);
    store_close(&files);
    CHECK_QUERY("SELECT count(*), count(DISTINCT folder) FROM epochs", "4|4");
    store_expect_png("run/deep/train/epoch-18446744073709551615/000-overlay-0.png", "overlay");
}

/* A restarted stage sends the epoch again, now with one sample instead of
 * three and without sheets; what the first one left over goes. */
static void another_stage_leaves_no_mixture(void **state)
{
    (void)state;
    ecam_files *files = store_open();
    ecam_result sheet = store_sheet("run", 0), summary = store_summary("run", 3);
    for (uint32_t i = 0; i < 3; i++) {
        ecam_result overlay = store_overlay("run", i, i == 0 ? 2 : 0);
        store_put(files, &overlay);
    }
    store_put(files, &sheet);
    store_put(files, &summary);
    assert_int_equal(ecam_files_last_epoch(files).pictures, 4);

    ecam_result again = store_overlay("run", 0, 0), less = store_summary("run", 1);
    again.stage = less.stage = 0xdef;
    again.picture = store_picture("new");
    store_put(files, &again);
    store_put(files, &less);
    assert_int_equal(ecam_files_last_epoch(files).pictures, 1);
    store_close(&files);

    CHECK_QUERY("SELECT file, stage FROM pictures", FOLDER "/000-overlay-0.png|0000000000000def");
    CHECK_QUERY("SELECT number FROM samples", "0");
    CHECK_QUERY("SELECT stage, samples FROM epochs", "0000000000000def|1");
    assert_int_equal(store_entries(store_path(FOLDER)), 1);
    store_expect_png(FOLDER "/000-overlay-0.png", "new");
}

/* Pictures of the same stage are never taken out, whatever its summary says. */
static void a_summary_spares_its_own_pictures(void **state)
{
    (void)state;
    ecam_files *files = store_open();
    ecam_result overlay = store_overlay("run", 5, 0), summary = store_summary("run", 1);
    store_put(files, &overlay);
    store_put(files, &summary);
    assert_int_equal(ecam_files_last_epoch(files).pictures, 1);
    store_close(&files);
    store_expect_png(FOLDER "/005-overlay-0.png", "overlay");
}

static void the_last_epoch_is_named(void **state)
{
    (void)state;
    ecam_files *files = store_open();
    assert_string_equal(ecam_files_last_epoch(files).folder, "");
    ecam_result overlay = store_overlay("run", 0, 0), summary = store_summary("run", 1);
    store_put(files, &overlay);
    assert_string_equal(ecam_files_last_epoch(files).folder, "");
    store_put(files, &summary);
    assert_string_equal(ecam_files_last_epoch(files).folder, FOLDER);
    assert_int_equal(ecam_files_last_epoch(files).pictures, 1);
    store_close(&files);
}

static void rows_are_seen_after_a_commit(void **state)
{
    (void)state;
    ecam_error error = {0};
    ecam_files *files = store_open();
    ecam_result overlay = store_overlay("run", 0, 0);
    CHECK_OK(ecam_files_commit(files, &error), error); /* nothing to do */
    store_put(files, &overlay);
    CHECK_QUERY("SELECT count(*) FROM pictures", "0");
    CHECK_OK(ecam_files_commit(files, &error), error);
    CHECK_QUERY("SELECT count(*) FROM pictures", "1");
    overlay.sample.number = 1;
    store_put(files, &overlay);
    store_close(&files);
    CHECK_QUERY("SELECT count(*) FROM pictures", "2");
}

static void a_store_is_opened_again(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        ecam_files *files = store_open();
        ecam_result overlay = store_overlay("run", i, 0);
        store_put(files, &overlay);
        store_close(&files);
    }
    CHECK_QUERY("SELECT count(*) FROM pictures", "3");
    CHECK_QUERY("PRAGMA journal_mode", "wal");
    CHECK_QUERY("PRAGMA user_version", "2");
    CHECK_QUERY("PRAGMA integrity_check", "ok");
}

static void folders_above_are_made(void **state)
{
    (void)state;
    size_t length = strlen(store_dir);
    strcat(store_dir, "/a//b/");
    ecam_files *files = store_open();
    store_close(&files);
    assert_int_equal(access(store_path("index.sqlite"), R_OK), 0);
    store_dir[length] = '\0';
}

static void one_process_writes_at_a_time(void **state)
{
    (void)state;
    ecam_error error = {0};
    ecam_files *files = store_open(), *second = files;
    CHECK_STATUS(ecam_files_open(store_dir, &second, &error), ECAM_EIO);
    assert_null(second);
    CHECK_TEXT_HAS(error.text, "another process writes to it");
    store_close(&files);
    files = store_open();
    store_close(&files);
}

/* A process that dies loses the rows that are open, never the store. */
static void a_killed_writer_leaves_a_good_store(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        ecam_files *files;
        ecam_result overlay = store_overlay("run", 0, 0), summary = store_summary("run", 1);
        if (ecam_files_open(store_dir, &files, NULL) == ECAM_OK && ecam_files_store(files, &overlay, NULL) == ECAM_OK &&
            ecam_files_store(files, &summary, NULL) == ECAM_OK) {
            overlay.epoch = 4;
            ecam_files_store(files, &overlay, NULL);
        }
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);

    ecam_files *files = store_open();
    CHECK_QUERY("SELECT epoch FROM epochs", "3");
    ecam_result overlay = store_overlay("run", 0, 0);
    overlay.epoch = 4;
    store_put(files, &overlay);
    store_close(&files);
    CHECK_QUERY("SELECT epoch FROM epochs ORDER BY epoch", "3; 4");
    CHECK_QUERY("PRAGMA integrity_check", "ok");
}

static void what_a_killed_writer_left_is_replaced(void **state)
{
    (void)state;
    ecam_files *files = store_open();
    ecam_result overlay = store_overlay("run", 0, 0);
    store_put(files, &overlay);
    FILE *left = fopen(store_path(FOLDER "/.000-overlay-0.png.tmp"), "wb");
    assert_non_null(left);
    fclose(left);
    store_put(files, &overlay);
    store_close(&files);
    assert_int_equal(store_entries(store_path(FOLDER)), 1);
}

static void planted_links_are_not_followed(void **state)
{
    (void)state;
    char outside[128];
    ecam_error error = {0};
    ecam_files *files = store_open();
    ecam_result overlay = store_overlay("run", 0, 0);

    snprintf(outside, sizeof outside, "%s/outside", store_root);
    assert_int_equal(mkdir(outside, 0700), 0);
    assert_int_equal(symlink(outside, store_path("run")), 0);
    CHECK_STATUS(ecam_files_store(files, &overlay, &error), ECAM_EIO);
    CHECK_TEXT_HAS(error.text, "links are not followed");
    assert_int_equal(store_entries(outside), 0);

    /* one step deeper, and the file itself with its temporary one */
    overlay.run = "run2";
    store_put(files, &overlay);
    assert_int_equal(unlink(store_path("run2/out/eval/epoch-000003/000-overlay-0.png")), 0);
    strcat(outside, "/file");
    assert_int_equal(symlink(outside, store_path("run2/out/eval/epoch-000003/000-overlay-0.png")), 0);
    assert_int_equal(symlink(outside, store_path("run2/out/eval/epoch-000003/.000-overlay-0.png.tmp")), 0);
    store_put(files, &overlay);
    assert_int_not_equal(access(outside, F_OK), 0);
    store_expect_png("run2/out/eval/epoch-000003/000-overlay-0.png", "overlay");
    store_close(&files);
}

static void a_linked_index_is_refused(void **state)
{
    (void)state;
    ecam_files *files = store_open();
    ecam_error error = {0};
    store_close(&files);
    assert_int_equal(rename(store_path("index.sqlite"), store_path("elsewhere")), 0);
    assert_int_equal(symlink(store_path("elsewhere"), store_path("index.sqlite")), 0);
    CHECK_STATUS(ecam_files_open(store_dir, &files, &error), ECAM_EIO);
}

/* The folder itself may well be a link: the user chose it. */
static void a_linked_store_is_used(void **state)
{
    (void)state;
    char real[128];
    snprintf(real, sizeof real, "%s/real", store_root);
    assert_int_equal(mkdir(real, 0700), 0);
    assert_int_equal(symlink(real, store_dir), 0);
    ecam_files *files = store_open();
    ecam_result overlay = store_overlay("run", 0, 0);
    store_put(files, &overlay);
    store_close(&files);
    assert_int_equal(store_entries(real), 2);
}

static void a_removed_folder_is_made_again(void **state)
{
    (void)state;
    ecam_files *files = store_open();
    ecam_result overlay = store_overlay("run", 0, 0);
    store_put(files, &overlay);
    assert_int_equal(unlink(store_path(FOLDER "/000-overlay-0.png")), 0);
    assert_int_equal(rmdir(store_path(FOLDER)), 0);
    store_put(files, &overlay);
    store_expect_png(FOLDER "/000-overlay-0.png", "overlay");
    store_close(&files);
}

static void a_folder_in_the_way_is_an_error(void **state)
{
    (void)state;
    ecam_error error = {0};
    ecam_files *files = store_open();
    ecam_result overlay = store_overlay("run", 0, 0), other = store_overlay("run", 1, 0);
    store_put(files, &overlay);
    assert_int_equal(mkdir(store_path(FOLDER "/001-overlay-0.png"), 0700), 0);
    CHECK_STATUS(ecam_files_store(files, &other, &error), ECAM_EIO);
    CHECK_TEXT_HAS(error.text, FOLDER "/001-overlay-0.png cannot be written: Is a directory");
    assert_int_equal(store_entries(store_path(FOLDER)), 2);
    store_put(files, &overlay);
    store_close(&files);
}

/* Nothing of a picture that is cut short, or of which a byte is another one. */
static void what_is_no_whole_png_is_refused(void **state)
{
    (void)state;
    char bytes[128], error_text[64];
    ecam_error error = {0};
    ecam_files *files = store_open();
    ecam_result overlay = store_overlay("run", 0, 0);
    const ecam_result_picture whole = overlay.picture;

    snprintf(error_text, sizeof error_text, "overlay of run run is no whole PNG");
    for (size_t size = 0; size < whole.png_bytes; size++) {
        overlay.picture.png_bytes = size;
        CHECK_STATUS(ecam_files_store(files, &overlay, &error), ECAM_EFORMAT);
        CHECK_TEXT_HAS(error.text, error_text);
    }
    overlay.picture = (ecam_result_picture){.png = bytes, .png_bytes = whole.png_bytes};
    for (size_t i = 0; i < whole.png_bytes; i++) {
        memcpy(bytes, whole.png, whole.png_bytes);
        bytes[i] ^= 1;
        CHECK_STATUS(ecam_files_store(files, &overlay, &error), ECAM_EFORMAT);
    }
    memcpy(bytes, whole.png, whole.png_bytes + 1);
    overlay.picture.png_bytes = whole.png_bytes + 1;
    CHECK_STATUS(ecam_files_store(files, &overlay, &error), ECAM_EFORMAT);
    CHECK_TEXT_HAS(error.text, "bytes follow its end");
    overlay.picture = (ecam_result_picture){.png = "<html>", .png_bytes = 6};
    CHECK_STATUS(ecam_files_store(files, &overlay, &error), ECAM_EFORMAT);
    store_close(&files);
    store_expect_no_file("run");
}

/* A size limit stands for a full disk. */
static void a_full_disk_costs_pictures_only(void **state)
{
    (void)state;
    static char rest[1 << 20];
    struct rlimit before, small;
    ecam_error error = {0};
    ecam_files *files = store_open();
    ecam_result overlay = store_overlay("run", 0, 0), other = store_overlay("run", 1, 0);
    memset(rest, 'x', sizeof rest - 1);
    overlay.picture = store_picture(rest);

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 512 * 1024;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    ecam_status st = ecam_files_store(files, &overlay, &error);
    ecam_status after = ecam_files_store(files, &other, NULL);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);

    CHECK_STATUS(st, ECAM_EIO);
    CHECK_TEXT_HAS(error.text, "000-overlay-0.png cannot be written: File too large");
    CHECK_STATUS(after, ECAM_OK);
    store_close(&files);
    assert_int_equal(store_entries(store_path(FOLDER)), 1);
    CHECK_QUERY("SELECT file FROM pictures", FOLDER "/001-overlay-0.png");
}

/* No room for the index: an error for each result, and then it goes on. */
static void a_full_index_recovers(void **state)
{
    (void)state;
    struct rlimit before, small;
    ecam_error error = {0};
    ecam_files *files = store_open();
    ecam_result overlay = store_overlay("run", 0, 0), summary = store_summary("run", 1);
    store_put(files, &overlay);

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 4096; /* the log of writes needs more */
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    ecam_status st = ecam_files_store(files, &summary, &error);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    CHECK_STATUS(st, ECAM_EIO);
    CHECK_TEXT_HAS(error.text, "index cannot be");

    store_put(files, &overlay);
    store_put(files, &summary);
    CHECK_QUERY("SELECT samples FROM epochs", "1");
    CHECK_QUERY("SELECT count(*) FROM pictures", "1");
    store_close(&files);
    CHECK_QUERY("PRAGMA integrity_check", "ok");
}

/* Exit status: which of the two checks failed, as the user nobody where the
 * tests run as root, who is bound by no modes. */
static int open_without_permission(void)
{
    char below[128];
    ecam_error error = {0};
    ecam_files *files = (ecam_files *)store_root;

    if (geteuid() == 0 && setuid(65534) != 0)
        return 9;
    if (ecam_files_open(store_dir, &files, &error) != ECAM_EIO || files || !strstr(error.text, store_dir))
        return 1;
    snprintf(below, sizeof below, "%s/below", store_dir);
    if (ecam_files_open(below, &files, &error) != ECAM_EIO || !strstr(error.text, "Permission denied"))
        return 2;
    return 0;
}

static void a_read_only_folder_is_refused(void **state)
{
    (void)state;
    int status;

    assert_int_equal(mkdir(store_dir, 0555), 0);
    assert_int_equal(chmod(store_root, 0755), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(open_without_permission());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void other_things_are_no_store(void **state)
{
    (void)state;
    ecam_error error = {0};
    ecam_files *files;

    FILE *file = fopen(store_dir, "wb");
    fclose(file);
    CHECK_STATUS(ecam_files_open(store_dir, &files, &error), ECAM_EIO);
    CHECK_TEXT_HAS(error.text, "Not a directory");
    assert_null(files);
    unlink(store_dir);

    assert_int_equal(mkdir(store_dir, 0700), 0);
    file = fopen(store_path("index.sqlite"), "wb");
    for (int i = 0; i < 100; i++)
        fputs("this is no database. ", file);
    fclose(file);
    CHECK_STATUS(ecam_files_open(store_dir, &files, &error), ECAM_EFORMAT);
    CHECK_TEXT_HAS(error.text, "not a database");
    unlink(store_path("index.sqlite"));

    sqlite3 *db;
    sqlite3_open(store_path("index.sqlite"), &db);
    sqlite3_exec(db, "CREATE TABLE x (y)", NULL, NULL, NULL);
    sqlite3_close(db);
    CHECK_STATUS(ecam_files_open(store_dir, &files, &error), ECAM_EFORMAT);
    CHECK_TEXT_HAS(error.text, "another program");
}

static void another_version_is_refused(void **state)
{
    (void)state;
    ecam_error error = {0};
    ecam_files *files = store_open();
    store_close(&files);
    store_query("PRAGMA user_version = 3");
    CHECK_STATUS(ecam_files_open(store_dir, &files, &error), ECAM_EVERSION);
    CHECK_TEXT_HAS(error.text, "index has version 3, expected at most 2");
    CHECK_TEXT_HAS(error.text, store_path("index.sqlite"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pictures_become_files),
        TEST(hostile_names_stay_inside),
        TEST(the_index_says_what_a_picture_says),
        TEST(the_index_says_what_a_summary_says),
        TEST(errors_and_stats_are_kept),
        TEST(only_the_newest_errors_are_kept),
        TEST(what_comes_again_replaces),
        TEST(epochs_of_modes_and_outputs_are_apart),
        TEST(another_stage_leaves_no_mixture),
        TEST(a_summary_spares_its_own_pictures),
        TEST(the_last_epoch_is_named),
        TEST(rows_are_seen_after_a_commit),
        TEST(a_store_is_opened_again),
        TEST(folders_above_are_made),
        TEST(one_process_writes_at_a_time),
        TEST(a_killed_writer_leaves_a_good_store),
        TEST(what_a_killed_writer_left_is_replaced),
        TEST(planted_links_are_not_followed),
        TEST(a_linked_index_is_refused),
        TEST(a_linked_store_is_used),
        TEST(a_removed_folder_is_made_again),
        TEST(a_folder_in_the_way_is_an_error),
        TEST(what_is_no_whole_png_is_refused),
        TEST(a_full_disk_costs_pictures_only),
        TEST(a_full_index_recovers),
        TEST(a_read_only_folder_is_refused),
        TEST(other_things_are_no_store),
        TEST(another_version_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
