#include "sinks/folders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define READ_STEP 65536

void ecam_folders_init(ecam_folders *f, int dir_fd)
{
    *f = (ecam_folders){.dir_fd = dir_fd, .fd = -1};
}

void ecam_folders_finish(ecam_folders *f)
{
    if (f->fd != -1)
        close(f->fd);
    f->fd = -1;
}

/* --- Walking --- */

/* The next step of a path; paths may come out of an index that was edited. */
static bool next_step(const char **path, char step[ECAM_PATH_NAME_BYTES])
{
    size_t n = strcspn(*path, "/");

    if (n == 0 || n >= ECAM_PATH_NAME_BYTES)
        return false;
    memcpy(step, *path, n);
    step[n] = '\0';
    *path += n + ((*path)[n] == '/');
    return strcmp(step, ".") != 0 && strcmp(step, "..") != 0;
}

/* Returns -1 with errno. */
static int walk(int dir_fd, const char *path, bool make)
{
    char step[ECAM_PATH_NAME_BYTES];
    int fd = dir_fd;

    errno = EINVAL;
    while (fd != -1 && *path != '\0') {
        int from = fd;
        fd = -1;
        if (next_step(&path, step)) {
            if (make)
                (void)mkdirat(from, step, 0777);
            fd = openat(from, step, FOLDER_FLAGS);
        } else {
            errno = EINVAL;
        }
        int code = errno;
        if (from != dir_fd)
            close(from);
        errno = code;
    }
    return fd == dir_fd ? -1 : fd;
}

ecam_status ecam_folders_use(ecam_folders *f, const char *path, bool make, ecam_error *error)
{
    if (f->fd != -1 && strcmp(path, f->path) == 0)
        return ECAM_OK;
    ecam_folders_finish(f);
    if (strlen(path) >= sizeof f->path)
        return ecam_fail(error, ECAM_EIO, "folder %.300s cannot be used: its name is too long", path);
    f->fd = walk(f->dir_fd, path, make);
    if (f->fd == -1)
        return ecam_fail(error, errno == ENOENT && !make ? ECAM_EMISSING : ECAM_EIO,
                         "folder %.300s cannot be used: %s%s", path, strerror(errno),
                         errno == ELOOP || errno == ENOTDIR ? " (links are not followed)" : "");
    strcpy(f->path, path);
    return ECAM_OK;
}

/* --- Files --- */

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

/* The temporary name is the same every time: what a killed process left is
 * replaced. */
