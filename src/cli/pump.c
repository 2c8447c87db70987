#include "cli/pump.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

#include "base/log.h"
#include "cli/clock.h"
#include "client/endpoint.h"
#include "wire/patch.h"
#include "wire/unpack.h"
#include "wire/want.h"

#define MESSAGES_PER_TURN 64
/* ZeroMQ does not tell when a full XPUB has room again. */
#define RETRY_MS 5

static ecam_status zmq_failed(const char *what, ecam_error *error)
{
    return ecam_fail(error, ECAM_EIO, "%s: %s", what, zmq_strerror(zmq_errno()));
}

static void *open_socket(ecam_pump *p, int type, int queue, ecam_error *error)
{
    void *socket = zmq_socket(p->context, type);

    if (!socket || zmq_setsockopt(socket, ZMQ_RCVHWM, &queue, sizeof queue) != 0 ||
        (type == ZMQ_XPUB && zmq_setsockopt(socket, ZMQ_SNDHWM, &queue, sizeof queue) != 0)) {
        zmq_failed("no ZeroMQ socket", error);
    } else if (ecam_socket_configure(socket, error) == ECAM_OK) {
        return socket;
    }
    if (socket)
        zmq_close(socket);
    return NULL;
}

/* IMMEDIATE: what a stage subscribed to ends with its connection, also where we
 * are the one that connects. VERBOSER: that a second stage or logger comes or goes
 * is seen behind the relay too, and each coming has its going. */
static ecam_status configure_out(void *out, ecam_error *error)
{
    const int on = 1;

    if (zmq_setsockopt(out, ZMQ_IMMEDIATE, &on, sizeof on) != 0 ||
        zmq_setsockopt(out, ZMQ_XPUB_VERBOSER, &on, sizeof on) != 0 ||
        zmq_setsockopt(out, ZMQ_XPUB_NODROP, &on, sizeof on) != 0)
        return zmq_failed("a socket option is refused", error);
    return ECAM_OK;
}

static void tell_endpoint(void *socket, const char *what)
{
    char endpoint[256] = "";
    size_t size = sizeof endpoint;

    if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0)
        ecam_log("relay %s %s", what, endpoint);
}

static ecam_status attach(void *socket, const char *const *endpoints, size_t n, const char *what, ecam_error *error)
{
    ecam_status st = ECAM_OK;

    for (size_t i = 0; st == ECAM_OK && i < n; i++) {
        st = ecam_endpoint_attach(socket, endpoints[i], false, error);
        if (st == ECAM_OK)
            tell_endpoint(socket, what);
    }
    return st;
}

ecam_status ecam_pump_open(ecam_pump *pump, const ecam_pump_options *options, ecam_error *error)
{
    ecam_status st = ECAM_EIO;

    *pump = (ecam_pump){.wait_ns = options->wait_ns};
    ecam_parts_init(&pump->parts);
    ecam_parts_init(&pump->back);
    ecam_arena_init(&pump->arena, 0);
    pump->context = zmq_ctx_new();
    if (!pump->context)
        zmq_failed("ZeroMQ cannot start", error);
    else if ((pump->in = open_socket(pump, ZMQ_XSUB, options->queue, error)) &&
             (pump->out = open_socket(pump, ZMQ_XPUB, options->queue, error)))
        st = configure_out(pump->out, error);
    if (st == ECAM_OK)
        st = attach(pump->in, options->in, options->n_in, "takes from", error);
    if (st == ECAM_OK)
        st = attach(pump->out, options->out, options->n_out, "gives to", error);
    if (st != ECAM_OK)
        ecam_pump_close(pump, 0);
    return st;
}

