#include "cli/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/child.h"
#include "cli/clock.h"
#include "cli/notify.h"
#include "cli/screen.h"
#include "cli/status_line.h"

#define SECOND_NS ((uint64_t)1000000000)
#define BACKOFF_NS (SECOND_NS / 5) /* before the first new start; then twice that, and so on */
#define BACKOFF_MAX_NS (5 * SECOND_NS)
#define RAN_WELL_NS (10 * SECOND_NS) /* after which the next death counts as the first */
#define ANNOUNCE_NS (10 * SECOND_NS) /* so long the gallery's address waits for the logger */

/* So long each may take to end before it is killed: the stage draws what is
 * open, the logger stores it. */
static const uint64_t patience_ns[ECAM_UP_PARTS] = {30 * SECOND_NS, 75 * SECOND_NS, 10 * SECOND_NS};

typedef enum state { NOT_YET, STARTED, WAITING, ENDING, ENDED } state;

typedef struct part {
    ecam_up_part which;
    state state;
    bool ready;      /* it said so, since it was started */
    bool was_ready;  /* it did so once */
    ecam_child child;
    uint64_t started_ns;
    uint64_t backoff_ns;
    uint64_t due_ns; /* WAITING: when it is started; ENDING: when it is killed */
} part;

typedef struct supervisor {
    ecam_up_plan *plan;
    part parts[ECAM_UP_PARTS];
    ecam_up_found found;
    ecam_arena arena;     /* arguments of the next start */
    char address[128];    /* the gallery's */
    bool announced;
    size_t served;        /* endpoints that the stage publishes on, since it was started */
    bool unheard;         /* the stage runs again, and the logger has not heard it yet */
    bool stopping;
    int exit_status;
    int signals;          /* a signalfd */
    int status[2];        /* the stage's live lines: our end, its end; -1: nobody sees them */
    char text[512];       /* the last of them */
    char pending[1024];   /* the beginning of the next */
    size_t n_pending;
} supervisor;

/* ---- what children say ---- */

static bool begins(const char *line, const char *with, const char **rest)
{
    size_t length = strlen(with);

    *rest = line + length;
    return strncmp(line, with, length) == 0;
}

/* An endpoint that the stage serves, kept for later starts. */
static void note_endpoint(supervisor *s, const char *endpoint, const char **list, size_t *n)
{
    const char *copy = *n < ECAM_ENDPOINTS ? ecam_arena_text(&s->plan->arena, endpoint, strcspn(endpoint, "\n")) : NULL;

    if (copy)
        list[(*n)++] = copy;
}

/* Whether it publishes on all its endpoints now. */
static bool hear_stage(supervisor *s, const char *line)
{
    bool first = s->found.n_out < s->plan->config.n_out;
    const char *rest;

    if (first && begins(line, "eigencam: stage listens for trainers on ", &rest))
        note_endpoint(s, rest, s->found.in, &s->found.n_in);
    if (!begins(line, "eigencam: stage publishes on ", &rest))
        return false;
    if (first)
        note_endpoint(s, rest, s->found.out, &s->found.n_out);
    return ++s->served == s->plan->config.n_out;
}

static bool hear_view(supervisor *s, const char *line)
{
    const char *rest, *port;

    if (!begins(line, "view: ", &rest))
        return false;
    snprintf(s->address, sizeof s->address, "%.*s", (int)strcspn(rest, "\n"), rest);
    port = strrchr(s->address, ':');
    s->found.port = port ? (unsigned)strtoul(port + 1, NULL, 10) : 0;
    return true;
}

static bool hear_log(const char *line)
{
    const char *rest;
    return begins(line, "eigencam: log: hears a stage", &rest);
}

/* A stage runs again when what it publishes is stored again: the logger says
 * whenever it hears another one. */
static void on_ready(supervisor *s, part *p)
{
    bool again = p->was_ready && !p->ready;

    p->ready = p->was_ready = true;
    if (p->which == ECAM_UP_LOG && s->unheard && s->parts[ECAM_UP_STAGE].ready) {
        ecam_log("up: stage runs again");
        s->unheard = false;
    }
    if (again && p->which == ECAM_UP_STAGE)
        s->unheard = true;
    else if (again)
        ecam_log("up: %s runs again", ecam_up_part_name(p->which));
}

