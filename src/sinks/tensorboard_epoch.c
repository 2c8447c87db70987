#include "sinks/tensorboard_epoch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "sinks/tensorboard_text.h"

#define TAG_BYTES 400

/* One transparent pixel: stands for a picture that did not come before one that
 * did, so that a sample keeps its place in every epoch. */
static const uint8_t blank[] = {
    0x89, 'P',  'N',  'G',  '\r', '\n', 0x1a, '\n', 0,    0,    0,    13,   'I',  'H',
    'D',  'R',  0,    0,    0,    1,    0,    0,    0,    1,    8,    6,    0,    0,
    0,    0x1f, 0x15, 0xc4, 0x89, 0,    0,    0,    11,   'I',  'D',  'A',  'T',  0x78,
    0xda, 0x63, 0x60, 0,    2,    0,    0,    5,    0,    1,    0xe9, 0xfa, 0xdc, 0xd8,
    0,    0,    0,    0,    'I',  'E',  'N',  'D',  0xae, 0x42, 0x60, 0x82};

void ecam_board_mark_of(const ecam_result *result, ecam_event_mark *mark)
{
    char output[160], mode[24];

    /* TensorBoard refuses events whose strings are not UTF-8 */
    ecam_text_clean(output, sizeof output, result->output, strlen(result->output));
    ecam_text_clean(mode, sizeof mode, result->mode, strlen(result->mode));
    memset(mark, 0, sizeof *mark);
    snprintf(mark->series, sizeof mark->series, "%s/%s", output, mode);
    mark->epoch = result->epoch;
    mark->stage = result->stage;
    mark->attempt = result->attempt > 0 ? result->attempt : 1;
}

ecam_status ecam_board_epoch_create(const ecam_result *result, uint32_t max_samples,
                                    ecam_board_epoch **out)
{
    ecam_board_epoch *epoch = calloc(1, sizeof *epoch);

    *out = NULL;
    if (!epoch)
        return ECAM_ENOMEM;
    epoch->run = strdup(result->run);
    if (!epoch->run) {
        free(epoch);
        return ECAM_ENOMEM;
    }
    ecam_board_mark_of(result, &epoch->mark);
    epoch->max_samples = max_samples;
    epoch->bytes = sizeof *epoch + strlen(result->run);
    *out = epoch;
    return ECAM_OK;
}

void ecam_board_epoch_destroy(ecam_board_epoch **handle)
{
    ecam_board_epoch *epoch = *handle;

    *handle = NULL;
    if (!epoch)
        return;
    for (size_t i = 0; i < epoch->n_pictures; i++)
        free(epoch->pictures[i].png);
    free(epoch->pictures);
    free(epoch->samples);
    free(epoch->shares);
    free(epoch->run);
    free(epoch);
}

/* --- Taking in --- */

bool ecam_board_epoch_shows(const ecam_board_epoch *epoch, const ecam_result *result)
{
    if (result->type == ECAM_RESULT_SHEET)
        return (uint64_t)result->page.number * result->page.rows < epoch->max_samples &&
               result->page.number < epoch->max_samples;
    return result->sample.number < epoch->max_samples &&
           result->component.number < ECAM_BOARD_COMPONENTS;
}

/* `array` with at least n zeroed elements; NULL where memory is short. */
static void *grown(ecam_board_epoch *epoch, void *array, size_t *n_there, size_t n, size_t size)
{
    if (n <= *n_there)
        return array;
    char *larger = realloc(array, n * size);
    if (!larger)
        return NULL;
    memset(larger + *n_there * size, 0, (n - *n_there) * size);
    epoch->bytes += (n - *n_there) * size;
    *n_there = n;
    return larger;
}

static ecam_board_sample *sample_at(ecam_board_epoch *epoch, size_t number)
{
    ecam_board_sample *samples =
        grown(epoch, epoch->samples, &epoch->n_samples, number + 1, sizeof *samples);

    if (!samples)
        return NULL;
    epoch->samples = samples;
    return &samples[number];
}

static void set_text(char out[ECAM_BOARD_TEXT_BYTES], bool *has, const char *text)
{
    if (!text)
        return;
    ecam_text_clean(out, ECAM_BOARD_TEXT_BYTES, text, strlen(text));
    *has = true;
}

static ecam_status note_sample(ecam_board_epoch *epoch, const ecam_result_sample *from)
{
    if (from->number >= epoch->max_samples)
        return ECAM_OK;
    ecam_board_sample *sample = sample_at(epoch, from->number);
    if (!sample)
        return ECAM_ENOMEM;
    sample->known = true;
    set_text(sample->label, &sample->has_label, from->label);
    set_text(sample->pred, &sample->has_pred, from->pred);
    set_text(sample->ds_id, &sample->placed, from->ds_id);
    sample->rank = from->rank;
    sample->index = from->index;
    sample->step = from->step;
    return ECAM_OK;
}

