/* ecam_player on any file: every frame lies within memory that is there, the
 * times never decrease, and a second pass gives as many records. */
#include "fuzz_target.h"

#include <sys/mman.h>
#include <unistd.h>

#include "wire/recording.h"

static volatile unsigned char last_read;

static size_t count_records(ecam_player *player, size_t size)
{
    const ecam_frame *frames;
    uint64_t time_ns, before_ns = 0;
    size_t n, records = 0, bytes = 0;

    while (ecam_player_next(player, &time_ns, &frames, &n, NULL) == ECAM_OK) {
        FUZZ_CHECK(n >= 1 && n <= ECAM_RECORDING_FRAMES);
        FUZZ_CHECK(time_ns >= before_ns);
        before_ns = time_ns;
        for (size_t i = 0; i < n; i++) {
            const unsigned char *data = frames[i].data;
            for (size_t j = 0; j < frames[i].size; j++)
                last_read = data[j];
            bytes += frames[i].size;
        }
        records++;
    }
    FUZZ_CHECK(bytes <= size);
    return records;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    ecam_player *player = NULL;
    int fd = memfd_create("recording", MFD_CLOEXEC);

    FUZZ_CHECK(fd != -1 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (ecam_player_open(path, &player, NULL) == ECAM_OK) {
        size_t records = count_records(player, size);
        FUZZ_CHECK(ecam_player_rewind(player, NULL) == ECAM_OK);
        FUZZ_CHECK(count_records(player, size) == records);
    }
    ecam_player_close(&player);
    close(fd);
    return 0;
}
