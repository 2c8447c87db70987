#include "web/site.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web/answers.h"
#include "web/page.h"
#include "web/pictures.h"

#define COUNT_DEFAULT 100
#define COUNT_MAX 1000
#define NEWEST_ERRORS 100
#define STAGES 32
#define COUNTERS 64

static void reply_json(ecam_http_request *request, json_t *body)
{
    static const ecam_http_content content = {.type = "application/json", .caching = ECAM_HTTP_NO_STORE};
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

    json_decref(body);
    if (text)
        ecam_http_reply(request, &content, text, strlen(text));
    else
        ecam_http_error(request, 500, "no memory for an answer");
}

static void reply_page(ecam_http_request *request)
{
    for (const ecam_page_file *file = ecam_page_files; file->path; file++)
        if (strcmp(request->path, file->path) == 0) {
            const ecam_http_content content = {
                .type = file->type, .etag = file->etag, .caching = ECAM_HTTP_REVALIDATE};
            ecam_http_static(request, &content, file->bytes, file->size);
            return;
        }
    ecam_http_error(request, 404, "there is nothing here");
}

static bool read_parameter(const ecam_http_request *request, const char *name, uint64_t initial, uint64_t max,
                           uint64_t *out)
{
    const char *text = ecam_http_parameter(request, name);

    *out = initial;
    return !text || ecam_request_number(text, max, out);
}

/* What the index says, where the request asks for something that makes sense.
 * Errors: ECAM_EINVAL: it does not. */
static ecam_status ask(const ecam_site *site, const ecam_http_request *request, ecam_lookup *lookup, json_t **out,
                       ecam_error *error)
{
    const char *output = ecam_http_parameter(request, "output"), *mode = ecam_http_parameter(request, "mode");
    uint64_t run, from, count;

    switch (request->route) {
    case ECAM_ROUTE_STORE:
        return ecam_answer_store(lookup, ecam_gallery_name(site->gallery), site->is_live, out, error);
    case ECAM_ROUTE_EPOCHS:
        if (!output || !mode || !ecam_http_parameter(request, "run") ||
            !read_parameter(request, "run", 0, INT64_MAX, &run))
            return ecam_fail(error, ECAM_EINVAL, "run=ID, output=NAME and mode=MODE are needed");
        return ecam_answer_epochs(lookup, (int64_t)run, output, mode, out, error);
    case ECAM_ROUTE_EPOCH:
        if (!read_parameter(request, "from", 0, UINT32_MAX, &from) ||
            !read_parameter(request, "count", COUNT_DEFAULT, COUNT_MAX, &count))
            return ecam_fail(error, ECAM_EINVAL, "from=N and count=N (at most %d) are accepted", COUNT_MAX);
        return ecam_answer_epoch(lookup, request->id, from, count, out, error);
    case ECAM_ROUTE_ERRORS: return ecam_answer_errors(lookup, 0, NEWEST_ERRORS, out, error);
    default: return ecam_answer_stats(lookup, out, error);
    }
}

void ecam_site_no_store(ecam_http_request *request, const ecam_error *error)
{
    if (error->status == ECAM_EMISSING)
        ecam_http_waiting(request, error->text);
    else
        ecam_http_error(request, 503, error->text);
}

static void reply_answer(const ecam_site *site, ecam_http_request *request)
{
    ecam_lookup *lookup;
    json_t *body = NULL;
    ecam_error error = {0};
    ecam_status st = ecam_gallery_borrow(site->gallery, &lookup, &error);

    if (st != ECAM_OK) {
        ecam_site_no_store(request, &error);
        return;
    }
    st = ask(site, request, lookup, &body, &error);
    ecam_gallery_return(site->gallery, &lookup);
    if (st == ECAM_OK && request->route == ECAM_ROUTE_ERRORS)
        body = json_pack("{s:o}", "errors", body);
    if (st == ECAM_OK && request->route == ECAM_ROUTE_STATS)
        body = json_pack("{s:o}", "stats", body);
    if (st == ECAM_OK)
        reply_json(request, body);
    else
        ecam_http_error(request, st == ECAM_EINVAL ? 400 : st == ECAM_EMISSING ? 404 : 500, error.text);
}

