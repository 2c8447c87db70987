/* The result sheet: where things stand, that captions stay in their cells, and
 * that several threads can draw at once. */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "codec/sheet.h"
#include "support/check.h"

static ecam_sheet *sheet;

static ecam_sheet_layout measured(size_t w, size_t h, unsigned components, bool captions)
{
    const ecam_sheet_page page = {.title = "A page", .labels = captions, .preds = captions,
                                  .components = components, .image_w = w, .image_h = h};
    ecam_sheet_layout layout;

    CHECK_STATUS(ecam_sheet_measure(&page, &layout), ECAM_OK);
    return layout;
}

static void small_pictures_are_enlarged_by_whole_factors(void **state)
{
    (void)state;
    assert_int_equal(measured(1, 1, 1, true).scale, 128);
    assert_int_equal(measured(28, 28, 1, true).scale, 5); /* 4 * 28 = 112 is too little */
    assert_int_equal(measured(32, 32, 1, true).scale, 4);
    assert_int_equal(measured(127, 3, 1, true).scale, 2);
    assert_int_equal(measured(128, 3, 1, true).scale, 1);
    assert_int_equal(measured(35, 61, 1, true).scale, 3);
    assert_int_equal(measured(320, 180, 1, true).scale, 1);
}

static void columns_stand_side_by_side(void **state)
{
    ecam_sheet_layout l = measured(224, 200, 3, true);

    (void)state;
    assert_true(l.label_x + l.caption_w < l.pred_x);
    assert_true(l.pred_x + l.caption_w < l.image_x);
    assert_true(l.image_x + 224 < l.component_x);
    assert_true(l.component_step > 224);
    assert_true(l.component_x + 2 * l.component_step + 224 < l.width);
    assert_true(l.row_height > 200);
    assert_int_equal(measured(224, 200, 3, false).image_x, l.label_x);
    assert_true(measured(224, 200, 0, true).width < l.component_x + 224);
}

static void impossible_pages_are_refused(void **state)
{
    ecam_sheet_page page = {.components = 3, .image_w = 0, .image_h = 5};
    ecam_sheet_layout layout;

    (void)state;
    CHECK_STATUS(ecam_sheet_measure(&page, &layout), ECAM_EINVAL);
    page.image_w = 5;
    page.image_h = 0;
    CHECK_STATUS(ecam_sheet_measure(&page, &layout), ECAM_EINVAL);
    page.image_h = SIZE_MAX;
    CHECK_STATUS(ecam_sheet_measure(&page, &layout), ECAM_ELIMIT);
    page.image_h = 65535;
    CHECK_STATUS(ecam_sheet_measure(&page, &layout), ECAM_ELIMIT);
    page.image_h = 1000;
    page.image_w = 20000;
    CHECK_STATUS(ecam_sheet_measure(&page, &layout), ECAM_ELIMIT);
    page.components = 2;
    CHECK_STATUS(ecam_sheet_measure(&page, &layout), ECAM_OK);
    page.components = UINT32_MAX;
    CHECK_STATUS(ecam_sheet_measure(&page, &layout), ECAM_ELIMIT);
}

typedef struct area {
    size_t x, y, w, h;
} area;

/* How many bytes of the area are not white. */
static size_t ink(const ecam_sheet_layout *l, const uint8_t *rgb, area a)
{
    size_t n = 0;

    for (size_t y = a.y; y < a.y + a.h; y++)
        for (size_t i = 3 * a.x; i < 3 * (a.x + a.w); i++)
            n += rgb[3 * y * l->width + i] != 255;
    return n;
}

static area label_cell(const ecam_sheet_layout *l)
{
    return (area){l->label_x, 0, l->caption_w, l->row_height};
}

/* A row of 32 x 32 pixels, three components, all of one colour. */
static uint8_t *draw(ecam_sheet *on, const ecam_sheet_layout *l, const char *label,
                     const char *pred)
{
    static uint8_t red[32 * 32 * 3];
    const uint8_t *overlays[] = {red, red, red};
    const char *const notes[] = {"40 %", NULL, "10 %"};
    const ecam_sheet_row row = {.label = label, .pred = pred, .w = 32, .h = 32, .image = red,
                                .overlays = overlays, .notes = notes};
    uint8_t *rgb = malloc(l->row_height * l->width * 3);

    CHECK_STATUS(ecam_sheet_draw_row(on, l, &row, rgb), ECAM_OK);
    return rgb;
}

