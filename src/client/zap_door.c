#include "client/zap_door.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "client/endpoint.h"
#include "client/receive.h"
#include "client/zap.h"
#include "client/zap_peers.h"

#define QUESTIONS "inproc://zeromq.zap.01"
#define EVENTS (ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED |                    \
                ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |           \
                ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
#define SAID_ENTRIES 32
#define SAY_AGAIN_MS 60000 /* the same of the same host */
#define EARLY_MS 500  /* timers and events are not exact */
#define LATE_MS 5000

/* An eye on one socket. failure: of the handshake whose connection ends next:
 * libzmq tells of both in one go. */
typedef struct ecam_door_eye {
    void *socket, *monitor;
    unsigned failure;
    uint32_t failure_value;
} ecam_door_eye;

typedef struct ecam_door_said {
    char what[256];
    int64_t at_ms;
    uint64_t held_back;
} ecam_door_said;

struct ecam_door {
    void *zmq;
    void *questions; /* REP, or NULL without CURVE */
    ecam_curve_keys keys;
    uint8_t own[ECAM_CURVE_KEY_BYTES]; /* the public one */
    const char *allow;
    int64_t max_message;
    ecam_zap_list list;
    ecam_zap_peers peers;
    ecam_door_eye eyes[ECAM_DOOR_SOCKETS];
    size_t n_eyes;
    int stop_fd, reload_fd;
    ecam_door_tell *tell;
    void *context;
    uint64_t turned_away; /* whose connections did not end yet */
    ecam_door_said said[SAID_ENTRIES];
    ecam_parts parts;
    bool running;
    pthread_t thread;
    atomic_uint_least64_t refused;
};

/* ---- saying it ---- */

