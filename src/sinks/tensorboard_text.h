/* What is told of an epoch in words: Markdown, as TensorBoard's Text and the
 * descriptions of its images are. */
#ifndef ECAM_SINKS_TENSORBOARD_TEXT_H
#define ECAM_SINKS_TENSORBOARD_TEXT_H

#include "base/buffer.h"
#include "sinks/tensorboard_epoch.h"

/* The epoch's own text, terminated: what the summary says (NULL: none came), the
 * mean shares, and a row for each sample. Texts from the wire stand in it as
 * they are, none as Markdown or HTML. Errors: ECAM_ENOMEM. */
ecam_status ecam_board_text_epoch(const ecam_board_epoch *epoch, const ecam_result_summary *summary,
                                  ecam_buffer *out);

/* A tag's description, terminated: `what` in words, and the epoch's labels and
 * predictions. Errors: ECAM_ENOMEM. */
ecam_status ecam_board_text_description(const ecam_board_epoch *epoch, const char *what,
                                        ecam_buffer *out);

/* The mean share of a component, 0..1; below 0 where nothing is known. */
double ecam_board_share_mean(const ecam_board_share *share);

#endif