static ecam_status note_share(ecam_board_epoch *epoch, const ecam_result *result)
{
    const ecam_result_component *component = &result->component;
    int from = result->type == ECAM_RESULT_MAP;

    if (component->number >= ECAM_BOARD_COMPONENTS)
        return ECAM_OK;
    ecam_board_share *shares =
        grown(epoch, epoch->shares, &epoch->n_shares, component->number + 1, sizeof *shares);
    if (!shares)
        return ECAM_ENOMEM;
    epoch->shares = shares;
    shares[component->number].sum[from] += component->explained;
    shares[component->number].n[from]++;
    return ECAM_OK;
}

static ecam_status keep_picture(ecam_board_epoch *epoch, const ecam_result *result)
{
    const bool sheet = result->type == ECAM_RESULT_SHEET;

    if (epoch->n_pictures == epoch->picture_capacity) {
        size_t room = epoch->picture_capacity;
        ecam_board_picture *pictures = grown(epoch, epoch->pictures, &epoch->picture_capacity,
                                             room > 0 ? 2 * room : 16, sizeof *pictures);
        if (!pictures)
            return ECAM_ENOMEM;
        epoch->pictures = pictures;
    }
    uint8_t *png = malloc(result->picture.png_bytes);
    if (!png)
        return ECAM_ENOMEM;
    memcpy(png, result->picture.png, result->picture.png_bytes);
    epoch->pictures[epoch->n_pictures] = (ecam_board_picture){
        .type = result->type,
        .component = result->component.number,
        .number = sheet ? result->page.number : result->sample.number,
        .arrival = (uint32_t)epoch->n_pictures,
        .width = result->picture.width,
        .height = result->picture.height,
        .png = png,
        .size = result->picture.png_bytes,
    };
    epoch->n_pictures++;
    epoch->bytes += result->picture.png_bytes;
    return ECAM_OK;
}

ecam_status ecam_board_epoch_add(ecam_board_epoch *epoch, const ecam_result *result, bool keep)
{
    ecam_status st = ECAM_OK;

    epoch->time_ns = result->time_ns;
    if (result->type != ECAM_RESULT_SHEET)
        st = note_sample(epoch, &result->sample);
    if (st == ECAM_OK && (result->type == ECAM_RESULT_OVERLAY || result->type == ECAM_RESULT_MAP))
        st = note_share(epoch, result);
    if (st == ECAM_OK && keep)
        st = keep_picture(epoch, result);
    if (!keep || st != ECAM_OK)
        epoch->left_out++;
    return st;
}

/* --- The event --- */

