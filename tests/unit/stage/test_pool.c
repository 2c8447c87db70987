#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "stage/pool.h"
#include "support/check.h"

typedef struct job {
    ecam_task task;
    unsigned number;
    unsigned runs, dones;
    bool out; /* with the pool; the main thread's own */
    pthread_t runner;
    uint64_t result;
    struct gate *gate;
} job;

/* Holds a worker until the test opens it. */
typedef struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool reached, open;
} gate;

static unsigned order[64], n_order;
static pthread_t main_thread;

static ecam_pool *create(unsigned workers)
{
    ecam_pool *pool;
    ecam_error error = {0};
    CHECK_OK(ecam_pool_create(workers, &pool, &error), error);
    assert_non_null(pool);
    return pool;
}

static void run_job(ecam_task *task, ecam_worker *worker)
{
    job *j = (job *)task;
    assert_non_null(worker->workspace);
    assert_non_null(worker->png);
    assert_non_null(worker->sheet);
    j->runs++;
    j->runner = pthread_self();
    j->result = (uint64_t)j->number * j->number;
}

static void job_done(ecam_task *task, void *context)
{
    job *j = (job *)task;
    assert_true(pthread_equal(pthread_self(), main_thread));
    assert_int_equal(j->runs, 1);
    assert_int_equal(j->result, (uint64_t)j->number * j->number);
    j->dones++;
    j->out = false;
    if (context)
        ++*(size_t *)context;
}

/* Wait for the pool's descriptor; false if it stays silent for a minute. */
static bool wait_for(ecam_pool *pool)
{
    struct pollfd fd = {.fd = ecam_pool_fd(pool), .events = POLLIN};
    return poll(&fd, 1, 60000) == 1;
}

static size_t collect_all(ecam_pool *pool, void *context)
{
    size_t n = 0;
    while (ecam_pool_waiting(pool) > 0) {
        assert_true(wait_for(pool));
        n += ecam_pool_collect(pool, context);
    }
    return n;
}

#define MANY 10000

static void every_task_runs_once_and_comes_back(void **state)
{
    (void)state;
    static const unsigned workers[] = {1, 2, 8};
    for (size_t w = 0; w < 3; w++) {
        ecam_pool *pool = create(workers[w]);
        job *jobs = calloc(MANY, sizeof *jobs);
        size_t submitted = 0, collected = 0, seen = 0;
        while (collected < MANY) {
            for (size_t i = 0; i < 100 && submitted < MANY; i++, submitted++) {
                jobs[submitted] = (job){.task = {.run = run_job, .done = job_done}, .number = (unsigned)submitted};
                ecam_pool_submit(pool, &jobs[submitted].task, submitted % 7 == 0);
            }
            assert_int_equal(ecam_pool_waiting(pool), submitted - collected);
            collected += ecam_pool_collect(pool, &seen);
            assert_int_equal(seen, collected);
            if (submitted == MANY && collected < MANY)
                assert_true(wait_for(pool));
        }
        for (size_t i = 0; i < MANY; i++)
            assert_true(jobs[i].dones == 1 && !pthread_equal(jobs[i].runner, main_thread));
        assert_int_equal(ecam_pool_waiting(pool), 0);
        ecam_pool_destroy(&pool);
        assert_null(pool);
        free(jobs);
    }
}

static void nothing_to_collect(void **state)
{
    (void)state;
    ecam_pool *pool = create(1);
    struct pollfd fd = {.fd = ecam_pool_fd(pool), .events = POLLIN};
    assert_int_equal(ecam_pool_collect(pool, NULL), 0);
    assert_int_equal(poll(&fd, 1, 0), 0);
    job j = {.task = {.run = run_job, .done = job_done}};
    ecam_pool_submit(pool, &j.task, false);
    assert_int_equal(collect_all(pool, NULL), 1);
    assert_int_equal(poll(&fd, 1, 0), 0); /* silent again */
    assert_int_equal(ecam_pool_collect(pool, NULL), 0);
    ecam_pool_destroy(&pool);
}

