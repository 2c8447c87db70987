/* The two packets, over a real socket pair. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shm/greeting.h"
#include "shm/page.h"
#include "support/check.h"

static void open_pair(int ends[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
}

static void close_pair(int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

static void an_offer_arrives_with_its_descriptor(void **state)
{
    ecam_offer sent = {.session = UINT64_MAX, .rank = 3, .has_ring = true, .wants_page = true}, got;
    int ends[2], fd, file = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)state;
    open_pair(ends);
    memset(sent.run, 'r', 128);
    memset(sent.endpoint, 'e', 256);
    CHECK_STATUS(ecam_offer_receive(ends[1], &got, &fd), ECAM_EAGAIN);
    CHECK_STATUS(ecam_offer_send(ends[0], &sent, file), ECAM_OK);
    CHECK_STATUS(ecam_offer_receive(ends[1], &got, &fd), ECAM_OK);
    assert_true(fd >= 0 && fd != file);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_true(got.session == UINT64_MAX && got.rank == 3 && got.has_ring && got.wants_page);
    assert_string_equal(got.run, sent.run);
    assert_string_equal(got.endpoint, sent.endpoint);
    close(fd);
    close(file);
    close_pair(ends);
}

static void an_offer_may_come_without_a_ring(void **state)
{
    ecam_offer sent = {.session = 1, .run = "r"}, got;
    int ends[2], fd;

    (void)state;
    open_pair(ends);
    CHECK_STATUS(ecam_offer_send(ends[0], &sent, -1), ECAM_OK);
    CHECK_STATUS(ecam_offer_receive(ends[1], &got, &fd), ECAM_OK);
    assert_int_equal(fd, -1);
    assert_false(got.has_ring || got.wants_page);
    assert_string_equal(got.run, "r");
    assert_string_equal(got.endpoint, "");
    close_pair(ends);
}

static void an_answer_arrives(void **state)
{
    ecam_answer got;
    ecam_memfd page, theirs;
    ecam_error error;
    int ends[2], fd;

    (void)state;
    open_pair(ends);
    CHECK_OK(ecam_page_create(&page, &error), error);
    CHECK_STATUS(ecam_answer_send(ends[0], &(ecam_answer){.ring = 7, .has_page = true}, page.fd), ECAM_OK);
    CHECK_STATUS(ecam_answer_receive(ends[1], &got, &fd), ECAM_OK);
    assert_true(got.ring == 7 && got.has_page);
    CHECK_OK(ecam_page_open(fd, &theirs, &error), error);
    ecam_page_set(&page, UINT64_C(1) << 40);
    assert_true(ecam_page_get(&theirs) == UINT64_C(1) << 40);
    ecam_memfd_close(&theirs);
    ecam_memfd_close(&page);
    close(ends[0]);
    CHECK_STATUS(ecam_answer_receive(ends[1], &got, &fd), ECAM_ECLOSED);
    CHECK_STATUS(ecam_offer_send(ends[1], &(ecam_offer){.run = "r"}, -1), ECAM_ECLOSED);
    close(ends[1]);
}

static void check_bytes_refused(int ends[2], const void *bytes, size_t size)
{
    ecam_offer offer;
    ecam_answer answer;
    int fd;

    assert_int_equal(send(ends[0], bytes, size, 0), (ssize_t)size);
    CHECK_STATUS(ecam_offer_receive(ends[1], &offer, &fd), ECAM_EFORMAT);
    assert_int_equal(fd, -1);
    assert_int_equal(send(ends[0], bytes, size, 0), (ssize_t)size);
    CHECK_STATUS(ecam_answer_receive(ends[1], &answer, &fd), ECAM_EFORMAT);
    assert_int_equal(fd, -1);
}

static void other_packets_are_refused(void **state)
{
    unsigned char bytes[1000] = {0};
    int ends[2];

    (void)state;
    open_pair(ends);
    for (size_t size = 1; size <= sizeof bytes; size += 37)
        check_bytes_refused(ends, bytes, size);
    check_bytes_refused(ends, bytes, 24);
    check_bytes_refused(ends, bytes, 424);
    close_pair(ends);
}

/* An offer whose length of the run, version or flags lie. */
static void offers_that_lie_are_refused(void **state)
{
    static const struct {
        size_t at;
        uint32_t value;
    } lies[] = {{0, 0}, {8, 2}, {12, 1} /* a ring, and none comes */, {28, 129}, {28, UINT32_MAX}, {32, 257}};
    unsigned char packet[424];
    ecam_offer offer = {.session = 1, .run = "r"};
    int ends[2], fd;

    (void)state;
    open_pair(ends);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        CHECK_STATUS(ecam_offer_send(ends[0], &offer, -1), ECAM_OK);
        assert_int_equal(recv(ends[1], packet, sizeof packet, 0), sizeof packet);
        memcpy(packet + lies[i].at, &lies[i].value, 4);
        assert_int_equal(send(ends[0], packet, sizeof packet, 0), sizeof packet);
        CHECK_STATUS(ecam_offer_receive(ends[1], &offer, &fd), ECAM_EFORMAT);
    }
    offer.has_ring = false; /* and a descriptor comes all the same */
    int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK_STATUS(ecam_offer_send(ends[0], &offer, file), ECAM_OK);
    CHECK_STATUS(ecam_offer_receive(ends[1], &offer, &fd), ECAM_EFORMAT);
    assert_int_equal(fd, -1);
    close(file);
    close_pair(ends);
}

static void check_reached(const char *name)
{
    int listener = ecam_greeting_listen(name), fd;

    assert_true(listener >= 0);
    fd = ecam_greeting_connect(name);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    int peer = accept(listener, NULL, NULL);
    CHECK_STATUS(ecam_offer_send(fd, &(ecam_offer){.run = "r"}, -1), ECAM_OK);
    ecam_offer offer;
    int got;
    CHECK_STATUS(ecam_offer_receive(peer, &offer, &got), ECAM_OK);
    close(peer);
    close(fd);
    close(listener);
    assert_int_equal(ecam_greeting_connect(name), -1);
}

static void names_are_paths_or_abstract(void **state)
{
    char path[64], longest[109];

    (void)state;
    snprintf(path, sizeof path, "@ecam-greeting-%d", (int)getpid());
    check_reached(path);
    snprintf(path, sizeof path, "/tmp/ecam-greeting-%d", (int)getpid());
    check_reached(path);
    unlink(path);
    memset(longest, 'a', 108);
    longest[108] = '\0';
    assert_int_equal(ecam_greeting_connect(longest), -1);
    assert_int_equal(ecam_greeting_listen(longest), -1);
    assert_int_equal(ecam_greeting_connect(""), -1);
    assert_int_equal(ecam_greeting_connect("@"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_offer_arrives_with_its_descriptor),
        cmocka_unit_test(an_offer_may_come_without_a_ring),
        cmocka_unit_test(an_answer_arrives),
        cmocka_unit_test(other_packets_are_refused),
        cmocka_unit_test(offers_that_lie_are_refused),
        cmocka_unit_test(names_are_paths_or_abstract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
