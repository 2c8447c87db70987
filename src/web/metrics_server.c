#include "web/metrics_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web/http.h"

struct ecam_metrics_server {
    ecam_http *http;
    ecam_metrics_writer *write;
    void *context;
    char bind[64];
    char address[128];
};

static void serve_metrics(ecam_metrics_server *server, ecam_http_request *request)
{
    static const ecam_http_content content = {.type = ECAM_METRICS_TYPE, .caching = ECAM_HTTP_NO_STORE};
    ecam_metrics metrics = {.status = ECAM_OK};

    server->write(server->context, &metrics);
    ecam_http_metrics(server->http, &metrics);
    if (metrics.status == ECAM_OK) {
        ecam_http_reply(request, &content, metrics.text.data, metrics.text.size);
        metrics.text = (ecam_buffer){.data = NULL};
    } else {
        ecam_http_error(request, 500, "no memory for an answer");
    }
    ecam_metrics_finish(&metrics);
}

static void serve(void *context, ecam_http_request *request)
{
    if (request->route == ECAM_ROUTE_METRICS)
        serve_metrics(context, request);
    else if (request->route == ECAM_ROUTE_HEALTH)
        ecam_http_text(request, 200, "ok\n");
    else
        ecam_http_error(request, 404, "only /metrics and /healthz are here");
}

/* "[::1]:80", "127.0.0.1:80" or "80". */
static ecam_status split(const char *address, char *bind, size_t capacity, uint16_t *port, ecam_error *error)
{
    const char *colon = strrchr(address, ':'), *start = address;
    size_t length = colon ? (size_t)(colon - address) : 0;
    uint64_t number;

    if (length >= 2 && address[0] == '[' && address[length - 1] == ']') {
        start++;
        length -= 2;
    }
    if (!ecam_request_number(colon ? colon + 1 : address, UINT16_MAX, &number) || length >= capacity ||
        (colon && length == 0))
        return ecam_fail(error, ECAM_EINVAL,
                         "\"%.100s\" is no address for metrics; PORT, ADDRESS:PORT and [IPV6]:PORT are accepted", address);
    snprintf(bind, capacity, "%.*s", colon ? (int)length : 9, colon ? start : "127.0.0.1");
    *port = (uint16_t)number;
    return ECAM_OK;
}

ecam_status ecam_metrics_server_open(const char *address, ecam_metrics_writer *write, void *context,
                                     ecam_metrics_server **out, ecam_error *error)
{
    ecam_metrics_server *server = calloc(1, sizeof *server);
    ecam_http_options options = {.threads = 1, .handler = serve, .context = server};

    *out = NULL;
    if (!server)
        return ecam_fail(error, ECAM_ENOMEM, "no memory to serve metrics");
    server->write = write;
    server->context = context;
    options.bind = server->bind;
    options.opened = &server->http;
    ecam_status st = split(address, server->bind, sizeof server->bind, &options.port, error);
    if (st == ECAM_OK) {
        options.hosts.any = !ecam_request_host_allowed(&options.hosts, server->bind) && strcmp(server->bind, "::1") != 0;
        st = ecam_http_open(&options, error);
    }
    if (st == ECAM_OK)
        snprintf(server->address, sizeof server->address, "%smetrics", ecam_http_address(server->http));
    else
        ecam_metrics_server_close(&server);
    *out = server;
    return st;
}

const char *ecam_metrics_server_address(const ecam_metrics_server *server)
{
    return server->address;
}

void ecam_metrics_server_close(ecam_metrics_server **server)
{
    if (!*server)
        return;
    ecam_http_close(&(*server)->http);
    free(*server);
    *server = NULL;
}