static void pass_gate(ecam_task *task, ecam_worker *worker)
{
    gate *g = ((job *)task)->gate;
    (void)worker;
    pthread_mutex_lock(&g->lock);
    g->reached = true;
    pthread_cond_broadcast(&g->changed);
    while (!g->open)
        pthread_cond_wait(&g->changed, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

static void note_order(ecam_task *task, ecam_worker *worker)
{
    (void)worker;
    order[n_order++] = ((job *)task)->number; /* one worker: no race */
}

static void done_nothing(ecam_task *task, void *context)
{
    (void)task;
    (void)context;
}

static void wait_until_reached(gate *g)
{
    pthread_mutex_lock(&g->lock);
    while (!g->reached)
        pthread_cond_wait(&g->changed, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

static void open_gate(gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->open = true;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
}

static void urgent_tasks_go_first(void **state)
{
    (void)state;
    ecam_pool *pool = create(1);
    gate g = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    job first = {.task = {.run = pass_gate, .done = done_nothing}, .gate = &g}, jobs[8];
    static const bool urgent[8] = {false, false, true, false, true, true, false, true};
    static const unsigned expected[8] = {2, 4, 5, 7, 0, 1, 3, 6};

    ecam_pool_submit(pool, &first.task, false);
    wait_until_reached(&g);
    n_order = 0;
    for (unsigned i = 0; i < 8; i++) {
        jobs[i] = (job){.task = {.run = note_order, .done = done_nothing}, .number = i};
        ecam_pool_submit(pool, &jobs[i].task, urgent[i]);
    }
    assert_int_equal(ecam_pool_waiting(pool), 9);
    open_gate(&g);
    assert_int_equal(collect_all(pool, NULL), 9);
    assert_int_equal(n_order, 8);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(order[i], expected[i]);
    ecam_pool_destroy(&pool);
}

static void destroying_runs_what_is_submitted(void **state)
{
    (void)state;
    static job jobs[500];
    ecam_pool *pool = create(3);
    for (unsigned i = 0; i < 500; i++) {
        jobs[i] = (job){.task = {.run = run_job, .done = job_done}, .number = i};
        ecam_pool_submit(pool, &jobs[i].task, i % 2);
    }
    ecam_pool_destroy(&pool);
    assert_null(pool);
    for (unsigned i = 0; i < 500; i++)
        assert_true(jobs[i].runs == 1 && jobs[i].dones == 0);
    ecam_pool_destroy(&pool); /* NULL is accepted */
}

static void an_idle_pool_ends(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        ecam_pool *pool = create(4);
        ecam_pool_destroy(&pool);
    }
}

/* A task may be given again while others come back. */
static void tasks_can_be_given_again(void **state)
{
    (void)state;
    ecam_pool *pool = create(4);
    job jobs[16];
    size_t rounds = 0;
    memset(jobs, 0, sizeof jobs);
    while (rounds < 2000) {
        for (unsigned i = 0; i < 16 && rounds < 2000; i++) {
            if (jobs[i].out)
                continue;
            jobs[i] = (job){.task = {.run = run_job, .done = job_done}, .number = i, .out = true};
            ecam_pool_submit(pool, &jobs[i].task, false);
            rounds++;
        }
        assert_true(wait_for(pool));
        ecam_pool_collect(pool, NULL);
    }
    collect_all(pool, NULL);
    ecam_pool_destroy(&pool);
}

static void take_pixels(ecam_task *task, ecam_worker *worker)
{
    static const size_t sizes[] = {1, 100, 50, 4096, 1 << 20, 7};
    uint8_t *last = NULL;
    (void)task;
    for (size_t i = 0; i < 6; i++) {
        uint8_t *pixels = ecam_worker_pixels(worker, sizes[i]);
        assert_non_null(pixels);
        assert_int_equal((uintptr_t)pixels % _Alignof(max_align_t), 0);
        memset(pixels, 0xa5, sizes[i]);
        if (i == 2 || i == 5)
            assert_ptr_equal(pixels, last); /* what is there is used again */
        last = pixels;
    }
}

static void scratch_grows(void **state)
{
    (void)state;
    ecam_worker worker = {0};
    take_pixels(NULL, &worker);
    free(worker.pixels);
}

static int remember_main(void **state)
{
    (void)state;
    main_thread = pthread_self();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once_and_comes_back),
        cmocka_unit_test(nothing_to_collect),
        cmocka_unit_test(urgent_tasks_go_first),
        cmocka_unit_test(destroying_runs_what_is_submitted),
        cmocka_unit_test(an_idle_pool_ends),
        cmocka_unit_test(tasks_can_be_given_again),
        cmocka_unit_test(scratch_grows),
    };
    return cmocka_run_group_tests(tests, remember_main, NULL);
}
