#include "web/pictures.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "web/beneath.h"
#include "web/site.h"

#define MAX_FILE_BYTES ((uint64_t)1 << 30)

/* What the index says of a picture; its texts are owned. */
typedef struct picture {
    bool is_map;
    char *file; /* NULL: to be drawn */
    char stamp[24];
    char etag[64];
    char name[300]; /* to save it as, without an extension */
    double lo, hi;
} picture;

static void name_it(sqlite3_stmt *row, const char *type, picture *out)
{
    char attempt[32] = "", component[32] = "", part[3][64];

    if (sqlite3_column_int64(row, 8) > 1)
        snprintf(attempt, sizeof attempt, "-attempt-%lld", (long long)sqlite3_column_int64(row, 8));
    if (sqlite3_column_type(row, 4) != SQLITE_NULL)
        snprintf(component, sizeof component, "-%lld", (long long)sqlite3_column_int64(row, 4));
    for (int i = 0; i < 3; i++) { /* run, output, mode */
        const char *text = (const char *)sqlite3_column_text(row, i == 0 ? 11 : 8 + i);
        ecam_request_file_name(part[i], sizeof part[i], text ? text : "");
    }
    snprintf(out->name, sizeof out->name, "%s-%s-%s-epoch-%06lld%s-%s-%03lld%s", part[0], part[1], part[2],
             (long long)sqlite3_column_int64(row, 7), attempt, type, (long long)sqlite3_column_int64(row, 3), component);
}

static ecam_status look_up(ecam_lookup *lookup, int64_t id, picture *out, ecam_error *error)
{
    sqlite3_stmt *row = ecam_lookup_query(lookup, ECAM_QUERY_PICTURE);
    ecam_status st = ECAM_OK;

    if (!row)
        return ecam_lookup_fail(lookup, error);
    sqlite3_bind_int64(row, 1, id);
    if (!ecam_lookup_step(lookup, row, &st, error))
        return st == ECAM_OK ? ecam_fail(error, ECAM_EMISSING, "there is no such picture") : st;
    const char *type = (const char *)sqlite3_column_text(row, 0), *file = (const char *)sqlite3_column_text(row, 1);
    out->is_map = type && strcmp(type, "map") == 0;
    out->file = file ? strdup(file) : NULL;
    out->lo = sqlite3_column_double(row, 5);
    out->hi = sqlite3_column_double(row, 6);
    snprintf(out->stamp, sizeof out->stamp, "%lld", (long long)sqlite3_column_int64(row, 2));
    name_it(row, type ? type : "picture", out);
    return file && !out->file ? ecam_fail(error, ECAM_ENOMEM, "no memory for a path") : ECAM_OK;
}

static void refuse(ecam_http_request *request, const ecam_error *error)
{
    ecam_http_error(request, error->status == ECAM_EMISSING ? 404 : error->status == ECAM_EVERSION ? 503 : 500,
                    error->text);
}

static ecam_http_content content_of(const ecam_http_request *request, picture *p, const char *type, const char *ending)
{
    const char *stamp = ecam_http_parameter(request, "s");
    size_t length = strlen(p->name);

    snprintf(p->name + length, sizeof p->name - length, "%s", ending);
    snprintf(p->etag, sizeof p->etag, "\"%" PRId64 "-%s%s\"", request->id, p->stamp, ending);
    return (ecam_http_content){
        .type = type, .etag = p->etag,
        .caching = stamp && strcmp(stamp, p->stamp) == 0 ? ECAM_HTTP_IMMUTABLE : ECAM_HTTP_PRIVATE};
}

static void draw_png(ecam_gallery *gallery, ecam_http_request *request, const ecam_http_content *content)
{
    ecam_buffer png = {.data = NULL};
    ecam_redraw *redraw;
    ecam_lookup *lookup;
    ecam_error error = {0};
    ecam_status st = ecam_gallery_borrow(gallery, &lookup, &error);

    if (st == ECAM_OK) {
        ecam_lookup_pause(lookup); /* it has its own connection */
        st = ecam_lookup_redraw(lookup, &redraw, &error);
    }
    if (st == ECAM_OK)
        st = ecam_redraw_picture(redraw, request->id, &png, &error);
    ecam_gallery_return(gallery, &lookup);
    if (st == ECAM_OK) {
        ecam_http_reply(request, content, png.data, png.size);
    } else {
        ecam_buffer_finish(&png);
        refuse(request, &error);
    }
}

static void serve_png(ecam_gallery *gallery, ecam_http_request *request, picture *p)
{
    ecam_http_content content = content_of(request, p, "image/png", ".png");
    ecam_error error = {0};
    uint64_t size;
    int fd;

    if (ecam_http_parameter(request, "download"))
        content.download = p->name;
    if (ecam_http_unchanged(request, &content))
        return;
    if (!p->file)
        draw_png(gallery, request, &content);
    else if (ecam_beneath_open(ecam_gallery_dir(gallery), p->file, &fd, &size, &error) != ECAM_OK)
        refuse(request, &error);
    else
        ecam_http_file(request, &content, fd, size);
}

/* A whole file; `out` is from malloc. */
static ecam_status read_file(int fd, uint64_t size, void **out, ecam_error *error)
{
    uint8_t *bytes = size <= MAX_FILE_BYTES ? malloc(size ? size : 1) : NULL;
    size_t done = 0;

    if (!bytes)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a map of %" PRIu64 " bytes", size);
    while (done < size) {
        ssize_t n = read(fd, bytes + done, size - done);
        if (n <= 0) {
            free(bytes);
            return ecam_fail(error, ECAM_EIO, "the map's file ends early");
        }
        done += (size_t)n;
    }
    *out = bytes;
    return ECAM_OK;
}

static void serve_map(ecam_gallery *gallery, ecam_http_request *request, picture *p)
{
    ecam_http_content content = content_of(request, p, "application/octet-stream", ".npy");
    ecam_error error = {0};
    uint64_t file_size;
    size_t size;
    void *png = NULL, *npy;
    int fd;

    content.download = p->name;
    if (ecam_http_unchanged(request, &content))
        return;
    ecam_status st = p->is_map && p->file
                         ? ecam_beneath_open(ecam_gallery_dir(gallery), p->file, &fd, &file_size, &error)
                         : ecam_fail(&error, ECAM_EMISSING, "there is no such map");
    if (st == ECAM_OK) {
        st = read_file(fd, file_size, &png, &error);
        close(fd);
    }
    if (st == ECAM_OK)
        st = ecam_pictures_npy(png, file_size, p->lo, p->hi, &npy, &size, &error);
    free(png);
    if (st == ECAM_OK)
        ecam_http_reply(request, &content, npy, size);
    else
        refuse(request, &error);
}

void ecam_pictures_serve(ecam_gallery *gallery, ecam_http_request *request)
{
    picture p = {.file = NULL};
    ecam_lookup *lookup;
    ecam_error error = {0};
    ecam_status st = ecam_gallery_borrow(gallery, &lookup, &error);

    if (st != ECAM_OK) {
        ecam_site_no_store(request, &error);
        return;
    }
    st = look_up(lookup, request->id, &p, &error);
    ecam_gallery_return(gallery, &lookup);
    if (st != ECAM_OK)
        refuse(request, &error);
    else if (request->route == ECAM_ROUTE_MAP)
        serve_map(gallery, request, &p);
    else
        serve_png(gallery, request, &p);
    free(p.file);
}
