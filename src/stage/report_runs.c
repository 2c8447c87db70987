#include "stage/report_runs.h"

#include <stdlib.h>
#include <string.h>

ecam_result_account ecam_report_account(const ecam_account *a)
{
    return (ecam_result_account){.sent = a->sent,
                                 .used = a->classes[ECAM_CLASS_USED],
                                 .unwanted = a->classes[ECAM_CLASS_UNWANTED],
                                 .late = a->classes[ECAM_CLASS_LATE],
                                 .overwritten = a->classes[ECAM_CLASS_OVERWRITTEN],
                                 .rejected = a->classes[ECAM_CLASS_REJECTED],
                                 .lost = a->classes[ECAM_CLASS_LOST],
                                 .duplicates = a->duplicates};
}

/* A table has no order: its values are listed, then sorted. */
typedef struct listing {
    const void **items;
    size_t n;
} listing;

static void list_one(void *value, void *context)
{
    listing *list = context;
    list->items[list->n++] = value;
}

static bool list_all(const ecam_table *table, ecam_arena *arena, listing *list)
{
    *list = (listing){.items = ecam_arena_alloc(arena, table->count + 1, sizeof *list->items)};
    if (list->items)
        ecam_table_each(table, list_one, list);
    return list->items != NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const ecam_run *const *)a)->name, (*(const ecam_run *const *)b)->name);
}

static int by_rank(const void *a, const void *b)
{
    uint32_t x = (*(const ecam_ledger_rank *const *)a)->rank, y = (*(const ecam_ledger_rank *const *)b)->rank;
    return (x > y) - (x < y);
}

static ecam_status report_ranks(const ecam_run *run, ecam_arena *arena, ecam_result_run *out)
{
    listing list;

    if (!list_all(&run->ledger.ranks, arena, &list))
        return ECAM_ENOMEM;
    qsort(list.items, list.n, sizeof *list.items, by_rank);
    size_t n = list.n < ECAM_REPORTED_RANKS ? list.n : ECAM_REPORTED_RANKS;
    ecam_result_rank *ranks = ecam_arena_alloc(arena, n + 1, sizeof *ranks);
    for (size_t i = 0; ranks && i < n; i++) {
        const ecam_ledger_rank *rank = list.items[i];
        ranks[i] = (ecam_result_rank){.rank = rank->rank, .account = ecam_report_account(&rank->account)};
    }
    out->ranks = ranks;
    out->n_listed = (uint32_t)n;
    return ranks ? ECAM_OK : ECAM_ENOMEM;
}

static ecam_status report_open(const ecam_run *run, ecam_arena *arena, ecam_result_run *out)
{
    ecam_result_open *open = ecam_arena_alloc(arena, run->n_open + 1, sizeof *open);

    if (!open)
        return ECAM_ENOMEM;
    for (const ecam_epoch *e = run->open; e; e = e->next) {
        ecam_result_open *entry = &open[out->n_open++];
        *entry = (ecam_result_open){.mode = ecam_mode_name(e->mode), .epoch = e->number, .attempt = e->attempt,
                                    .world = e->world, .done = (uint32_t)e->done};
        for (size_t o = 0; o < e->traces->n; o++)
            if (e->outputs[o].n > entry->samples)
                entry->samples = e->outputs[o].n;
    }
    out->open = open;
    return ECAM_OK;
}

ecam_status ecam_report_runs(const ecam_collector *collector, ecam_arena *arena, const ecam_result_run **out,
                             uint32_t *n)
{
    ecam_status st = ECAM_OK;
    listing list;

    if (!list_all(&collector->runs, arena, &list))
        return ECAM_ENOMEM;
    qsort(list.items, list.n, sizeof *list.items, by_name);
    *n = list.n < ECAM_REPORTED_RUNS ? (uint32_t)list.n : ECAM_REPORTED_RUNS;
    ecam_result_run *runs = ecam_arena_alloc(arena, *n + 1, sizeof *runs);
    if (!runs)
        return ECAM_ENOMEM;
    for (uint32_t i = 0; st == ECAM_OK && i < *n; i++) {
        const ecam_run *run = list.items[i];
        runs[i] = (ecam_result_run){.name = run->name, .n_ranks = (uint32_t)run->ledger.ranks.count,
                                    .account = ecam_report_account(&run->ledger.account)};
        st = report_ranks(run, arena, &runs[i]);
        if (st == ECAM_OK)
            st = report_open(run, arena, &runs[i]);
    }
    *out = runs;
    return st;
}
