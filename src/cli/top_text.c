#include "cli/top_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/screen.h"

#define RUN_COLUMNS 24
#define COUNTERS_COLUMNS 100 /* a line of counters is about as long as the table is wide */
#define SILENT_NS ((uint64_t)15000000000) /* three messages of its usual ones */

static ecam_status add(ecam_buffer *out, const char *format, ...) ECAM_PRINTF(2, 3);
static ecam_status add(ecam_buffer *out, const char *format, ...)
{
    char text[1024];
    va_list values;

    va_start(values, format);
    int n = vsnprintf(text, sizeof text, format, values);
    va_end(values);
    if (n < 0)
        return ECAM_OK;
    return ecam_buffer_append(out, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

static uint64_t counter(const ecam_result_stats *stats, const char *name)
{
    for (uint32_t i = 0; i < stats->n_counters; i++)
        if (strcmp(stats->counters[i].name, name) == 0)
            return stats->counters[i].value;
    return 0;
}

/* Every counter by its name, also those that we know nothing of. */
static ecam_status write_counters(const ecam_result_stats *stats, ecam_buffer *out)
{
    ecam_status st = ECAM_OK;
    size_t used = 0;

    for (uint32_t i = 0; st == ECAM_OK && i < stats->n_counters; i++) {
        char name[64], item[96];
        if (strcmp(stats->counters[i].name, "uptime_seconds") == 0)
            continue;
        ecam_screen_fit(name, sizeof name, stats->counters[i].name, 30);
        int n = snprintf(item, sizeof item, "%s %" PRIu64, name, stats->counters[i].value);
        bool wraps = used > 0 && used + (size_t)n > COUNTERS_COLUMNS;
        st = add(out, "%s%s", used == 0 ? "  " : wraps ? "\n  " : "  ", item);
        used = (wraps ? 0 : used) + (size_t)n + 2;
    }
    return st == ECAM_OK ? add(out, "\n") : st;
}

static ecam_status write_account(const char *name, const ecam_result_account *a, ecam_buffer *out)
{
    return add(out, "  %s%*s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %7" PRIu64 " %7" PRIu64 " %7" PRIu64 " %11" PRIu64
                    " %10" PRIu64 "\n",
               name, (int)(RUN_COLUMNS - ecam_screen_width(name)), "", a->sent, a->used, a->unwanted, a->lost, a->late,
               a->rejected, a->overwritten, a->duplicates);
}

static ecam_status write_open(const ecam_result_open *open, ecam_buffer *out)
{
    char mode[32], attempt[32] = "";

    ecam_screen_fit(mode, sizeof mode, open->mode, 12);
    if (open->attempt > 1)
        snprintf(attempt, sizeof attempt, " (attempt %" PRIu32 ")", open->attempt);
    return add(out, "    open: %s epoch %" PRIu64 "%s, ranks in %" PRIu32 "/%" PRIu32 ", samples %" PRIu64 "\n", mode,
               open->epoch, attempt, open->done, open->world, open->samples);
}

static ecam_status write_run(const ecam_result_run *run, ecam_buffer *out)
{
    char name[160];
    ecam_status st;

    ecam_screen_fit(name, sizeof name, run->name, RUN_COLUMNS);
    st = write_account(name, &run->account, out);
    /* one rank is the run itself */
    for (uint32_t i = 0; st == ECAM_OK && run->n_ranks > 1 && i < run->n_listed; i++) {
        snprintf(name, sizeof name, "  rank %" PRIu32, run->ranks[i].rank);
        st = write_account(name, &run->ranks[i].account, out);
    }
    if (st == ECAM_OK && run->n_ranks > 1 && run->n_listed < run->n_ranks)
        st = add(out, "    %" PRIu32 " more ranks\n", run->n_ranks - run->n_listed);
    for (uint32_t i = 0; st == ECAM_OK && i < run->n_open; i++)
        st = write_open(&run->open[i], out);
    return st;
}

static ecam_status write_stage(const ecam_result *result, double rate, ecam_buffer *out)
{
    const ecam_result_stats *stats = &result->stats;
    uint64_t up = counter(stats, "uptime_seconds");
    ecam_status st = add(out, "stage %016" PRIx64 "  up %" PRIu64 ":%02" PRIu64 ":%02" PRIu64 "  %.1f samples/s\n",
                         result->stage, up / 3600, up / 60 % 60, up % 60, rate);

    if (st == ECAM_OK)
        st = write_counters(stats, out);
    if (st == ECAM_OK && stats->n_runs > 0)
        st = add(out, "\n  %-*s %9s %9s %9s %7s %7s %7s %11s %10s\n", RUN_COLUMNS, "run", "sent", "used", "unwanted",
                 "lost", "late", "refused", "overwritten", "duplicates");
    for (uint32_t i = 0; st == ECAM_OK && i < stats->n_runs; i++)
        st = write_run(&stats->runs[i], out);
    return st;
}

static ecam_top_stage *find_stage(ecam_top *top, uint64_t id)
{
    ecam_top_stage *oldest = &top->stages[0];

    for (size_t i = 0; i < top->n_stages; i++) {
        if (top->stages[i].id == id)
            return &top->stages[i];
        if (top->stages[i].heard_ns < oldest->heard_ns)
            oldest = &top->stages[i];
    }
    if (top->n_stages < ECAM_TOP_STAGES)
        oldest = &top->stages[top->n_stages++];
    ecam_buffer_finish(&oldest->text);
    *oldest = (ecam_top_stage){.id = id};
    return oldest;
}

static ecam_status note_stats(ecam_top *top, const ecam_result *result, uint64_t now_ns)
{
    ecam_top_stage *stage = find_stage(top, result->stage);
    ecam_buffer text = {0};
    double rate = ecam_rate_note(&stage->samples, now_ns, counter(&result->stats, "samples"));
    ecam_status st = write_stage(result, rate, &text);

    stage->heard_ns = now_ns;
    if (st != ECAM_OK) {
        ecam_buffer_finish(&text);
        return st;
    }
    ecam_buffer_finish(&stage->text);
    stage->text = text;
    return ECAM_OK;
}

static char *new_recent(ecam_top *top)
{
    memmove(top->recent[1], top->recent[0], sizeof top->recent - sizeof top->recent[0]);
    if (top->n_recent < ECAM_TOP_EPOCHS)
        top->n_recent++;
    return top->recent[0];
}

static void note_epoch(ecam_top *top, const ecam_result *r)
{
    const ecam_result_summary *s = &r->summary;
    char run[160], output[160], mode[32], attempt[32] = "", state[64] = "complete";

    ecam_screen_fit(run, sizeof run, r->run, RUN_COLUMNS);
    ecam_screen_fit(output, sizeof output, r->output, RUN_COLUMNS);
    ecam_screen_fit(mode, sizeof mode, r->mode, 12);
    if (r->attempt > 1)
        snprintf(attempt, sizeof attempt, " (attempt %" PRIu32 ")", r->attempt);
    if (!s->complete)
        snprintf(state, sizeof state, "incomplete: %" PRIu32 " ranks missing", s->n_missing);
    snprintf(new_recent(top), sizeof top->recent[0],
             "%s, %s, %s epoch %" PRIu64 "%s: %" PRIu32 " samples, %s, lost %" PRIu64 ", %.1f ms", run, output, mode,
             r->epoch, attempt, s->samples, state, s->lost, (double)s->latency_ns / 1e6);
}

static void note_error(ecam_top *top, const ecam_result *r)
{
    char run[160], message[400];

    ecam_screen_fit(run, sizeof run, r->run, RUN_COLUMNS);
    ecam_screen_fit(message, sizeof message, r->error.message, 200);
    snprintf(new_recent(top), sizeof top->recent[0], "error: %s%s%s", run, *run ? ": " : "", message);
}

ecam_status ecam_top_note(ecam_top *top, const ecam_result *result, uint64_t now_ns)
{
    if (result->type == ECAM_RESULT_STATS)
        return note_stats(top, result, now_ns);
    if (result->type == ECAM_RESULT_EPOCH)
        note_epoch(top, result);
    else if (result->type == ECAM_RESULT_ERROR)
        note_error(top, result);
    return ECAM_OK;
}

ecam_status ecam_top_write(const ecam_top *top, uint64_t now_ns, ecam_buffer *out)
{
    ecam_status st = ECAM_OK;

    for (size_t i = 0; st == ECAM_OK && i < top->n_stages; i++) {
        const ecam_top_stage *stage = &top->stages[i];
        if (now_ns - stage->heard_ns > SILENT_NS)
            st = add(out, "silent for %" PRIu64 " s:\n", (now_ns - stage->heard_ns) / 1000000000);
        if (st == ECAM_OK)
            st = ecam_buffer_append(out, stage->text.data, stage->text.size);
    }
    if (st == ECAM_OK && top->n_recent > 0)
        st = add(out, "\n");
    for (size_t i = 0; st == ECAM_OK && i < top->n_recent; i++)
        st = add(out, "%s\n", top->recent[i]);
    return st;
}

void ecam_top_finish(ecam_top *top)
{
    for (size_t i = 0; i < top->n_stages; i++)
        ecam_buffer_finish(&top->stages[i].text);
    *top = (ecam_top){.n_stages = 0};
}
