#include "stage/pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef struct queue {
    ecam_task *first;
    ecam_task **last; /* where the next one is linked */
} queue;

struct ecam_pool {
    pthread_mutex_t lock;  /* guards the queues, stopping */
    pthread_cond_t filled; /* a task is there, or stopping */
    queue urgent, normal, finished;
    bool stopping;
    int event; /* eventfd: not 0 while `finished` has tasks */
    size_t waiting; /* the main thread's own count */
    unsigned n_threads;
    pthread_t threads[];
};

static void push(queue *q, ecam_task *task)
{
    task->next = NULL;
    *q->last = task;
    q->last = &task->next;
}

static ecam_task *pop(queue *q)
{
    ecam_task *task = q->first;
    if (task) {
        q->first = task->next;
        if (!q->first)
            q->last = &q->first;
    }
    return task;
}

void *ecam_worker_pixels(ecam_worker *worker, size_t bytes)
{
    if (bytes > worker->pixels_bytes) {
        free(worker->pixels);
        worker->pixels = malloc(bytes);
        worker->pixels_bytes = worker->pixels ? bytes : 0;
    }
    return worker->pixels;
}

static ecam_task *next_task(ecam_pool *pool)
{
    ecam_task *task;

    pthread_mutex_lock(&pool->lock);
    while (!(task = pop(&pool->urgent)) && !(task = pop(&pool->normal)) && !pool->stopping)
        pthread_cond_wait(&pool->filled, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    return task;
}

static void finish_task(ecam_pool *pool, ecam_task *task)
{
    const uint64_t one = 1;

    pthread_mutex_lock(&pool->lock);
    push(&pool->finished, task);
    pthread_mutex_unlock(&pool->lock);
    while (write(pool->event, &one, sizeof one) < 0 && errno == EINTR)
        continue;
}

static void *work(void *argument)
{
    ecam_pool *pool = argument;
    ecam_worker worker = {0};
    ecam_task *task;

    /* A worker whose scratch is missing still takes tasks: each then fails by
     * itself, with ECAM_ENOMEM, where it needs what is not there. */
    (void)ecam_workspace_create(&worker.workspace);
    (void)ecam_png_encoder_create(&worker.png);
    (void)ecam_sheet_create(&worker.sheet);
    while ((task = next_task(pool))) {
        task->run(task, &worker);
        finish_task(pool, task);
    }
    ecam_workspace_destroy(&worker.workspace);
    ecam_png_encoder_destroy(&worker.png);
    ecam_sheet_destroy(&worker.sheet);
    free(worker.pixels);
    free(worker.block);
    return NULL;
}

/* Signals are the main thread's business. */
static int start_thread(ecam_pool *pool)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&pool->threads[pool->n_threads], NULL, work, pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed)
        pool->n_threads++;
    return failed;
}

ecam_status ecam_pool_create(unsigned workers, ecam_pool **out, ecam_error *error)
{
    ecam_pool *pool = calloc(1, sizeof *pool + workers * sizeof *pool->threads);
    int failed = 0;

    *out = NULL;
    if (!pool)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for %u workers", workers);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->filled, NULL);
    pool->urgent.last = &pool->urgent.first;
    pool->normal.last = &pool->normal.first;
    pool->finished.last = &pool->finished.first;
    pool->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (pool->event < 0)
        failed = errno;
    while (!failed && pool->n_threads < workers)
        failed = start_thread(pool);
    if (failed) {
        ecam_pool_destroy(&pool);
        return ecam_fail(error, ECAM_EIO, "the workers cannot be started: %s", strerror(failed));
    }
    *out = pool;
    return ECAM_OK;
}

void ecam_pool_submit(ecam_pool *pool, ecam_task *task, bool urgent)
{
    pool->waiting++;
    pthread_mutex_lock(&pool->lock);
    push(urgent ? &pool->urgent : &pool->normal, task);
    pthread_cond_signal(&pool->filled);
    pthread_mutex_unlock(&pool->lock);
}

size_t ecam_pool_waiting(const ecam_pool *pool)
{
    return pool->waiting;
}

int ecam_pool_fd(const ecam_pool *pool)
{
    return pool->event;
}

size_t ecam_pool_collect(ecam_pool *pool, void *context)
{
    uint64_t events;
    ecam_task *task;
    size_t n = 0;

    /* Empty the counter first: a task that finishes after the list is taken
     * makes it readable again. */
    if (read(pool->event, &events, sizeof events) < 0)
        return 0;
    pthread_mutex_lock(&pool->lock);
    task = pool->finished.first;
    pool->finished.first = NULL;
    pool->finished.last = &pool->finished.first;
    pthread_mutex_unlock(&pool->lock);
    while (task) {
        ecam_task *next = task->next;
        pool->waiting--;
        task->done(task, context);
        task = next;
        n++;
    }
    return n;
}

void ecam_pool_destroy(ecam_pool **pool)
{
    ecam_pool *p = *pool;

    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->filled);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->n_threads; i++)
        pthread_join(p->threads[i], NULL);
    if (p->event >= 0)
        close(p->event);
    pthread_cond_destroy(&p->filled);
    pthread_mutex_destroy(&p->lock);
    free(p);
    *pool = NULL;
}
