#include "stage/outlet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <zmq.h>

#include "client/endpoint.h"
#include "client/receive.h"
#include "wire/result.h"

/* About 64 MB of overlays of 224x224 for each logger. */
#define SEND_QUEUE 640

static ecam_status set_option(void *socket, int option, int value, ecam_error *error)
{
    if (zmq_setsockopt(socket, option, &value, sizeof value) == 0)
        return ECAM_OK;
    return ecam_fail(error, ECAM_EIO, "a socket option is refused: %s", zmq_strerror(errno));
}

ecam_status ecam_outlet_open(ecam_outlet *o, void *zmq, ecam_error *error)
{
    *o = (ecam_outlet){.socket = zmq_socket(zmq, ZMQ_XPUB)};
    if (!o->socket)
        return ecam_fail(error, ECAM_EIO, "no socket for results: %s", zmq_strerror(errno));
    while (getrandom(&o->stage, sizeof o->stage, 0) < 0 && errno == EINTR)
        continue;
    ecam_status st = ecam_socket_configure(o->socket, error);
    if (st == ECAM_OK)
        st = set_option(o->socket, ZMQ_SNDHWM, SEND_QUEUE, error);
    if (st == ECAM_OK)
        st = set_option(o->socket, ZMQ_XPUB_VERBOSE, 1, error);
    if (st == ECAM_OK)
        st = set_option(o->socket, ZMQ_XPUB_NODROP, 1, error);
    return st;
}

static uint64_t wall_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t *seq_of(ecam_outlet *o)
{
    uint64_t *seq = ecam_table_get(&o->seqs, o->topic.data, o->topic.size);

    if (!seq) {
        seq = calloc(1, sizeof *seq);
        if (!seq || ecam_table_put(&o->seqs, o->topic.data, o->topic.size, seq) != ECAM_OK) {
            free(seq);
            return NULL;
        }
    }
    return seq;
}

/* A full queue holds everything up for a while, then nothing any more. */
static ecam_status stall(ecam_outlet *o, int64_t now_ns)
{
    if (o->stalled_since_ns == 0)
        o->stalled_since_ns = now_ns;
    if (now_ns - o->stalled_since_ns < ECAM_STALL_NS)
        return ECAM_EAGAIN;
    o->dropping = set_option(o->socket, ZMQ_XPUB_NODROP, 0, NULL) == ECAM_OK;
    return ECAM_OK;
}

static void resume(ecam_outlet *o)
{
    o->stalled_since_ns = 0;
    if (o->dropping && set_option(o->socket, ZMQ_XPUB_NODROP, 1, NULL) == ECAM_OK)
        o->dropping = false;
}

static ecam_status send_frames(ecam_outlet *o, const ecam_result *result, int64_t now_ns,
                               ecam_error *error)
{
    const ecam_frame frames[] = {{o->topic.data, o->topic.size},
                                 {o->header.data, o->header.size},
                                 {result->picture.png, result->picture.png_bytes}};
    size_t n = result->picture.png ? 3 : 2;
    ecam_status st = ecam_parts_send(o->socket, frames, n, ZMQ_DONTWAIT, error);

    if (st == ECAM_EAGAIN && stall(o, now_ns) == ECAM_OK)
        st = ecam_parts_send(o->socket, frames, n, ZMQ_DONTWAIT, error);
    return st;
}

static void listen(ecam_outlet *o)
{
    ecam_parts parts;

    ecam_parts_init(&parts);
    while (ecam_parts_receive(o->socket, ZMQ_DONTWAIT, &parts, NULL) == ECAM_OK) {
        const ecam_frame *frame = &parts.frames[0];
        const char *bytes = frame->data;
        if (frame->size > 0 && bytes[0] == 1) {
            ecam_asked_add(&o->asked, bytes + 1, frame->size - 1);
            o->subscribed = true;
        }
    }
    ecam_parts_finish(&parts);
}

bool ecam_outlet_heard(ecam_outlet *o)
{
    listen(o);
    bool subscribed = o->subscribed;
    o->subscribed = false;
    return subscribed;
}

/* ZeroMQ takes in subscriptions when it is given something, so before a result
 * is left out they are asked for. */
static bool wanted(ecam_outlet *o)
{
    if (ecam_asked_for(&o->asked, o->topic.data, o->topic.size))
        return true;
    listen(o);
    return ecam_asked_for(&o->asked, o->topic.data, o->topic.size);
}

ecam_status ecam_outlet_send(ecam_outlet *o, ecam_result *result, int64_t now_ns, ecam_error *error)
{
    ecam_status st = ecam_result_topic(result, &o->topic);
    uint64_t *seq = st == ECAM_OK ? seq_of(o) : NULL;

    if (!seq)
        return ecam_fail(error, ECAM_ENOMEM, "no memory to send a result");
    if (!wanted(o)) { /* lost, as for whoever connects later */
        ++*seq;
        o->sent[result->type]++;
        return ECAM_OK;
    }
    result->stage = o->stage;
    result->seq = *seq;
    result->time_ns = wall_clock_ns();
    st = ecam_result_header(result, &o->header);
    if (st == ECAM_OK)
        st = send_frames(o, result, now_ns, error);
    if (st != ECAM_OK)
        return st;
    ++*seq;
    o->sent[result->type]++;
    if (!o->dropping || result->type == ECAM_RESULT_EPOCH)
        resume(o);
    return ECAM_OK;
}

void ecam_outlet_close(ecam_outlet *o, int linger_ms)
{
    if (o->socket) {
        zmq_setsockopt(o->socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
        zmq_close(o->socket);
    }
    ecam_table_finish(&o->seqs, free);
    ecam_asked_finish(&o->asked);
    ecam_buffer_finish(&o->topic);
    ecam_buffer_finish(&o->header);
    *o = (ecam_outlet){0};
}
