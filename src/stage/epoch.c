#include "stage/epoch.h"

#include <stdlib.h>
#include <string.h>

ecam_epoch *ecam_epoch_create(struct ecam_run *run, ecam_mode mode, uint64_t number,
                              uint32_t attempt, ecam_traces *traces)
{
    ecam_epoch *epoch = calloc(1, sizeof *epoch);

    if (epoch)
        epoch->outputs = calloc(traces->n, sizeof *epoch->outputs);
    if (!epoch || !epoch->outputs) {
        free(epoch);
        return NULL;
    }
    epoch->run = run;
    epoch->mode = mode;
    epoch->number = number;
    epoch->attempt = attempt;
    epoch->world = 1;
    epoch->traces = ecam_traces_ref(traces);
    for (size_t i = 0; i < traces->n; i++)
        epoch->outputs[i].trace = &traces->traces[i];
    return epoch;
}

void ecam_epoch_destroy(ecam_epoch **handle, ecam_sample_shelf *shelf)
{
    ecam_epoch *epoch = *handle;

    *handle = NULL;
    if (!epoch)
        return;
    for (size_t o = 0; o < epoch->traces->n; o++) {
        for (size_t i = 0; i < epoch->outputs[o].n; i++)
            ecam_sample_give(shelf, &epoch->outputs[o].samples[i]);
        free(epoch->outputs[o].samples);
    }
    for (size_t i = 0; i < epoch->n_parts; i++)
        free(epoch->parts[i].tallies);
    free(epoch->parts);
    free(epoch->outputs);
    ecam_traces_unref(&epoch->traces);
    free(epoch);
}

