#include "cli/log_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/clock.h"
#include "cli/notify.h"
#include "cli/screen.h"
#include "cli/status_line.h"

#define RUN_COLUMNS 24
#define SHOW_NS ((uint64_t)250000000)

void ecam_log_line_note(ecam_log_line *line, const ecam_result *result)
{
    char run[160], epoch[sizeof line->epoch];

    if (result->type > ECAM_RESULT_EPOCH)
        return;
    line->pictures += result->type != ECAM_RESULT_EPOCH;
    ecam_screen_fit(run, sizeof run, result->run, RUN_COLUMNS);
    snprintf(epoch, sizeof epoch, "%s | %.16s epoch %" PRIu64, run, result->mode, result->epoch);
    if (strcmp(epoch, line->epoch) != 0)
        line->samples = 0;
    memcpy(line->epoch, epoch, sizeof epoch);
    if (result->type == ECAM_RESULT_EPOCH)
        line->samples = result->summary.samples;
    else if (result->type != ECAM_RESULT_SHEET && result->sample.number >= line->samples)
        line->samples = result->sample.number + 1;
}

void ecam_log_line_show(ecam_log_line *line, uint64_t lost)
{
    uint64_t now = ecam_clock_ns();
    char text[512];

    if (line->shown_ns != 0 && now - line->shown_ns < SHOW_NS)
        return;
    line->shown_ns = now;
    double rate = ecam_rate_note(&line->rate, now, line->pictures);
    if (line->epoch[0] == '\0')
        snprintf(text, sizeof text, "waiting for a stage's pictures");
    else
        snprintf(text, sizeof text, "%s | samples %" PRIu32 " | pictures %" PRIu64 " | %.0f/s | lost %" PRIu64,
                 line->epoch, line->samples, line->pictures, rate, lost);
    ecam_status_line_show(text);
    ecam_notify_status(text);
}
