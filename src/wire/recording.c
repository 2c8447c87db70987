#include "wire/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"

#define MAGIC "EIGENREC"
#define VERSION 1
#define FILE_HEAD_BYTES 16
#define RECORD_HEAD_BYTES 16
#define SIZE_BYTES 8

static const uint32_t kind_numbers[] = {[ECAM_RECORDING_TRAINER] = 1, [ECAM_RECORDING_RESULTS] = 2};

static void put_number(uint8_t *to, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get_number(const uint8_t *from, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)from[i] << 8 * i;
    return value;
}

/* --- Writing --- */

struct ecam_recorder {
    int fd;
    off_t end; /* of the last whole record */
    uint8_t head[RECORD_HEAD_BYTES + ECAM_RECORDING_FRAMES * SIZE_BYTES];
};

static bool write_all(int fd, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    while (size > 0) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? ENOSPC : errno;
            return false;
        }
        at += n;
        size -= (size_t)n;
    }
    return true;
}

ecam_status ecam_recorder_open(const char *path, ecam_recording_kind kind, ecam_recorder **out,
                               ecam_error *error)
{
    uint8_t head[FILE_HEAD_BYTES] = MAGIC;
    ecam_recorder *recorder = calloc(1, sizeof *recorder);

    *out = NULL;
    if (!recorder)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a recorder");
    put_number(head + 8, VERSION, 4);
    put_number(head + 12, kind_numbers[kind], 4);
    recorder->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (recorder->fd == -1 || !write_all(recorder->fd, head, sizeof head)) {
        ecam_fail(error, ECAM_EIO, "recording %s cannot be written: %s", path, strerror(errno));
        ecam_recorder_close(&recorder, NULL);
        return ECAM_EIO;
    }
    recorder->end = FILE_HEAD_BYTES;
    *out = recorder;
    return ECAM_OK;
}

static ecam_status check_limits(const ecam_frame *frames, size_t n_frames, ecam_error *error)
{
    uint64_t total = 0;

    if (n_frames == 0)
        return ecam_fail(error, ECAM_EINVAL, "a message without frames cannot be recorded");
    if (n_frames > ECAM_RECORDING_FRAMES)
        return ecam_fail(error, ECAM_ELIMIT, "message has %zu frames, a recording takes %d",
                         n_frames, ECAM_RECORDING_FRAMES);
    for (size_t i = 0; i < n_frames; i++) {
        if (frames[i].size > ECAM_RECORDING_FRAME_BYTES)
            return ecam_fail(error, ECAM_ELIMIT, "frame %zu has %zu bytes, a recording takes 2^30",
                             i, frames[i].size);
        total += frames[i].size;
    }
    if (total > ECAM_RECORDING_RECORD_BYTES)
        return ecam_fail(error, ECAM_ELIMIT, "message has %llu bytes, a recording takes 2^31",
                         (unsigned long long)total);
    return ECAM_OK;
}

ecam_status ecam_recorder_write(ecam_recorder *recorder, uint64_t time_ns,
                                const ecam_frame *frames, size_t n_frames, ecam_error *error)
{
    size_t head_bytes = RECORD_HEAD_BYTES + n_frames * SIZE_BYTES;
    ecam_status st = check_limits(frames, n_frames, error);
    if (st != ECAM_OK)
        return st;

    off_t end = recorder->end + (off_t)head_bytes;
    put_number(recorder->head, time_ns, 8);
    put_number(recorder->head + 8, n_frames, 4);
    put_number(recorder->head + 12, 0, 4);
    for (size_t i = 0; i < n_frames; i++) {
        put_number(recorder->head + RECORD_HEAD_BYTES + i * SIZE_BYTES, frames[i].size, SIZE_BYTES);
        end += (off_t)frames[i].size;
    }

    bool written = write_all(recorder->fd, recorder->head, head_bytes);
    for (size_t i = 0; written && i < n_frames; i++)
        written = write_all(recorder->fd, frames[i].data, frames[i].size);
    if (!written) {
        ecam_fail(error, ECAM_EIO, "message cannot be recorded: %s", strerror(errno));
        /* take the torn record back; where even that fails (a pipe), the
         * reader reports a cut file */
        if (ftruncate(recorder->fd, recorder->end) == 0)
            lseek(recorder->fd, recorder->end, SEEK_SET);
        return ECAM_EIO;
    }
    recorder->end = end;
    return ECAM_OK;
}

