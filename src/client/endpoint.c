#include "client/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#define ACCEPTED                                                                              \
    "expected tcp://host:port or ipc://path, with \"bind:\" or \"connect:\" in front if needed"

#define MAX_SOCKETS 32 /* of a context; none of ours comes near */
#define BACKLOG 1024    /* hundreds of ranks start at once */

void *ecam_context_create(void)
{
    void *context = zmq_ctx_new();

    if (context)
        zmq_ctx_set(context, ZMQ_MAX_SOCKETS, MAX_SOCKETS);
    return context;
}

ecam_status ecam_socket_configure(void *socket, ecam_error *error)
{
    static const struct {
        int option, value;
    } options[] = {
        {ZMQ_LINGER, 0},
        {ZMQ_TCP_KEEPALIVE, 1},
        {ZMQ_TCP_KEEPALIVE_IDLE, 10},
        {ZMQ_TCP_KEEPALIVE_INTVL, 5},
        {ZMQ_TCP_KEEPALIVE_CNT, 3},
        {ZMQ_TCP_MAXRT, 3000},
        {ZMQ_CONNECT_TIMEOUT, 2000},
        {ZMQ_RECONNECT_IVL, 100},
        {ZMQ_RECONNECT_IVL_MAX, 1000},
        {ZMQ_HANDSHAKE_IVL, ECAM_HANDSHAKE_MS},
        {ZMQ_BACKLOG, BACKLOG},
    };
    const int64_t max_bytes = ECAM_MAX_PART_BYTES;
    int rc = zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max_bytes, sizeof max_bytes);

    for (size_t i = 0; rc == 0 && i < sizeof options / sizeof *options; i++)
        rc = zmq_setsockopt(socket, options[i].option, &options[i].value, sizeof options[i].value);
    if (rc != 0)
        return ecam_fail(error, ECAM_EIO, "a ZeroMQ socket option was refused: %s",
                         zmq_strerror(zmq_errno()));
    return ECAM_OK;
}

static bool skip_prefix(const char **text, const char *prefix)
{
    size_t length = strlen(prefix);
    if (strncmp(*text, prefix, length) != 0)
        return false;
    *text += length;
    return true;
}

static bool is_port(const char *text, bool bind)
{
    if (bind && strcmp(text, "*") == 0)
        return true;
    char *end;
    long port = strtol(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && port >= 1 && port <= 65535;
}

/* host:port after "tcp://". libzmq checks the same, but its EINVAL says
 * nothing, and some slips (no port to connect to) it finds late or never. */
static bool is_tcp_address(const char *address, bool bind)
{
    const char *colon = strrchr(address, ':');
    if (!colon || colon == address || !is_port(colon + 1, bind))
        return false;
    if (!bind && address[0] == '*')
        return false;
    if (address[0] == '[')
        return colon[-1] == ']';
    return memchr(address, ':', (size_t)(colon - address)) == NULL;
}

/* Whether only processes of this host reach what is bound there: 127.0.0.0/8,
 * ::1, and their names. What is not known to be so is not. */
static bool is_loopback(const char *host, size_t length)
{
    static const char *const names[] = {"localhost", "lo", "[::1]"};
    struct in_addr v4;
    char text[INET_ADDRSTRLEN] = "";

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == length && memcmp(host, names[i], length) == 0)
            return true;
    if (length >= sizeof text)
        return false;
    memcpy(text, host, length);
    return inet_pton(AF_INET, text, &v4) == 1 && ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
}

/* An endpoint that others reach is for sockets that know whom they talk to. */
static ecam_status check_reach(void *socket, const char *address, const char *endpoint, ecam_error *error)
{
    const char *host = address;
    int mechanism = ZMQ_NULL;
    size_t size = sizeof mechanism;

    if (!skip_prefix(&host, "tcp://") || is_loopback(host, (size_t)(strrchr(host, ':') - host)))
        return ECAM_OK;
    if (zmq_getsockopt(socket, ZMQ_MECHANISM, &mechanism, &size) == 0 && mechanism == ZMQ_CURVE)
        return ECAM_OK;
    return ecam_fail(error, ECAM_EINVAL, "endpoint \"%.200s\" can be reached from other hosts, by anybody there; expected keys "
                     "(--key, from eigencam keygen), an address of this host's own (127.0.0.1, ipc://), or --insecure",
                     endpoint);
}

