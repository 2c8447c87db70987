/* Drawing out of a store, inside: rows, then pixels, then pictures. */
#ifndef ECAM_SINKS_REDRAW_INTERNAL_H
#define ECAM_SINKS_REDRAW_INTERNAL_H

#include <stdbool.h>

#include "base/arena.h"
#include "codec/png.h"
#include "codec/sheet.h"
#include "eigencam/cam.h"
#include "sinks/folders.h"
#include "sinks/redraw.h"
#include "sinks/sql.h"

/* Rows of the index; texts live until the next picture is asked for. */
typedef struct ecam_redraw_row {
    int64_t epoch_id;
    const char *type;
    uint32_t number, component;
    double explained, lo, hi, divisor;
    uint32_t page_rows;
    const char *file; /* NULL: not held */
} ecam_redraw_row;

typedef struct ecam_redraw_epoch {
    int64_t id;
    const char *run, *output, *mode;
    uint64_t epoch;
    uint32_t attempt;
    bool complete;
    const char *missing_ranks; /* "1,3" */
    uint32_t world, components;
    bool labels, preds;        /* whether any sample has one */
    bool styled;               /* the stage said how it draws */
    ecam_overlay_style style;
    bool per_image;
} ecam_redraw_epoch;

typedef struct ecam_redraw_sample {
    const char *ds_id, *label, *pred;
    uint32_t rank, index;
    uint64_t step;
    bool image_float;
} ecam_redraw_sample;

typedef enum ecam_redraw_statement {
    ECAM_REDRAW_PICTURE,
    ECAM_REDRAW_FIND,
    ECAM_REDRAW_EPOCH,
    ECAM_REDRAW_SAMPLE,
    ECAM_REDRAW_NUMBERS,
    ECAM_REDRAW_CHANGES,
    ECAM_REDRAW_LIST,
    ECAM_REDRAW_STATEMENTS
} ecam_redraw_statement;

struct ecam_redraw {
    sqlite3 *db;
    sqlite3_stmt *prepared[ECAM_REDRAW_STATEMENTS];
    int dir_fd;
    ecam_folders folders;
    ecam_arena arena;
    ecam_buffer file; /* as read */
    ecam_workspace *workspace;
    ecam_png_encoder *png;
    ecam_sheet *sheet;

    /* the image that was decoded last; pixels: uint8 [h][w][3] */
    ecam_png_image image;
    int64_t image_epoch;
    uint32_t image_number;
    float *map; /* scratch */
    size_t map_capacity;

    /* found over an epoch, for float images; NAN where not known */
    float *divisors;
    uint32_t n_divisors;
    int64_t divisors_epoch;
    uint64_t divisors_version; /* of the database */
};

/* --- redraw_rows.c --- */
ecam_status ecam_redraw_prepare(ecam_redraw *r, ecam_error *error);

/* Errors of all: ECAM_EMISSING, ECAM_EIO, ECAM_ENOMEM. */
ecam_status ecam_redraw_get_picture(ecam_redraw *r, int64_t id, ecam_redraw_row *out, ecam_error *error);
ecam_status ecam_redraw_get(ecam_redraw *r, int64_t epoch_id, const char *type, uint32_t number,
                            int64_t component, ecam_redraw_row *out, ecam_error *error);
ecam_status ecam_redraw_get_epoch(ecam_redraw *r, int64_t id, ecam_redraw_epoch *out, ecam_error *error);
ecam_status ecam_redraw_get_sample(ecam_redraw *r, int64_t epoch_id, uint32_t number,
                                   ecam_redraw_sample *out, ecam_error *error);

/* The numbers of all samples that have a map of this component; in the arena. */
ecam_status ecam_redraw_get_numbers(ecam_redraw *r, int64_t epoch_id, uint32_t component,
                                    uint32_t **numbers, size_t *n, ecam_error *error);

/* Differs after another connection has changed the index. */
ecam_status ecam_redraw_version(ecam_redraw *r, uint64_t *version, ecam_error *error);

/* --- redraw.c: a picture's file, whole, to r->file --- */
ecam_status ecam_redraw_read_file(ecam_redraw *r, const ecam_redraw_row *row, ecam_error *error);

/* --- redraw_overlay.c --- */

/* The image of a sample to r->image. */
ecam_status ecam_redraw_load_image(ecam_redraw *r, int64_t epoch_id, uint32_t number, ecam_error *error);

/* The overlay over r->image, which is that of the row's sample; `row` is an
 * overlay's or a map's. rgb: [h][w][3]. */
ecam_status ecam_redraw_overlay(ecam_redraw *r, const ecam_redraw_epoch *epoch,
                                const ecam_redraw_row *row, bool image_float, uint8_t *rgb,
                                ecam_error *error);

/* The same as a PNG with the stage's text chunks. */
ecam_status ecam_redraw_encode_overlay(ecam_redraw *r, const ecam_redraw_epoch *epoch,
                                       const ecam_redraw_row *row, ecam_buffer *png, ecam_error *error);

/* --- redraw_sheet.c --- */
ecam_status ecam_redraw_encode_sheet(ecam_redraw *r, const ecam_redraw_epoch *epoch,
                                     const ecam_redraw_row *row, ecam_buffer *png, ecam_error *error);

#endif
