#include "cli/listen.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

#include "cli/signals.h"
#include "client/curve.h"
#include "client/endpoint.h"

/* An epoch's pictures come in a burst of some hundred messages. */
#define HIGH_WATER 2048

static ecam_status zmq_failed(const char *what, ecam_error *error)
{
    return ecam_fail(error, ECAM_EIO, "%s: %s", what, zmq_strerror(zmq_errno()));
}

static ecam_status open_socket(ecam_listener *l, ecam_error *error)
{
    const int high_water = HIGH_WATER;

    ecam_parts_init(&l->parts);
    l->context = ecam_context_create();
    l->socket = l->context ? zmq_socket(l->context, ZMQ_SUB) : NULL;
    if (!l->socket || zmq_setsockopt(l->socket, ZMQ_RCVHWM, &high_water, sizeof high_water) != 0)
        return zmq_failed("no ZeroMQ socket to listen with", error);
    return ecam_socket_configure(l->socket, error);
}

static ecam_status subscribe(ecam_listener *l, const char *topic, ecam_error *error)
{
    if (zmq_setsockopt(l->socket, ZMQ_SUBSCRIBE, topic, strlen(topic)) != 0)
        return zmq_failed("a subscription was refused", error);
    return ECAM_OK;
}

ecam_status ecam_listener_open(ecam_listener *listener, const char *const *endpoints, size_t n_endpoints,
                               const char *const *topics, size_t n_topics, const ecam_keys *keys,
                               ecam_error *error)
{
    *listener = (ecam_listener){0};
    ecam_status st = open_socket(listener, error);

    if (st == ECAM_OK)
        st = ecam_curve_join(listener->socket, keys->key, keys->server_key, error);
    if (st == ECAM_OK && n_topics == 0)
        st = subscribe(listener, "", error);
    for (size_t i = 0; st == ECAM_OK && i < n_topics; i++)
        st = subscribe(listener, topics[i], error);
    for (size_t i = 0; st == ECAM_OK && i < n_endpoints; i++)
        st = ecam_endpoint_attach_as(listener->socket, endpoints[i], false, keys->insecure, error);
    if (st != ECAM_OK)
        ecam_listener_close(listener);
    return st;
}

ecam_status ecam_listener_next(ecam_listener *listener, int timeout_ms, ecam_error *error)
{
    zmq_pollitem_t items[] = {{.socket = listener->socket, .events = ZMQ_POLLIN},
                              {.fd = ecam_signals_fd(), .events = ZMQ_POLLIN}};
    int ready = zmq_poll(items, 2, timeout_ms);

    if (ecam_signals_pending() != 0)
        return ecam_fail(error, ECAM_ECLOSED, "stopped by a signal");
    if (ready < 0 && zmq_errno() != EINTR)
        return zmq_failed("waiting for a message", error);
    if (ready <= 0)
        return ecam_fail(error, ECAM_EAGAIN, "no message came");
    return ecam_parts_receive(listener->socket, ZMQ_DONTWAIT, &listener->parts, error);
}

void ecam_listener_close(ecam_listener *listener)
{
    ecam_parts_finish(&listener->parts);
    if (listener->socket)
        zmq_close(listener->socket);
    if (listener->context)
        zmq_ctx_term(listener->context);
    *listener = (ecam_listener){0};
}
