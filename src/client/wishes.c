#include "client/wishes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Subscriptions come from a peer and are held in our memory. */
#define MAX_PREFIXES 4096
#define MAX_PREFIX_BYTES 512
#define MAX_INTEREST_MEMORY ((size_t)1 << 20)

void ecam_wishes_init(ecam_wishes *w, const char *run)
{
    *w = (ecam_wishes){0};
    memcpy(w->run, run, strnlen(run, sizeof w->run - 1));
}

static void destroy_wisher(ecam_wisher *wisher)
{
    if (!wisher)
        return;
    ecam_arena_finish(&wisher->arena);
    free(wisher->progress);
    free(wisher);
}

static void destroy_stream(ecam_stream *stream)
{
    if (!stream)
        return;
    free(stream->ds_id);
    free(stream->topic);
    free(stream);
}

void ecam_wishes_finish(ecam_wishes *w)
{
    for (size_t i = 0; i < w->n_prefixes; i++)
        free(w->prefixes[i].text);
    for (size_t i = 0; i < w->n_streams; i++)
        destroy_stream(w->streams[i]);
    for (size_t i = 0; i < w->n_wishers; i++)
        destroy_wisher(w->wishers[i]);
    free(w->prefixes);
    free(w->streams);
    *w = (ecam_wishes){0};
}

/* Room for one more item of `size` bytes in an array that may move. */
static ecam_status grow(void **array, size_t n, size_t *capacity, size_t size)
{
    if (n < *capacity)
        return ECAM_OK;
    size_t more = *capacity ? 2 * *capacity : 8;
    void *moved = realloc(*array, more * size);
    if (!moved)
        return ECAM_ENOMEM;
    *array = moved;
    *capacity = more;
    return ECAM_OK;
}

/* ---- subscriptions ---- */

bool ecam_wishes_subscribed(const ecam_wishes *w, const char *topic)
{
    for (size_t i = 0; i < w->n_prefixes; i++)
        if (strncmp(topic, w->prefixes[i].text, w->prefixes[i].bytes) == 0)
            return true;
    return false;
}

static void update_streams(ecam_wishes *w)
{
    for (size_t i = 0; i < w->n_streams; i++)
        w->streams[i]->subscribed = ecam_wishes_subscribed(w, w->streams[i]->topic);
}

static ecam_status add_prefix(ecam_wishes *w, const void *prefix, size_t bytes)
{
    void *array = w->prefixes;

    if (w->n_prefixes == MAX_PREFIXES || bytes > MAX_PREFIX_BYTES)
        return ECAM_ELIMIT;
    ecam_status st = grow(&array, w->n_prefixes, &w->prefixes_capacity, sizeof *w->prefixes);
    w->prefixes = array;
    char *text = st == ECAM_OK ? malloc(bytes + 1) : NULL;
    if (!text)
        return ECAM_ENOMEM;
    if (bytes != 0)
        memcpy(text, prefix, bytes);
    text[bytes] = '\0';
    w->prefixes[w->n_prefixes++] = (ecam_prefix){.text = text, .bytes = bytes, .count = 1};
    return ECAM_OK;
}

static void forget_wishers(ecam_wishes *w)
{
    while (w->n_wishers > 0)
        destroy_wisher(w->wishers[--w->n_wishers]);
}

static void remove_prefix(ecam_wishes *w, size_t i)
{
    free(w->prefixes[i].text);
    w->prefixes[i] = w->prefixes[--w->n_prefixes];
    if (w->n_prefixes == 0)
        forget_wishers(w); /* all are gone */
}

ecam_status ecam_wishes_subscribe(ecam_wishes *w, const void *prefix, size_t bytes, bool on)
{
    ecam_status st = ECAM_OK;
    size_t i = 0;

    while (i < w->n_prefixes && !(w->prefixes[i].bytes == bytes && memcmp(w->prefixes[i].text, prefix, bytes) == 0))
        i++;
    if (i < w->n_prefixes && on)
        w->prefixes[i].count++;
    else if (i < w->n_prefixes && --w->prefixes[i].count == 0)
        remove_prefix(w, i);
    else if (on)
        st = add_prefix(w, prefix, bytes);
    update_streams(w);
    return st;
}

/* ---- streams ---- */