/* libzmq unlinks whatever lies at an ipc path before it binds: a file of the
 * user's, or the socket of a process that still listens. */
static ecam_status check_ipc_path(const char *path, const char *endpoint, ecam_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat info;

    if (path[0] == '@' || lstat(path, &info) != 0)
        return ECAM_OK;
    if (!S_ISSOCK(info.st_mode))
        return ecam_fail(error, ECAM_EIO, "endpoint %s: a file that is no socket is in the way",
                         endpoint);
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ecam_fail(error, ECAM_EIO, "endpoint %s: no socket: %s", endpoint, strerror(errno));
    int rc = connect(fd, (const struct sockaddr *)&address, sizeof address);
    bool answered = rc == 0 || errno == EAGAIN || errno == EINPROGRESS;
    close(fd);
    if (answered)
        return ecam_fail(error, ECAM_EIO,
                         "endpoint %s is in use by another process; stop it or choose another path",
                         endpoint);
    return ECAM_OK;
}

static ecam_status check(const char *address, const char *endpoint, bool bind, ecam_error *error)
{
    const char *rest = address;

    if (skip_prefix(&rest, "tcp://") && is_tcp_address(rest, bind))
        return ECAM_OK;
    rest = address;
    if (!skip_prefix(&rest, "ipc://") || *rest == '\0')
        return ecam_fail(error, ECAM_EINVAL, "endpoint \"%.200s\" is not understood; " ACCEPTED,
                         endpoint);
    if (strlen(rest) >= sizeof((struct sockaddr_un *)0)->sun_path)
        return ecam_fail(error, ECAM_EINVAL,
                         "endpoint \"%.200s\": the path is too long; at most %zu bytes are "
                         "possible", endpoint, sizeof((struct sockaddr_un *)0)->sun_path - 1);
    return bind ? check_ipc_path(rest, endpoint, error) : ECAM_OK;
}

static ecam_status attach_failed(const char *endpoint, bool bind, ecam_error *error)
{
    int code = zmq_errno();

    if (code == EADDRINUSE)
        return ecam_fail(error, ECAM_EIO,
                         "endpoint %.200s is in use by another process; stop it or choose another "
                         "port", endpoint);
    if (code == EINVAL)
        return ecam_fail(error, ECAM_EINVAL, "endpoint \"%.200s\" is not understood; " ACCEPTED,
                         endpoint);
    if (code == ENODEV || code == EADDRNOTAVAIL)
        return ecam_fail(error, ECAM_EIO,
                         "endpoint %.200s: this host has no such address; expected one of its own "
                         "as a number (127.0.0.1), an interface, or *", endpoint);
    return ecam_fail(error, ECAM_EIO, "endpoint %.200s cannot be %s: %s", endpoint,
                     bind ? "bound" : "connected to", zmq_strerror(code));
}

/* libzmq resolves names to connect, but not to bind. */
static int bind_to(void *socket, const char *address)
{
    const char *port = address;
    char local[64];

    if (!skip_prefix(&port, "tcp://localhost:"))
        return zmq_bind(socket, address);
    snprintf(local, sizeof local, "tcp://127.0.0.1:%s", port);
    return zmq_bind(socket, local);
}

ecam_status ecam_endpoint_attach(void *socket, const char *endpoint, bool bind_by_default,
                                 ecam_error *error)
{
    return ecam_endpoint_attach_as(socket, endpoint, bind_by_default, false, error);
}

ecam_status ecam_endpoint_attach_as(void *socket, const char *endpoint, bool bind_by_default, bool insecure,
                                    ecam_error *error)
{
    const char *address = endpoint;
    bool bind = bind_by_default;

    if (skip_prefix(&address, "bind:"))
        bind = true;
    else if (skip_prefix(&address, "connect:"))
        bind = false;
    ecam_status st = check(address, endpoint, bind, error);
    if (st == ECAM_OK && bind && !insecure)
        st = check_reach(socket, address, endpoint, error);
    if (st != ECAM_OK)
        return st;

    const int ipv6 = strchr(address, '[') != NULL;
    if (ipv6 && zmq_setsockopt(socket, ZMQ_IPV6, &ipv6, sizeof ipv6) != 0)
        return attach_failed(endpoint, bind, error);
    if ((bind ? bind_to(socket, address) : zmq_connect(socket, address)) != 0)
        return attach_failed(endpoint, bind, error);
    return ECAM_OK;
}
