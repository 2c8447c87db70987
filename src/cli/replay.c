#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <zmq.h>

#include "base/log.h"
#include "cli/args.h"
#include "cli/clock.h"
#include "cli/commands.h"
#include "cli/farewell.h"
#include "cli/keys.h"
#include "cli/signals.h"
#include "client/curve.h"
#include "client/endpoint.h"
#include "client/receive.h"
#include "wire/patch.h"
#include "wire/recording.h"
#include "wire/unpack.h"

#define NS_PER_S 1e9
#define MAX_HEADER_MEMORY ((size_t)64 << 20)
#define SETTLE_MS 400    /* without a new subscription: the peer has sent them all */
#define FULL_MS 2        /* between tries to send to a receiver that is full */
#define LINGER_MS 30000  /* at the end, for what is not yet sent */
#define SILENT_MS 1000   /* ... to a peer that never said a word: no stage */
#define HIGH_WATER 256

static const ecam_option options[] = {
    {"out", "ENDPOINT", NULL,
     "where to play (default: connects to tcp://127.0.0.1:5560 with what trainers sent, binds tcp://127.0.0.1:5561 "
     "with results)"},
    {"speed", "X|max", "1", "times the recorded speed, or as fast as it is taken"},
    {"loop", "N|forever", "1", "how often; each turn after the first appears as another session"},
    {"fresh", NULL, NULL, "let the first turn appear as another session too"},
    {"wait", "S", "10", "seconds to wait for a receiver"},
    ECAM_KEYS_OPTIONS,
    {"help", NULL, NULL, "show this"},
};
#define N_OPTIONS (sizeof options / sizeof *options)

typedef struct replay {
    const char *path;
    const char *out;
    double speed;        /* 0: as fast as it is taken */
    uint64_t turns;      /* 0: for ever */
    double wait_s;
    bool fresh, help;
    ecam_keys keys;
    ecam_player *player;
    void *context, *socket;
    uint64_t subscriptions; /* topics that somebody wants */
    uint64_t mask;          /* of this turn's sessions; 0: as recorded */
    ecam_arena arena;
    ecam_buffer header;
    ecam_parts upstream; /* what the receiver says */
    bool answers;        /* it is a stage */
    ecam_farewell farewell;
    uint64_t sent;
} replay;

/* --- Arguments --- */

static ecam_status read_option(replay *r, const ecam_option *option, const char *value, ecam_error *error)
{
    if (ecam_keys_take(&r->keys, option, value))
        return ECAM_OK;
    if (ecam_args_is(option, "out"))
        r->out = value;
    else if (ecam_args_is(option, "speed") && strcmp(value, "max") == 0)
        r->speed = 0;
    else if (ecam_args_is(option, "speed"))
        return ecam_args_real(option, value, 0.001, 1e6, &r->speed, error);
    else if (ecam_args_is(option, "loop") && strcmp(value, "forever") == 0)
        r->turns = 0;
    else if (ecam_args_is(option, "loop"))
        return ecam_args_uint(option, value, 1, UINT64_MAX, &r->turns, error);
    else if (ecam_args_is(option, "wait"))
        return ecam_args_real(option, value, 0, 1e6, &r->wait_s, error);
    else if (ecam_args_is(option, "fresh"))
        r->fresh = true;
    else
        r->help = true;
    return ECAM_OK;
}

static ecam_status read_arguments(replay *r, int argc, char **argv, ecam_error *error)
{
    const ecam_option *option;
    const char *value;
    ecam_args args;
    ecam_status st;

    ecam_args_init(&args, argc, argv, options, N_OPTIONS);
    while ((st = ecam_args_next(&args, &option, &value, error)) == ECAM_OK) {
        if (option)
            st = read_option(r, option, value, error);
        else if (r->path)
            st = ecam_fail(error, ECAM_EINVAL, "\"%.60s\" is one FILE too many; only one is played", value);
        else
            r->path = value;
        if (st != ECAM_OK)
            return st;
    }
    if (st != ECAM_ECLOSED)
        return st;
    if (!r->path && !r->help)
        return ecam_fail(error, ECAM_EINVAL, "FILE is missing: eigencam replay FILE [options]");
    return ECAM_OK;
}

