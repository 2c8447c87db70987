#include "shm/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define FOLDER "/dev/shm" /* where shm_open puts names */
#define PREFIX "eigencam-"
#define TMPFS 0x01021994
/* A name lives for microseconds: one that is older has lost its maker. */
#define STALE_SECONDS 60

static ecam_status failed(const char *what, ecam_error *error)
{
    int code = errno;
    return ecam_fail(error, code == ENOMEM || code == ENOSPC ? ECAM_ENOMEM : ECAM_EIO,
                     "POSIX shared memory: %s failed: %s", what, strerror(code));
}

/* Who was killed between making a name and taking it away left an empty file. */
static void remove_stale(void)
{
    DIR *folder = opendir(FOLDER);
    struct dirent *entry;
    struct stat info;

    while (folder && (entry = readdir(folder))) {
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 &&
            fstatat(dirfd(folder), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode) &&
            info.st_uid == geteuid() && info.st_size == 0 && time(NULL) - info.st_mtime > STALE_SECONDS)
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder)
        closedir(folder);
}

/* Two descriptors: who gets the second cannot change the size. */
static ecam_status make_nameless(int *writing, int *reading, ecam_error *error)
{
    uint64_t number[2];
    char name[64];

    if (getrandom(number, sizeof number, 0) != sizeof number)
        return failed("a random name", error);
    snprintf(name, sizeof name, "/" PREFIX "%016" PRIx64 "%016" PRIx64, number[0], number[1]);
    *writing = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (*writing < 0)
        return failed("shm_open", error);
    *reading = shm_open(name, O_RDONLY, 0);
    ecam_status st = *reading < 0 ? failed("shm_open", error) : ECAM_OK;
    shm_unlink(name);
    return st;
}

ecam_status ecam_segment_create(size_t bytes, ecam_memfd *out, ecam_error *error)
{
    int reading = -1;

    *out = ECAM_MEMFD_CLOSED;
    remove_stale();
    ecam_status st = make_nameless(&out->fd, &reading, error);
    if (st == ECAM_OK)
        st = ecam_memfd_fill(out, bytes, error);
    if (out->fd >= 0)
        close(out->fd);
    out->fd = reading;
    if (st != ECAM_OK)
        ecam_memfd_close(out);
    return st;
}

/* What the kernel says of files in a tmpfs: they cannot be sealed any more. */
bool ecam_segment_is(int fd)
{
    return fcntl(fd, F_GET_SEALS) == F_SEAL_SEAL;
}

/* Reading a file of another file system could wait for whoever serves it. */
static ecam_status check(int fd, size_t min_bytes, size_t max_bytes, size_t *bytes, ecam_error *error)
{
    struct statfs system;
    struct stat info;

    if (fstatfs(fd, &system) != 0 || fstat(fd, &info) != 0)
        return failed("telling what it is", error);
    if (!ecam_segment_is(fd) || system.f_type != TMPFS || !S_ISREG(info.st_mode) || info.st_nlink != 0)
        return ecam_fail(error, ECAM_EFORMAT, "the descriptor is no POSIX shared memory without a name");
    if (info.st_size < 0 || (uint64_t)info.st_size < min_bytes || (uint64_t)info.st_size > max_bytes)
        return ecam_fail(error, ECAM_ELIMIT, "shared memory of %lld bytes; expected %zu to %zu",
                         (long long)info.st_size, min_bytes, max_bytes);
    *bytes = (size_t)info.st_size;
    return ECAM_OK;
}

ecam_status ecam_segment_open(int fd, size_t min_bytes, size_t max_bytes, ecam_memfd *out, ecam_error *error)
{
    *out = (ecam_memfd){.fd = fd};
    ecam_status st = check(fd, min_bytes, max_bytes, &out->bytes, error);
    if (st == ECAM_OK) {
        void *map = mmap(NULL, out->bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (map == MAP_FAILED)
            st = failed("address space", error);
        else
            out->map = map;
    }
    if (st != ECAM_OK)
        ecam_memfd_close(out);
    return st;
}

bool ecam_segment_read(const ecam_memfd *segment, const void *from, void *to, size_t bytes)
{
    off_t at = (const char *)from - (const char *)segment->map;
    char *out = to;

    while (bytes > 0) {
        ssize_t n = pread(segment->fd, out, bytes, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        out += n;
        at += n;
        bytes -= (size_t)n;
    }
    return true;
}