static void reply_health(const ecam_site *site, ecam_http_request *request)
{
    ecam_lookup *lookup;
    ecam_error error = {0};

    if (ecam_gallery_borrow(site->gallery, &lookup, &error) == ECAM_OK) {
        ecam_gallery_return(site->gallery, &lookup);
        ecam_http_text(request, 200, "ok\n");
    } else {
        ecam_http_text(request, 503, error.text);
    }
}

/* What the stages said last, as the index has it. */
static void add_stages(const ecam_site *site, ecam_metrics *metrics)
{
    static const ecam_metrics_stage none;
    ecam_metrics_stage stages[STAGES];
    ecam_counter counters[STAGES][COUNTERS];
    size_t n = 0;
    ecam_lookup *lookup;
    json_t *all = NULL, *stats, *value;
    const char *name;
    size_t i;

    if (ecam_gallery_borrow(site->gallery, &lookup, NULL) != ECAM_OK)
        return;
    ecam_status st = ecam_answer_stats(lookup, &all, NULL);
    ecam_gallery_return(site->gallery, &lookup);
    if (st != ECAM_OK)
        return;
    json_array_foreach(all, i, stats) {
        if (n == STAGES)
            break;
        uint64_t id = strtoull(json_string_value(json_object_get(stats, "stage")), NULL, 16);
        stages[n] = none;
        snprintf(stages[n].labels, sizeof stages[n].labels, "stage=\"%016" PRIx64 "\"", id);
        stages[n].counters = counters[n];
        json_object_foreach(json_object_get(stats, "counters"), name, value)
            if (stages[n].n_counters < COUNTERS)
                counters[n][stages[n].n_counters++] =
                    (ecam_counter){name, (uint64_t)json_integer_value(value)};
        n++;
    }
    ecam_metrics_stages(metrics, stages, n);
    json_decref(all);
}

static void reply_metrics(const ecam_site *site, ecam_http_request *request)
{
    static const ecam_http_content content = {.type = ECAM_METRICS_TYPE, .caching = ECAM_HTTP_NO_STORE};
    ecam_metrics metrics = {.status = ECAM_OK};

    ecam_watch_metrics(site->watch, &metrics);
    ecam_metrics_head(&metrics, "eigencam_events_clients", "gauge", "Pages that listen for events.");
    ecam_metrics_value(&metrics, "eigencam_events_clients", "", ecam_events_clients(site->events));
    ecam_metrics_head(&metrics, "eigencam_events_total", "counter", "Events told.");
    ecam_metrics_value(&metrics, "eigencam_events_total", "", ecam_events_posted(site->events));
    ecam_http_metrics(site->http, &metrics);
    add_stages(site, &metrics);
    if (metrics.status == ECAM_OK) {
        ecam_http_reply(request, &content, metrics.text.data, metrics.text.size);
        metrics.text = (ecam_buffer){0};
    } else {
        ecam_http_error(request, 500, "no memory for an answer");
    }
    ecam_metrics_finish(&metrics);
}

void ecam_site_serve(void *context, ecam_http_request *request)
{
    const ecam_site *site = context;

    switch (request->route) {
    case ECAM_ROUTE_OTHER: reply_page(request); break;
    case ECAM_ROUTE_PICTURE:
    case ECAM_ROUTE_MAP: ecam_pictures_serve(site->gallery, request); break;
    case ECAM_ROUTE_EVENTS: ecam_events_serve(site->events, request); break;
    case ECAM_ROUTE_HEALTH: reply_health(site, request); break;
    case ECAM_ROUTE_METRICS: reply_metrics(site, request); break;
    default: reply_answer(site, request);
    }
}

void ecam_site_hello(void *context, bool resync, char *out, size_t capacity)
{
    const ecam_site *site = context;
    json_t *hello = json_pack("{s:i, s:s, s:b, s:b, s:b}", "version", ECAM_ANSWERS_VERSION, "store",
                              ecam_gallery_name(site->gallery), "live", site->is_live, "ready",
                              ecam_watch_is_ready(site->watch), "resync", resync);
    char *text = hello ? json_dumps(hello, JSON_COMPACT) : NULL;

    snprintf(out, capacity, "%s", text && strlen(text) < capacity ? text : "{}");
    free(text);
    json_decref(hello);
}