ecam_status ecam_recorder_close(ecam_recorder **recorder, ecam_error *error)
{
    ecam_status st = ECAM_OK;

    if (!*recorder)
        return ECAM_OK;
    if ((*recorder)->fd != -1 && close((*recorder)->fd) != 0)
        st = ecam_fail(error, ECAM_EIO, "recording cannot be closed: %s", strerror(errno));
    free(*recorder);
    *recorder = NULL;
    return st;
}

/* --- Reading --- */

struct ecam_player {
    int fd;
    ecam_recording_kind kind;
    uint64_t size; /* of the file, when it was opened */
    uint64_t at;   /* where the next record begins */
    uint64_t time_ns;
    ecam_buffer bytes;
    uint8_t sizes[ECAM_RECORDING_FRAMES * SIZE_BYTES];
    ecam_frame frames[ECAM_RECORDING_FRAMES];
};

/* The file was big enough when it was opened, so an early end is a fault. */
static ecam_status read_at(const ecam_player *player, uint64_t at, void *bytes, size_t size,
                           ecam_error *error)
{
    uint8_t *to = bytes;

    while (size > 0) {
        ssize_t n = pread(player->fd, to, size, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ecam_fail(error, ECAM_EIO, "recording cannot be read at byte %llu: %s",
                             (unsigned long long)at, n == 0 ? "it became shorter" : strerror(errno));
        to += n;
        at += (uint64_t)n;
        size -= (size_t)n;
    }
    return ECAM_OK;
}

static ecam_status read_file_head(ecam_player *player, ecam_error *error)
{
    uint8_t head[FILE_HEAD_BYTES];

    if (player->size < sizeof head)
        return ecam_fail(error, ECAM_EFORMAT, "not a recording: it ends at byte %llu, in its head",
                         (unsigned long long)player->size);
    ecam_status st = read_at(player, 0, head, sizeof head, error);
    if (st != ECAM_OK)
        return st;
    if (memcmp(head, MAGIC, 8) != 0)
        return ecam_fail(error, ECAM_EFORMAT, "not a recording: it does not begin with " MAGIC);
    uint32_t version = (uint32_t)get_number(head + 8, 4);
    if (version != VERSION)
        return ecam_fail(error, ECAM_EVERSION, "recording has version %u, expected %d", version,
                         VERSION);
    uint32_t kind = (uint32_t)get_number(head + 12, 4);
    if (kind == kind_numbers[ECAM_RECORDING_TRAINER])
        player->kind = ECAM_RECORDING_TRAINER;
    else if (kind == kind_numbers[ECAM_RECORDING_RESULTS])
        player->kind = ECAM_RECORDING_RESULTS;
    else
        return ecam_fail(error, ECAM_EFORMAT,
                         "recording has kind %u at byte 12, expected 1 (trainers) or 2 (results)",
                         kind);
    player->at = FILE_HEAD_BYTES;
    return ECAM_OK;
}

static ecam_status open_file(ecam_player *player, const char *path, ecam_error *error)
{
    struct stat about;

    /* O_NONBLOCK: a named pipe must be refused, not waited for */
    player->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (player->fd == -1 || fstat(player->fd, &about) != 0)
        return ecam_fail(error, ECAM_EIO, "cannot be opened: %s", strerror(errno));
    if (!S_ISREG(about.st_mode))
        return ecam_fail(error, ECAM_EIO, "not a regular file");
    player->size = (uint64_t)about.st_size;
    return read_file_head(player, error);
}

ecam_status ecam_player_open(const char *path, ecam_player **out, ecam_error *error)
{
    ecam_player *player = calloc(1, sizeof *player);

    *out = NULL;
    if (!player)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a player");
    ecam_status st = open_file(player, path, error);
    if (st != ECAM_OK) {
        ecam_error_prefix(error, "%s: ", path);
        ecam_player_close(&player);
    }
    *out = player;
    return st;
}

ecam_recording_kind ecam_player_kind(const ecam_player *player)
{
    return player->kind;
}

static ecam_status cut(const ecam_player *player, ecam_error *error)
{
    return ecam_fail(error, ECAM_EFORMAT,
                     "recording is cut: the record at byte %llu goes beyond its end at byte %llu",
                     (unsigned long long)player->at, (unsigned long long)player->size);
}

/* The head of the record at player->at, up to its frames' bytes. */
static ecam_status read_record_head(ecam_player *player, uint64_t *time_ns, size_t *n_frames,
                                    ecam_error *error)
{
    uint8_t head[RECORD_HEAD_BYTES];
    uint64_t left = player->size - player->at;

    if (left < sizeof head)
        return cut(player, error);
    ecam_status st = read_at(player, player->at, head, sizeof head, error);
    if (st != ECAM_OK)
        return st;
    uint32_t n = (uint32_t)get_number(head + 8, 4);
    if (n == 0 || get_number(head + 12, 4) != 0)
        return ecam_fail(error, ECAM_EFORMAT, "no record begins at byte %llu",
                         (unsigned long long)player->at);
    if (n > ECAM_RECORDING_FRAMES)
        return ecam_fail(error, ECAM_ELIMIT, "the record at byte %llu has %u frames, at most %d are read",
                         (unsigned long long)player->at, n, ECAM_RECORDING_FRAMES);
    if (left - sizeof head < (uint64_t)n * SIZE_BYTES)
        return cut(player, error);
    *time_ns = get_number(head, 8);
    *n_frames = n;
    return read_at(player, player->at + sizeof head, player->sizes, (size_t)n * SIZE_BYTES, error);
}

/* Holds the frames' sizes against the limits and against the file. */
static ecam_status measure(ecam_player *player, size_t n_frames, uint64_t *total, ecam_error *error)
{
    uint64_t left = player->size - player->at - RECORD_HEAD_BYTES - n_frames * SIZE_BYTES;

    *total = 0;
    for (size_t i = 0; i < n_frames; i++) {
        uint64_t size = get_number(player->sizes + i * SIZE_BYTES, SIZE_BYTES);
        if (size > ECAM_RECORDING_FRAME_BYTES || *total + size > ECAM_RECORDING_RECORD_BYTES)
            return ecam_fail(error, ECAM_ELIMIT,
                             "the record at byte %llu has a frame of %llu bytes: at most 2^30 a "
                             "frame and 2^31 together are read",
                             (unsigned long long)player->at, (unsigned long long)size);
        player->frames[i].size = (size_t)size;
        *total += size;
    }
    return *total > left ? cut(player, error) : ECAM_OK;
}

ecam_status ecam_player_next(ecam_player *player, uint64_t *time_ns, const ecam_frame **frames,
                             size_t *n_frames, ecam_error *error)
{
    uint64_t total = 0, time = 0;
    size_t n = 0;

    *frames = NULL;
    *n_frames = 0;
    if (player->at == player->size)
        return ECAM_ECLOSED;
    ecam_status st = read_record_head(player, &time, &n, error);
    if (st == ECAM_OK)
        st = measure(player, n, &total, error);
    if (st != ECAM_OK)
        return st;

    uint64_t body = player->at + RECORD_HEAD_BYTES + n * SIZE_BYTES;
    ecam_buffer_clear(&player->bytes);
    /* one byte more, so that frames of no bytes have an address too */
    if (ecam_buffer_reserve(&player->bytes, (size_t)total + 1) != ECAM_OK)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a record of %llu bytes",
                         (unsigned long long)total);
    st = read_at(player, body, player->bytes.data, (size_t)total, error);
    if (st != ECAM_OK)
        return st;

    const uint8_t *at = player->bytes.data;
    for (size_t i = 0; i < n; i++) {
        player->frames[i].data = at;
        at += player->frames[i].size;
    }
    player->at = body + total;
    player->time_ns = time > player->time_ns ? time : player->time_ns;
    *time_ns = player->time_ns;
    *frames = player->frames;
    *n_frames = n;
    return ECAM_OK;
}

ecam_status ecam_player_rewind(ecam_player *player, ecam_error *error)
{
    (void)error; /* positions are our own: nothing can fail */
    player->at = FILE_HEAD_BYTES;
    player->time_ns = 0;
    return ECAM_OK;
}

void ecam_player_close(ecam_player **player)
{
    if (!*player)
        return;
    if ((*player)->fd != -1)
        close((*player)->fd);
    ecam_buffer_finish(&(*player)->bytes);
    free(*player);
    *player = NULL;
}
