/* Endpoint texts, with real sockets. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zmq.h>

#include "client/curve.h"
#include "client/endpoint.h"
#include "support/check.h"

static void *context;
static char folder[64];

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/ecam-endpoint-XXXXXX");
    context = zmq_ctx_new();
    return context && mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    zmq_ctx_term(context);
    return rmdir(folder);
}

static ecam_status attach(const char *endpoint, bool bind, ecam_error *error)
{
    void *socket = zmq_socket(context, ZMQ_PUB);

    assert_non_null(socket);
    CHECK_OK(ecam_socket_configure(socket, error), *error);
    ecam_status st = ecam_endpoint_attach(socket, endpoint, bind, error);
    zmq_close(socket);
    return st;
}

static void malformed_endpoints_are_refused_with_what_is_accepted(void **state)
{
    static const char *const bad[] = {
        "", "5560", "localhost:5560", "tcp://", "tcp://:5560", "tcp://127.0.0.1",
        "tcp://127.0.0.1:",
        "tcp://127.0.0.1:0", "tcp://127.0.0.1:65536", "tcp://127.0.0.1:-5", "tcp://127.0.0.1:55x",
        "tcp://127.0.0.1: 5560", "tcp://::1:5560", "tcp://[::1:5560", "udp://127.0.0.1:5560",
        "ipc://",
        "inproc://x", "bind:", "bind:bind:tcp://127.0.0.1:5560", "connect:", "http://127.0.0.1:80",
        "tcp:/127.0.0.1:5560", "TCP://127.0.0.1:5560",
    };
    ecam_error error;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (int bind = 0; bind < 2; bind++) {
            ecam_status st = attach(bad[i], bind, &error);
            if (st != ECAM_EINVAL)
                fail_msg("\"%s\" gave \"%s\"", bad[i], ecam_status_word(st));
            CHECK_TEXT_HAS(error.text, "tcp://host:port");
            CHECK_TEXT_HAS(error.text, "ipc://path");
            CHECK_TEXT_HAS(error.text, bad[i]);
        }
    }
    /* a wildcard is nothing to connect to */
    CHECK_STATUS(attach("connect:tcp://127.0.0.1:*", true, &error), ECAM_EINVAL);
    CHECK_STATUS(attach("tcp://*:5560", false, &error), ECAM_EINVAL);
}

static void the_prefix_wins_over_the_default(void **state)
{
    ecam_error error;

    (void)state;
    CHECK_OK(attach("tcp://127.0.0.1:*", true, &error), error);
    CHECK_OK(attach("bind:tcp://127.0.0.1:*", false, &error), error);
    CHECK_OK(attach("tcp://127.0.0.1:9", false, &error), error);
    CHECK_OK(attach("connect:tcp://localhost:9", true, &error), error);
    CHECK_OK(attach("tcp://[::1]:9", false, &error), error);
}

static void what_others_reach_needs_keys(void **state)
{
    static const char *const wide[] = {"tcp://*:*", "tcp://0.0.0.0:*", "bind:tcp://[::]:*", "tcp://192.0.2.1:5560", "tcp://eth0:*",
                                       "tcp://127.0.0.1.example:*", "tcp://128.0.0.1:*", "tcp://1270.0.0.1:*", "tcp://0:*"};
    static const char *const near[] = {"tcp://127.0.0.1:*", "tcp://127.1.2.3:*", "tcp://lo:*", "tcp://[::1]:*"};
    ecam_curve_keys keys;
    ecam_error error;

    (void)state;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        ecam_status st = attach(wide[i], true, &error);
        if (st != ECAM_EINVAL)
            fail_msg("\"%s\" gave \"%s\"", wide[i], ecam_status_word(st));
        CHECK_TEXT_HAS(error.text, wide[i]);
        CHECK_TEXT_HAS(error.text, "--insecure");
        CHECK_TEXT_HAS(error.text, "--key");
    }
    for (size_t i = 0; i < sizeof near / sizeof *near; i++)
        if (attach(near[i], true, &error) == ECAM_EINVAL)
            fail_msg("\"%s\": %s", near[i], error.text);
    CHECK_OK(ecam_curve_generate(&keys, &error), error);
    void *socket = zmq_socket(context, ZMQ_PUB), *open = zmq_socket(context, ZMQ_PUB);
    CHECK_OK(ecam_curve_serve(socket, &keys, &error), error);
    CHECK_OK(ecam_endpoint_attach(socket, "tcp://*:*", true, &error), error);
    CHECK_OK(ecam_endpoint_attach_as(open, "tcp://*:*", true, true, &error), error);
    zmq_close(socket);
    zmq_close(open);
}

static void a_context_has_room_for_few_sockets(void **state)
{
    void *few = ecam_context_create(), *socket;

    (void)state;
    assert_non_null(few);
    assert_in_range(zmq_ctx_get(few, ZMQ_MAX_SOCKETS), 8, 64);
    socket = zmq_socket(few, ZMQ_PUB);
    assert_non_null(socket);
    zmq_close(socket);
    zmq_ctx_term(few);
}

static void localhost_can_be_bound(void **state)
{
    ecam_error error;

    (void)state;
    CHECK_OK(attach("tcp://localhost:*", true, &error), error);
}

