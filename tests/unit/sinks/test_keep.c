/* Stores that are compact or bounded, of an earlier version, or left behind. */
#include <fcntl.h>

#include "codec/png_chunks.h"
#include "sinks/folders.h"
#include "sinks/images.h"

#include "store.h"

#define FOLDER "run/out/eval/epoch-000003"

static ecam_files *open_with(ecam_files_options options)
{
    ecam_files *files;
    ecam_error error = {0};
    CHECK_OK(ecam_files_open_with(store_dir, &options, &files, &error), error);
    return files;
}

/* An epoch of one sample: image, overlay, map, sheet, summary. */
static void put_epoch(ecam_files *files, const char *run, uint64_t epoch, const char *colormap,
                      ecam_result_picture image)
{
    ecam_result overlay = store_overlay(run, 0, 0), sheet = store_sheet(run, 0), summary = store_summary(run, 1);
    ecam_result map = overlay, picture = overlay;

    overlay.epoch = map.epoch = picture.epoch = sheet.epoch = summary.epoch = epoch;
    overlay.component.components = map.component.components = 1;
    overlay.component.style.colormap = map.component.style.colormap = colormap;
    overlay.component.style.add = map.component.style.add = true;
    picture.type = ECAM_RESULT_IMAGE;
    picture.component = (ecam_result_component){0};
    picture.picture = image;
    map.type = ECAM_RESULT_MAP;
    map.picture = store_picture("map");
    sheet.page = (ecam_result_page){.number = 0, .pages = 1, .rows = 1};
    summary.summary.components = 1;
    for (int i = 0; i < 4; i++)
        summary.summary.published[i] = 1;
    store_put(files, &picture);
    store_put(files, &overlay);
    store_put(files, &map);
    store_put(files, &sheet);
    store_put(files, &summary);
}

static void a_compact_store_holds_what_is_drawn_from(void **state)
{
    (void)state;
    ecam_files *files = open_with((ecam_files_options){.compact = true});

    put_epoch(files, "run", 3, "jet", store_picture_with("same", "epoch\0003"));
    put_epoch(files, "run", 4, "jet", store_picture_with("same", "epoch\0004"));
    assert_int_equal(ecam_files_last_epoch(files).pictures, 4);
    assert_int_equal(ecam_files_last_epoch(files).bytes, 60);             /* the map */
    assert_int_equal(ecam_files_last_epoch(files).store_bytes, 60 + 60 + 61); /* and the image */
    store_close(&files);
    assert_int_equal(store_entries(store_path("images")), 1);
    assert_int_equal(store_entries(store_path(FOLDER)), 1);
    store_expect_png(FOLDER "/000-map-0.png", "map");
    CHECK_QUERY("SELECT count(DISTINCT file) FROM pictures WHERE type = 'image'", "1");
    CHECK_QUERY("SELECT type, file IS NULL, bytes, stamp > 0 FROM pictures WHERE epoch_id = 1 ORDER BY type",
                "image|0|61|1; map|0|60|1; overlay|1|0|1; sheet|1|0|1");
    CHECK_QUERY("SELECT colormap, weight, normalize, bytes FROM epochs", "jet|-|epoch|60; jet|-|epoch|60");
    CHECK_QUERY("SELECT count(*) FROM unswept", "0");
    /* the file is the picture without what names its epoch */
    store_expect_png(store_query("SELECT DISTINCT file FROM images"), "same");
}

static void what_no_stage_explains_is_held(void **state)
{
    (void)state;
    ecam_files *files = open_with((ecam_files_options){.compact = true});
    put_epoch(files, "run", 3, NULL, store_picture("image"));
    store_close(&files);
    CHECK_QUERY("SELECT count(*) FROM pictures WHERE file IS NULL", "0");
    store_expect_png(FOLDER "/000-overlay-0.png", "overlay");
    store_expect_png(FOLDER "/sheet-000.png", "sheet");
}

/* The same epoch again, in a store that is compact by now, and back. */
static void a_store_becomes_compact_and_back(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        ecam_files *files = open_with((ecam_files_options){.compact = round == 1});
        put_epoch(files, "run", 3, "jet", store_picture("image"));
        store_close(&files);
        assert_int_equal(store_entries(store_path(FOLDER)), round == 1 ? 1 : 4);
    }
    ecam_files *files = open_with((ecam_files_options){.keep_epochs = 1});
    store_close(&files);
    CHECK_QUERY("SELECT count(*) FROM epochs", "1");
    CHECK_QUERY("SELECT min(id), max(id) FROM pictures", "1|4");
}

