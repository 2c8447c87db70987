#include <jansson.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "web/http.h"

typedef struct header {
    const char *name, *value;
} header;

/* A page that may load nothing but what this server has, and may be shown by
 * nobody else. */
static const header always[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
     "base-uri 'none'; frame-ancestors 'none'; form-action 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
};
#define N_ALWAYS (sizeof always / sizeof *always)

static const char *const caching[] = {
    [ECAM_HTTP_NO_STORE] = "no-store",
    [ECAM_HTTP_REVALIDATE] = "no-cache",
    [ECAM_HTTP_PRIVATE] = "private, no-cache",
    [ECAM_HTTP_IMMUTABLE] = "private, max-age=31536000, immutable",
};

const char *ecam_http_parameter(const ecam_http_request *request, const char *name)
{
    const char *value = NULL;
    size_t size = 0;
    enum MHD_Result found = MHD_lookup_connection_value_n(request->connection, MHD_GET_ARGUMENT_KIND, name,
                                                          strlen(name), &value, &size);

    return found == MHD_YES && !value ? "" : value;
}

const char *ecam_http_header(const ecam_http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

void ecam_http_send(ecam_http_request *request, unsigned status, struct MHD_Response *response)
{
    enum MHD_Result ok = response ? MHD_YES : MHD_NO;

    for (size_t i = 0; ok == MHD_YES && i < N_ALWAYS; i++)
        ok = MHD_add_response_header(response, always[i].name, always[i].value);
    if (ok == MHD_YES && status == MHD_HTTP_METHOD_NOT_ALLOWED)
        ok = MHD_add_response_header(response, "Allow", "GET, HEAD");
    if (ok == MHD_YES && status == MHD_HTTP_SERVICE_UNAVAILABLE)
        ok = MHD_add_response_header(response, "Retry-After", "1");
    if (ok == MHD_YES)
        ok = MHD_queue_response(request->connection, status, response);
    if (ok == MHD_YES)
        request->status = status;
    if (response)
        MHD_destroy_response(response);
}

static enum MHD_Result describe(struct MHD_Response *response, const ecam_http_content *content)
{
    char disposition[320] = "attachment; filename=\"";
    size_t length = strlen(disposition);
    enum MHD_Result ok = MHD_add_response_header(response, "Content-Type", content->type);

    if (ok == MHD_YES)
        ok = MHD_add_response_header(response, "Cache-Control", caching[content->caching]);
    if (ok == MHD_YES && content->etag)
        ok = MHD_add_response_header(response, "ETag", content->etag);
    if (ok == MHD_YES && content->download) {
        ecam_request_file_name(disposition + length, sizeof disposition - length - 1, content->download);
        strcat(disposition, "\"");
        ok = MHD_add_response_header(response, "Content-Disposition", disposition);
    }
    return ok;
}

/* `response` may be NULL: memory was short. */
static void send_content(ecam_http_request *request, unsigned status, const ecam_http_content *content,
                         struct MHD_Response *response)
{
    if (response && describe(response, content) != MHD_YES) {
        MHD_destroy_response(response);
        response = NULL;
    }
    ecam_http_send(request, status, response);
}

bool ecam_http_unchanged(ecam_http_request *request, const ecam_http_content *content)
{
    if (!content->etag || !ecam_request_etag_matches(ecam_http_header(request, "If-None-Match"), content->etag))
        return false;
    send_content(request, MHD_HTTP_NOT_MODIFIED, content,
                 MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
    return true;
}

void ecam_http_reply(ecam_http_request *request, const ecam_http_content *content, void *body, size_t size)
{
    if (ecam_http_unchanged(request, content)) {
        free(body);
        return;
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(size, body, MHD_RESPMEM_MUST_FREE);
    if (!response)
        free(body);
    send_content(request, MHD_HTTP_OK, content, response);
}

void ecam_http_static(ecam_http_request *request, const ecam_http_content *content, const void *body, size_t size)
{
    /* libmicrohttpd does not write to it: it takes no pointer to const */
    void *bytes = (void *)(uintptr_t)body;

    if (!ecam_http_unchanged(request, content))
        send_content(request, MHD_HTTP_OK, content,
                     MHD_create_response_from_buffer(size, bytes, MHD_RESPMEM_PERSISTENT));
}

void ecam_http_file(ecam_http_request *request, const ecam_http_content *content, int fd, uint64_t size)
{
    if (ecam_http_unchanged(request, content)) {
        close(fd);
        return;
    }
    struct MHD_Response *response = MHD_create_response_from_fd64(size, fd);
    if (!response)
        close(fd);
    send_content(request, MHD_HTTP_OK, content, response);
}

void ecam_http_text(ecam_http_request *request, unsigned status, const char *text)
{
    static const ecam_http_content content = {.type = "text/plain; charset=utf-8"};
    void *copy = (void *)(uintptr_t)text;

    send_content(request, status, &content,
                 MHD_create_response_from_buffer(strlen(text), copy, MHD_RESPMEM_MUST_COPY));
}

/* `body` is given away; NULL: memory was short. */
static void send_error(ecam_http_request *request, unsigned status, json_t *body)
{
    static const ecam_http_content content = {.type = "application/json"};
    char *dump = body ? json_dumps(body, JSON_COMPACT) : NULL;

    json_decref(body);
    if (!dump)
        return;
    struct MHD_Response *response = MHD_create_response_from_buffer(strlen(dump), dump, MHD_RESPMEM_MUST_FREE);
    if (!response)
        free(dump);
    send_content(request, status, &content, response);
}

void ecam_http_error(ecam_http_request *request, unsigned status, const char *text)
{
    send_error(request, status, json_pack("{s:s}", "error", text));
}

void ecam_http_waiting(ecam_http_request *request, const char *text)
{
    send_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, json_pack("{s:s, s:b}", "error", text, "waiting", 1));
}
