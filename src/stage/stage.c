#include "stage/stage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <zmq.h>

#include "base/log.h"
#include "client/endpoint.h"
#include "stage/internal.h"

#define STATS_NS (5 * INT64_C(1000000000))
#define STALL_POLL_NS (10 * INT64_C(1000000))
#define RECEIVE_QUEUE 8 /* for each trainer; what waits counts against nothing else */
#define RECEIVES_PER_TURN 64
#define LINGER_MS 3000
#define STOP_NS (INT64_C(1000000000))

int64_t ecam_stage_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* XSUB takes subscriptions as messages: a byte 1 and the prefix. */
static ecam_status subscribe(ecam_stage *stage, const char *prefix, ecam_error *error)
{
    char message[512];
    size_t length = strlen(prefix);
    char **prefixes = realloc(stage->prefixes, (stage->n_prefixes + 1) * sizeof *prefixes);

    if (prefixes)
        stage->prefixes = prefixes;
    if (!prefixes || !(prefixes[stage->n_prefixes] = strdup(prefix)))
        return ecam_fail(error, ECAM_ENOMEM, "no memory to subscribe to %s", prefix);
    stage->n_prefixes++;
    message[0] = 1;
    memcpy(message + 1, prefix, length);
    if (zmq_send(stage->in, message, length + 1, 0) < 0)
        return ecam_fail(error, ECAM_EIO, "cannot subscribe to %s: %s", prefix, zmq_strerror(errno));
    return ECAM_OK;
}

bool ecam_stage_subscribes(const ecam_stage *stage, const char *topic)
{
    for (size_t i = 0; i < stage->n_prefixes; i++)
        if (strncmp(topic, stage->prefixes[i], strlen(stage->prefixes[i])) == 0)
            return true;
    return false;
}

/* Only what these traces can want of a mode: all of it, or the white-listed
 * data sets. */
static ecam_status subscribe_mode(ecam_stage *stage, const ecam_traces *set, ecam_mode mode,
                                  ecam_error *error)
{
    const char *name = ecam_mode_name(mode);
    char prefix[256];
    bool wanted = false, all = false;
    ecam_status st = ECAM_OK;

    for (size_t i = 0; i < set->n; i++) {
        const ecam_filter *ds = &set->traces[i].ds_id;
        if (!ecam_filter_accepts(&set->traces[i].mode, name))
            continue;
        wanted = true;
        all |= ds->n_names == 0 || ds->negative;
        for (size_t n = 0; st == ECAM_OK && !ds->negative && n < ds->n_names; n++) {
            snprintf(prefix, sizeof prefix, "batch|%s|%s|", name, ds->names[n]);
            st = subscribe(stage, prefix, error);
        }
    }
    if (st == ECAM_OK && all) {
        snprintf(prefix, sizeof prefix, "batch|%s|", name);
        st = subscribe(stage, prefix, error);
    }
    if (st == ECAM_OK && wanted) {
        snprintf(prefix, sizeof prefix, "epoch_end|%s|", name);
        st = subscribe(stage, prefix, error);
    }
    return st;
}

static ecam_status subscribe_all(ecam_stage *stage, ecam_error *error)
{
    const ecam_config *config = stage->config;
    ecam_status st = subscribe(stage, "hello|", error);

    if (st == ECAM_OK)
        st = subscribe(stage, "bye|", error);
    if (!config->has_traces) {
        /* Which modes a run's hello asks for is not known beforehand. */
        if (st == ECAM_OK)
            st = subscribe(stage, "batch|", error);
        return st == ECAM_OK ? subscribe(stage, "epoch_end|", error) : st;
    }
    for (int mode = 0; st == ECAM_OK && mode < ECAM_MODE_COUNT; mode++)
        st = subscribe_mode(stage, config->traces, (ecam_mode)mode, error);
    return st;
}

/* What ZeroMQ made of the endpoint: a port in place of a "*". */
static void note_endpoint(ecam_stage *stage, void *socket, const char *what)
{
    ecam_attached *attached = &stage->attached[stage->n_attached++];
    size_t size = sizeof attached->endpoint;

    attached->what = what;
    if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, attached->endpoint, &size) != 0)
        attached->endpoint[0] = '\0';
}

static void tell_of_door(void *context, const char *text)
{
    (void)context;
    ecam_log("stage: %s", text);
}