static void a_picture_keeps_its_id_and_changes_its_stamp(void **state)
{
    (void)state;
    char first[64];
    ecam_files *files = store_open();
    ecam_result overlay = store_overlay("run", 0, 0);

    store_put(files, &overlay);
    ecam_files_commit(files, NULL);
    snprintf(first, sizeof first, "%s", store_query("SELECT id, stamp FROM pictures"));
    overlay.seq++;
    store_put(files, &overlay);
    ecam_files_commit(files, NULL);
    CHECK_QUERY("SELECT id, stamp FROM pictures", first);
    overlay.picture = store_picture("other");
    store_put(files, &overlay);
    store_close(&files);
    assert_string_not_equal(store_query("SELECT id, stamp FROM pictures"), first);
    CHECK_QUERY("SELECT id, stamp < 9007199254740992 FROM pictures", "1|1");
}

static void an_image_goes_with_the_last_epoch_that_shows_it(void **state)
{
    (void)state;
    ecam_files *files = open_with((ecam_files_options){.compact = true, .keep_epochs = 1});
    put_epoch(files, "run", 1, "jet", store_picture("first"));
    put_epoch(files, "run", 2, "jet", store_picture("second"));
    put_epoch(files, "run", 3, "jet", store_picture("first"));
    assert_int_equal(ecam_files_last_epoch(files).removed, 1);
    put_epoch(files, "other", 1, "jet", store_picture("second"));
    assert_int_equal(ecam_files_last_epoch(files).removed, 0);
    store_close(&files);
    CHECK_QUERY("SELECT epoch FROM epochs ORDER BY run_id, epoch", "1; 3; 1");
    assert_int_equal(store_entries(store_path("images")), 2);
    store_expect_no_file("run/out/eval/epoch-000002");
    CHECK_QUERY("SELECT count(*) FROM samples", "3");
    CHECK_QUERY("SELECT count(*) FROM unswept", "0");
}

static void bytes_are_bounded_by_whole_epochs(void **state)
{
    (void)state;
    /* an epoch: 62 + 64 + 60 + 62 */
    ecam_files *files = open_with((ecam_files_options){.max_bytes = 3 * 248});
    for (uint64_t epoch = 1; epoch <= 5; epoch++)
        put_epoch(files, "run", epoch, "jet", store_picture("image"));
    assert_int_equal(ecam_files_last_epoch(files).store_bytes, 3 * 248);
    store_close(&files);
    CHECK_QUERY("SELECT epoch, bytes FROM epochs ORDER BY epoch", "1|248; 4|248; 5|248");
    files = open_with((ecam_files_options){.max_bytes = 1}); /* never less than these */
    store_close(&files);
    CHECK_QUERY("SELECT epoch FROM epochs ORDER BY epoch", "1; 5");
    assert_int_equal(store_entries(store_path("run/out/eval")), 2);
}

/* Overlays of an epoch that never ends do not gather. */
static void many_overlays_are_let_go_before_the_summary(void **state)
{
    (void)state;
    char *large = calloc(1, (size_t)13 << 20);
    ecam_files *files = open_with((ecam_files_options){.compact = true});

    memset(large, 'x', ((size_t)13 << 20) - 1);
    const ecam_result_picture big = store_picture(large);
    for (uint32_t i = 0; i < 5; i++) {
        ecam_result overlay = store_overlay("run", i, 0), map = overlay, image = overlay;
        overlay.component.style.colormap = "jet";
        overlay.picture = big;
        map.type = ECAM_RESULT_MAP;
        image.type = ECAM_RESULT_IMAGE;
        image.component = (ecam_result_component){0};
        store_put(files, &image);
        store_put(files, &map);
        store_put(files, &overlay);
    }
    assert_int_equal(store_entries(store_path(FOLDER)), 5); /* the maps */
    store_close(&files);
    free(large);
}

static void what_is_left_behind_is_swept(void **state)
{
    (void)state;
    ecam_files *files = store_open();
    ecam_result overlay = store_overlay("run", 0, 0);
    store_put(files, &overlay);
    store_close(&files);
    static const char *const left[] = {".000-overlay-0.png.tmp", "001-overlay-0.png", "sheet-004.png"};
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        snprintf(path, sizeof path, FOLDER "/%s", left[i]);
        fclose(fopen(store_path(path), "wb"));
    }
    fclose(fopen(store_path(FOLDER "/mine.png"), "wb"));
    store_query("INSERT INTO unswept VALUES ('" FOLDER "', 1), ('../outside', 0), ('nowhere/at/all', 1)");
    files = store_open();
    store_close(&files);
    assert_int_equal(store_entries(store_path(FOLDER)), 2);
    store_expect_png(FOLDER "/000-overlay-0.png", "overlay");
    CHECK_QUERY("SELECT count(*) FROM unswept", "0");
}

