#include "sinks/tensorboard.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/table.h"
#include "codec/png_chunks.h"
#include "sinks/tensorboard_epoch.h"
#include "sinks/tensorboard_run.h"

#define MAX_OPEN 256
#define MAX_RUNS 1024 /* that are remembered; files tell the rest */

struct ecam_tensorboard {
    int dir_fd; /* also holds the lock */
    ecam_tensorboard_limits limits;
    ecam_table runs;                  /* of ecam_run, by name */
    ecam_board_epoch *open[MAX_OPEN]; /* in the order of their first results */
    size_t n_open;
    size_t bytes; /* of all of them */
    char folder[ECAM_RUN_FOLDER_BYTES];
    ecam_tensorboard_epoch last;
};

/* --- Opening --- */

/* Like mkdir -p; what cannot be made cannot be opened either. */
static void make_folders(const char *dir)
{
    char *path = strdup(dir);

    if (!path)
        return;
    for (char *at = path; *at != '\0'; at++)
        if (*at == '/' && at != path) {
            *at = '\0';
            (void)mkdir(path, 0777);
            *at = '/';
        }
    (void)mkdir(path, 0777);
    free(path);
}

/* One writer: two would each take what the other wrote for steps that go back. */
static ecam_status open_dir(ecam_tensorboard *board, const char *dir, ecam_error *error)
{
    make_folders(dir);
    board->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (board->dir_fd == -1)
        return ecam_fail(error, ECAM_EIO, "folder %s cannot be used: %s", dir, strerror(errno));
    if (flock(board->dir_fd, LOCK_EX | LOCK_NB) != 0)
        return ecam_fail(error, ECAM_EIO, "folder %s cannot be locked: %s", dir,
                         errno == EWOULDBLOCK ? "another logger writes to it, or it is the store's"
                                              : strerror(errno));
    return ECAM_OK;
}

ecam_status ecam_tensorboard_open(const char *dir, ecam_tensorboard_limits limits,
                                  ecam_tensorboard **out, ecam_error *error)
{
    ecam_tensorboard *board = calloc(1, sizeof *board);

    *out = NULL;
    if (!board)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for TensorBoard's events");
    board->dir_fd = -1;
    board->limits = limits;
    board->last.folder = board->folder;
    ecam_status st = open_dir(board, dir, error);
    if (st != ECAM_OK)
        ecam_tensorboard_close(&board, NULL);
    *out = board;
    return st;
}

/* --- Runs --- */

static void close_run(void *value)
{
    ecam_run *run = value;
    ecam_run_close(&run);
}

static ecam_status find_run(ecam_tensorboard *board, const char *name, ecam_run **out,
                            ecam_error *error)
{
    *out = ecam_table_get(&board->runs, name, strlen(name));
    if (*out)
        return ECAM_OK;
    if (board->runs.count >= MAX_RUNS) /* their files are read again when they come */
        ecam_table_finish(&board->runs, close_run);
    ecam_status st = ecam_run_open(board->dir_fd, name, out, error);
    if (st == ECAM_OK && ecam_table_put(&board->runs, name, strlen(name), *out) != ECAM_OK) {
        ecam_run_close(out);
        st = ecam_fail(error, ECAM_ENOMEM, "no memory for run %.100s", name);
    }
    return st;
}

/* --- Epochs that are open --- */

static size_t find_open(const ecam_tensorboard *board, const ecam_result *result)
{
    ecam_event_mark mark;
    size_t i = 0;

    ecam_board_mark_of(result, &mark);
    for (; i < board->n_open; i++) {
        const ecam_board_epoch *e = board->open[i];
        if (e->mark.epoch == mark.epoch && e->mark.stage == mark.stage &&
            e->mark.attempt == mark.attempt && strcmp(e->mark.series, mark.series) == 0 &&
            strcmp(e->run, result->run) == 0)
            break;
    }
    return i;
}

static ecam_status need_open(ecam_tensorboard *board, const ecam_result *result, size_t *at,
                             ecam_error *error)
{
    *at = find_open(board, result);
    if (*at < board->n_open)
        return ECAM_OK;
    if (board->n_open == MAX_OPEN)
        return ecam_fail(error, ECAM_ELIMIT, "%d epochs wait for their summaries; epoch %" PRIu64
                         " of run %.100s is one too many", MAX_OPEN, result->epoch, result->run);
    ecam_status st = ecam_board_epoch_create(result, board->limits.samples, &board->open[*at]);
    if (st != ECAM_OK)
        return ecam_fail(error, st, "no memory for an epoch of run %.100s", result->run);
    board->bytes += board->open[*at]->bytes;
    board->n_open++;
    return ECAM_OK;
}

static ecam_board_epoch *take_open(ecam_tensorboard *board, size_t at)
{
    ecam_board_epoch *epoch = board->open[at];

    board->n_open--;
    memmove(&board->open[at], &board->open[at + 1], (board->n_open - at) * sizeof(ecam_board_epoch *));
    board->bytes -= epoch->bytes;
    return epoch;
}

