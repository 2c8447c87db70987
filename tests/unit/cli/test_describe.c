#include "cli/describe.h"

#include <stdlib.h>

#include "support/check.h"
#include "wire/pack.h"
#include "wire/result.h"

/* What is said of a message; holds until the next call. */
static const char *described(const ecam_frame *frames, size_t n)
{
    static char *text;
    size_t size;
    ecam_arena arena;

    free(text);
    text = NULL;
    FILE *to = open_memstream(&text, &size);
    assert_non_null(to);
    ecam_arena_init(&arena, ECAM_DESCRIBE_MEMORY);
    ecam_describe(to, frames, n, &arena);
    ecam_arena_finish(&arena);
    fclose(to);
    assert_null(strchr(text, '\n'));
    assert_null(strchr(text, '\x1b'));
    return text;
}

static ecam_frame text_frame(const char *text)
{
    return (ecam_frame){.data = text, .size = strlen(text)};
}

static void begin_header(ecam_packer *p, ecam_buffer *header, const char *type)
{
    ecam_pack_begin(p, header);
    ecam_pack_uint_entry(p, "v", 1);
    ecam_pack_text_entry(p, "type", type);
    ecam_pack_text_entry(p, "run", "my run");
    ecam_pack_uint_entry(p, "rank", 1);
    ecam_pack_uint_entry(p, "world", 2);
    ecam_pack_uint_entry(p, "session", 255);
    ecam_pack_uint_entry(p, "seq", 3);
}

static void a_batch_is_described(void **state)
{
    (void)state;
    ecam_buffer header = {0};
    ecam_packer p;
    uint8_t pixels[24] = {0};

    begin_header(&p, &header, "batch");
    ecam_pack_uint_entry(&p, "epoch", 4);
    ecam_pack_text_entry(&p, "mode", "eval");
    ecam_pack_uint_entry(&p, "step", 5);
    ecam_pack_key(&p, "data");
    ecam_pack_map(&p, 2);
    ecam_pack_text(&p, "images");
    ecam_pack_map(&p, 4);
    ecam_pack_text(&p, "nd");
    ecam_pack_bool(&p, true);
    ecam_pack_text(&p, "type");
    ecam_pack_text(&p, "|u1");
    ecam_pack_text(&p, "shape");
    ecam_pack_list(&p, 4);
    ecam_pack_uint(&p, 2);
    ecam_pack_uint(&p, 1);
    ecam_pack_uint(&p, 3);
    ecam_pack_uint(&p, 4);
    ecam_pack_text(&p, "frame");
    ecam_pack_uint(&p, 2);
    ecam_pack_text(&p, "labels");
    ecam_pack_list(&p, 2);
    ecam_pack_uint(&p, 7);
    ecam_pack_uint(&p, 8);
    CHECK_STATUS(ecam_pack_end(&p), ECAM_OK);

    const ecam_frame frames[] = {text_frame("batch|eval||my run|"),
                                 {.data = header.data, .size = header.size},
                                 {.data = pixels, .size = sizeof pixels}};
    const char *said = described(frames, 3);
    CHECK_TEXT_HAS(said, "batch|eval||my run| batch: run=\"my run\" rank=1/2 session=00000000000000ff seq=3"
                         " mode=eval epoch=4 step=5 ds_id=\"\"");
    CHECK_TEXT_HAS(said, " images=|u1[2,1,3,4]");
    CHECK_TEXT_HAS(said, " labels=2 items");
    char end[64];
    snprintf(end, sizeof end, ", %zu bytes in 3 frames", 19 + header.size + 24);
    CHECK_TEXT_HAS(said, end);
    ecam_buffer_finish(&header);
}

static void an_epoch_end_is_described(void **state)
{
    (void)state;
    ecam_buffer header = {0};
    ecam_packer p;

    begin_header(&p, &header, "epoch_end");
    ecam_pack_uint_entry(&p, "epoch", 4);
    ecam_pack_text_entry(&p, "mode", "test");
    ecam_pack_key(&p, "sent");
    ecam_pack_map(&p, 1);
    ecam_pack_text(&p, "ds");
    ecam_pack_list(&p, 2);
    ecam_pack_uint(&p, 6);
    ecam_pack_uint(&p, 48);
    CHECK_STATUS(ecam_pack_end(&p), ECAM_OK);
    const ecam_frame frames[] = {text_frame("epoch_end|test|my run|"), {.data = header.data, .size = header.size}};
    CHECK_TEXT_HAS(described(frames, 2),
                   " epoch_end: run=\"my run\" rank=1/2 session=00000000000000ff seq=3 mode=test epoch=4"
                   " sent: ds_id=\"ds\" 6 batches 48 samples");
    ecam_buffer_finish(&header);
}

