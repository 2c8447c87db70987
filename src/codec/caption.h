/* Captions: any UTF-8 text set into a box, as a mask of grey levels (pango,
 * cairo). Text is shown as it is, never read as markup. */
#ifndef ECAM_CODEC_CAPTION_H
#define ECAM_CODEC_CAPTION_H

#include <stddef.h>
#include <stdint.h>

#include "eigencam/status.h"

typedef enum ecam_caption_style {
    ECAM_CAPTION_TITLE, /* of the page; set to the left, the others are centred */
    ECAM_CAPTION_HEAD,  /* of a column */
    ECAM_CAPTION_TEXT,  /* label, prediction */
    ECAM_CAPTION_NOTE   /* small print under a picture */
} ecam_caption_style;
#define ECAM_CAPTION_STYLES 4

/* A set text. alpha: [h][w], row after row `stride` bytes apart; 255 is ink.
 * w is the box's width; h at most the box's height. */
typedef struct ecam_caption {
    size_t w, h, stride;
    uint8_t *alpha;
} ecam_caption;

/* The captions that were set last. For one thread; several may each have their
 * own at once, and share the fonts. Creating the first one loads the fonts, so
 * that setting a caption later does not. */
typedef struct ecam_captions ecam_captions;

ecam_status ecam_captions_create(ecam_captions **out);
void ecam_captions_destroy(ecam_captions **captions);

/* Set `text` into a box of w x h pixels: wrapped at words, then smaller, then
 * broken within words and cut with an ellipsis. Bytes that are not UTF-8
 * become replacement characters, control characters spaces.
 * *out belongs to `captions` and holds until its next call.
 * Errors: ECAM_EINVAL (an empty box, or one above 32767 a side), ECAM_ENOMEM. */
ecam_status ecam_captions_set(ecam_captions *captions, const char *text, ecam_caption_style style,
                              size_t w, size_t h, const ecam_caption **out);

#endif
