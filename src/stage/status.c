#include "stage/status.h"

#include "stage/internal.h"

/* So long after the last message there is something to tell: that the rate
 * falls to nothing. */
#define AFTERMATH_NS (3 * INT64_C(1000000000))

void ecam_stage_watch(ecam_stage *stage, const ecam_stage_watcher *watcher)
{
    stage->watch = (ecam_stage_watch_state){.watcher = watcher ? *watcher : (ecam_stage_watcher){.tell = NULL}};
}

static int64_t last_sign_of(const ecam_epoch *epoch)
{
    int64_t mark = epoch->has_marker ? epoch->last_marker_ns : INT64_MIN;

    return mark > epoch->last_batch_ns ? mark : epoch->last_batch_ns;
}

typedef struct open_epochs {
    const ecam_epoch *busiest; /* that heard of its trainers last */
    uint64_t n;
} open_epochs;

static void look_at_run(void *value, void *context)
{
    const ecam_run *run = value;
    open_epochs *found = context;

    found->n += run->n_open;
    for (const ecam_epoch *e = run->open; e; e = e->next)
        if (!found->busiest || last_sign_of(e) > last_sign_of(found->busiest))
            found->busiest = e;
}

static ecam_stage_status describe(const ecam_stage *stage)
{
    const ecam_counters *c = &stage->counters;
    ecam_stage_status status = {.samples = c->samples, .epochs = c->epochs, .lost = c->classes[ECAM_CLASS_LOST], .errors = c->errors};
    open_epochs found = {NULL, 0};

    ecam_table_each(&stage->collector.runs, look_at_run, &found);
    const ecam_epoch *epoch = found.busiest;
    status.open = found.n;
    if (!epoch)
        return status;
    status.run = epoch->run->name;
    status.mode = ecam_mode_name(epoch->mode);
    status.epoch = epoch->number;
    status.ranks_in = (uint32_t)epoch->done;
    status.world = epoch->world;
    for (size_t o = 0; o < epoch->traces->n; o++)
        status.epoch_samples += epoch->outputs[o].n;
    return status;
}

void ecam_stage_tell_status(ecam_stage *stage, int64_t now_ns, int64_t *wake_ns)
{
    ecam_stage_watch_state *watch = &stage->watch;
    uint64_t moved = stage->counters.received + stage->counters.epochs;

    if (!watch->watcher.tell)
        return;
    if (moved != watch->moved || watch->changed_ns == 0) {
        watch->moved = moved;
        watch->changed_ns = now_ns;
    }
    if (now_ns >= watch->next_ns) {
        const ecam_stage_status status = describe(stage);
        watch->watcher.tell(watch->watcher.context, &status);
        watch->next_ns = now_ns + ECAM_STATUS_NS;
    }
    if (now_ns - watch->changed_ns < AFTERMATH_NS && watch->next_ns < *wake_ns)
        *wake_ns = watch->next_ns;
}