/* What a line is handed on with. */
typedef struct speaker {
    supervisor *s;
    part *part;
} speaker;

static void on_line(void *context, const char *line, size_t length)
{
    const speaker *by = context;
    char text[ECAM_CHILD_LINE + 2];
    part *p = by->part;

    memcpy(text, line, length);
    text[length] = '\0';
    bool address = p->which == ECAM_UP_VIEW && hear_view(by->s, text);
    bool ready = p->which == ECAM_UP_STAGE ? hear_stage(by->s, text)
               : p->which == ECAM_UP_LOG   ? hear_log(text)
                                           : address;
    if (!address)
        ecam_status_line_write(line, length);
    if (ready)
        on_ready(by->s, p);
}

/* The stage first: what the others say is about what it said before. */
static void read_parts(supervisor *s)
{
    for (size_t i = 0; i < ECAM_UP_PARTS; i++) {
        speaker by = {s, &s->parts[i]};
        ecam_child_read(&s->parts[i].child, on_line, &by);
    }
}

/* The stage's live line; behind it where to look, if there is room for all of
 * that. */
static void show_status(const supervisor *s)
{
    const char *text = s->stopping ? "ending" : s->parts[ECAM_UP_STAGE].ready ? s->text : "the stage starts";
    char all[sizeof s->text + sizeof s->address + 8];
    unsigned columns = ecam_screen_measure(STDERR_FILENO).columns;
    bool both = s->announced && !s->stopping && ecam_screen_width(text) + 3 + ecam_screen_width(s->address) < columns;

    snprintf(all, sizeof all, "%s%s%s", text, both ? " | " : "", both ? s->address : "");
    ecam_status_line_show(all);
}

static void read_status(supervisor *s)
{
    ssize_t n;
    char *end;

    while ((n = read(s->status[0], s->pending + s->n_pending, sizeof s->pending - s->n_pending)) > 0) {
        s->n_pending += (size_t)n;
        while ((end = memchr(s->pending, '\n', s->n_pending))) {
            size_t length = (size_t)(end - s->pending);
            snprintf(s->text, sizeof s->text, "%.*s", (int)length, s->pending);
            s->n_pending -= length + 1;
            memmove(s->pending, end + 1, s->n_pending);
        }
        if (s->n_pending == sizeof s->pending)
            s->n_pending = 0; /* no line of ours */
    }
}

/* ---- start and end ---- */

static void stop(supervisor *s, int exit_status)
{
    if (!s->stopping)
        s->exit_status = exit_status;
    s->stopping = true;
    ecam_notify_stopping();
}

static void start(supervisor *s, part *p)
{
    static ecam_up_args args;
    ecam_error error = {0};

    ecam_arena_reset(&s->arena);
    ecam_status st = ecam_up_plan_arguments(s->plan, p->which, &s->found, &s->arena, &args, &error);
    if (st == ECAM_OK)
        st = ecam_child_start(&p->child, args.items, p->which == ECAM_UP_STAGE ? s->status[1] : -1, &error);
    p->ready = false;
    p->started_ns = ecam_clock_ns();
    if (p->which == ECAM_UP_STAGE) {
        s->found.recordings++;
        s->served = 0;
    }
    p->state = STARTED;
    if (st == ECAM_OK)
        return;
    ecam_log("up: %s", error.text);
    if (!p->was_ready)
        stop(s, 1);
    p->state = WAITING;
    p->due_ns = p->started_ns + BACKOFF_MAX_NS;
}

/* A child that never worked will not work the next time either. */
static void on_first_failure(supervisor *s, const part *p, int status)
{
    char how[64];

    ecam_log("up: %s %s at its start", ecam_up_part_name(p->which), ecam_child_describe_end(status, how, sizeof how));
    stop(s, WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : 1);
}