/* Without a copy. Errors: ECAM_EAGAIN (nothing was sent), ECAM_EIO. */
static ecam_status send_parts(void *socket, ecam_parts *parts, ecam_error *error)
{
    for (size_t i = 0; i < parts->n; i++) {
        int flags = ZMQ_DONTWAIT | (i + 1 < parts->n ? ZMQ_SNDMORE : 0);
        int rc;
        do {
            rc = zmq_msg_send(&parts->messages[i], socket, flags);
        } while (rc < 0 && i > 0 && zmq_errno() == EINTR);
        if (rc < 0 && i == 0 && (zmq_errno() == EAGAIN || zmq_errno() == EINTR))
            return ECAM_EAGAIN;
        if (rc < 0)
            return zmq_failed("a message cannot be passed on", error);
    }
    return ECAM_OK;
}

static ecam_status set_nodrop(ecam_pump *p, int on, ecam_error *error)
{
    if (zmq_setsockopt(p->out, ZMQ_XPUB_NODROP, &on, sizeof on) != 0)
        return zmq_failed("a socket option is refused", error);
    return ECAM_OK;
}

/* All but those whose queues are full get it. From here on these get nothing,
 * and hold nobody up, until they take again. */
static ecam_status send_without_waiting(ecam_pump *p, ecam_error *error)
{
    ecam_status st = set_nodrop(p, 0, error);

    if (st == ECAM_OK)
        st = send_parts(p->out, &p->parts, error);
    if (st == ECAM_OK)
        st = set_nodrop(p, 1, error);
    if (st == ECAM_OK && p->counters.gave_up++ == 0)
        ecam_log("relay: a receiver takes nothing; what it cannot take is left out from now on");
    return st;
}

/* Errors: ECAM_EAGAIN (it is kept), ECAM_EIO. */
static ecam_status send_on(ecam_pump *p, ecam_error *error)
{
    uint64_t bytes = ecam_parts_bytes(&p->parts), now = 0;
    ecam_status st = send_parts(p->out, &p->parts, error);

    if (st == ECAM_EAGAIN || p->held)
        now = ecam_clock_ns();
    if (st == ECAM_EAGAIN && !p->held) {
        p->held = true;
        p->held_since_ns = now;
    }
    if (st == ECAM_EAGAIN && now - p->held_since_ns >= p->wait_ns)
        st = send_without_waiting(p, error);
    if (st != ECAM_OK)
        return st;
    if (p->held)
        p->counters.held_ns += now - p->held_since_ns;
    p->held = false;
    p->counters.messages++;
    p->counters.bytes += bytes;
    return ECAM_OK;
}

/* Errors: ECAM_EAGAIN (none there), ECAM_EIO. */
static ecam_status receive(ecam_pump *p, void *socket, ecam_parts *parts, ecam_error *error)
{
    ecam_status st;

    while ((st = ecam_parts_receive(socket, ZMQ_DONTWAIT, parts, error)) == ECAM_ELIMIT || st == ECAM_ENOMEM)
        if (p->counters.refused++ == 0)
            ecam_log("relay: %s", error->text);
    return st;
}

static ecam_status pass_on(ecam_pump *p, ecam_error *error)
{
    ecam_status st = p->held ? ECAM_OK : receive(p, p->in, &p->parts, error);
    return st == ECAM_OK ? send_on(p, error) : st;
}

/* The socket that `want` names is of the stage's host, and of trainers that are
 * connected to the stage itself: elsewhere it leads to nobody, or to somebody
 * else. */
static ecam_status hide_socket(ecam_pump *p, ecam_error *error)
{
    const ecam_frame *frames = p->back.frames;
    const ecam_node *tree;

    if (p->back.n < 2 || frames[0].size != strlen(ECAM_WANT_TOPIC) ||
        memcmp(frames[0].data, ECAM_WANT_TOPIC, frames[0].size) != 0)
        return ECAM_OK;
    ecam_arena_reset(&p->arena);
    ecam_status st = ecam_unpack(frames[1].data, frames[1].size, NULL, &p->arena, &tree, error);
    if (st == ECAM_OK)
        st = ecam_patch_nil(frames[1].data, frames[1].size, tree, "socket", &p->header, error);
    if (st != ECAM_OK && st != ECAM_ENOMEM)
        return ECAM_OK; /* it names none, or trainers will refuse it */
    zmq_msg_close(&p->back.messages[1]);
    if (st != ECAM_OK || zmq_msg_init_size(&p->back.messages[1], p->header.size) != 0) {
        zmq_msg_init(&p->back.messages[1]);
        return ecam_fail(error, ECAM_EIO, "no memory for a message");
    }
    memcpy(zmq_msg_data(&p->back.messages[1]), p->header.data, p->header.size);
    p->back.frames[1] = (ecam_frame){zmq_msg_data(&p->back.messages[1]), p->header.size};
    return ECAM_OK;
}

