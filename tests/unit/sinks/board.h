/* TensorBoard's folder in one of its own for each test (store_dir), and its
 * files read again: framing and CRCs by hand, messages by protobuf-c. */
#ifndef TESTS_UNIT_SINKS_BOARD_H
#define TESTS_UNIT_SINKS_BOARD_H

#include <events.pb-c.h>

#include "sinks/tensorboard.h"
#include "store.h"

#define BOARD_LIMITS ((ecam_tensorboard_limits){32, ECAM_TENSORBOARD_BYTES})

static inline ecam_tensorboard *board_open(ecam_tensorboard_limits limits)
{
    ecam_tensorboard *board;
    ecam_error error = {0};
    CHECK_OK(ecam_tensorboard_open(store_dir, limits, &board, &error), error);
    return board;
}

static inline void board_close(ecam_tensorboard **board)
{
    ecam_error error = {0};
    CHECK_OK(ecam_tensorboard_close(board, &error), error);
    assert_null(*board);
}

static inline void board_put(ecam_tensorboard *board, ecam_result result)
{
    ecam_error error = {0};
    CHECK_OK(ecam_tensorboard_store(board, &result, 1, &error), error);
}

/* One overlay and the summary of an epoch. */
static inline void board_put_epoch(ecam_tensorboard *board, uint64_t epoch, uint64_t stage, uint32_t attempt)
{
    ecam_result overlay = store_overlay("run", 0, 0), summary = store_summary("run", 1);
    overlay.epoch = summary.epoch = epoch;
    overlay.stage = summary.stage = stage;
    overlay.attempt = summary.attempt = attempt;
    board_put(board, overlay);
    board_put(board, summary);
}

/* --- Files --- */

/* The names of a folder's event files, in their order; returns how many. */
#define BOARD_FILES 16
static inline int board_files(const char *folder, char names[BOARD_FILES][512])
{
    struct dirent **list;
    int n = 0, found = scandir(store_path(folder), &list, NULL, alphasort);

    for (int i = 0; i < found; i++) {
        if (strncmp(list[i]->d_name, "events.out.tfevents.", 20) == 0) {
            assert_true(n < BOARD_FILES);
            snprintf(names[n++], 512, "%s/%s", folder, list[i]->d_name);
        }
        free(list[i]);
    }
    if (found >= 0)
        free(list);
    return n;
}

typedef struct board_bytes {
    uint8_t *data;
    size_t size;
} board_bytes;

static inline board_bytes board_load(const char *file)
{
    struct stat about;
    FILE *in = fopen(store_path(file), "rb");
    if (!in || fstat(fileno(in), &about) != 0)
        fail_msg("there is no file %s", file);
    board_bytes bytes = {malloc((size_t)about.st_size + 1), (size_t)about.st_size};
    assert_int_equal(fread(bytes.data, 1, bytes.size, in), bytes.size);
    fclose(in);
    return bytes;
}

static inline void board_save(const char *file, const uint8_t *data, size_t size)
{
    FILE *out = fopen(store_path(file), "wb");
    if (!out)
        fail_msg("%s cannot be made", file);
    assert_int_equal(fwrite(data, 1, size, out), size);
    fclose(out);
}

/* CRC-32C bit by bit, and TensorFlow's mask, as the format has them. */
static inline uint32_t board_masked_crc(const uint8_t *bytes, size_t size)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    crc = ~crc;
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static inline uint64_t board_number(const uint8_t *at, int bytes)
{
    uint64_t number = 0;
    for (int i = 0; i < bytes; i++)
        number |= (uint64_t)at[i] << (8 * i);
    return number;
}

/* All events of a file that has to be whole. */
#define BOARD_EVENTS 64
typedef struct board_events {
    Tensorboard__Event *event[BOARD_EVENTS];
    int n;
} board_events;

static inline board_events board_read(const char *file)
{
    board_events events = {.n = 0};
    board_bytes bytes = board_load(file);

    for (size_t at = 0; at < bytes.size;) {
        assert_true(bytes.size - at >= 16);
        uint64_t size = board_number(bytes.data + at, 8);
        assert_int_equal(board_number(bytes.data + at + 8, 4), board_masked_crc(bytes.data + at, 8));
        assert_true(size <= bytes.size - at - 16);
        const uint8_t *data = bytes.data + at + 12;
        assert_int_equal(board_number(data + size, 4), board_masked_crc(data, size));
        assert_true(events.n < BOARD_EVENTS);
        events.event[events.n] = tensorboard__event__unpack(NULL, size, data);
        assert_non_null(events.event[events.n++]);
        at += 16 + size;
    }
    free(bytes.data);
    return events;
}

static inline void board_free(board_events *events)
{
    for (int i = 0; i < events->n; i++)
        tensorboard__event__free_unpacked(events->event[i], NULL);
    events->n = 0;
}

/* The value under a tag at a step; NULL: none. Fails where there are two. */
static inline const Tensorboard__Summary__Value *board_value(const board_events *events, const char *tag,
                                                             int64_t step)
{
    const Tensorboard__Summary__Value *found = NULL;
    for (int i = 0; i < events->n; i++) {
        const Tensorboard__Event *e = events->event[i];
        for (size_t v = 0; e->step == step && e->summary && v < e->summary->n_value; v++)
            if (strcmp(e->summary->value[v]->tag, tag) == 0) {
                assert_null(found);
                found = e->summary->value[v];
            }
    }
    return found;
}

/* How often there is a text of an epoch, in all files of a folder: how often the
 * epoch was written. */
static inline int board_count(const char *folder, uint64_t epoch)
{
    char names[BOARD_FILES][512];
    int n = board_files(folder, names), count = 0;
    for (int i = 0; i < n; i++) {
        board_events events = board_read(names[i]);
        count += board_value(&events, "out/eval/samples", (int64_t)epoch) != NULL;
        board_free(&events);
    }
    return count;
}

static inline void board_expect_item(const Tensorboard__Summary__Value *value, size_t i, const void *bytes,
                                     size_t size)
{
    assert_non_null(value);
    assert_true(i < value->tensor->n_string_val);
    assert_int_equal(value->tensor->string_val[i].len, size);
    assert_memory_equal(value->tensor->string_val[i].data, bytes, size);
}

static inline void board_expect_png(const Tensorboard__Summary__Value *value, size_t slot, const char *rest)
{
    const ecam_result_picture picture = store_picture(rest);
    board_expect_item(value, 2 + slot, picture.png, picture.png_bytes);
}

/* A text, terminated; holds until the next call. */
static inline const char *board_text(const Tensorboard__Summary__Value *value)
{
    static char text[20000];
    assert_non_null(value);
    assert_true(value->tensor->n_string_val == 1 && value->tensor->string_val[0].len < sizeof text);
    memcpy(text, value->tensor->string_val[0].data, value->tensor->string_val[0].len);
    text[value->tensor->string_val[0].len] = '\0';
    return text;
}

#endif
