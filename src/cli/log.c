#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/clock.h"
#include "cli/commands.h"
#include "cli/keys.h"
#include "cli/log_line.h"
#include "cli/notify.h"
#include "cli/signals.h"
#include "cli/status_line.h"
#include "eigencam/subscriber.h"
#include "sinks/files.h"
#include "sinks/tensorboard.h"

#define WAIT_MS 200                      /* how late a signal may be noticed */
#define IDLE_NS ((uint64_t)1000000000)   /* without results: commit */
#define QUIET_NS ((uint64_t)10000000000) /* between two complaints of one kind */
#define STAGES 64                        /* that are remembered to have been heard */
#define LINGER_S 60                      /* --linger at most, and in all */

static const ecam_option options[] = {
    {"dir", "DIR", NULL, "the store: PNG files and index.sqlite; made where it is missing"},
    {"compact", NULL, NULL, "store what overlays and sheets are drawn from instead of them; images once"},
    {"keep-epochs", "N", "all", "of each run, output and mode keep the first epoch and the newest N"},
    {"max-bytes", "SIZE", NULL, "remove old epochs where pictures take more; the first and the newest stay"},
    {"tensorboard", "LOGDIR", NULL, "event files for TensorBoard; beside --dir or instead of it"},
    {"tensorboard-samples", "N", "32", "of an epoch only its first N samples go there"},
    {"in", "ENDPOINT", "tcp://127.0.0.1:5561", "where a stage publishes; may stand several times"},
    {"epochs", "N", NULL, "end after N complete epochs"},
    {"linger", "S", "0", "once told to end, go on until nothing has come for S seconds; a minute at most"},
    ECAM_KEYS_OPTIONS,
    {"help", NULL, NULL, "show this"},
};
#define N_OPTIONS (sizeof options / sizeof *options)

const ecam_option *ecam_cli_log_options(size_t *n)
{
    *n = N_OPTIONS;
    return options;
}

/* A complaint that may come with every message, said once in a while. */
typedef struct complaint {
    uint64_t said_ns;
    uint64_t held_back;
} complaint;

typedef struct logger {
    const char *dir;
    ecam_files_options keep;
    const char *board_dir;
    uint64_t board_samples;
    ecam_args_list in;
    uint64_t max_epochs; /* 0: no end */
    double linger_s;
    bool help;
    ecam_keys keys;
    ecam_files *files;       /* NULL: no --dir */
    ecam_tensorboard *board; /* NULL: no --tensorboard */
    ecam_subscriber *subscriber;
    uint64_t stored, failed, complete;
    uint64_t last_ns; /* when the last result came */
    bool open_rows;   /* stored since the last commit */
    complaint bad, unstored, stage_errors;
    ecam_log_line line;
    uint64_t heard[STAGES]; /* their ids, in a ring */
    uint64_t n_heard;
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

static ecam_status read_option(logger *l, const ecam_option *option, const char *value, ecam_error *error)
{
    if (!option)
        return ecam_fail(error, ECAM_EINVAL, "\"%.60s\" is no option; only options are accepted", value);
    if (ecam_keys_take(&l->keys, option, value))
        return ECAM_OK;
    if (ecam_args_is(option, "keep-epochs"))
        return ecam_args_uint(option, value, 1, INT64_MAX, &l->keep.keep_epochs, error);
    if (ecam_args_is(option, "max-bytes"))
        return ecam_args_size(option, value, &l->keep.max_bytes, error);
    if (ecam_args_is(option, "tensorboard-samples"))
        return ecam_args_uint(option, value, 1, ECAM_TENSORBOARD_MAX_SAMPLES, &l->board_samples, error);
    if (ecam_args_is(option, "in"))
        return ecam_args_collect(option, value, &l->in, error);
    if (ecam_args_is(option, "epochs"))
        return ecam_args_uint(option, value, 1, UINT64_MAX, &l->max_epochs, error);
    if (ecam_args_is(option, "linger"))
        return ecam_args_real(option, value, 0, LINGER_S, &l->linger_s, error);
    if (ecam_args_is(option, "dir"))
        l->dir = value;
    else if (ecam_args_is(option, "compact"))
        l->keep.compact = true;
    else if (ecam_args_is(option, "tensorboard"))
        l->board_dir = value;
    else
        l->help = true;
    return ECAM_OK;
}

static ecam_status check_arguments(const logger *l, ecam_error *error)
{
    if (!l->dir && !l->board_dir)
        return ecam_fail(error, ECAM_EINVAL,
                         "--dir is missing: --dir DIR or --tensorboard LOGDIR says where to store");
    if ((l->dir && l->dir[0] == '\0') || (l->board_dir && l->board_dir[0] == '\0'))
        return ecam_fail(error, ECAM_EINVAL, "--dir and --tensorboard name a folder, not \"\"");
    if (!l->dir && (l->keep.compact || l->keep.keep_epochs > 0 || l->keep.max_bytes > 0))
        return ecam_fail(error, ECAM_EINVAL,
                         "--compact, --keep-epochs and --max-bytes are about --dir, which is missing");
    return ECAM_OK;
}

static ecam_status read_arguments(logger *l, int argc, char **argv, ecam_error *error)
{
    const ecam_option *option;
    const char *value;
    ecam_args args;
    ecam_status st;

    ecam_args_init(&args, argc, argv, options, N_OPTIONS);
    while ((st = ecam_args_next(&args, &option, &value, error)) == ECAM_OK) {
        st = read_option(l, option, value, error);
        if (st != ECAM_OK)
            return st;
    }
    if (st != ECAM_ECLOSED || l->help)
        return st == ECAM_ECLOSED ? ECAM_OK : st;
    if (l->in.n == 0)
        l->in.items[l->in.n++] = "tcp://127.0.0.1:5561";
    return check_arguments(l, error);
}

static const char *write_size(uint64_t bytes, char out[24])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t unit = 0;

    for (; value >= 999.5 && unit + 1 < sizeof units / sizeof *units; unit++)
        value /= 1000;
    snprintf(out, 24, "%.*f %s", unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2, value, units[unit]);
    return out;
}

