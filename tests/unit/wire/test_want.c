/* `want` messages: out and in again, and those that are refused. */
#include "support/check.h"
#include "wire/pack.h"
#include "wire/want.h"

static const char *const runs[] = {"r1", "r2"};
static const char *const ds_ids[] = {"!a"};
static const char *const keys[] = {"images", "activations"};

static ecam_status decode(const ecam_buffer *header, ecam_arena *arena, ecam_want *out, ecam_error *error)
{
    const ecam_frame frames[] = {{"want", 4}, {header->data, header->size}};
    return ecam_want_decode(frames, 2, arena, out, error);
}

static void a_want_survives_the_wire(void **state)
{
    const ecam_interest interests[] = {
        {.runs = {runs, 2}, .ds_ids = {ds_ids, 1}, .keys = {keys, 2}, .modes = 1u << ECAM_MODE_TEST, .n_samples = 9},
        {.modes = 0},
    };
    const ecam_want want = {.stage = UINT64_MAX, .generation = 3, .ttl_ms = 10000, .socket = "@x",
                            .interests = interests, .n_interests = 2};
    ecam_buffer header = {0};
    ecam_arena arena;
    ecam_error error;
    ecam_want got;

    (void)state;
    ecam_arena_init(&arena, 0);
    CHECK_STATUS(ecam_want_encode(&want, &header), ECAM_OK);
    CHECK_OK(decode(&header, &arena, &got, &error), error);
    assert_true(got.stage == UINT64_MAX && got.generation == 3 && got.ttl_ms == 10000);
    assert_string_equal(got.socket, "@x");
    assert_int_equal(got.n_interests, 2);
    assert_string_equal(got.interests[0].runs.items[1], "r2");
    assert_string_equal(got.interests[0].ds_ids.items[0], "!a");
    assert_string_equal(got.interests[0].keys.items[1], "activations");
    assert_int_equal(got.interests[0].modes, 1u << ECAM_MODE_TEST);
    assert_int_equal(got.interests[0].n_samples, 9);
    assert_true(ecam_interest_names(&got.interests[0], "r2") && !ecam_interest_names(&got.interests[0], "r"));
    assert_int_equal(got.interests[1].modes, 0); /* said to be none, not left open */
    assert_int_equal(got.interests[1].keys.n, 0);
    ecam_buffer_finish(&header);
    ecam_arena_finish(&arena);
}

static void begin(ecam_packer *p, ecam_buffer *header, uint64_t ttl_ms)
{
    ecam_pack_begin(p, header);
    ecam_pack_uint_entry(p, "v", 1);
    ecam_pack_text_entry(p, "type", "want");
    ecam_pack_uint_entry(p, "stage", 1);
    ecam_pack_uint_entry(p, "ttl_ms", ttl_ms);
}

static void check_decoded(ecam_packer *p, ecam_buffer *header, ecam_status expected)
{
    ecam_arena arena;
    ecam_error error;
    ecam_want got;

    CHECK_STATUS(ecam_pack_end(p), ECAM_OK);
    ecam_arena_init(&arena, 0);
    CHECK_STATUS(decode(header, &arena, &got, &error), expected);
    ecam_arena_finish(&arena);
}

static void what_is_left_open_takes_everything(void **state)
{
    ecam_buffer header = {0};
    ecam_arena arena;
    ecam_packer p;
    ecam_want got;

    (void)state;
    ecam_arena_init(&arena, 0);
    begin(&p, &header, 1);
    ecam_pack_key(&p, "interests");
    ecam_pack_list(&p, 1);
    ecam_pack_map(&p, 0);
    CHECK_STATUS(ecam_pack_end(&p), ECAM_OK);
    CHECK_STATUS(decode(&header, &arena, &got, NULL), ECAM_OK);
    assert_null(got.socket);
    assert_int_equal(got.n_interests, 1);
    assert_int_equal(got.interests[0].modes, ECAM_ALL_MODES);
    assert_int_equal(got.interests[0].n_samples + got.interests[0].runs.n, 0);
    ecam_buffer_finish(&header);
    ecam_arena_finish(&arena);
}

static void faulty_wants_are_refused(void **state)
{
    ecam_buffer header = {0};
    ecam_packer p;

    (void)state;
    begin(&p, &header, 0);
    check_decoded(&p, &header, ECAM_EINVAL); /* ttl_ms */
    begin(&p, &header, 3600001);
    check_decoded(&p, &header, ECAM_EINVAL);
    begin(&p, &header, 1);
    ecam_pack_text_entry(&p, "socket", "x");
    check_decoded(&p, &header, ECAM_EINVAL);
    begin(&p, &header, 1);
    ecam_pack_text_entry(&p, "interests", "all");
    check_decoded(&p, &header, ECAM_ETYPE);
    begin(&p, &header, 1);
    ecam_pack_key(&p, "interests");
    ecam_pack_list(&p, 1);
    ecam_pack_map(&p, 1);
    ecam_pack_text(&p, "modes");
    ecam_pack_list(&p, 1);
    ecam_pack_text(&p, "evil");
    check_decoded(&p, &header, ECAM_EINVAL);
    ecam_buffer_finish(&header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_want_survives_the_wire),
        cmocka_unit_test(what_is_left_open_takes_everything),
        cmocka_unit_test(faulty_wants_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