/* Takes the epoch over. */
static ecam_status write_epoch(ecam_tensorboard *board, ecam_board_epoch *epoch,
                               const ecam_result_summary *summary, ecam_error *error)
{
    ecam_event *event = NULL;
    ecam_run *run;
    ecam_status st = find_run(board, epoch->run, &run, error);

    board->last = (ecam_tensorboard_epoch){.folder = board->folder, .left_out = epoch->left_out};
    if (st == ECAM_OK && ecam_run_has(run, &epoch->mark)) {
        board->last.there_before = true;
    } else if (st == ECAM_OK) {
        st = ecam_board_epoch_event(epoch, summary, &event, &board->last.pictures);
        if (st != ECAM_OK)
            ecam_fail(error, st, "no memory for the events of run %.100s", epoch->run);
        else
            st = ecam_run_write(run, &epoch->mark, event, board->folder, error);
    }
    ecam_event_destroy(&event);
    ecam_board_epoch_destroy(&epoch);
    return st;
}

/* Of those that `is_due` names the one with the lowest step; n_open: none. Steps
 * must not go back where they need not. */
static size_t next_due(const ecam_tensorboard *board,
                       bool (*is_due)(const ecam_board_epoch *epoch, const void *context),
                       const void *context)
{
    size_t best = board->n_open;

    for (size_t i = 0; i < board->n_open; i++)
        if (is_due(board->open[i], context) &&
            (best == board->n_open || board->open[i]->mark.epoch < board->open[best]->mark.epoch))
            best = i;
    return best;
}

static ecam_status write_due(ecam_tensorboard *board,
                             bool (*is_due)(const ecam_board_epoch *epoch, const void *context),
                             const void *context, ecam_error *error)
{
    ecam_status first = ECAM_OK;
    size_t at;

    while ((at = next_due(board, is_due, context)) < board->n_open) {
        ecam_status st = write_epoch(board, take_open(board, at), NULL, first == ECAM_OK ? error : NULL);
        if (first == ECAM_OK)
            first = st;
    }
    return first;
}

/* --- Results --- */

static ecam_status store_picture(ecam_tensorboard *board, const ecam_result *result, uint64_t now_ns,
                                 ecam_error *error)
{
    size_t at, size = result->picture.png_bytes;
    ecam_status st = ecam_png_check(result->picture.png, size, error);

    if (st == ECAM_OK)
        st = need_open(board, result, &at, error);
    if (st != ECAM_OK)
        return st;
    ecam_board_epoch *epoch = board->open[at];
    size_t before = epoch->bytes;
    bool room = board->bytes < board->limits.bytes && size <= board->limits.bytes - board->bytes;
    epoch->touched_ns = now_ns;
    st = ecam_board_epoch_add(epoch, result, room && ecam_board_epoch_shows(epoch, result));
    board->bytes += epoch->bytes - before;
    if (st != ECAM_OK)
        ecam_fail(error, st, "no memory for a picture of run %.100s", result->run);
    return st;
}

/* Earlier epochs of a series and stage: a stage sends one after the other. */
static bool is_overtaken(const ecam_board_epoch *epoch, const void *context)
{
    const ecam_board_epoch *newer = context;
    return epoch->mark.stage == newer->mark.stage && epoch->mark.epoch < newer->mark.epoch &&
           strcmp(epoch->mark.series, newer->mark.series) == 0 && strcmp(epoch->run, newer->run) == 0;
}

static ecam_status store_summary(ecam_tensorboard *board, const ecam_result *result, ecam_error *error)
{
    size_t at;
    ecam_status st = need_open(board, result, &at, error);

    if (st != ECAM_OK)
        return st;
    ecam_board_epoch *epoch = take_open(board, at);
    epoch->time_ns = result->time_ns;
    st = write_due(board, is_overtaken, epoch, error);
    ecam_status own = write_epoch(board, epoch, &result->summary, st == ECAM_OK ? error : NULL);
    return st != ECAM_OK ? st : own;
}

ecam_status ecam_tensorboard_store(ecam_tensorboard *board, const ecam_result *result, uint64_t now_ns,
                                   ecam_error *error)
{
    switch (result->type) {
    case ECAM_RESULT_OVERLAY:
    case ECAM_RESULT_MAP:
    case ECAM_RESULT_IMAGE:
    case ECAM_RESULT_SHEET: return store_picture(board, result, now_ns, error);
    case ECAM_RESULT_EPOCH: return store_summary(board, result, error);
    case ECAM_RESULT_ERROR:
    case ECAM_RESULT_STATS: return ECAM_OK;
    }
    return ecam_fail(error, ECAM_EINVAL, "result has type %d, which is not known", (int)result->type);
}

static bool is_late(const ecam_board_epoch *epoch, const void *context)
{
    const uint64_t *now_ns = context;
    return *now_ns > epoch->touched_ns && *now_ns - epoch->touched_ns > ECAM_TENSORBOARD_WAIT_NS;
}

ecam_status ecam_tensorboard_expire(ecam_tensorboard *board, uint64_t now_ns, ecam_error *error)
{
    return write_due(board, is_late, &now_ns, error);
}

ecam_tensorboard_epoch ecam_tensorboard_last_epoch(const ecam_tensorboard *board)
{
    return board->last;
}

static bool is_open(const ecam_board_epoch *epoch, const void *context)
{
    (void)epoch, (void)context;
    return true;
}

ecam_status ecam_tensorboard_close(ecam_tensorboard **handle, ecam_error *error)
{
    ecam_tensorboard *board = *handle;
    ecam_status st;

    *handle = NULL;
    if (!board)
        return ECAM_OK;
    st = write_due(board, is_open, NULL, error);
    ecam_table_finish(&board->runs, close_run);
    if (board->dir_fd != -1)
        close(board->dir_fd);
    free(board);
    return st;
}
