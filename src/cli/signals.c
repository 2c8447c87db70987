#include "cli/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A signal handler reaches nothing but what is static. */
static atomic_int wake_fd = -1;
static atomic_int reload_fd = -1;
static atomic_int first_signal;

static void on_signal(int number)
{
    const uint64_t one = 1;
    int saved = errno, none = 0;

    atomic_compare_exchange_strong(&first_signal, &none, number);
    /* an eventfd takes 2^64 - 2 of these before it could refuse one */
    ssize_t written = write(atomic_load(&wake_fd), &one, sizeof one);
    (void)written;
    errno = saved;
}

ecam_status ecam_signals_init(ecam_error *error)
{
    /* without SA_RESTART: a blocking call must return to notice */
    struct sigaction once = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    struct sigaction ever = {.sa_handler = on_signal};

    if (atomic_load(&wake_fd) == -1) {
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (fd == -1)
            return ecam_fail(error, ECAM_EIO, "no descriptor for signals: %s", strerror(errno));
        atomic_store(&wake_fd, fd);
    }
    sigemptyset(&once.sa_mask);
    sigemptyset(&ever.sa_mask);
    if (sigaction(SIGINT, &once, NULL) != 0 || sigaction(SIGTERM, &ever, NULL) != 0)
        return ecam_fail(error, ECAM_EIO, "signals cannot be handled: %s", strerror(errno));
    return ECAM_OK;
}

static void on_reload(int number)
{
    const uint64_t one = 1;
    int saved = errno;

    (void)number;
    ssize_t written = write(atomic_load(&reload_fd), &one, sizeof one);
    (void)written;
    errno = saved;
}

ecam_status ecam_signals_reload(int *fd, ecam_error *error)
{
    struct sigaction action = {.sa_handler = on_reload, .sa_flags = SA_RESTART};

    sigemptyset(&action.sa_mask);
    *fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    atomic_store(&reload_fd, *fd);
    if (*fd < 0 || sigaction(SIGHUP, &action, NULL) != 0)
        return ecam_fail(error, ECAM_EIO, "SIGHUP cannot be handled: %s", strerror(errno));
    return ECAM_OK;
}

int ecam_signals_fd(void)
{
    return atomic_load(&wake_fd);
}

int ecam_signals_pending(void)
{
    return atomic_load(&first_signal);
}
