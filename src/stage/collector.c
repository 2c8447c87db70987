#include "stage/collector.h"

#include <stdlib.h>
#include <string.h>

#include "stage/history.h"

void ecam_collector_init(ecam_collector *c, ecam_traces *traces, bool own, int64_t timeout_ns)
{
    *c = (ecam_collector){.traces = ecam_traces_ref(traces), .own = own, .timeout_ns = timeout_ns,
                            .limits = ECAM_DEFAULT_LIMITS};
    c->ready_last = &c->ready;
}

static void destroy_run(void *value)
{
    ecam_run *run = value;

    ecam_traces_unref(&run->traces);
    ecam_traces_unref(&run->mapping_set);
    for (int mode = 0; mode < ECAM_MODE_COUNT; mode++)
        ecam_history_finish(&run->published[mode]);
    ecam_ledger_finish(&run->ledger);
    free(run->name);
    free(run);
}

void ecam_collector_finish(ecam_collector *c, ecam_sample_shelf *shelf)
{
    ecam_collector_close_all(c);
    while (c->ready) {
        ecam_epoch *epoch = c->ready;
        c->ready = epoch->next;
        ecam_collector_give_back(&epoch, shelf);
    }
    ecam_table_finish(&c->runs, destroy_run);
    ecam_traces_unref(&c->traces);
}

ecam_status ecam_collector_run(ecam_collector *c, const char *name, ecam_run **out,
                               ecam_error *error)
{
    *out = ecam_table_get(&c->runs, name, strlen(name));
    if (*out)
        return ECAM_OK;
    if (c->runs.count >= c->limits.runs)
        return ecam_fail(error, ECAM_ELIMIT, "run \"%s\" is one too many: at most %zu are served (--max-runs)", name,
                         c->limits.runs);
    ecam_run *run = calloc(1, sizeof *run);
    if (run)
        run->name = strdup(name);
    if (run)
        run->ledger.max_ranks = c->limits.ranks;
    if (!run || !run->name || ecam_table_put(&c->runs, name, strlen(name), run) != ECAM_OK) {
        if (run)
            destroy_run(run);
        return ecam_fail(error, ECAM_ENOMEM, "no memory for run \"%s\"", name);
    }
    *out = run;
    return ECAM_OK;
}

static ecam_status take_mapping(ecam_run *run, const ecam_node *node, ecam_error *error)
{
    ecam_trace defaults;
    ecam_traces *set;
    const ecam_mapping *mapping;

    ecam_trace_init(&defaults);
    ecam_status st = ecam_traces_create(&defaults, 0, &set);
    if (st != ECAM_OK)
        return ecam_fail(error, st, "no memory for a label mapping");
    st = ecam_mapping_load(node, &set->arena, &mapping, error);
    if (st == ECAM_OK) {
        ecam_traces_unref(&run->mapping_set);
        run->mapping_set = ecam_traces_ref(set);
        run->mapping = mapping;
    }
    ecam_traces_unref(&set);
    return st;
}

static ecam_status take_traces(ecam_run *run, const ecam_node *list, ecam_error *error)
{
    ecam_trace defaults;
    ecam_traces *set;

    ecam_trace_init(&defaults);
    ecam_status st = ecam_traces_create(&defaults, list->size, &set);
    if (st != ECAM_OK)
        return ecam_fail(error, st, "%zu traces of a hello cannot be held; at most %d are accepted", list->size,
                         ECAM_MAX_TRACES);
    st = ecam_traces_apply(set, list, true, error);
    if (st == ECAM_OK) {
        ecam_traces_unref(&run->traces);
        run->traces = ecam_traces_ref(set);
    }
    ecam_traces_unref(&set);
    return st;
}

ecam_status ecam_collector_hello(ecam_collector *c, ecam_run *run, const ecam_message *m,
                                 ecam_error *error)
{
    ecam_status st = ECAM_OK;

    run->greeted = true;
    if (m->label_mapping)
        st = take_mapping(run, m->label_mapping, error);
    if (st == ECAM_OK && m->traces && m->traces->size > 0 && !c->own)
        st = take_traces(run, m->traces, error);
    return st;
}

static void close_epoch(ecam_collector *c, ecam_epoch *epoch)
{
    ecam_run *run = epoch->run;
    ecam_epoch **link = &run->open;

    while (*link != epoch)
        link = &(*link)->next;
    *link = epoch->next;
    run->n_open--;
    epoch->next = NULL;
    epoch->closed = true;
    epoch->complete = epoch->done >= epoch->world;
    /* Without this memory a late message would open the epoch again: better
     * than losing the epoch. */
    (void)ecam_history_add(&run->published[epoch->mode], epoch);
    *c->ready_last = epoch;
    c->ready_last = &epoch->next;
}

