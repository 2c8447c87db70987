/* What requests say: paths, numbers, hosts, tags and names, good and hostile. */
#include "support/check.h"

#include "web/request.h"

static ecam_route route_of(const char *path, int64_t *id)
{
    return ecam_request_route(path, id);
}

static void paths_take_their_routes(void **state)
{
    int64_t id;

    (void)state;
    assert_int_equal(route_of("/api/store", &id), ECAM_ROUTE_STORE);
    assert_int_equal(route_of("/api/epochs", &id), ECAM_ROUTE_EPOCHS);
    assert_int_equal(route_of("/events", &id), ECAM_ROUTE_EVENTS);
    assert_int_equal(id, 0);
    assert_int_equal(route_of("/api/epochs/12", &id), ECAM_ROUTE_EPOCH);
    assert_int_equal(id, 12);
    assert_int_equal(route_of("/pictures/9223372036854775807", &id), ECAM_ROUTE_PICTURE);
    assert_true(id == INT64_MAX);
    assert_int_equal(route_of("/maps/7.npy", &id), ECAM_ROUTE_MAP);
    assert_int_equal(id, 7);
}

static void other_paths_take_none(void **state)
{
    static const char *const paths[] = {
        "", "/", "api/store", "/api/store/", "//api/store", "/pictures/", "/pictures/-1", "/pictures/+1", "/pictures/ 1",
        "/pictures/1 ", "/pictures/0x1", "/pictures/1.png", "/pictures/../1", "/pictures/9223372036854775808",
        "/pictures/00000000000000000001", "/maps/.npy", "/maps/7", "/maps/7.npy.npy", "/maps/7.npyx", "/api/epochs/1/",
        "http://host/api/store",
    };
    int64_t id;

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (route_of(paths[i], &id) != ECAM_ROUTE_OTHER)
            fail_msg("\"%s\" takes a route", paths[i]);
}

static void every_route_has_a_name(void **state)
{
    (void)state;
    for (ecam_route route = 0; route < ECAM_ROUTE_COUNT; route++)
        assert_non_null(ecam_route_name(route));
}

static void numbers_are_digits_within_bounds(void **state)
{
    uint64_t value;

    (void)state;
    assert_true(ecam_request_number("0", 10, &value) && value == 0);
    assert_true(ecam_request_number("10", 10, &value) && value == 10);
    assert_false(ecam_request_number("11", 10, &value));
    assert_false(ecam_request_number("", 10, &value));
    assert_false(ecam_request_number("1a", 100, &value));
    assert_false(ecam_request_number("-1", 100, &value));
    assert_true(ecam_request_number("9999999999999999999", UINT64_MAX, &value));
    assert_false(ecam_request_number("18446744073709551617", UINT64_MAX, &value)); /* would be 1 */
}

static void loopback_names_are_allowed(void **state)
{
    static const char *const good[] = {"localhost", "LOCALHOST:5580", "127.0.0.1", "127.0.0.1:80", "127.9.8.7:1",
                                       "[::1]", "[::1]:5580"};
    const ecam_hosts hosts = {.bind = "127.0.0.1"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!ecam_request_host_allowed(&hosts, good[i]))
            fail_msg("\"%s\" is refused", good[i]);
}

static void foreign_names_are_refused(void **state)
{
    static const char *const bad[] = {"", ":80", "evil.example", "evil.example:5580", "localhost.evil.example",
                                      "127.0.0.1.evil.example", "127.0.0.1:80:80", "localhost:", "localhost:x",
                                      "localhost:65536", "localhost:-1", "10.0.0.1", "[::1", "[::1]x", "[]", "[fe80::1]",
                                      "localhost ", " localhost", "localhost@evil.example", "2130706433", "0x7f.1"};
    const ecam_hosts hosts = {.bind = "127.0.0.1"};
    char longest[2000];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (ecam_request_host_allowed(&hosts, bad[i]))
            fail_msg("\"%s\" is allowed", bad[i]);
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_false(ecam_request_host_allowed(&hosts, longest));
    assert_false(ecam_request_host_allowed(&hosts, NULL));
}

static void names_and_addresses_can_be_added(void **state)
{
    static const char *const names[] = {"gpu-box", "gallery.example"};
    const ecam_hosts hosts = {.names = names, .n_names = 2, .bind = "10.0.0.1"};
    const ecam_hosts all = {.bind = "0.0.0.0", .any_address = true};
    const ecam_hosts any = {.any = true};

    (void)state;
    assert_true(ecam_request_host_allowed(&hosts, "GPU-box:5580"));
    assert_true(ecam_request_host_allowed(&hosts, "gallery.example"));
    assert_true(ecam_request_host_allowed(&hosts, "10.0.0.1:80"));
    assert_false(ecam_request_host_allowed(&hosts, "10.0.0.2"));
    assert_true(ecam_request_host_allowed(&all, "10.0.0.2"));
    assert_true(ecam_request_host_allowed(&all, "[fe80::1]:80"));
    assert_false(ecam_request_host_allowed(&all, "evil.example"));
    assert_true(ecam_request_host_allowed(&any, "evil.example"));
}

static void tags_match_whole(void **state)
{
    (void)state;
    assert_true(ecam_request_etag_matches("\"a\"", "\"a\""));
    assert_true(ecam_request_etag_matches("\"b\", W/\"a\"", "\"a\""));
    assert_true(ecam_request_etag_matches("*", "\"a\""));
    assert_false(ecam_request_etag_matches(NULL, "\"a\""));
    assert_false(ecam_request_etag_matches("", "\"a\""));
    assert_false(ecam_request_etag_matches("a", "\"a\""));
    assert_false(ecam_request_etag_matches("\"aa\"", "\"a\""));
    assert_false(ecam_request_etag_matches("\"a", "\"a\""));
    assert_false(ecam_request_etag_matches("\"b\",,\"c\"", "\"a\""));
}

static void check_name(const char *text, size_t capacity, const char *expected)
{
    char out[64];

    assert_true(capacity <= sizeof out);
    assert_string_equal(ecam_request_file_name(out, capacity, text), expected);
}

static void file_names_are_harmless(void **state)
{
    (void)state;
    check_name("run-1_a.png", 64, "run-1_a.png");
    check_name("../../etc/passwd", 64, "_._.._etc_passwd");
    check_name(".hidden", 64, "_hidden");
    check_name("a\"\r\nSet-Cookie: b", 64, "a_Set-Cookie_b");
    check_name("\xc3\xa4\xc3\xb6", 64, "_");
    check_name("", 64, "");
    check_name("abcdef", 4, "abc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_take_their_routes),
        cmocka_unit_test(other_paths_take_none),
        cmocka_unit_test(every_route_has_a_name),
        cmocka_unit_test(numbers_are_digits_within_bounds),
        cmocka_unit_test(loopback_names_are_allowed),
        cmocka_unit_test(foreign_names_are_refused),
        cmocka_unit_test(names_and_addresses_can_be_added),
        cmocka_unit_test(tags_match_whole),
        cmocka_unit_test(file_names_are_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
