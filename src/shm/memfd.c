#include "shm/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010 /* Linux 5.1 */
#endif

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)
#define PAGE_BYTES 4096
#define BLOCK_BYTES 512 /* of st_blocks */

static ecam_status refused(const char *what, size_t bytes, ecam_error *error)
{
    int code = errno;
    ecam_status st = code == ENOMEM || code == ENOSPC ? ECAM_ENOMEM : ECAM_EIO;

    return ecam_fail(error, st, "%zu bytes of shared memory: %s failed: %s", bytes, what,
                     strerror(code));
}

/* Growing a file beyond this limit is a signal that ends the process. */
static bool within_file_limit(size_t bytes)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
           bytes <= limit.rlim_cur;
}

/* The first write to a page is the slow one. */
static void touch(void *map, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += PAGE_BYTES)
        atomic_store_explicit((_Atomic char *)map + at, 0, memory_order_relaxed);
}

ecam_status ecam_memfd_fill(ecam_memfd *memory, size_t bytes, ecam_error *error)
{
    if (!within_file_limit(bytes))
        return ecam_fail(error, ECAM_EIO, "%zu bytes of shared memory are beyond the limit of file sizes", bytes);
    if (ftruncate(memory->fd, (off_t)bytes) != 0)
        return refused("setting the size", bytes, error);
    /* Without it, a page that is not to be had ends the writer with SIGBUS. */
    if (fallocate(memory->fd, 0, 0, (off_t)bytes) != 0)
        return refused("allocating", bytes, error);
    void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd, 0);
    if (map == MAP_FAILED)
        return refused("mapping", bytes, error);
    memory->map = map;
    memory->bytes = bytes;
    if (madvise(map, bytes, MADV_DONTFORK) != 0)
        return refused("keeping it from children", bytes, error);
    touch(map, bytes);
    return ECAM_OK;
}

ecam_status ecam_memfd_create(const char *name, size_t bytes, ecam_memfd *out, ecam_error *error)
{
    *out = ECAM_MEMFD_CLOSED;
    out->fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (out->fd < 0)
        return refused("memfd_create", bytes, error);
    ecam_status st = ecam_memfd_fill(out, bytes, error);
    if (st == ECAM_OK && fcntl(out->fd, F_ADD_SEALS, SEALS) != 0)
        st = refused("sealing", bytes, error);
    if (st != ECAM_OK)
        ecam_memfd_close(out);
    return st;
}

static ecam_status check(int fd, size_t min_bytes, size_t max_bytes, size_t *bytes,
                         ecam_error *error)
{
    struct stat info;
    int seals = fcntl(fd, F_GET_SEALS);

    if (seals < 0 || (seals & SEALS) != SEALS)
        return ecam_fail(error, ECAM_EFORMAT,
                         "the descriptor is no memfd that is sealed against shrinking, growing, "
                         "further writers and seals");
    if (fstat(fd, &info) != 0)
        return ecam_fail(error, ECAM_EIO, "the size of shared memory cannot be told: %s", strerror(errno));
    if (info.st_size < 0 || (uint64_t)info.st_size < min_bytes || (uint64_t)info.st_size > max_bytes)
        return ecam_fail(error, ECAM_ELIMIT, "shared memory of %lld bytes; expected %zu to %zu",
                         (long long)info.st_size, min_bytes, max_bytes);
    *bytes = (size_t)info.st_size;
    /* Holes would be filled by whoever reads them, out of his memory. */
    if ((uint64_t)info.st_blocks < *bytes / BLOCK_BYTES)
        return ecam_fail(error, ECAM_EFORMAT, "shared memory with holes; expected all of it allocated");
    return ECAM_OK;
}

ecam_status ecam_memfd_open(int fd, size_t min_bytes, size_t max_bytes, ecam_memfd *out,
                            ecam_error *error)
{
    *out = (ecam_memfd){.fd = fd};
    ecam_status st = check(fd, min_bytes, max_bytes, &out->bytes, error);
    if (st == ECAM_OK) {
        void *map = mmap(NULL, out->bytes, PROT_READ, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
            st = refused("mapping", out->bytes, error);
        else
            out->map = map;
    }
    if (st != ECAM_OK)
        ecam_memfd_close(out);
    return st;
}

void ecam_memfd_close(ecam_memfd *memory)
{
    if (memory->map)
        munmap(memory->map, memory->bytes);
    if (memory->fd >= 0)
        close(memory->fd);
    *memory = ECAM_MEMFD_CLOSED;
}
