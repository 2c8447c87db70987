#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/args.h"
#include "cli/clock.h"
#include "cli/commands.h"
#include "cli/keys.h"
#include "cli/listen.h"
#include "cli/signals.h"
#include "client/gaps.h"
#include "wire/recording.h"
#include "wire/result.h"

#define MAX_HEADER_BYTES ((size_t)64 << 20)

static const ecam_option options[] = {
    {"in", "ENDPOINT", "tcp://127.0.0.1:5561", "where a stage publishes; may stand several times"},
    {"epochs", "N", NULL, "end after N complete epochs"},
    ECAM_KEYS_OPTIONS,
    {"help", NULL, NULL, "show this"},
};
#define N_OPTIONS (sizeof options / sizeof *options)

typedef struct record {
    const char *path;
    ecam_args_list in;
    uint64_t max_epochs; /* 0: no end */
    bool help;
    ecam_keys keys;
    ecam_recorder *recorder;
    ecam_listener listener;
    ecam_arena arena;
    ecam_gaps gaps;
    uint64_t first_ns;
    uint64_t messages, bytes, failed, complete;
} record;

static ecam_status read_arguments(record *r, int argc, char **argv, ecam_error *error)
{
    const ecam_option *option;
    const char *value;
    ecam_args args;
    ecam_status st;

    ecam_args_init(&args, argc, argv, options, N_OPTIONS);
    while ((st = ecam_args_next(&args, &option, &value, error)) == ECAM_OK) {
        if (!option && r->path)
            st = ecam_fail(error, ECAM_EINVAL, "\"%.60s\" is one FILE too many; only one is written", value);
        else if (!option)
            r->path = value;
        else if (ecam_keys_take(&r->keys, option, value))
            continue;
        else if (ecam_args_is(option, "in"))
            st = ecam_args_collect(option, value, &r->in, error);
        else if (ecam_args_is(option, "epochs"))
            st = ecam_args_uint(option, value, 1, UINT64_MAX, &r->max_epochs, error);
        else
            r->help = true;
        if (st != ECAM_OK)
            return st;
    }
    if (st != ECAM_ECLOSED || r->help)
        return st == ECAM_ECLOSED ? ECAM_OK : st;
    if (!r->path)
        return ecam_fail(error, ECAM_EINVAL, "FILE is missing: eigencam record FILE [options]");
    if (r->in.n == 0)
        r->in.items[r->in.n++] = "tcp://127.0.0.1:5561";
    return ECAM_OK;
}

/* What cannot be decoded is recorded all the same: finding out why is what
 * recordings are for. */
static void take_note(record *r)
{
    const ecam_parts *parts = &r->listener.parts;
    ecam_result result;

    ecam_arena_reset(&r->arena);
    if (ecam_result_decode(parts->frames, parts->n, &r->arena, &result, NULL) != ECAM_OK)
        return;
    ecam_gaps_note(&r->gaps, result.stage, parts->frames[0].data, parts->frames[0].size, result.seq);
    if (result.type == ECAM_RESULT_EPOCH && result.summary.complete)
        r->complete++;
}

static void keep(record *r)
{
    const ecam_parts *parts = &r->listener.parts;
    uint64_t now = ecam_clock_ns();
    ecam_error error = {0};

    if (r->messages + r->failed == 0)
        r->first_ns = now;
    if (ecam_recorder_write(r->recorder, now - r->first_ns, parts->frames, parts->n, &error) != ECAM_OK) {
        if (r->failed++ == 0)
            ecam_log("record: %s; going on, further ones are only counted", error.text);
        return;
    }
    r->messages++;
    r->bytes += ecam_parts_bytes(parts);
    take_note(r);
}

static int receive_all(record *r)
{
    while (r->max_epochs == 0 || r->complete < r->max_epochs) {
        ecam_error error = {0};

        switch (ecam_listener_next(&r->listener, -1, &error)) {
        case ECAM_OK: keep(r); break;
        case ECAM_EAGAIN: break;
        case ECAM_ECLOSED: return 0;
        case ECAM_EIO: ecam_log("record: %s", error.text); return 1;
        default:
            r->failed++;
            ecam_log("record: %s", error.text);
        }
    }
    return 0;
}

static int run(record *r)
{
    ecam_error error = {0};
    ecam_status st = ecam_signals_init(&error);

    /* the endpoint first: a slip there must not cost an older recording */
    if (st == ECAM_OK)
        st = ecam_listener_open(&r->listener, r->in.items, r->in.n, NULL, 0, &r->keys, &error);
    if (st == ECAM_OK)
        st = ecam_recorder_open(r->path, ECAM_RECORDING_RESULTS, &r->recorder, &error);
    if (st != ECAM_OK) {
        ecam_log("record: %s", error.text);
        return 2;
    }

    int status = receive_all(r);
    if (ecam_recorder_close(&r->recorder, &error) != ECAM_OK) {
        ecam_log("record: %s", error.text);
        status = 1;
    }
    ecam_log("record: %" PRIu64 " messages (%" PRIu64 " bytes) in %.300s, %" PRIu64 " lost on the way, %" PRIu64
             " not written",
             r->messages, r->bytes, r->path, r->gaps.lost, r->failed);
    return r->failed > 0 ? 1 : status;
}

int ecam_cli_record(int argc, char **argv)
{
    record *r = calloc(1, sizeof *r); /* the gaps are large for a stack */
    ecam_error error = {0};
    int status;

    if (!r) {
        ecam_log("record: no memory");
        return 1;
    }
    ecam_arena_init(&r->arena, MAX_HEADER_BYTES);
    if (read_arguments(r, argc, argv, &error) != ECAM_OK) {
        ecam_log("record: %s", error.text);
        status = 2;
    } else if (r->help) {
        ecam_args_help("eigencam record FILE [options]",
                       "Keep what a stage publishes in a file, for eigencam replay, until a signal comes.", options,
                       N_OPTIONS);
        status = 0;
    } else {
        status = run(r);
    }
    ecam_recorder_close(&r->recorder, NULL);
    ecam_listener_close(&r->listener);
    ecam_arena_finish(&r->arena);
    free(r);
    return status;
}