/* A result through the wire and into words. */
static const char *described_result(const ecam_result *result)
{
    ecam_buffer topic = {0}, header = {0};

    CHECK_STATUS(ecam_result_topic(result, &topic), ECAM_OK);
    CHECK_STATUS(ecam_result_header(result, &header), ECAM_OK);
    const ecam_frame frames[] = {{.data = topic.data, .size = topic.size},
                                 {.data = header.data, .size = header.size},
                                 {.data = result->picture.png, .size = result->picture.png_bytes}};
    const char *said = described(frames, result->picture.png ? 3 : 2);
    ecam_buffer_finish(&topic);
    ecam_buffer_finish(&header);
    return said;
}

static void results_are_described(void **state)
{
    (void)state;
    const uint32_t missing[] = {1, 3};
    ecam_result overlay = {.type = ECAM_RESULT_OVERLAY,
                           .stage = 0xab,
                           .seq = 2,
                           .run = "r",
                           .output = "o",
                           .mode = "eval",
                           .epoch = 3,
                           .attempt = 1,
                           .sample = {.number = 4, .ds_id = "d", .rank = 1, .step = 2, .index = 3, .label = "\x1b[2Jcat"},
                           .component = {.number = 1, .components = 3, .explained = 0.25, .singular = 7, .divisor = 2},
                           .picture = {.width = 20, .height = 10, .png = "\x89PNG\r\n\x1a\n", .png_bytes = 8}};
    const char *said = described_result(&overlay);
    CHECK_TEXT_HAS(said, "overlay|r|o|eval| overlay: stage=00000000000000ab seq=2 run=\"r\" output=\"o\" mode=eval"
                         " epoch=3 attempt=1 sample=4 ds_id=\"d\" rank=1 step=2 index=3 label=\" [2Jcat\" pred=nil"
                         " component=1/3 explained=0.25 singular=7 divisor=2 20x10 png of 8 bytes, ");

    ecam_result epoch = overlay;
    epoch.type = ECAM_RESULT_EPOCH;
    epoch.picture = (ecam_result_picture){0};
    epoch.summary = (ecam_result_summary){.samples = 5,
                                          .components = 3,
                                          .missing_ranks = missing,
                                          .n_missing = 2,
                                          .lost = 7,
                                          .published = {15, 0, 5, 1},
                                          .latency_ns = 1500000};
    said = described_result(&epoch);
    CHECK_TEXT_HAS(said, " samples=5 components=3 incomplete missing_ranks=1,3 lost=7 rejected=0 late=0"
                         " published=15 overlays, 0 maps, 5 images, 1 sheets latency=1.500 ms");

    ecam_result fault = {.type = ECAM_RESULT_ERROR, .stage = 1, .run = "", .output = "", .mode = "",
                         .error = {.code = "shape", .message = "axis 1 is 0", .has_rank = true, .rank = 9, .key = "k"}};
    said = described_result(&fault);
    CHECK_TEXT_HAS(said, "error|| error: ");
    CHECK_TEXT_HAS(said, " code=\"shape\" rank=9 key=\"k\" message=\"axis 1 is 0\"");
    assert_null(strstr(said, "session="));
}

static void what_is_not_understood_is_shown(void **state)
{
    (void)state;
    const ecam_frame one[] = {text_frame("batch|eval||r|")};
    CHECK_TEXT_HAS(described(one, 1), "batch|eval||r| NOT UNDERSTOOD (format): ");
    CHECK_TEXT_HAS(described(one, 1), ", 14 bytes in 1 frames");
    const ecam_frame foreign[] = {text_frame("weather\x1b[2J\n"), text_frame("\xc1")};
    const char *said = described(foreign, 2);
    CHECK_TEXT_HAS(said, "weather [2J  NOT UNDERSTOOD (");
    const ecam_frame empty[] = {{.data = "", .size = 0}, {.data = "", .size = 0}};
    CHECK_TEXT_HAS(described(empty, 2), "NOT UNDERSTOOD");
    assert_string_equal(described(NULL, 0), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_described),
        cmocka_unit_test(an_epoch_end_is_described),
        cmocka_unit_test(results_are_described),
        cmocka_unit_test(what_is_not_understood_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
