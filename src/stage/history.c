#include "stage/history.h"

#include <stdlib.h>
#include <string.h>

static ecam_status make_room(ecam_history *history)
{
    if (history->n == ECAM_MAX_REMEMBERED) {
        free(history->items[0].parts);
        history->n--;
        memmove(&history->items[0], &history->items[1], history->n * sizeof *history->items);
    }
    if (history->n < history->capacity)
        return ECAM_OK;
    size_t capacity = history->capacity ? 2 * history->capacity : 16;
    ecam_published *items = realloc(history->items, capacity * sizeof *items);
    if (!items)
        return ECAM_ENOMEM;
    history->items = items;
    history->capacity = capacity;
    return ECAM_OK;
}

/* A rank that was given up before it sent anything had no part. */
static bool had_part(const ecam_part *part)
{
    return part->done || part->n_tallies > 0;
}

ecam_status ecam_history_add(ecam_history *history, const ecam_epoch *epoch)
{
    ecam_published item = {.number = epoch->number, .attempt = epoch->attempt};

    item.parts = calloc(epoch->n_parts ? epoch->n_parts : 1, sizeof *item.parts);
    if (!item.parts || make_room(history) != ECAM_OK) {
        free(item.parts);
        return ECAM_ENOMEM;
    }
    for (size_t i = 0; i < epoch->n_parts; i++) {
        if (!had_part(&epoch->parts[i]))
            continue;
        item.parts[item.n_parts].rank = epoch->parts[i].rank;
        item.parts[item.n_parts++].session = epoch->parts[i].session;
    }
    history->items[history->n++] = item;
    return ECAM_OK;
}

const ecam_published *ecam_history_find(const ecam_history *history, uint64_t number)
{
    for (size_t i = history->n; i > 0; i--)
        if (history->items[i - 1].number == number)
            return &history->items[i - 1];
    return NULL;
}

ecam_had_part ecam_published_part_of(const ecam_published *published, uint32_t rank,
                                     uint64_t session)
{
    for (size_t i = 0; i < published->n_parts; i++)
        if (published->parts[i].rank == rank)
            return published->parts[i].session == session ? ECAM_PART_SAME_SESSION
                                                          : ECAM_PART_OTHER_SESSION;
    return ECAM_PART_NONE;
}

void ecam_history_finish(ecam_history *history)
{
    for (size_t i = 0; i < history->n; i++)
        free(history->items[i].parts);
    free(history->items);
    *history = (ecam_history){0};
}
