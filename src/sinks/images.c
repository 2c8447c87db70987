#include "sinks/images.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#define MOST_OF_A_HASH 10

/* ECAM_OK: these bytes; ECAM_EMISSING: no file; ECAM_ELIMIT: others. */
static ecam_status compare(ecam_folders *folders, const char *name, const void *png, size_t size,
                           ecam_buffer *scratch, ecam_error *error)
{
    ecam_buffer_clear(scratch);
    ecam_status st = ecam_folders_read(folders, ECAM_PATH_IMAGES, name, size, scratch, error);
    if (st == ECAM_OK && (scratch->size != size || memcmp(scratch->data, png, size) != 0))
        return ECAM_ELIMIT;
    return st;
}

ecam_status ecam_images_put(ecam_folders *folders, const void *png, size_t size,
                            char file[ECAM_IMAGES_FILE_BYTES], ecam_error *error)
{
    XXH128_hash_t hash = XXH3_128bits(png, size);
    const uint64_t words[2] = {hash.high64, hash.low64};
    char name[ECAM_PATH_NAME_BYTES];
    ecam_buffer scratch = {0};
    ecam_status st = ECAM_ELIMIT;

    for (unsigned n = 0; st == ECAM_ELIMIT && n < MOST_OF_A_HASH; n++) {
        ecam_path_image(name, words, n);
        st = compare(folders, name, png, size, &scratch, error);
    }
    ecam_buffer_finish(&scratch);
    if (st == ECAM_ELIMIT)
        return ecam_fail(error, st, "more than %d different images have the hash of %.40s", MOST_OF_A_HASH, name);
    if (st == ECAM_EMISSING)
        st = ecam_folders_write(folders, ECAM_PATH_IMAGES, name, png, size, error);
    if (st == ECAM_OK)
        snprintf(file, ECAM_IMAGES_FILE_BYTES, "%s/%s", ECAM_PATH_IMAGES, name);
    return st;
}

uint64_t ecam_images_stamp(const void *png, size_t size)
{
    uint64_t stamp = XXH3_64bits(png, size) & (((uint64_t)1 << 53) - 1);
    return stamp > 0 ? stamp : 1;
}
