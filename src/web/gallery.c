#include "web/gallery.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "sinks/index.h"

#define INDEX "/index.sqlite"
#define MAX_IDLE 8     /* connections that are kept */
#define PATIENCE_MS 2000

struct ecam_lookup {
    ecam_lookup *next; /* of those that are idle */
    ecam_gallery *gallery;
    sqlite3 *db;
    ecam_redraw *redraw; /* NULL until it is needed */
    dev_t device; /* the file it is connected to */
    ino_t inode;
    sqlite3_stmt *statements[ECAM_QUERY_COUNT];
};

struct ecam_gallery {
    char *dir;
    char *path; /* of the index */
    char name[256];
    pthread_mutex_t lock; /* over what follows */
    ecam_lookup *idle;
    size_t n_idle;
};

ecam_status ecam_gallery_create(const char *dir, ecam_gallery **out, ecam_error *error)
{
    ecam_gallery *gallery = calloc(1, sizeof *gallery);
    size_t length = strlen(dir);

    *out = gallery;
    if (gallery) {
        pthread_mutex_init(&gallery->lock, NULL);
        gallery->dir = strdup(dir);
        gallery->path = malloc(length + sizeof INDEX);
    }
    if (!gallery || !gallery->dir || !gallery->path) {
        ecam_gallery_destroy(out);
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a gallery");
    }
    memcpy(gallery->path, dir, length);
    memcpy(gallery->path + length, INDEX, sizeof INDEX);
    while (length > 1 && dir[length - 1] == '/')
        length--;
    const char *last = memrchr(dir, '/', length);
    if (last && length > 1)
        last++;
    else
        last = dir;
    ecam_text_clean(gallery->name, sizeof gallery->name, last, (size_t)(dir + length - last));
    return ECAM_OK;
}

static void lookup_close(ecam_lookup **lookup)
{
    if (!*lookup)
        return;
    for (size_t i = 0; i < ECAM_QUERY_COUNT; i++)
        sqlite3_finalize((*lookup)->statements[i]);
    sqlite3_close((*lookup)->db);
    ecam_redraw_close(&(*lookup)->redraw);
    free(*lookup);
    *lookup = NULL;
}

void ecam_gallery_destroy(ecam_gallery **gallery)
{
    if (!*gallery)
        return;
    while ((*gallery)->idle) {
        ecam_lookup *lookup = (*gallery)->idle;
        (*gallery)->idle = lookup->next;
        lookup_close(&lookup);
    }
    pthread_mutex_destroy(&(*gallery)->lock);
    free((*gallery)->dir);
    free((*gallery)->path);
    free(*gallery);
    *gallery = NULL;
}

const char *ecam_gallery_dir(const ecam_gallery *gallery)
{
    return gallery->dir;
}

const char *ecam_gallery_name(const ecam_gallery *gallery)
{
    return gallery->name;
}

ecam_status ecam_lookup_fail(const ecam_lookup *lookup, ecam_error *error)
{
    int code = sqlite3_errcode(lookup->db);
    ecam_status st = code == SQLITE_NOTADB || code == SQLITE_CORRUPT ? ECAM_EFORMAT
                     : code == SQLITE_NOMEM                          ? ECAM_ENOMEM
                                                                     : ECAM_EIO;

    return ecam_fail(error, st, "the index of the store cannot be read: %s", sqlite3_errmsg(lookup->db));
}

/* The index is data, whoever made it: its schema runs nothing. */
static void distrust(sqlite3 *db)
{
    sqlite3_busy_timeout(db, PATIENCE_MS);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
}

