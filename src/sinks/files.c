#include "sinks/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sinks/index.h"
#include "sinks/path.h"

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct ecam_files {
    int dir_fd;              /* also holds the lock */
    ecam_index *index;
    int folder_fd;           /* the epoch's folder that was used last, or -1 */
    ecam_path_folder folder; /* its names */
    char last_folder[sizeof((ecam_path_folder *)0)->whole];
    uint64_t last_pictures;
};

/* --- Opening --- */

/* Like mkdir -p; returns why the last folder could not be made, or 0. */
static int make_folders(const char *dir)
{
    char path[4096];
    size_t length = strlen(dir);

    if (length >= sizeof path)
        return ENAMETOOLONG;
    memcpy(path, dir, length + 1);
    for (char *at = path + 1; length > 0 && *at != '\0'; at++)
        if (*at == '/') {
            *at = '\0';
            (void)mkdir(path, 0777);
            *at = '/';
        }
    return mkdir(path, 0777) == 0 || errno == EEXIST ? 0 : errno;
}

/* One writer: two would hold each other's epochs up, as a transaction is open
 * for as long as an epoch's results come. The lock ends with the process. */
static ecam_status open_dir(ecam_files *files, const char *dir, ecam_error *error)
{
    int unmade = make_folders(dir);
    files->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (files->dir_fd == -1)
        return ecam_fail(error, ECAM_EIO, "folder %s cannot be used: %s", dir,
                         strerror(unmade != 0 && errno == ENOENT ? unmade : errno));
    if (flock(files->dir_fd, LOCK_EX | LOCK_NB) != 0)
        return ecam_fail(error, ECAM_EIO, "folder %s cannot be locked: %s", dir,
                         errno == EWOULDBLOCK ? "another process writes to it" : strerror(errno));
    return ECAM_OK;
}

static ecam_status open_index(ecam_files *files, const char *dir, ecam_error *error)
{
    char path[4096];
    char *real = realpath(dir, NULL);
    int n = real ? snprintf(path, sizeof path, "%s/index.sqlite", real) : -1;

    free(real);
    if (n < 0 || (size_t)n >= sizeof path)
        return ecam_fail(error, ECAM_EIO, "folder %s cannot be used: %s", dir,
                         n < 0 ? strerror(errno) : "its path is too long");
    return ecam_index_open(path, &files->index, error);
}

ecam_status ecam_files_open(const char *dir, ecam_files **out, ecam_error *error)
{
    ecam_files *files = calloc(1, sizeof *files);

    *out = NULL;
    if (!files)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a store");
    files->dir_fd = -1;
    files->folder_fd = -1;
    ecam_status st = open_dir(files, dir, error);
    if (st == ECAM_OK)
        st = open_index(files, dir, error);
    if (st != ECAM_OK)
        ecam_files_close(&files, NULL);
    *out = files;
    return st;
}

/* --- Pictures --- */

static void forget_folder(ecam_files *files)
{
    if (files->folder_fd != -1)
        close(files->folder_fd);
    files->folder_fd = -1;
}

/* Walk to the epoch's folder step by step, so that a symbolic link planted
 * anywhere below the store is an error and not a way out of it. */
static ecam_status open_folder(ecam_files *files, const ecam_path_folder *folder, bool make,
                               ecam_error *error)
{
    if (files->folder_fd != -1 && strcmp(folder->whole, files->folder.whole) == 0)
        return ECAM_OK;

    forget_folder(files);
    int fd = files->dir_fd;
    for (int i = 0; i < ECAM_PATH_STEPS && fd != -1; i++) {
        if (make)
            (void)mkdirat(fd, folder->steps[i], 0777);
        int next = openat(fd, folder->steps[i], FOLDER_FLAGS);
        int code = errno;
        if (fd != files->dir_fd)
            close(fd);
        errno = code;
        fd = next;
    }
    if (fd == -1)
        return ecam_fail(error, ECAM_EIO, "folder %.300s cannot be used: %s%s", folder->whole,
                         strerror(errno),
                         errno == ELOOP || errno == ENOTDIR ? " (links are not followed)" : "");
    files->folder_fd = fd;
    files->folder = *folder;
    return ECAM_OK;
}