/* What of the epoch is in the store, and what that then takes. */
static void describe_kept(const logger *l, char *out, size_t capacity)
{
    ecam_files_epoch epoch = ecam_files_last_epoch(l->files);
    char own[24], all[24], removed[64] = "";

    if (epoch.removed > 0)
        snprintf(removed, sizeof removed, ", %" PRIu64 " old epoch%s removed", epoch.removed,
                 epoch.removed > 1 ? "s" : "");
    snprintf(out, capacity, "%" PRIu64 " pictures in %.200s/%.300s (%s, all: %s%s)", epoch.pictures, l->dir,
             epoch.folder, write_size(epoch.bytes, own), write_size(epoch.store_bytes, all), removed);
}

/* What of the epoch went to TensorBoard, for the end of a line. */
static void describe_board(const logger *l, char *out, size_t capacity)
{
    ecam_tensorboard_epoch epoch = ecam_tensorboard_last_epoch(l->board);
    char left_out[80] = "";

    if (epoch.left_out > 0)
        snprintf(left_out, sizeof left_out, ", %" PRIu64 " left out (--tensorboard-samples %" PRIu64 ")",
                 epoch.left_out, l->board_samples);
    if (epoch.there_before)
        snprintf(out, capacity, "was in %.200s before, and is not written again", l->board_dir);
    else
        snprintf(out, capacity, "%" PRIu64 " pictures in %.200s/%.300s%s", epoch.pictures, l->board_dir,
                 epoch.folder, left_out);
}

/* stored, on_board: whether it came to be there. */
static void tell_epoch(const logger *l, const ecam_result *result, bool stored, bool on_board)
{
    const ecam_result_summary *s = &result->summary;
    char run[160], output[160], mode[24], attempt[32] = "", rest[96] = "", kept[640] = "", board[640] = "";

    ecam_text_clean(run, sizeof run, result->run, strlen(result->run));
    ecam_text_clean(output, sizeof output, result->output, strlen(result->output));
    ecam_text_clean(mode, sizeof mode, result->mode, strlen(result->mode));
    if (result->attempt > 1)
        snprintf(attempt, sizeof attempt, " (attempt %u)", result->attempt);
    if (!s->complete)
        snprintf(rest, sizeof rest, "; incomplete: %u ranks missing, %" PRIu64 " batches lost", s->n_missing,
                 s->lost);
    if (stored)
        describe_kept(l, kept, sizeof kept);
    if (on_board)
        describe_board(l, board, sizeof board);
    ecam_log("log: run %s, output %s, %s epoch %" PRIu64 "%s: %s%s%s%s", run, output, mode, result->epoch,
             attempt, kept, stored && on_board ? "; " : "", board, rest);
}

/* Once for each: one that was started again is another. */
static void tell_stage(logger *l, uint64_t stage)
{
    for (size_t i = 0; i < STAGES && i < l->n_heard; i++)
        if (l->heard[i] == stage)
            return;
    l->heard[l->n_heard++ % STAGES] = stage;
    ecam_log("log: hears a stage");
}

