#include "web/watch.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web/answers.h"

#define MANY 64   /* changes at once: it is simpler to read all again */
#define RECENT 64
#define STAGES 32
#define ERRORS 16

/* An epoch as it was seen; print: of its summary, 0 before there is one. */
typedef struct seen {
    int64_t id;
    uint64_t print;
} seen;

struct ecam_watch {
    ecam_gallery *gallery;
    ecam_events *events;
    bool tells_all;
    ecam_lookup *lookup; /* paused; NULL: no store */
    int64_t version;     /* of the data, as SQLite counts */
    seen *epochs;        /* by id */
    size_t n_epochs;
    uint64_t recent[RECENT]; /* prints of stage and seq */
    size_t n_recent;
    uint64_t stats[STAGES];
    int64_t last_error;
    pthread_mutex_t lock; /* over what follows */
    bool is_ready;
    size_t told_epochs;
    ecam_histogram latency;
};

ecam_status ecam_watch_create(ecam_gallery *gallery, ecam_events *events, bool tells_all, ecam_watch **out,
                              ecam_error *error)
{
    ecam_watch *watch = calloc(1, sizeof *watch);

    *out = watch;
    if (!watch)
        return ecam_fail(error, ECAM_ENOMEM, "no memory to watch a store");
    watch->gallery = gallery;
    watch->events = events;
    watch->tells_all = tells_all;
    pthread_mutex_init(&watch->lock, NULL);
    return ECAM_OK;
}

void ecam_watch_destroy(ecam_watch **watch)
{
    if (!*watch)
        return;
    ecam_gallery_return((*watch)->gallery, &(*watch)->lookup);
    pthread_mutex_destroy(&(*watch)->lock);
    free((*watch)->epochs);
    free(*watch);
    *watch = NULL;
}

/* FNV-1a; 0 means none. */
static uint64_t print_of(uint64_t print, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < size; i++)
        print = (print ^ at[i]) * UINT64_C(1099511628211);
    return print ? print : 1;
}

static uint64_t print_result(const char *stage, int64_t seq)
{
    uint64_t print = print_of(UINT64_C(14695981039346656037), stage, strlen(stage));

    return print_of(print, &seq, sizeof seq);
}

bool ecam_watch_has_seen(const ecam_watch *watch, uint64_t stage, uint64_t seq)
{
    char text[20];

    snprintf(text, sizeof text, "%016" PRIx64, stage);
    uint64_t print = print_result(text, (int64_t)seq);
    for (size_t i = 0; i < RECENT; i++)
        if (watch->recent[i] == print)
            return true;
    return false;
}

bool ecam_watch_is_ready(ecam_watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    bool is_ready = watch->is_ready;
    pthread_mutex_unlock(&watch->lock);
    return is_ready;
}

void ecam_watch_metrics(ecam_watch *watch, ecam_metrics *metrics)
{
    pthread_mutex_lock(&watch->lock);
    ecam_metrics_head(metrics, "eigencam_store_ready", "gauge", "Whether there is a store that can be read.");
    ecam_metrics_value(metrics, "eigencam_store_ready", "", watch->is_ready);
    ecam_metrics_head(metrics, "eigencam_store_epochs", "gauge", "Epochs in the store.");
    ecam_metrics_value(metrics, "eigencam_store_epochs", "", watch->told_epochs);
    ecam_metrics_head(metrics, "eigencam_epoch_latency_seconds", "histogram",
                      "From an epoch's last marker to its last picture, of epochs seen in the store.");
    ecam_metrics_histogram(metrics, "eigencam_epoch_latency_seconds", "", &watch->latency);
    pthread_mutex_unlock(&watch->lock);
}

static void tell(ecam_watch *watch, const char *event, json_t *data)
{
    char *text = data ? json_dumps(data, JSON_COMPACT) : NULL;

    if (text)
        ecam_events_post(watch->events, event, text);
    free(text);
    json_decref(data);
}

/* Everything has to be asked for again. */
static void tell_hello(ecam_watch *watch)
{
    tell(watch, "hello", json_pack("{s:i, s:s, s:b, s:b, s:b}", "version", ECAM_ANSWERS_VERSION, "store",
                                   ecam_gallery_name(watch->gallery), "live", !watch->tells_all, "ready",
                                   watch->is_ready, "resync", 1));
}

