#include "cli/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/clock.h"
#include "cli/signals.h"

#define STATUS_NS (INT64_C(1000000000)) /* between two status lines */
#define TEXT_BYTES 600

static struct {
    int socket; /* 0: nobody asks */
    struct sockaddr_un address;
    socklen_t address_bytes;
    int64_t alive_every_ns; /* 0: not asked for */
    int64_t next_alive_ns, next_status_ns;
    char status[TEXT_BYTES]; /* the last one told */
    bool ready, stopping;
} manager;

/* A path, or "@" and a name in Linux's abstract namespace. */
static bool read_address(const char *text)
{
    size_t length = strlen(text);

    if ((text[0] != '/' && text[0] != '@') || length < 2 || length >= sizeof manager.address.sun_path)
        return false;
    manager.address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(manager.address.sun_path, text, length);
    if (text[0] == '@')
        manager.address.sun_path[0] = '\0';
    manager.address_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (text[0] == '/'));
    return true;
}

/* Told twice in the time that is allowed. */
static int64_t read_interval(const char *interval, const char *pid)
{
    char *end;

    if (!interval || (pid && strtoll(pid, NULL, 10) != getpid()))
        return 0;
    errno = 0;
    unsigned long long us = strtoull(interval, &end, 10);
    return errno == 0 && *end == '\0' && us > 0 && us < UINT64_C(1) << 50 ? (int64_t)us * 500 : 0;
}

void ecam_notify_open(void)
{
    const char *address = getenv("NOTIFY_SOCKET");

    if (address && !read_address(address))
        ecam_log("NOTIFY_SOCKET is \"%.120s\", expected a path or @name: the service manager is told nothing", address);
    else if (address)
        manager.socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (manager.socket < 0) {
        ecam_log("the service manager cannot be told anything: %s", strerror(errno));
        manager.socket = 0;
    }
    manager.alive_every_ns = read_interval(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

bool ecam_notify_is_open(void)
{
    return manager.socket > 0;
}

/* Without waiting: a manager that is busy hears the next one. */
static void tell(const char *text)
{
    ssize_t sent;

    if (manager.socket <= 0)
        return;
    do {
        sent = sendto(manager.socket, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
                      (const struct sockaddr *)&manager.address, manager.address_bytes);
    } while (sent < 0 && errno == EINTR);
}

void ecam_notify_ready(const char *status)
{
    char text[TEXT_BYTES + 40];

    snprintf(text, sizeof text, "READY=1%s%.*s", status ? "\nSTATUS=" : "", TEXT_BYTES, status ? status : "");
    tell(text);
    manager.ready = true;
    ecam_notify_alive((int64_t)ecam_clock_ns());
}

void ecam_notify_status(const char *status)
{
    char text[TEXT_BYTES + 40];
    int64_t now = (int64_t)ecam_clock_ns();

    if (manager.socket <= 0 || now < manager.next_status_ns || strncmp(status, manager.status, TEXT_BYTES - 1) == 0)
        return;
    snprintf(manager.status, sizeof manager.status, "%s", status);
    snprintf(text, sizeof text, "STATUS=%s", manager.status);
    tell(text);
    manager.next_status_ns = now + STATUS_NS;
}

int64_t ecam_notify_alive(int64_t now_ns)
{
    if (manager.socket <= 0)
        return INT64_MAX;
    if (ecam_signals_pending() != 0)
        ecam_notify_stopping();
    if (manager.alive_every_ns == 0)
        return INT64_MAX;
    if (now_ns >= manager.next_alive_ns) {
        tell("WATCHDOG=1");
        manager.next_alive_ns = now_ns + manager.alive_every_ns;
    }
    return manager.next_alive_ns;
}

int ecam_notify_wait(int timeout_ms)
{
    int64_t now = (int64_t)ecam_clock_ns(), due = ecam_notify_alive(now);
    int64_t left_ms = due == INT64_MAX ? INT64_MAX : due <= now ? 0 : (due - now) / 1000000 + 1;

    if (timeout_ms < 0)
        return left_ms > INT32_MAX ? -1 : (int)left_ms;
    return left_ms < timeout_ms ? (int)left_ms : timeout_ms;
}

void ecam_notify_stopping(void)
{
    if (manager.ready && !manager.stopping)
        tell("STOPPING=1");
    manager.stopping = true;
}
