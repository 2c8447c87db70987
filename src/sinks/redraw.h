/* Pictures out of a store, also those that a compact one does not hold: an
 * overlay is drawn again from its map and its image, a sheet from those of all
 * its samples.
 *
 * Over an image of integers the overlay is the stage's own but for what 16 bits
 * of a map round: hardly a pixel is another colour level. The values of a float
 * image are not kept: there the image as displayed takes their place, and the
 * divisor is found anew over the epoch (or the image, as the stage did). */
#ifndef ECAM_SINKS_REDRAW_H
#define ECAM_SINKS_REDRAW_H

#include <stdint.h>

#include "base/buffer.h"
#include "eigencam/status.h"

typedef struct ecam_redraw ecam_redraw;

/* Open the store in `dir` to read; whoever writes to it goes on. The store
 * has to be there, of version ECAM_INDEX_VERSION (`eigencam log` brings an
 * older one up to date). For one thread at a time.
 * Errors: ECAM_EIO, ECAM_EFORMAT (no index of ours), ECAM_EVERSION, ECAM_ENOMEM. */
ecam_status ecam_redraw_open(const char *dir, ecam_redraw **out, ecam_error *error);

/* The PNG of the picture with this id, of any type: its file, or drawn where
 * there is none. Replaces the contents of `png`; text chunks as the stage's.
 * Errors: ECAM_EMISSING (no such picture, not any more, or what it would be
 * drawn from is not there), ECAM_EFORMAT (what is there is no such picture),
 * ECAM_ELIMIT (too large), ECAM_EIO, ECAM_ENOMEM. */
ecam_status ecam_redraw_picture(ecam_redraw *redraw, int64_t picture_id, ecam_buffer *png,
                                ecam_error *error);

/* Which pictures. run, output, mode: NULL for any; epoch, sample, component: -1
 * for any (a sheet is of no sample, an image of no component). types: bits by
 * ecam_result_type. */
typedef struct ecam_redraw_filter {
    const char *run, *output, *mode;
    int64_t epoch, sample, component;
    unsigned types;
} ecam_redraw_filter;

/* Write them below `to`, which is made: at the same places as a store that is
 * not compact has them. What can't be drawn is counted in *failed, with the
 * last reason in *error, and the rest goes on.
 * Errors: ECAM_EIO (`to`, or a file can't be written; the index), ECAM_ENOMEM. */
ecam_status ecam_redraw_export(ecam_redraw *redraw, const ecam_redraw_filter *filter, const char *to,
                               uint64_t *written, uint64_t *failed, ecam_error *error);

void ecam_redraw_close(ecam_redraw **redraw);

#endif
