#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sinks/redraw_internal.h"

typedef struct item {
    int64_t id;
    char *folder;
    char name[64];
} item;

typedef struct list {
    item *items;
    size_t n, capacity;
} list;

static void finish(list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->items[i].folder);
    free(l->items);
}

/* The row at hand, unless it is of another type. */
static ecam_status add(list *l, const ecam_sql *sql, unsigned types)
{
    const char *folder = (const char *)sqlite3_column_text(sql->statement, 1);
    const char *type = (const char *)sqlite3_column_text(sql->statement, 2);
    ecam_result result = {.type = ECAM_RESULT_OVERLAY};
    char name[ECAM_PATH_NAME_BYTES];

    while (type && result.type <= ECAM_RESULT_SHEET && strcmp(type, ecam_result_type_name(result.type)) != 0)
        result.type++;
    if (!type || result.type > ECAM_RESULT_SHEET || !(types & 1u << result.type))
        return ECAM_OK;
    if (l->n == l->capacity) {
        size_t capacity = l->capacity ? 2 * l->capacity : 256;
        item *items = realloc(l->items, capacity * sizeof *items);
        if (!items)
            return ECAM_ENOMEM;
        l->items = items;
        l->capacity = capacity;
    }
    item *it = &l->items[l->n];
    it->id = sqlite3_column_int64(sql->statement, 0);
    it->folder = strdup(folder ? folder : "");
    if (!it->folder)
        return ECAM_ENOMEM;
    l->n++;
    result.sample.number = result.page.number = (uint32_t)sqlite3_column_int64(sql->statement, 3);
    result.component.number = (uint32_t)sqlite3_column_int64(sql->statement, 4);
    snprintf(it->name, sizeof it->name, "%s", ecam_path_picture(name, &result));
    return ECAM_OK;
}

/* All before the first is drawn: a list that is open would hold the logger's
 * log of writes. */
static ecam_status find(ecam_redraw *r, const ecam_redraw_filter *f, list *l, ecam_error *error)
{
    ecam_sql sql = ecam_sql_begin(r->prepared[ECAM_REDRAW_LIST]);
    ecam_status st = ECAM_OK;

    ecam_sql_text(&sql, f->run);
    ecam_sql_text(&sql, f->output);
    ecam_sql_text(&sql, f->mode);
    ecam_sql_int(&sql, (uint64_t)f->epoch);
    ecam_sql_int(&sql, (uint64_t)f->sample);
    ecam_sql_int(&sql, (uint64_t)f->component);
    while (st == ECAM_OK && ecam_sql_row(&sql))
        st = add(l, &sql, f->types);
    ecam_status end = ecam_sql_end(&sql, NULL, error);
    return st == ECAM_OK ? end : ecam_fail(error, st, "no memory for a list of pictures");
}

static ecam_status open_target(const char *to, int *fd, ecam_error *error)
{
    if (mkdir(to, 0777) != 0 && errno != EEXIST)
        return ecam_fail(error, ECAM_EIO, "folder %.300s cannot be made: %s", to, strerror(errno));
    *fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd == -1)
        return ecam_fail(error, ECAM_EIO, "folder %.300s cannot be used: %s", to, strerror(errno));
    if (faccessat(*fd, "index.sqlite", F_OK, 0) == 0)
        return ecam_fail(error, ECAM_EIO, "folder %.300s is a store itself; expected another one", to);
    return ECAM_OK;
}

ecam_status ecam_redraw_export(ecam_redraw *r, const ecam_redraw_filter *filter, const char *to,
                               uint64_t *written, uint64_t *failed, ecam_error *error)
{
    list l = {0};
    ecam_folders out;
    ecam_buffer png = {0};
    int fd = -1;
    ecam_status st = open_target(to, &fd, error);

    *written = *failed = 0;
    ecam_folders_init(&out, fd);
    if (st == ECAM_OK)
        st = find(r, filter, &l, error);
    for (size_t i = 0; st == ECAM_OK && i < l.n; i++) {
        if (ecam_redraw_picture(r, l.items[i].id, &png, error) != ECAM_OK) {
            ++*failed;
            continue;
        }
        st = ecam_folders_write(&out, l.items[i].folder, l.items[i].name, png.data, png.size, error);
        *written += st == ECAM_OK;
    }
    ecam_folders_finish(&out);
    if (fd != -1)
        close(fd);
    ecam_buffer_finish(&png);
    finish(&l);
    return st;
}
