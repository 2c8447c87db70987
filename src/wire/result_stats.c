/* Accounts, and what `stats` says. */
#include "wire/result_parts.h"

#include "wire/header.h"

#define ACCOUNT 8

static const char *const words[ACCOUNT] = {"sent",        "used",     "unwanted", "late",
                                           "overwritten", "rejected", "lost",     "duplicates"};

static void account_to(const ecam_result_account *a, uint64_t values[ACCOUNT])
{
    const uint64_t all[ACCOUNT] = {a->sent, a->used, a->unwanted, a->late,
                                   a->overwritten, a->rejected, a->lost, a->duplicates};
    for (int i = 0; i < ACCOUNT; i++)
        values[i] = all[i];
}

static ecam_result_account account_from(const uint64_t values[ACCOUNT])
{
    return (ecam_result_account){.sent = values[0], .used = values[1], .unwanted = values[2], .late = values[3],
                                 .overwritten = values[4], .rejected = values[5], .lost = values[6],
                                 .duplicates = values[7]};
}

void ecam_result_pack_account(ecam_packer *p, const ecam_result_account *account)
{
    uint64_t values[ACCOUNT];

    account_to(account, values);
    ecam_pack_map(p, ACCOUNT);
    for (int i = 0; i < ACCOUNT; i++) {
        ecam_pack_text(p, words[i]);
        ecam_pack_uint(p, values[i]);
    }
}

void ecam_result_read_account(ecam_reader *r, const ecam_node *map, const char *key, ecam_result_account *out)
{
    const ecam_node *account = ecam_reader_map(r, map, key);
    uint64_t values[ACCOUNT] = {0};

    for (int i = 0; account && i < ACCOUNT; i++)
        values[i] = ecam_reader_uint_or(r, account, words[i], 0, UINT64_MAX, 0);
    *out = account_from(values);
}

/* ---- out ---- */

/* Hundreds of ranks: an array of numbers each. */
static void pack_rank(ecam_packer *p, const ecam_result_rank *rank)
{
    uint64_t values[ACCOUNT];

    account_to(&rank->account, values);
    ecam_pack_list(p, 1 + ACCOUNT);
    ecam_pack_uint(p, rank->rank);
    for (int i = 0; i < ACCOUNT; i++)
        ecam_pack_uint(p, values[i]);
}

static void pack_entry(ecam_packer *p, const char *key, uint64_t value)
{
    ecam_pack_text(p, key);
    ecam_pack_uint(p, value);
}

static void pack_open(ecam_packer *p, const ecam_result_open *open)
{
    ecam_pack_map(p, 6);
    ecam_pack_text(p, "mode");
    ecam_pack_text(p, open->mode);
    pack_entry(p, "epoch", open->epoch);
    pack_entry(p, "attempt", open->attempt);
    pack_entry(p, "world", open->world);
    pack_entry(p, "done", open->done);
    pack_entry(p, "samples", open->samples);
}

static void pack_run(ecam_packer *p, const ecam_result_run *run)
{
    ecam_pack_map(p, 5);
    ecam_pack_text(p, "run");
    ecam_pack_text(p, run->name);
    pack_entry(p, "ranks", run->n_ranks);
    ecam_pack_text(p, "account");
    ecam_result_pack_account(p, &run->account);
    ecam_pack_text(p, "accounts");
    ecam_pack_list(p, run->n_listed);
    for (uint32_t i = 0; i < run->n_listed; i++)
        pack_rank(p, &run->ranks[i]);
    ecam_pack_text(p, "open");
    ecam_pack_list(p, run->n_open);
    for (uint32_t i = 0; i < run->n_open; i++)
        pack_open(p, &run->open[i]);
}

void ecam_result_pack_stats(ecam_packer *p, const ecam_result_stats *stats)
{
    ecam_pack_key(p, "counters");
    ecam_pack_map(p, stats->n_counters);
    for (uint32_t i = 0; i < stats->n_counters; i++)
        pack_entry(p, stats->counters[i].name, stats->counters[i].value);
    if (stats->n_runs == 0)
        return;
    ecam_pack_key(p, "runs");
    ecam_pack_list(p, stats->n_runs);
    for (uint32_t i = 0; i < stats->n_runs; i++)
        pack_run(p, &stats->runs[i]);
}

/* ---- in ---- */