static void tell(ecam_door *d, const char *format, ...) ECAM_PRINTF(2, 3);
static void tell(ecam_door *d, const char *format, ...)
{
    char text[600];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    d->tell(d->context, text);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The entry for this, or the one that was said longest ago. */
static ecam_door_said *entry_of(ecam_door *d, const char *what)
{
    ecam_door_said *oldest = &d->said[0];

    for (size_t i = 0; i < SAID_ENTRIES; i++) {
        if (strcmp(d->said[i].what, what) == 0)
            return &d->said[i];
        if (d->said[i].at_ms < oldest->at_ms)
            oldest = &d->said[i];
    }
    return oldest;
}

/* Clients that are turned away come again and again. */
static void refuse(ecam_door *d, const char *peer, const char *why)
{
    char what[sizeof d->said->what], more[64] = "";
    const char *port = strrchr(peer, ':');
    int host = port ? (int)(port - peer) : (int)strlen(peer);
    int64_t now = now_ms();

    atomic_fetch_add(&d->refused, 1);
    snprintf(what, sizeof what, "%.*s: %s", host, peer, why);
    ecam_door_said *entry = entry_of(d, what);
    bool same = strcmp(entry->what, what) == 0;
    if (same && now - entry->at_ms < SAY_AGAIN_MS) {
        entry->held_back++;
        return;
    }
    if (!same && entry->what[0] && now - entry->at_ms < SAY_AGAIN_MS)
        return; /* many hosts at once: they are counted */
    if (same && entry->held_back > 0)
        snprintf(more, sizeof more, " (and %" PRIu64 " more times since)", entry->held_back);
    *entry = (ecam_door_said){.at_ms = now};
    memcpy(entry->what, what, sizeof what);
    tell(d, "refused %s: %s%s", peer, why, more);
}

/* ---- questions ---- */

/* Whoever has this side's own secret key is this side. */
static bool is_allowed(const ecam_door *d, const uint8_t *key)
{
    return ecam_zap_list_has(&d->list, key) || memcmp(key, d->own, sizeof d->own) == 0;
}

static void answer_one(ecam_door *d)
{
    ecam_frame answer[ECAM_ZAP_ANSWER_FRAMES];
    ecam_zap_question question;
    char text[ECAM_CURVE_TEXT_BYTES], why[128];

    if (ecam_parts_receive(d->questions, ZMQ_DONTWAIT, &d->parts, NULL) != ECAM_OK)
        return;
    bool asked = ecam_zap_question_read(d->parts.frames, d->parts.n, &question, NULL) == ECAM_OK;
    bool allowed = asked && is_allowed(d, question.key);
    ecam_zap_answer(&question, allowed, answer);
    (void)ecam_parts_send(d->questions, answer, ECAM_ZAP_ANSWER_FRAMES, 0, NULL);
    if (allowed || !asked)
        return;
    zmq_z85_encode(text, question.key, ECAM_CURVE_KEY_BYTES);
    snprintf(why, sizeof why, "its key %s is not in %.60s", text, d->allow);
    refuse(d, question.address[0] ? question.address : "a process of this host", why);
}

/* Connections are asked about when they begin: those that are there begin again
 * where somebody's key is gone. */
static void reload(ecam_door *d)
{
    ecam_zap_list fresh = {.keys = NULL};
    ecam_error error = {0};

    if (ecam_zap_list_read(d->allow, &fresh, &error) != ECAM_OK) {
        tell(d, "the list of keys stays as it was, with %zu: %s", d->list.n, error.text);
        return;
    }
    size_t gone = ecam_zap_list_gone(&d->list, &fresh), before = d->list.n;
    ecam_zap_list_finish(&d->list);
    d->list = fresh;
    if (gone == 0)
        tell(d, "client keys allowed by %.300s: %zu (%zu before)", d->allow, fresh.n, before);
    else
        tell(d, "client keys allowed by %.300s: %zu (%zu before); gone: %zu, so all connections begin anew: %zu", d->allow, fresh.n,
             before, gone, ecam_zap_peers_shut(&d->peers));
}

/* ---- events ---- */

/* What cannot be watched could not be ended when its key is taken back. */
static void connected(ecam_door *d, uint32_t fd)
{
    if (ecam_zap_peers_add(&d->peers, (int)fd, now_ms()) || !d->questions)
        return;
    shutdown((int)fd, SHUT_RDWR);
    refuse(d, "somebody", "no descriptor or memory is left to watch the connection with");
}

static const char *reason(const ecam_door *d, const ecam_door_eye *eye, bool ours)
{
    if (eye->failure == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) {
        if (eye->failure_value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH)
            return d->questions ? "it speaks no CURVE" : "it wants CURVE, and this side has no --key";
        if (eye->failure_value == ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC)
            return "it has another server's key, not this one's";
        return "what it says is not ZeroMQ's protocol";
    }
    return ours ? "it did not say in time who it is" : "it left without a word: it speaks no CURVE";
}

/* A client whose key is refused is let go by libzmq when the time for its
 * handshake is over, which looks like the end of one that sent too much. */
static bool was_refused(ecam_door *d, const ecam_zap_parting *parting)
{
    if (d->turned_away == 0 || parting->age_ms > ECAM_HANDSHAKE_MS + LATE_MS ||
        (parting->ours && parting->age_ms < ECAM_HANDSHAKE_MS - EARLY_MS))
        return false;
    d->turned_away--;
    return true;
}

static void disconnected(ecam_door *d, ecam_door_eye *eye, uint32_t fd)
{
    ecam_zap_parting parting = ecam_zap_peers_remove(&d->peers, (int)fd, now_ms());
    char why[200];

    if (eye->failure == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL ||
        (eye->failure == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL && d->questions)) {
        refuse(d, parting.text, reason(d, eye, parting.ours));
    } else if (eye->failure == 0 && !was_refused(d, &parting) && parting.ours) {
        snprintf(why, sizeof why, "a message over --max-message (%" PRId64 " bytes), or malformed; its connection was closed",
                 d->max_message);
        refuse(d, parting.text, why);
    }
    eye->failure = 0;
}

static void look(ecam_door *d, ecam_door_eye *eye)
{
    uint16_t event;
    uint32_t value;

    if (ecam_parts_receive(eye->monitor, ZMQ_DONTWAIT, &d->parts, NULL) != ECAM_OK ||
        d->parts.frames[0].size < sizeof event + sizeof value)
        return;
    memcpy(&event, d->parts.frames[0].data, sizeof event);
    memcpy(&value, (const char *)d->parts.frames[0].data + sizeof event, sizeof value);
    if (event == ZMQ_EVENT_ACCEPTED || event == ZMQ_EVENT_CONNECTED) {
        connected(d, value);
    } else if (event == ZMQ_EVENT_DISCONNECTED) {
        disconnected(d, eye, value);
    } else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
        d->turned_away++;
    } else if (event != ZMQ_EVENT_MONITOR_STOPPED) {
        eye->failure = event;
        eye->failure_value = value;
    }
}

