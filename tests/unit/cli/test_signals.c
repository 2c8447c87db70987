#include "cli/signals.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/check.h"

/* Everything happens in a child: signals are the whole process's. What it
 * returns is its exit status. */
static int in_child(int (*body)(void))
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(body());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool readable(int timeout_ms)
{
    struct pollfd poll_fd = {.fd = ecam_signals_fd(), .events = POLLIN};
    return poll(&poll_fd, 1, timeout_ms) == 1 && poll_fd.revents == POLLIN;
}

static int stays_readable(void)
{
    if (ecam_signals_fd() != -1 || ecam_signals_init(NULL) != ECAM_OK)
        return 1;
    if (readable(0) || ecam_signals_pending() != 0)
        return 2;
    raise(SIGTERM);
    if (!readable(0) || !readable(0) || ecam_signals_pending() != SIGTERM)
        return 3;
    raise(SIGTERM);
    raise(SIGINT);
    return readable(0) && ecam_signals_pending() == SIGTERM ? 0 : 4;
}

static int second_interrupt_ends(void)
{
    if (ecam_signals_init(NULL) != ECAM_OK)
        return 1;
    raise(SIGINT);
    if (ecam_signals_pending() != SIGINT)
        return 2;
    raise(SIGINT);
    return 3;
}

static int wakes_a_poll(void)
{
    if (ecam_signals_init(NULL) != ECAM_OK)
        return 1;
    pid_t self = getpid();
    pid_t sender = fork();
    if (sender == 0) {
        kill(self, SIGTERM);
        _exit(0);
    }
    /* the signal may come before or in the poll, which it then interrupts */
    bool woken = readable(20000) || readable(0);
    waitpid(sender, NULL, 0);
    return woken && ecam_signals_pending() == SIGTERM ? 0 : 2;
}

static void a_signal_makes_the_descriptor_readable_for_good(void **state)
{
    (void)state;
    assert_int_equal(in_child(stays_readable), 0);
}

static void a_second_interrupt_ends_the_process(void **state)
{
    (void)state;
    assert_int_equal(in_child(second_interrupt_ends), 128 + SIGINT);
}

static void a_waiting_poll_returns(void **state)
{
    (void)state;
    assert_int_equal(in_child(wakes_a_poll), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_makes_the_descriptor_readable_for_good),
        cmocka_unit_test(a_second_interrupt_ends_the_process),
        cmocka_unit_test(a_waiting_poll_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
