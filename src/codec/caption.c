#include "codec/caption.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <pango/pangocairo.h>

#include "base/text.h"

/* Longer texts than this never fit a cell; what lies beyond is behind the
 * ellipsis in any case. */
#define MAX_TEXT 2048

/* Labels come again in every row and epoch. A slot holds the last caption with
 * its hash. */
#define SLOTS 256

/* The fonts, for all threads. However separate their font maps are, threads
 * share cairo's and FreeType's caches of open fonts, and Debian 12's cairo
 * crashes where two of them fill these at once. So one thread at a time calls
 * these libraries, and since that is so, fonts are loaded once; a caption that
 * is in its slot calls none. */
static struct {
    pthread_mutex_t lock; /* guards the rest, and every call to the libraries */
    unsigned users;
    PangoFontMap *map;
    PangoContext *context;
    PangoLayout *layout;
} fonts = {.lock = PTHREAD_MUTEX_INITIALIZER};

typedef struct slot {
    char *text;
    ecam_caption_style style;
    size_t box_w, box_h;
    ecam_caption caption;
} slot;

struct ecam_captions {
    slot slots[SLOTS];
};

/* Sizes in pixels, tried in this order; 0 ends the list. */
static const struct {
    bool bold;
    PangoAlignment align;
    unsigned char sizes[5];
} styles[ECAM_CAPTION_STYLES] = {
    [ECAM_CAPTION_TITLE] = {true, PANGO_ALIGN_LEFT, {19, 17, 15, 13}},
    [ECAM_CAPTION_HEAD] = {true, PANGO_ALIGN_CENTER, {14, 13, 12, 11}},
    [ECAM_CAPTION_TEXT] = {false, PANGO_ALIGN_CENTER, {16, 14, 12, 11}},
    [ECAM_CAPTION_NOTE] = {false, PANGO_ALIGN_CENTER, {11, 10}},
};

static void set_font(PangoLayout *layout, ecam_caption_style style, unsigned size)
{
    PangoFontDescription *font = pango_font_description_new();

    pango_font_description_set_family_static(font, "sans-serif");
    pango_font_description_set_weight(font, styles[style].bold ? PANGO_WEIGHT_BOLD
                                                               : PANGO_WEIGHT_NORMAL);
    pango_font_description_set_absolute_size(font, size * PANGO_SCALE);
    pango_layout_set_font_description(layout, font);
    pango_font_description_free(font);
}

/* A word that is wider than the box sticks out of it, and asks for a smaller
 * size; only the smallest is broken and cut. */
static void fit(PangoLayout *layout, ecam_caption_style style, int w, int h)
{
    int text_w, text_h;

    pango_layout_set_width(layout, w * PANGO_SCALE);
    pango_layout_set_height(layout, -1);
    pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_NONE);
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD);
    pango_layout_set_alignment(layout, styles[style].align);
    for (const unsigned char *size = styles[style].sizes; *size; size++) {
        set_font(layout, style, *size);
        pango_layout_get_pixel_size(layout, &text_w, &text_h);
        if (text_w <= w && text_h <= h)
            return;
    }
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_height(layout, h * PANGO_SCALE);
    pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
}

static ecam_status paint(PangoLayout *layout, ecam_caption *caption)
{
    cairo_surface_t *surface = cairo_image_surface_create_for_data(
        caption->alpha, CAIRO_FORMAT_A8, (int)caption->w, (int)caption->h, (int)caption->stride);
    cairo_t *cairo = cairo_create(surface);

    cairo_set_source_rgba(cairo, 0, 0, 0, 1);
    pango_cairo_show_layout(cairo, layout);
    bool ok = cairo_status(cairo) == CAIRO_STATUS_SUCCESS;
    cairo_destroy(cairo);
    cairo_surface_finish(surface);
    cairo_surface_destroy(surface);
    return ok ? ECAM_OK : ECAM_ENOMEM;
}

static ecam_status set_caption(const char *text, ecam_caption_style style,
                               size_t w, size_t h, ecam_caption *out)
{
    int text_h = 0;

    pango_layout_set_text(fonts.layout, text, -1);
    fit(fonts.layout, style, (int)w, (int)h);
    pango_layout_get_pixel_size(fonts.layout, NULL, &text_h);
    size_t height = text_h < 1 ? 1 : (size_t)text_h;
    *out = (ecam_caption){.w = w, .h = height < h ? height : h};
    out->stride = (size_t)cairo_format_stride_for_width(CAIRO_FORMAT_A8, (int)w);
    out->alpha = calloc(out->h, out->stride);
    return out->alpha ? paint(fonts.layout, out) : ECAM_ENOMEM;
}

static void clear_slot(slot *s)
{
    free(s->text);
    free(s->caption.alpha);
    *s = (slot){0};
}

static bool slot_holds(const slot *s, const char *text, ecam_caption_style style, size_t w,
                       size_t h)
{
    return s->text && s->style == style && s->box_w == w && s->box_h == h &&
           strcmp(s->text, text) == 0;
}