/* --- The socket --- */

static ecam_status open_socket(replay *r, ecam_error *error)
{
    const int yes = 1, high_water = HIGH_WATER;
    bool results = ecam_player_kind(r->player) == ECAM_RECORDING_RESULTS;
    const char *endpoint = r->out     ? r->out
                           : results ? "tcp://127.0.0.1:5561"
                                     : "tcp://127.0.0.1:5560";

    r->context = ecam_context_create();
    r->socket = r->context ? zmq_socket(r->context, ZMQ_XPUB) : NULL;
    if (!r->socket || zmq_setsockopt(r->socket, ZMQ_XPUB_NODROP, &yes, sizeof yes) != 0 ||
        zmq_setsockopt(r->socket, ZMQ_SNDHWM, &high_water, sizeof high_water) != 0 ||
        /* a receiver that is gone must be seen to be gone, not queued for */
        zmq_setsockopt(r->socket, ZMQ_IMMEDIATE, &yes, sizeof yes) != 0)
        return ecam_fail(error, ECAM_EIO, "no ZeroMQ socket to play to: %s", zmq_strerror(zmq_errno()));
    ecam_status st = ecam_socket_configure(r->socket, error);
    if (st == ECAM_OK)
        st = ecam_curve_join(r->socket, r->keys.key, r->keys.server_key, error);
    return st == ECAM_OK ? ecam_endpoint_attach_as(r->socket, endpoint, results, r->keys.insecure, error) : st;
}

/* Let what is queued go out, at most LINGER_MS, unless a signal says otherwise. */
static void close_socket(replay *r)
{
    const int linger = ecam_signals_pending() != 0 ? 0 : LINGER_MS;

    if (r->socket) {
        zmq_setsockopt(r->socket, ZMQ_LINGER, &linger, sizeof linger);
        zmq_close(r->socket);
    }
    /* a signal ends the waiting; the process is about to end anyway */
    if (r->context && zmq_ctx_term(r->context) != 0)
        ecam_log("replay: stopped before everything was sent");
}

/* Subscriptions are a byte 1 or 0 before the topic. True for a new one. */
static bool take_upstream(replay *r)
{
    const ecam_frame *first = &r->upstream.frames[0];
    const uint8_t *byte = first->data;

    if (r->upstream.n > 1) {
        r->answers = true;
        ecam_farewell_answer(&r->farewell, r->upstream.frames, r->upstream.n);
        return false;
    }
    if (first->size > 0 && byte[0] == 1)
        r->subscriptions++;
    else if (first->size > 0 && byte[0] == 0 && r->subscriptions > 0)
        r->subscriptions--;
    return first->size > 0 && byte[0] == 1;
}

/* Take in what the receiver says; waits up to timeout_ms for the first word.
 * True where there were new subscriptions. */
static bool take_subscriptions(replay *r, int timeout_ms)
{
    zmq_pollitem_t items[] = {{.socket = r->socket, .events = ZMQ_POLLIN},
                              {.fd = ecam_signals_fd(), .events = ZMQ_POLLIN}};
    bool any = false;

    if (timeout_ms > 0)
        (void)zmq_poll(items, 2, timeout_ms);
    for (;;) {
        ecam_status st = ecam_parts_receive(r->socket, ZMQ_DONTWAIT, &r->upstream, NULL);
        if (st == ECAM_OK)
            any |= take_upstream(r);
        else if (st != ECAM_ELIMIT && st != ECAM_ENOMEM)
            return any;
    }
}

/* Until somebody listens and has said all that it wants. */
static ecam_status wait_for_receiver(replay *r, ecam_error *error)
{
    uint64_t end_ns = ecam_clock_ns() + (uint64_t)(r->wait_s * NS_PER_S);

    take_subscriptions(r, 0);
    while (r->subscriptions == 0 && ecam_signals_pending() == 0) {
        uint64_t now = ecam_clock_ns();
        if (now >= end_ns)
            return ecam_fail(error, ECAM_EMISSING, "nobody listens: no subscription came within %g s (see --wait)",
                             r->wait_s);
        uint64_t left_ms = (end_ns - now) / 1000000 + 1;
        take_subscriptions(r, left_ms < 1000 ? (int)left_ms : 1000);
    }
    while (ecam_signals_pending() == 0 && take_subscriptions(r, SETTLE_MS)) {
    }
    return ecam_signals_pending() == 0 ? ECAM_OK : ECAM_ECLOSED;
}