static void version_1_is_brought_up_to_date(void **state)
{
    (void)state;
    ecam_files *files = store_open();
    ecam_result overlay = store_overlay("run", 0, 1), summary = store_summary("run", 1);
    store_put(files, &overlay);
    store_put(files, &summary);
    store_close(&files);
    /* back to what version 1 had */
    store_query("DROP INDEX pictures_key");
    store_query("DROP INDEX pictures_file");
    store_query("DROP TABLE images");
    store_query("DROP TABLE unswept");
    store_query("UPDATE pictures SET file = '000-overlay-1.png'");
    store_query("ALTER TABLE pictures DROP COLUMN stamp");
    store_query("ALTER TABLE samples DROP COLUMN image_float");
    static const char *const gone[] = {"world", "colormap", "weight", "normalize", "bytes", "arrival"};
    for (size_t i = 0; i < 6; i++) {
        char sql[80];
        snprintf(sql, sizeof sql, "ALTER TABLE epochs DROP COLUMN %s", gone[i]);
        store_query(sql);
    }
    store_query("PRAGMA user_version = 1");

    files = store_open();
    overlay.picture = store_picture("newer");
    store_put(files, &overlay);
    overlay.epoch = 4;
    store_put(files, &overlay);
    store_close(&files);
    CHECK_QUERY("PRAGMA user_version", "2");
    CHECK_QUERY("SELECT p.id, epoch, file, p.bytes, e.bytes, arrival FROM pictures p JOIN epochs e ON e.id = epoch_id",
                "1|3|" FOLDER "/000-overlay-1.png|62|64|1; "
                "2|4|run/out/eval/epoch-000004/000-overlay-1.png|62|0|2");
    CHECK_QUERY("PRAGMA integrity_check", "ok");
    CHECK_QUERY("PRAGMA foreign_key_check", "");
}

/* A file of that name with other bytes, as a collision would have it. */
static void images_of_equal_hash_are_kept_apart(void **state)
{
    (void)state;
    ecam_folders folders;
    ecam_error error = {0};
    char first[ECAM_IMAGES_FILE_BYTES], again[ECAM_IMAGES_FILE_BYTES], other[ECAM_IMAGES_FILE_BYTES];
    ecam_files *files = store_open();
    store_close(&files);
    int fd = open(store_dir, O_RDONLY | O_DIRECTORY);

    ecam_folders_init(&folders, fd);
    CHECK_OK(ecam_images_put(&folders, "bytes", 5, first, &error), error);
    CHECK_OK(ecam_images_put(&folders, "bytes", 5, again, &error), error);
    assert_string_equal(first, again);
    FILE *file = fopen(store_path(first), "wb");
    fputs("others", file);
    fclose(file);
    CHECK_OK(ecam_images_put(&folders, "bytes", 5, other, &error), error);
    assert_string_not_equal(first, other);
    assert_int_equal(strlen(other), strlen(first) + 2);
    store_expect_file(other, "bytes", 5);
    CHECK_OK(ecam_images_put(&folders, "bytes", 5, again, &error), error);
    assert_string_equal(other, again);
    ecam_folders_finish(&folders);
    close(fd);
}

static void text_chunks_are_stripped(void **state)
{
    (void)state;
    ecam_buffer out = {0};
    const ecam_result_picture with = store_picture_with("pixels", "run\0a"), without = store_picture("pixels");

    CHECK_STATUS(ecam_png_check(with.png, with.png_bytes, NULL), ECAM_OK);
    CHECK_STATUS(ecam_png_strip(with.png, with.png_bytes, &out), ECAM_OK);
    assert_int_equal(out.size, without.png_bytes);
    assert_memory_equal(out.data, without.png, out.size);
    ecam_buffer_finish(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_compact_store_holds_what_is_drawn_from),
        TEST(what_no_stage_explains_is_held),
        TEST(a_store_becomes_compact_and_back),
        TEST(a_picture_keeps_its_id_and_changes_its_stamp),
        TEST(an_image_goes_with_the_last_epoch_that_shows_it),
        TEST(bytes_are_bounded_by_whole_epochs),
        TEST(many_overlays_are_let_go_before_the_summary),
        TEST(what_is_left_behind_is_swept),
        TEST(version_1_is_brought_up_to_date),
        TEST(images_of_equal_hash_are_kept_apart),
        TEST(text_chunks_are_stripped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
