/* Sealed memory: what is made, and what a peer may not hand over instead. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/memfd.h"
#include "support/check.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif
#define ALL_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

static void created_memory_is_sealed_and_all_there(void **state)
{
    ecam_memfd memory;
    ecam_error error;
    struct stat info;

    (void)state;
    CHECK_OK(ecam_memfd_create("test", 20000, &memory, &error), error);
    assert_int_equal(fcntl(memory.fd, F_GET_SEALS), ALL_SEALS);
    assert_int_equal(ftruncate(memory.fd, 4096), -1);
    assert_int_equal(ftruncate(memory.fd, 40960), -1);
    assert_true(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, memory.fd, 0) == MAP_FAILED);
    assert_int_equal(fallocate(memory.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
    assert_int_equal(fstat(memory.fd, &info), 0);
    assert_int_equal(info.st_size, 20000);
    assert_true(info.st_blocks >= 20480 / 512);
    memset(memory.map, 7, 20000); /* the maker may go on writing */
    ecam_memfd_close(&memory);
    assert_int_equal(memory.fd, -1);
    assert_null(memory.map);
    ecam_memfd_close(&memory);
}

static void a_forked_child_has_no_mapping(void **state)
{
    ecam_memfd memory;
    ecam_error error;
    int status;

    (void)state;
    CHECK_OK(ecam_memfd_create("test", 4096, &memory, &error), error);
    pid_t child = fork();
    if (child == 0) {
        unsigned char resident;
        _exit(mincore(memory.map, 4096, &resident) < 0 && errno == ENOMEM ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    ecam_memfd_close(&memory);
}

static void a_peer_reads_what_the_maker_writes(void **state)
{
    ecam_memfd mine, theirs;
    ecam_error error;

    (void)state;
    CHECK_OK(ecam_memfd_create("test", 8192, &mine, &error), error);
    CHECK_OK(ecam_memfd_open(dup(mine.fd), 4096, 8192, &theirs, &error), error);
    assert_int_equal(theirs.bytes, 8192);
    strcpy(mine.map, "written later");
    assert_string_equal(theirs.map, "written later");
    ecam_memfd_close(&theirs);
    ecam_memfd_close(&mine);
}

static int memory_with(size_t bytes, bool allocate, int seals)
{
    int fd = memfd_create("test", MFD_ALLOW_SEALING | MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
    if (allocate)
        assert_int_equal(fallocate(fd, 0, 0, (off_t)bytes), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

static void check_refused(int fd, ecam_status expected, const char *says)
{
    ecam_memfd memory;
    ecam_error error;

    CHECK_STATUS(ecam_memfd_open(fd, 4096, 8192, &memory, &error), expected);
    CHECK_TEXT_HAS(error.text, says);
    assert_int_equal(memory.fd, -1);
    assert_null(memory.map);
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* closed */
}

static void missing_seals_are_refused(void **state)
{
    static const int seals[] = {F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_FUTURE_WRITE, F_SEAL_SEAL};

    (void)state;
    for (size_t i = 0; i < 4; i++)
        check_refused(memory_with(4096, true, ALL_SEALS & ~seals[i]), ECAM_EFORMAT, "sealed");
    check_refused(memory_with(4096, true, 0), ECAM_EFORMAT, "sealed");
}

static void wrong_sizes_and_holes_are_refused(void **state)
{
    (void)state;
    check_refused(memory_with(4095, true, ALL_SEALS), ECAM_ELIMIT, "4095 bytes; expected 4096 to 8192");
    check_refused(memory_with(8193, true, ALL_SEALS), ECAM_ELIMIT, "8193 bytes");
    check_refused(memory_with(0, false, ALL_SEALS), ECAM_ELIMIT, "0 bytes");
    check_refused(memory_with(8192, false, ALL_SEALS), ECAM_EFORMAT, "holes");
}

static void what_is_no_memory_is_refused(void **state)
{
    char path[] = "/tmp/ecam-memfd-XXXXXX";
    int file = mkstemp(path), ends[2];

    (void)state;
    assert_true(file >= 0);
    unlink(path);
    assert_int_equal(ftruncate(file, 4096), 0);
    check_refused(file, ECAM_EFORMAT, "no memfd");
    assert_int_equal(pipe(ends), 0);
    close(ends[1]);
    check_refused(ends[0], ECAM_EFORMAT, "no memfd");
    check_refused(open("/dev/zero", O_RDONLY), ECAM_EFORMAT, "no memfd");
    check_refused(-1, ECAM_EFORMAT, "no memfd");
}

/* The limits hold for a child, which says how it went by its exit status. */
static int create_limited(int resource, rlim_t limit)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        const struct rlimit limits = {limit, limit};
        ecam_memfd memory;
        setrlimit(resource, &limits);
        ecam_status st = ecam_memfd_create("test", (size_t)1 << 30, &memory, NULL);
        _exit(memory.fd == -1 && !memory.map ? (int)st : 100);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void limits_are_failures_not_signals(void **state)
{
    (void)state;
    assert_int_equal(create_limited(RLIMIT_FSIZE, 1 << 20), ECAM_EIO);
    assert_int_equal(create_limited(RLIMIT_NOFILE, 3), ECAM_EIO);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_int_equal(create_limited(RLIMIT_AS, (rlim_t)256 << 20), ECAM_ENOMEM);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(created_memory_is_sealed_and_all_there),
        cmocka_unit_test(a_forked_child_has_no_mapping),
        cmocka_unit_test(a_peer_reads_what_the_maker_writes),
        cmocka_unit_test(missing_seals_are_refused),
        cmocka_unit_test(wrong_sizes_and_holes_are_refused),
        cmocka_unit_test(what_is_no_memory_is_refused),
        cmocka_unit_test(limits_are_failures_not_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
