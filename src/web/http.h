/* An HTTP server: the only part that knows libmicrohttpd's ways. It turns away
 * what is not GET or HEAD and whom it does not know by name, gives each answer
 * the headers that keep a page to itself, and counts. */
#ifndef ECAM_WEB_HTTP_H
#define ECAM_WEB_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "eigencam/status.h"
#include "web/metrics.h"
#include "web/request.h"

struct MHD_Connection;
struct MHD_Response;

/* One request; it belongs to the server and lives until it is answered. */
typedef struct ecam_http_request {
    struct MHD_Connection *connection;
    const char *path; /* decoded; valid while the handler runs */
    ecam_route route;
    int64_t id;
    uint64_t started_ns;
    unsigned status;  /* of the answer; 0 before */
} ecam_http_request;

/* Answers a request with exactly one of the functions below; is called by
 * several threads at a time. */
typedef void ecam_http_handler(void *context, ecam_http_request *request);

typedef struct ecam_http ecam_http;

typedef struct ecam_http_options {
    const char *bind;  /* an IP address or "localhost" */
    uint16_t port;     /* 0: any that is free */
    ecam_hosts hosts;  /* its texts are borrowed until the server is closed */
    unsigned threads;
    ecam_http_handler *handler;
    void *context;
    ecam_http **opened; /* where the server goes: before it takes a request, as handlers may want it */
} ecam_http_options;

/* Errors: ECAM_EINVAL (no address), ECAM_EIO (it is in use, ...), ECAM_ENOMEM;
 * *opened is then NULL. */
ecam_status ecam_http_open(const ecam_http_options *options, ecam_error *error);

/* "http://127.0.0.1:5580/"; lives as long as the server. */
const char *ecam_http_address(const ecam_http *http);

/* From here on nobody new gets in. Whoever is suspended must be resumed between
 * this and ecam_http_close, which waits for the threads. */
void ecam_http_quiesce(ecam_http *http);
void ecam_http_close(ecam_http **http);

/* What was answered, and how long that took. */
void ecam_http_metrics(ecam_http *http, ecam_metrics *metrics);

/* The value of a parameter of the query (decoded), or of a header; NULL where it
 * is not there; a parameter without "=" is "". Valid while the handler runs. */
const char *ecam_http_parameter(const ecam_http_request *request, const char *name);
const char *ecam_http_header(const ecam_http_request *request, const char *name);

/* How long an answer may be kept. */
typedef enum ecam_http_caching {
    ECAM_HTTP_NO_STORE,
    ECAM_HTTP_REVALIDATE, /* ask again each time, by its ETag */
    ECAM_HTTP_PRIVATE,    /* likewise; not by caches that several share */
    ECAM_HTTP_IMMUTABLE
} ecam_http_caching;

/* What a body is. Texts may be NULL but for `type`. */
typedef struct ecam_http_content {
    const char *type;
    const char *etag;
    ecam_http_caching caching;
    const char *download; /* the name of a file to save it as */
} ecam_http_content;

/* 200 and the body, or 304 where the client has it. `body` comes from malloc and
 * is given away; ecam_http_static borrows it for ever. */
void ecam_http_reply(ecam_http_request *request, const ecam_http_content *content, void *body,
                     size_t size);
void ecam_http_static(ecam_http_request *request, const ecam_http_content *content,
                      const void *body, size_t size);
/* The same with a file, which is given away, from its beginning. */
void ecam_http_file(ecam_http_request *request, const ecam_http_content *content, int fd,
                    uint64_t size);
/* True, and 304 is sent, where the client has it: saves making the body. */
bool ecam_http_unchanged(ecam_http_request *request, const ecam_http_content *content);

/* Plain text with any status. */
void ecam_http_text(ecam_http_request *request, unsigned status, const char *text);

/* {"error": text}. */
void ecam_http_error(ecam_http_request *request, unsigned status, const char *text);
/* 503, and {"error": text, "waiting": true}: what is asked for may come. */
void ecam_http_waiting(ecam_http_request *request, const char *text);

/* A response made elsewhere; given away. */
void ecam_http_send(ecam_http_request *request, unsigned status, struct MHD_Response *response);

#endif
