/* A run's event files below TensorBoard's folder, and what is in them.
 *
 *   LOGDIR/RUN/events.out.tfevents.SECONDS.HOST.PID
 *   LOGDIR/RUN/attempt-2/...      steps that were written once before
 *
 * RUN is encoded by ecam_path_encode, so that it has no "/"; symbolic links
 * below LOGDIR are never followed. Every process writes files of its own. What
 * earlier ones left is read, up to where it is torn, and never changed. */
#ifndef ECAM_SINKS_TENSORBOARD_RUN_H
#define ECAM_SINKS_TENSORBOARD_RUN_H

#include <stdbool.h>

#include "eigencam/status.h"
#include "sinks/path.h"
#include "sinks/tensorboard_event.h"

#define ECAM_RUN_FOLDER_BYTES (ECAM_PATH_NAME_BYTES + 24)

typedef struct ecam_run ecam_run;

/* dir_fd is borrowed for as long as the run is open; `name` is as on the wire.
 * Errors: ECAM_EIO, ECAM_ENOMEM. */
ecam_status ecam_run_open(int dir_fd, const char *name, ecam_run **out, ecam_error *error);
void ecam_run_close(ecam_run **run);

/* Whether this epoch is there whole, as this attempt and of this stage. */
bool ecam_run_has(const ecam_run *run, const ecam_event_mark *mark);

/* Append an epoch's event. It goes to the newest folder, or to a further one
 * where that has this step of the series, or a later one: TensorBoard drops what
 * it knows where steps go back. `folder` gets its path below LOGDIR.
 * Errors: ECAM_EIO (nothing of it is in the file then, where the system lets us
 * take it back), ECAM_ENOMEM, ECAM_ELIMIT (too many folders). */
ecam_status ecam_run_write(ecam_run *run, const ecam_event_mark *mark, const ecam_event *event,
                           char folder[ECAM_RUN_FOLDER_BYTES], ecam_error *error);

#endif
