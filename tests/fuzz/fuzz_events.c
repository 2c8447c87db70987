/* An event of TensorBoard's files, as a logger reads what lies in its folder: a
 * mark in any bytes, and the same mark written and read again. */
#include "fuzz_target.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sinks/tensorboard_event.h"

static void write_and_read(const ecam_event_mark *mark)
{
    uint8_t bytes[4096];
    ecam_event_mark again;
    ecam_event *event = ecam_event_create(0, (int64_t)mark->epoch);
    int fd = memfd_create("event", 0);
    uint64_t size;

    FUZZ_CHECK(event && fd != -1 && ecam_event_add_mark(event, mark) == ECAM_OK);
    FUZZ_CHECK(ecam_event_write(event, fd) == ECAM_OK);
    ssize_t n = pread(fd, bytes, sizeof bytes, 0);
    FUZZ_CHECK(n > ECAM_RECORD_HEAD_BYTES && ecam_record_size(bytes, &size));
    FUZZ_CHECK(size + ECAM_RECORD_HEAD_BYTES + ECAM_RECORD_FOOT_BYTES == (uint64_t)n);
    FUZZ_CHECK(ecam_event_read_mark(bytes + ECAM_RECORD_HEAD_BYTES, size, &again));
    FUZZ_CHECK(strcmp(again.series, mark->series) == 0 && again.epoch == mark->epoch &&
               again.stage == mark->stage && again.attempt == mark->attempt);
    ecam_event_destroy(&event);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ecam_event_mark mark;

    if (ecam_event_read_mark(data, size, &mark)) {
        FUZZ_CHECK(strlen(mark.series) < sizeof mark.series);
        write_and_read(&mark);
    }
    return 0;
}