static int compare_numbers(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static int compare_pictures(const void *left, const void *right)
{
    const ecam_board_picture *a = left, *b = right;
    int order = compare_numbers((uint32_t)a->type, (uint32_t)b->type);

    if (order == 0)
        order = compare_numbers(a->component, b->component);
    if (order == 0)
        order = compare_numbers(a->number, b->number);
    return order != 0 ? order : compare_numbers(a->arrival, b->arrival);
}

static bool same_tag(const ecam_board_picture *a, const ecam_board_picture *b)
{
    return a->type == b->type && a->component == b->component;
}

static void name_tag(const ecam_board_epoch *epoch, const ecam_board_picture *first,
                     char tag[TAG_BYTES], char what[TAG_BYTES])
{
    const char *type = ecam_result_type_name(first->type);
    const bool of_component = first->type == ECAM_RESULT_OVERLAY || first->type == ECAM_RESULT_MAP;

    if (of_component)
        snprintf(tag, TAG_BYTES, "%s/%s-%" PRIu32, epoch->mark.series, type, first->component);
    else
        snprintf(tag, TAG_BYTES, "%s/%s", epoch->mark.series, type);
    switch (first->type) {
    case ECAM_RESULT_OVERLAY:
        snprintf(what, TAG_BYTES, "Where component %" PRIu32 " lies, over the images.", first->component);
        break;
    case ECAM_RESULT_MAP:
        snprintf(what, TAG_BYTES, "The signed projection on component %" PRIu32 ", lowest to highest.",
                 first->component);
        break;
    case ECAM_RESULT_IMAGE: snprintf(what, TAG_BYTES, "The input images."); break;
    default: snprintf(what, TAG_BYTES, "All in one: label, prediction, image, components.");
    }
}

/* pictures: of one tag, by number. A number that comes twice counts as it came
 * last. */
static ecam_status add_images(const ecam_board_epoch *epoch, const ecam_board_picture *pictures,
                              size_t n, ecam_event *event, uint64_t *count)
{
    size_t slots = (size_t)pictures[n - 1].number + 1;
    ecam_event_bytes *items = calloc(slots, sizeof *items);
    ecam_event_images images = {pictures[0].width, pictures[0].height, items, slots};
    char tag[TAG_BYTES], what[TAG_BYTES];
    ecam_buffer description = {0};

    if (!items)
        return ECAM_ENOMEM;
    for (size_t i = 0; i < slots; i++)
        items[i] = (ecam_event_bytes){blank, sizeof blank};
    for (size_t i = 0; i < n; i++) {
        *count += i == 0 || pictures[i].number != pictures[i - 1].number;
        items[pictures[i].number] = (ecam_event_bytes){pictures[i].png, pictures[i].size};
    }
    name_tag(epoch, &pictures[0], tag, what);
    ecam_status st = ecam_board_text_description(epoch, what, &description);
    if (st == ECAM_OK)
        st = ecam_event_add_images(event, tag, (const char *)description.data, &images);
    ecam_buffer_finish(&description);
    free(items);
    return st;
}

static ecam_status add_all_images(ecam_board_epoch *epoch, ecam_event *event, uint64_t *count)
{
    ecam_status st = ECAM_OK;
    size_t n;

    if (epoch->n_pictures > 0)
        qsort(epoch->pictures, epoch->n_pictures, sizeof *epoch->pictures, compare_pictures);
    for (size_t at = 0; st == ECAM_OK && at < epoch->n_pictures; at += n) {
        n = 1;
        while (at + n < epoch->n_pictures &&
               same_tag(&epoch->pictures[at], &epoch->pictures[at + n]))
            n++;
        st = add_images(epoch, &epoch->pictures[at], n, event, count);
    }
    return st;
}

static ecam_status add_scalars(const ecam_board_epoch *epoch, ecam_event *event)
{
    char tag[TAG_BYTES];
    ecam_status st = ECAM_OK;

    for (size_t c = 0; st == ECAM_OK && c < epoch->n_shares; c++) {
        double mean = ecam_board_share_mean(&epoch->shares[c]);
        if (mean < 0)
            continue;
        snprintf(tag, sizeof tag, "%s/explained-%zu", epoch->mark.series, c);
        st = ecam_event_add_scalar(event, tag, mean);
    }
    return st;
}

static ecam_status add_text(const ecam_board_epoch *epoch, const ecam_result_summary *summary,
                            ecam_event *event)
{
    ecam_buffer text = {0};
    char tag[TAG_BYTES];
    ecam_status st = ecam_board_text_epoch(epoch, summary, &text);

    snprintf(tag, sizeof tag, "%s/samples", epoch->mark.series);
    if (st == ECAM_OK)
        st = ecam_event_add_text(event, tag, (const char *)text.data);
    ecam_buffer_finish(&text);
    return st;
}

/* Labels of samples of which no picture came. */
static ecam_status note_summary(ecam_board_epoch *epoch, const ecam_result_summary *summary)
{
    for (uint32_t i = 0; i < summary->samples && i < epoch->max_samples; i++) {
        ecam_result_sample from = {.number = i};
        if (i < epoch->n_samples && epoch->samples[i].known)
            continue;
        from.label = summary->labels ? summary->labels[i] : NULL;
        from.pred = summary->preds ? summary->preds[i] : NULL;
        if ((from.label || from.pred) && note_sample(epoch, &from) != ECAM_OK)
            return ECAM_ENOMEM;
    }
    return ECAM_OK;
}

ecam_status ecam_board_epoch_event(ecam_board_epoch *epoch, const ecam_result_summary *summary,
                                   ecam_event **out, uint64_t *pictures)
{
    ecam_event *event = ecam_event_create((double)epoch->time_ns / 1e9, (int64_t)epoch->mark.epoch);
    ecam_status st = event ? ECAM_OK : ECAM_ENOMEM;

    *pictures = 0;
    if (st == ECAM_OK && summary)
        st = note_summary(epoch, summary);
    if (st == ECAM_OK)
        st = add_all_images(epoch, event, pictures);
    if (st == ECAM_OK)
        st = add_scalars(epoch, event);
    if (st == ECAM_OK)
        st = add_text(epoch, summary, event);
    if (st != ECAM_OK)
        ecam_event_destroy(&event);
    *out = event;
    return st;
}
