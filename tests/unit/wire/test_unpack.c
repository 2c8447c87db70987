/* The structural scan and the tree that is made after it. */
#include <stdlib.h>

#include <msgpack.h>

#include "support/check.h"
#include "wire/scan.h"

#define SCAN(bytes, error) ecam_scan(bytes, sizeof bytes - 1, NULL, error)

/* Every lead byte with as many zero bytes as it wants: a scalar, an empty or
 * zeroed string, a container of nils (0x00 is the integer 0). */
static void scan_knows_every_lead_byte(void **state)
{
    static const struct {
        unsigned first, last;
        size_t tail; /* bytes that a whole object has after the lead */
        ecam_status expected;
    } leads[] = {
        {0x00, 0x7f, 0, ECAM_OK}, {0x80, 0x80, 0, ECAM_OK}, {0x81, 0x81, 2, ECAM_OK},
        {0x8f, 0x8f, 30, ECAM_OK}, {0x90, 0x90, 0, ECAM_OK}, {0x9f, 0x9f, 15, ECAM_OK},
        {0xa0, 0xa0, 0, ECAM_OK}, {0xbf, 0xbf, 31, ECAM_OK}, {0xc0, 0xc0, 0, ECAM_OK},
        {0xc1, 0xc1, 0, ECAM_EFORMAT}, {0xc2, 0xc3, 0, ECAM_OK}, {0xc4, 0xc4, 1, ECAM_OK},
        {0xc5, 0xc5, 2, ECAM_OK}, {0xc6, 0xc6, 4, ECAM_OK}, {0xc7, 0xc7, 2, ECAM_EFORMAT},
        {0xc8, 0xc8, 3, ECAM_EFORMAT}, {0xc9, 0xc9, 5, ECAM_EFORMAT}, {0xca, 0xca, 4, ECAM_OK},
        {0xcb, 0xcb, 8, ECAM_OK}, {0xcc, 0xcc, 1, ECAM_OK}, {0xcd, 0xcd, 2, ECAM_OK},
        {0xce, 0xce, 4, ECAM_OK}, {0xcf, 0xcf, 8, ECAM_OK}, {0xd0, 0xd0, 1, ECAM_OK},
        {0xd1, 0xd1, 2, ECAM_OK}, {0xd2, 0xd2, 4, ECAM_OK}, {0xd3, 0xd3, 8, ECAM_OK},
        {0xd4, 0xd4, 2, ECAM_EFORMAT}, {0xd5, 0xd5, 3, ECAM_EFORMAT}, {0xd6, 0xd6, 5, ECAM_EFORMAT},
        {0xd7, 0xd7, 9, ECAM_EFORMAT}, {0xd8, 0xd8, 17, ECAM_EFORMAT}, {0xd9, 0xd9, 1, ECAM_OK},
        {0xda, 0xda, 2, ECAM_OK}, {0xdb, 0xdb, 4, ECAM_OK}, {0xdc, 0xdc, 2, ECAM_OK},
        {0xdd, 0xdd, 4, ECAM_OK}, {0xde, 0xde, 2, ECAM_OK}, {0xdf, 0xdf, 4, ECAM_OK},
        {0xe0, 0xff, 0, ECAM_OK},
    };

    (void)state;
    for (size_t i = 0; i < sizeof leads / sizeof *leads; i++) {
        for (unsigned lead = leads[i].first; lead <= leads[i].last; lead++) {
            unsigned char bytes[40] = {(unsigned char)lead};
            ecam_status st = ecam_scan(bytes, leads[i].tail + 1, NULL, NULL);
            if (st != leads[i].expected)
                fail_msg("lead 0x%02x: %s", lead, ecam_status_word(st));
            if (leads[i].tail > 0)
                CHECK_STATUS(ecam_scan(bytes, leads[i].tail, NULL, NULL), ECAM_EFORMAT);
            CHECK_STATUS(ecam_scan(bytes, leads[i].tail + 2, NULL, NULL), ECAM_EFORMAT);
        }
    }
}

/* xorshift, so that every run is the same. */
static uint32_t random_next(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    *x ^= *x << 5;
    return *x;
}

