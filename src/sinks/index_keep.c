/* What goes, and what then is to be removed: rows first, files once that is
 * committed, and what remains to be removed is itself in the index. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "sinks/index_internal.h"

ecam_status ecam_index_mark(ecam_index *index, const char *path, bool open, ecam_error *error)
{
    ecam_sql r = ecam_index_sql_begin(index, ECAM_SQL_MARK);

    ecam_sql_text(&r, path);
    ecam_sql_int(&r, open);
    return ecam_sql_end(&r, NULL, error);
}

ecam_status ecam_index_announce(ecam_index *index, const char *path, ecam_error *error)
{
    uint64_t marked = 0;
    ecam_sql r = ecam_index_sql_begin(index, ECAM_SQL_IS_MARKED);

    ecam_sql_text(&r, path);
    ecam_status st = ecam_sql_end(&r, &marked, error);
    if (st != ECAM_OK || marked)
        return st;
    st = ecam_index_commit(index, error);
    return st == ECAM_OK ? ecam_index_mark(index, path, true, error) : st;
}

/* --- Bounds --- */

static ecam_status sum_bytes(ecam_index *index, uint64_t *bytes, ecam_error *error)
{
    ecam_sql r = ecam_index_sql_begin(index, ECAM_SQL_SUM_BYTES);
    return ecam_sql_end(&r, bytes, error);
}

/* The rows of a statement that removes: path and bytes. */
static ecam_status drop(ecam_index *index, ecam_sql *r, uint64_t *bytes, ecam_error *error)
{
    ecam_status st = ECAM_OK;

    while (st == ECAM_OK && ecam_sql_row(r)) {
        uint64_t size = (uint64_t)sqlite3_column_int64(r->statement, 1);
        *bytes -= size < *bytes ? size : *bytes; /* whoever edits an index */
        st = ecam_index_mark(index, (const char *)sqlite3_column_text(r->statement, 0), false, error);
    }
    ecam_status end = ecam_sql_end(r, NULL, error);
    return st == ECAM_OK ? end : st;
}

/* Samples and pictures go with it (CASCADE). */
static ecam_status drop_epoch(ecam_index *index, uint64_t id, uint64_t *bytes, ecam_error *error)
{
    ecam_sql r = ecam_index_sql_begin(index, ECAM_SQL_DROP_EPOCH);

    ecam_sql_int(&r, id);
    return drop(index, &r, bytes, error);
}

static ecam_status drop_images(ecam_index *index, uint64_t *bytes, ecam_error *error)
{
    ecam_sql r = ecam_index_sql_begin(index, ECAM_SQL_DROP_IMAGES);
    return drop(index, &r, bytes, error);
}

typedef struct old_epochs {
    uint64_t *ids;
    size_t n, capacity;
} old_epochs;

static ecam_status remember(old_epochs *old, uint64_t id)
{
    if (old->n == old->capacity) {
        size_t capacity = old->capacity ? 2 * old->capacity : 64;
        uint64_t *ids = realloc(old->ids, capacity * sizeof *ids);
        if (!ids)
            return ECAM_ENOMEM;
        old->ids = ids;
        old->capacity = capacity;
    }
    old->ids[old->n++] = id;
    return ECAM_OK;
}

/* All but the first and the newest `keep`, the oldest first. */
static ecam_status find_old(ecam_index *index, uint64_t keep, old_epochs *old, ecam_error *error)
{
    ecam_sql r = ecam_index_sql_begin(index, ECAM_SQL_OLD_EPOCHS);
    ecam_status st = ECAM_OK;

    old->n = 0;
    ecam_sql_int(&r, keep);
    while (st == ECAM_OK && ecam_sql_row(&r))
        st = remember(old, (uint64_t)sqlite3_column_int64(r.statement, 0));
    ecam_status end = ecam_sql_end(&r, NULL, error);
    if (st != ECAM_OK)
        return ecam_fail(error, st, "no memory for a list of epochs");
    return end;
}

