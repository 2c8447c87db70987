#include "sinks/tensorboard_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_RANKS 20
#define SHOWN_SHARES 16

static ECAM_PRINTF(2, 3) ecam_status put(ecam_buffer *out, const char *format, ...)
{
    char text[400];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t size = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    return ecam_buffer_append(out, text, size);
}

/* As character references, what Markdown or HTML would take for its own. */
static ecam_status put_plain(ecam_buffer *out, const char *text)
{
    ecam_status st = ECAM_OK;

    for (; st == ECAM_OK && *text != '\0'; text++)
        if (strchr("\\`*_{}[]<>&|~#!\"'", *text))
            st = put(out, "&#%d;", *text);
        else
            st = ecam_buffer_append(out, text, 1);
    return st;
}

double ecam_board_share_mean(const ecam_board_share *share)
{
    int from = share->n[0] > 0 ? 0 : 1;
    return share->n[from] > 0 ? share->sum[from] / (double)share->n[from] : -1;
}

static ecam_status put_ranks(ecam_buffer *out, const ecam_result_summary *summary)
{
    ecam_status st = put(out, "; missing ranks:");

    for (uint32_t i = 0; st == ECAM_OK && i < summary->n_missing && i < SHOWN_RANKS; i++)
        st = put(out, " %" PRIu32, summary->missing_ranks[i]);
    if (st == ECAM_OK && summary->n_missing > SHOWN_RANKS)
        st = put(out, " and %" PRIu32 " more", summary->n_missing - SHOWN_RANKS);
    return st;
}

static ecam_status put_summary(ecam_buffer *out, const ecam_board_epoch *epoch,
                               const ecam_result_summary *summary)
{
    ecam_status st = put(out, "**Epoch %" PRIu64 "**", epoch->mark.epoch);

    if (st == ECAM_OK && epoch->mark.attempt > 1)
        st = put(out, ", attempt %" PRIu32, epoch->mark.attempt);
    if (st != ECAM_OK)
        return st;
    if (!summary)
        return put(out, ": its summary did not come, and maybe not all pictures");
    st = put(out, ": %" PRIu32 " samples, %s", summary->samples,
             summary->complete ? "complete" : "incomplete");
    if (st == ECAM_OK && summary->n_missing > 0)
        st = put_ranks(out, summary);
    if (st == ECAM_OK && summary->lost > 0)
        st = put(out, "; %" PRIu64 " batches lost", summary->lost);
    return st;
}

static ecam_status put_shares(ecam_buffer *out, const ecam_board_epoch *epoch)
{
    ecam_status st = ECAM_OK;
    const char *before = "\n\nExplained variance, mean over the samples, by component: ";

    for (size_t c = 0; st == ECAM_OK && c < epoch->n_shares && c < SHOWN_SHARES; c++) {
        double mean = ecam_board_share_mean(&epoch->shares[c]);
        if (mean < 0)
            continue;
        st = put(out, "%s%zu: %.1f %%", before, c, 100 * mean);
        before = ", ";
    }
    return st;
}

static ecam_status put_cell(ecam_buffer *out, bool there, const char *text)
{
    ecam_status st = there ? put_plain(out, text) : put(out, "–");
    return st == ECAM_OK ? put(out, " | ") : st;
}

static ecam_status put_row(ecam_buffer *out, size_t number, const ecam_board_sample *sample,
                           bool origin)
{
    ecam_status st = put(out, "| %zu | ", number);

    if (st == ECAM_OK)
        st = put_cell(out, sample->has_label, sample->label);
    if (st == ECAM_OK)
        st = put_cell(out, sample->has_pred, sample->pred);
    if (st == ECAM_OK && origin)
        st = put_cell(out, sample->ds_id[0] != '\0', sample->ds_id);
    if (st == ECAM_OK && origin && sample->placed)
        st = put(out, "%" PRIu64 " | %" PRIu32 " | %" PRIu32 " |", sample->step, sample->index,
                 sample->rank);
    return st == ECAM_OK ? put(out, "\n") : st;
}

/* Counted from 1, as TensorBoard counts the samples of a tag. */
static ecam_status put_table(ecam_buffer *out, const ecam_board_epoch *epoch, bool origin)
{
    ecam_status st = put(out, "\n\n| sample | label | prediction |%s\n| --: | :-- | :-- |%s\n",
                         origin ? " data set | step | index | rank |" : "",
                         origin ? " :-- | --: | --: | --: |" : "");

    for (size_t i = 0; st == ECAM_OK && i < epoch->n_samples; i++)
        if (epoch->samples[i].known)
            st = put_row(out, i + 1, &epoch->samples[i], origin);
    return st;
}

ecam_status ecam_board_text_epoch(const ecam_board_epoch *epoch, const ecam_result_summary *summary,
                                  ecam_buffer *out)
{
    ecam_status st = put_summary(out, epoch, summary);

    if (st == ECAM_OK && epoch->left_out > 0)
        st = put(out, "; %" PRIu64 " pictures left out here", epoch->left_out);
    if (st == ECAM_OK)
        st = put_shares(out, epoch);
    if (st == ECAM_OK && epoch->n_samples > 0)
        st = put_table(out, epoch, true);
    return st == ECAM_OK ? ecam_buffer_append(out, "", 1) : st;
}

ecam_status ecam_board_text_description(const ecam_board_epoch *epoch, const char *what,
                                        ecam_buffer *out)
{
    ecam_status st = put(out, "%s", what);

    if (st == ECAM_OK && epoch->n_samples > 0)
        st = put(out, " In epoch %" PRIu64 " (of each epoch: see Text):", epoch->mark.epoch);
    if (st == ECAM_OK && epoch->n_samples > 0)
        st = put_table(out, epoch, false);
    return st == ECAM_OK ? ecam_buffer_append(out, "", 1) : st;
}