static void close_if_settled(ecam_collector *c, ecam_epoch *epoch)
{
    if (!epoch->closed && epoch->settled >= epoch->world)
        close_epoch(c, epoch);
}

static void give_up(ecam_collector *c, ecam_epoch *epoch, uint32_t rank, uint64_t session)
{
    ecam_part *part = ecam_epoch_find(epoch, rank);

    if (!part)
        part = ecam_epoch_part(epoch, rank, session);
    if (part)
        ecam_epoch_set_gone(epoch, part);
    close_if_settled(c, epoch);
}

/* A rank that works on one epoch of a mode is done with the earlier ones; in a
 * new session, with all others. */
static void give_up_others(ecam_collector *c, ecam_run *run, const ecam_message *m)
{
    for (ecam_epoch *epoch = run->open, *next; epoch; epoch = next) {
        next = epoch->next;
        if (epoch->mode != m->mode || epoch->number == m->epoch || m->rank >= epoch->world)
            continue;
        const ecam_part *part = ecam_epoch_find(epoch, m->rank);
        bool left = part && part->session != m->session;
        if (epoch->number < m->epoch || left)
            give_up(c, epoch, m->rank, m->session);
    }
}

static ecam_epoch *find_open(const ecam_run *run, ecam_mode mode, uint64_t number)
{
    ecam_epoch *epoch = run->open;
    while (epoch && !(epoch->mode == mode && epoch->number == number))
        epoch = epoch->next;
    return epoch;
}

static ecam_status open_epoch(ecam_collector *c, ecam_run *run, const ecam_message *m,
                              uint32_t attempt, ecam_epoch **out, ecam_error *error)
{
    ecam_traces *traces = !c->own && run->traces ? run->traces : c->traces;

    if (run->n_open >= c->limits.epochs)
        return ecam_fail(error, ECAM_ELIMIT,
                         "run \"%s\" has %zu epochs open at once: epoch %llu is not taken (--max-epochs)",
                         run->name, c->limits.epochs, (unsigned long long)m->epoch);
    ecam_epoch *epoch = ecam_epoch_create(run, m->mode, m->epoch, attempt, traces);
    if (!epoch)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for an epoch of run \"%s\"", run->name);
    epoch->next = run->open;
    run->open = epoch;
    run->n_open++;
    run->n_alive++;
    *out = epoch;
    return ECAM_OK;
}

ecam_status ecam_collector_locate(ecam_collector *c, ecam_run *run, const ecam_message *m,
                                  int64_t now_ns, ecam_epoch **epoch, ecam_part **part,
                                  ecam_error *error)
{
    const ecam_published *old = ecam_history_find(&run->published[m->mode], m->epoch);
    ecam_had_part had = old ? ecam_published_part_of(old, m->rank, m->session) : ECAM_PART_NONE;
    ecam_status st = ECAM_OK;

    *epoch = find_open(run, m->mode, m->epoch);
    if (old && (had == ECAM_PART_SAME_SESSION || (had == ECAM_PART_NONE && !*epoch)))
        return ecam_fail(error, ECAM_ECLOSED, "epoch %llu of run \"%s\" is published already",
                         (unsigned long long)m->epoch, run->name);
    if (!*epoch)
        st = open_epoch(c, run, m, old ? old->attempt + 1 : 1, epoch, error);
    if (st != ECAM_OK)
        return st;
    give_up_others(c, run, m);
    *part = ecam_epoch_part(*epoch, m->rank, m->session);
    if (!*part)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for rank %u of run \"%s\"", m->rank, run->name);
    if (m->world > (*epoch)->world)
        (*epoch)->world = m->world;
    if (m->type == ECAM_MESSAGE_BATCH)
        (*epoch)->last_batch_ns = now_ns;
    return ECAM_OK;
}

/* Batches that a rank says it sent and that are not here; data sets that no
 * output takes were not subscribed to. */
static uint64_t count_lost(const ecam_epoch *epoch, const ecam_part *part, const ecam_sent *sent)
{
    bool wanted = false;
    uint64_t here = 0;

    for (size_t i = 0; i < epoch->traces->n && !wanted; i++)
        wanted = ecam_filter_accepts(&epoch->traces->traces[i].ds_id, sent->ds_id);
    for (size_t i = 0; i < part->n_tallies; i++)
        if (strcmp(part->tallies[i].ds_id, sent->ds_id) == 0)
            here = part->tallies[i].batches;
    return wanted && sent->batches > here ? sent->batches - here : 0;
}