/* Images that epochs share go with the last of these. */
static ecam_status shrink(ecam_index *index, const old_epochs *old, uint64_t max_bytes,
                          uint64_t *removed, uint64_t *bytes, ecam_error *error)
{
    ecam_status st = ECAM_OK;

    for (size_t i = 0; st == ECAM_OK && *bytes > max_bytes && i < old->n; i++) {
        st = drop_epoch(index, old->ids[i], bytes, error);
        if (st == ECAM_OK)
            st = drop_images(index, bytes, error);
        *removed += st == ECAM_OK;
    }
    return st;
}

ecam_status ecam_index_retain(ecam_index *index, uint64_t keep_epochs, uint64_t max_bytes,
                              uint64_t *removed, uint64_t *bytes, ecam_error *error)
{
    old_epochs old = {0};
    ecam_status st = ecam_index_begin(index, error);

    *removed = *bytes = 0;
    if (st == ECAM_OK)
        st = sum_bytes(index, bytes, error);
    if (st == ECAM_OK && keep_epochs > 0)
        st = find_old(index, keep_epochs, &old, error);
    for (size_t i = 0; st == ECAM_OK && i < old.n; i++) {
        st = drop_epoch(index, old.ids[i], bytes, error);
        *removed += st == ECAM_OK;
    }
    if (st == ECAM_OK && old.n > 0)
        st = drop_images(index, bytes, error);
    if (st == ECAM_OK && max_bytes > 0 && *bytes > max_bytes) {
        st = find_old(index, 1, &old, error);
        if (st == ECAM_OK)
            st = shrink(index, &old, max_bytes, removed, bytes, error);
    }
    free(old.ids);
    return st;
}

/* --- Removing --- */

typedef struct path_list {
    ecam_arena arena;
    const char **paths;
    size_t n, capacity;
} path_list;

static ecam_status add_path(path_list *list, const char *path)
{
    if (list->n == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 16;
        const char **paths = realloc(list->paths, capacity * sizeof(*paths));
        if (!paths)
            return ECAM_ENOMEM;
        list->paths = paths;
        list->capacity = capacity;
    }
    list->paths[list->n] = path ? ecam_arena_text(&list->arena, path, strlen(path)) : NULL;
    return list->paths[list->n++] ? ECAM_OK : ECAM_ENOMEM;
}

/* Before anything is swept: a statement that runs holds a transaction open. */
static ecam_status find_marked(ecam_index *index, bool all, path_list *list, ecam_error *error)
{
    ecam_sql r = ecam_index_sql_begin(index, ECAM_SQL_FIND_MARKED);
    ecam_status st = ECAM_OK;

    ecam_sql_int(&r, all);
    while (st == ECAM_OK && ecam_sql_row(&r))
        st = add_path(list, (const char *)sqlite3_column_text(r.statement, 0));
    ecam_status end = ecam_sql_end(&r, NULL, error);
    if (st != ECAM_OK)
        return ecam_fail(error, st, "no memory for a list of folders");
    return end;
}

static ecam_status unmark(ecam_index *index, const char *path, ecam_error *error)
{
    ecam_sql r = ecam_index_sql_begin(index, ECAM_SQL_UNMARK);

    ecam_sql_text(&r, path);
    return ecam_sql_end(&r, NULL, error);
}

ecam_status ecam_index_sweep(ecam_index *index, bool all, ecam_index_sweeper *sweep, void *context,
                             ecam_error *error)
{
    path_list list = {0};

    ecam_arena_init(&list.arena, 0);
    ecam_status st = find_marked(index, all, &list, error);
    if (st == ECAM_OK && list.n > 0)
        st = ecam_index_begin(index, error);
    for (size_t i = 0; st == ECAM_OK && i < list.n; i++)
        if (sweep(context, list.paths[i]))
            st = unmark(index, list.paths[i], error);
    if (st == ECAM_OK)
        st = ecam_index_commit(index, error);
    free(list.paths);
    ecam_arena_finish(&list.arena);
    return st;
}

bool ecam_index_names(ecam_index *index, const char *file)
{
    uint64_t found = 0;
    ecam_sql r = ecam_index_sql_begin(index, ECAM_SQL_FIND_FILE);

    ecam_sql_text(&r, file);
    return ecam_sql_end(&r, &found, NULL) != ECAM_OK || found;
}
