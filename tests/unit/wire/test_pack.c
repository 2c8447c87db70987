/* What the packer and the topic writer produce, byte by byte. */
#include "support/check.h"
#include "wire/pack.h"
#include "wire/topic.h"

static void check_bytes(const ecam_buffer *buffer, const char *bytes, size_t size)
{
    assert_int_equal(buffer->size, size);
    assert_memory_equal(buffer->data, bytes, size);
}

static void a_map_is_counted_at_its_end(void **state)
{
    static const char expected[] = "\xde\x00\x07"
                                   "\xa1" "a\x05"
                                   "\xa1" "b\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"
                                   "\xa1" "c\xa2hi"
                                   "\xa1" "d\xc0"
                                   "\xa1" "e\x93\xc3\xc2\xff"
                                   "\xa1" "f\x81\xa1x\xcf\xff\xff\xff\xff\xff\xff\xff\xff"
                                   "\xa1" "g\xc0";
    ecam_buffer buffer = {0};
    ecam_packer p;

    (void)state;
    CHECK_STATUS(ecam_buffer_append(&buffer, "old", 3), ECAM_OK);
    ecam_pack_begin(&p, &buffer);
    ecam_pack_uint_entry(&p, "a", 5);
    ecam_pack_double_entry(&p, "b", 1.5);
    ecam_pack_text_entry(&p, "c", "hi");
    ecam_pack_text_entry(&p, "d", NULL);
    ecam_pack_key(&p, "e");
    ecam_pack_list(&p, 3);
    ecam_pack_bool(&p, true);
    ecam_pack_bool(&p, false);
    ecam_pack_int(&p, -1);
    ecam_pack_key(&p, "f");
    ecam_pack_map(&p, 1);
    ecam_pack_text(&p, "x");
    ecam_pack_uint(&p, UINT64_MAX);
    ecam_pack_key(&p, "g");
    ecam_pack_nil(&p);
    CHECK_STATUS(ecam_pack_end(&p), ECAM_OK);
    check_bytes(&buffer, expected, sizeof expected - 1);

    ecam_pack_begin(&p, &buffer);
    CHECK_STATUS(ecam_pack_end(&p), ECAM_OK);
    check_bytes(&buffer, "\xde\x00\x00", 3);
    ecam_buffer_finish(&buffer);
}

static void a_topic_has_a_bar_after_each_part(void **state)
{
    const ecam_topic_part parts[] = {{"type", "batch"}, {"mode", "train"}, {"ds_id", ""},
                                     {"run", "r"}};
    ecam_buffer topic = {0};

    (void)state;
    CHECK_STATUS(ecam_topic_write(parts, 4, &topic), ECAM_OK);
    check_bytes(&topic, "batch|train||r|", 15);
    CHECK_STATUS(ecam_topic_write(parts, 1, &topic), ECAM_OK);
    check_bytes(&topic, "batch|", 6);
    ecam_buffer_finish(&topic);
}

static void a_topic_is_checked_part_by_part(void **state)
{
    static const struct {
        const char *topic;
        ecam_status expected;
        const char *bad_key;
    } cases[] = {
        {"bye|r|", ECAM_OK, NULL},
        {"bye|r", ECAM_EINVAL, "topic"},
        {"bye|r||", ECAM_EINVAL, "topic"},
        {"byes|r|", ECAM_EINVAL, "type"},
        {"by|r|", ECAM_EINVAL, "type"},
        {"bye||", ECAM_EINVAL, "run"},
        {"bye|rr|", ECAM_EINVAL, "run"},
        {"", ECAM_EINVAL, "topic"},
    };
    const ecam_topic_part parts[] = {{"type", "bye"}, {"run", "r"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const ecam_frame frame = {cases[i].topic, strlen(cases[i].topic)};
        ecam_reader r = {0};
        ecam_topic_check(&r, &frame, parts, 2);
        CHECK_STATUS(r.status, cases[i].expected);
        if (cases[i].bad_key)
            assert_string_equal(r.bad_key, cases[i].bad_key);
    }
    const ecam_frame none = {NULL, 0};
    ecam_reader r = {0};
    ecam_topic_check(&r, &none, parts, 2);
    CHECK_STATUS(r.status, ECAM_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_is_counted_at_its_end),
        cmocka_unit_test(a_topic_has_a_bar_after_each_part),
        cmocka_unit_test(a_topic_is_checked_part_by_part),
    };
    return cmocka_run_group_tests_name("pack", tests, NULL, NULL);
}
