/* Files below a folder, by names that the index has. */
#ifndef ECAM_WEB_BENEATH_H
#define ECAM_WEB_BENEATH_H

#include <stdint.h>

#include "eigencam/status.h"

/* Open a regular file to read. `path` is relative to `dir`, its steps are
 * neither empty nor "." nor "..", and none is a symbolic link; links in `dir`
 * itself are the user's own. *fd: the caller's to close; -1 after a failure.
 * Errors: ECAM_EINVAL (not such a path), ECAM_EMISSING (no such file), ECAM_EIO
 * (also: a link, or no regular file). */
ecam_status ecam_beneath_open(const char *dir, const char *path, int *fd, uint64_t *size,
                              ecam_error *error);

#endif