static void on_death(supervisor *s, part *p, int status)
{
    uint64_t now = ecam_clock_ns();
    char how[64];

    p->ready = false;
    if (!p->was_ready) {
        p->state = ENDED;
        on_first_failure(s, p, status);
        return;
    }
    p->backoff_ns = now - p->started_ns >= RAN_WELL_NS || p->backoff_ns == 0 ? BACKOFF_NS : 2 * p->backoff_ns;
    if (p->backoff_ns > BACKOFF_MAX_NS)
        p->backoff_ns = BACKOFF_MAX_NS;
    p->state = WAITING;
    p->due_ns = now + p->backoff_ns;
    ecam_log("up: %s %s; it is started again in %.1f s", ecam_up_part_name(p->which),
             ecam_child_describe_end(status, how, sizeof how), (double)p->backoff_ns / 1e9);
}

static void on_ordered_end(supervisor *s, part *p, int status)
{
    char how[64];

    p->state = ENDED;
    if (status == 0)
        return;
    ecam_log("up: %s %s", ecam_up_part_name(p->which), ecam_child_describe_end(status, how, sizeof how));
    if (s->exit_status == 0)
        s->exit_status = 1;
}

static void reap(supervisor *s)
{
    for (size_t i = 0; i < ECAM_UP_PARTS; i++) {
        part *p = &s->parts[i];
        speaker by = {s, p};
        int status;
        if (!ecam_child_reap(&p->child, &status, on_line, &by))
            continue;
        if (p->state == ENDING)
            on_ordered_end(s, p, status);
        else
            on_death(s, p, status);
    }
}

/* One after the other, each when the one before has ended. */
static void go_on_stopping(supervisor *s)
{
    uint64_t now = ecam_clock_ns();

    for (size_t i = 0; i < ECAM_UP_PARTS; i++) {
        part *p = &s->parts[i];
        if (p->state == STARTED) {
            ecam_child_signal(&p->child, SIGTERM);
            p->state = ENDING;
            p->due_ns = now + patience_ns[i];
        } else if (p->state == ENDING && now >= p->due_ns) {
            ecam_log("up: %s does not end; it is killed", ecam_up_part_name(p->which));
            ecam_child_signal(&p->child, SIGKILL);
            p->due_ns = UINT64_MAX;
        } else if (p->state != ENDING) {
            p->state = ENDED;
        }
        if (p->state == ENDING)
            return;
    }
}

static void start_due(supervisor *s)
{
    bool stage_ready = s->parts[ECAM_UP_STAGE].was_ready;
    uint64_t now = ecam_clock_ns();

    for (size_t i = 0; i < ECAM_UP_PARTS && !s->stopping; i++) {
        part *p = &s->parts[i];
        if ((p->state == NOT_YET && (i == ECAM_UP_STAGE || stage_ready)) || (p->state == WAITING && now >= p->due_ns))
            start(s, p);
    }
}

/* Once what comes is stored and can be looked at; or, where a logger can't hear
 * its stage, all the same. */
static void announce_when_ready(supervisor *s)
{
    const part *log = &s->parts[ECAM_UP_LOG], *view = &s->parts[ECAM_UP_VIEW];
    bool waited = ecam_clock_ns() - s->parts[ECAM_UP_VIEW].started_ns >= ANNOUNCE_NS;

    if (s->announced || s->stopping || !view->ready || (!log->ready && !waited))
        return;
    if (!log->ready)
        ecam_log("up: log has not heard the stage in %d s", (int)(ANNOUNCE_NS / SECOND_NS));
    ecam_status_line_hide();
    printf("gallery: %s\n", s->address);
    fflush(stdout);
    s->announced = true;
    ecam_notify_ready(s->address);
}

/* ---- the loop ---- */

static void kill_all(supervisor *s)
{
    for (size_t i = 0; i < ECAM_UP_PARTS; i++)
        if (s->parts[i].child.pid > 0) {
            ecam_child_signal(&s->parts[i].child, SIGKILL);
            s->parts[i].state = ENDING;
            s->parts[i].due_ns = UINT64_MAX;
        }
}