static bool replace_file(int folder_fd, const char *name, const void *bytes, size_t size)
{
    char temporary[ECAM_PATH_NAME_BYTES + 8];
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

    ecam_path_temporary(temporary, name);
    int fd = openat(folder_fd, temporary, flags, 0666);
    if (fd == -1 && errno == EEXIST && unlinkat(folder_fd, temporary, 0) == 0)
        fd = openat(folder_fd, temporary, flags, 0666);
    if (fd == -1)
        return false;

    bool done = write_all(fd, bytes, size);
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

ecam_status ecam_folders_write(ecam_folders *f, const char *path, const char *name,
                               const void *bytes, size_t size, ecam_error *error)
{
    ecam_status st = ecam_folders_use(f, path, true, error);
    bool done = st == ECAM_OK && replace_file(f->fd, name, bytes, size);

    if (st == ECAM_OK && !done && errno == ENOENT) { /* somebody removed the folder meanwhile */
        ecam_folders_finish(f);
        st = ecam_folders_use(f, path, true, error);
        done = st == ECAM_OK && replace_file(f->fd, name, bytes, size);
    }
    if (st == ECAM_OK && !done)
        st = ecam_fail(error, ECAM_EIO, "picture %.300s/%s cannot be written: %s", path, name, strerror(errno));
    return st;
}

static ecam_status read_all(int fd, size_t max_bytes, ecam_buffer *out)
{
    size_t read_bytes = 0;

    for (;;) {
        if (ecam_buffer_reserve(out, READ_STEP) != ECAM_OK)
            return ECAM_ENOMEM;
        ssize_t n = read(fd, out->data + out->size, READ_STEP);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ECAM_EIO;
        if (n == 0)
            return ECAM_OK;
        out->size += (size_t)n;
        read_bytes += (size_t)n;
        if (read_bytes > max_bytes)
            return ECAM_ELIMIT;
    }
}

ecam_status ecam_folders_read(ecam_folders *f, const char *path, const char *name, size_t max_bytes,
                              ecam_buffer *out, ecam_error *error)
{
    ecam_status st = ecam_folders_use(f, path, false, error);
    if (st != ECAM_OK)
        return st;
    /* NONBLOCK: what was a picture may have become a pipe */
    int fd = openat(f->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd == -1)
        return ecam_fail(error, errno == ENOENT ? ECAM_EMISSING : ECAM_EIO, "%.300s/%.200s cannot be read: %s",
                         path, name, strerror(errno));
    st = read_all(fd, max_bytes, out);
    if (st != ECAM_OK)
        ecam_fail(error, st, "%.300s/%.200s cannot be read: %s", path, name,
                  st == ECAM_EIO ? strerror(errno) : ecam_status_word(st));
    close(fd);
    return st;
}

/* --- Sweeping --- */

static bool remove_unless_kept(int folder_fd, const char *path, const char *name,
                               ecam_folders_keeper *keeps, void *context)
{
    char file[ECAM_FOLDER_BYTES + ECAM_PATH_NAME_BYTES];

    snprintf(file, sizeof file, "%s/%s", path, name);
    return !ecam_path_is_ours(name) || keeps(context, file) || unlinkat(folder_fd, name, 0) == 0 ||
           errno == ENOENT;
}

/* The folder's own entry, and those above it that are empty then. */
static void remove_empty(int dir_fd, const char *path)
{
    char rest[ECAM_FOLDER_BYTES];

    snprintf(rest, sizeof rest, "%s", path);
    for (char *slash; (slash = strrchr(rest, '/'));) {
        *slash = '\0';
        int above = walk(dir_fd, rest, false);
        bool gone = above != -1 && unlinkat(above, slash + 1, AT_REMOVEDIR) == 0;
        if (above != -1)
            close(above);
        if (!gone)
            return;
    }
    (void)unlinkat(dir_fd, rest, AT_REMOVEDIR);
}

static bool sweep_folder(ecam_folders *f, int fd, const char *path, ecam_folders_keeper *keeps,
                         void *context)
{
    bool done = true;
    DIR *folder = fdopendir(fd);

    if (!folder) {
        close(fd);
        return false;
    }
    for (const struct dirent *entry; (entry = readdir(folder));)
        done &= remove_unless_kept(fd, path, entry->d_name, keeps, context);
    closedir(folder);
    ecam_folders_finish(f);
    remove_empty(f->dir_fd, path);
    return done;
}

static bool sweep_file(ecam_folders *f, const char *path, ecam_folders_keeper *keeps, void *context)
{
    char above[ECAM_FOLDER_BYTES];
    const char *slash = strrchr(path, '/');

    if (!slash)
        return true;
    snprintf(above, sizeof above, "%.*s", (int)(slash - path), path);
    int fd = walk(f->dir_fd, above, false);
    if (fd == -1)
        return errno != EACCES && errno != EMFILE && errno != ENFILE && errno != ENOMEM;
    bool done = remove_unless_kept(fd, above, slash + 1, keeps, context);
    close(fd);
    return done;
}

bool ecam_folders_sweep(ecam_folders *f, const char *path, ecam_folders_keeper *keeps, void *context)
{
    if (strlen(path) >= ECAM_FOLDER_BYTES)
        return true;
    int fd = walk(f->dir_fd, path, false);
    if (fd != -1)
        return sweep_folder(f, fd, path, keeps, context);
    if (errno == ENOTDIR)
        return sweep_file(f, path, keeps, context);
    return errno == ENOENT || errno == ELOOP || errno == EINVAL;
}
