/* Names from the wire as names of files. */
#ifndef ECAM_SINKS_PATH_H
#define ECAM_SINKS_PATH_H

#include <stdbool.h>

#include "eigencam/subscriber.h"

/* A file system's longest name, and its end. */
#define ECAM_PATH_NAME_BYTES 256

/* RUN/OUTPUT/MODE/EPOCH as four names; each is safe as one step of a path. */
#define ECAM_PATH_STEPS 4
typedef struct ecam_path_folder {
    char steps[ECAM_PATH_STEPS][ECAM_PATH_NAME_BYTES];
    char whole[ECAM_PATH_STEPS * ECAM_PATH_NAME_BYTES]; /* with "/" between */
} ecam_path_folder;

/* Any text as a name that is neither empty nor hidden nor a path, and that
 * tells different texts apart. A-Z a-z 0-9 . _ - and printable UTF-8 stay;
 * every other byte, a leading "." and the "i" of a leading "index.sqlite" and
 * of "images" become %XX; "" becomes "%empty"; what has more than 200 bytes is
 * cut and ends in "%-" and a hash of the whole. Returns `out`. */
char *ecam_path_encode(char out[ECAM_PATH_NAME_BYTES], const char *name);

/* The folder of a result's epoch. An attempt of 0 counts as 1. */
void ecam_path_folder_of(const ecam_result *result, ecam_path_folder *out);

/* Where images are that epochs share: beside the runs. */
#define ECAM_PATH_IMAGES "images"

/* The name of an image by its contents' hash, n: among different ones of equal
 * hash. Returns `out`. */
char *ecam_path_image(char out[ECAM_PATH_NAME_BYTES], const uint64_t hash[2], unsigned n);

/* Whether a file of this name may be one of a store's pictures, or the
 * temporary one of such. */
bool ecam_path_is_ours(const char *name);

/* The temporary name of a picture. Returns `out`. */
char *ecam_path_temporary(char out[ECAM_PATH_NAME_BYTES + 8], const char *name);

/* The name of a picture's file: "000-overlay-0.png". Returns `out`. */
char *ecam_path_picture(char out[ECAM_PATH_NAME_BYTES], const ecam_result *result);

#endif
