/* A PNG as bytes: whether it is whole, and what of it is the picture. Pixels
 * are not decoded. */
#ifndef ECAM_CODEC_PNG_CHUNKS_H
#define ECAM_CODEC_PNG_CHUNKS_H

#include <stddef.h>

#include "base/buffer.h"
#include "eigencam/status.h"

/* Whether it has PNG's structure from the signature to the last byte: chunks
 * with right checksums, IHDR first, IDAT, nothing after IEND.
 * Errors: ECAM_EFORMAT. */
ecam_status ecam_png_check(const void *png, size_t size, ecam_error *error);

/* A PNG that passed the check without its text chunks, which name run and
 * epoch: the same picture then has the same bytes. Replaces the contents of
 * `out`. Errors: ECAM_ENOMEM. */
ecam_status ecam_png_strip(const void *png, size_t size, ecam_buffer *out);

#endif
