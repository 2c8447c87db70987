/* A message in words, for people. */
#ifndef ECAM_CLI_DESCRIBE_H
#define ECAM_CLI_DESCRIBE_H

#include <stdio.h>

#include "base/arena.h"
#include "wire/message.h"

/* A bound for the arena that is enough for every header. */
#define ECAM_DESCRIBE_MEMORY ((size_t)128 << 20)

/* Write what trainers or a stage said, without a line's end:
 *   batch|eval||run| batch: run=run rank=0/1 session=00000000000000ff seq=3
 *     mode=eval epoch=2 step=0 ds_id="" images=<f4[8,3,32,32] labels=8 items, 98304 bytes
 * A message that is not understood is shown with the error instead. Texts from
 * the wire are cleaned: nothing in them reaches a terminal as a command.
 * arena: scratch; reset at the beginning. */
void ecam_describe(FILE *to, const ecam_frame *frames, size_t n_frames, ecam_arena *arena);

#endif
