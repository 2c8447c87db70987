/* The result sheet: what FastEstimator's grid shows. A row a sample; columns
 * for label, prediction, image and each component; titles above. Drawn in
 * horizontal bands (a header, then one band a row), so that a page never lies
 * in memory whole. White ground, black Unicode captions (pango, cairo). */
#ifndef ECAM_CODEC_SHEET_H
#define ECAM_CODEC_SHEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eigencam/status.h"

/* What stands on the page. image_w, image_h: the largest image of the page in
 * pixels before enlarging. title: one line above all (may be NULL). */
typedef struct ecam_sheet_page {
    const char *title;
    bool labels, preds; /* whether these columns are there */
    unsigned components;
    size_t image_w, image_h;
} ecam_sheet_page;

/* All sizes in pixels; x positions are those of the columns' left edges. */
typedef struct ecam_sheet_layout {
    ecam_sheet_page page;
    unsigned scale;      /* whole factor: images under 128 pixels are enlarged */
    size_t width;
    size_t header_height;
    size_t row_height;   /* the last rows of every band are plain ground */
    size_t caption_w;    /* of the label and prediction columns */
    size_t label_x, pred_x, image_x, component_x, component_step;
} ecam_sheet_layout;

/* One row. image, overlays[i]: uint8 [h][w][3], h and w at most the page's.
 * label, pred: NULL for an empty cell. notes[i] (may be NULL, as may an
 * entry): a small line under component i, e.g. its share of the variance. */
typedef struct ecam_sheet_row {
    const char *label, *pred;
    size_t w, h;
    const uint8_t *image;
    const uint8_t *const *overlays;
    const char *const *notes;
    const char *source; /* small line under the image (ds_id, step...) or NULL */
} ecam_sheet_row;

/* Fonts and scratch of one thread. */
typedef struct ecam_sheet ecam_sheet;

ecam_status ecam_sheet_create(ecam_sheet **out);
void ecam_sheet_destroy(ecam_sheet **sheet);

/* Pure arithmetic. The page's pointers must outlive the layout.
 * Errors: ECAM_EINVAL (an image without pixels), ECAM_ELIMIT (a page wider than
 * 65535 pixels, or a row higher than that). */
ecam_status ecam_sheet_measure(const ecam_sheet_page *page, ecam_sheet_layout *out);

/* rgb: uint8 [header_height][width][3], the caller's. */
ecam_status ecam_sheet_header(ecam_sheet *sheet, const ecam_sheet_layout *layout, uint8_t *rgb);

/* rgb: uint8 [row_height][width][3], the caller's. Captions that do not fit
 * their cell are wrapped, then set smaller, then cut with an ellipsis.
 * Errors: ECAM_EINVAL (a picture larger than the page's), ECAM_ENOMEM. */
ecam_status ecam_sheet_draw_row(ecam_sheet *sheet, const ecam_sheet_layout *layout,
                                const ecam_sheet_row *row, uint8_t *rgb);

#endif
