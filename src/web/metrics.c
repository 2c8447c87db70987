#include "web/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES 512

typedef struct bound {
    uint64_t ns;
    const char *seconds;
} bound;

static const bound bounds[ECAM_HISTOGRAM_BOUNDS] = {
    {1000000, "0.001"},     {2500000, "0.0025"},   {5000000, "0.005"},   {10000000, "0.01"},
    {25000000, "0.025"},    {50000000, "0.05"},    {100000000, "0.1"},   {250000000, "0.25"},
    {500000000, "0.5"},     {1000000000, "1"},     {2500000000, "2.5"},  {5000000000, "5"},
    {10000000000, "10"},
};

/* A counter of `stats` and what it is called here. */
typedef struct known_counter {
    const char *counter, *metric, *type, *help;
} known_counter;

static const known_counter known[] = {
    {"uptime_seconds", "eigencam_stage_uptime_seconds", "gauge", "Since the stage was started."},
    {"workers", "eigencam_stage_workers", "gauge", "Threads that compute."},
    {"runs", "eigencam_stage_runs", "gauge", "Runs that the stage knows."},
    {"received", "eigencam_stage_messages_received_total", "counter", "Messages from trainers, faulty ones included."},
    {"batches", "eigencam_stage_batches_total", "counter", "Batch messages."},
    {"used", "eigencam_stage_batches_used_total", "counter", "Batch messages of which a sample was taken."},
    {"unwanted", "eigencam_stage_batches_unwanted_total", "counter", "Batch messages filtered, or beyond n_samples."},
    {"late", "eigencam_stage_batches_late_total", "counter", "Batch messages of epochs already published."},
    {"overwritten", "eigencam_stage_batches_overwritten_total", "counter", "Batch messages lost in shared memory."},
    {"rejected", "eigencam_stage_messages_rejected_total", "counter", "Faulty messages."},
    {"duplicates", "eigencam_stage_batches_duplicate_total", "counter", "Batch messages that came again."},
    {"lost", "eigencam_stage_batches_lost_total", "counter", "Batch messages that gaps in the numbers show to be lost."},
    {"samples", "eigencam_stage_samples_total", "counter", "Samples taken for projection."},
    {"failed_samples", "eigencam_stage_samples_failed_total", "counter", "Samples that could not be projected or drawn."},
    {"epochs", "eigencam_stage_epochs_total", "counter", "Epochs published."},
    {"incomplete", "eigencam_stage_epochs_incomplete_total", "counter", "Epochs published without all ranks."},
    {"errors", "eigencam_stage_errors_total", "counter", "Error messages published."},
    {"gone", "eigencam_stage_ranks_gone_total", "counter", "Ranks given up because their process ended."},
    {"unsent", "eigencam_stage_results_unsent_total", "counter", "Results that could not be encoded or sent."},
    {"refused", "eigencam_stage_connections_refused_total", "counter", "Connections turned away: keys, or messages too large."},
    {"overlays", "eigencam_stage_overlays_total", "counter", "Overlays published."},
    {"maps", "eigencam_stage_maps_total", "counter", "Maps published."},
    {"images", "eigencam_stage_images_total", "counter", "Input images published."},
    {"sheets", "eigencam_stage_sheets_total", "counter", "Sheets published."},
};
#define N_KNOWN (sizeof known / sizeof *known)

void ecam_histogram_add(ecam_histogram *histogram, uint64_t duration_ns)
{
    size_t i = 0;

    while (i < ECAM_HISTOGRAM_BOUNDS && duration_ns > bounds[i].ns)
        i++;
    histogram->counts[i]++;
    histogram->sum_ns += duration_ns;
}

static void append(ecam_metrics *metrics, const char *format, ...) ECAM_PRINTF(2, 3);

static void append(ecam_metrics *metrics, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof line)
        metrics->status = ECAM_ELIMIT;
    if (metrics->status == ECAM_OK)
        metrics->status = ecam_buffer_append(&metrics->text, line, (size_t)length);
}

void ecam_metrics_head(ecam_metrics *metrics, const char *name, const char *type, const char *help)
{
    append(metrics, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void ecam_metrics_value(ecam_metrics *metrics, const char *name, const char *labels, uint64_t value)
{
    if (labels[0] == '\0')
        append(metrics, "%s %" PRIu64 "\n", name, value);
    else
        append(metrics, "%s{%s} %" PRIu64 "\n", name, labels, value);
}

void ecam_metrics_histogram(ecam_metrics *metrics, const char *name, const char *labels,
                            const ecam_histogram *histogram)
{
    const char *comma = labels[0] ? "," : "", *open = labels[0] ? "{" : "", *close = labels[0] ? "}" : "";
    uint64_t count = 0;

    for (size_t i = 0; i < ECAM_HISTOGRAM_BOUNDS; i++) {
        count += histogram->counts[i];
        append(metrics, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", name, labels, comma, bounds[i].seconds, count);
    }
    count += histogram->counts[ECAM_HISTOGRAM_BOUNDS];
    append(metrics, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, comma, count);
    append(metrics, "%s_sum%s%s%s %.9f\n", name, open, labels, close, (double)histogram->sum_ns / 1e9);
    append(metrics, "%s_count%s%s%s %" PRIu64 "\n", name, open, labels, close, count);
}

static const ecam_counter *find(const ecam_metrics_stage *stage, const char *name)
{
    for (size_t i = 0; i < stage->n_counters; i++)
        if (strcmp(stage->counters[i].name, name) == 0)
            return &stage->counters[i];
    return NULL;
}

void ecam_metrics_stages(ecam_metrics *metrics, const ecam_metrics_stage *stages, size_t n_stages)
{
    for (size_t k = 0; k < N_KNOWN; k++) {
        bool has_head = false;
        for (size_t i = 0; i < n_stages; i++) {
            const ecam_counter *counter = find(&stages[i], known[k].counter);
            if (!counter)
                continue;
            if (!has_head)
                ecam_metrics_head(metrics, known[k].metric, known[k].type, known[k].help);
            has_head = true;
            ecam_metrics_value(metrics, known[k].metric, stages[i].labels, counter->value);
        }
    }
}

void ecam_metrics_finish(ecam_metrics *metrics)
{
    ecam_buffer_finish(&metrics->text);
    *metrics = (ecam_metrics){.status = ECAM_OK};
}