static void read_counters(ecam_reader *r, const ecam_node *header, ecam_result_stats *out)
{
    const ecam_node *map = ecam_reader_map(r, header, "counters");
    ecam_counter *counters = map ? ecam_reader_alloc(r, map->size, sizeof *counters) : NULL;

    for (size_t i = 0; counters && i < map->size && r->status == ECAM_OK; i++) {
        const ecam_node *value = &map->items[2 * i + 1];
        counters[i].name = ecam_reader_name_in(r, &map->items[2 * i], "counters", &ecam_name_plain);
        if (!ecam_node_uint(value, UINT64_MAX, &counters[i].value))
            ecam_reader_fail(r, "counters", ECAM_ETYPE,
                             "key \"counters\": \"%s\" is %s; expected a count",
                             counters[i].name, ecam_node_kind_name(value));
    }
    out->counters = counters;
    out->n_counters = counters ? (uint32_t)map->size : 0;
}

/* The list, and memory for what its entries say; NULL where it is absent. */
static void *begin_list(ecam_reader *r, const ecam_node *map, const char *key, size_t size, const ecam_node **list)
{
    *list = ecam_reader_find(map, key) ? ecam_reader_list(r, map, key) : NULL;
    return *list ? ecam_reader_alloc(r, (*list)->size, size) : NULL;
}

static bool is_map(ecam_reader *r, const ecam_node *item, const char *key, size_t i)
{
    if (item->kind == ECAM_NODE_MAP)
        return true;
    ecam_reader_fail(r, key, ECAM_ETYPE, "key \"%s\": entry %zu is %s; expected a map", key, i,
                     ecam_node_kind_name(item));
    return false;
}

static void read_ranks(ecam_reader *r, const ecam_node *map, ecam_result_run *out)
{
    const ecam_node *list;
    ecam_result_rank *ranks = begin_list(r, map, "accounts", sizeof *ranks, &list);

    for (size_t i = 0; ranks && i < list->size; i++) {
        const ecam_node *row = &list->items[i];
        uint64_t values[ACCOUNT], rank = 0;
        bool good = row->kind == ECAM_NODE_LIST && row->size == 1 + ACCOUNT &&
                    ecam_node_uint(&row->items[0], ECAM_MAX_RANK, &rank);
        for (int k = 0; good && k < ACCOUNT; k++)
            good = ecam_node_uint(&row->items[1 + k], UINT64_MAX, &values[k]);
        if (!good) {
            ecam_reader_fail(r, "accounts", ECAM_ETYPE,
                             "key \"accounts\": entry %zu is no account; expected a rank and %d counts", i, ACCOUNT);
            return;
        }
        ranks[i] = (ecam_result_rank){.rank = (uint32_t)rank, .account = account_from(values)};
    }
    out->ranks = ranks;
    out->n_listed = ranks ? (uint32_t)list->size : 0;
}

static void read_open(ecam_reader *r, const ecam_node *map, ecam_result_run *out)
{
    const ecam_node *list;
    ecam_result_open *open = begin_list(r, map, "open", sizeof *open, &list);

    for (size_t i = 0; open && i < list->size && r->status == ECAM_OK; i++) {
        const ecam_node *item = &list->items[i];
        if (!is_map(r, item, "open", i))
            return;
        open[i].mode = ecam_mode_name((ecam_mode)ecam_reader_word(r, item, "mode", ecam_mode_names, ECAM_MODE_COUNT));
        open[i].epoch = ecam_reader_uint(r, item, "epoch", 0, ECAM_MAX_COUNT);
        open[i].attempt = (uint32_t)ecam_reader_uint(r, item, "attempt", 1, UINT32_MAX);
        open[i].world = (uint32_t)ecam_reader_uint(r, item, "world", 0, ECAM_MAX_WORLD);
        open[i].done = (uint32_t)ecam_reader_uint(r, item, "done", 0, ECAM_MAX_WORLD);
        open[i].samples = ecam_reader_uint(r, item, "samples", 0, UINT64_MAX);
    }
    out->open = open;
    out->n_open = open ? (uint32_t)list->size : 0;
}

static void read_runs(ecam_reader *r, const ecam_node *header, ecam_result_stats *out)
{
    const ecam_node *list;
    ecam_result_run *runs = begin_list(r, header, "runs", sizeof *runs, &list);

    for (size_t i = 0; runs && i < list->size && r->status == ECAM_OK; i++) {
        const ecam_node *item = &list->items[i];
        if (!is_map(r, item, "runs", i))
            return;
        runs[i].name = ecam_reader_name(r, item, "run", &ecam_name_run);
        runs[i].n_ranks = (uint32_t)ecam_reader_uint(r, item, "ranks", 0, UINT32_MAX);
        ecam_result_read_account(r, item, "account", &runs[i].account);
        read_ranks(r, item, &runs[i]);
        read_open(r, item, &runs[i]);
    }
    out->runs = runs;
    out->n_runs = runs ? (uint32_t)list->size : 0;
}

void ecam_result_read_stats(ecam_reader *r, const ecam_node *header, ecam_result_stats *out)
{
    read_counters(r, header, out);
    read_runs(r, header, out);
}
