/* For scripts/bench: PNG encoders behind one plain interface, so that Python
 * can time them in turns with its own. Pictures are uint8 [h][w][3]. */
#include <stdlib.h>

#include <png.h>
#ifdef HAVE_SPNG
#include <spng.h>
#endif

#include "codec/png.h"

typedef struct shim {
    ecam_png_encoder *encoder;
    ecam_buffer out;
} shim;

ECAM_API shim *shim_open(void);
ECAM_API void shim_close(shim *s);
ECAM_API const uint8_t *shim_bytes(const shim *s);
ECAM_API size_t shim_eigencam(shim *s, const uint8_t *rgb, size_t w, size_t h);
ECAM_API size_t shim_libpng(shim *s, const uint8_t *rgb, size_t w, size_t h);
ECAM_API size_t shim_spng(shim *s, const uint8_t *rgb, size_t w, size_t h);
ECAM_API const char *shim_libpng_version(void);
ECAM_API const char *shim_spng_version(void);

/* One thread's encoders; NULL when memory is short. */
shim *shim_open(void)
{
    shim *s = calloc(1, sizeof *s);

    if (s && ecam_png_encoder_create(&s->encoder) != ECAM_OK) {
        free(s);
        s = NULL;
    }
    return s;
}

void shim_close(shim *s)
{
    ecam_png_encoder_destroy(&s->encoder);
    ecam_buffer_finish(&s->out);
    free(s);
}

/* The file that the last call made; each call gives its size, 0 on failure. */
const uint8_t *shim_bytes(const shim *s)
{
    return s->out.data;
}

size_t shim_eigencam(shim *s, const uint8_t *rgb, size_t w, size_t h)
{
    ecam_status st = ecam_png_encode(s->encoder, rgb, w, h, ECAM_PNG_RGB8, NULL, 0, &s->out, NULL);
    return st == ECAM_OK ? s->out.size : 0;
}

static void append(png_structp png, png_bytep bytes, size_t size)
{
    if (ecam_buffer_append(png_get_io_ptr(png), bytes, size) != ECAM_OK)
        png_error(png, "no memory");
}

/* libpng as its manual has it, with every setting left alone. */
size_t shim_libpng(shim *s, const uint8_t *rgb, size_t w, size_t h)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;

    ecam_buffer_clear(&s->out);
    if (!info || setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        return 0;
    }
    png_set_write_fn(png, &s->out, append, NULL);
    png_set_IHDR(png, info, (png_uint_32)w, (png_uint_32)h, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (size_t y = 0; y < h; y++)
        png_write_row(png, rgb + y * w * 3);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return s->out.size;
}

const char *shim_libpng_version(void)
{
    return png_get_libpng_ver(NULL);
}

#ifdef HAVE_SPNG
size_t shim_spng(shim *s, const uint8_t *rgb, size_t w, size_t h)
{
    spng_ctx *ctx = spng_ctx_new(SPNG_CTX_ENCODER);
    struct spng_ihdr ihdr = {.width = (uint32_t)w, .height = (uint32_t)h, .bit_depth = 8,
                             .color_type = SPNG_COLOR_TYPE_TRUECOLOR};
    size_t size = 0;
    int error = 0;

    ecam_buffer_clear(&s->out);
    if (!ctx)
        return 0;
    spng_set_option(ctx, SPNG_ENCODE_TO_BUFFER, 1);
    spng_set_ihdr(ctx, &ihdr);
    error = spng_encode_image(ctx, rgb, w * h * 3, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
    void *bytes = error ? NULL : spng_get_png_buffer(ctx, &size, &error);
    if (bytes && ecam_buffer_append(&s->out, bytes, size) != ECAM_OK)
        size = 0;
    free(bytes);
    spng_ctx_free(ctx);
    return size;
}

const char *shim_spng_version(void)
{
    return spng_version_string();
}
#else
size_t shim_spng(shim *s, const uint8_t *rgb, size_t w, size_t h)
{
    (void)s;
    (void)rgb;
    (void)w;
    (void)h;
    return 0;
}

const char *shim_spng_version(void)
{
    return NULL;
}
#endif
