/* Counters and histograms as Prometheus' text format, version 0.0.4. */
#ifndef ECAM_WEB_METRICS_H
#define ECAM_WEB_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "eigencam/status.h"
#include "eigencam/subscriber.h"

#define ECAM_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Durations from 1 ms to 10 s, by counts of those up to each bound; the last
 * is of those beyond. Zeroed: empty. */
#define ECAM_HISTOGRAM_BOUNDS 13
typedef struct ecam_histogram {
    uint64_t counts[ECAM_HISTOGRAM_BOUNDS + 1]; /* not cumulative */
    uint64_t sum_ns;
} ecam_histogram;

void ecam_histogram_add(ecam_histogram *histogram, uint64_t duration_ns);

/* A text that grows; the first failure is kept. */
typedef struct ecam_metrics {
    ecam_buffer text;
    ecam_status status;
} ecam_metrics;

/* "# HELP" and "# TYPE"; `type`: counter, gauge, histogram. Its samples follow. */
void ecam_metrics_head(ecam_metrics *metrics, const char *name, const char *type, const char *help);

/* One sample; labels ("" for none) as in `route="/",code="200"`. */
void ecam_metrics_value(ecam_metrics *metrics, const char *name, const char *labels, uint64_t value);
void ecam_metrics_histogram(ecam_metrics *metrics, const char *name, const char *labels,
                            const ecam_histogram *histogram);

/* What a stage counts, by the names in its `stats`; of names that are not known
 * nothing is shown, as what they count is not known either. */
typedef struct ecam_metrics_stage {
    char labels[40]; /* which stage, or "" */
    const ecam_counter *counters;
    size_t n_counters;
} ecam_metrics_stage;
void ecam_metrics_stages(ecam_metrics *metrics, const ecam_metrics_stage *stages, size_t n_stages);

void ecam_metrics_finish(ecam_metrics *metrics);

#endif
