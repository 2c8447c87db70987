#include "client/receive.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define FIRST_CAPACITY 8

void ecam_parts_init(ecam_parts *parts)
{
    *parts = (ecam_parts){0};
}

static void clear(ecam_parts *parts)
{
    for (size_t i = 0; i < parts->n; i++)
        zmq_msg_close(&parts->messages[i]);
    parts->n = 0;
}

void ecam_parts_finish(ecam_parts *parts)
{
    clear(parts);
    free(parts->messages);
    free(parts->frames);
    *parts = (ecam_parts){0};
}

size_t ecam_parts_bytes(const ecam_parts *parts)
{
    size_t bytes = 0;
    for (size_t i = 0; i < parts->n; i++)
        bytes += parts->frames[i].size;
    return bytes;
}

/* A zmq_msg_t holds short contents in itself, so it is moved by libzmq, never
 * by realloc. */
static ecam_status grow(ecam_parts *parts)
{
    size_t capacity = parts->capacity ? 2 * parts->capacity : FIRST_CAPACITY;
    zmq_msg_t *messages = malloc(capacity * sizeof *messages);
    ecam_frame *frames = realloc(parts->frames, capacity * sizeof *frames);

    if (frames)
        parts->frames = frames;
    if (!messages || !frames) {
        free(messages);
        return ECAM_ENOMEM;
    }
    for (size_t i = 0; i < parts->n; i++) {
        zmq_msg_init(&messages[i]);
        zmq_msg_move(&messages[i], &parts->messages[i]);
        zmq_msg_close(&parts->messages[i]);
    }
    free(parts->messages);
    parts->messages = messages;
    parts->capacity = capacity;
    return ECAM_OK;
}

static ecam_status socket_failed(const char *what, ecam_error *error)
{
    int code = zmq_errno();

    if (code == EAGAIN || code == EINTR)
        return ecam_fail(error, ECAM_EAGAIN, "nothing to %s now", what);
    if (code == ETERM)
        return ecam_fail(error, ECAM_ECLOSED, "the socket is being closed");
    return ecam_fail(error, ECAM_EIO, "the socket refused to %s: %s", what, zmq_strerror(code));
}

/* One part; the parts of a message arrive together, so only the first is
 * waited for, and a signal among the later ones is passed over. */
static int receive_part(void *socket, int flags, bool first, zmq_msg_t *part)
{
    int rc;
    do {
        rc = zmq_msg_recv(part, socket, flags);
    } while (rc < 0 && !first && zmq_errno() == EINTR);
    return rc;
}

static void drain(void *socket, zmq_msg_t *part)
{
    while (zmq_msg_more(part))
        if (receive_part(socket, ZMQ_DONTWAIT, false, part) < 0)
            return;
}

/* Put a received part at the end; `part` is empty afterwards. */
static ecam_status keep(ecam_parts *parts, zmq_msg_t *part, ecam_error *error)
{
    if (parts->n == ECAM_MAX_PARTS)
        return ecam_fail(error, ECAM_ELIMIT,
                         "a message has more than %d parts; it was dropped", ECAM_MAX_PARTS);
    if (parts->n == parts->capacity && grow(parts) != ECAM_OK)
        return ecam_fail(error, ECAM_ENOMEM,
                         "no memory for the parts of a message; it was dropped");
    zmq_msg_init(&parts->messages[parts->n]);
    zmq_msg_move(&parts->messages[parts->n], part);
    parts->n++;
    return ECAM_OK;
}

static ecam_status receive_all(void *socket, int flags, ecam_parts *parts, zmq_msg_t *part,
                               ecam_error *error)
{
    ecam_status st = ECAM_OK;
    bool more = true;

    while (st == ECAM_OK && more) {
        if (receive_part(socket, flags, parts->n == 0, part) < 0)
            return socket_failed("receive", error);
        more = zmq_msg_more(part) != 0;
        st = keep(parts, part, error);
    }
    if (st != ECAM_OK)
        drain(socket, part);
    return st;
}

ecam_status ecam_parts_receive(void *socket, int flags, ecam_parts *parts, ecam_error *error)
{
    zmq_msg_t part;

    clear(parts);
    zmq_msg_init(&part);
    ecam_status st = receive_all(socket, flags, parts, &part, error);
    zmq_msg_close(&part);
    if (st != ECAM_OK) {
        clear(parts);
        return st;
    }
    for (size_t i = 0; i < parts->n; i++)
        parts->frames[i] = (ecam_frame){.data = zmq_msg_data(&parts->messages[i]),
                                        .size = zmq_msg_size(&parts->messages[i])};
    return ECAM_OK;
}

ecam_status ecam_parts_send(void *socket, const ecam_frame *frames, size_t n, int flags,
                            ecam_error *error)
{
    for (size_t i = 0; i < n; i++) {
        int more = i + 1 < n ? ZMQ_SNDMORE : 0;
        int rc;
        do {
            rc = zmq_send(socket, frames[i].data, frames[i].size, flags | more);
        } while (rc < 0 && i > 0 && zmq_errno() == EINTR);
        if (rc < 0)
            return socket_failed("send", error);
    }
    return ECAM_OK;
}