static bool has_extension(const msgpack_object *o)
{
    bool found = o->type == MSGPACK_OBJECT_EXT;

    for (uint32_t i = 0; o->type == MSGPACK_OBJECT_ARRAY && i < o->via.array.size; i++)
        found = found || has_extension(&o->via.array.ptr[i]);
    for (uint32_t i = 0; o->type == MSGPACK_OBJECT_MAP && i < o->via.map.size; i++)
        found = found || has_extension(&o->via.map.ptr[i].key) ||
        has_extension(&o->via.map.ptr[i].val);
    return found;
}

/* Short random bytes that the scan accepts are one whole object to msgpack-c too. */
static void what_the_scan_accepts_msgpack_reads_whole(void **state)
{
    uint32_t x = 2463534242u;
    size_t accepted = 0;

    (void)state;
    for (int round = 0; round < 200000; round++) {
        unsigned char bytes[12];
        size_t size = 1 + random_next(&x) % sizeof bytes, end = 0;
        msgpack_unpacked unpacked;

        for (size_t i = 0; i < size; i++) /* small containers often */
            bytes[i] = (unsigned char)(random_next(&x) % 3
                                       ? random_next(&x) : 0x80 | (random_next(&x) & 0x13));
        ecam_status st = ecam_scan(bytes, size, NULL, NULL);
        /* what claims more than is there is never shown to msgpack-c */
        if (st == ECAM_OK) {
            msgpack_unpacked_init(&unpacked);
            assert_int_equal(msgpack_unpack_next(&unpacked, (char *)bytes, size, &end),
                             MSGPACK_UNPACK_SUCCESS);
            assert_int_equal(end, size);
            assert_false(has_extension(&unpacked.data));
            msgpack_unpacked_destroy(&unpacked);
            accepted++;
        }
    }
    assert_true(accepted > 1000);
}

static void scan_says_at_which_byte(void **state)
{
    ecam_error error;

    (void)state;
    CHECK_STATUS(SCAN("\x92\x01\xc1", &error), ECAM_EFORMAT);
    CHECK_TEXT_HAS(error.text, "byte 2 is 0xc1");
    CHECK_STATUS(SCAN("\x92\x01\xa5" "abc", &error), ECAM_EFORMAT);
    CHECK_TEXT_HAS(error.text, "byte 2 reaches beyond the 6 bytes");
    CHECK_STATUS(SCAN("\x92\x01\xdd\x00\x00\x00\x05", &error), ECAM_EFORMAT);
    CHECK_TEXT_HAS(error.text, "byte 2 claims 5 objects");
    CHECK_STATUS(SCAN("\x01\x02\x03", &error), ECAM_EFORMAT);
    CHECK_TEXT_HAS(error.text, "2 bytes follow");
    CHECK_STATUS(ecam_scan("", 0, NULL, &error), ECAM_EFORMAT);
    CHECK_STATUS(ecam_scan(NULL, 0, NULL, &error), ECAM_EFORMAT);
    CHECK_STATUS(SCAN("\xc4", &error), ECAM_EFORMAT);
}

static void scan_bounds_depth_and_nodes(void **state)
{
    const ecam_scan_limits three = {.depth = 3, .nodes = 5};
    ecam_error error;

    (void)state;
    CHECK_OK(ecam_scan("\x91\x91\x91\xc0", 4, &three, &error), error);
    CHECK_STATUS(ecam_scan("\x91\x91\x91\x90", 4, &three, &error), ECAM_ELIMIT);
    CHECK_TEXT_HAS(error.text, "byte 3 nests deeper than 3");
    CHECK_OK(ecam_scan("\x94\x01\x02\x03\x04", 5, &three, &error), error);
    CHECK_STATUS(ecam_scan("\x95\x01\x02\x03\x04\x05", 6, &three, &error), ECAM_ELIMIT);
    CHECK_TEXT_HAS(error.text, "more than 5 objects");
    /* an empty container is left at once */
    CHECK_OK(ecam_scan("\x93\x91\x90\x91\x90\x90", 6, &(ecam_scan_limits){3, 9}, &error), error);
    size_t nodes = 0;
    CHECK_OK(ecam_scan_count("\x82\x01\x02\x03\x91\xc0", 6, NULL, &nodes, &error), error);
    assert_int_equal(nodes, 6);
}

