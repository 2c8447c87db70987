/* The end of a recording that is played to a stage. What a process leaves
 * behind in a connection is lost if its receiver was not reading at that
 * moment (libzmq drops what it has not read of a connection that hung up), so
 * the player stays until the stage says that it heard the last session's
 * `bye`; one that was not recorded is made. */
#ifndef ECAM_CLI_FAREWELL_H
#define ECAM_CLI_FAREWELL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "wire/message.h"

typedef struct ecam_farewell {
    ecam_arena arena;
    ecam_buffer header;
    char topic[512];
    char run[256];
    uint32_t rank;
    uint64_t session;
    bool known; /* whether there was a session */
    bool said;  /* its last message was a bye */
    bool heard;
} ecam_farewell;

void ecam_farewell_init(ecam_farewell *farewell);
void ecam_farewell_finish(ecam_farewell *farewell);

/* A trainer's message as it was played. */
void ecam_farewell_note(ecam_farewell *farewell, const ecam_frame *frames, size_t n_frames);

/* The bye that is missing: true and its 2 frames, which hold until the next
 * call; false where none is. */
bool ecam_farewell_missing(ecam_farewell *farewell, ecam_frame frames[2]);

/* A message of the stage's. */
void ecam_farewell_answer(ecam_farewell *farewell, const ecam_frame *frames, size_t n_frames);

#endif
