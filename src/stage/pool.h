/* Worker threads. Tasks go in by the main thread, are run by any worker, and
 * come back to the main thread, which owns them before and after. */
#ifndef ECAM_STAGE_POOL_H
#define ECAM_STAGE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/png.h"
#include "codec/sheet.h"
#include "eigencam/cam.h"
#include "eigencam/status.h"

/* What each worker has for itself. */
typedef struct ecam_worker {
    ecam_workspace *workspace;
    ecam_png_encoder *png;
    ecam_sheet *sheet;
    uint8_t *pixels; /* see ecam_worker_pixels */
    size_t pixels_bytes;
    void *block;     /* a sample's content on its way to or from the vault */
    size_t block_bytes;
} ecam_worker;

/* At least `bytes` of scratch, aligned for any type; contents unspecified.
 * NULL when memory is short. */
void *ecam_worker_pixels(ecam_worker *worker, size_t bytes);

/* Embedded in what is worked on. `run` is called by a worker, `done` by the
 * main thread in ecam_pool_collect. */
typedef struct ecam_task ecam_task;
struct ecam_task {
    ecam_task *next;
    void (*run)(ecam_task *task, ecam_worker *worker);
    void (*done)(ecam_task *task, void *context);
};

typedef struct ecam_pool ecam_pool;

/* Start the threads; each makes its scratch before its first task.
 * Errors: ECAM_ENOMEM, ECAM_EIO. */
ecam_status ecam_pool_create(unsigned workers, ecam_pool **out, ecam_error *error);

/* Give a task to the workers. Never refuses: the main thread looks at
 * ecam_pool_waiting before it takes in more. Urgent tasks go before the
 * others. */
void ecam_pool_submit(ecam_pool *pool, ecam_task *task, bool urgent);

/* Tasks that are submitted and not yet collected. */
size_t ecam_pool_waiting(const ecam_pool *pool);

/* Readable while finished tasks wait to be collected. */
int ecam_pool_fd(const ecam_pool *pool);

/* Call `done` of every finished task; gives their number. */
size_t ecam_pool_collect(ecam_pool *pool, void *context);

/* Run what is submitted, stop, join. Finished tasks that were not collected
 * are forgotten: collect until nothing waits where they own something. */
void ecam_pool_destroy(ecam_pool **pool);

#endif