static void read_signals(supervisor *s)
{
    struct signalfd_siginfo info;

    while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        bool ends = info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM || info.ssi_signo == SIGHUP;
        /* Supervisors repeat SIGTERM; a second Ctrl-C is a person's. */
        if (s->stopping && info.ssi_signo == SIGINT)
            kill_all(s);
        if (ends && !s->stopping)
            ecam_log("up: ending");
        if (ends)
            stop(s, 0);
    }
}

/* What was written is nobody's business; only the end counts. */
static void read_input(supervisor *s)
{
    char ignored[256];
    ssize_t n = read(STDIN_FILENO, ignored, sizeof ignored);

    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
        stop(s, 0);
}

static int until_due_ms(const supervisor *s)
{
    uint64_t now = ecam_clock_ns(), due = now + SECOND_NS;

    for (size_t i = 0; i < ECAM_UP_PARTS; i++)
        if ((s->parts[i].state == WAITING || s->parts[i].state == ENDING) && s->parts[i].due_ns < due)
            due = s->parts[i].due_ns;
    return due <= now ? 0 : (int)((due - now + 999999) / 1000000);
}

static void wait_for_news(supervisor *s)
{
    struct pollfd fds[ECAM_UP_PARTS + 3];

    for (size_t i = 0; i < ECAM_UP_PARTS; i++)
        fds[i] = (struct pollfd){.fd = s->parts[i].child.said, .events = POLLIN};
    fds[ECAM_UP_PARTS] = (struct pollfd){.fd = s->signals, .events = POLLIN};
    fds[ECAM_UP_PARTS + 1] = (struct pollfd){.fd = s->status[0], .events = POLLIN};
    fds[ECAM_UP_PARTS + 2] =
        (struct pollfd){.fd = s->plan->until_eof && !s->stopping ? STDIN_FILENO : -1, .events = POLLIN};
    if (poll(fds, ECAM_UP_PARTS + 3, ecam_notify_wait(until_due_ms(s))) <= 0)
        return;
    read_parts(s);
    if (fds[ECAM_UP_PARTS].revents)
        read_signals(s);
    if (fds[ECAM_UP_PARTS + 1].revents)
        read_status(s);
    if (fds[ECAM_UP_PARTS + 2].revents)
        read_input(s);
}

static bool all_ended(const supervisor *s)
{
    for (size_t i = 0; i < ECAM_UP_PARTS; i++)
        if (s->parts[i].state != ENDED)
            return false;
    return true;
}

static void run(supervisor *s)
{
    while (!all_ended(s)) {
        start_due(s);
        if (s->stopping)
            go_on_stopping(s);
        if (all_ended(s))
            break;
        show_status(s);
        wait_for_news(s);
        reap(s);
        announce_when_ready(s);
    }
}

static ecam_status open_signals(supervisor *s, ecam_error *error)
{
    struct sigaction hangup;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGWINCH);
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) /* nohup */
        sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || (s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
        return ecam_fail(error, ECAM_EIO, "signals cannot be handled: %s", strerror(errno));
    signal(SIGPIPE, SIG_IGN); /* who read our lines may have gone */
    return ECAM_OK;
}

int ecam_supervise(ecam_up_plan *plan)
{
    supervisor s = {.plan = plan, .signals = -1, .status = {-1, -1}};
    ecam_error error = {0};

    for (size_t i = 0; i < ECAM_UP_PARTS; i++)
        s.parts[i] = (part){.which = (ecam_up_part)i, .child = {.said = -1}};
    ecam_arena_init(&s.arena, 0);
    ecam_status st = open_signals(&s, &error);
    if (st == ECAM_OK && ecam_status_line_open() && pipe2(s.status, O_CLOEXEC | O_NONBLOCK) != 0)
        st = ecam_fail(&error, ECAM_EIO, "no pipe: %s", strerror(errno));
    if (st == ECAM_OK)
        run(&s);
    else
        ecam_log("up: %s", error.text);
    ecam_status_line_close();
    for (size_t i = 0; i < 2; i++)
        if (s.status[i] >= 0)
            close(s.status[i]);
    if (s.signals >= 0)
        close(s.signals);
    ecam_arena_finish(&s.arena);
    return st == ECAM_OK ? s.exit_status : 1;
}
