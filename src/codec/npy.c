#include "codec/npy.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
    while (h->at < h->end && (*h->at == ' ' || *h->at == '\t' || *h->at == '\n'))
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

/* A tuple of one needs its comma; more may have one at the end. */
static ecam_status read_shape(header *h)
{
    ecam_tensor *t = h->tensor;
    bool comma = true;

    if (!take(h, '('))
        return malformed(h, "the shape as a tuple");
    t->ndim = 0;
    while (!take(h, ')')) {
        if (!comma)
            return malformed(h, "a comma or the end of the shape");
        if (t->ndim == ECAM_MAX_DIMS)
            return ecam_fail(h->error, ECAM_ESHAPE, "more than %d axes", ECAM_MAX_DIMS);
        ecam_status st = read_number(h, &t->shape[t->ndim]);
        if (st != ECAM_OK)
            return st;
        t->ndim++;
        comma = take(h, ',');
    }
    h->has_shape = true;
    return t->ndim == 1 && !comma ? malformed(h, "a comma in the shape") : ECAM_OK;
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
    if (length == 5 && memcmp(key, "descr", 5) == 0 && !h->has_descr)
        return read_descr(h);
    if (length == 13 && memcmp(key, "fortran_order", 13) == 0 && !h->has_order)
        return read_order(h);
    if (length == 5 && memcmp(key, "shape", 5) == 0 && !h->has_shape)
        return read_shape(h);
    return malformed(h, "the keys descr, fortran_order and shape, once each");
}

static ecam_status read_dict(header *h)
{
    bool comma = true;

    if (!take(h, '{'))
        return malformed(h, "a dict");
    while (!take(h, '}')) {
        if (!comma)
            return malformed(h, "a comma or the end of the dict");
        ecam_status st = read_entry(h);
        if (st != ECAM_OK)
            return st;
        comma = take(h, ',');
    }
    if (!h->has_descr || !h->has_order || !h->has_shape)
        return malformed(h, "the keys descr, fortran_order and shape, once each");
    skip_space(h);
    return h->at == h->end ? ECAM_OK : malformed(h, "nothing behind the dict");
}

ecam_status ecam_npy_parse(const void *bytes, size_t size, ecam_tensor *tensor, ecam_error *error)
{
    const unsigned char *b = bytes;

    *tensor = (ecam_tensor){0};
    if (size < 10 || memcmp(b, "\x93NUMPY", 6) != 0)
        return ecam_fail(error, ECAM_EFORMAT,
                         "not an .npy file: it does not begin with \\x93NUMPY");
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

/* Only regular files have a size to rely on; a folder can be opened, too. */
static ecam_status file_size(FILE *file, size_t *size, ecam_error *error)
{
    struct stat info;

    if (!file || fstat(fileno(file), &info) != 0)
        return ecam_fail(error, ECAM_EIO, "cannot be read: %s", strerror(errno));
    if (!S_ISREG(info.st_mode))
        return ecam_fail(error, ECAM_EIO, "cannot be read: not a regular file");
    *size = (size_t)info.st_size;
    return ECAM_OK;
}

static ecam_status read_file(const char *path, void **bytes, size_t *size, ecam_error *error)
{
    FILE *file = fopen(path, "rb");
    ecam_status st = file_size(file, size, error);

    *bytes = NULL;
    if (st == ECAM_OK && !(*bytes = malloc(*size + 1)))
        st = ecam_fail(error, ECAM_ENOMEM, "no memory for %zu bytes", *size);
    if (st == ECAM_OK && fread(*bytes, 1, *size, file) != *size)
        st = ecam_fail(error, ECAM_EIO, "cannot be read whole");
    if (file)
        fclose(file);
    return st;
}

ecam_status ecam_npy_read(const char *path, ecam_npy *out, ecam_error *error)
{
    size_t size = 0;

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
