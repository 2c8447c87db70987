#include "sinks/tensorboard_run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sinks/crc32c.h"

#define PREFIX "events.out.tfevents."
#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define MAX_FOLDERS 10000
#define MARK_BYTES 4096 /* a record with a mark is smaller */
#define MAX_SECONDS ((int64_t)9999999999) /* ten digits, so that names sort by time */

typedef struct mark {
    uint32_t folder; /* from 1 */
    ecam_event_mark mark;
} mark;

struct ecam_run {
    int dir_fd;
    char name[ECAM_PATH_NAME_BYTES];
    mark *marks;
    size_t n_marks, capacity;
    uint32_t folders;                /* RUN, attempt-2, ... that were looked through */
    int64_t newest_s;                /* of the names of files in the newest folder */
    char file[ECAM_PATH_NAME_BYTES]; /* ours in the newest folder; "": none yet */
};

static bool add_mark(ecam_run *run, uint32_t folder, const ecam_event_mark *found)
{
    if (run->n_marks == run->capacity) {
        size_t capacity = run->capacity > 0 ? 2 * run->capacity : 32;
        mark *marks = capacity <= SIZE_MAX / 2 / sizeof *marks
                          ? realloc(run->marks, capacity * sizeof *marks)
                          : NULL;
        if (!marks)
            return false;
        run->marks = marks;
        run->capacity = capacity;
    }
    run->marks[run->n_marks++] = (mark){.folder = folder, .mark = *found};
    return true;
}

bool ecam_run_has(const ecam_run *run, const ecam_event_mark *wanted)
{
    for (size_t i = 0; i < run->n_marks; i++) {
        const ecam_event_mark *m = &run->marks[i].mark;
        if (m->epoch == wanted->epoch && m->stage == wanted->stage &&
            m->attempt == wanted->attempt && strcmp(m->series, wanted->series) == 0)
            return true;
    }
    return false;
}

/* --- Folders --- */

static ecam_status folder_failed(const ecam_run *run, uint32_t folder, ecam_error *error)
{
    return ecam_fail(error, ECAM_EIO, "folder %s (attempt %" PRIu32 ") cannot be used: %s%s", run->name,
                     folder, strerror(errno),
                     errno == ELOOP || errno == ENOTDIR ? " (links are not followed)" : "");
}

static int open_step(int parent, const char *name, bool make)
{
    if (make)
        (void)mkdirat(parent, name, 0777);
    return openat(parent, name, FOLDER_FLAGS);
}

/* Step by step, so that a symbolic link that was planted is an error. Returns
 * -1 with errno set. */
static int open_folder(const ecam_run *run, uint32_t folder, bool make)
{
    char name[24];
    int fd = open_step(run->dir_fd, run->name, make);

    if (folder == 1 || fd == -1)
        return fd;
    snprintf(name, sizeof name, "attempt-%" PRIu32, folder);
    int inner = open_step(fd, name, make);
    int code = errno;
    close(fd);
    errno = code;
    return inner;
}

/* --- What is there --- */

static bool read_at(int fd, uint64_t offset, void *out, size_t size)
{
    return pread(fd, out, size, (off_t)offset) == (ssize_t)size;
}

/* The mark of a record of this size whose event begins at `offset`, if it has one. */
static bool read_mark(int fd, uint64_t offset, uint64_t size, ecam_event_mark *out)
{
    uint8_t bytes[MARK_BYTES + ECAM_RECORD_FOOT_BYTES];
    uint32_t crc = 0;

    if (size > MARK_BYTES || !read_at(fd, offset, bytes, size + ECAM_RECORD_FOOT_BYTES))
        return false;
    for (int i = 0; i < 4; i++)
        crc |= (uint32_t)bytes[size + (size_t)i] << (8 * i);
    return crc == ecam_record_masked(ecam_crc32c(0, bytes, size)) &&
           ecam_event_read_mark(bytes, size, out);
}

/* A mark stands before its epoch, and counts when that is there to its end. A
 * file that is torn, or no file of events, is left where it is not understood. */
