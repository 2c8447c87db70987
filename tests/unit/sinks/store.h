/* A store in a folder of its own for each test, and ways to look at it. */
#ifndef TESTS_UNIT_SINKS_STORE_H
#define TESTS_UNIT_SINKS_STORE_H

#include <arpa/inet.h>
#include <dirent.h>
#include <ftw.h>
#include <libdeflate.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sinks/files.h"
#include "support/check.h"

static char store_root[64]; /* holds nothing but the store and its neighbours */
static char store_dir[80];

static inline int store_set_up(void **state)
{
    (void)state;
    strcpy(store_root, "/tmp/test-files-XXXXXX");
    if (!mkdtemp(store_root))
        return -1;
    snprintf(store_dir, sizeof store_dir, "%s/store", store_root);
    return 0;
}

static inline int store_remove_one(const char *path, const struct stat *about, int type, struct FTW *at)
{
    (void)about, (void)type, (void)at;
    return remove(path);
}

static inline int store_tear_down(void **state)
{
    (void)state;
    return nftw(store_root, store_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline ecam_files *store_open(void)
{
    ecam_files *files;
    ecam_error error = {0};
    CHECK_OK(ecam_files_open(store_dir, &files, &error), error);
    return files;
}

static inline void store_close(ecam_files **files)
{
    ecam_error error = {0};
    CHECK_OK(ecam_files_close(files, &error), error);
    assert_null(*files);
}

static inline void store_put(ecam_files *files, const ecam_result *result)
{
    ecam_error error = {0};
    CHECK_OK(ecam_files_store(files, result, &error), error);
}

/* A path below the store; holds until the fourth next call. */
static inline const char *store_path(const char *relative)
{
    static char paths[4][1200];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", store_dir, relative);
    return path;
}

/* What a file holds; holds until the next call. */
static inline const char *store_read(const char *relative, size_t *size)
{
    static char bytes[4096];
    FILE *file = fopen(store_path(relative), "rb");
    if (!file)
        fail_msg("there is no file %s", relative);
    *size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    return bytes;
}

static inline void store_expect_file(const char *relative, const void *bytes, size_t size)
{
    size_t found;
    const char *read = store_read(relative, &found);
    assert_int_equal(found, size);
    assert_memory_equal(read, bytes, size);
}

static inline void store_expect_no_file(const char *relative)
{
    struct stat about;
    if (lstat(store_path(relative), &about) == 0)
        fail_msg("there is a file %s", relative);
}

/* Entries of a folder, but "." and "..". */
static inline int store_entries(const char *path)
{
    int n = 0;
    DIR *folder = opendir(path);
    if (!folder)
        fail_msg("there is no folder %s", path);
    for (const struct dirent *e; (e = readdir(folder));)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(folder);
    return n;
}

/* The rows that a query gives, as "a|b" with "; " between rows and "-" for
 * NULL, read by a connection of its own; holds until the next call. */
static inline const char *store_query(const char *sql)
{
    static char text[4096];
    sqlite3 *db;
    sqlite3_stmt *statement;
    size_t used = 0;

    assert_int_equal(sqlite3_open_v2(store_path("index.sqlite"), &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    text[0] = '\0';
    while (sqlite3_step(statement) == SQLITE_ROW)
        for (int i = 0; i < sqlite3_column_count(statement); i++) {
            const unsigned char *value = sqlite3_column_text(statement, i);
            const char *between = i > 0 ? "|" : used > 0 ? "; " : "";
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", between,
                                     value ? (const char *)value : "-");
            assert_true(used < sizeof text);
        }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return text;
}

#define CHECK_QUERY(sql, expected) assert_string_equal(store_query(sql), expected)

static inline size_t store_add_chunk(char *to, const char *type, const void *bytes, size_t size)
{
    const uint32_t length = htonl((uint32_t)size);

    memcpy(to, &length, 4);
    memcpy(to + 4, type, 4);
    memcpy(to + 8, bytes, size);
    const uint32_t sum = htonl(libdeflate_crc32(0, to + 4, size + 4));
    memcpy(to + 8 + size, &sum, 4);
    return size + 12;
}

/* What has the structure of a PNG, with `rest` for pixels and, where it is not
 * NULL, `text` in a chunk of its own: 57 bytes and the rest. Holds until the
 * eighth next call. */
static inline ecam_result_picture store_picture_with(const char *rest, const char *text)
{
    static char *pngs[8];
    static int next;
    char **png = &pngs[next++ % 8];
    size_t used = 8;

    free(*png);
    *png = calloc(1, strlen(rest) + 200);
    memcpy(*png, "\x89PNG\r\n\x1a\n", 8);
    used += store_add_chunk(*png + used, "IHDR", "\0\0\0\4\0\0\0\3\10\2\0\0\0", 13);
    if (text)
        used += store_add_chunk(*png + used, "tEXt", text, strlen(text));
    used += store_add_chunk(*png + used, "IDAT", rest, strlen(rest));
    used += store_add_chunk(*png + used, "IEND", "", 0);
    return (ecam_result_picture){.width = 4, .height = 3, .png = *png, .png_bytes = used};
}

static inline ecam_result_picture store_picture(const char *rest)
{
    return store_picture_with(rest, NULL);
}

static inline void store_expect_png(const char *relative, const char *rest)
{
    const ecam_result_picture picture = store_picture(rest);
    store_expect_file(relative, picture.png, picture.png_bytes);
}

static inline ecam_result store_overlay(const char *run, uint32_t sample, uint32_t component)
{
    return (ecam_result){
        .type = ECAM_RESULT_OVERLAY,
        .stage = 0xabc,
        .seq = 5,
        .time_ns = 1000,
        .run = run,
        .output = "out",
        .mode = "eval",
        .epoch = 3,
        .attempt = 1,
        .sample = {.number = sample, .ds_id = "ds", .rank = 1, .step = 9, .index = 2, .label = "cat", .pred = NULL},
        .component = {.number = component, .components = 2, .explained = 0.5, .singular = 12.5, .divisor = 1.75},
        .picture = store_picture("overlay")};
}

static inline ecam_result store_sheet(const char *run, uint32_t page)
{
    ecam_result result = store_overlay(run, 0, 0);
    result.type = ECAM_RESULT_SHEET;
    result.sample = (ecam_result_sample){0};
    result.component = (ecam_result_component){0};
    result.page = (ecam_result_page){.number = page, .pages = 2, .rows = 64};
    result.picture = store_picture("sheet");
    return result;
}

static inline ecam_result store_summary(const char *run, uint32_t samples)
{
    ecam_result result = store_overlay(run, 0, 0);
    result.type = ECAM_RESULT_EPOCH;
    result.seq = 77;
    result.time_ns = 2000;
    result.sample = (ecam_result_sample){0};
    result.component = (ecam_result_component){0};
    result.picture = (ecam_result_picture){0};
    result.summary = (ecam_result_summary){
        .samples = samples, .components = 2, .complete = true, .published = {2 * samples, 0, 0, 0}};
    return result;
}

#endif
