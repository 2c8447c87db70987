#include "web/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HEADER_BYTES ((size_t)32 << 10)
#define CONNECTIONS 256u
#define IDLE_SECONDS 30u
#define MAX_STATUS 8

/* What is counted apart; other statuses are not sent. */
static const unsigned statuses[MAX_STATUS] = {200, 304, 400, 404, 405, 421, 500, 503};

struct ecam_http {
    struct MHD_Daemon *daemon;
    ecam_http_options options;
    char address[96];
    pthread_mutex_t lock; /* over what follows */
    uint64_t answers[ECAM_ROUTE_COUNT][MAX_STATUS];
    ecam_histogram durations[ECAM_ROUTE_COUNT];
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool is_reading(const char *method)
{
    return strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

static void handle(ecam_http *http, ecam_http_request *request, const char *method)
{
    if (!is_reading(method))
        ecam_http_error(request, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD are accepted");
    else if (!ecam_request_host_allowed(&http->options.hosts, ecam_http_header(request, "Host")))
        ecam_http_error(request, MHD_HTTP_MISDIRECTED_REQUEST,
                        "this name is not served here; --allow-host NAME adds one");
    else
        http->options.handler(http->options.context, request);
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* %41 becomes "A" in place; %00, which would end the text, stays as it is. */
static size_t unescape(void *context, struct MHD_Connection *connection, char *text)
{
    char *out = text;

    (void)context;
    (void)connection;
    for (const char *in = text; *in; in++) {
        int high = in[0] == '%' ? digit_of(in[1]) : -1, low = high >= 0 ? digit_of(in[2]) : -1;
        if (low >= 0 && (high > 0 || low > 0)) {
            *out++ = (char)(16 * high + low);
            in += 2;
        } else {
            *out++ = *in;
        }
    }
    *out = '\0';
    return (size_t)(out - text);
}

static ecam_http_request *begin(struct MHD_Connection *connection, const char *path)
{
    ecam_http_request *request = calloc(1, sizeof *request);

    if (request) {
        request->connection = connection;
        request->started_ns = now_ns();
        request->route = ecam_request_route(path, &request->id);
    }
    return request;
}

/* Is called first with the header, then with the body's pieces, then with no
 * piece. An answer to the first call closes the connection, which is right for
 * what should not be there: a body is then not read. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
    ecam_http_request *request = *state;

    (void)version;
    (void)upload;
    if (!request) {
        request = *state = begin(connection, path);
        if (!request)
            return MHD_NO;
        bool has_body = ecam_http_header(request, "Content-Length") || ecam_http_header(request, "Transfer-Encoding");
        if (is_reading(method) && !has_body)
            return MHD_YES;
    } else if (*upload_size > 0 || request->status != 0) {
        *upload_size = 0;
        return MHD_YES;
    }
    request->path = path;
    handle(context, request, method);
    request->path = NULL;
    return request->status != 0 ? MHD_YES : MHD_NO;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    ecam_http *http = context;
    ecam_http_request *request = *state;

    (void)connection;
    (void)code;
    if (!request)
        return;
    pthread_mutex_lock(&http->lock);
    for (size_t i = 0; i < MAX_STATUS; i++)
        http->answers[request->route][i] += statuses[i] == request->status;
    ecam_histogram_add(&http->durations[request->route], now_ns() - request->started_ns);
    pthread_mutex_unlock(&http->lock);
    free(request);
    *state = NULL;
}

static ecam_status resolve(const ecam_http_options *options, struct sockaddr_storage *address,
                           ecam_error *error)
{
    const char *bind = strcmp(options->bind, "localhost") == 0 ? "127.0.0.1" : options->bind;
    struct sockaddr_in *v4 = (struct sockaddr_in *)address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;

    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, bind, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(options->port);
    } else if (inet_pton(AF_INET6, bind, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(options->port);
    } else {
        return ecam_fail(error, ECAM_EINVAL,
                         "\"%.100s\" is no address to serve on; an IPv4 or IPv6 address or localhost is accepted", bind);
    }
    return ECAM_OK;
}

static ecam_status start(ecam_http *http, const struct sockaddr_storage *address, ecam_error *error)
{
    bool is_v6 = address->ss_family == AF_INET6;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | (is_v6 ? MHD_USE_IPv6 : 0u);
    char host[INET6_ADDRSTRLEN];
    const void *bytes = is_v6 ? (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr
                              : (const void *)&((const struct sockaddr_in *)address)->sin_addr;

    errno = 0;
    http->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, http, MHD_OPTION_SOCK_ADDR, (const struct sockaddr *)address,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, http, MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_THREAD_POOL_SIZE, http->options.threads,
        MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEADER_BYTES, MHD_OPTION_END);
    inet_ntop(address->ss_family, bytes, host, sizeof host);
    if (!http->daemon)
        return ecam_fail(error, ECAM_EIO, "%s port %u cannot be served: %s", host, http->options.port,
                         errno ? strerror(errno) : "libmicrohttpd does not start");
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT);
    snprintf(http->address, sizeof http->address, is_v6 ? "http://[%s]:%u/" : "http://%s:%u/", host,
             info ? info->port : http->options.port);
    return ECAM_OK;
}

ecam_status ecam_http_open(const ecam_http_options *options, ecam_error *error)
{
    struct sockaddr_storage address;
    ecam_http *http = calloc(1, sizeof *http);

    *options->opened = http;
    if (!http)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a server");
    http->options = *options;
    pthread_mutex_init(&http->lock, NULL);
    ecam_status st = resolve(options, &address, error);
    if (st == ECAM_OK)
        st = start(http, &address, error);
    if (st != ECAM_OK)
        ecam_http_close(options->opened);
    return st;
}

const char *ecam_http_address(const ecam_http *http)
{
    return http->address;
}

void ecam_http_quiesce(ecam_http *http)
{
    MHD_socket listening = MHD_quiesce_daemon(http->daemon);

    if (listening != MHD_INVALID_SOCKET)
        close(listening);
}

void ecam_http_close(ecam_http **http)
{
    if (!*http)
        return;
    if ((*http)->daemon)
        MHD_stop_daemon((*http)->daemon);
    pthread_mutex_destroy(&(*http)->lock);
    free(*http);
    *http = NULL;
}

void ecam_http_metrics(ecam_http *http, ecam_metrics *metrics)
{
    static const char answers[] = "eigencam_http_requests_total";
    static const char durations[] = "eigencam_http_request_duration_seconds";
    char labels[96];

    pthread_mutex_lock(&http->lock);
    ecam_metrics_head(metrics, answers, "counter", "Requests that were answered.");
    for (ecam_route route = 0; route < ECAM_ROUTE_COUNT; route++)
        for (size_t i = 0; i < MAX_STATUS; i++) {
            snprintf(labels, sizeof labels, "route=\"%s\",code=\"%u\"", ecam_route_name(route), statuses[i]);
            if (http->answers[route][i] > 0)
                ecam_metrics_value(metrics, answers, labels, http->answers[route][i]);
        }
    ecam_metrics_head(metrics, durations, "histogram", "From a request's header to the last byte of its answer.");
    for (ecam_route route = 0; route < ECAM_ROUTE_COUNT; route++) {
        bool is_asked = false;
        for (size_t i = 0; i < MAX_STATUS; i++)
            is_asked = is_asked || http->answers[route][i] > 0;
        snprintf(labels, sizeof labels, "route=\"%s\"", ecam_route_name(route));
        if (is_asked && route != ECAM_ROUTE_EVENTS) /* which lasts as long as the page is open */
            ecam_metrics_histogram(metrics, durations, labels, &http->durations[route]);
    }
    pthread_mutex_unlock(&http->lock);
}