static char *make_topic(const ecam_wishes *w, ecam_mode mode, const char *ds_id)
{
    const char *name = ecam_mode_name(mode);
    size_t bytes = strlen("batch||||") + strlen(name) + strlen(ds_id) + strlen(w->run) + 1;
    char *topic = malloc(bytes);

    if (topic)
        snprintf(topic, bytes, "batch|%s|%s|%s|", name, ds_id, w->run);
    return topic;
}

/* Room for the newest stream in every progress, its answer worked out. */
static ecam_status extend(ecam_wishes *w, ecam_wisher *wisher)
{
    size_t old = wisher->n_progress, n = w->n_streams;

    if (old >= n)
        return ECAM_OK;
    ecam_progress *progress = calloc(wisher->n_interests * n + 1, sizeof *progress);
    if (!progress)
        return ECAM_ENOMEM;
    for (size_t i = 0; i < wisher->n_interests; i++) {
        for (size_t s = 0; s < n; s++) {
            if (s < old)
                progress[i * n + s] = wisher->progress[i * old + s];
            else
                progress[i * n + s].accepted =
                    ecam_interest_accepts(&wisher->interests[i], w->streams[s]->mode, w->streams[s]->ds_id);
        }
    }
    free(wisher->progress);
    wisher->progress = progress;
    wisher->n_progress = n;
    return ECAM_OK;
}

static ecam_status add_stream(ecam_wishes *w, ecam_mode mode, const char *ds_id)
{
    void *array = w->streams;
    ecam_status st = grow(&array, w->n_streams, &w->streams_capacity, sizeof(*w->streams));

    w->streams = array;
    ecam_stream *stream = st == ECAM_OK ? calloc(1, sizeof *stream) : NULL;
    if (!stream)
        return ECAM_ENOMEM;
    stream->mode = mode;
    stream->ds_id = strdup(ds_id);
    stream->topic = make_topic(w, mode, ds_id);
    if (!stream->ds_id || !stream->topic) {
        destroy_stream(stream);
        return ECAM_ENOMEM;
    }
    stream->subscribed = ecam_wishes_subscribed(w, stream->topic);
    w->streams[w->n_streams++] = stream;
    for (size_t i = 0; st == ECAM_OK && i < w->n_wishers; i++)
        st = extend(w, w->wishers[i]);
    return st;
}

ecam_status ecam_wishes_stream(ecam_wishes *w, ecam_mode mode, const char *ds_id, size_t *out,
                               ecam_error *error)
{
    for (size_t i = 0; i < w->n_streams; i++) {
        if (w->streams[i]->mode == mode && strcmp(w->streams[i]->ds_id, ds_id) == 0) {
            *out = i;
            return ECAM_OK;
        }
    }
    if (w->n_streams == ECAM_MAX_STREAMS)
        return ecam_fail(error, ECAM_ELIMIT, "data set \"%s\" is one too many: a run has at most %d, modes counted apart",
                         ds_id, ECAM_MAX_STREAMS);
    *out = w->n_streams;
    ecam_status st = add_stream(w, mode, ds_id);
    if (st != ECAM_OK)
        ecam_fail(error, st, "no memory for data set \"%s\"", ds_id);
    return st;
}

/* ---- stages ---- */

static size_t find_wisher(const ecam_wishes *w, uint64_t stage)
{
    size_t i = 0;
    while (i < w->n_wishers && w->wishers[i]->stage != stage)
        i++;
    return i;
}

static void drop_wisher(ecam_wishes *w, size_t i)
{
    destroy_wisher(w->wishers[i]);
    w->wishers[i] = w->wishers[--w->n_wishers];
}

/* Of one want, the interests that name this run count; where none does, those
 * that name no run. */
static bool concerns(const ecam_interest *interest, const char *run, bool named)
{
    return named ? ecam_interest_names(interest, run) : interest->runs.n == 0;
}

static ecam_status copy_texts(ecam_arena *arena, const ecam_texts *from, ecam_texts *to)
{
    const char **items = ecam_arena_alloc(arena, from->n, sizeof *items);

    *to = (ecam_texts){.items = items, .n = items ? from->n : 0};
    for (size_t i = 0; items && i < from->n; i++) {
        items[i] = ecam_arena_text(arena, from->items[i], strlen(from->items[i]));
        if (!items[i])
            return ECAM_ENOMEM;
    }
    return items || from->n == 0 ? ECAM_OK : ECAM_ENOMEM;
}