static void tell_epoch(ecam_watch *watch, int64_t id)
{
    sqlite3_stmt *statement = ecam_lookup_query(watch->lookup, ECAM_QUERY_NAMES);
    ecam_status st = ECAM_OK;

    if (!statement)
        return;
    sqlite3_bind_int64(statement, 1, id);
    if (ecam_lookup_step(watch->lookup, statement, &st, NULL))
        tell(watch, "epoch", ecam_row_json(statement));
}

static void set_ready(ecam_watch *watch, bool is_ready)
{
    pthread_mutex_lock(&watch->lock);
    bool was = watch->is_ready;
    watch->is_ready = is_ready;
    watch->told_epochs = watch->n_epochs;
    pthread_mutex_unlock(&watch->lock);
    if (was != is_ready)
        tell_hello(watch);
}

/* What one look has found. */
typedef struct findings {
    seen *epochs;
    size_t n, capacity;
    size_t old;         /* the next of the watch's that was not met again */
    int64_t changed[MANY];
    size_t n_changed;   /* may be more than MANY */
    size_t n_gone;
} findings;

static ecam_status grow(findings *f, ecam_error *error)
{
    size_t capacity = f->capacity ? 2 * f->capacity : 256;
    seen *larger = f->n < f->capacity ? f->epochs : reallocarray(f->epochs, capacity, sizeof *larger);

    if (!larger)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a store of %zu epochs", f->n);
    if (f->n >= f->capacity)
        f->capacity = capacity;
    f->epochs = larger;
    return ECAM_OK;
}

static uint64_t print_summary(sqlite3_stmt *row)
{
    const char *stage = (const char *)sqlite3_column_text(row, 1);
    int64_t time_ns = sqlite3_column_int64(row, 3);

    if (sqlite3_column_type(row, 2) == SQLITE_NULL || !stage)
        return 0;
    return print_of(print_result(stage, sqlite3_column_int64(row, 2)), &time_ns, sizeof time_ns);
}

static void note_change(ecam_watch *watch, sqlite3_stmt *row, findings *f)
{
    const char *stage = (const char *)sqlite3_column_text(row, 1);

    if (f->n_changed < MANY)
        f->changed[f->n_changed] = sqlite3_column_int64(row, 0);
    f->n_changed++;
    watch->recent[watch->n_recent++ % RECENT] = print_result(stage ? stage : "", sqlite3_column_int64(row, 2));
    if (sqlite3_column_type(row, 4) == SQLITE_NULL)
        return;
    pthread_mutex_lock(&watch->lock);
    ecam_histogram_add(&watch->latency, (uint64_t)sqlite3_column_int64(row, 4));
    pthread_mutex_unlock(&watch->lock);
}

static ecam_status compare(ecam_watch *watch, sqlite3_stmt *row, findings *f, ecam_error *error)
{
    seen now = {.id = sqlite3_column_int64(row, 0), .print = print_summary(row)};
    ecam_status st = grow(f, error);

    if (st != ECAM_OK)
        return st;
    for (; f->old < watch->n_epochs && watch->epochs[f->old].id < now.id; f->old++)
        f->n_gone++;
    bool is_old = f->old < watch->n_epochs && watch->epochs[f->old].id == now.id;
    uint64_t before = is_old ? watch->epochs[f->old].print : 0;
    f->old += is_old;
    f->epochs[f->n++] = now;
    if (now.print != before && now.print != 0)
        note_change(watch, row, f);
    return ECAM_OK;
}

static ecam_status find(ecam_watch *watch, findings *f, ecam_error *error)
{
    sqlite3_stmt *statement = ecam_lookup_query(watch->lookup, ECAM_QUERY_SUMMARIES);
    ecam_status st = statement ? ECAM_OK : ecam_lookup_fail(watch->lookup, error);

    while (st == ECAM_OK && ecam_lookup_step(watch->lookup, statement, &st, error))
        st = compare(watch, statement, f, error);
    f->n_gone += watch->n_epochs - f->old;
    return st;
}