static bool is_subscription(const ecam_parts *parts)
{
    return parts->n == 1 && parts->frames[0].size > 0 && *(const char *)parts->frames[0].data <= 1;
}

static ecam_status pass_back(ecam_pump *p, ecam_error *error)
{
    ecam_status st = receive(p, p->out, &p->back, error);

    if (st == ECAM_OK)
        st = hide_socket(p, error);
    if (st != ECAM_OK)
        return st;
    uint64_t bytes = ecam_parts_bytes(&p->back);
    if (is_subscription(&p->back)) {
        p->counters.subscriptions++;
    } else {
        p->counters.back_messages++;
        p->counters.back_bytes += bytes;
    }
    return send_parts(p->in, &p->back, error);
}

ecam_status ecam_pump_work(ecam_pump *pump, size_t *n, ecam_error *error)
{
    ecam_status on = ECAM_OK, back = ECAM_OK;

    *n = 0;
    for (size_t i = 0; i < MESSAGES_PER_TURN && back == ECAM_OK; i++)
        *n += (back = pass_back(pump, error)) == ECAM_OK;
    for (size_t i = 0; i < MESSAGES_PER_TURN && on == ECAM_OK; i++)
        *n += (on = pass_on(pump, error)) == ECAM_OK;
    if (on != ECAM_OK && on != ECAM_EAGAIN)
        return on;
    return back == ECAM_EAGAIN ? ECAM_OK : back;
}

ecam_status ecam_pump_wait(ecam_pump *pump, int fd, int other_fd, int timeout_ms, ecam_error *error)
{
    zmq_pollitem_t items[] = {
        {.fd = fd, .events = ZMQ_POLLIN},
        {.fd = other_fd, .events = ZMQ_POLLIN},
        {.socket = pump->out, .events = ZMQ_POLLIN},
        {.socket = pump->in, .events = ZMQ_POLLIN},
    };

    if (pump->held && (timeout_ms < 0 || timeout_ms > RETRY_MS))
        timeout_ms = RETRY_MS;
    if (zmq_poll(items, pump->held ? 3 : 4, timeout_ms) < 0 && zmq_errno() != EINTR)
        return zmq_failed("waiting for messages", error);
    return ECAM_OK;
}

void ecam_pump_finish(ecam_pump *pump, uint64_t limit_ns)
{
    uint64_t until = ecam_clock_ns() + limit_ns;
    ecam_status st = ECAM_OK;
    ecam_error error;

    while ((st == ECAM_OK || (st == ECAM_EAGAIN && pump->held)) && ecam_clock_ns() < until) {
        st = pass_on(pump, &error);
        if (st == ECAM_EAGAIN && pump->held)
            zmq_poll(&(zmq_pollitem_t){.socket = pump->out}, 1, RETRY_MS);
    }
    while (pass_back(pump, &error) == ECAM_OK)
        continue;
    if (pump->held) {
        pump->counters.left++;
        pump->held = false;
    }
}

static void close_socket(void **socket, int linger_ms)
{
    if (!*socket)
        return;
    zmq_setsockopt(*socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    zmq_close(*socket);
    *socket = NULL;
}

void ecam_pump_close(ecam_pump *pump, int linger_ms)
{
    ecam_parts_finish(&pump->parts);
    ecam_parts_finish(&pump->back);
    ecam_arena_finish(&pump->arena);
    ecam_buffer_finish(&pump->header);
    close_socket(&pump->in, linger_ms);
    close_socket(&pump->out, linger_ms);
    if (pump->context)
        zmq_ctx_term(pump->context);
    pump->context = NULL;
}
