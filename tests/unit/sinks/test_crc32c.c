#include "sinks/crc32c.h"

#include <stdlib.h>

#include "sinks/tensorboard_event.h"
#include "support/check.h"

/* RFC 3720, B.4, and the check value of the catalogue of CRCs. */
static void known_vectors(void **state)
{
    (void)state;
    uint8_t bytes[32];

    memset(bytes, 0, sizeof bytes);
    assert_int_equal(ecam_crc32c(0, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(ecam_crc32c(0, bytes, 32), 0x62a8ab43);
    for (int i = 0; i < 32; i++)
        bytes[i] = (uint8_t)i;
    assert_int_equal(ecam_crc32c(0, bytes, 32), 0x46dd794e);
    assert_int_equal(ecam_crc32c_plain(0, bytes, 32), 0x46dd794e);
    for (int i = 0; i < 32; i++)
        bytes[i] = (uint8_t)(31 - i);
    assert_int_equal(ecam_crc32c(0, bytes, 32), 0x113fdb5c);
    assert_int_equal(ecam_crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(ecam_crc32c_plain(0, "123456789", 9), 0xe3069283);
    assert_int_equal(ecam_crc32c(0, "", 0), 0);
}

static void both_ways_agree_at_every_length_and_place(void **state)
{
    (void)state;
    uint8_t bytes[300];

    srand(7);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)rand();
    for (size_t at = 0; at < 9; at++)
        for (size_t n = 0; n <= sizeof bytes - at; n++)
            assert_int_equal(ecam_crc32c(0, bytes + at, n), ecam_crc32c_plain(0, bytes + at, n));
}

static void pieces_make_the_whole(void **state)
{
    (void)state;
    const char *text = "the quick brown fox jumps over the lazy dog";

    for (size_t n = 0; n <= strlen(text); n++) {
        uint32_t crc = ecam_crc32c(0, text, n);
        assert_int_equal(ecam_crc32c(crc, text + n, strlen(text) - n), ecam_crc32c(0, text, strlen(text)));
    }
}

/* The head with which TensorFlow's own event files begin: an event of 24 bytes. */
static void heads_are_as_tensorflow_writes_them(void **state)
{
    (void)state;
    uint8_t head[] = {0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22};
    uint64_t size;

    assert_true(ecam_record_size(head, &size));
    assert_int_equal(size, 24);
    for (size_t i = 0; i < sizeof head; i++) {
        head[i] ^= 0x10;
        assert_false(ecam_record_size(head, &size));
        head[i] ^= 0x10;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_vectors),
        cmocka_unit_test(both_ways_agree_at_every_length_and_place),
        cmocka_unit_test(pieces_make_the_whole),
        cmocka_unit_test(heads_are_as_tensorflow_writes_them),
    };
    return cmocka_run_group_tests_name("crc32c", tests, NULL, NULL);
}
