#include "cli/stage_line.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/clock.h"
#include "cli/notify.h"
#include "cli/screen.h"
#include "cli/status_line.h"

#define RUN_COLUMNS 24 /* a long name leaves room for the numbers */

void ecam_stage_line_text(ecam_stage_line *line, const ecam_stage_status *status, uint64_t now_ns, char *out,
                          size_t capacity)
{
    double rate = ecam_rate_note(&line->rate, now_ns, status->samples);
    char more[48] = "";

    if (status->run)
        ecam_screen_fit(line->run, sizeof line->run, status->run, RUN_COLUMNS);
    if (status->open > 1)
        snprintf(more, sizeof more, " (+%" PRIu64 " open)", status->open - 1);
    if (status->run)
        snprintf(out, capacity,
                 "%s | %s epoch %" PRIu64 "%s | ranks in %" PRIu32 "/%" PRIu32 " | samples %" PRIu64
                 " | %.0f/s | lost %" PRIu64,
                 line->run, status->mode, status->epoch, more, status->ranks_in, status->world,
                 status->epoch_samples, rate, status->lost);
    else if (line->run[0] != '\0' || status->epochs > 0)
        snprintf(out, capacity, "%s%sepochs %" PRIu64 " | samples %" PRIu64 " | %.0f/s | lost %" PRIu64, line->run,
                 line->run[0] != '\0' ? " | " : "", status->epochs, status->samples, rate, status->lost);
    else
        snprintf(out, capacity, "waiting for trainers");
}

static void show(void *context, const ecam_stage_status *status)
{
    char text[512];

    ecam_stage_line_text(context, status, ecam_clock_ns(), text, sizeof text);
    ecam_status_line_show(text);
    ecam_notify_status(text);
}

void ecam_stage_line_attach(ecam_stage_line *line, ecam_stage *stage)
{
    const ecam_stage_watcher watcher = {.tell = show, .context = line};

    ecam_stage_watch(stage, &watcher);
}