static ecam_status scan_file(ecam_run *run, uint32_t folder, int fd)
{
    uint8_t head[ECAM_RECORD_HEAD_BYTES];
    const uint64_t around = ECAM_RECORD_HEAD_BYTES + ECAM_RECORD_FOOT_BYTES;
    ecam_event_mark found;
    bool announced = false;
    struct stat about;
    uint64_t size;

    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))
        return ECAM_OK;
    uint64_t end = (uint64_t)about.st_size;
    for (uint64_t at = 0; end - at >= around; at += around + size) {
        if (!read_at(fd, at, head, sizeof head) || !ecam_record_size(head, &size) ||
            size > end - at - around)
            break;
        if (announced && !add_mark(run, folder, &found))
            return ECAM_ENOMEM;
        announced = !announced && read_mark(fd, at + sizeof head, size, &found);
    }
    return ECAM_OK;
}

static void note_name(ecam_run *run, const char *name)
{
    char *end;
    long long seconds = strtoll(name + strlen(PREFIX), &end, 10);

    if (*end == '.' && seconds > run->newest_s && seconds < MAX_SECONDS)
        run->newest_s = seconds;
}

/* Takes the folder over as the newest one. */
static ecam_status scan_folder(ecam_run *run, int folder_fd, ecam_error *error)
{
    int copy = fcntl(folder_fd, F_DUPFD_CLOEXEC, 0);
    DIR *listing = copy == -1 ? NULL : fdopendir(copy);
    ecam_status st = ECAM_OK;

    if (!listing) {
        st = folder_failed(run, run->folders + 1, error);
        if (copy != -1)
            close(copy);
        return st;
    }
    run->newest_s = 0;
    run->file[0] = '\0';
    for (const struct dirent *e; st == ECAM_OK && (e = readdir(listing));) {
        if (strncmp(e->d_name, PREFIX, strlen(PREFIX)) != 0)
            continue;
        note_name(run, e->d_name);
        int fd = openat(folder_fd, e->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd == -1)
            continue;
        if (scan_file(run, run->folders + 1, fd) != ECAM_OK)
            st = ecam_fail(error, ECAM_ENOMEM, "no memory for the epochs of run %s", run->name);
        close(fd);
    }
    closedir(listing);
    run->folders += st == ECAM_OK;
    return st;
}

/* ECAM_EMISSING where there is no further folder, and none is to be made. */
static ecam_status next_folder(ecam_run *run, bool make, ecam_error *error)
{
    if (run->folders >= MAX_FOLDERS)
        return ecam_fail(error, ECAM_ELIMIT, "run %s has %d folders, which are all that are made", run->name,
                         MAX_FOLDERS);
    int fd = open_folder(run, run->folders + 1, make);
    if (fd == -1 && errno == ENOENT && !make)
        return ECAM_EMISSING;
    if (fd == -1)
        return folder_failed(run, run->folders + 1, error);
    ecam_status st = scan_folder(run, fd, error);
    close(fd);
    return st;
}

ecam_status ecam_run_open(int dir_fd, const char *name, ecam_run **out, ecam_error *error)
{
    ecam_run *run = calloc(1, sizeof *run);
    ecam_status st = ECAM_OK;

    *out = NULL;
    if (!run)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a run's event files");
    run->dir_fd = dir_fd;
    ecam_path_encode(run->name, name);
    while (st == ECAM_OK && run->folders < MAX_FOLDERS)
        st = next_folder(run, false, error);
    if (st != ECAM_OK && st != ECAM_EMISSING) {
        ecam_run_close(&run);
        return st;
    }
    *out = run;
    return ECAM_OK;
}

void ecam_run_close(ecam_run **run)
{
    if (*run)
        free((*run)->marks);
    free(*run);
    *run = NULL;
}

/* --- Writing --- */

/* Whether the newest folder has this step of the series or a later one. */
static bool goes_back(const ecam_run *run, const ecam_event_mark *next)
{
    for (size_t i = 0; i < run->n_marks; i++)
        if (run->marks[i].folder == run->folders && run->marks[i].mark.epoch >= next->epoch &&
            strcmp(run->marks[i].mark.series, next->series) == 0)
            return true;
    return false;
}

