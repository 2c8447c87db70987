/* This program once more, as a child process: started, listened to, ended. For
 * a supervisor of one thread. */
#ifndef ECAM_CLI_CHILD_H
#define ECAM_CLI_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "eigencam/status.h"

#define ECAM_CHILD_LINE 4096

typedef struct ecam_child {
    pid_t pid;  /* 0: does not run */
    int said;   /* what it writes on stdout and stderr, for poll; -1: none */
    char line[ECAM_CHILD_LINE]; /* the beginning of its next one */
    size_t length;
} ecam_child;

/* argv: "eigencam", a subcommand, its options, NULL. status_fd: a pipe's end
 * that it shall write its live lines into, or -1. The child has a process group
 * of its own (a terminal's Ctrl-C is the supervisor's alone), no descriptor of
 * ours but these, and ends when the supervisor is gone. Errors: ECAM_EIO. */
ecam_status ecam_child_start(ecam_child *child, char *const *argv, int status_fd, ecam_error *error);

/* Hand on each whole line that has come, with its newline; one that has none at
 * its process' end, or is too long, gets one. */
typedef void (*ecam_child_listener)(void *context, const char *line, size_t length);
void ecam_child_read(ecam_child *child, ecam_child_listener listener, void *context);

/* Whether it has ended. *status: as of waitpid; all it said is handed on then. */
bool ecam_child_reap(ecam_child *child, int *status, ecam_child_listener listener, void *context);

void ecam_child_signal(const ecam_child *child, int number);

/* "left with status 1", "was ended by signal 9 (Killed)"; returns `out`. */
const char *ecam_child_describe_end(int status, char *out, size_t capacity);

#endif
