/* What a request says, checked. All text here is hostile, and ends in a NUL. */
#ifndef ECAM_WEB_REQUEST_H
#define ECAM_WEB_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ecam_route {
    ECAM_ROUTE_OTHER, /* a file of the page, or nothing */
    ECAM_ROUTE_STORE,
    ECAM_ROUTE_EPOCHS,
    ECAM_ROUTE_EPOCH,
    ECAM_ROUTE_PICTURE,
    ECAM_ROUTE_MAP,
    ECAM_ROUTE_ERRORS,
    ECAM_ROUTE_STATS,
    ECAM_ROUTE_EVENTS,
    ECAM_ROUTE_HEALTH,
    ECAM_ROUTE_METRICS
} ecam_route;
#define ECAM_ROUTE_COUNT 11

/* The path as proto/http.md writes it, for a metric's label ("/pictures/ID");
 * "other" for the first. Static storage. */
const char *ecam_route_name(ecam_route route);

/* Which route a path takes. *id: of those that have one. */
ecam_route ecam_request_route(const char *path, int64_t *id);

/* 1 to 19 decimal digits and nothing else, at most `max`. */
bool ecam_request_number(const char *text, uint64_t max, uint64_t *out);

/* Who may be asked for, besides localhost and loopback addresses. */
typedef struct ecam_hosts {
    const char *const *names; /* without a port */
    size_t n_names;
    const char *bind;         /* the address bound to, or NULL */
    bool any_address;         /* bound to all: any IP address */
    bool any;                 /* everybody */
} ecam_hosts;

/* `host`: the value of the header, NULL where there is none. */
bool ecam_request_host_allowed(const ecam_hosts *hosts, const char *host);

/* Whether If-None-Match (NULL: none) has this tag (with its quotes). */
bool ecam_request_etag_matches(const char *header, const char *etag);

/* Text as part of a file's name in a header: A-Z a-z 0-9 . - and _ stay, each
 * run of other bytes becomes one _; a leading dot too. Cut to the capacity.
 * Returns `out`. */
char *ecam_request_file_name(char *out, size_t capacity, const char *text);

#endif