/* Later in its name than every other: TensorBoard reads files by their names,
 * each to its end, and does not come back to an earlier one. */
static int make_file(ecam_run *run, int folder_fd)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC;
    char host[65] = "", clean[ECAM_PATH_NAME_BYTES];
    int64_t seconds = (int64_t)time(NULL);

    if (seconds <= run->newest_s)
        seconds = run->newest_s + 1;
    (void)gethostname(host, sizeof host - 1);
    snprintf(run->file, sizeof run->file, PREFIX "%010" PRId64 ".%.100s.%d.%" PRIu32, seconds,
             ecam_path_encode(clean, host), (int)getpid(), run->folders);
    int fd = openat(folder_fd, run->file, flags, 0666);
    if (fd == -1)
        run->file[0] = '\0';
    else
        run->newest_s = seconds;
    return fd;
}

static int open_file(ecam_run *run, int folder_fd)
{
    int fd = -1;

    if (run->file[0] != '\0')
        fd = openat(folder_fd, run->file, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
    /* somebody may have removed it, or the folder, meanwhile */
    return fd == -1 ? make_file(run, folder_fd) : fd;
}

static ecam_status write_records(int fd, bool begin, const ecam_event_mark *next,
                                 const ecam_event *event)
{
    double now = (double)time(NULL);
    ecam_event *announced = ecam_event_create(now, (int64_t)next->epoch);
    ecam_status st = announced ? ecam_event_add_mark(announced, next) : ECAM_ENOMEM;

    if (st == ECAM_OK && begin)
        st = ecam_event_write_version(now, fd);
    if (st == ECAM_OK)
        st = ecam_event_write(announced, fd);
    if (st == ECAM_OK)
        st = ecam_event_write(event, fd);
    ecam_event_destroy(&announced);
    return st;
}

/* All of it or, where that can be had, nothing: behind a torn record nothing is
 * read any more, so that a file which can't be cut is left for another one. */
static ecam_status append_records(ecam_run *run, int fd, const ecam_event_mark *next,
                                  const ecam_event *event, ecam_error *error)
{
    struct stat about;

    if (fstat(fd, &about) != 0)
        return folder_failed(run, run->folders, error);
    ecam_status st = write_records(fd, about.st_size == 0, next, event);
    if (st == ECAM_OK)
        return ECAM_OK;
    int code = errno;
    if (ftruncate(fd, about.st_size) != 0)
        run->file[0] = '\0';
    return ecam_fail(error, st, "events of run %s, epoch %" PRIu64 " cannot be written: %s", run->name,
                     next->epoch, st == ECAM_EIO ? strerror(code) : "no memory");
}

ecam_status ecam_run_write(ecam_run *run, const ecam_event_mark *next, const ecam_event *event,
                           char folder[ECAM_RUN_FOLDER_BYTES], ecam_error *error)
{
    ecam_status st = ECAM_OK;

    while (st == ECAM_OK && (run->folders == 0 || goes_back(run, next)))
        st = next_folder(run, true, error);
    if (st != ECAM_OK)
        return st;

    int folder_fd = open_folder(run, run->folders, true);
    int fd = folder_fd == -1 ? -1 : open_file(run, folder_fd);
    if (fd == -1)
        st = folder_failed(run, run->folders, error);
    else
        st = append_records(run, fd, next, event, error);
    if (st == ECAM_OK && !add_mark(run, run->folders, next))
        st = ecam_fail(error, ECAM_ENOMEM, "no memory for the epochs of run %s", run->name);
    if (fd != -1)
        close(fd);
    if (folder_fd != -1)
        close(folder_fd);
    if (run->folders == 1)
        snprintf(folder, ECAM_RUN_FOLDER_BYTES, "%s", run->name);
    else
        snprintf(folder, ECAM_RUN_FOLDER_BYTES, "%s/attempt-%" PRIu32, run->name, run->folders);
    return st;
}
