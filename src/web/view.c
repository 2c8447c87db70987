#include "web/view.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "eigencam/subscriber.h"
#include "web/answers.h"
#include "web/site.h"

#define THREADS 4
#define SLOW_MS 100 /* between two looks at the index */
#define FAST_MS 4   /* while an epoch is known to be on its way into it */
#define EXPECT_NS (5 * UINT64_C(1000000000))
#define EXPECTED 64
#define BURST 256   /* results taken before the index is looked at */

/* An epoch that a stage has summed up and the index did not have yet. */
typedef struct expected {
    uint64_t stage, seq;
    uint64_t until_ns; /* 0: none */
} expected;

struct ecam_view {
    ecam_view_options options;
    ecam_site site;
    ecam_subscriber *subscriber; /* NULL: not live */
    expected expected[EXPECTED];
    size_t next_expected;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static ecam_status subscribe(ecam_view *view, ecam_error *error)
{
    static const char *const topics[] = {"epoch|", "error|", "stats|"};

    const ecam_view_options *o = &view->options;
    const ecam_subscriber_options from = {
        .endpoints = o->in, .n_endpoints = o->n_in, .topics = topics, .n_topics = sizeof topics / sizeof *topics,
        .key = o->key, .server_key = o->server_key, .insecure = o->insecure,
    };

    return o->n_in == 0 ? ECAM_OK : ecam_subscriber_open_with(&from, &view->subscriber, error);
}

static ecam_status serve(ecam_view *view, ecam_error *error)
{
    const char *bind = view->options.bind;
    const ecam_http_options http = {
        .bind = bind,
        .port = view->options.port,
        .hosts = {.names = view->options.hosts,
                  .n_names = view->options.n_hosts,
                  .bind = bind,
                  .any_address = strcmp(bind, "0.0.0.0") == 0 || strcmp(bind, "::") == 0},
        .threads = THREADS,
        .handler = ecam_site_serve,
        .context = &view->site,
        .opened = &view->site.http,
    };
    return ecam_http_open(&http, error);
}

ecam_status ecam_view_open(const ecam_view_options *options, ecam_view **out, ecam_error *error)
{
    ecam_view *view = calloc(1, sizeof *view);
    ecam_status st;

    *out = NULL;
    if (!view)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a gallery");
    view->options = *options;
    view->site.is_live = options->n_in > 0;
    st = ecam_gallery_create(options->dir, &view->site.gallery, error);
    if (st == ECAM_OK)
        st = ecam_events_create(ecam_site_hello, &view->site, &view->site.events, error);
    if (st == ECAM_OK)
        st = ecam_watch_create(view->site.gallery, view->site.events, !view->site.is_live, &view->site.watch, error);
    if (st == ECAM_OK)
        st = subscribe(view, error);
    if (st == ECAM_OK) {
        ecam_watch_look(view->site.watch);
        st = serve(view, error);
    }
    if (st != ECAM_OK)
        ecam_view_close(&view);
    *out = view;
    return st;
}

const char *ecam_view_address(const ecam_view *view)
{
    return ecam_http_address(view->site.http);
}

static void tell(ecam_view *view, const char *event, json_t *data)
{
    char *text = data ? json_dumps(data, JSON_COMPACT) : NULL;

    if (text)
        ecam_events_post(view->site.events, event, text);
    free(text);
    json_decref(data);
}

static void tell_error(ecam_view *view, const ecam_result *result)
{
    const ecam_result_error *e = &result->error;
    char stage[20];

    snprintf(stage, sizeof stage, "%016" PRIx64, result->stage);
    tell(view, "error", json_pack("{s:n, s:I, s:s, s:s, s:s, s:s, s:o, s:s?}", "id", "time_ns",
                                  (json_int_t)result->time_ns, "stage", stage, "run", result->run, "code", e->code,
                                  "message", e->message, "rank", e->has_rank ? json_integer(e->rank) : json_null(),
                                  "key", e->key));
}

static void tell_stats(ecam_view *view, const ecam_result *result)
{
    json_t *counters = json_object();
    char stage[20];

    for (uint32_t i = 0; i < result->stats.n_counters; i++)
        json_object_set_new(counters, result->stats.counters[i].name,
                            json_integer((json_int_t)result->stats.counters[i].value));
    snprintf(stage, sizeof stage, "%016" PRIx64, result->stage);
    tell(view, "stats", json_pack("{s:s, s:I, s:o}", "stage", stage, "time_ns", (json_int_t)result->time_ns,
                                  "counters", counters));
}

static void expect(ecam_view *view, const ecam_result *result)
{
    view->expected[view->next_expected++ % EXPECTED] =
        (expected){.stage = result->stage, .seq = result->seq, .until_ns = now_ns() + EXPECT_NS};
}

static bool is_waiting(ecam_view *view)
{
    uint64_t now = now_ns();
    bool is_waiting = false;

    for (size_t i = 0; i < EXPECTED; i++) {
        expected *e = &view->expected[i];
        if (e->until_ns != 0 && (now > e->until_ns || ecam_watch_has_seen(view->site.watch, e->stage, e->seq)))
            e->until_ns = 0;
        is_waiting = is_waiting || e->until_ns != 0;
    }
    return is_waiting;
}

static void take(ecam_view *view, const ecam_result *result)
{
    switch (result->type) {
    case ECAM_RESULT_EPOCH: expect(view, result); break;
    case ECAM_RESULT_ERROR: tell_error(view, result); break;
    case ECAM_RESULT_STATS: tell_stats(view, result); break;
    default: break; /* not subscribed to */
    }
}

/* Wait for the first result, then take in what else is there. What cannot be
 * decoded is the logger's to complain about. */
static ecam_status listen(ecam_view *view, int timeout_ms, ecam_error *error)
{
    const ecam_result *result;

    for (int i = 0; i < BURST; i++) {
        ecam_status st = ecam_subscriber_next(view->subscriber, i == 0 ? timeout_ms : 0, &result, error);
        if (st == ECAM_OK)
            take(view, result);
        else if (st == ECAM_EAGAIN)
            break;
        else if (st == ECAM_EIO || st == ECAM_ECLOSED)
            return st;
    }
    return ECAM_OK;
}

ecam_status ecam_view_step(ecam_view *view, int stop_fd, ecam_error *error)
{
    int timeout_ms = is_waiting(view) ? FAST_MS : SLOW_MS;
    ecam_status st = ECAM_OK;

    if (view->subscriber) {
        st = listen(view, timeout_ms, error);
    } else {
        struct pollfd stop = {.fd = stop_fd, .events = POLLIN};
        if (poll(&stop, 1, timeout_ms) == -1 && errno != EINTR)
            st = ecam_fail(error, ECAM_EIO, "waiting: %s", strerror(errno));
    }
    ecam_watch_look(view->site.watch);
    ecam_events_tick(view->site.events);
    return st;
}

void ecam_view_close(ecam_view **view)
{
    if (!*view)
        return;
    ecam_site *site = &(*view)->site;
    if (site->http)
        ecam_http_quiesce(site->http);
    if (site->events)
        ecam_events_stop(site->events);
    ecam_http_close(&site->http);
    ecam_watch_destroy(&site->watch);
    ecam_events_destroy(&site->events);
    ecam_gallery_destroy(&site->gallery);
    ecam_subscriber_close(&(*view)->subscriber);
    free(*view);
    *view = NULL;
}