static void *work(void *argument)
{
    ecam_door *d = argument;
    uint64_t count;

    for (;;) {
        zmq_pollitem_t items[3 + ECAM_DOOR_SOCKETS] = {{.fd = d->stop_fd, .events = ZMQ_POLLIN}};
        int n = 1;
        for (size_t i = 0; i < d->n_eyes; i++)
            items[n++] = (zmq_pollitem_t){.socket = d->eyes[i].monitor, .events = ZMQ_POLLIN};
        int questions = n;
        if (d->questions)
            items[n++] = (zmq_pollitem_t){.socket = d->questions, .events = ZMQ_POLLIN};
        if (d->questions && d->reload_fd >= 0)
            items[n++] = (zmq_pollitem_t){.fd = d->reload_fd, .events = ZMQ_POLLIN};
        if (zmq_poll(items, n, -1) < 0 && zmq_errno() != EINTR)
            return NULL;
        if (items[0].revents)
            return NULL;
        for (size_t i = 0; i < d->n_eyes; i++)
            if (items[1 + i].revents)
                look(d, &d->eyes[i]);
        if (n > questions && items[questions].revents)
            answer_one(d);
        if (n > questions + 1 && items[questions + 1].revents && read(d->reload_fd, &count, sizeof count) > 0)
            reload(d);
    }
}

/* ---- opening and closing ---- */

static ecam_status open_list(ecam_door *d, const ecam_door_options *o, ecam_error *error)
{
    if (!o->key && o->allow)
        return ecam_fail(error, ECAM_EINVAL, "--allow says who may come in, but without --key nobody has to say who he is");
    if (!o->key)
        return ECAM_OK;
    if (!o->allow)
        return ecam_fail(error, ECAM_EINVAL, "--key needs --allow: a file of the clients' public keys, or \"any\" for all who "
                         "know this side's");
    ecam_status st = ecam_curve_read_secret(o->key, &d->keys, error);
    if (st != ECAM_OK) {
        ecam_error_prefix(error, "--key: ");
        return st;
    }
    zmq_z85_decode(d->own, d->keys.public_key);
    st = ecam_zap_list_read(o->allow, &d->list, error);
    if (st != ECAM_OK) {
        ecam_error_prefix(error, "--allow: ");
        return st;
    }
    d->questions = zmq_socket(d->zmq, ZMQ_REP);
    if (!d->questions || zmq_bind(d->questions, QUESTIONS) != 0)
        return ecam_fail(error, ECAM_EIO, "nobody can be asked who may come in: %s", zmq_strerror(zmq_errno()));
    return ECAM_OK;
}

