#include "sinks/redraw.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec/png_chunks.h"
#include "sinks/index.h"
#include "sinks/redraw_internal.h"

#define BUSY_TIMEOUT_MS 5000
#define MAX_FILE_BYTES ((size_t)1 << 30)

/* --- Opening --- */

/* A path as it stands in a URI. Returns false where it is too long. */
static bool write_uri(char *to, size_t capacity, const char *path, const char *tail)
{
    size_t used = (size_t)snprintf(to, capacity, "file:");

    for (; *path != '\0'; path++) {
        bool plain = strchr("%?#", *path) == NULL;
        if (used + 4 >= capacity)
            return false;
        used += (size_t)snprintf(to + used, capacity - used, plain ? "%c" : "%%%02X", (unsigned char)*path);
    }
    return used + (size_t)snprintf(to + used, capacity - used, "%s", tail) < capacity;
}

static ecam_status open_as(ecam_redraw *r, const char *path, const char *how, uint64_t *version,
                           ecam_error *error)
{
    char uri[3 * 4096 + 64];

    sqlite3_close(r->db);
    r->db = NULL;
    if (!write_uri(uri, sizeof uri, path, how))
        return ecam_fail(error, ECAM_EIO, "index cannot be used: its path is too long");
    int rc = sqlite3_open_v2(uri, &r->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL);
    if (rc != SQLITE_OK)
        return ecam_sql_failed(r->db, rc, error);
    sqlite3_busy_timeout(r->db, BUSY_TIMEOUT_MS);
    return ecam_sql_ask(r->db, "PRAGMA user_version", version, error);
}

/* In a folder that can't be written to SQLite refuses what has a log of
 * writes, as it would have to make one; where there is none nobody writes, and
 * the file may be read as it is. */
static ecam_status open_index(ecam_redraw *r, const char *dir, ecam_error *error)
{
    char path[4096], log[4096 + 8];
    uint64_t version = 0;
    int n = snprintf(path, sizeof path, "%s/index.sqlite", dir);

    if (n < 0 || (size_t)n >= sizeof path)
        return ecam_fail(error, ECAM_EIO, "folder %.200s cannot be used: its path is too long", dir);
    if (access(path, F_OK) != 0)
        return ecam_fail(error, ECAM_EIO, "%.300s is no store: index.sqlite: %s", dir, strerror(errno));
    snprintf(log, sizeof log, "%s-wal", path);
    ecam_status st = open_as(r, path, "?mode=ro", &version, error);
    if (st == ECAM_EIO && access(log, F_OK) != 0 && access(dir, W_OK) != 0)
        st = open_as(r, path, "?mode=ro&immutable=1", &version, error);
    if (st == ECAM_OK && version != ECAM_INDEX_VERSION)
        st = ecam_fail(error, ECAM_EVERSION, "index has version %d, expected %d%s", (int)version, ECAM_INDEX_VERSION,
                       version < ECAM_INDEX_VERSION ? "; `eigencam log` brings it up to date" : "");
    if (st == ECAM_OK)
        st = ecam_redraw_prepare(r, error);
    if (st != ECAM_OK)
        ecam_error_prefix(error, "%.200s: ", path);
    return st;
}

ecam_status ecam_redraw_open(const char *dir, ecam_redraw **out, ecam_error *error)
{
    ecam_redraw *r = calloc(1, sizeof *r);

    *out = NULL;
    if (!r)
        return ecam_fail(error, ECAM_ENOMEM, "no memory to draw out of a store");
    ecam_arena_init(&r->arena, 0);
    r->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ecam_folders_init(&r->folders, r->dir_fd);
    ecam_status st = r->dir_fd != -1 ? ECAM_OK
                                     : ecam_fail(error, ECAM_EIO, "folder %.300s cannot be used: %s", dir,
                                                 strerror(errno));
    if (st == ECAM_OK)
        st = open_index(r, dir, error);
    if (st == ECAM_OK && (ecam_workspace_create(&r->workspace) != ECAM_OK ||
                          ecam_png_encoder_create(&r->png) != ECAM_OK))
        st = ecam_fail(error, ECAM_ENOMEM, "no memory to draw out of a store");
    if (st != ECAM_OK)
        ecam_redraw_close(&r);
    *out = r;
    return st;
}

