#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/status_line.h"

#define STATUS_FD 3 /* the child's */

/* Between fork and exec: only what is safe in the copy of a process that may
 * have had threads. */
static void become(char *const *argv, pid_t parent, int null, int said, int status_fd)
{
    static const char refused[] = "eigencam: the program cannot be started again\n";
    sigset_t none;

    /* It may end before we are asked to be told. */
    if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
        _exit(126);
    if (dup2(null, STDIN_FILENO) < 0 || dup2(said, STDOUT_FILENO) < 0 || dup2(said, STDERR_FILENO) < 0)
        _exit(126);
    if (status_fd >= 0 && dup2(status_fd, STATUS_FD) < 0)
        _exit(126);
    (void)close_range(status_fd >= 0 ? STATUS_FD + 1 : STATUS_FD, ~0u, 0);
    /* A supervisor that was killed reads nothing: the child still ends in order. */
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv("/proc/self/exe", argv);
    ssize_t written = write(STDERR_FILENO, refused, sizeof refused - 1);
    (void)written;
    _exit(126);
}

/* dup2 onto 0..3 must not overwrite what is still to be copied. */
static int move_up(int fd)
{
    int moved = fd < 0 || fd > STATUS_FD ? fd : fcntl(fd, F_DUPFD_CLOEXEC, STATUS_FD + 1);

    if (moved != fd)
        close(fd);
    return moved;
}

static void close_if(int fd)
{
    if (fd >= 0)
        close(fd);
}

ecam_status ecam_child_start(ecam_child *child, char *const *argv, int status_fd, ecam_error *error)
{
    pid_t parent = getpid();
    int ends[2] = {-1, -1}, null = move_up(open("/dev/null", O_RDONLY | O_CLOEXEC));
    ecam_status st = ECAM_OK;

    *child = (ecam_child){.said = -1};
    if (null < 0 || pipe2(ends, O_CLOEXEC) != 0)
        st = ecam_fail(error, ECAM_EIO, "no descriptors for %s: %s", argv[1], strerror(errno));
    ends[0] = move_up(ends[0]);
    ends[1] = move_up(ends[1]);
    if (st == ECAM_OK && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0) {
        if (status_fd >= 0)
            setenv(ECAM_STATUS_FD_VARIABLE, "3", 1);
        child->pid = fork();
        if (child->pid == 0)
            become(argv, parent, null, ends[1], status_fd);
        unsetenv(ECAM_STATUS_FD_VARIABLE);
    }
    if (st == ECAM_OK && child->pid <= 0)
        st = ecam_fail(error, ECAM_EIO, "%s cannot be started: %s", argv[1], strerror(errno));
    close_if(null);
    close_if(ends[1]);
    if (st == ECAM_OK) {
        child->said = ends[0];
    } else {
        close_if(ends[0]);
        child->pid = 0;
    }
    return st;
}

static void hand_on(ecam_child *child, size_t length, ecam_child_listener listener, void *context)
{
    char line[ECAM_CHILD_LINE + 1];

    memcpy(line, child->line, length);
    if (length == 0 || line[length - 1] != '\n')
        line[length++] = '\n';
    listener(context, line, length);
}

static void hand_on_lines(ecam_child *child, ecam_child_listener listener, void *context)
{
    char *end;

    while ((end = memchr(child->line, '\n', child->length)) || child->length == sizeof child->line) {
        size_t length = end ? (size_t)(end - child->line) + 1 : child->length;
        hand_on(child, length, listener, context);
        child->length -= length;
        memmove(child->line, child->line + length, child->length);
    }
}

void ecam_child_read(ecam_child *child, ecam_child_listener listener, void *context)
{
    while (child->said >= 0) {
        ssize_t n = read(child->said, child->line + child->length, sizeof child->line - child->length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return; /* nothing more for now */
        if (n == 0) {
            close(child->said);
            child->said = -1;
            return;
        }
        child->length += (size_t)n;
        hand_on_lines(child, listener, context);
    }
}

bool ecam_child_reap(ecam_child *child, int *status, ecam_child_listener listener, void *context)
{
    if (child->pid == 0 || waitpid(child->pid, status, WNOHANG) != child->pid)
        return false;
    ecam_child_read(child, listener, context);
    if (child->length > 0)
        hand_on(child, child->length, listener, context);
    close_if(child->said);
    *child = (ecam_child){.said = -1};
    return true;
}

void ecam_child_signal(const ecam_child *child, int number)
{
    if (child->pid > 0)
        kill(child->pid, number);
}

const char *ecam_child_describe_end(int status, char *out, size_t capacity)
{
    if (WIFSIGNALED(status))
        snprintf(out, capacity, "was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(out, capacity, "left with status %d", WEXITSTATUS(status));
    return out;
}
