#include "stage/want.h"

#include <stdio.h>
#include <string.h>

#include <zmq.h>

#define TTL_MS 10000
#define EVERY_NS (3 * INT64_C(1000000000))
/* Many ranks greet at once. */
#define APART_NS (20 * INT64_C(1000000))

void ecam_caller_init(ecam_caller *caller, uint64_t stage)
{
    *caller = (ecam_caller){.stage = stage};
    ecam_arena_init(&caller->arena, 0);
}

void ecam_caller_finish(ecam_caller *caller)
{
    ecam_arena_finish(&caller->arena);
    ecam_buffer_finish(&caller->header);
    ecam_buffer_finish(&caller->before);
}

void ecam_caller_greeted(ecam_caller *caller, int64_t now_ns)
{
    int64_t soon = caller->last_ns + APART_NS;

    if (soon < now_ns)
        soon = now_ns;
    if (soon < caller->next_ns)
        caller->next_ns = soon;
}

/* Interests are counted first, then filled in. */
typedef struct listing {
    const ecam_collector *collector;
    ecam_arena *arena;
    ecam_interest *items; /* NULL: only counting */
    size_t n;
    bool failed;
} listing;

static ecam_texts texts_of(listing *list, const char *const *from, size_t n)
{
    const char **items = ecam_arena_alloc(list->arena, n, sizeof *items);

    list->failed |= n > 0 && !items;
    for (size_t i = 0; items && i < n; i++)
        items[i] = from[i];
    return (ecam_texts){.items = items, .n = items ? n : 0};
}

static ecam_texts ds_ids_of(listing *list, const ecam_filter *filter)
{
    char texts[ECAM_FILTER_NAMES][ECAM_NAME_BYTES + 1];
    const char *names[ECAM_FILTER_NAMES];

    for (size_t i = 0; i < filter->n_names; i++) {
        int length = snprintf(texts[i], sizeof texts[i], "%s%s", filter->negative ? "!" : "", filter->names[i]);
        names[i] = ecam_arena_text(list->arena, texts[i], (size_t)length);
        list->failed |= !names[i];
    }
    return texts_of(list, names, filter->n_names);
}

static unsigned modes_of(const ecam_filter *filter)
{
    unsigned modes = 0;

    for (int mode = 0; mode < ECAM_MODE_COUNT; mode++)
        if (ecam_filter_accepts(filter, ecam_mode_name((ecam_mode)mode)))
            modes |= 1u << mode;
    return modes;
}

static void add_traces(listing *list, const ecam_traces *set, const char *run)
{
    for (size_t i = 0; i < set->n; i++, list->n++) {
        const ecam_trace *t = &set->traces[i];
        const char *const keys[] = {t->images, t->activations, t->labels, t->preds};
        if (!list->items)
            continue;
        list->items[list->n] = (ecam_interest){.runs = texts_of(list, &run, run ? 1 : 0),
                                               .ds_ids = ds_ids_of(list, &t->ds_id),
                                               .keys = texts_of(list, keys, 4),
                                               .modes = modes_of(&t->mode),
                                               .n_samples = t->n_samples};
    }
}

/* What its next epochs ask for, and what those do that are open. */
static void add_run(void *value, void *context)
{
    const ecam_run *run = value;
    listing *list = context;
    const ecam_traces *set = run->traces ? run->traces : list->collector->traces, *last = set;

    if (!run->greeted)
        return;
    add_traces(list, set, run->name);
    for (const ecam_epoch *epoch = run->open; epoch; epoch = epoch->next) {
        if (epoch->traces != set && epoch->traces != last)
            add_traces(list, epoch->traces, run->name);
        last = epoch->traces;
    }
}

static void add_all(listing *list)
{
    list->n = 0;
    if (list->collector->own)
        add_traces(list, list->collector->traces, NULL);
    else
        ecam_table_each(&list->collector->runs, add_run, list);
}

ecam_status ecam_caller_interests(const ecam_collector *collector, ecam_arena *arena,
                                  const ecam_interest **out, size_t *n)
{
    listing list = {.collector = collector, .arena = arena};

    add_all(&list);
    list.items = ecam_arena_alloc(arena, list.n + 1, sizeof *list.items);
    if (!list.items)
        return ECAM_ENOMEM;
    add_all(&list);
    *out = list.items;
    *n = list.n;
    return list.failed ? ECAM_ENOMEM : ECAM_OK;
}

/* The generation tells what changed from what is said again. */
static ecam_status build(ecam_caller *caller, const ecam_collector *collector, const char *hand_over)
{
    ecam_want want = {.stage = caller->stage, .generation = caller->generation, .ttl_ms = TTL_MS, .socket = hand_over};
    ecam_status st = ecam_caller_interests(collector, &caller->arena, &want.interests, &want.n_interests);

    if (st == ECAM_OK)
        st = ecam_want_encode(&want, &caller->header);
    if (st != ECAM_OK || (caller->header.size == caller->before.size &&
                          memcmp(caller->header.data, caller->before.data, caller->header.size) == 0))
        return st;
    want.generation = ++caller->generation;
    st = ecam_want_encode(&want, &caller->header);
    ecam_buffer_clear(&caller->before);
    if (st == ECAM_OK)
        st = ecam_buffer_append(&caller->before, caller->header.data, caller->header.size);
    return st;
}

int64_t ecam_caller_call(ecam_caller *caller, const ecam_collector *collector, void *socket,
                         const char *hand_over, int64_t now_ns)
{
    if (now_ns < caller->next_ns)
        return caller->next_ns;
    caller->last_ns = now_ns;
    caller->next_ns = now_ns + EVERY_NS;
    ecam_arena_reset(&caller->arena);
    /* A trainer that does not hear it sends what is subscribed. */
    if (build(caller, collector, hand_over) == ECAM_OK &&
        zmq_send(socket, ECAM_WANT_TOPIC, strlen(ECAM_WANT_TOPIC), ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0)
        (void)zmq_send(socket, caller->header.data, caller->header.size, ZMQ_DONTWAIT);
    return caller->next_ns;
}