ecam_status ecam_door_open(void *zmq, const ecam_door_options *o, ecam_door **out, ecam_error *error)
{
    ecam_door *d = calloc(1, sizeof *d);

    *out = NULL;
    if (!d)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a door");
    d->zmq = zmq;
    d->allow = o->allow;
    d->max_message = o->max_message;
    d->reload_fd = o->reload_fd;
    d->tell = o->tell;
    d->context = o->context;
    ecam_parts_init(&d->parts);
    d->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ecam_status st = d->stop_fd >= 0 ? open_list(d, o, error)
                                     : ecam_fail(error, ECAM_EIO, "no descriptor for a door: %s", strerror(errno));
    if (st != ECAM_OK) {
        ecam_door_close(&d);
        return st;
    }
    *out = d;
    return ECAM_OK;
}

/* A queue without end: with another one a monitor holds up ZeroMQ's own thread. */
static ecam_status watch(ecam_door *d, void *socket, ecam_error *error)
{
    ecam_door_eye *eye = &d->eyes[d->n_eyes];
    const int endless = 0;
    char endpoint[64];

    if (d->n_eyes == ECAM_DOOR_SOCKETS)
        return ecam_fail(error, ECAM_ELIMIT, "a door has at most %d sockets", ECAM_DOOR_SOCKETS);
    snprintf(endpoint, sizeof endpoint, "inproc://ecam-door-%zu", d->n_eyes);
    *eye = (ecam_door_eye){.socket = socket, .monitor = zmq_socket(d->zmq, ZMQ_PAIR)};
    d->n_eyes += eye->monitor != NULL;
    if (!eye->monitor || zmq_setsockopt(eye->monitor, ZMQ_RCVHWM, &endless, sizeof endless) != 0 ||
        zmq_socket_monitor(socket, endpoint, EVENTS) != 0 || zmq_connect(eye->monitor, endpoint) != 0)
        return ecam_fail(error, ECAM_EIO, "a socket cannot be watched: %s", zmq_strerror(zmq_errno()));
    return ECAM_OK;
}

ecam_status ecam_door_guard(ecam_door *d, void *socket, ecam_error *error)
{
    ecam_status st = d->questions ? ecam_curve_serve(socket, &d->keys, error) : ECAM_OK;

    if (st == ECAM_OK && zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &d->max_message, sizeof d->max_message) != 0)
        st = ecam_fail(error, ECAM_EIO, "messages cannot be bounded: %s", zmq_strerror(zmq_errno()));
    return st == ECAM_OK ? watch(d, socket, error) : st;
}

ecam_status ecam_door_start(ecam_door *d, ecam_error *error)
{
    int code = pthread_create(&d->thread, NULL, work, d);

    if (code != 0)
        return ecam_fail(error, ECAM_EIO, "no thread for a door: %s", strerror(code));
    d->running = true;
    return ECAM_OK;
}

void ecam_door_stop(ecam_door *d)
{
    const uint64_t one = 1;

    if (!d)
        return;
    for (size_t i = 0; i < d->n_eyes; i++) {
        if (d->eyes[i].socket)
            zmq_socket_monitor(d->eyes[i].socket, NULL, 0);
        d->eyes[i].socket = NULL;
    }
    if (!d->running)
        return;
    while (write(d->stop_fd, &one, sizeof one) < 0 && errno == EINTR)
        continue;
    pthread_join(d->thread, NULL);
    ecam_zap_peers_finish(&d->peers); /* a second descriptor keeps a connection open */
    d->running = false;
}

uint64_t ecam_door_refused(const ecam_door *d)
{
    return d ? atomic_load(&d->refused) : 0;
}

void ecam_door_close(ecam_door **door)
{
    ecam_door *d = *door;

    *door = NULL;
    if (!d)
        return;
    ecam_door_stop(d);
    for (size_t i = 0; i < d->n_eyes; i++)
        zmq_close(d->eyes[i].monitor);
    if (d->questions)
        zmq_close(d->questions);
    if (d->stop_fd >= 0)
        close(d->stop_fd);
    ecam_zap_list_finish(&d->list);
    ecam_zap_peers_finish(&d->peers);
    ecam_parts_finish(&d->parts);
    explicit_bzero(&d->keys, sizeof d->keys);
    free(d);
}
