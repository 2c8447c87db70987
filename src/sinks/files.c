#include "sinks/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/png_chunks.h"
#include "sinks/folders.h"
#include "sinks/images.h"
#include "sinks/index.h"
#include "sinks/path.h"

#define LOOSE_BYTES ((uint64_t)64 << 20)

struct ecam_files {
    ecam_files_options options;
    int dir_fd; /* also holds the lock */
    ecam_index *index;
    ecam_folders folders, images; /* epochs' folders; the images that they share */
    ecam_buffer stripped;
    uint64_t loose_bytes; /* of overlays that are to go with the summary */
    char last_folder[sizeof((ecam_path_folder *)0)->whole];
    ecam_files_epoch last;
};

/* --- What goes --- */

static bool is_named(void *context, const char *file)
{
    ecam_files *files = context;
    return ecam_index_names(files->index, file);
}

static bool sweep_path(void *context, const char *path)
{
    ecam_files *files = context;
    return ecam_folders_sweep(&files->folders, path, is_named, files);
}

/* Rows first: a process that is killed in between leaves files without rows,
 * which the next one sweeps up, and never rows without files. */
static ecam_status commit_and_sweep(ecam_files *files, ecam_error *error)
{
    ecam_status st = ecam_index_commit(files->index, error);
    return st == ECAM_OK ? ecam_index_sweep(files->index, false, sweep_path, files, error) : st;
}

static ecam_status tidy_up(ecam_files *files, ecam_error *error)
{
    ecam_status st = ecam_index_sweep(files->index, true, sweep_path, files, error);

    if (st == ECAM_OK)
        st = ecam_index_retain(files->index, files->options.keep_epochs, files->options.max_bytes,
                               &files->last.removed, &files->last.store_bytes, error);
    return st == ECAM_OK ? commit_and_sweep(files, error) : st;
}

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

ecam_status ecam_files_open_with(const char *dir, const ecam_files_options *options,
                                 ecam_files **out, ecam_error *error)
{
    ecam_files *files = calloc(1, sizeof *files);

    *out = NULL;
    if (!files)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a store");
    files->options = *options;
    files->dir_fd = -1;
    ecam_status st = open_dir(files, dir, error);
    ecam_folders_init(&files->folders, files->dir_fd);
    ecam_folders_init(&files->images, files->dir_fd);
    if (st == ECAM_OK)
        st = open_index(files, dir, error);
    if (st == ECAM_OK)
        st = tidy_up(files, error);
    if (st != ECAM_OK)
        ecam_files_close(&files, NULL);
    *out = files;
    return st;
}

ecam_status ecam_files_open(const char *dir, ecam_files **out, ecam_error *error)
{
    const ecam_files_options options = {0};
    return ecam_files_open_with(dir, &options, out, error);
}

/* --- Pictures --- */

/* Overlays of an epoch without end would be held until a summary that never
 * comes. */
static ecam_status let_loose_go(ecam_files *files, const ecam_result *result, const char *folder,
                                ecam_error *error)
{
    files->loose_bytes += result->picture.png_bytes;
    if (files->loose_bytes < LOOSE_BYTES)
        return ECAM_OK;
    files->loose_bytes = 0;
    ecam_status st = ecam_index_slim(files->index, result, folder, error);
    return st == ECAM_OK ? commit_and_sweep(files, error) : st;
}

static ecam_status store_shared(ecam_files *files, const ecam_result *result, ecam_index_file *at,
                                char file[ECAM_IMAGES_FILE_BYTES], ecam_error *error)
{
    const ecam_result_picture *picture = &result->picture;
    ecam_status st = ecam_png_strip(picture->png, picture->png_bytes, &files->stripped);

    if (st != ECAM_OK)
        return ecam_fail(error, st, "no memory for an image");
    st = ecam_index_announce(files->index, ECAM_PATH_IMAGES, error);
    if (st == ECAM_OK)
        st = ecam_images_put(&files->images, files->stripped.data, files->stripped.size, file, error);
    at->file = file;
    at->bytes = files->stripped.size;
    at->shared = true;
    return st;
}

static ecam_status store_picture(ecam_files *files, const ecam_result *result, ecam_error *error)
{
    const ecam_result_picture *picture = &result->picture;
    char name[ECAM_PATH_NAME_BYTES], shared[ECAM_IMAGES_FILE_BYTES], own[ECAM_FOLDER_BYTES + ECAM_PATH_NAME_BYTES];
    ecam_path_folder folder;
    ecam_status st = ecam_png_check(picture->png, picture->png_bytes, error);

    if (st != ECAM_OK) { /* a viewer serves these files as what their name says */
        ecam_error_prefix(error, "%s of run %.100s is ", ecam_result_type_name(result->type), result->run);
        return st;
    }
    ecam_path_folder_of(result, &folder);
    ecam_index_file at = {.folder = folder.whole, .stamp = ecam_images_stamp(picture->png, picture->png_bytes)};
    if (files->options.compact && result->type == ECAM_RESULT_IMAGE) {
        st = store_shared(files, result, &at, shared, error);
    } else {
        ecam_path_picture(name, result);
        snprintf(own, sizeof own, "%s/%s", folder.whole, name);
        at.file = own;
        at.bytes = picture->png_bytes;
        st = ecam_index_announce(files->index, folder.whole, error);
        if (st == ECAM_OK)
            st = ecam_folders_write(&files->folders, folder.whole, name, picture->png, picture->png_bytes, error);
    }
    if (st == ECAM_OK)
        st = ecam_index_picture(files->index, result, &at, error);
    if (st == ECAM_OK && files->options.compact && result->type == ECAM_RESULT_OVERLAY)
        st = let_loose_go(files, result, folder.whole, error);
    return st;
}

/* --- Summaries --- */

static ecam_status store_summary(ecam_files *files, const ecam_result *result, ecam_error *error)
{
    const ecam_files_options *options = &files->options;
    ecam_files_epoch *last = &files->last;
    ecam_path_folder folder;

    ecam_path_folder_of(result, &folder);
    ecam_status st = ecam_index_summary(files->index, result, folder.whole, options->compact, &last->pictures,
                                        &last->bytes, error);
    if (st == ECAM_OK)
        st = ecam_index_retain(files->index, options->keep_epochs, options->max_bytes, &last->removed,
                               &last->store_bytes, error);
    if (st != ECAM_OK)
        return st;
    files->loose_bytes = 0;
    memcpy(files->last_folder, folder.whole, sizeof folder.whole);
    return commit_and_sweep(files, error);
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
    ecam_files_epoch last = files->last;

    last.folder = files->last_folder;
    return last;
}

ecam_status ecam_files_close(ecam_files **files, ecam_error *error)
{
    ecam_status st = ECAM_OK;

    if (!*files)
        return ECAM_OK;
    if ((*files)->index)
        st = ecam_index_commit((*files)->index, error);
    ecam_index_close(&(*files)->index);
    ecam_folders_finish(&(*files)->folders);
    ecam_folders_finish(&(*files)->images);
    ecam_buffer_finish(&(*files)->stripped);
    if ((*files)->dir_fd != -1)
        close((*files)->dir_fd);
    free(*files);
    *files = NULL;
    return st;
}