/* --- Playing --- */

static ecam_status wait_until(replay *r, uint64_t due_ns)
{
    for (;;) {
        uint64_t now = ecam_clock_ns();
        if (ecam_signals_pending() != 0)
            return ECAM_ECLOSED;
        if (now >= due_ns)
            return ECAM_OK;
        uint64_t left_ms = (due_ns - now + 999999) / 1000000;
        take_subscriptions(r, left_ms < 1000 ? (int)left_ms : 1000);
    }
}

static void note_end(replay *r, const ecam_frame *frames, size_t n)
{
    if (ecam_player_kind(r->player) == ECAM_RECORDING_TRAINER)
        ecam_farewell_note(&r->farewell, frames, n);
}

/* With ZMQ_XPUB_NODROP a full receiver refuses the message; ZMQ_POLLOUT says
 * nothing of that, so there is nothing to wait for but time. */
static ecam_status send_all(replay *r, const ecam_frame *frames, size_t n, ecam_error *error)
{
    while (ecam_signals_pending() == 0) {
        take_subscriptions(r, 0);
        if (r->subscriptions == 0) {
            ecam_log("replay: the receiver is gone after %" PRIu64 " messages; waiting for one", r->sent);
            ecam_status st = wait_for_receiver(r, error);
            if (st != ECAM_OK)
                return st;
        }
        ecam_status st = ecam_parts_send(r->socket, frames, n, ZMQ_DONTWAIT, error);
        if (st == ECAM_OK) {
            r->sent++;
            note_end(r, frames, n);
        }
        if (st != ECAM_EAGAIN)
            return st;
        take_subscriptions(r, FULL_MS);
    }
    return ECAM_ECLOSED;
}

/* The number that tells one turn's messages from another's: a stage drops what
 * a session sends twice, and loggers what a stage does. Ranks stay apart. What
 * has no such header is played as it is. */
static void mask_session(replay *r, ecam_frame *header)
{
    const char *key = ecam_player_kind(r->player) == ECAM_RECORDING_RESULTS ? "stage" : "session";
    const ecam_node *tree;
    uint64_t session = 0;

    ecam_arena_reset(&r->arena);
    if (ecam_unpack(header->data, header->size, NULL, &r->arena, &tree, NULL) != ECAM_OK)
        return;
    (void)ecam_node_uint(ecam_node_get(tree, key), UINT64_MAX, &session);
    if (ecam_patch_uint(header->data, header->size, tree, key, session ^ r->mask, &r->header, NULL) == ECAM_OK)
        *header = (ecam_frame){.data = r->header.data, .size = r->header.size};
}

static ecam_status play_one(replay *r, uint64_t start_ns, uint64_t time_ns, const ecam_frame *frames, size_t n,
                            ecam_error *error)
{
    ecam_frame changed[ECAM_MAX_PARTS];

    if (n > ECAM_MAX_PARTS)
        return ecam_fail(error, ECAM_ELIMIT, "message has %zu frames, at most %d are played", n, ECAM_MAX_PARTS);
    memcpy(changed, frames, n * sizeof *frames);
    if (r->mask != 0 && n > 1)
        mask_session(r, &changed[1]);
    if (r->speed > 0) {
        /* a time from the file may be anything */
        double due = (double)start_ns + (double)time_ns / r->speed;
        ecam_status st = wait_until(r, due < 0x1p63 ? (uint64_t)due : UINT64_MAX);
        if (st != ECAM_OK)
            return st;
    }
    return send_all(r, changed, n, error);
}

static ecam_status play_turn(replay *r, ecam_error *error)
{
    uint64_t start_ns = ecam_clock_ns(), time_ns;
    const ecam_frame *frames;
    size_t n;
    ecam_status st;

    while ((st = ecam_player_next(r->player, &time_ns, &frames, &n, error)) == ECAM_OK) {
        st = play_one(r, start_ns, time_ns, frames, n, error);
        if (st != ECAM_OK)
            return st;
    }
    if (st == ECAM_ECLOSED)
        return ECAM_OK;
    ecam_error_prefix(error, "%.200s: ", r->path);
    return st;
}