static void a_row_holds_its_pictures_enlarged(void **state)
{
    static uint8_t image[2 * 2 * 3] = {10, 20, 30, 40, 50, 60, 70, 80, 90, 1, 2, 3};
    const uint8_t *overlays[] = {image + 6};
    const ecam_sheet_row row = {.w = 1, .h = 1, .image = image, .overlays = overlays};
    ecam_sheet_layout l = measured(2, 2, 1, true);
    uint8_t *rgb = malloc(l.row_height * l.width * 3);

    (void)state;
    CHECK_STATUS(ecam_sheet_draw_row(sheet, &l, &row, rgb), ECAM_OK);
    /* 1 x 1 of at most 2 x 2 pixels, 64 times enlarged, amidst 128 x 128. */
    assert_int_equal(l.scale, 64);
    for (size_t y = 0; y < l.row_height; y++)
        for (size_t x = 0; x < l.width; x++) {
            const uint8_t *p = rgb + (y * l.width + x) * 3, white[] = {255, 255, 255};
            bool high = y >= 32 && y < 96;
            bool in_image = high && x >= l.image_x + 32 && x < l.image_x + 96;
            bool in_overlay = high && x >= l.component_x + 32 && x < l.component_x + 96;
            assert_memory_equal(p, in_image ? image : in_overlay ? image + 6 : white, 3);
        }
    free(rgb);
}

static void a_picture_above_the_pages_size_is_refused(void **state)
{
    ecam_sheet_layout l = measured(2, 2, 0, false);
    uint8_t *rgb = malloc(l.row_height * l.width * 3), image[27] = {0};
    ecam_sheet_row row = {.w = 3, .h = 2, .image = image};

    (void)state;
    CHECK_STATUS(ecam_sheet_draw_row(sheet, &l, &row, rgb), ECAM_EINVAL);
    row = (ecam_sheet_row){.w = 2, .h = 3, .image = image};
    CHECK_STATUS(ecam_sheet_draw_row(sheet, &l, &row, rgb), ECAM_EINVAL);
    free(rgb);
}

static const char *const captions[] = {
    "cat",
    "a class name of many words that must be wrapped into several lines of its cell",
    "Pneumonoultramicroscopicsilicovolcanoconiosis",
    "\xe7\x8c\xab\xef\xbc\x88\xe3\x81\xad\xe3\x81\x93\xef\xbc\x89",
    "\xd9\x82\xd8\xb7\xd8\xa9 \xd7\x97\xd7\xaa\xd7\x95\xd7\x9c",
    "\xf0\x9f\x90\xb1 \xf0\x92\x80\x80 \xef\xbf\xbf",
    "broken \xff\xfe bytes \xe7\x8c",
    "tab\tand\nline",
    "Zalgo: a\xcc\x80\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85\xcc\x86\xcc\x87\xcc\x88\xcc\x89",
};

static void captions_stay_in_their_cells(void **state)
{
    ecam_sheet_layout l = measured(32, 32, 3, true);
    uint8_t *empty = draw(sheet, &l, NULL, "");
    area cell = label_cell(&l);

    (void)state;
    assert_int_equal(ink(&l, empty, (area){0, 0, l.image_x, l.row_height}), 0);
    for (size_t i = 0; i < sizeof captions / sizeof *captions; i++) {
        uint8_t *rgb = draw(sheet, &l, captions[i], NULL);
        assert_true(ink(&l, rgb, cell) > 0);
        for (size_t y = 0; y < l.row_height; y++)
            for (size_t x = 0; x < l.width; x++)
                if (x < cell.x || x >= cell.x + cell.w)
                    assert_memory_equal(rgb + (y * l.width + x) * 3,
                                        empty + (y * l.width + x) * 3, 3);
        free(rgb);
    }
    free(empty);
}

/* Far more than fits: it is cut, and the band's last rows stay plain. */
static void an_endless_caption_is_cut(void **state)
{
    ecam_sheet_layout l = measured(32, 32, 3, true);
    size_t size = 100000;
    char *words = malloc(size + 1);

    (void)state;
    for (size_t i = 0; i < size; i++)
        words[i] = i % 6 == 5 ? ' ' : 'w';
    words[size] = '\0';
    uint8_t *rgb = draw(sheet, &l, words, words);
    assert_true(ink(&l, rgb, label_cell(&l)) > 0);
    assert_int_equal(ink(&l, rgb, (area){0, l.row_height - 8, l.width, 8}), 0);
    assert_int_equal(ink(&l, rgb, (area){l.label_x + l.caption_w, 0,
                                         l.pred_x - l.label_x - l.caption_w, l.row_height}), 0);
    memset(words, 'W', size);
    free(rgb);
    rgb = draw(sheet, &l, words, NULL);
    assert_true(ink(&l, rgb, label_cell(&l)) > 0);
    free(rgb);
    free(words);
}

