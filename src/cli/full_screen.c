#include "cli/full_screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/buffer.h"
#include "cli/screen.h"

#define ENTER "\033[?1049h\033[?25l" /* the other screen; no cursor */
#define LEAVE "\033[?25h\033[?1049l"

/* Signal handlers reach nothing but what is static. */
static struct termios before;
static volatile sig_atomic_t has_keys, is_entered;

static void put(const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        bytes += written;
        n -= (size_t)written;
    }
}

/* These two are made of what a signal handler may call. */
static void take(void)
{
    struct termios keys;

    has_keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
    if (has_keys) {
        keys = before;
        keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSANOW, &keys);
    }
    put(ENTER, strlen(ENTER));
    is_entered = 1;
}

static void give_back(void)
{
    if (!is_entered)
        return;
    is_entered = 0;
    put(LEAVE, strlen(LEAVE));
    if (has_keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

/* Once, with the signal's own effect behind it. */
static void on_end(int number)
{
    give_back();
    raise(number);
}

static void on_stop(int number)
{
    int saved = errno;

    (void)number;
    give_back();
    raise(SIGSTOP);
    take();
    errno = saved;
}

/* Only interrupts what waits. */
static void on_resize(int number)
{
    (void)number;
}

void ecam_full_screen_enter(void)
{
    static const int ends[] = {SIGHUP, SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGFPE};
    const struct sigaction end = {.sa_handler = on_end, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
    const struct sigaction stop = {.sa_handler = on_stop};
    const struct sigaction resized = {.sa_handler = on_resize};

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        sigaction(ends[i], &end, NULL);
    sigaction(SIGTSTP, &stop, NULL);
    sigaction(SIGWINCH, &resized, NULL);
    take();
}

static ecam_status add(ecam_buffer *out, const char *text)
{
    return ecam_buffer_append(out, text, strlen(text));
}

/* One line of the screen. What stood there is erased before: behind the last
 * column that would take its character. */
static ecam_status add_row(ecam_buffer *out, const char *text, size_t length, unsigned row, unsigned columns)
{
    char line[2048], shown[2048];
    size_t copied = length < sizeof line - 1 ? length : sizeof line - 1;
    ecam_status st = add(out, row > 0 ? "\r\n\033[K" : "\033[H\033[K");

    memcpy(line, text, copied);
    line[copied] = '\0';
    ecam_screen_fit(shown, sizeof shown, line, columns);
    return st == ECAM_OK ? add(out, shown) : st;
}

void ecam_full_screen_draw(const char *lines, size_t length)
{
    ecam_screen_size size = ecam_screen_measure(STDOUT_FILENO);
    const char *end = lines + length;
    ecam_status st = ECAM_OK;
    ecam_buffer out = {0};
    unsigned row = 0;

    for (; st == ECAM_OK && lines < end && row < size.rows; row++) {
        const char *newline = memchr(lines, '\n', (size_t)(end - lines));
        st = add_row(&out, lines, (size_t)((newline ? newline : end) - lines), row, size.columns);
        lines = newline ? newline + 1 : end;
    }
    if (st == ECAM_OK && row < size.rows)
        st = add(&out, "\r\n\033[J"); /* what stood further down */
    if (st == ECAM_OK)
        put((const char *)out.data, out.size);
    ecam_buffer_finish(&out);
}

char ecam_full_screen_key(void)
{
    struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
    char key;

    if (!has_keys || poll(&keys, 1, 0) != 1)
        return 0;
    return read(STDIN_FILENO, &key, 1) == 1 ? key : 0;
}

void ecam_full_screen_leave(void)
{
    give_back();
}