/* SQLite follows no link to the index itself; those above it are the user's. */
static int open_index(const ecam_gallery *gallery, sqlite3 **db)
{
    char path[PATH_MAX + sizeof INDEX];

    if (!realpath(gallery->dir, path))
        return SQLITE_CANTOPEN;
    strcat(path, INDEX);
    return sqlite3_open_v2(path, db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
}

static ecam_status lookup_open(ecam_gallery *gallery, const struct stat *file, ecam_lookup **out, ecam_error *error)
{
    ecam_lookup *lookup = calloc(1, sizeof *lookup);
    ecam_status st = ECAM_OK;

    *out = NULL;
    if (!lookup)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a connection to the index");
    lookup->gallery = gallery;
    lookup->device = file->st_dev;
    lookup->inode = file->st_ino;
    if (open_index(gallery, &lookup->db) != SQLITE_OK)
        st = lookup->db ? ecam_lookup_fail(lookup, error)
                        : ecam_fail(error, ECAM_EIO, "the index of the store cannot be opened");
    else
        distrust(lookup->db);
    if (st != ECAM_OK)
        lookup_close(&lookup);
    *out = lookup;
    return st;
}

static ecam_status find_index(const ecam_gallery *gallery, struct stat *file, ecam_error *error)
{
    if (stat(gallery->path, file) == 0)
        return ECAM_OK;
    if (errno == ENOENT || errno == ENOTDIR)
        return ecam_fail(error, ECAM_EMISSING, "there is no store in %.200s yet; eigencam log --dir %.200s makes it",
                         gallery->dir, gallery->dir);
    return ecam_fail(error, ECAM_EIO, "%.300s: %s", gallery->path, strerror(errno));
}

static ecam_lookup *take_idle(ecam_gallery *gallery)
{
    pthread_mutex_lock(&gallery->lock);
    ecam_lookup *lookup = gallery->idle;
    if (lookup) {
        gallery->idle = lookup->next;
        gallery->n_idle--;
    }
    pthread_mutex_unlock(&gallery->lock);
    return lookup;
}

static ecam_status check_version(ecam_lookup *lookup, ecam_error *error)
{
    ecam_status st = ECAM_OK;
    sqlite3_stmt *statement = ecam_lookup_query(lookup, ECAM_QUERY_VERSION);

    if (!statement)
        return ecam_lookup_fail(lookup, error);
    int version = ecam_lookup_step(lookup, statement, &st, error) ? sqlite3_column_int(statement, 0) : 0;
    sqlite3_reset(statement);
    if (st == ECAM_OK && version == 0)
        return ecam_fail(error, ECAM_EMISSING, "the store in %.200s is being made", lookup->gallery->dir);
    if (st == ECAM_OK && version != ECAM_INDEX_VERSION)
        return ecam_fail(error, ECAM_EVERSION, "the store's index is of version %d, this program reads %d%s", version,
                         ECAM_INDEX_VERSION, version < ECAM_INDEX_VERSION ? "; eigencam log brings it up to date" : "");
    return st;
}

ecam_status ecam_lookup_resume(ecam_lookup *lookup, ecam_error *error)
{
    if (sqlite3_exec(lookup->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        return ecam_lookup_fail(lookup, error);
    return check_version(lookup, error);
}

void ecam_lookup_pause(ecam_lookup *lookup)
{
    for (size_t i = 0; i < ECAM_QUERY_COUNT; i++)
        sqlite3_reset(lookup->statements[i]);
    if (!sqlite3_get_autocommit(lookup->db))
        sqlite3_exec(lookup->db, "ROLLBACK", NULL, NULL, NULL);
}

ecam_status ecam_gallery_borrow(ecam_gallery *gallery, ecam_lookup **out, ecam_error *error)
{
    struct stat file;
    ecam_status st = find_index(gallery, &file, error);
    ecam_lookup *lookup;

    *out = NULL;
    if (st != ECAM_OK)
        return st;
    while ((lookup = take_idle(gallery)) && (lookup->device != file.st_dev || lookup->inode != file.st_ino))
        lookup_close(&lookup);
    if (!lookup)
        st = lookup_open(gallery, &file, &lookup, error);
    if (st == ECAM_OK)
        st = ecam_lookup_resume(lookup, error);
    if (st != ECAM_OK)
        lookup_close(&lookup);
    *out = lookup;
    return st;
}

void ecam_gallery_return(ecam_gallery *gallery, ecam_lookup **lookup)
{
    if (!*lookup)
        return;
    ecam_lookup_pause(*lookup);
    pthread_mutex_lock(&gallery->lock);
    if (gallery->n_idle < MAX_IDLE) {
        (*lookup)->next = gallery->idle;
        gallery->idle = *lookup;
        gallery->n_idle++;
        *lookup = NULL;
    }
    pthread_mutex_unlock(&gallery->lock);
    lookup_close(lookup);
}

ecam_status ecam_lookup_redraw(ecam_lookup *lookup, ecam_redraw **out, ecam_error *error)
{
    ecam_status st = lookup->redraw ? ECAM_OK : ecam_redraw_open(lookup->gallery->dir, &lookup->redraw, error);

    *out = lookup->redraw;
    return st;
}

bool ecam_lookup_is_current(const ecam_lookup *lookup)
{
    struct stat file;

    return stat(lookup->gallery->path, &file) == 0 && file.st_dev == lookup->device && file.st_ino == lookup->inode;
}

sqlite3_stmt *ecam_lookup_query(ecam_lookup *lookup, ecam_query query)
{
    sqlite3_stmt **statement = &lookup->statements[query];

    if (!*statement && sqlite3_prepare_v3(lookup->db, ecam_gallery_sql[query], -1, SQLITE_PREPARE_PERSISTENT,
                                          statement, NULL) != SQLITE_OK)
        return NULL;
    sqlite3_reset(*statement);
    sqlite3_clear_bindings(*statement);
    return *statement;
}

bool ecam_lookup_step(ecam_lookup *lookup, sqlite3_stmt *statement, ecam_status *st, ecam_error *error)
{
    int code = sqlite3_step(statement);

    if (code != SQLITE_ROW && code != SQLITE_DONE)
        *st = ecam_lookup_fail(lookup, error);
    return code == SQLITE_ROW;
}

static json_t *text_json(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    size_t length = (size_t)sqlite3_column_bytes(statement, column);
    json_t *value;

    if (!text)
        return NULL;
    if (ecam_text_is_utf8(text, length) && !memchr(text, '\0', length))
        return json_stringn(text, length);
    if (length > SIZE_MAX / 3 - 1)
        return NULL;
    char *clean = malloc(3 * length + 1); /* a bad byte becomes three */
    if (!clean)
        return NULL;
    value = json_string(ecam_text_clean(clean, 3 * length + 1, text, length));
    free(clean);
    return value;
}

json_t *ecam_column_json(sqlite3_stmt *statement, int column)
{
    double real;

    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER: return json_integer(sqlite3_column_int64(statement, column));
    case SQLITE_TEXT: return text_json(statement, column);
    case SQLITE_FLOAT:
        real = sqlite3_column_double(statement, column);
        return isfinite(real) ? json_real(real) : json_null();
    default: return json_null();
    }
}

json_t *ecam_row_json(sqlite3_stmt *statement)
{
    json_t *object = json_object();

    for (int i = 0; object && i < sqlite3_column_count(statement); i++)
        if (json_object_set_new(object, sqlite3_column_name(statement, i), ecam_column_json(statement, i)) != 0) {
            json_decref(object);
            object = NULL;
        }
    return object;
}
