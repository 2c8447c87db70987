#include "codec/png_write.h"

#include <setjmp.h>
#include <stdbool.h>
#include <string.h>

#include <png.h>

#include "base/text.h"

/* What libpng's callbacks and the steps under setjmp share. file: NULL where
 * only chunks are written. */
typedef struct writer {
    const ecam_png_file *file;
    const ecam_png_stream *stream;
    ecam_buffer *out;
    ecam_error *error;
    ecam_status status;
} writer;

#define LARGEST_IDAT ((size_t)1 << 30)

static void on_error(png_structp png, png_const_charp message)
{
    writer *w = png_get_error_ptr(png);

    if (w->status == ECAM_OK)
        w->status = ecam_fail(w->error, ECAM_ENOMEM, "libpng: %s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void on_write(png_structp png, png_bytep bytes, size_t size)
{
    writer *w = png_get_io_ptr(png);

    w->status = ecam_buffer_append(w->out, bytes, size);
    if (w->status != ECAM_OK) {
        ecam_fail(w->error, w->status, "no memory for a PNG file of more than %zu bytes",
                  w->out->size);
        png_error(png, "no memory");
    }
}

static void on_flush(png_structp png)
{
    (void)png;
}

/* libpng would mend a bad key in silence, so it must not see one. */
static bool is_key(const char *key)
{
    size_t length = strnlen(key, 80);

    if (length == 0 || length > 79 || key[0] == ' ' || key[length - 1] == ' ')
        return false;
    for (size_t i = 0; i < length; i++)
        if (key[i] < ' ' || key[i] > '~' || (key[i] == ' ' && key[i + 1] == ' '))
            return false;
    return true;
}

static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if ((*text < ' ' || *text > '~') && *text != '\n')
            return false;
    return true;
}

static ecam_status check_file(const ecam_png_file *f, ecam_error *error)
{
    if (f->w == 0 || f->h == 0 || f->w > 65535 || f->h > 65535)
        return ecam_fail(error, ECAM_EINVAL,
                         "a picture of %zu x %zu pixels; each side must be 1..65535", f->w, f->h);
    for (size_t i = 0; i < f->n_texts; i++) {
        if (!is_key(f->texts[i].key))
            return ecam_fail(error, ECAM_EINVAL,
                             "PNG text key \"%.80s\"; expected 1..79 printable ASCII characters "
                             "without outer or double spaces", f->texts[i].key);
        const char *value = f->texts[i].value;
        if (value && !ecam_text_is_utf8(value, strlen(value)))
            return ecam_fail(error, ECAM_EINVAL, "PNG text \"%s\" is not UTF-8", f->texts[i].key);
    }
    return ECAM_OK;
}

/* png_set_text copies what it is given. Its strings are not const, but only
 * read. */
static void set_text(png_structp png, png_infop info, const ecam_png_text *text)
{
    char empty[] = "";
    png_text chunk = {
        .compression = is_ascii(text->value) ? PNG_TEXT_COMPRESSION_NONE
                                             : PNG_ITXT_COMPRESSION_NONE,
        .key = (png_charp)(uintptr_t)text->key,
        .text = (png_charp)(uintptr_t)text->value,
        .lang = empty,
        .lang_key = empty,
    };
    png_set_text(png, info, &chunk, 1);
}

static void write_start(png_structp png, png_infop info, const ecam_png_file *f)
{
    bool rgb = f->format == ECAM_PNG_RGB8;

    png_set_IHDR(png, info, (png_uint_32)f->w, (png_uint_32)f->h, rgb ? 8 : 16,
                 rgb ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    for (size_t i = 0; i < f->n_texts; i++)
        if (f->texts[i].value)
            set_text(png, info, &f->texts[i]);
    png_write_info(png, info);
}

/* One chunk of three parts, any of them empty. */
static void write_idat(png_structp png, const uint8_t *head, size_t head_bytes,
                       const uint8_t *body, size_t body_bytes, const uint8_t *tail,
                       size_t tail_bytes)
{
    png_write_chunk_start(png, (png_const_bytep)"IDAT",
                          (png_uint_32)(head_bytes + body_bytes + tail_bytes));
    png_write_chunk_data(png, head, head_bytes);
    png_write_chunk_data(png, body, body_bytes);
    png_write_chunk_data(png, tail, tail_bytes);
    png_write_chunk_end(png);
}

static void write_stream(png_structp png, const ecam_png_stream *s)
{
    const uint8_t *body = s->body ? s->body->data : NULL;
    size_t size = s->body ? s->body->size : 0, at = 0;

    for (size_t i = 0; i < s->n_pieces; i++)
        on_write(png, s->pieces[i].bytes.data, s->pieces[i].bytes.size);
    do {
        size_t part = size - at < LARGEST_IDAT ? size - at : LARGEST_IDAT;
        bool last = at + part == size;
        write_idat(png, s->head, at == 0 ? s->head_bytes : 0, body ? body + at : NULL, part, s->tail,
                   last ? s->tail_bytes : 0);
        at += part;
    } while (at < size);
}

/* Under setjmp: nothing here may own anything. png_write_end would want libpng
 * to have made the IDAT itself. */
static ecam_status write_protected(png_structp png, png_infop info, const writer *w)
{
    if (setjmp(png_jmpbuf(png)))
        return w->status;
    if (w->file)
        write_start(png, info, w->file);
    write_stream(png, w->stream);
    if (w->file)
        png_write_chunk(png, (png_const_bytep)"IEND", NULL, 0);
    return ECAM_OK;
}

/* About what a stream comes to, its chunks' frames and a few texts included. */
static size_t expected_bytes(const ecam_png_stream *s)
{
    size_t bytes = s->head_bytes + s->tail_bytes + (s->body ? s->body->size : 0) + 4096;

    for (size_t i = 0; i < s->n_pieces; i++)
        bytes += s->pieces[i].bytes.size;
    return bytes;
}

static ecam_status write_all(const ecam_png_file *file, const ecam_png_stream *stream,
                             ecam_buffer *out, ecam_error *error)
{
    writer w = {.file = file, .stream = stream, .out = out, .error = error};
    ecam_status st;

    ecam_buffer_clear(out);
    if (ecam_buffer_reserve(out, expected_bytes(stream)) != ECAM_OK)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a PNG file");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &w, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (info) {
        png_set_write_fn(png, &w, on_write, on_flush);
        st = write_protected(png, info, &w);
    } else {
        st = ecam_fail(error, ECAM_ENOMEM, "no memory for libpng's writer");
    }
    png_destroy_write_struct(&png, &info);
    return st;
}

ecam_status ecam_png_write(const ecam_png_file *file, const ecam_png_stream *stream,
                           ecam_buffer *out, ecam_error *error)
{
    ecam_status st = check_file(file, error);

    if (st != ECAM_OK) {
        ecam_buffer_clear(out);
        return st;
    }
    return write_all(file, stream, out, error);
}

ecam_status ecam_png_write_chunks(const ecam_png_stream *stream, ecam_buffer *out,
                                  ecam_error *error)
{
    return write_all(NULL, stream, out, error);
}
