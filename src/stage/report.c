#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "stage/internal.h"
#include "stage/report_runs.h"

/* So many error lines in ten seconds; the rest is counted. */
#define LOG_LINES 10
#define LOG_WINDOW_NS (10 * INT64_C(1000000000))

static void log_limited(ecam_stage *stage, const char *run, const char *text)
{
    int64_t now = ecam_stage_now();

    if (now - stage->log_window_ns > LOG_WINDOW_NS) {
        if (stage->log_hidden > 0)
            ecam_log("%" PRIu64 " more errors were not shown", stage->log_hidden);
        stage->log_window_ns = now;
        stage->log_lines = 0;
        stage->log_hidden = 0;
    }
    if (stage->log_lines++ < LOG_LINES)
        ecam_log("error: %s%s%s", run, *run ? ": " : "", text);
    else
        stage->log_hidden++;
}

void ecam_stage_error(ecam_stage *stage, const ecam_error *error, const ecam_message *message,
                      const char *key)
{
    ecam_result result = {.type = ECAM_RESULT_ERROR, .run = "", .output = "", .mode = "", .attempt = 1};
    ecam_error send_error;

    result.error.code = ecam_status_word(error->status);
    result.error.message = error->text;
    result.error.key = key;
    if (message && message->run) {
        result.run = message->run;
        result.error.has_rank = message->has_rank;
        result.error.rank = message->rank;
        result.error.has_session = message->has_session;
        result.error.session = message->session;
        result.error.has_seq = message->has_seq;
        result.error.of_seq = message->seq;
    }
    stage->counters.errors++;
    if (ecam_outlet_send(&stage->outlet, &result, ecam_stage_now(), &send_error) != ECAM_OK)
        stage->counters.unsent++;
    log_limited(stage, result.run, error->text);
}

#define MAX_COUNTERS 64

/* All that is counted, under the names of `stats`; how many. */
static size_t list_counters(const ecam_stage *stage, ecam_counter out[MAX_COUNTERS])
{
    const ecam_counters *c = &stage->counters;
    const uint64_t *sent = stage->outlet.sent;
    const ecam_counter counters[] = {
        {"uptime_seconds", (uint64_t)(ecam_stage_now() - stage->started_ns) / 1000000000u},
        {"workers", stage->config->workers},
        {"runs", stage->collector.runs.count},
        {"received", c->received},
        {"batches", c->batches},
        {"used", c->classes[ECAM_CLASS_USED]},
        {"unwanted", c->classes[ECAM_CLASS_UNWANTED]},
        {"late", c->classes[ECAM_CLASS_LATE]},
        {"overwritten", c->classes[ECAM_CLASS_OVERWRITTEN]},
        {"rejected", c->rejected},
        {"duplicates", c->duplicates},
        {"lost", c->classes[ECAM_CLASS_LOST]},
        {"samples", c->samples},
        {"failed_samples", c->failed_samples},
        {"epochs", c->epochs},
        {"incomplete", c->incomplete},
        {"errors", c->errors},
        {"gone", c->gone},
        {"unsent", c->unsent},
        {"refused", ecam_door_refused(stage->door)},
        {"overlays", sent[ECAM_RESULT_OVERLAY]},
        {"maps", sent[ECAM_RESULT_MAP]},
        {"images", sent[ECAM_RESULT_IMAGE]},
        {"sheets", sent[ECAM_RESULT_SHEET]},
    };

    _Static_assert(sizeof counters <= MAX_COUNTERS * sizeof *counters, "there is room for all");
    memcpy(out, counters, sizeof counters);
    return sizeof counters / sizeof *counters;
}

void ecam_stage_tell(ecam_stage *stage)
{
    ecam_counter counters[MAX_COUNTERS];

    if (stage->observer.counted)
        stage->observer.counted(stage->observer.context, counters, list_counters(stage, counters));
}

void ecam_stage_observe(ecam_stage *stage, const ecam_stage_observer *observer)
{
    stage->observer = observer ? *observer : (ecam_stage_observer){.context = NULL};
    ecam_stage_tell(stage);
}

void ecam_stage_stats(ecam_stage *stage)
{
    ecam_counter counters[MAX_COUNTERS];
    ecam_result result = {.type = ECAM_RESULT_STATS, .run = "", .output = "", .mode = "", .attempt = 1};
    ecam_arena arena;

    /* Without memory for the runs the counters go alone. */
    ecam_arena_init(&arena, 0);
    if (ecam_report_runs(&stage->collector, &arena, &result.stats.runs, &result.stats.n_runs) != ECAM_OK)
        result.stats.n_runs = 0;
    result.stats.counters = counters;
    result.stats.n_counters = (uint32_t)list_counters(stage, counters);
    ecam_stage_tell(stage);
    if (ecam_outlet_send(&stage->outlet, &result, ecam_stage_now(), NULL) != ECAM_OK)
        stage->counters.unsent++;
    ecam_arena_finish(&arena);
}
