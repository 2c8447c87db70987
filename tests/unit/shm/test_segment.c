/* Shared memory without seals: what is made, what is refused, and that a maker
 * who cuts it off does no harm. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shm/ring.h"
#include "shm/segment.h"
#include "support/check.h"

#define FOLDER "/dev/shm/"
#define RING_BYTES (4096 + 8192)

static int names_left(void)
{
    DIR *folder = opendir(FOLDER);
    struct dirent *entry;
    int n = 0;

    assert_non_null(folder);
    while ((entry = readdir(folder)))
        n += strncmp(entry->d_name, "eigencam-", 9) == 0;
    closedir(folder);
    return n;
}

static void created_memory_is_nameless_and_all_there(void **state)
{
    ecam_memfd memory;
    ecam_error error;
    struct stat info;
    int before = names_left();

    (void)state;
    CHECK_OK(ecam_segment_create(20000, &memory, &error), error);
    assert_true(names_left() <= before); /* other tests' may go, not come */
    assert_int_equal(fstat(memory.fd, &info), 0);
    assert_int_equal(info.st_size, 20000);
    assert_int_equal(info.st_nlink, 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_true(info.st_blocks >= 20480 / 512);
    assert_true(ecam_segment_is(memory.fd));
    memset(memory.map, 7, 20000);
    ecam_memfd_close(&memory);
    assert_int_equal(memory.fd, -1);
    assert_null(memory.map);
}

static void who_gets_the_descriptor_cannot_write(void **state)
{
    ecam_memfd memory;
    ecam_error error;

    (void)state;
    CHECK_OK(ecam_segment_create(4096, &memory, &error), error);
    assert_int_equal(write(memory.fd, "x", 1), -1);
    assert_int_equal(ftruncate(memory.fd, 0), -1);
    assert_true(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, memory.fd, 0) == MAP_FAILED);
    ecam_memfd_close(&memory);
}

/* A maker of right now may still need his; and what has bytes is somebody else's. */
static void names_of_killed_makers_are_removed(void **state)
{
    static const char *const paths[] = {FOLDER "eigencam-test-old", FOLDER "eigencam-test-fresh", FOLDER "eigencam-test-full"};
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    ecam_memfd memory;
    ecam_error error;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        int fd = open(paths[i], O_CREAT | O_RDWR | O_TRUNC, 0600);
        assert_true(fd >= 0);
        if (i == 2)
            assert_int_equal(write(fd, "x", 1), 1);
        if (i != 1)
            assert_int_equal(futimens(fd, old), 0);
        close(fd);
    }
    CHECK_OK(ecam_segment_create(4096, &memory, &error), error);
    ecam_memfd_close(&memory);
    assert_int_equal(unlink(paths[0]), -1);
    assert_int_equal(unlink(paths[1]), 0);
    assert_int_equal(unlink(paths[2]), 0);
}

static void limits_are_failures_not_signals(void **state)
{
    int status;

    (void)state;
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit limit = {1 << 20, 1 << 20};
        ecam_memfd memory;
        setrlimit(RLIMIT_FSIZE, &limit);
        ecam_status st = ecam_segment_create((size_t)1 << 30, &memory, NULL);
        _exit(memory.fd == -1 && !memory.map ? (int)st : 100);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), ECAM_EIO);
}

/* ---- a peer's ---- */

/* A segment of the test's own, which can be written and cut off. */
static int make(size_t bytes, bool keeps_name)
{
    char name[64];
    static int number;

    snprintf(name, sizeof name, "/ecam-test-%d-%d", (int)getpid(), number++);
    int fd = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
    if (!keeps_name)
        shm_unlink(name);
    return fd;
}

static void check_refused(int fd, ecam_status expected, const char *says)
{
    ecam_memfd memory;
    ecam_error error;

    CHECK_STATUS(ecam_segment_open(fd, 4096, 8192, &memory, &error), expected);
    CHECK_TEXT_HAS(error.text, says);
    assert_int_equal(memory.fd, -1);
    assert_null(memory.map);
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* closed */
}

static void what_is_no_segment_is_refused(void **state)
{
    char path[] = "/var/tmp/ecam-segment-XXXXXX";
    int file = mkstemp(path), ends[2];

    (void)state;
    assert_true(file >= 0);
    unlink(path);
    assert_int_equal(ftruncate(file, 4096), 0);
    check_refused(file, ECAM_EFORMAT, "no POSIX shared memory");
    assert_int_equal(pipe(ends), 0);
    close(ends[1]);
    check_refused(ends[0], ECAM_EFORMAT, "no POSIX shared memory");
    check_refused(open("/dev/zero", O_RDONLY), ECAM_EFORMAT, "no POSIX shared memory");
    check_refused(open("/dev/shm", O_RDONLY), ECAM_EFORMAT, "no POSIX shared memory");
    int sealable = memfd_create("test", MFD_ALLOW_SEALING);
    assert_int_equal(ftruncate(sealable, 4096), 0);
    assert_false(ecam_segment_is(sealable));
    check_refused(sealable, ECAM_EFORMAT, "no POSIX shared memory");
    check_refused(make(4095, false), ECAM_ELIMIT, "4095 bytes; expected 4096 to 8192");
    check_refused(make(8193, false), ECAM_ELIMIT, "8193 bytes");
    check_refused(make(0, false), ECAM_ELIMIT, "0 bytes");
}

