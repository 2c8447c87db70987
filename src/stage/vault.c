#include "stage/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Each record begins at a block of the file system, so that a discarded one
 * leaves a hole. */
#define ALIGNMENT ((uint64_t)4096)

void ecam_vault_init(ecam_vault *vault, size_t budget_bytes)
{
    memset(vault, 0, sizeof *vault);
    vault->budget_bytes = budget_bytes;
    pthread_mutex_init(&vault->lock, NULL);
}

void ecam_vault_finish(ecam_vault *vault)
{
    if (vault->is_open)
        close(vault->file);
    vault->is_open = false;
    pthread_mutex_destroy(&vault->lock);
}

bool ecam_vault_admit(ecam_vault *vault, size_t bytes)
{
    size_t before = atomic_fetch_add(&vault->resident_bytes, bytes);

    if (vault->budget_bytes == 0 || before + bytes <= vault->budget_bytes)
        return true;
    atomic_fetch_sub(&vault->resident_bytes, bytes);
    return false;
}

void ecam_vault_force(ecam_vault *vault, size_t bytes)
{
    atomic_fetch_add(&vault->resident_bytes, bytes);
}

void ecam_vault_release(ecam_vault *vault, size_t bytes)
{
    atomic_fetch_sub(&vault->resident_bytes, bytes);
}

/* A file without a name; where the file system has no such thing, one whose
 * name is taken away at once. */
static int open_unnamed(const char *dir)
{
    char path[4096];
    int file = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return file;
    if ((size_t)snprintf(path, sizeof path, "%s/eigencam-XXXXXX", dir) >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    file = mkostemp(path, O_CLOEXEC);
    if (file >= 0)
        unlink(path);
    return file;
}

static ecam_status open_file(ecam_vault *vault, ecam_error *error)
{
    const char *dir = getenv("TMPDIR");
    ecam_status st = ECAM_OK;

    if (!dir || !*dir)
        dir = "/var/tmp"; /* not /tmp, which is memory on many systems */
    pthread_mutex_lock(&vault->lock);
    if (!vault->is_open) {
        vault->file = open_unnamed(dir);
        vault->is_open = vault->file >= 0;
        if (!vault->is_open)
            st = ecam_fail(error, ECAM_EIO, "no file for samples beyond --memory in %s: %s", dir,
                           strerror(errno));
    }
    pthread_mutex_unlock(&vault->lock);
    return st;
}

ecam_status ecam_vault_spill(ecam_vault *vault, const void *data, size_t bytes, uint64_t *offset,
                             ecam_error *error)
{
    ecam_status st = open_file(vault, error);
    uint64_t room = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    size_t done = 0;

    if (st != ECAM_OK)
        return st;
    *offset = atomic_fetch_add(&vault->spilled_bytes, room);
    while (done < bytes) {
        ssize_t n = pwrite(vault->file, (const char *)data + done, bytes - done, (off_t)(*offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            st = ecam_fail(error, ECAM_EIO, "a sample beyond --memory cannot be written: %s", strerror(errno));
            ecam_vault_discard(vault, *offset, bytes);
            return st;
        }
        done += (size_t)n;
    }
    return ECAM_OK;
}

ecam_status ecam_vault_load(const ecam_vault *vault, uint64_t offset, void *data, size_t bytes,
                            ecam_error *error)
{
    size_t done = 0;

    while (done < bytes) {
        ssize_t n = pread(vault->file, (char *)data + done, bytes - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ecam_fail(error, ECAM_EIO, "a sample beyond --memory cannot be read back: %s",
                             n < 0 ? strerror(errno) : "the file is short");
        done += (size_t)n;
    }
    return ECAM_OK;
}

void ecam_vault_discard(ecam_vault *vault, uint64_t offset, size_t bytes)
{
    uint64_t room = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

    /* Where the file system cannot, the blocks stay until the file is closed. */
    if (vault->is_open)
        (void)fallocate(vault->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)room);
}
