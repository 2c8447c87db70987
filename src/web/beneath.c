#include "web/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The next step of a path; false where it is none. */
static bool next_step(const char **path, char step[NAME_MAX + 1])
{
    size_t length = strcspn(*path, "/");

    if (length == 0 || length > NAME_MAX)
        return false;
    memcpy(step, *path, length);
    step[length] = '\0';
    *path += length + ((*path)[length] == '/');
    return strcmp(step, ".") != 0 && strcmp(step, "..") != 0;
}

static bool is_path(const char *path)
{
    char step[NAME_MAX + 1];
    size_t length = strlen(path);

    if (length == 0 || length >= PATH_MAX || path[length - 1] == '/')
        return false;
    while (*path)
        if (!next_step(&path, step))
            return false;
    return true;
}

static ecam_status failed(const char *path, ecam_error *error)
{
    if (errno == ENOENT)
        return ecam_fail(error, ECAM_EMISSING, "%.300s is not in the store any more", path);
    return ecam_fail(error, ECAM_EIO, "%.300s: %s", path, strerror(errno));
}

/* Go down step by step, so that no link on the way is followed. */
static int walk(int at, const char *path)
{
    char step[NAME_MAX + 1];

    while (at != -1 && next_step(&path, step)) {
        int flags = *path ? O_PATH | O_DIRECTORY : O_RDONLY | O_NONBLOCK; /* a FIFO must not hold us up */
        int below = openat(at, step, flags | O_NOFOLLOW | O_CLOEXEC);
        int saved = errno;
        close(at);
        errno = saved;
        at = below;
        if (!*path)
            break;
    }
    return at;
}

ecam_status ecam_beneath_open(const char *dir, const char *path, int *fd, uint64_t *size, ecam_error *error)
{
    struct stat file;

    *fd = -1;
    if (!is_path(path))
        return ecam_fail(error, ECAM_EINVAL, "the index names a file that is no path below the store");
    *fd = walk(open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), path);
    if (*fd == -1)
        return failed(path, error);
    if (fstat(*fd, &file) == 0 && S_ISREG(file.st_mode)) {
        *size = (uint64_t)file.st_size;
        return ECAM_OK;
    }
    close(*fd);
    *fd = -1;
    return ecam_fail(error, ECAM_EIO, "%.300s is no regular file", path);
}
