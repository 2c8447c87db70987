#include "codec/png.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "base/text.h"

/* Text chunks and their like: how many libpng keeps, and how large one may
 * grow when it is decompressed. */
#define MAX_CHUNKS 256
#define MAX_CHUNK_BYTES ((size_t)1 << 20)

typedef struct reader {
    const uint8_t *at, *end;
    size_t max_pixels;
    ecam_png_image *image;
    ecam_error *error;
    ecam_status status;
} reader;

static void on_error(png_structp png, png_const_charp message)
{
    reader *r = png_get_error_ptr(png);

    if (r->status == ECAM_OK)
        r->status = ecam_fail(r->error, ECAM_EFORMAT, "not a good PNG file: %s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void on_read(png_structp png, png_bytep bytes, size_t size)
{
    reader *r = png_get_io_ptr(png);

    if (size > (size_t)(r->end - r->at))
        png_error(png, "the file is cut off");
    memcpy(bytes, r->at, size);
    r->at += size;
}

/* Our own failures leave the same way as libpng's. */
static PNG_NORETURN void give_up(png_structp png, reader *r, ecam_status status, const char *text)
{
    r->status = ecam_fail(r->error, status, "%s", text);
    png_longjmp(png, 1);
}

static void set_limits(png_structp png)
{
    png_set_user_limits(png, 65535, 65535);
    png_set_chunk_cache_max(png, MAX_CHUNKS);
    png_set_chunk_malloc_max(png, MAX_CHUNK_BYTES);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_benign_errors(png, 0);
}

/* Everything becomes RGB of 8 bits, but grey of 16 bits stays. */
static void set_transforms(png_structp png, png_infop info, ecam_png_image *image)
{
    int depth = png_get_bit_depth(png, info);
    int colour = png_get_color_type(png, info);
    bool gray16 = depth == 16 && colour == PNG_COLOR_TYPE_GRAY;
    const uint16_t one = 1;
    uint8_t low;

    memcpy(&low, &one, 1);
    image->format = gray16 ? ECAM_PNG_GRAY16 : ECAM_PNG_RGB8;
    if (gray16 && low)
        png_set_swap(png);
    if (gray16)
        return;
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_strip_alpha(png);
    png_set_gray_to_rgb(png);
}

static void read_start(png_structp png, png_infop info, reader *r)
{
    ecam_png_image *image = r->image;

    png_read_info(png, info);
    image->w = png_get_image_width(png, info);
    image->h = png_get_image_height(png, info);
    if (image->w > r->max_pixels / image->h) {
        r->status = ecam_fail(r->error, ECAM_ELIMIT,
                              "a PNG of %zu x %zu pixels; at most %zu pixels are accepted",
                              image->w, image->h, r->max_pixels);
        png_longjmp(png, 1);
    }
    set_transforms(png, info, image);
}

static void read_pixels(png_structp png, png_infop info, reader *r)
{
    ecam_png_image *image = r->image;
    int passes = png_set_interlace_handling(png);

    png_read_update_info(png, info);
    size_t stride = image->w * (image->format == ECAM_PNG_RGB8 ? 3 : 2);
    if (png_get_rowbytes(png, info) != stride)
        give_up(png, r, ECAM_EFORMAT, "a PNG pixel format that is not known");
    /* Both sides are below 65536, so that the product fits in 64 bits. */
    if (stride > SIZE_MAX / image->h || !(image->pixels = calloc(image->h, stride)))
        give_up(png, r, ECAM_ENOMEM, "no memory for a PNG's pixels");
    for (int pass = 0; pass < passes; pass++)
        for (size_t y = 0; y < image->h; y++)
            png_read_row(png, (png_bytep)image->pixels + y * stride, NULL);
}

static char *copy_latin1(const char *text, size_t length)
{
    char *copy = malloc(2 * length + 1), *to = copy;

    if (!copy)
        return NULL;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x80)
            *to++ = (char)(0xc0 | c >> 6);
        *to++ = (char)(c < 0x80 ? c : 0x80 | (c & 0x3f));
    }
    *to = '\0';
    return copy;
}

/* A replacement character is three bytes for one. */
static char *copy_utf8(const char *text, size_t length)
{
    char *copy = malloc(3 * length + 1);

    if (copy && ecam_text_is_utf8(text, length)) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    } else if (copy) {
        ecam_text_clean(copy, 3 * length + 1, text, length);
    }
    return copy;
}

static bool copy_text(ecam_png_text *to, const png_text *from)
{
    bool utf8 = from->compression >= PNG_ITXT_COMPRESSION_NONE;
    const char *value = from->text ? from->text : "";

    to->key = copy_latin1(from->key, strlen(from->key));
    to->value = utf8 ? copy_utf8(value, strlen(value)) : copy_latin1(value, strlen(value));
    return to->key && to->value;
}

static void read_texts(png_structp png, png_infop info, reader *r)
{
    ecam_png_image *image = r->image;
    png_textp texts = NULL;
    int n = 0;

    png_get_text(png, info, &texts, &n);
    if (n <= 0)
        return;
    image->texts = calloc((size_t)n, sizeof *image->texts);
    if (!image->texts)
        give_up(png, r, ECAM_ENOMEM, "no memory for a PNG's texts");
    image->n_texts = (size_t)n;
    for (int i = 0; i < n; i++)
        if (!copy_text(&image->texts[i], &texts[i]))
            give_up(png, r, ECAM_ENOMEM, "no memory for a PNG's texts");
}

/* Under setjmp: all that is allocated hangs on r->image. */
static ecam_status read_protected(png_structp png, png_infop info, reader *r)
{
    if (setjmp(png_jmpbuf(png)))
        return r->status;
    set_limits(png);
    read_start(png, info, r);
    read_pixels(png, info, r);
    png_read_end(png, info);
    read_texts(png, info, r);
    return ECAM_OK;
}

ecam_status ecam_png_decode(const void *bytes, size_t size, size_t max_pixels,
                            ecam_png_image *out, ecam_error *error)
{
    reader r = {.at = bytes, .end = (const uint8_t *)bytes + size, .max_pixels = max_pixels,
                .image = out, .error = error};
    ecam_status st;

    *out = (ecam_png_image){0};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (info) {
        png_set_read_fn(png, &r, on_read);
        st = read_protected(png, info, &r);
    } else {
        st = ecam_fail(error, ECAM_ENOMEM, "no memory for libpng's reader");
    }
    png_destroy_read_struct(&png, &info, NULL);
    if (st != ECAM_OK)
        ecam_png_image_finish(out);
    return st;
}

void ecam_png_image_finish(ecam_png_image *image)
{
    for (size_t i = 0; i < image->n_texts; i++) {
        free((void *)(uintptr_t)image->texts[i].key);
        free((void *)(uintptr_t)image->texts[i].value);
    }
    free(image->texts);
    free(image->pixels);
    *image = (ecam_png_image){0};
}
