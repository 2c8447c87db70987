#include "eigencam/subscriber.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/arena.h"
#include "client/curve.h"
#include "client/endpoint.h"
#include "client/gaps.h"
#include "client/receive.h"
#include "wire/result.h"

/* An epoch's pictures come in a burst: 64 samples with 3 components have some
 * 450 messages, mostly below 100 KB. */
#define RECEIVE_HIGH_WATER 2048
#define MAX_RESULT_PARTS 8
#define MAX_HEADER_MEMORY ((size_t)64 << 20)

struct ecam_subscriber {
    void *context;
    void *socket;
    ecam_parts parts;
    ecam_arena arena;
    ecam_result result;
    ecam_gaps gaps;
};

static ecam_status zmq_failed(const char *what, ecam_error *error)
{
    int code = zmq_errno();
    return ecam_fail(error, code == ENOMEM ? ECAM_ENOMEM : ECAM_EIO, "%s: %s", what,
                     zmq_strerror(code));
}

static ecam_status open_socket(ecam_subscriber *s, ecam_error *error)
{
    const int high_water = RECEIVE_HIGH_WATER;

    s->context = ecam_context_create();
    if (s->context)
        s->socket = zmq_socket(s->context, ZMQ_SUB);
    if (!s->socket)
        return zmq_failed("no ZeroMQ socket to subscribe with", error);
    if (zmq_setsockopt(s->socket, ZMQ_RCVHWM, &high_water, sizeof high_water) != 0)
        return zmq_failed("the receive high-water mark was refused", error);
    return ecam_socket_configure(s->socket, error);
}

static ecam_status subscribe(ecam_subscriber *s, const char *topic, ecam_error *error)
{
    if (zmq_setsockopt(s->socket, ZMQ_SUBSCRIBE, topic, strlen(topic)) != 0)
        return zmq_failed("a subscription was refused", error);
    return ECAM_OK;
}

static ecam_status open_all(ecam_subscriber *s, const ecam_subscriber_options *o, ecam_error *error)
{
    ecam_status st = open_socket(s, error);

    if (st == ECAM_OK)
        st = ecam_curve_join(s->socket, o->key, o->server_key, error);
    if (st == ECAM_OK && o->n_topics == 0)
        st = subscribe(s, "", error);
    for (size_t i = 0; st == ECAM_OK && i < o->n_topics; i++)
        st = subscribe(s, o->topics[i], error);
    for (size_t i = 0; st == ECAM_OK && i < o->n_endpoints; i++)
        st = ecam_endpoint_attach_as(s->socket, o->endpoints[i], false, o->insecure, error);
    return st;
}

ecam_status ecam_subscriber_open_with(const ecam_subscriber_options *options, ecam_subscriber **out, ecam_error *error)
{
    *out = NULL;
    if (options->n_endpoints == 0)
        return ecam_fail(error, ECAM_EINVAL,
                         "no endpoint is given; expected tcp://host:port or ipc://path");

    ecam_subscriber *s = calloc(1, sizeof *s);
    if (!s)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a subscriber");
    ecam_parts_init(&s->parts);
    ecam_arena_init(&s->arena, MAX_HEADER_MEMORY);
    ecam_status st = open_all(s, options, error);
    if (st != ECAM_OK) {
        ecam_subscriber_close(&s);
        return st;
    }
    *out = s;
    return ECAM_OK;
}

ecam_status ecam_subscriber_open(const char *const *endpoints, size_t n_endpoints,
                                 const char *const *topics, size_t n_topics, ecam_subscriber **out,
                                 ecam_error *error)
{
    const ecam_subscriber_options options = {.endpoints = endpoints, .n_endpoints = n_endpoints,
                                             .topics = topics, .n_topics = n_topics};
    return ecam_subscriber_open_with(&options, out, error);
}

static ecam_status wait_for_message(ecam_subscriber *s, int timeout_ms, ecam_error *error)
{
    zmq_pollitem_t item = {.socket = s->socket, .events = ZMQ_POLLIN};
    int ready = zmq_poll(&item, 1, timeout_ms);

    if (ready > 0)
        return ECAM_OK;
    if (ready == 0 || zmq_errno() == EINTR)
        return ecam_fail(error, ECAM_EAGAIN, "no result came");
    return zmq_failed("waiting for a result", error);
}

static ecam_status decode(ecam_subscriber *s, ecam_error *error)
{
    const ecam_parts *parts = &s->parts;

    if (parts->n > MAX_RESULT_PARTS)
        return ecam_fail(error, ECAM_ELIMIT, "a result has %zu frames; at most %d are accepted",
                         parts->n, MAX_RESULT_PARTS);
    ecam_status st = ecam_result_decode(parts->frames, parts->n, &s->arena, &s->result, error);
    if (st == ECAM_OK)
        ecam_gaps_note(&s->gaps, s->result.stage, parts->frames[0].data, parts->frames[0].size,
                       s->result.seq);
    return st;
}

ecam_status ecam_subscriber_next(ecam_subscriber *s, int timeout_ms, const ecam_result **out,
                                 ecam_error *error)
{
    *out = NULL;
    ecam_arena_reset(&s->arena);
    ecam_status st = wait_for_message(s, timeout_ms, error);
    if (st == ECAM_OK)
        st = ecam_parts_receive(s->socket, ZMQ_DONTWAIT, &s->parts, error);
    if (st == ECAM_OK)
        st = decode(s, error);
    if (st == ECAM_OK)
        *out = &s->result;
    return st;
}

uint64_t ecam_subscriber_lost(const ecam_subscriber *s)
{
    return s->gaps.lost;
}

void ecam_subscriber_close(ecam_subscriber **subscriber)
{
    ecam_subscriber *s = *subscriber;

    if (!s)
        return;
    ecam_parts_finish(&s->parts);
    ecam_arena_finish(&s->arena);
    if (s->socket)
        zmq_close(s->socket);
    if (s->context)
        zmq_ctx_term(s->context);
    free(s);
    *subscriber = NULL;
}
