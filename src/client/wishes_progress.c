/* How much of what is wanted was sent. A stage takes an epoch's first samples
 * in the order of their steps; a rank's own first ones are all that can be
 * among them. */
#include <string.h>

#include "client/wishes.h"

/* Samples of this stream that certainly come before `step`: all where it has
 * moved beyond, none where steps went back (a trainer may count them in each
 * data set apart). */
static uint64_t sent_before(const ecam_progress *p, uint64_t epoch, uint64_t step)
{
    if (!p->accepted || !p->started || p->epoch != epoch || p->last_step > step)
        return 0;
    return p->last_step < step ? p->total : p->before;
}

static size_t left_of(const ecam_wishes *w, const ecam_wisher *wisher, size_t i, size_t stream, uint64_t epoch,
                      uint64_t step)
{
    uint64_t wanted = wisher->interests[i].n_samples, sent = 0;

    if (stream >= wisher->n_progress)
        return 0;
    const ecam_progress *progress = &wisher->progress[i * wisher->n_progress];
    if (!progress[stream].accepted)
        return 0;
    if (wanted == 0)
        return SIZE_MAX;
    for (size_t s = 0; s < wisher->n_progress; s++)
        if (w->streams[s]->mode == w->streams[stream]->mode)
            sent += sent_before(&progress[s], epoch, step);
    return sent < wanted ? (size_t)(wanted - sent) : 0;
}

size_t ecam_wishes_left(const ecam_wishes *w, size_t stream, uint64_t epoch, uint64_t step)
{
    size_t most = 0;

    if (!w->streams[stream]->subscribed)
        return 0;
    if (w->n_wishers == 0)
        return SIZE_MAX;
    for (size_t n = 0; n < w->n_wishers; n++) {
        for (size_t i = 0; i < w->wishers[n]->n_interests; i++) {
            size_t left = left_of(w, w->wishers[n], i, stream, epoch, step);
            if (left > most)
                most = left;
        }
    }
    return most;
}

static bool has_key(const ecam_interest *interest, const char *key)
{
    for (size_t i = 0; i < interest->keys.n; i++)
        if (strcmp(interest->keys.items[i], key) == 0)
            return true;
    return interest->keys.n == 0;
}

bool ecam_wishes_key(const ecam_wishes *w, size_t stream, uint64_t epoch, uint64_t step, const char *key)
{
    for (size_t n = 0; n < w->n_wishers; n++)
        for (size_t i = 0; i < w->wishers[n]->n_interests; i++)
            if (has_key(&w->wishers[n]->interests[i], key) &&
                left_of(w, w->wishers[n], i, stream, epoch, step) > 0)
                return true;
    return w->n_wishers == 0;
}

static void add(ecam_progress *p, uint64_t epoch, uint64_t step, uint64_t n)
{
    if (!p->started || p->epoch != epoch)
        *p = (ecam_progress){.accepted = p->accepted, .started = true, .epoch = epoch, .last_step = step};
    if (step < p->last_step)
        return; /* went back: what counts as before is left as it was */
    if (step > p->last_step) {
        p->last_step = step;
        p->before = p->total;
    }
    p->total += n;
}

void ecam_wishes_sent(ecam_wishes *w, size_t stream, uint64_t epoch, uint64_t step, uint64_t n)
{
    ecam_stream *s = w->streams[stream];

    if (s->batches == 0 || s->epoch != epoch)
        s->batches = s->samples = 0;
    s->epoch = epoch;
    s->batches++;
    s->samples += n;
    for (size_t k = 0; k < w->n_wishers; k++) {
        ecam_wisher *wisher = w->wishers[k];
        for (size_t i = 0; i < wisher->n_interests && stream < wisher->n_progress; i++)
            add(&wisher->progress[i * wisher->n_progress + stream], epoch, step, n);
    }
}