static void a_port_in_use_is_named(void **state)
{
    void *first = zmq_socket(context, ZMQ_PUB);
    char endpoint[128];
    size_t size = sizeof endpoint;
    ecam_error error;

    (void)state;
    CHECK_OK(ecam_endpoint_attach(first, "tcp://127.0.0.1:*", true, &error), error);
    assert_int_equal(zmq_getsockopt(first, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    CHECK_STATUS(attach(endpoint, true, &error), ECAM_EIO);
    CHECK_TEXT_HAS(error.text, endpoint);
    CHECK_TEXT_HAS(error.text, "is in use");
    zmq_close(first);
}

static void an_address_of_another_host_is_named(void **state)
{
    ecam_error error;

    (void)state;
    void *socket = zmq_socket(context, ZMQ_PUB);
    CHECK_STATUS(ecam_endpoint_attach_as(socket, "tcp://192.0.2.1:5560", true, true, &error), ECAM_EIO); /* RFC 5737: nobody's */
    zmq_close(socket);
    CHECK_TEXT_HAS(error.text, "tcp://192.0.2.1:5560");
    CHECK_TEXT_HAS(error.text, "no such address");
}

static void ipc_path(char *endpoint, size_t capacity, const char *name)
{
    snprintf(endpoint, capacity, "ipc://%s/%s", folder, name);
}

static void an_ipc_path_in_use_is_not_taken_over(void **state)
{
    void *first = zmq_socket(context, ZMQ_PUB);
    char endpoint[128];
    ecam_error error;

    (void)state;
    ipc_path(endpoint, sizeof endpoint, "s");
    CHECK_OK(ecam_endpoint_attach(first, endpoint, true, &error), error);
    CHECK_STATUS(attach(endpoint, true, &error), ECAM_EIO);
    CHECK_TEXT_HAS(error.text, "is in use");
    zmq_close(first);
    assert_int_equal(unlink(endpoint + 6), 0); /* it was left where it was */
}

/* What a killed process leaves: a socket file that nobody listens at. */
static void a_stale_ipc_path_is_taken_over(void **state)
{
    char endpoint[128];
    ecam_error error;

    (void)state;
    ipc_path(endpoint, sizeof endpoint, "stale");
    assert_int_equal(mknod(endpoint + 6, S_IFSOCK | 0600, 0), 0);
    CHECK_OK(attach(endpoint, true, &error), error);
    unlink(endpoint + 6);
}

static void a_file_in_the_way_is_left_alone(void **state)
{
    char endpoint[128];
    ecam_error error;

    (void)state;
    ipc_path(endpoint, sizeof endpoint, "file");
    FILE *file = fopen(endpoint + 6, "w");
    assert_non_null(file);
    fclose(file);
    CHECK_STATUS(attach(endpoint, true, &error), ECAM_EIO);
    CHECK_TEXT_HAS(error.text, "no socket");
    assert_int_equal(unlink(endpoint + 6), 0);
}

static void an_ipc_path_too_long_is_refused(void **state)
{
    char endpoint[256] = "ipc:///tmp/";
    ecam_error error;

    (void)state;
    memset(endpoint + strlen(endpoint), 'x', 120);
    CHECK_STATUS(attach(endpoint, true, &error), ECAM_EINVAL);
    CHECK_TEXT_HAS(error.text, "at most 107 bytes");
    CHECK_STATUS(attach("ipc:///nowhere/at/all", true, &error), ECAM_EIO);
    CHECK_TEXT_HAS(error.text, "ipc:///nowhere/at/all");
}

static void the_options_are_set(void **state)
{
    static const struct {
        int option, expected;
    } options[] = {
        {ZMQ_LINGER, 0}, {ZMQ_TCP_KEEPALIVE, 1}, {ZMQ_TCP_MAXRT, 3000}, {ZMQ_CONNECT_TIMEOUT, 2000},
        {ZMQ_RECONNECT_IVL_MAX, 1000}, {ZMQ_HEARTBEAT_IVL, 0}, {ZMQ_HEARTBEAT_TTL, 0},
        {ZMQ_HANDSHAKE_IVL, ECAM_HANDSHAKE_MS}, {ZMQ_BACKLOG, 1024},
    };
    void *socket = zmq_socket(context, ZMQ_SUB);
    ecam_error error;
    int64_t bytes = 0;
    size_t size = sizeof bytes;

    (void)state;
    CHECK_OK(ecam_socket_configure(socket, &error), error);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        int value = -2;
        size_t value_size = sizeof value;
        assert_int_equal(zmq_getsockopt(socket, options[i].option, &value, &value_size), 0);
        assert_int_equal(value, options[i].expected);
    }
    assert_int_equal(zmq_getsockopt(socket, ZMQ_MAXMSGSIZE, &bytes, &size), 0);
    assert_true(bytes == (int64_t)1 << 30);
    zmq_close(socket);
    CHECK_STATUS(ecam_socket_configure(NULL, &error), ECAM_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_endpoints_are_refused_with_what_is_accepted),
        cmocka_unit_test(the_prefix_wins_over_the_default),
        cmocka_unit_test(what_others_reach_needs_keys),
        cmocka_unit_test(a_context_has_room_for_few_sockets),
        cmocka_unit_test(localhost_can_be_bound),
        cmocka_unit_test(a_port_in_use_is_named),
        cmocka_unit_test(an_address_of_another_host_is_named),
        cmocka_unit_test(an_ipc_path_in_use_is_not_taken_over),
        cmocka_unit_test(a_stale_ipc_path_is_taken_over),
        cmocka_unit_test(a_file_in_the_way_is_left_alone),
        cmocka_unit_test(an_ipc_path_too_long_is_refused),
        cmocka_unit_test(the_options_are_set),
    };
    return cmocka_run_group_tests_name("endpoint", tests, set_up, tear_down);
}