/* The first part whose rank is not below `rank`. */
static size_t place_of(const ecam_epoch *epoch, uint32_t rank)
{
    size_t low = 0, high = epoch->n_parts;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (epoch->parts[middle].rank < rank)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

ecam_part *ecam_epoch_find(const ecam_epoch *epoch, uint32_t rank)
{
    size_t at = place_of(epoch, rank);
    return at < epoch->n_parts && epoch->parts[at].rank == rank ? &epoch->parts[at] : NULL;
}

static ecam_part *insert_part(ecam_epoch *epoch, size_t at, uint32_t rank)
{
    if (epoch->n_parts == epoch->parts_capacity) {
        size_t capacity = epoch->parts_capacity ? 2 * epoch->parts_capacity : 8;
        ecam_part *parts = realloc(epoch->parts, capacity * sizeof *parts);
        if (!parts)
            return NULL;
        epoch->parts = parts;
        epoch->parts_capacity = capacity;
    }
    memmove(&epoch->parts[at + 1], &epoch->parts[at], (epoch->n_parts - at) * sizeof *epoch->parts);
    epoch->n_parts++;
    epoch->parts[at] = (ecam_part){.rank = rank};
    return &epoch->parts[at];
}

static void start_again(ecam_epoch *epoch, ecam_part *part)
{
    if (part->done || part->gone)
        epoch->settled--;
    if (part->done)
        epoch->done--;
    free(part->tallies);
    *part = (ecam_part){.rank = part->rank};
}

ecam_part *ecam_epoch_part(ecam_epoch *epoch, uint32_t rank, uint64_t session)
{
    size_t at = place_of(epoch, rank);

    if (at == epoch->n_parts || epoch->parts[at].rank != rank) {
        if (!insert_part(epoch, at, rank))
            return NULL;
    } else if (epoch->parts[at].session != session) {
        start_again(epoch, &epoch->parts[at]);
    }
    epoch->parts[at].session = session;
    return &epoch->parts[at];
}

void ecam_epoch_set_done(ecam_epoch *epoch, ecam_part *part)
{
    if (part->done)
        return;
    if (!part->gone)
        epoch->settled++;
    epoch->done++;
    part->done = true;
    part->gone = false;
}

void ecam_epoch_set_gone(ecam_epoch *epoch, ecam_part *part)
{
    if (part->done || part->gone)
        return;
    part->gone = true;
    epoch->settled++;
}

ecam_status ecam_part_count(ecam_part *part, const char *ds_id)
{
    size_t i = 0;

    while (i < part->n_tallies && strcmp(part->tallies[i].ds_id, ds_id) != 0)
        i++;
    if (i == part->n_tallies) {
        ecam_tally *tallies = realloc(part->tallies, (i + 1) * sizeof *tallies);
        if (!tallies)
            return ECAM_ENOMEM;
        part->tallies = tallies;
        memset(&tallies[i], 0, sizeof *tallies);
        memcpy(tallies[i].ds_id, ds_id, strnlen(ds_id, ECAM_NAME_BYTES - 1));
        part->n_tallies++;
    }
    part->tallies[i].batches++;
    return ECAM_OK;
}

uint64_t ecam_epoch_lost(const ecam_epoch *epoch)
{
    uint64_t lost = 0;

    for (size_t i = 0; i < epoch->n_parts; i++) {
        const ecam_part *part = &epoch->parts[i];
        lost += part->has_sent ? part->sent_lost : part->gap_lost;
    }
    return lost;
}

size_t ecam_epoch_missing(const ecam_epoch *epoch, uint32_t *ranks, size_t capacity)
{
    size_t n = 0, at = 0;

    for (uint32_t rank = 0; rank < epoch->world; rank++) {
        if (at < epoch->n_parts && epoch->parts[at].rank == rank) {
            if (epoch->parts[at++].done)
                continue;
        }
        if (n < capacity)
            ranks[n] = rank;
        n++;
    }
    return n;
}

static size_t bound_of(const ecam_output *output)
{
    return output->trace->n_samples ? (size_t)output->trace->n_samples : SIZE_MAX;
}

bool ecam_output_wants(const ecam_output *output, const ecam_sample_key *key)
{
    return output->n < bound_of(output) ||
           ecam_sample_compare(key, &output->samples[output->n - 1]->key) < 0;
}

static ecam_status make_room(ecam_output *output)
{
    if (output->n < output->capacity)
        return ECAM_OK;
    size_t capacity = output->capacity ? 2 * output->capacity : 16;
    ecam_sample **samples = realloc(output->samples, capacity * sizeof(*samples));
    if (!samples)
        return ECAM_ENOMEM;
    output->samples = samples;
    output->capacity = capacity;
    return ECAM_OK;
}

/* Where the key belongs among ordered samples; *taken where it is there. */
static size_t sorted_place(const ecam_output *output, const ecam_sample_key *key, bool *taken)
{
    size_t low = 0, high = output->n;

    *taken = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = ecam_sample_compare(&output->samples[middle]->key, key);
        if (order == 0)
            *taken = true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

ecam_status ecam_output_add(ecam_output *output, ecam_sample *sample, ecam_sample **evicted)
{
    bool taken = false;
    bool bounded = output->trace->n_samples != 0;
    size_t at = bounded ? sorted_place(output, &sample->key, &taken) : output->n;

    *evicted = NULL;
    if (taken)
        return ECAM_EAGAIN;
    if (output->n == bound_of(output)) {
        *evicted = output->samples[--output->n];
    } else if (make_room(output) != ECAM_OK) {
        return ECAM_ENOMEM;
    }
    memmove(&output->samples[at + 1], &output->samples[at],
            (output->n - at) * sizeof(*output->samples));
    output->samples[at] = sample;
    output->n++;
    return ECAM_OK;
}

void ecam_output_remove(ecam_output *output, const ecam_sample *sample)
{
    for (size_t i = 0; i < output->n; i++) {
        if (output->samples[i] == sample) {
            memmove(&output->samples[i], &output->samples[i + 1],
                    (output->n - i - 1) * sizeof(*output->samples));
            output->n--;
            return;
        }
    }
}

static int by_key(const void *a, const void *b)
{
    return ecam_sample_compare(&(*(ecam_sample *const *)a)->key, &(*(ecam_sample *const *)b)->key);
}

void ecam_output_sort(ecam_output *output, ecam_sample_shelf *shelf)
{
    size_t kept = 0;

    if (output->n == 0)
        return;
    qsort(output->samples, output->n, sizeof(*output->samples), by_key);
    for (size_t i = 0; i < output->n; i++) {
        if (kept > 0 && by_key(&output->samples[kept - 1], &output->samples[i]) == 0)
            ecam_sample_give(shelf, &output->samples[i]);
        else
            output->samples[kept++] = output->samples[i];
    }
    output->n = kept;
}