static void store(logger *l, const ecam_result *result)
{
    ecam_error error = {0}, board_error = {0};
    bool stored = false, on_board = false;

    l->last_ns = ecam_clock_ns();
    if (l->files)
        stored = ecam_files_store(l->files, result, &error) == ECAM_OK;
    if (l->board)
        on_board = ecam_tensorboard_store(l->board, result, l->last_ns, &board_error) == ECAM_OK;
    if (l->files && !stored)
        complain(&l->unstored, "not stored", error.text);
    if (l->board && !on_board)
        complain(&l->unstored, "not stored for TensorBoard", board_error.text);
    /* what could not be committed is tried again */
    l->open_rows = l->files && (!stored || result->type != ECAM_RESULT_EPOCH);
    if (stored || on_board) {
        l->stored++;
        tell_stage(l, result->stage);
        if (result->type == ECAM_RESULT_ERROR)
            complain(&l->stage_errors, "the stage says", result->error.message);
        if (result->type == ECAM_RESULT_EPOCH)
            tell_epoch(l, result, stored, on_board);
    }
    if ((l->files && !stored) || (l->board && !on_board))
        l->failed++;
    else
        l->complete += result->type == ECAM_RESULT_EPOCH && result->summary.complete;
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

/* Epochs whose summaries were lost. */
static void write_late_epochs(logger *l)
{
    ecam_error error = {0};

    if (l->board && ecam_tensorboard_expire(l->board, ecam_clock_ns(), &error) != ECAM_OK)
        complain(&l->unstored, "not stored for TensorBoard", error.text);
}

/* One result, or what there is to do without one. Errors: ECAM_EAGAIN where
 * none came, ECAM_EIO (none will). */
static ecam_status receive_one(logger *l, int wait_ms)
{
    const ecam_result *result;
    ecam_error error = {0};
    ecam_status st = ecam_subscriber_next(l->subscriber, wait_ms, &result, &error);

    switch (st) {
    case ECAM_OK:
        store(l, result);
        ecam_log_line_note(&l->line, result);
        break;
    case ECAM_EAGAIN: commit_when_idle(l); break;
    case ECAM_EIO:
    case ECAM_ECLOSED: ecam_log("log: %s", error.text); return ECAM_EIO;
    default:
        l->failed++;
        complain(&l->bad, "a message is dropped", error.text);
    }
    write_late_epochs(l);
    ecam_log_line_show(&l->line, ecam_subscriber_lost(l->subscriber));
    ecam_notify_alive((int64_t)ecam_clock_ns());
    return st;
}

/* What a stage sent before it ended is on its way still. */
static void receive_rest(logger *l)
{
    uint64_t now = ecam_clock_ns(), until = now + LINGER_S * (uint64_t)1000000000;
    uint64_t last = now;

    while (now < until && (double)(now - last) < l->linger_s * 1e9) {
        ecam_status st = receive_one(l, (int)(l->linger_s * 1000) - (int)((now - last) / 1000000));
        now = ecam_clock_ns();
        if (st == ECAM_EIO)
            return;
        if (st != ECAM_EAGAIN)
            last = now;
    }
}

static int receive_all(logger *l)
{
    ecam_status st = ECAM_OK;

    while (st != ECAM_EIO && ecam_signals_pending() == 0 && (l->max_epochs == 0 || l->complete < l->max_epochs))
        st = receive_one(l, WAIT_MS);
    if (ecam_signals_pending() != 0)
        receive_rest(l);
    return st == ECAM_EIO ? 1 : 0;
}

static ecam_status open_all(logger *l, ecam_error *error)
{
    const ecam_subscriber_options from = {.endpoints = l->in.items, .n_endpoints = l->in.n, .key = l->keys.key,
                                          .server_key = l->keys.server_key, .insecure = l->keys.insecure};
    ecam_tensorboard_limits limits = {(uint32_t)l->board_samples, ECAM_TENSORBOARD_BYTES};
    ecam_status st = ecam_signals_init(error);

    if (st == ECAM_OK && l->dir)
        st = ecam_files_open_with(l->dir, &l->keep, &l->files, error);
    if (st == ECAM_OK && l->board_dir)
        st = ecam_tensorboard_open(l->board_dir, limits, &l->board, error);
    if (st == ECAM_OK)
        st = ecam_subscriber_open_with(&from, &l->subscriber, error);
    return st;
}

static int run(logger *l)
{
    ecam_error error = {0}, board_error = {0};

    if (open_all(l, &error) != ECAM_OK) {
        ecam_log("log: %s", error.text);
        return 2;
    }

    ecam_status_line_open();
    ecam_notify_ready(NULL);
    int status = receive_all(l);
    ecam_notify_stopping();
    ecam_status_line_close();
    uint64_t lost = ecam_subscriber_lost(l->subscriber);
    if (ecam_files_close(&l->files, &error) != ECAM_OK) {
        ecam_log("log: %s", error.text);
        status = 1;
    }
    if (ecam_tensorboard_close(&l->board, &board_error) != ECAM_OK) {
        ecam_log("log: %s", board_error.text);
        status = 1;
    }
    ecam_log("log: %" PRIu64 " results stored, %" PRIu64 " lost on the way, %" PRIu64 " failed", l->stored, lost,
             l->failed);
    return status;
}

int ecam_cli_log(int argc, char **argv)
{
    logger l = {.board_samples = ECAM_TENSORBOARD_SAMPLES};
    ecam_error error = {0};

    if (read_arguments(&l, argc, argv, &error) != ECAM_OK) {
        ecam_log("log: %s", error.text);
        return 2;
    }
    if (l.help) {
        ecam_args_help("eigencam log --dir DIR [options]",
                       "Store what a stage publishes: pictures as PNG files, and an SQLite index of them; or in\n"
                       "TensorBoard's event files.", options, N_OPTIONS);
        return 0;
    }
    int status = run(&l);
    ecam_subscriber_close(&l.subscriber);
    ecam_files_close(&l.files, NULL);
    ecam_tensorboard_close(&l.board, NULL);
    return status;
}
