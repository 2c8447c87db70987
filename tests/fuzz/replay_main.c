/* Runs a fuzz target without a fuzzing engine: over every file of the folders
 * given, and over a fixed number of damaged copies of each. Speaks TAP, one
 * case a folder; a target that fails ends the process. */
#include <dirent.h>
#include <stdbool.h>
#include <string.h>

#include "fuzz_target.h"

#define DAMAGED_COPIES 64
#define MAX_BYTES (1 << 20)

/* xorshift64: the same damage on every machine. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* The target gets a block of exactly `size` bytes, so that a sanitizer sees
 * every step beyond it. */
static void run_once(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    if (!copy)
        abort();
    memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

/* Cut somewhere every other time, with up to four bytes changed. */
static void run_damaged(const uint8_t *bytes, size_t size, uint64_t *state)
{
    size_t kept = next_random(state) % 2 ? size : (size_t)(next_random(state) % (size + 1));
    uint8_t *copy = malloc(kept ? kept : 1);

    if (!copy)
        abort();
    memcpy(copy, bytes, kept);
    for (uint64_t i = next_random(state) % 5; i > 0 && kept > 0; i--)
        copy[next_random(state) % kept] = (uint8_t)next_random(state);
    LLVMFuzzerTestOneInput(copy, kept);
    free(copy);
}

static bool replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(MAX_BYTES);
    bool ok = file && bytes;

    if (ok) {
        size_t size = fread(bytes, 1, MAX_BYTES, file);
        uint64_t state = 0x9e3779b97f4a7c15u ^ size;
        run_once(bytes, size);
        for (int i = 0; i < DAMAGED_COPIES; i++)
            run_damaged(bytes, size, &state);
    }
    free(bytes);
    if (file)
        fclose(file);
    return ok;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* An empty folder is a failure: nothing would have been tested. */
static bool replay_folder(const char *folder)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_visible, alphasort);
    bool ok = n > 0;

    for (int i = 0; i < n; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        printf("# %s\n", path);
        fflush(stdout);
        ok = replay_file(path) && ok;
        free(entries[i]);
    }
    free(entries);
    return ok;
}

int main(int argc, char **argv)
{
    int failures = argc < 2;

    printf("1..%d\n", argc - 1);
    for (int i = 1; i < argc; i++) {
        bool ok = replay_folder(argv[i]);
        printf("%s %d - %s\n", ok ? "ok" : "not ok", i, argv[i]);
        failures += !ok;
    }
    return failures != 0;
}