static ecam_status copy_interests(ecam_wisher *wisher, const ecam_want *want, const char *run, bool named)
{
    ecam_interest *copies = ecam_arena_alloc(&wisher->arena, want->n_interests, sizeof *copies);
    ecam_status st = copies || want->n_interests == 0 ? ECAM_OK : ECAM_ENOMEM;

    for (size_t i = 0; st == ECAM_OK && i < want->n_interests; i++) {
        const ecam_interest *from = &want->interests[i];
        if (!concerns(from, run, named))
            continue;
        ecam_interest *to = &copies[wisher->n_interests];
        *to = (ecam_interest){.modes = from->modes, .n_samples = from->n_samples};
        st = copy_texts(&wisher->arena, &from->ds_ids, &to->ds_ids);
        if (st == ECAM_OK)
            st = copy_texts(&wisher->arena, &from->keys, &to->keys);
        wisher->n_interests++;
    }
    wisher->interests = copies;
    return st;
}

static bool same_texts(const ecam_texts *a, const ecam_texts *b)
{
    for (size_t i = 0; a->n == b->n && i < a->n; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return a->n == b->n;
}

static bool same_interest(const ecam_interest *a, const ecam_interest *b)
{
    return a->modes == b->modes && a->n_samples == b->n_samples && same_texts(&a->ds_ids, &b->ds_ids) &&
           same_texts(&a->keys, &b->keys);
}

/* An interest that is still there goes on where it was. */
static void inherit(ecam_wisher *wisher, const ecam_wisher *old)
{
    for (size_t i = 0; i < wisher->n_interests; i++)
        for (size_t j = 0; j < old->n_interests; j++)
            if (old->n_progress > 0 && same_interest(&wisher->interests[i], &old->interests[j]))
                memcpy(&wisher->progress[i * wisher->n_progress], &old->progress[j * old->n_progress],
                       old->n_progress * sizeof *old->progress);
}

static ecam_wisher *make_wisher(ecam_wishes *w, const ecam_want *want, bool named)
{
    ecam_wisher *wisher = calloc(1, sizeof *wisher);

    if (!wisher)
        return NULL;
    ecam_arena_init(&wisher->arena, MAX_INTEREST_MEMORY);
    wisher->stage = want->stage;
    if (copy_interests(wisher, want, w->run, named) != ECAM_OK || extend(w, wisher) != ECAM_OK) {
        destroy_wisher(wisher);
        return NULL;
    }
    return wisher;
}

/* The place for a new one: free, else that of the one whose time ends first. */
static size_t place_for(ecam_wishes *w)
{
    size_t first = 0;

    if (w->n_wishers < ECAM_MAX_WISHERS)
        return w->n_wishers++;
    for (size_t i = 1; i < w->n_wishers; i++)
        if (w->wishers[i]->until_ns < w->wishers[first]->until_ns)
            first = i;
    destroy_wisher(w->wishers[first]);
    return first;
}

ecam_status ecam_wishes_note(ecam_wishes *w, const ecam_want *want, int64_t now_ns)
{
    size_t at = find_wisher(w, want->stage);
    bool named = false;

    for (size_t i = 0; i < want->n_interests && !named; i++)
        named = ecam_interest_names(&want->interests[i], w->run);
    ecam_wisher *wisher = make_wisher(w, want, named);
    if (!wisher)
        return ECAM_ENOMEM;
    if (wisher->n_interests == 0) {
        destroy_wisher(wisher);
        if (at < w->n_wishers)
            drop_wisher(w, at);
        return ECAM_OK;
    }
    if (at < w->n_wishers) {
        inherit(wisher, w->wishers[at]);
        destroy_wisher(w->wishers[at]);
    } else {
        at = place_for(w);
    }
    wisher->until_ns = now_ns + (int64_t)want->ttl_ms * 1000000;
    w->wishers[at] = wisher;
    return ECAM_OK;
}

void ecam_wishes_expire(ecam_wishes *w, int64_t now_ns)
{
    for (size_t i = 0; i < w->n_wishers;) {
        if (w->wishers[i]->until_ns <= now_ns)
            drop_wisher(w, i);
        else
            i++;
    }
}
