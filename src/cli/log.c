#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/clock.h"
#include "cli/commands.h"
#include "cli/signals.h"
#include "eigencam/subscriber.h"
#include "sinks/files.h"

#define WAIT_MS 200                      /* how late a signal may be noticed */
#define IDLE_NS ((uint64_t)1000000000)   /* without results: commit */
#define QUIET_NS ((uint64_t)10000000000) /* between two complaints of one kind */

static const ecam_option options[] = {
    {"dir", "DIR", NULL, "the store: PNG files and index.sqlite; made where it is missing"},
    {"in", "ENDPOINT", "tcp://127.0.0.1:5561", "where a stage publishes; may stand several times"},
    {"epochs", "N", NULL, "end after N complete epochs"},
    {"help", NULL, NULL, "show this"},
};
#define N_OPTIONS (sizeof options / sizeof *options)

/* A complaint that may come with every message, said once in a while. */
typedef struct complaint {
    uint64_t said_ns;
    uint64_t held_back;
} complaint;

typedef struct logger {
    const char *dir;
    ecam_args_list in;
    uint64_t max_epochs; /* 0: no end */
    bool help;
    ecam_files *files;
    ecam_subscriber *subscriber;
    uint64_t stored, failed, complete;
    uint64_t last_ns; /* when the last result came */
    bool open_rows;   /* stored since the last commit */
    complaint bad, unstored, stage_errors;
} logger;

static void complain(complaint *c, const char *what, const char *text)
{
    uint64_t now = ecam_clock_ns();
    char clean[600];

    if (c->said_ns != 0 && now - c->said_ns < QUIET_NS) {
        c->held_back++;
        return;
    }
    ecam_text_clean(clean, sizeof clean, text, strlen(text));
    if (c->held_back > 0)
        ecam_log("log: %s: %s (and %" PRIu64 " more since the last such line)", what, clean, c->held_back);
    else
        ecam_log("log: %s: %s", what, clean);
    c->said_ns = now;
    c->held_back = 0;
}

static ecam_status read_arguments(logger *l, int argc, char **argv, ecam_error *error)
{
    const ecam_option *option;
    const char *value;
    ecam_args args;
    ecam_status st;

    ecam_args_init(&args, argc, argv, options, N_OPTIONS);
    while ((st = ecam_args_next(&args, &option, &value, error)) == ECAM_OK) {
        if (!option)
            st = ecam_fail(error, ECAM_EINVAL, "\"%.60s\" is no option; only options are accepted", value);
        else if (ecam_args_is(option, "dir"))
            l->dir = value;
        else if (ecam_args_is(option, "in"))
            st = ecam_args_collect(option, value, &l->in, error);
        else if (ecam_args_is(option, "epochs"))
            st = ecam_args_uint(option, value, 1, UINT64_MAX, &l->max_epochs, error);
        else
            l->help = true;
        if (st != ECAM_OK)
            return st;
    }
    if (st != ECAM_ECLOSED || l->help)
        return st == ECAM_ECLOSED ? ECAM_OK : st;
    if (!l->dir || l->dir[0] == '\0')
        return ecam_fail(error, ECAM_EINVAL, "--dir is missing: --dir DIR says where to store");
    if (l->in.n == 0)
        l->in.items[l->in.n++] = "tcp://127.0.0.1:5561";
    return ECAM_OK;
}

static void tell_epoch(const logger *l, const ecam_result *result)
{
    const ecam_result_summary *s = &result->summary;
    ecam_files_epoch epoch = ecam_files_last_epoch(l->files);
    char run[160], output[160], mode[24], attempt[32] = "", rest[96] = "";

    ecam_text_clean(run, sizeof run, result->run, strlen(result->run));
    ecam_text_clean(output, sizeof output, result->output, strlen(result->output));
    ecam_text_clean(mode, sizeof mode, result->mode, strlen(result->mode));
    if (result->attempt > 1)
        snprintf(attempt, sizeof attempt, " (attempt %u)", result->attempt);
    if (!s->complete)
        snprintf(rest, sizeof rest, "; incomplete: %u ranks missing, %" PRIu64 " batches lost", s->n_missing,
                 s->lost);
    ecam_log("log: run %s, output %s, %s epoch %" PRIu64 "%s: %" PRIu64 " pictures in %.200s/%.300s%s", run,
             output, mode, result->epoch, attempt, epoch.pictures, l->dir, epoch.folder, rest);
}

