#include "cli/status_line.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/clock.h"
#include "cli/screen.h"

#define LINE_BYTES 1024
#define MIN_NS ((uint64_t)200000000) /* between two drawings */
#define ERASE "\r\033[K"

typedef enum where { NOWHERE, ON_TERMINAL, AT_SUPERVISOR } where;

static struct {
    pthread_mutex_t lock; /* over all of it */
    where where;
    int supervisor; /* a pipe's descriptor */
    char text[LINE_BYTES];
    char drawn[LINE_BYTES]; /* what is on the terminal now; empty: nothing */
    uint64_t drawn_ns;
} line = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* All or, where the terminal is gone, nothing more. */
static void put(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t written = write(fd, bytes, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        bytes += written;
        n -= (size_t)written;
    }
}

static void write_above(const char *lines, size_t length)
{
    if (line.drawn[0] != '\0')
        put(STDERR_FILENO, ERASE, strlen(ERASE));
    put(STDERR_FILENO, lines, length);
    put(STDERR_FILENO, line.drawn, strlen(line.drawn));
}

void ecam_status_line_write(const char *lines, size_t length)
{
    pthread_mutex_lock(&line.lock);
    if (line.where == ON_TERMINAL)
        write_above(lines, length);
    else
        fwrite(lines, 1, length, stderr);
    pthread_mutex_unlock(&line.lock);
}

static void hide(void)
{
    if (line.drawn[0] != '\0')
        put(STDERR_FILENO, ERASE, strlen(ERASE));
    line.drawn[0] = '\0';
}

void ecam_status_line_hide(void)
{
    pthread_mutex_lock(&line.lock);
    hide();
    pthread_mutex_unlock(&line.lock);
}

/* The last column stays free: terminals differ in what they do behind it. */
static void draw(void)
{
    char shown[LINE_BYTES], all[sizeof ERASE + LINE_BYTES];

    ecam_screen_fit(shown, sizeof shown, line.text, ecam_screen_measure(STDERR_FILENO).columns - 1);
    if (strcmp(shown, line.drawn) == 0)
        return;
    int n = snprintf(all, sizeof all, ERASE "%s", shown);
    put(STDERR_FILENO, all, (size_t)n);
    memcpy(line.drawn, shown, sizeof shown);
}

/* A supervisor that does not read misses some: each line tells all. */
static void send_line(void)
{
    char all[LINE_BYTES + 1];
    int n = snprintf(all, sizeof all, "%s\n", line.text);

    ssize_t written = write(line.supervisor, all, (size_t)n);
    (void)written;
}

void ecam_status_line_show(const char *text)
{
    uint64_t now = ecam_clock_ns();

    pthread_mutex_lock(&line.lock);
    if (line.where != NOWHERE && (line.drawn_ns == 0 || now - line.drawn_ns >= MIN_NS)) {
        snprintf(line.text, sizeof line.text, "%s", text);
        line.drawn_ns = now;
        if (line.where == ON_TERMINAL)
            draw();
        else
            send_line();
    }
    pthread_mutex_unlock(&line.lock);
}

/* Only interrupts what waits: who shows the line measures each time. */
static void on_resize(int number)
{
    (void)number;
}

static bool find_supervisor(void)
{
    const char *named = getenv(ECAM_STATUS_FD_VARIABLE);
    char *end;

    if (!named)
        return false;
    long fd = strtol(named, &end, 10);
    int flags = *named != '\0' && *end == '\0' && fd > STDERR_FILENO && fd < 1024 ? fcntl((int)fd, F_GETFL) : -1;
    if (flags == -1 || fcntl((int)fd, F_SETFL, flags | O_NONBLOCK) == -1)
        return false;
    line.supervisor = (int)fd;
    return true;
}

bool ecam_status_line_open(void)
{
    const struct sigaction resized = {.sa_handler = on_resize}; /* no SA_RESTART */

    if (find_supervisor()) {
        line.where = AT_SUPERVISOR;
    } else if (ecam_screen_is_terminal(STDERR_FILENO)) {
        line.where = ON_TERMINAL;
        sigaction(SIGWINCH, &resized, NULL);
        ecam_log_through(ecam_status_line_write);
    }
    return line.where != NOWHERE;
}

void ecam_status_line_close(void)
{
    if (line.where == ON_TERMINAL) {
        ecam_log_through(NULL);
        ecam_status_line_hide();
    }
    line.where = NOWHERE;
}