/* FNV-1a. */
static size_t slot_of(const char *text, ecam_caption_style style)
{
    uint32_t hash = 2166136261u ^ (uint32_t)style;

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    return (hash ^ hash >> 16) % SLOTS;
}

ecam_status ecam_captions_set(ecam_captions *c, const char *text, ecam_caption_style style,
                              size_t w, size_t h, const ecam_caption **out)
{
    char clean[MAX_TEXT];

    if (w == 0 || h == 0 || w > 32767 || h > 32767)
        return ECAM_EINVAL;
    ecam_text_clean(clean, sizeof clean, text, strlen(text));
    slot *s = &c->slots[slot_of(clean, style)];
    if (!slot_holds(s, clean, style, w, h)) {
        clear_slot(s);
        s->text = strdup(clean);
        s->style = style;
        s->box_w = w;
        s->box_h = h;
        pthread_mutex_lock(&fonts.lock);
        ecam_status st = s->text ? set_caption(clean, style, w, h, &s->caption) : ECAM_ENOMEM;
        pthread_mutex_unlock(&fonts.lock);
        if (st != ECAM_OK) {
            clear_slot(s);
            return st;
        }
    }
    *out = &s->caption;
    return ECAM_OK;
}

/* One line, for its effect on the caches of pango, cairo and fontconfig only. */
static ecam_status load_font(ecam_caption_style style, unsigned size,
                             const char *text)
{
    ecam_caption caption = {.w = 1024, .h = 32, .stride = 1024};
    ecam_status st = ECAM_ENOMEM;

    caption.alpha = calloc(caption.h, caption.stride);
    if (caption.alpha) {
        set_font(fonts.layout, style, size);
        pango_layout_set_text(fonts.layout, text, -1);
        st = paint(fonts.layout, &caption);
    }
    free(caption.alpha);
    return st;
}

/* Search and load the fonts now, and not when the first epoch ends: common
 * scripts in both weights (tens of milliseconds), then plain text in every
 * size (one millisecond each). */
static ecam_status load_common(void)
{
    static const char latin[] = "Abcdefghijklmnopqrstuvwxyz 0123456789 .,%\xc2\xb7\xe2\x80\xa6";
    static const char scripts[] = "\xc3\xa9 \xce\xb1 \xd0\xb6 \xe7\x8c\xab\xe3\x81\xad "
                                  "\xea\xb3\xa0 \xd8\xb4 \xd7\xa9 \xe0\xa4\x95 \xe0\xb8\x81 "
                                  "\xf0\x9f\x90\xb1";
    ecam_status st = load_font(ECAM_CAPTION_TEXT, styles[ECAM_CAPTION_TEXT].sizes[0], scripts);

    if (st == ECAM_OK)
        st = load_font(ECAM_CAPTION_TITLE, styles[ECAM_CAPTION_TITLE].sizes[0], scripts);
    for (ecam_caption_style style = 0; style < ECAM_CAPTION_STYLES; style++)
        for (const unsigned char *size = styles[style].sizes; *size && st == ECAM_OK; size++)
            st = load_font(style, *size, latin);
    return st;
}

/* The same glyphs whatever the user's settings for screens are. */
static void set_options(PangoContext *context)
{
    cairo_font_options_t *options = cairo_font_options_create();

    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_SLIGHT);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_ON);
    pango_cairo_context_set_font_options(context, options);
    cairo_font_options_destroy(options);
    pango_context_set_language(context, pango_language_from_string("en"));
}

/* No hyphens where a word is broken: they would read as part of the name. */
static void keep_words(PangoLayout *layout)
{
    PangoAttrList *list = pango_attr_list_new();

    pango_attr_list_insert(list, pango_attr_insert_hyphens_new(FALSE));
    pango_layout_set_attributes(layout, list);
    pango_attr_list_unref(list);
}

static void drop_fonts(void)
{
    if (--fonts.users > 0)
        return;
    g_object_unref(fonts.layout);
    g_object_unref(fonts.context);
    g_object_unref(fonts.map);
}

static ecam_status take_fonts(void)
{
    if (fonts.users++ > 0)
        return ECAM_OK;
    fonts.map = pango_cairo_font_map_new();
    fonts.context = pango_font_map_create_context(fonts.map);
    set_options(fonts.context);
    fonts.layout = pango_layout_new(fonts.context);
    keep_words(fonts.layout);
    ecam_status st = load_common();
    if (st != ECAM_OK)
        drop_fonts();
    return st;
}

ecam_status ecam_captions_create(ecam_captions **out)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return ECAM_ENOMEM;
    pthread_mutex_lock(&fonts.lock);
    ecam_status st = take_fonts();
    pthread_mutex_unlock(&fonts.lock);
    if (st != ECAM_OK) {
        free(*out);
        *out = NULL;
    }
    return st;
}

void ecam_captions_destroy(ecam_captions **captions)
{
    ecam_captions *c = *captions;

    if (!c)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        clear_slot(&c->slots[i]);
    pthread_mutex_lock(&fonts.lock);
    drop_fonts();
    pthread_mutex_unlock(&fonts.lock);
    free(c);
    *captions = NULL;
}
