#include "codec/npy.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The header is a Python dict as repr() prints it, with exactly three keys;
 * NumPy writes nothing else, so this reads nothing else. */
typedef struct header {
    const char *at, *end;
    ecam_tensor *tensor;
    bool has_descr, has_order, has_shape;
    ecam_error *error;
} header;

static void skip_space(header *h)
{
    while (h->at < h->end && strchr(" \t\n", *h->at))
        h->at++;
}

static bool take(header *h, char c)
{
    skip_space(h);
    if (h->at == h->end || *h->at != c)
        return false;
    h->at++;
    return true;
}

static ecam_status malformed(header *h, const char *expected)
{
    return ecam_fail(h->error, ECAM_EFORMAT, "not an .npy header: expected %s", expected);
}

static ecam_status read_string(header *h, const char **text, size_t *length)
{
    skip_space(h);
    if (h->at == h->end || (*h->at != '\'' && *h->at != '"'))
        return malformed(h, "a quoted string");
    char quote = *h->at++;
    const char *close = memchr(h->at, quote, (size_t)(h->end - h->at));
    if (!close)
        return malformed(h, "a closing quote");
    *text = h->at;
    *length = (size_t)(close - h->at);
    h->at = close + 1;
    return ECAM_OK;
}

static ecam_status read_number(header *h, uint64_t *out)
{
    skip_space(h);
    uint64_t value = 0;
    const char *start = h->at;
    while (h->at < h->end && *h->at >= '0' && *h->at <= '9') {
        if (value > (UINT64_MAX - 9) / 10)
            return ecam_fail(h->error, ECAM_ESHAPE, "an axis of the shape overflows 64 bits");
        value = value * 10 + (uint64_t)(*h->at++ - '0');
    }
    *out = value;
    return h->at == start ? malformed(h, "a number in the shape") : ECAM_OK;
}

static ecam_status read_shape(header *h)
{
    ecam_tensor *t = h->tensor;

    if (!take(h, '('))
        return malformed(h, "the shape as a tuple");
    t->ndim = 0;
    while (!take(h, ')')) {
        if (t->ndim == ECAM_MAX_DIMS)
            return ecam_fail(h->error, ECAM_ESHAPE, "more than %d axes", ECAM_MAX_DIMS);
        ecam_status st = read_number(h, &t->shape[t->ndim]);
        if (st != ECAM_OK)
            return st;
        t->ndim++;
        if (!take(h, ',') && (h->at == h->end || *h->at != ')'))
            return malformed(h, "a comma or the end of the shape");
    }
    h->has_shape = true;
    return ECAM_OK;
}

static ecam_status read_order(header *h)
{
    skip_space(h);
    size_t left = (size_t)(h->end - h->at);
    if (left >= 4 && memcmp(h->at, "True", 4) == 0)
        return ecam_fail(h->error, ECAM_EFORMAT,
                         "the array is in Fortran order; save numpy.ascontiguousarray(a)");
    if (left < 5 || memcmp(h->at, "False", 5) != 0)
        return malformed(h, "fortran_order True or False");
    h->at += 5;
    h->has_order = true;
    return ECAM_OK;
}

static ecam_status read_descr(header *h)
{
    const char *text = "";
    size_t length = 0;
    ecam_status st = read_string(h, &text, &length);
    if (st == ECAM_OK && ecam_dtype_parse(text, length, &h->tensor->dtype) != ECAM_OK)
        st = ecam_fail(h->error, ECAM_ETYPE,
                       "element type \"%.*s\" is not accepted; expected a little-endian bool, "
                       "integer, float16, bfloat16, float32 or float64",
                       (int)(length < 32 ? length : 32), text);
    h->has_descr = true;
    return st;
}

static ecam_status read_entry(header *h)
{
    const char *key = "";
    size_t length = 0;
    ecam_status st = read_string(h, &key, &length);

    if (st == ECAM_OK && !take(h, ':'))
        st = malformed(h, "a colon");
    if (st != ECAM_OK)
        return st;
    if (length == 5 && memcmp(key, "descr", 5) == 0)
        return read_descr(h);
    if (length == 13 && memcmp(key, "fortran_order", 13) == 0)
        return read_order(h);
    if (length == 5 && memcmp(key, "shape", 5) == 0)
        return read_shape(h);
    return malformed(h, "the keys descr, fortran_order and shape");
}

static ecam_status read_dict(header *h)
{
    if (!take(h, '{'))
        return malformed(h, "a dict");
    while (!take(h, '}')) {
        ecam_status st = read_entry(h);
        if (st != ECAM_OK)
            return st;
        take(h, ',');
    }
    if (!h->has_descr || !h->has_order || !h->has_shape)
        return malformed(h, "the keys descr, fortran_order and shape");
    return ECAM_OK;
}

ecam_status ecam_npy_parse(const void *bytes, size_t size, ecam_tensor *tensor, ecam_error *error)
{
    const unsigned char *b = bytes;

    *tensor = (ecam_tensor){0};
    if (size < 10 || memcmp(b, "\x93NUMPY", 6) != 0)
        return ecam_fail(error, ECAM_EFORMAT, "not an .npy file: it does not begin with \\x93NUMPY");
    if (b[6] < 1 || b[6] > 3)
        return ecam_fail(error, ECAM_EVERSION, ".npy version %u.%u; 1 to 3 are known", b[6], b[7]);

    size_t start = b[6] == 1 ? 10 : 12;
    size_t length = b[8] | (size_t)b[9] << 8;
    if (start == 12 && size >= 12)
        length |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
    if (size < start || length > size - start)
        return ecam_fail(error, ECAM_EFORMAT, "the .npy header is cut off");

    const char *text = (const char *)b + start;
    header h = {.at = text, .end = text + length, .tensor = tensor, .error = error};
    ecam_status st = read_dict(&h);
    if (st != ECAM_OK)
        return st;
    tensor->data = b + start + length;
    tensor->size_bytes = size - start - length;
    return ecam_tensor_check(tensor, error);
}

static ecam_status read_file(const char *path, void **bytes, size_t *size, ecam_error *error)
{
    ecam_status st = ECAM_OK;
    long end = -1;
    FILE *file = fopen(path, "rb");

    *bytes = NULL;
    if (file && fseek(file, 0, SEEK_END) == 0)
        end = ftell(file);
    if (end < 0 || fseek(file, 0, SEEK_SET) != 0)
        st = ecam_fail(error, ECAM_EIO, "cannot be read: %s", strerror(errno));
    if (st == ECAM_OK && !(*bytes = malloc((size_t)end + 1)))
        st = ecam_fail(error, ECAM_ENOMEM, "no memory for %ld bytes", end);
    if (st == ECAM_OK && fread(*bytes, 1, (size_t)end, file) != (size_t)end)
        st = ecam_fail(error, ECAM_EIO, "cannot be read whole");
    if (file)
        fclose(file);
    *size = st == ECAM_OK ? (size_t)end : 0;
    return st;
}

ecam_status ecam_npy_read(const char *path, ecam_npy *out, ecam_error *error)
{
    size_t size;

    *out = (ecam_npy){0};
    ecam_status st = read_file(path, &out->bytes, &size, error);
    if (st == ECAM_OK)
        st = ecam_npy_parse(out->bytes, size, &out->tensor, error);
    if (st != ECAM_OK) {
        ecam_error_prefix(error, "%s: ", path);
        ecam_npy_finish(out);
    }
    return st;
}

void ecam_npy_finish(ecam_npy *npy)
{
    free(npy->bytes);
    *npy = (ecam_npy){0};
}