/* Until the stage has heard all, or is gone. */
static ecam_status part(replay *r, ecam_error *error)
{
    uint64_t start_ns = ecam_clock_ns();
    ecam_frame bye[2];
    ecam_status st = ECAM_OK;

    if (ecam_farewell_missing(&r->farewell, bye))
        st = ecam_parts_send(r->socket, bye, 2, ZMQ_DONTWAIT, error);
    if (st != ECAM_OK || !r->farewell.known)
        return st == ECAM_EAGAIN ? ECAM_OK : st;
    while (!r->farewell.heard && r->subscriptions > 0 && ecam_signals_pending() == 0) {
        uint64_t waited_ms = (ecam_clock_ns() - start_ns) / 1000000, limit_ms = r->answers ? LINGER_MS : SILENT_MS;
        if (waited_ms >= limit_ms)
            break;
        take_subscriptions(r, (int)(limit_ms - waited_ms));
    }
    if (r->answers && !r->farewell.heard)
        ecam_log("replay: the stage did not say that it heard all of it");
    return ECAM_OK;
}

static ecam_status play_all(replay *r, ecam_error *error)
{
    ecam_status st = wait_for_receiver(r, error);

    for (uint64_t turn = 0; st == ECAM_OK && (r->turns == 0 || turn < r->turns); turn++) {
        if ((turn > 0 || r->fresh) && getrandom(&r->mask, sizeof r->mask, 0) != sizeof r->mask)
            return ecam_fail(error, ECAM_EIO, "no random numbers: %s", strerror(errno));
        uint64_t before = r->sent;
        st = play_turn(r, error);
        if (st == ECAM_OK)
            st = ecam_player_rewind(r->player, error);
        if (st == ECAM_OK && r->sent == before)
            return ecam_fail(error, ECAM_EMISSING, "%s has no messages", r->path);
    }
    return st == ECAM_OK ? part(r, error) : st;
}

static int run(replay *r)
{
    ecam_error error = {0};
    ecam_status st = ecam_signals_init(&error);

    if (st == ECAM_OK)
        st = ecam_player_open(r->path, &r->player, &error);
    if (st == ECAM_OK)
        st = open_socket(r, &error);
    if (st != ECAM_OK) {
        ecam_log("replay: %s", error.text);
        return 2;
    }

    uint64_t start_ns = ecam_clock_ns();
    st = play_all(r, &error);
    bool stopped = st == ECAM_ECLOSED && ecam_signals_pending() != 0;
    if (st != ECAM_OK && !stopped)
        ecam_log("replay: %s", error.text);
    ecam_log("replay: %" PRIu64 " messages played in %.1f s%s", r->sent,
             (double)(ecam_clock_ns() - start_ns) / NS_PER_S, stopped ? ", stopped by a signal" : "");
    return st == ECAM_OK || stopped ? 0 : 1;
}

int ecam_cli_replay(int argc, char **argv)
{
    replay r = {.speed = 1, .turns = 1, .wait_s = 10};
    ecam_error error = {0};

    if (read_arguments(&r, argc, argv, &error) != ECAM_OK) {
        ecam_log("replay: %s", error.text);
        return 2;
    }
    if (r.help) {
        ecam_args_help("eigencam replay FILE [options]",
                       "Play a recording: what trainers sent to a stage, or what a stage published to loggers.",
                       options, N_OPTIONS);
        return 0;
    }
    ecam_arena_init(&r.arena, MAX_HEADER_MEMORY);
    ecam_parts_init(&r.upstream);
    ecam_farewell_init(&r.farewell);
    int status = run(&r);
    close_socket(&r);
    ecam_player_close(&r.player);
    ecam_farewell_finish(&r.farewell);
    ecam_parts_finish(&r.upstream);
    ecam_arena_finish(&r.arena);
    ecam_buffer_finish(&r.header);
    return status;
}
