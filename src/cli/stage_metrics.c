#include "cli/stage_metrics.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "web/metrics_server.h"

#define COUNTERS 64

/* Written by the stage's thread, read by the server's. */
struct ecam_stage_metrics {
    ecam_metrics_server *server;
    pthread_mutex_t lock; /* over what follows */
    ecam_counter counters[COUNTERS];
    size_t n_counters;
    ecam_histogram latency;
};

static void on_counters(void *context, const ecam_counter *counters, size_t n)
{
    ecam_stage_metrics *metrics = context;

    pthread_mutex_lock(&metrics->lock);
    metrics->n_counters = n < COUNTERS ? n : COUNTERS;
    memcpy(metrics->counters, counters, metrics->n_counters * sizeof *counters);
    pthread_mutex_unlock(&metrics->lock);
}

static void on_epoch(void *context, uint64_t latency_ns)
{
    ecam_stage_metrics *metrics = context;

    pthread_mutex_lock(&metrics->lock);
    ecam_histogram_add(&metrics->latency, latency_ns);
    pthread_mutex_unlock(&metrics->lock);
}

static void write_all(void *context, ecam_metrics *out)
{
    static const char latency[] = "eigencam_epoch_latency_seconds";
    ecam_stage_metrics *metrics = context;
    ecam_metrics_stage stage = {.counters = metrics->counters};

    pthread_mutex_lock(&metrics->lock);
    stage.n_counters = metrics->n_counters;
    ecam_metrics_stages(out, &stage, 1);
    ecam_metrics_head(out, latency, "histogram", "From an epoch's last marker to its last picture.");
    ecam_metrics_histogram(out, latency, "", &metrics->latency);
    pthread_mutex_unlock(&metrics->lock);
}

ecam_status ecam_stage_metrics_open(const char *address, ecam_stage *stage, ecam_stage_metrics **out,
                                    ecam_error *error)
{
    ecam_stage_metrics *metrics = calloc(1, sizeof *metrics);

    *out = NULL;
    if (!metrics)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for metrics");
    pthread_mutex_init(&metrics->lock, NULL);
    const ecam_stage_observer observer = {.counted = on_counters, .published = on_epoch, .context = metrics};
    ecam_stage_observe(stage, &observer);
    ecam_status st = ecam_metrics_server_open(address, write_all, metrics, &metrics->server, error);
    if (st != ECAM_OK) {
        ecam_stage_observe(stage, NULL);
        ecam_stage_metrics_close(&metrics);
        return st;
    }
    ecam_log("stage shows metrics on %s", ecam_metrics_server_address(metrics->server));
    *out = metrics;
    return ECAM_OK;
}

void ecam_stage_metrics_close(ecam_stage_metrics **metrics)
{
    if (!*metrics)
        return;
    ecam_metrics_server_close(&(*metrics)->server);
    pthread_mutex_destroy(&(*metrics)->lock);
    free(*metrics);
    *metrics = NULL;
}