static void tell_errors(ecam_watch *watch, bool silently)
{
    json_t *errors;

    if (ecam_answer_errors(watch->lookup, watch->last_error, ERRORS, &errors, NULL) != ECAM_OK)
        return;
    if (json_array_size(errors) > 0)
        watch->last_error = json_integer_value(json_object_get(json_array_get(errors, 0), "id"));
    for (size_t i = json_array_size(errors); !silently && i-- > 0;)
        tell(watch, "error", json_incref(json_array_get(errors, i)));
    json_decref(errors);
}

static void tell_stats(ecam_watch *watch, bool silently)
{
    uint64_t prints[STAGES] = {0};
    json_t *all, *stats;
    size_t i;

    if (ecam_answer_stats(watch->lookup, &all, NULL) != ECAM_OK)
        return;
    json_array_foreach(all, i, stats) {
        const char *stage = json_string_value(json_object_get(stats, "stage"));
        bool is_new = true;
        if (i >= STAGES)
            break;
        prints[i] = print_result(stage ? stage : "", json_integer_value(json_object_get(stats, "time_ns")));
        for (size_t old = 0; old < STAGES; old++)
            is_new = is_new && watch->stats[old] != prints[i];
        if (is_new && !silently)
            tell(watch, "stats", json_incref(stats));
    }
    memcpy(watch->stats, prints, sizeof prints);
    json_decref(all);
}

/* `silently`: on a first look nothing is news. */
static ecam_status look_through(ecam_watch *watch, bool silently, ecam_error *error)
{
    findings f = {.n = 0};
    ecam_status st = find(watch, &f, error);

    if (st != ECAM_OK) {
        free(f.epochs);
        return st;
    }
    free(watch->epochs);
    watch->epochs = f.epochs;
    watch->n_epochs = f.n;
    if (!silently && f.n_changed > MANY)
        tell_hello(watch);
    for (size_t i = 0; !silently && f.n_changed <= MANY && i < f.n_changed; i++)
        tell_epoch(watch, f.changed[i]);
    if (!silently && f.n_gone > 0)
        tell(watch, "gone", json_pack("{s:I}", "epochs", (json_int_t)f.n_gone));
    if (watch->tells_all) {
        tell_errors(watch, silently);
        tell_stats(watch, silently);
    }
    return ECAM_OK;
}

static void lose_store(ecam_watch *watch)
{
    ecam_gallery_return(watch->gallery, &watch->lookup);
    free(watch->epochs);
    watch->epochs = NULL;
    watch->n_epochs = 0;
    watch->last_error = 0;
    set_ready(watch, false);
}

static ecam_status read_version(ecam_watch *watch, int64_t *version, ecam_error *error)
{
    sqlite3_stmt *statement = ecam_lookup_query(watch->lookup, ECAM_QUERY_CHANGES);
    ecam_status st = ECAM_OK;

    if (!statement)
        return ecam_lookup_fail(watch->lookup, error);
    if (ecam_lookup_step(watch->lookup, statement, &st, error))
        *version = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return st;
}

void ecam_watch_look(ecam_watch *watch)
{
    int64_t version = 0;
    ecam_status st = ECAM_OK;

    if (watch->lookup && !ecam_lookup_is_current(watch->lookup))
        lose_store(watch);
    bool is_first = !watch->lookup;
    if (is_first) {
        if (ecam_gallery_borrow(watch->gallery, &watch->lookup, NULL) != ECAM_OK) {
            set_ready(watch, false);
            return;
        }
        ecam_lookup_pause(watch->lookup);
    }
    /* the number first: what is written in between is found the next time */
    st = read_version(watch, &version, NULL);
    if (st == ECAM_OK && !is_first && version == watch->version)
        return;
    if (st == ECAM_OK)
        st = ecam_lookup_resume(watch->lookup, NULL);
    if (st == ECAM_OK)
        st = look_through(watch, is_first, NULL);
    if (st != ECAM_OK) {
        lose_store(watch);
        return;
    }
    ecam_lookup_pause(watch->lookup);
    watch->version = version;
    set_ready(watch, true);
}