void ecam_redraw_close(ecam_redraw **handle)
{
    ecam_redraw *r = *handle;

    *handle = NULL;
    if (!r)
        return;
    for (int i = 0; i < ECAM_REDRAW_STATEMENTS; i++)
        sqlite3_finalize(r->prepared[i]);
    sqlite3_close(r->db);
    ecam_folders_finish(&r->folders);
    if (r->dir_fd != -1)
        close(r->dir_fd);
    ecam_sheet_destroy(&r->sheet);
    ecam_png_encoder_destroy(&r->png);
    ecam_workspace_destroy(&r->workspace);
    ecam_png_image_finish(&r->image);
    ecam_buffer_finish(&r->file);
    ecam_arena_finish(&r->arena);
    free(r->map);
    free(r->divisors);
    free(r);
}

/* --- Pictures --- */

ecam_status ecam_redraw_read_file(ecam_redraw *r, const ecam_redraw_row *row, ecam_error *error)
{
    char folder[ECAM_FOLDER_BYTES];
    const char *slash = row->file ? strrchr(row->file, '/') : NULL;

    ecam_buffer_clear(&r->file);
    if (!slash || (size_t)(slash - row->file) >= sizeof folder)
        return ecam_fail(error, ECAM_EMISSING, "the store has no file of a %s", row->type);
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - row->file), row->file);
    ecam_status st = ecam_folders_read(&r->folders, folder, slash + 1, MAX_FILE_BYTES, &r->file, error);
    if (st == ECAM_OK) {
        st = ecam_png_check(r->file.data, r->file.size, error);
        if (st != ECAM_OK)
            ecam_error_prefix(error, "%.300s is ", row->file);
    }
    return st;
}

static ecam_status draw(ecam_redraw *r, const ecam_redraw_row *row, ecam_buffer *png, ecam_error *error)
{
    ecam_redraw_epoch epoch;
    ecam_status st = ecam_redraw_get_epoch(r, row->epoch_id, &epoch, error);

    if (st != ECAM_OK)
        return st;
    if (strcmp(row->type, "overlay") == 0)
        return ecam_redraw_encode_overlay(r, &epoch, row, png, error);
    if (strcmp(row->type, "sheet") == 0)
        return ecam_redraw_encode_sheet(r, &epoch, row, png, error);
    return ecam_fail(error, ECAM_EMISSING, "the store has no file of a %.20s", row->type);
}

ecam_status ecam_redraw_picture(ecam_redraw *r, int64_t picture_id, ecam_buffer *png, ecam_error *error)
{
    ecam_redraw_row row;

    ecam_arena_reset(&r->arena);
    ecam_folders_finish(&r->folders); /* it may have been made anew */
    ecam_png_image_finish(&r->image); /* so may the picture */
    r->image = (ecam_png_image){0};
    ecam_buffer_clear(png);
    /* one view of the index throughout, whatever the logger does */
    ecam_status st = ecam_sql_ask(r->db, "BEGIN", NULL, error);
    if (st != ECAM_OK)
        return st;
    st = ecam_redraw_get_picture(r, picture_id, &row, error);
    if (st == ECAM_OK && !row.file)
        st = draw(r, &row, png, error);
    else if (st == ECAM_OK)
        st = ecam_redraw_read_file(r, &row, error);
    if (st == ECAM_OK && row.file && ecam_buffer_append(png, r->file.data, r->file.size) != ECAM_OK)
        st = ecam_fail(error, ECAM_ENOMEM, "no memory for a picture");
    (void)ecam_sql_ask(r->db, "COMMIT", NULL, NULL);
    return st;
}
