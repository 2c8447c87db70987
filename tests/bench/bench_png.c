/* PNG encoders side by side: MB/s of raw pixels (median of interleaved runs),
 * and bytes relative to libpng's default. Pictures: the photos and overlays of
 * tests/golden. Usage: bench_png [SECONDS_PER_PICTURE] */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libdeflate.h>
#include <png.h>
#ifdef HAVE_SPNG
#include <spng.h>
#endif

#include "codec/png.h"
#include "codec/png_filter.h"
#include "support/golden.h"

#define MAX_RUNS 4096

typedef struct picture {
    char name[64];
    size_t w, h;
    ecam_png_format format;
    uint8_t *pixels;
} picture;

static size_t picture_bytes(const picture *p)
{
    return p->w * p->h * (p->format == ECAM_PNG_RGB8 ? 3 : 2);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The encoders. Each replaces `out`. */

static ecam_png_encoder *encoder;

static void must(ecam_status st)
{
    if (st != ECAM_OK) {
        fprintf(stderr, "bench_png: %s\n", ecam_status_word(st));
        exit(1);
    }
}

static void by_eigencam(const picture *p, ecam_buffer *out)
{
    must(ecam_png_encode(encoder, p->pixels, p->w, p->h, p->format, NULL, 0, out, NULL));
}

static void by_eigencam_bands(const picture *p, ecam_buffer *out)
{
    enum { BANDS = 5 };
    static ecam_png_piece pieces[BANDS];

    for (size_t i = 0; i < BANDS; i++) {
        size_t y = p->h * i / BANDS, end = p->h * (i + 1) / BANDS;
        const uint8_t *at = p->pixels + y * p->w * 3;
        must(ecam_png_band(encoder, at, i ? at - 3 * p->w : NULL, p->w, end - y, &pieces[i], NULL));
    }
    must(ecam_png_join(pieces, BANDS, p->w, p->h, NULL, 0, out, NULL));
}

static void append(png_structp png, png_bytep bytes, size_t size)
{
    must(ecam_buffer_append(png_get_io_ptr(png), bytes, size));
}

static png_structp start_libpng(const picture *p, ecam_buffer *out, png_infop *info)
{
    bool rgb = p->format == ECAM_PNG_RGB8;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);

    *info = png_create_info_struct(png);
    ecam_buffer_clear(out);
    png_set_write_fn(png, out, append, NULL);
    png_set_IHDR(png, *info, (png_uint_32)p->w, (png_uint_32)p->h, rgb ? 8 : 16,
                 rgb ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    return png;
}

static void finish_libpng(png_structp png, png_infop info, const picture *p)
{
    png_write_info(png, info);
    if (p->format == ECAM_PNG_GRAY16)
        png_set_swap(png);
    for (size_t y = 0; y < p->h; y++)
        png_write_row(png, p->pixels + y * (picture_bytes(p) / p->h));
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
}

static void by_libpng(const picture *p, ecam_buffer *out)
{
    png_infop info;
    png_structp png = start_libpng(p, out, &info);
    finish_libpng(png, info, p);
}

static void by_libpng_huffman(const picture *p, ecam_buffer *out)
{
    png_infop info;
    png_structp png = start_libpng(p, out, &info);
    png_set_compression_level(png, 1);
    png_set_compression_strategy(png, 2); /* Z_HUFFMAN_ONLY */
    png_set_filter(png, 0, PNG_FILTER_PAETH);
    finish_libpng(png, info, p);
}

static void by_libdeflate(const picture *p, ecam_buffer *out)
{
    static struct libdeflate_compressor *compressor;
    static ecam_buffer filtered, stream;
    size_t row = picture_bytes(p) / p->h, step = row / p->w;
    ecam_png_filter *filters[ECAM_PNG_FILTERS];
    ecam_png_filter *filter = filters[ecam_png_filters(filters) - 1];
    png_infop info;

    if (!compressor)
        compressor = libdeflate_alloc_compressor(1);
    ecam_buffer_clear(&filtered);
    ecam_buffer_clear(&stream);
    must(ecam_buffer_reserve(&filtered, p->h * (row + 1) + row));
    uint8_t *zero = filtered.data + p->h * (row + 1);
    memset(zero, 0, row);
    for (size_t y = 0; y < p->h; y++) {
        filtered.data[y * (row + 1)] = ECAM_PNG_PAETH;
        filter(p->pixels + y * row, y ? p->pixels + (y - 1) * row : zero, step, row,
               filtered.data + y * (row + 1) + 1);
    }
    size_t size = p->h * (row + 1);
    must(ecam_buffer_reserve(&stream, libdeflate_zlib_compress_bound(compressor, size)));
    stream.size = libdeflate_zlib_compress(compressor, filtered.data, size, stream.data,
                                           stream.capacity);
    png_structp png = start_libpng(p, out, &info);
    png_write_info(png, info);
    png_write_chunk(png, (png_const_bytep)"IDAT", stream.data, stream.size);
    png_write_chunk(png, (png_const_bytep)"IEND", NULL, 0);
    png_destroy_write_struct(&png, &info);
}

#ifdef HAVE_SPNG
static void by_spng(const picture *p, ecam_buffer *out)
{
    bool rgb = p->format == ECAM_PNG_RGB8;
    spng_ctx *ctx = spng_ctx_new(SPNG_CTX_ENCODER);
    struct spng_ihdr ihdr = {.width = (uint32_t)p->w, .height = (uint32_t)p->h,
                             .bit_depth = rgb ? 8 : 16,
                             .color_type = rgb ? SPNG_COLOR_TYPE_TRUECOLOR
                                               : SPNG_COLOR_TYPE_GRAYSCALE};
    size_t size = 0;
    int error = 0;

    spng_set_option(ctx, SPNG_ENCODE_TO_BUFFER, 1);
    spng_set_ihdr(ctx, &ihdr);
    error |= spng_encode_image(ctx, p->pixels, picture_bytes(p), SPNG_FMT_PNG,
                               SPNG_ENCODE_FINALIZE);
    void *bytes = spng_get_png_buffer(ctx, &size, &error);
    ecam_buffer_clear(out);
    must(error == 0 ? ecam_buffer_append(out, bytes, size) : ECAM_EIO);
    free(bytes);
    spng_ctx_free(ctx);
}
#endif

static const struct {
    const char *name;
    void (*encode)(const picture *, ecam_buffer *);
    bool gray16;
} encoders[] = {
    {"libpng, default", by_libpng, true},
    {"libpng, level 1, Paeth, Huffman only", by_libpng_huffman, true},
#ifdef HAVE_SPNG
    {"libspng, default", by_spng, true},
#endif
    {"libdeflate, level 1, Paeth", by_libdeflate, false},
    {"eigencam", by_eigencam, true},
    {"eigencam, in 5 bands", by_eigencam_bands, false},
};
#define ENCODERS (sizeof encoders / sizeof *encoders)

/* The pictures. */

static void load(const char *name, ecam_npy *npy)
{
    char path[512];
    ecam_error error;

    snprintf(path, sizeof path, "%s/%s", golden_dir(), name);
    if (ecam_npy_read(path, npy, &error) != ECAM_OK) {
        fprintf(stderr, "bench_png: %s\n", error.text);
        exit(1);
    }
}

static picture make_picture(const char *name, size_t w, size_t h, ecam_png_format format)
{
    picture p = {.w = w, .h = h, .format = format};

    snprintf(p.name, sizeof p.name, "%s", name);
    p.pixels = calloc(1, picture_bytes(&p));
    if (!p.pixels)
        must(ECAM_ENOMEM);
    return p;
}

/* RGB pictures of one size, one after another, as tiles from the left top on;
 * planar: channel by channel. */
static void tile(picture *p, const uint8_t *tiles, size_t n, size_t w, size_t h, bool planar)
{
    for (size_t y = 0; y < p->h; y++)
        for (size_t x = 0; x < p->w; x++) {
            const uint8_t *from = tiles + (y / h * 7 + x / w) % n * w * h * 3;
            for (size_t c = 0; c < 3; c++)
                p->pixels[(y * p->w + x) * 3 + c] =
                    planar ? from[(c * h + y % h) * w + x % w]
                           : from[(y % h * w + x % w) * 3 + c];
        }
}

/* Overlays of photos as the stage draws them, photos, and a sheet's look: the
 * overlays in white margins. */
static size_t load_pictures(picture *list)
{
    ecam_npy overlays, photos, digits, maps;
    size_t n = 0;
    char name[64];

    load("resnet_photos/expected_display_layer4.npy", &overlays);
    load("resnet_photos/images.npy", &photos);
    load("digits_cnn/expected_display_conv3.npy", &digits);
    load("digits_cnn/expected_projection_conv1.npy", &maps);
    const uint8_t *o = overlays.tensor.data;
    size_t bytes = 224 * 224 * 3;
    for (size_t i = 0; i < overlays.tensor.shape[0]; i++) {
        snprintf(name, sizeof name, "overlay %zu, 224x224", i);
        list[n] = make_picture(name, 224, 224, ECAM_PNG_RGB8);
        tile(&list[n++], o + i * bytes, 1, 224, 224, false);
    }
    list[n] = make_picture("photo, 224x224", 224, 224, ECAM_PNG_RGB8);
    tile(&list[n++], photos.tensor.data, 1, 224, 224, true);
    list[n] = make_picture("overlays, 1024x1024", 1024, 1024, ECAM_PNG_RGB8);
    tile(&list[n++], o, overlays.tensor.shape[0], 224, 224, false);
    list[n] = make_picture("sheet, 1280x1400", 1280, 1400, ECAM_PNG_RGB8);
    tile(&list[n], o, overlays.tensor.shape[0], 224, 224, false);
    for (size_t y = 0; y < 1400; y++)
        for (size_t x = 0; x < 1280; x++)
            if (x < 300 || x % 240 < 16 || y % 270 < 46)
                memset(list[n].pixels + (y * 1280 + x) * 3, 255, 3);
    n++;
    list[n] = make_picture("digit's overlay, 32x32", 32, 32, ECAM_PNG_RGB8);
    tile(&list[n++], digits.tensor.data, 1, 32, 32, false);
    list[n] = make_picture("digits' overlays, 448x448", 448, 448, ECAM_PNG_RGB8);
    tile(&list[n++], digits.tensor.data, 15, 32, 32, false);
    list[n] = make_picture("map, 16 bits, 32x32", 32, 32, ECAM_PNG_GRAY16);
    for (size_t i = 0; i < 1024; i++)
        ((uint16_t *)(void *)list[n].pixels)[i] =
            (uint16_t)(32768 + 2000 * ecam_tensor_at(&maps.tensor, i));
    n++;
    ecam_npy_finish(&overlays);
    ecam_npy_finish(&photos);
    ecam_npy_finish(&digits);
    ecam_npy_finish(&maps);
    return n;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Interleaved, so that what disturbs the machine disturbs all alike. */
static void compare(const picture *p, double seconds)
{
    static double times[ENCODERS][MAX_RUNS];
    size_t sizes[ENCODERS] = {0}, runs = 0;
    ecam_buffer out = {0};
    double start = now();

    while (runs < MAX_RUNS && (runs < 3 || now() - start < seconds)) {
        for (size_t i = 0; i < ENCODERS; i++) {
            if (p->format == ECAM_PNG_GRAY16 && !encoders[i].gray16)
                continue;
            double before = now();
            encoders[i].encode(p, &out);
            times[i][runs] = now() - before;
            sizes[i] = out.size;
        }
        runs++;
    }
    printf("\n%s (%zu runs)\n", p->name, runs);
    for (size_t i = 0; i < ENCODERS; i++) {
        if (sizes[i] == 0)
            continue;
        qsort(times[i], runs, sizeof **times, by_value);
        double median = times[i][runs / 2];
        printf("  %-38s %8.1f MB/s %8.1f us %9zu bytes %7.3f\n", encoders[i].name,
               (double)picture_bytes(p) / median * 1e-6, median * 1e6, sizes[i],
               (double)sizes[i] / (double)sizes[0]);
    }
    ecam_buffer_finish(&out);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 1.0;
    picture list[24];

    must(ecam_png_encoder_create(&encoder));
    size_t n = load_pictures(list);
    for (size_t i = 0; i < n; i++) {
        compare(&list[i], seconds);
        free(list[i].pixels);
    }
    ecam_png_encoder_destroy(&encoder);
    return 0;
}