/* Markup would hide the tags, so the texts would be the same. */
static void markup_is_shown_as_it_is(void **state)
{
    ecam_sheet_layout l = measured(32, 32, 3, true);
    uint8_t *plain = draw(sheet, &l, "x", NULL);
    uint8_t *tagged = draw(sheet, &l, "<i>x</i>", NULL);
    uint8_t *entity = draw(sheet, &l, "&amp;", NULL);
    uint8_t *broken = draw(sheet, &l, "&", NULL);
    area cell = label_cell(&l);

    (void)state;
    assert_true(ink(&l, tagged, cell) > 3 * ink(&l, plain, cell));
    assert_true(ink(&l, entity, cell) > 2 * ink(&l, broken, cell));
    free(plain);
    free(tagged);
    free(entity);
    free(broken);
}

/* Captions that are kept must not be taken for others. */
static void captions_are_not_mixed_up(void **state)
{
    ecam_sheet_layout l = measured(32, 32, 3, true);
    size_t bytes = l.row_height * l.width * 3;
    uint8_t *first[40];
    char text[16];

    (void)state;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 40; i++) {
            snprintf(text, sizeof text, "class %d", i);
            uint8_t *rgb = draw(sheet, &l, text, text);
            if (round == 0)
                first[i] = rgb;
            else
                assert_memory_equal(rgb, first[i], bytes);
            if (i > 0)
                assert_memory_not_equal(rgb, first[i - 1], bytes);
            if (round > 0)
                free(rgb);
        }
    for (int i = 0; i < 40; i++)
        free(first[i]);
}

static void the_header_names_the_columns(void **state)
{
    ecam_sheet_layout l = measured(32, 32, 3, true);
    uint8_t *rgb = malloc(l.header_height * l.width * 3);
    const size_t xs[] = {l.label_x, l.pred_x, l.image_x, l.component_x,
                         l.component_x + l.component_step, l.component_x + 2 * l.component_step};

    (void)state;
    CHECK_STATUS(ecam_sheet_header(sheet, &l, rgb), ECAM_OK);
    for (size_t i = 0; i < 6; i++)
        assert_true(ink(&l, rgb, (area){xs[i], 60, 96, 28}) > 100);
    assert_true(ink(&l, rgb, (area){24, 20, 200, 32}) > 100);
    assert_int_equal(ink(&l, rgb, (area){0, 0, 20, l.header_height}), 0);
    assert_int_equal(ink(&l, rgb, (area){0, l.header_height - 8, l.width, 8}), 0);
    free(rgb);
}

/* What other threads draw at the same time makes no difference. */
static void *draw_many(void *expected)
{
    ecam_sheet *own = NULL;
    size_t wrong = ecam_sheet_create(&own) != ECAM_OK;
    ecam_sheet_layout l = measured(32, 32, 3, true);

    for (int round = 0; round < 3 && wrong == 0; round++)
        for (size_t i = 0; i < sizeof captions / sizeof *captions; i++) {
            uint8_t *rgb = draw(own, &l, captions[i], captions[i]);
            wrong += memcmp(rgb, ((uint8_t **)expected)[i], l.row_height * l.width * 3) != 0;
            free(rgb);
        }
    ecam_sheet_destroy(&own);
    return (void *)(uintptr_t)wrong;
}

static void threads_do_not_disturb_each_other(void **state)
{
    ecam_sheet_layout l = measured(32, 32, 3, true);
    uint8_t *expected[sizeof captions / sizeof *captions];
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < sizeof captions / sizeof *captions; i++)
        expected[i] = draw(sheet, &l, captions[i], captions[i]);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, draw_many, expected), 0);
    for (int i = 0; i < 4; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    for (size_t i = 0; i < sizeof captions / sizeof *captions; i++)
        free(expected[i]);
}

static int open_sheet(void **state)
{
    (void)state;
    return ecam_sheet_create(&sheet) != ECAM_OK;
}

static int close_sheet(void **state)
{
    (void)state;
    ecam_sheet_destroy(&sheet);
    ecam_sheet_destroy(&sheet);
    return sheet != NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_pictures_are_enlarged_by_whole_factors),
        cmocka_unit_test(columns_stand_side_by_side),
        cmocka_unit_test(impossible_pages_are_refused),
        cmocka_unit_test(a_row_holds_its_pictures_enlarged),
        cmocka_unit_test(a_picture_above_the_pages_size_is_refused),
        cmocka_unit_test(captions_stay_in_their_cells),
        cmocka_unit_test(an_endless_caption_is_cut),
        cmocka_unit_test(markup_is_shown_as_it_is),
        cmocka_unit_test(captions_are_not_mixed_up),
        cmocka_unit_test(the_header_names_the_columns),
        cmocka_unit_test(threads_do_not_disturb_each_other),
    };
    return cmocka_run_group_tests(tests, open_sheet, close_sheet);
}
