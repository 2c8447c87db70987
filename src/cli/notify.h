/* What a service manager wants to know (systemd's sd_notify protocol): whether
 * we are ready, alive, ending, and how it goes. Does nothing where nobody asks.
 * Used by one thread; there is one, as there is one manager. */
#ifndef ECAM_CLI_NOTIFY_H
#define ECAM_CLI_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Take what the manager said out of the environment, so that our children don't
 * speak for us. */
void ecam_notify_open(void);

/* Whether somebody asks. */
bool ecam_notify_is_open(void);

/* Everything is served from now on. status: a line for people, or NULL. */
void ecam_notify_ready(const char *status);

/* How it goes, in a line for people; at most one a second, what comes sooner is
 * passed over. */
void ecam_notify_status(const char *status);

/* A sign of life from the main loop, told where it is time; and that the end
 * begins, once a signal asked for it. Gives when to call again at the latest
 * (CLOCK_MONOTONIC, ns); INT64_MAX: whenever. */
int64_t ecam_notify_alive(int64_t now_ns);

/* The same for loops that wait for at most so many milliseconds (-1: for ever);
 * gives how long they may. */
int ecam_notify_wait(int timeout_ms);

/* The end begins; told once, by one that was ready. */
void ecam_notify_stopping(void);

#endif
