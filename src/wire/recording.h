/* Recordings: a stream of multipart messages in a file, with their times.
 * Specified in proto/recording.md. */
#ifndef ECAM_WIRE_RECORDING_H
#define ECAM_WIRE_RECORDING_H

#include <stddef.h>
#include <stdint.h>

#include "eigencam/status.h"
#include "wire/message.h"

/* What a record may hold. */
#define ECAM_RECORDING_FRAMES 1024
#define ECAM_RECORDING_FRAME_BYTES ((uint64_t)1 << 30)
#define ECAM_RECORDING_RECORD_BYTES ((uint64_t)1 << 31)

typedef enum ecam_recording_kind {
    ECAM_RECORDING_TRAINER, /* what trainers sent to a stage */
    ECAM_RECORDING_RESULTS  /* what a stage sent to loggers */
} ecam_recording_kind;

typedef struct ecam_recorder ecam_recorder;

/* Makes the file anew. Errors: ECAM_EIO, ECAM_ENOMEM. */
ecam_status ecam_recorder_open(const char *path, ecam_recording_kind kind, ecam_recorder **out,
                               ecam_error *error);

/* time_ns: since the first message of the recording began, monotonic.
 * The record is with the system when this returns: a killed process loses
 * nothing. After ECAM_EIO (a full disk) the recording is still whole, without
 * this record, and another one may be tried.
 * Errors: ECAM_EIO, ECAM_ELIMIT, ECAM_EINVAL (no frames). */
ecam_status ecam_recorder_write(ecam_recorder *recorder, uint64_t time_ns,
                                const ecam_frame *frames, size_t n_frames, ecam_error *error);

/* Reports a write that failed late. */
ecam_status ecam_recorder_close(ecam_recorder **recorder, ecam_error *error);

typedef struct ecam_player ecam_player;

/* Errors: ECAM_EIO (no regular file, or not readable), ECAM_EFORMAT (no
 * recording), ECAM_EVERSION, ECAM_ENOMEM. */
ecam_status ecam_player_open(const char *path, ecam_player **out, ecam_error *error);
ecam_recording_kind ecam_player_kind(const ecam_player *player);

/* The next message; its frames belong to the player and hold until the next
 * call. ECAM_ECLOSED at the end; ECAM_EFORMAT for a file that is cut or no
 * recording (the text says at which byte), ECAM_ELIMIT, ECAM_EIO, ECAM_ENOMEM.
 * After a failure every further call fails likewise, until a rewind. */
ecam_status ecam_player_next(ecam_player *player, uint64_t *time_ns, const ecam_frame **frames,
                             size_t *n_frames, ecam_error *error);

/* Back to the first message. */
ecam_status ecam_player_rewind(ecam_player *player, ecam_error *error);
void ecam_player_close(ecam_player **player);

#endif
