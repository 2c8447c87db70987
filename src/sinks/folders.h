/* Folders and files below a store. Paths are walked step by step, so that a
 * symbolic link planted anywhere below the store is an error and not a way out
 * of it. */
#ifndef ECAM_SINKS_FOLDERS_H
#define ECAM_SINKS_FOLDERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "eigencam/status.h"
#include "sinks/path.h"

#define ECAM_FOLDER_BYTES (ECAM_PATH_STEPS * ECAM_PATH_NAME_BYTES)

/* The folder that was used last stays open. */
typedef struct ecam_folders {
    int dir_fd; /* the store's; borrowed */
    int fd;     /* of `path`, or -1 */
    char path[ECAM_FOLDER_BYTES];
} ecam_folders;

void ecam_folders_init(ecam_folders *folders, int dir_fd);
void ecam_folders_finish(ecam_folders *folders);

/* Go to a folder, "a/b/c" below the store; with `make` it is made where it is
 * missing. Errors: ECAM_EIO, ECAM_EMISSING (only without `make`). */
ecam_status ecam_folders_use(ecam_folders *folders, const char *path, bool make, ecam_error *error);

/* Write a file in a folder, which is made: under a temporary name first, so
 * that a reader never sees half of it. Errors: ECAM_EIO. */
ecam_status ecam_folders_write(ecam_folders *folders, const char *path, const char *name,
                               const void *bytes, size_t size, ecam_error *error);

/* Append a file's contents to `out`. Errors: ECAM_EMISSING, ECAM_EIO,
 * ECAM_ELIMIT (more than max_bytes), ECAM_ENOMEM. */
ecam_status ecam_folders_read(ecam_folders *folders, const char *path, const char *name,
                              size_t max_bytes, ecam_buffer *out, ecam_error *error);

/* Whether `file`, relative to the store, is to stay. */
typedef bool ecam_folders_keeper(void *context, const char *file);

/* Remove what is ours (ecam_path_is_ours) and not to stay: all in a folder, and
 * the folder and those above it where they are empty then; or one file. What
 * is not there, or no folder, is done. Returns whether it is done. */
bool ecam_folders_sweep(ecam_folders *folders, const char *path, ecam_folders_keeper *keeps,
                        void *context);

#endif