static bool write_all(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;

    while (size > 0) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

/* Under a temporary name first, so that a reader never sees half a picture.
 * The name is the same every time: what a killed process left is replaced. */
static bool replace_file(int folder_fd, const char *name, const ecam_result_picture *picture)
{
    char temporary[ECAM_PATH_NAME_BYTES + 8];
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

    snprintf(temporary, sizeof temporary, ".%s.tmp", name);
    int fd = openat(folder_fd, temporary, flags, 0666);
    if (fd == -1 && errno == EEXIST && unlinkat(folder_fd, temporary, 0) == 0)
        fd = openat(folder_fd, temporary, flags, 0666);
    if (fd == -1)
        return false;

    bool done = write_all(fd, picture->png, picture->png_bytes);
    int code = errno;
    if (close(fd) != 0 && done) {
        done = false;
        code = errno;
    }
    if (done && renameat(folder_fd, temporary, folder_fd, name) != 0) {
        done = false;
        code = errno;
    }
    if (!done)
        (void)unlinkat(folder_fd, temporary, 0);
    errno = code;
    return done;
}

static ecam_status check_png(const ecam_result *result, ecam_error *error)
{
    static const unsigned char signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

    /* a viewer serves these files as what their name says */
    if (result->picture.png_bytes < sizeof signature ||
        memcmp(result->picture.png, signature, sizeof signature) != 0)
        return ecam_fail(error, ECAM_EFORMAT, "%s of run %.100s is no PNG",
                         ecam_result_type_name(result->type), result->run);
    return ECAM_OK;
}

static ecam_status store_picture(ecam_files *files, const ecam_result *result, ecam_error *error)
{
    ecam_path_folder folder;
    char name[ECAM_PATH_NAME_BYTES];
    ecam_status st = check_png(result, error);

    ecam_path_folder_of(result, &folder);
    ecam_path_picture(name, result);
    if (st == ECAM_OK)
        st = open_folder(files, &folder, true, error);
    if (st != ECAM_OK)
        return st;

    bool done = replace_file(files->folder_fd, name, &result->picture);
    if (!done && errno == ENOENT) { /* somebody removed the folder meanwhile */
        forget_folder(files);
        st = open_folder(files, &folder, true, error);
        if (st != ECAM_OK)
            return st;
        done = replace_file(files->folder_fd, name, &result->picture);
    }
    if (!done)
        return ecam_fail(error, ECAM_EIO, "picture %.300s/%s cannot be written: %s", folder.whole, name,
                         strerror(errno));
    return ecam_index_picture(files->index, result, folder.whole, name, error);
}

/* --- Summaries --- */

/* An edited index must not lead out of the folder either. */
static void remove_stale(void *context, const char *file)
{
    ecam_files *files = context;
    if (files->folder_fd != -1 && !strchr(file, '/'))
        (void)unlinkat(files->folder_fd, file, 0);
}

static ecam_status store_summary(ecam_files *files, const ecam_result *result, ecam_error *error)
{
    ecam_path_folder folder;

    ecam_path_folder_of(result, &folder);
    /* an epoch without pictures has no folder, and nothing stale in it */
    (void)open_folder(files, &folder, false, NULL);
    ecam_status st = ecam_index_summary(files->index, result, folder.whole, remove_stale, files,
                                        &files->last_pictures, error);
    if (st != ECAM_OK)
        return st;
    memcpy(files->last_folder, folder.whole, sizeof folder.whole);
    return ecam_index_commit(files->index, error);
}

ecam_status ecam_files_store(ecam_files *files, const ecam_result *result, ecam_error *error)
{
    switch (result->type) {
    case ECAM_RESULT_OVERLAY:
    case ECAM_RESULT_MAP:
    case ECAM_RESULT_IMAGE:
    case ECAM_RESULT_SHEET: return store_picture(files, result, error);
    case ECAM_RESULT_EPOCH: return store_summary(files, result, error);
    case ECAM_RESULT_ERROR: return ecam_index_error(files->index, result, error);
    case ECAM_RESULT_STATS: return ecam_index_stats(files->index, result, error);
    }
    return ecam_fail(error, ECAM_EINVAL, "result has type %d, which is not known", (int)result->type);
}

ecam_status ecam_files_commit(ecam_files *files, ecam_error *error)
{
    return ecam_index_commit(files->index, error);
}

ecam_files_epoch ecam_files_last_epoch(const ecam_files *files)
{
    return (ecam_files_epoch){.folder = files->last_folder, .pictures = files->last_pictures};
}

ecam_status ecam_files_close(ecam_files **files, ecam_error *error)
{
    ecam_status st = ECAM_OK;

    if (!*files)
        return ECAM_OK;
    if ((*files)->index)
        st = ecam_index_commit((*files)->index, error);
    ecam_index_close(&(*files)->index);
    forget_folder(*files);
    if ((*files)->dir_fd != -1)
        close((*files)->dir_fd);
    free(*files);
    *files = NULL;
    return st;
}