static ecam_status open_door(ecam_stage *stage, ecam_error *error)
{
    const ecam_config *config = stage->config;
    const ecam_door_options options = {.key = config->key, .allow = config->allow, .reload_fd = config->reload_fd,
                                       .max_message = (int64_t)config->max_message, .tell = tell_of_door};
    return ecam_door_open(stage->zmq, &options, &stage->door, error);
}

static ecam_status open_intake(ecam_stage *stage, ecam_error *error)
{
    const int queue = RECEIVE_QUEUE;
    ecam_status st;

    stage->in = zmq_socket(stage->zmq, ZMQ_XSUB);
    if (!stage->in)
        return ecam_fail(error, ECAM_EIO, "no socket for trainers: %s", zmq_strerror(errno));
    st = ecam_socket_configure(stage->in, error);
    if (st == ECAM_OK)
        zmq_setsockopt(stage->in, ZMQ_RCVHWM, &queue, sizeof queue);
    if (st == ECAM_OK)
        st = ecam_door_guard(stage->door, stage->in, error);
    if (st == ECAM_OK)
        st = subscribe_all(stage, error);
    for (size_t i = 0; st == ECAM_OK && i < stage->config->n_in; i++) {
        st = ecam_endpoint_attach_as(stage->in, stage->config->in[i], true, stage->config->insecure, error);
        if (st == ECAM_OK)
            note_endpoint(stage, stage->in, "listens for trainers on");
    }
    return st;
}

static ecam_status open_outlet(ecam_stage *stage, ecam_error *error)
{
    const ecam_config *config = stage->config;
    ecam_status st = ecam_outlet_open(&stage->outlet, stage->zmq, error);

    if (st == ECAM_OK)
        st = ecam_door_guard(stage->door, stage->outlet.socket, error);
    for (size_t i = 0; st == ECAM_OK && i < config->n_out; i++) {
        st = ecam_endpoint_attach_as(stage->outlet.socket, config->out[i], true, config->insecure, error);
        if (st == ECAM_OK)
            note_endpoint(stage, stage->outlet.socket, "publishes on");
    }
    return st;
}

/* Without the local socket tensors go in frames, and the end of a trainer's
 * process is not noticed: a stage is useful all the same. A recording must hold
 * the tensors themselves. */
static void open_handover(ecam_stage *stage)
{
    ecam_handover *h = &stage->handover;
    ecam_error error;

    h->frames_only = stage->config->record != NULL;
    for (size_t i = 0; i < stage->config->n_allow_uids && i < ECAM_ALLOWED_UIDS; i++)
        h->allowed[h->n_allowed++] = stage->config->allow_uids[i];
    for (size_t i = 0; i < stage->n_attached; i++)
        ecam_handover_serve(h, stage->attached[i].endpoint);
    if (ecam_handover_open(h, &error) != ECAM_OK)
        ecam_log("no shared memory with trainers: %s", error.text);
}

/* As if it had said bye. */
static void give_up_rank(void *context, const ecam_peer *peer)
{
    ecam_stage *stage = context;
    const ecam_offer *o = &peer->offer;
    const ecam_message bye = {.type = ECAM_MESSAGE_BYE, .run = o->run, .rank = o->rank, .session = o->session};
    ecam_run *run = ecam_table_get(&stage->collector.runs, o->run, strlen(o->run));

    ecam_log("run %s: process %d of rank %u has ended", o->run, (int)peer->pid, o->rank);
    stage->counters.gone++;
    if (run)
        ecam_collector_bye(&stage->collector, run, &bye);
}

static ecam_status open_parts(ecam_stage *stage, ecam_error *error)
{
    const ecam_config *config = stage->config;
    ecam_status st = ECAM_OK;

    if (config->record)
        st = ecam_recorder_open(config->record, ECAM_RECORDING_TRAINER, &stage->recorder, error);
    if (st == ECAM_OK)
        st = ecam_pool_create(config->workers, &stage->pool, error);
    if (st == ECAM_OK)
        st = open_door(stage, error);
    if (st == ECAM_OK)
        st = open_intake(stage, error);
    if (st == ECAM_OK)
        open_handover(stage);
    if (st == ECAM_OK)
        st = open_outlet(stage, error);
    if (st == ECAM_OK)
        ecam_caller_init(&stage->caller, stage->outlet.stage);
    return st;
}

