#include "web/request.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define MAX_DIGITS 19
#define MAX_HOST 255

typedef struct fixed_path {
    const char *path;
    ecam_route route;
} fixed_path;

static const fixed_path fixed[] = {
    {"/api/store", ECAM_ROUTE_STORE},   {"/api/epochs", ECAM_ROUTE_EPOCHS},
    {"/api/errors", ECAM_ROUTE_ERRORS}, {"/api/stats", ECAM_ROUTE_STATS},
    {"/events", ECAM_ROUTE_EVENTS},     {"/healthz", ECAM_ROUTE_HEALTH},
    {"/metrics", ECAM_ROUTE_METRICS},
};
#define N_FIXED (sizeof fixed / sizeof *fixed)

/* Paths with an id between these. */
typedef struct id_path {
    const char *before, *after;
    ecam_route route;
} id_path;

static const id_path with_id[] = {
    {"/api/epochs/", "", ECAM_ROUTE_EPOCH},
    {"/pictures/", "", ECAM_ROUTE_PICTURE},
    {"/maps/", ".npy", ECAM_ROUTE_MAP},
};
#define N_WITH_ID (sizeof with_id / sizeof *with_id)

const char *ecam_route_name(ecam_route route)
{
    static const char *const names[ECAM_ROUTE_COUNT] = {
        [ECAM_ROUTE_OTHER] = "other",
        [ECAM_ROUTE_STORE] = "/api/store",
        [ECAM_ROUTE_EPOCHS] = "/api/epochs",
        [ECAM_ROUTE_EPOCH] = "/api/epochs/ID",
        [ECAM_ROUTE_PICTURE] = "/pictures/ID",
        [ECAM_ROUTE_MAP] = "/maps/ID.npy",
        [ECAM_ROUTE_ERRORS] = "/api/errors",
        [ECAM_ROUTE_STATS] = "/api/stats",
        [ECAM_ROUTE_EVENTS] = "/events",
        [ECAM_ROUTE_HEALTH] = "/healthz",
        [ECAM_ROUTE_METRICS] = "/metrics",
    };
    return names[route];
}

static bool read_digits(const char *text, size_t length, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (length == 0 || length > MAX_DIGITS)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *out = value;
    return value <= max;
}

bool ecam_request_number(const char *text, uint64_t max, uint64_t *out)
{
    return read_digits(text, strnlen(text, MAX_DIGITS + 1), max, out);
}

static bool read_id_path(const id_path *form, const char *path, int64_t *id)
{
    size_t length = strlen(path), before = strlen(form->before), after = strlen(form->after);
    uint64_t value;

    if (length < before + after || strncmp(path, form->before, before) != 0 ||
        strcmp(path + length - after, form->after) != 0 ||
        !read_digits(path + before, length - before - after, INT64_MAX, &value))
        return false;
    *id = (int64_t)value;
    return true;
}

ecam_route ecam_request_route(const char *path, int64_t *id)
{
    *id = 0;
    for (size_t i = 0; i < N_FIXED; i++)
        if (strcmp(path, fixed[i].path) == 0)
            return fixed[i].route;
    for (size_t i = 0; i < N_WITH_ID; i++)
        if (read_id_path(&with_id[i], path, id))
            return with_id[i].route;
    return ECAM_ROUTE_OTHER;
}

/* The name or address of a Host header, without port and brackets. */
static bool split_host(const char *host, char name[MAX_HOST + 1])
{
    size_t length = strnlen(host, MAX_HOST + 1), name_length = length;
    const char *start = host, *rest = "";
    uint64_t port;

    if (length == 0 || length > MAX_HOST)
        return false;
    if (host[0] == '[') {
        const char *end = memchr(host, ']', length);
        if (!end)
            return false;
        start = host + 1;
        name_length = (size_t)(end - start);
        rest = end + 1;
    } else if (memchr(host, ':', length)) {
        rest = memchr(host, ':', length);
        name_length = (size_t)(rest - start);
    }
    if (rest[0] != '\0' && (rest[0] != ':' || !ecam_request_number(rest + 1, UINT16_MAX, &port)))
        return false;
    memcpy(name, start, name_length);
    name[name_length] = '\0';
    return name_length > 0;
}

static bool is_address(const char *name, bool *is_loopback)
{
    struct in_addr v4;
    struct in6_addr v6;

    *is_loopback = false;
    if (inet_pton(AF_INET, name, &v4) == 1) {
        *is_loopback = ntohl(v4.s_addr) >> 24 == 127;
        return true;
    }
    if (inet_pton(AF_INET6, name, &v6) != 1)
        return false;
    *is_loopback = IN6_IS_ADDR_LOOPBACK(&v6);
    return true;
}

bool ecam_request_host_allowed(const ecam_hosts *hosts, const char *host)
{
    char name[MAX_HOST + 1];
    bool is_loopback;

    if (hosts->any)
        return true;
    if (!host || !split_host(host, name))
        return false;
    if (is_address(name, &is_loopback) && (is_loopback || hosts->any_address))
        return true;
    if (strcasecmp(name, "localhost") == 0 || (hosts->bind && strcasecmp(name, hosts->bind) == 0))
        return true;
    for (size_t i = 0; i < hosts->n_names; i++)
        if (strcasecmp(name, hosts->names[i]) == 0)
            return true;
    return false;
}

bool ecam_request_etag_matches(const char *header, const char *etag)
{
    size_t length = strlen(etag);

    while (header && *header) {
        header += strspn(header, " \t,");
        if (*header == '*')
            return true;
        if (strncmp(header, "W/", 2) == 0)
            header += 2;
        if (*header != '"')
            return false;
        const char *end = strchr(header + 1, '"');
        if (!end)
            return false;
        if ((size_t)(end + 1 - header) == length && memcmp(header, etag, length) == 0)
            return true;
        header = end + 1;
    }
    return false;
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

char *ecam_request_file_name(char *out, size_t capacity, const char *text)
{
    size_t n = 0;

    for (; *text && n + 1 < capacity; text++) {
        bool keep = is_plain(*text) && (n > 0 || *text != '.');
        if (keep)
            out[n++] = *text;
        else if (n == 0 || out[n - 1] != '_')
            out[n++] = '_';
    }
    out[n] = '\0';
    return out;
}