/* 2^20 objects and not one more: an array of 2^20 - 1 integers, and of 2^20. */
static void scan_takes_a_million_nodes(void **state)
{
    const size_t million = 1048576;
    unsigned char *bytes = calloc(1, million + 5);

    (void)state;
    assert_non_null(bytes);
    memcpy(bytes, "\xdd\x00\x0f\xff\xff", 5);
    CHECK_STATUS(ecam_scan(bytes, 5 + million - 1, NULL, NULL), ECAM_OK);
    memcpy(bytes, "\xdd\x00\x10\x00\x00", 5);
    CHECK_STATUS(ecam_scan(bytes, 5 + million, NULL, NULL), ECAM_ELIMIT);
    free(bytes);
}

static void unpack_makes_the_tree(void **state)
{
    /* {"a": [-1, 2^64-1, 1.5f, 0.25, true, nil], b"b": {}} */
    static const char bytes[] = "\x82\xa1" "a\x96\xff\xcf\xff\xff\xff\xff\xff\xff\xff\xff"
                                "\xca\x3f\xc0\x00\x00\xcb\x3f\xd0\x00\x00\x00\x00\x00\x00\xc3\xc0"
                                "\xc4\x01" "b\x80";
    const ecam_node *root;
    ecam_arena arena;
    ecam_error error;
    int64_t integer;
    double real;

    (void)state;
    ecam_arena_init(&arena, 0);
    CHECK_OK(ecam_unpack(bytes, sizeof bytes - 1, NULL, &arena, &root, &error), error);
    assert_int_equal(root->kind, ECAM_NODE_MAP);
    assert_int_equal(root->size, 2);
    const ecam_node *list = ecam_node_get(root, "a");
    assert_true(list && list->kind == ECAM_NODE_LIST && list->size == 6);
    assert_true(ecam_node_int(&list->items[0], &integer) && integer == -1);
    assert_int_equal(list->items[0].kind, ECAM_NODE_INT);
    assert_true(list->items[1].kind == ECAM_NODE_UINT && list->items[1].natural == UINT64_MAX);
    assert_true(ecam_node_number(&list->items[2], &real) && real == 1.5);
    assert_true(ecam_node_number(&list->items[3], &real) && real == 0.25);
    assert_true(list->items[4].kind == ECAM_NODE_BOOL && list->items[4].boolean);
    assert_int_equal(list->items[5].kind, ECAM_NODE_NIL);
    const ecam_node *map = ecam_node_get(root, "b");
    assert_true(map && map->kind == ECAM_NODE_MAP && map->size == 0);
    /* texts stay in the bytes */
    assert_ptr_equal(root->items[0].bytes, bytes + 2);
    ecam_arena_finish(&arena);
}

static void unpack_refuses(void **state)
{
    const ecam_node *root;
    ecam_arena arena;
    ecam_error error;

    (void)state;
    ecam_arena_init(&arena, 4 * sizeof(ecam_node));
    CHECK_STATUS(ecam_unpack("\xdd\xff\xff\xff\xff", 5, NULL, &arena, &root, &error), ECAM_EFORMAT);
    assert_null(root);
    CHECK_STATUS(ecam_unpack("\x94\x01\x01\x01\x01", 5, NULL, &arena, &root, &error), ECAM_ELIMIT);
    CHECK_TEXT_HAS(error.text, "96 bytes of memory");
    assert_null(root);
    CHECK_OK(ecam_unpack("\x93\x01\x01\x01", 4, NULL, &arena, &root, &error), error);
    ecam_arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scan_knows_every_lead_byte),
        cmocka_unit_test(what_the_scan_accepts_msgpack_reads_whole),
        cmocka_unit_test(scan_says_at_which_byte),
        cmocka_unit_test(scan_bounds_depth_and_nodes),
        cmocka_unit_test(scan_takes_a_million_nodes),
        cmocka_unit_test(unpack_makes_the_tree),
        cmocka_unit_test(unpack_refuses),
    };
    return cmocka_run_group_tests_name("unpack", tests, NULL, NULL);
}