static void a_segment_with_a_name_is_refused(void **state)
{
    int fd = make(4096, true);
    char path[64], target[128] = "";

    (void)state;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    assert_true(readlink(path, target, sizeof target - 1) > 0);
    check_refused(fd, ECAM_EFORMAT, "without a name");
    assert_int_equal(unlink(target), 0);
}

/* ---- rings in segments ---- */

typedef struct pair {
    int fd; /* for writing */
    ecam_ring_writer writer;
    ecam_ring_reader reader;
    ecam_ring_place place;
} pair;

/* A ring's bytes, as a real one has them, in a segment that the test can cut off;
 * one record is in it. */
static void make_ring(pair *p)
{
    static const char text[4000] = "the record";
    const size_t size = sizeof text;
    ecam_error error;

    CHECK_OK(ecam_ring_create(8192, &p->writer, &error), error);
    ecam_ring_begin(&p->writer, ecam_ring_record_bytes(&size, 1));
    p->place = ecam_ring_put(&p->writer, text, size);
    ecam_ring_commit(&p->writer);
    p->fd = make(RING_BYTES, false);
    assert_int_equal(pwrite(p->fd, p->writer.memory.map, RING_BYTES, 0), RING_BYTES);
    CHECK_OK(ecam_ring_open(dup(p->fd), &p->reader, &error), error);
    assert_true(p->reader.unmapped);
}

static void drop_ring(pair *p)
{
    ecam_ring_close(&p->reader);
    ecam_ring_destroy(&p->writer);
    close(p->fd);
}

static void a_ring_in_a_segment_is_read(void **state)
{
    char copy[4000];
    const void *found;
    ecam_error error;
    pair p;

    (void)state;
    make_ring(&p);
    CHECK_OK(ecam_ring_find(&p.reader, &p.place, &found, &error), error);
    assert_true(ecam_ring_fetch(&p.reader, copy, found, p.place.size));
    assert_true(ecam_ring_intact(&p.reader, p.place.ticket));
    assert_string_equal(copy, "the record");
    const uint64_t far = 8192 + 64;
    assert_int_equal(pwrite(p.fd, &far, 8, 64), 8); /* the writer has come round */
    assert_false(ecam_ring_intact(&p.reader, p.place.ticket));
    CHECK_STATUS(ecam_ring_find(&p.reader, &p.place, &found, &error), ECAM_ECLOSED);
    drop_ring(&p);
}

static void a_ring_that_is_cut_off_is_lost_and_no_signal(void **state)
{
    static const off_t left[] = {8000, 4096 + 64, 4096, 100, 0};
    char copy[4000];
    const void *found, *none;
    ecam_error error;
    pair p;

    (void)state;
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        make_ring(&p);
        CHECK_OK(ecam_ring_find(&p.reader, &p.place, &found, &error), error);
        assert_int_equal(ftruncate(p.fd, left[i]), 0);
        assert_false(ecam_ring_fetch(&p.reader, copy, found, p.place.size));
        ecam_status st = ecam_ring_find(&p.reader, &p.place, &none, &error);
        assert_int_equal(st, left[i] >= 4096 + 64 ? ECAM_OK : ECAM_ECLOSED);
        assert_true(ecam_ring_intact(&p.reader, p.place.ticket) == (left[i] >= 72));
        drop_ring(&p);
    }
}

static void headers_in_segments_are_checked_too(void **state)
{
    ecam_ring_reader reader;
    ecam_error error;

    (void)state;
    CHECK_STATUS(ecam_ring_open(make(RING_BYTES, false), &reader, &error), ECAM_EFORMAT);
    CHECK_TEXT_HAS(error.text, "no ring");
    assert_int_equal(reader.memory.fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(created_memory_is_nameless_and_all_there),
        cmocka_unit_test(who_gets_the_descriptor_cannot_write),
        cmocka_unit_test(names_of_killed_makers_are_removed),
        cmocka_unit_test(limits_are_failures_not_signals),
        cmocka_unit_test(what_is_no_segment_is_refused),
        cmocka_unit_test(a_segment_with_a_name_is_refused),
        cmocka_unit_test(a_ring_in_a_segment_is_read),
        cmocka_unit_test(a_ring_that_is_cut_off_is_lost_and_no_signal),
        cmocka_unit_test(headers_in_segments_are_checked_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
