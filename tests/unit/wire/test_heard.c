/* `heard` messages: out and in again, and those that are refused. */
#include "support/check.h"
#include "wire/heard.h"
#include "wire/pack.h"

static ecam_status decode(const ecam_buffer *header, ecam_heard *out)
{
    const ecam_frame frames[] = {{ECAM_HEARD_TOPIC, 5}, {header->data, header->size}};
    ecam_arena arena;

    ecam_arena_init(&arena, 0);
    ecam_status st = ecam_heard_decode(frames, 2, &arena, out, NULL);
    ecam_arena_finish(&arena);
    return st;
}

static void a_heard_survives_the_wire(void **state)
{
    const ecam_heard heard = {.stage = 5, .sessions = {UINT64_MAX, 0, 7}, .n_sessions = 3};
    ecam_buffer header = {0};
    ecam_heard got;

    (void)state;
    CHECK_STATUS(ecam_heard_encode(&heard, &header), ECAM_OK);
    CHECK_STATUS(decode(&header, &got), ECAM_OK);
    assert_true(got.stage == 5 && got.n_sessions == 3);
    assert_true(ecam_heard_names(&got, UINT64_MAX) && ecam_heard_names(&got, 0) && ecam_heard_names(&got, 7));
    assert_false(ecam_heard_names(&got, 5));
    ecam_buffer_finish(&header);
}

static void is_told_by_its_topic(void **state)
{
    const ecam_frame heard = {"heard", 5}, longer = {"heards", 6}, want = {"want", 4};

    (void)state;
    assert_true(ecam_heard_is(&heard, 1));
    assert_false(ecam_heard_is(&longer, 1) || ecam_heard_is(&want, 1) || ecam_heard_is(&heard, 0));
}

static void begin(ecam_packer *p, ecam_buffer *header)
{
    ecam_pack_begin(p, header);
    ecam_pack_uint_entry(p, "v", 1);
    ecam_pack_text_entry(p, "type", "heard");
    ecam_pack_uint_entry(p, "stage", 1);
}

static void faulty_ones_are_refused(void **state)
{
    ecam_buffer header = {0};
    ecam_packer p;
    ecam_heard got;

    (void)state;
    begin(&p, &header);
    CHECK_STATUS(ecam_pack_end(&p), ECAM_OK);
    CHECK_STATUS(decode(&header, &got), ECAM_EMISSING);
    begin(&p, &header);
    ecam_pack_key(&p, "sessions");
    ecam_pack_list(&p, ECAM_HEARD_SESSIONS + 1);
    for (unsigned i = 0; i < ECAM_HEARD_SESSIONS + 1; i++)
        ecam_pack_uint(&p, i);
    CHECK_STATUS(ecam_pack_end(&p), ECAM_OK);
    CHECK_STATUS(decode(&header, &got), ECAM_ELIMIT);
    begin(&p, &header);
    ecam_pack_key(&p, "sessions");
    ecam_pack_list(&p, 2);
    ecam_pack_uint(&p, 1);
    ecam_pack_text(&p, "two");
    CHECK_STATUS(ecam_pack_end(&p), ECAM_OK);
    CHECK_STATUS(decode(&header, &got), ECAM_ETYPE);
    ecam_buffer_finish(&header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_heard_survives_the_wire),
        cmocka_unit_test(is_told_by_its_topic),
        cmocka_unit_test(faulty_ones_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