ecam_status ecam_stage_create(const ecam_config *config, ecam_stage **out, ecam_error *error)
{
    ecam_stage *stage = calloc(1, sizeof *stage);

    *out = NULL;
    if (!stage)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a stage");
    stage->config = config;
    stage->drawings_last = &stage->drawings;
    stage->started_ns = ecam_stage_now();
    ecam_collector_init(&stage->collector, config->traces, config->has_traces,
                        (int64_t)(config->epoch_timeout_s * 1e9));
    stage->collector.limits = config->limits;
    stage->collector.forget_ns = (int64_t)(config->forget_s * 1e9);
    ecam_sample_shelf_init(&stage->shelf, config->memory_bytes);
    stage->zmq = ecam_context_create();
    ecam_status st = stage->zmq ? open_parts(stage, error)
                                : ecam_fail(error, ECAM_EIO, "ZeroMQ cannot start: %s", zmq_strerror(errno));
    if (st != ECAM_OK) {
        ecam_stage_destroy(&stage);
        return st;
    }
    *out = stage;
    return ECAM_OK;
}

/* Above these marks messages wait in ZeroMQ, and beyond its own marks at the
 * trainers. */
static bool has_room(const ecam_stage *stage)
{
    return stage->desk.bytes_out < ECAM_INTAKE_BYTES &&
           ecam_pool_waiting(stage->pool) < ECAM_INTAKE_TASKS;
}

static size_t receive_some(ecam_stage *stage)
{
    size_t n = 0;
    while (n < RECEIVES_PER_TURN && has_room(stage) && ecam_stage_receive(stage))
        n++;
    return n;
}

static bool stalled(const ecam_stage *stage)
{
    return stage->drawings && stage->drawings->stalled;
}

void ecam_stage_each_turn(ecam_stage *stage, ecam_stage_turn turn)
{
    stage->turn = turn;
}

static void tell_turn(const ecam_stage *stage, int64_t now, int64_t *wake_ns)
{
    int64_t again_ns = stage->turn ? stage->turn(now) : INT64_MAX;

    if (again_ns < *wake_ns)
        *wake_ns = again_ns;
}

/* Everything that can be done now; how much it was. */
static size_t do_work(ecam_stage *stage, int64_t *wake_ns)
{
    int64_t now = ecam_stage_now();
    size_t n = stage->stopping ? 0 : receive_some(stage);

    ecam_stage_tell_heard(stage);
    n += ecam_pool_collect(stage->pool, stage);
    *wake_ns = ecam_collector_expire(&stage->collector, now);
    n += ecam_stage_draw(stage);
    if (ecam_outlet_heard(&stage->outlet) || now >= stage->next_stats_ns) {
        ecam_stage_stats(stage);
        stage->next_stats_ns = now + STATS_NS;
    }
    if (stage->next_stats_ns < *wake_ns)
        *wake_ns = stage->next_stats_ns;
    int64_t look_ns = ecam_handover_work(&stage->handover, now, give_up_rank, stage);
    if (look_ns < *wake_ns)
        *wake_ns = look_ns;
    const char *hand_over = stage->handover.name[0] ? stage->handover.name : NULL;
    int64_t call_ns = ecam_caller_call(&stage->caller, &stage->collector, stage->in, hand_over, now);
    if (call_ns < *wake_ns)
        *wake_ns = call_ns;
    tell_turn(stage, now, wake_ns);
    if (stalled(stage) && now + STALL_POLL_NS < *wake_ns)
        *wake_ns = now + STALL_POLL_NS;
    ecam_stage_tell_status(stage, now, wake_ns);
    return n;
}