void ecam_collector_mark(ecam_collector *c, ecam_epoch *epoch, ecam_part *part,
                         const ecam_message *m, int64_t now_ns)
{
    if (!epoch->has_marker)
        epoch->first_marker_ns = now_ns;
    epoch->has_marker = true;
    epoch->last_marker_ns = now_ns;
    if (m->has_sent) {
        part->has_sent = true;
        part->sent_lost = 0;
        for (size_t i = 0; i < m->n_sent; i++)
            part->sent_lost += count_lost(epoch, part, &m->sent[i]);
    }
    ecam_epoch_set_done(epoch, part);
    close_if_settled(c, epoch);
}

void ecam_collector_bye(ecam_collector *c, ecam_run *run, const ecam_message *m)
{
    for (ecam_epoch *epoch = run->open, *next; epoch; epoch = next) {
        next = epoch->next;
        const ecam_part *part = ecam_epoch_find(epoch, m->rank);
        bool same = !part || part->session == m->session;
        if (same && m->rank < epoch->world)
            give_up(c, epoch, m->rank, m->session);
    }
}

typedef struct expiry {
    ecam_collector *collector;
    int64_t now_ns;
    int64_t next_ns;
    ecam_run *silent; /* one that is to be forgotten */
} expiry;

static void expire_run(void *value, void *context)
{
    ecam_run *run = value;
    expiry *e = context;

    for (ecam_epoch *epoch = run->open, *next; epoch; epoch = next) {
        next = epoch->next;
        if (!epoch->has_marker)
            continue;
        int64_t from = epoch->first_marker_ns > epoch->last_batch_ns ? epoch->first_marker_ns
                                                                     : epoch->last_batch_ns;
        int64_t due = from + e->collector->timeout_ns;
        if (due <= e->now_ns)
            close_epoch(e->collector, epoch);
        else if (due < e->next_ns)
            e->next_ns = due;
    }
}

static void find_silent(void *value, void *context)
{
    ecam_run *run = value;
    expiry *e = context;
    int64_t due = run->last_ns + e->collector->forget_ns;

    if (run->n_alive > 0)
        return; /* looked at again when its epochs are out */
    if (due <= e->now_ns)
        e->silent = run;
    else if (due < e->next_ns)
        e->next_ns = due;
}

/* A table can't change while it is walked: one at a time. */
static void forget_silent(expiry *e)
{
    ecam_collector *c = e->collector;

    do {
        e->silent = NULL;
        ecam_table_each(&c->runs, find_silent, e);
        if (e->silent)
            destroy_run(ecam_table_take(&c->runs, e->silent->name, strlen(e->silent->name)));
    } while (e->silent);
}

int64_t ecam_collector_expire(ecam_collector *c, int64_t now_ns)
{
    expiry e = {.collector = c, .now_ns = now_ns, .next_ns = INT64_MAX};

    ecam_table_each(&c->runs, expire_run, &e);
    if (c->forget_ns > 0)
        forget_silent(&e);
    return e.next_ns;
}

void ecam_collector_give_back(ecam_epoch **epoch, ecam_sample_shelf *shelf)
{
    if (*epoch)
        (*epoch)->run->n_alive--;
    ecam_epoch_destroy(epoch, shelf);
}

void ecam_collector_touch(ecam_run *run, int64_t now_ns)
{
    run->last_ns = now_ns;
}

/* Oldest first, so that epochs come out in their order. */
static void close_run(void *value, void *context)
{
    ecam_run *run = value;

    while (run->open) {
        ecam_epoch *oldest = run->open;
        for (ecam_epoch *epoch = run->open; epoch; epoch = epoch->next)
            if (epoch->number < oldest->number)
                oldest = epoch;
        close_epoch(context, oldest);
    }
}

void ecam_collector_close_all(ecam_collector *c)
{
    ecam_table_each(&c->runs, close_run, c);
}

ecam_epoch *ecam_collector_take(ecam_collector *c)
{
    ecam_epoch *epoch = c->ready;

    if (!epoch || epoch->pending > 0)
        return NULL;
    c->ready = epoch->next;
    if (!c->ready)
        c->ready_last = &c->ready;
    epoch->next = NULL;
    return epoch;
}

static void look_for_open(void *value, void *context)
{
    const ecam_run *run = value;

    if (run->open)
        *(bool *)context = true;
}

bool ecam_collector_idle(const ecam_collector *c)
{
    bool busy = c->ready != NULL;
    ecam_table_each(&c->runs, look_for_open, &busy);
    return !busy;
}
