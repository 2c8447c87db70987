/* What the test vectors do not say of decoding a trainer's message. */
#include "support/check.h"
#include "wire/message.h"
#include "wire/pack.h"

static ecam_status decode(const ecam_buffer *header, const char *topic, ecam_arena *arena,
                          ecam_message *m, ecam_error *error)
{
    const ecam_frame frames[] = {{topic, strlen(topic)}, {header->data, header->size}};
    return ecam_message_decode(frames, 2, arena, m, error);
}

/* A hello whose identity is whole and that ends with whatever `spoil` adds. */
static void pack_hello(ecam_packer *p, ecam_buffer *header, uint64_t version)
{
    ecam_pack_begin(p, header);
    ecam_pack_uint_entry(p, "v", version);
    ecam_pack_text_entry(p, "type", "hello");
    ecam_pack_text_entry(p, "run", "r");
    ecam_pack_uint_entry(p, "rank", 3);
    ecam_pack_uint_entry(p, "session", 77);
    ecam_pack_uint_entry(p, "seq", 9);
}

static void the_sender_is_known_after_a_failure(void **state)
{
    ecam_buffer header = {0};
    ecam_arena arena;
    ecam_message m;
    ecam_error error;
    ecam_packer p;

    (void)state;
    ecam_arena_init(&arena, 0);
    pack_hello(&p, &header, 2);
    CHECK_STATUS(ecam_pack_end(&p), ECAM_OK);
    CHECK_STATUS(decode(&header, "hello|r|", &arena, &m, &error), ECAM_EVERSION);
    assert_string_equal(m.bad_key, "v");
    assert_string_equal(m.run, "r");
    assert_string_equal(m.topic, "hello|r|");
    assert_true(m.has_rank && m.rank == 3);
    assert_true(m.has_session && m.session == 77);
    assert_true(m.has_seq && m.seq == 9);
    ecam_arena_finish(&arena);
    ecam_buffer_finish(&header);
}

static void what_is_wrong_itself_is_not_reported_as_known(void **state)
{
    ecam_buffer header = {0};
    ecam_arena arena;
    ecam_message m;
    ecam_packer p;

    (void)state;
    ecam_arena_init(&arena, 0);
    ecam_pack_begin(&p, &header);
    ecam_pack_uint_entry(&p, "v", 1);
    ecam_pack_text_entry(&p, "type", "hello");
    ecam_pack_text_entry(&p, "run", "a|b");
    ecam_pack_text_entry(&p, "rank", "3");
    CHECK_STATUS(ecam_pack_end(&p), ECAM_OK);
    CHECK_STATUS(decode(&header, "hello|a|b|", &arena, &m, NULL), ECAM_EINVAL);
    assert_string_equal(m.run, "");
    assert_false(m.has_rank || m.has_session || m.has_seq);
    ecam_arena_finish(&arena);
    ecam_buffer_finish(&header);
}

static void an_unclean_topic_is_brought_to_text(void **state)
{
    const ecam_frame frames[] = {{"a\xff\nb\0c", 6}, {"\xc1", 1}};
    ecam_arena arena;
    ecam_message m;

    (void)state;
    ecam_arena_init(&arena, 0);
    CHECK_STATUS(ecam_message_decode(frames, 2, &arena, &m, NULL), ECAM_EFORMAT);
    assert_string_equal(m.topic, "a\xef\xbf\xbd b\xef\xbf\xbd" "c");
    CHECK_STATUS(ecam_message_decode(NULL, 0, &arena, &m, NULL), ECAM_EFORMAT);
    assert_string_equal(m.topic, "");
    ecam_arena_finish(&arena);
}

/* A NumPy scalar in a list: {nd: False, type, data}. */
static void pack_scalar(ecam_packer *p, const char *type, const void *data, size_t size)
{
    ecam_pack_map(p, 3);
    ecam_pack_text(p, "nd");
    ecam_pack_bool(p, false);
    ecam_pack_text(p, "type");
    ecam_pack_text(p, type);
    ecam_pack_text(p, "data");
    const unsigned char lead[2] = {0xc4, (unsigned char)size};
    p->status = ecam_buffer_append(p->out, lead, 2);
    if (p->status == ECAM_OK)
        p->status = ecam_buffer_append(p->out, data, size);
}

static void scalars_in_a_list_keep_64_bits(void **state)
{
    const uint64_t large = UINT64_MAX - 1;
    const int64_t small = INT64_MIN + 1;
    const int32_t middle = -7;
    ecam_buffer header = {0};
    ecam_arena arena;
    ecam_message m;
    ecam_error error;
    ecam_packer p;

    (void)state;
    ecam_arena_init(&arena, 0);
    ecam_pack_begin(&p, &header);
    ecam_pack_uint_entry(&p, "v", 1);
    ecam_pack_text_entry(&p, "type", "batch");
    ecam_pack_text_entry(&p, "run", "r");
    ecam_pack_uint_entry(&p, "epoch", 0);
    ecam_pack_text_entry(&p, "mode", "infer");
    ecam_pack_uint_entry(&p, "step", 0);
    ecam_pack_key(&p, "data");
    ecam_pack_map(&p, 1);
    ecam_pack_text(&p, "y");
    ecam_pack_list(&p, 4);
    ecam_pack_uint(&p, 5);
    pack_scalar(&p, "<u8", &large, 8);
    pack_scalar(&p, "<i8", &small, 8);
    pack_scalar(&p, "<i4", &middle, 4);
    CHECK_STATUS(ecam_pack_end(&p), ECAM_OK);
    CHECK_OK(decode(&header, "batch|infer||r|", &arena, &m, &error), error);
    const ecam_field *y = ecam_message_field(&m, "y");
    assert_true(y && !y->is_tensor && y->n_items == 4);
    assert_true(y->items[0].kind == ECAM_NODE_UINT && y->items[0].natural == 5);
    assert_true(y->items[1].kind == ECAM_NODE_UINT && y->items[1].natural == large);
    assert_true(y->items[2].kind == ECAM_NODE_INT && y->items[2].integer == small);
    assert_true(y->items[3].kind == ECAM_NODE_INT && y->items[3].integer == middle);
    assert_null(ecam_message_field(&m, "x"));
    ecam_arena_finish(&arena);
    ecam_buffer_finish(&header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sender_is_known_after_a_failure),
        cmocka_unit_test(what_is_wrong_itself_is_not_reported_as_known),
        cmocka_unit_test(an_unclean_topic_is_brought_to_text),
        cmocka_unit_test(scalars_in_a_list_keep_64_bits),
    };
    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