void ecam_stage_tell_heard(ecam_stage *stage)
{
    ecam_buffer header = {0};

    if (stage->heard.n_sessions == 0)
        return;
    stage->heard.stage = stage->outlet.stage;
    if (ecam_heard_encode(&stage->heard, &header) == ECAM_OK &&
        zmq_send(stage->in, ECAM_HEARD_TOPIC, strlen(ECAM_HEARD_TOPIC), ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0)
        (void)zmq_send(stage->in, header.data, header.size, ZMQ_DONTWAIT);
    stage->heard.n_sessions = 0;
    ecam_buffer_finish(&header);
}

/* What has arrived belongs to the epochs that are closed now; a trainer that
 * never stops sending does not keep the stage. */
static void receive_rest(ecam_stage *stage)
{
    int64_t until = ecam_stage_now() + STOP_NS;
    while (ecam_stage_now() < until && ecam_stage_receive(stage))
        continue;
    ecam_stage_tell_heard(stage);
}

static ecam_status wait_for_work(ecam_stage *stage, int stop_fd, int64_t wake_ns, ecam_error *error)
{
    int64_t left_ns = wake_ns - ecam_stage_now();
    long timeout_ms = left_ns <= 0 ? 0 : (long)(left_ns / 1000000 + 1);
    zmq_pollitem_t items[] = {
        {.fd = stop_fd, .events = ZMQ_POLLIN},
        {.fd = ecam_pool_fd(stage->pool), .events = ZMQ_POLLIN},
        {.socket = stage->outlet.socket, .events = ZMQ_POLLIN},
        {.fd = ecam_handover_fd(&stage->handover), .events = ZMQ_POLLIN},
        {.socket = stage->in, .events = ZMQ_POLLIN},
    };
    bool intake = !stage->stopping && has_room(stage);

    if (zmq_poll(items + (stage->stopping ? 1 : 0), (stage->stopping ? 3 : 4) + (intake ? 1 : 0), timeout_ms) < 0 &&
        errno != EINTR)
        return ecam_fail(error, ECAM_EIO, "waiting for messages failed: %s", zmq_strerror(errno));
    if (!stage->stopping && items[0].revents) {
        stage->stopping = true;
        receive_rest(stage);
        ecam_collector_close_all(&stage->collector);
    }
    return ECAM_OK;
}

static bool finished(const ecam_stage *stage)
{
    return stage->stopping && ecam_collector_idle(&stage->collector) && !stage->drawings &&
           ecam_pool_waiting(stage->pool) == 0;
}

ecam_status ecam_stage_run(ecam_stage *stage, int stop_fd, ecam_error *error)
{
    ecam_status st = ecam_door_start(stage->door, error);

    for (size_t i = 0; st == ECAM_OK && i < stage->n_attached; i++)
        ecam_log("stage %s %s", stage->attached[i].what, stage->attached[i].endpoint);
    stage->next_stats_ns = ecam_stage_now() + STATS_NS;
    while (st == ECAM_OK && !finished(stage)) {
        int64_t wake_ns;
        if (do_work(stage, &wake_ns) > 0)
            wake_ns = 0; /* look for a signal, and go on */
        if (!finished(stage))
            st = wait_for_work(stage, stop_fd, wake_ns, error);
    }
    ecam_door_stop(stage->door);
    if (st == ECAM_OK)
        ecam_stage_stats(stage);
    return st;
}

/* Tasks hold samples and rows: let them come back before these are freed. */
static void drain_pool(ecam_stage *stage)
{
    while (stage->pool && ecam_pool_waiting(stage->pool) > 0)
        ecam_pool_collect(stage->pool, stage);
    ecam_pool_destroy(&stage->pool);
}

void ecam_stage_destroy(ecam_stage **handle)
{
    ecam_stage *stage = *handle;

    *handle = NULL;
    if (!stage)
        return;
    drain_pool(stage);
    while (stage->drawings) {
        ecam_drawing *drawing = stage->drawings;
        stage->drawings = drawing->next;
        ecam_drawing_destroy(stage, &drawing);
    }
    ecam_collector_finish(&stage->collector, &stage->shelf);
    ecam_sample_shelf_finish(&stage->shelf);
    ecam_handover_close(&stage->handover);
    ecam_delivery_desk_finish(&stage->desk);
    ecam_caller_finish(&stage->caller);
    for (size_t i = 0; i < stage->n_prefixes; i++)
        free(stage->prefixes[i]);
    free(stage->prefixes);
    ecam_door_close(&stage->door);
    if (stage->in)
        zmq_close(stage->in);
    ecam_outlet_close(&stage->outlet, LINGER_MS);
    if (stage->zmq)
        zmq_ctx_term(stage->zmq);
    if (stage->recorder)
        (void)ecam_recorder_close(&stage->recorder, NULL);
    free(stage);
}
