/* Fonts that several threads load at once, in processes that have loaded none:
 * cairo's caches are the process's, and were found to crash. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "codec/sheet.h"
#include "support/check.h"

#define PROCESSES 24
#define THREADS 4

static void *load_fonts(void *argument)
{
    pthread_barrier_t *together = argument;
    ecam_sheet *sheet;

    pthread_barrier_wait(together);
    if (ecam_sheet_create(&sheet) != ECAM_OK)
        return argument;
    ecam_sheet_destroy(&sheet);
    return NULL;
}

/* In a child: whether all threads got their sheet. */
static int load_together(void)
{
    pthread_barrier_t together;
    pthread_t threads[THREADS];
    int failed = 0;

    pthread_barrier_init(&together, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, load_fonts, &together) != 0)
            return 1;
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        failed |= result != NULL;
    }
    return failed;
}

static void threads_load_fonts_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            _exit(load_together());
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            fail_msg("process %d of %d ended with wait status %d", i, PROCESSES, status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_load_fonts_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
