/* Images by their contents: the same one is kept once, whatever epochs show it. */
#ifndef ECAM_SINKS_IMAGES_H
#define ECAM_SINKS_IMAGES_H

#include "sinks/folders.h"

#define ECAM_IMAGES_FILE_BYTES 64

/* Keep a PNG, and give its file's name relative to the store:
 * "images/0123456789abcdef0123456789abcdef.png", by a hash of 128 bits (XXH3).
 * The bytes are compared where that file is there; different ones of equal
 * hash get names of their own.
 * Errors: ECAM_EIO, ECAM_ENOMEM, ECAM_ELIMIT (ten of equal hash). */
ecam_status ecam_images_put(ecam_folders *folders, const void *png, size_t size,
                            char file[ECAM_IMAGES_FILE_BYTES], ecam_error *error);

/* A number for contents, below 2^53, so that JavaScript can hold it, not 0. */
uint64_t ecam_images_stamp(const void *png, size_t size);

#endif