static void store(logger *l, const ecam_result *result)
{
    ecam_error error = {0};

    l->last_ns = ecam_clock_ns();
    if (ecam_files_store(l->files, result, &error) != ECAM_OK) {
        l->failed++;
        l->open_rows = true; /* what could not be committed is tried again */
        complain(&l->unstored, "not stored", error.text);
        return;
    }
    if (l->stored++ == 0)
        ecam_log("log: hears a stage");
    l->open_rows = result->type != ECAM_RESULT_EPOCH;
    if (result->type == ECAM_RESULT_ERROR)
        complain(&l->stage_errors, "the stage says", result->error.message);
    if (result->type == ECAM_RESULT_EPOCH) {
        l->complete += result->summary.complete;
        tell_epoch(l, result);
    }
}

/* While nothing comes, let readers see what is there. */
static void commit_when_idle(logger *l)
{
    ecam_error error = {0};

    if (!l->open_rows || ecam_clock_ns() - l->last_ns < IDLE_NS)
        return;
    if (ecam_files_commit(l->files, &error) == ECAM_OK)
        l->open_rows = false;
    else
        complain(&l->unstored, "not committed", error.text);
}

static int receive_all(logger *l)
{
    while (ecam_signals_pending() == 0 && (l->max_epochs == 0 || l->complete < l->max_epochs)) {
        const ecam_result *result;
        ecam_error error = {0};

        switch (ecam_subscriber_next(l->subscriber, WAIT_MS, &result, &error)) {
        case ECAM_OK: store(l, result); break;
        case ECAM_EAGAIN: commit_when_idle(l); break;
        case ECAM_EIO:
        case ECAM_ECLOSED: ecam_log("log: %s", error.text); return 1;
        default:
            l->failed++;
            complain(&l->bad, "a message is dropped", error.text);
        }
    }
    return 0;
}

static int run(logger *l)
{
    ecam_error error = {0};
    ecam_status st = ecam_signals_init(&error);

    if (st == ECAM_OK)
        st = ecam_files_open(l->dir, &l->files, &error);
    if (st == ECAM_OK)
        st = ecam_subscriber_open(l->in.items, l->in.n, NULL, 0, &l->subscriber, &error);
    if (st != ECAM_OK) {
        ecam_log("log: %s", error.text);
        return 2;
    }

    int status = receive_all(l);
    uint64_t lost = ecam_subscriber_lost(l->subscriber);
    if (ecam_files_close(&l->files, &error) != ECAM_OK) {
        ecam_log("log: %s", error.text);
        status = 1;
    }
    ecam_log("log: %" PRIu64 " results stored, %" PRIu64 " lost on the way, %" PRIu64 " failed", l->stored, lost,
             l->failed);
    return status;
}

int ecam_cli_log(int argc, char **argv)
{
    logger l = {0};
    ecam_error error = {0};

    if (read_arguments(&l, argc, argv, &error) != ECAM_OK) {
        ecam_log("log: %s", error.text);
        return 2;
    }
    if (l.help) {
        ecam_args_help("eigencam log --dir DIR [options]",
                       "Store what a stage publishes: pictures as PNG files, and an SQLite index of them.", options,
                       N_OPTIONS);
        return 0;
    }
    int status = run(&l);
    ecam_subscriber_close(&l.subscriber);
    ecam_files_close(&l.files, NULL);
    return status;
}
