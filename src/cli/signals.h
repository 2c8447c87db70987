/* SIGINT and SIGTERM as something that a poll loop can wait for. */
#ifndef ECAM_CLI_SIGNALS_H
#define ECAM_CLI_SIGNALS_H

#include "eigencam/status.h"

/* From here on SIGINT and SIGTERM end nothing by themselves: they make
 * ecam_signals_fd() readable, for good, and interrupt the system call that the
 * main thread is in (EINTR). A second SIGINT has its ordinary effect, so that
 * an impatient Ctrl-C always helps; SIGTERM may be repeated, as supervisors do.
 * Call it once, before any other thread is started. Handlers are not inherited
 * through exec. Errors: ECAM_EIO. */
ecam_status ecam_signals_init(ecam_error *error);

/* From here on SIGHUP ends nothing: it makes this descriptor readable, an eventfd
 * that is read to be told of the next one. Errors: ECAM_EIO. */
ecam_status ecam_signals_reload(int *fd, ecam_error *error);

/* For poll (POLLIN) and zmq_poll (ZMQ_POLLIN); never read from it. -1 before
 * ecam_signals_init. */
int ecam_signals_fd(void);

/* The signal that came first, or 0. Safe in every thread. */
int ecam_signals_pending(void);

#endif
