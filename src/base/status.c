#include "eigencam/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *ecam_status_word(ecam_status status)
{
    static const char *const words[] = {"ok",    "memory", "argument", "shape", "type",  "format", "version",
                                        "missing", "limit",  "math",     "io",    "again", "closed"};
    return (size_t)status < sizeof words / sizeof *words ? words[status] : "unknown";
}

/* Take back the bytes of a character that the end of the buffer cut. */
static void trim_cut_character(char *text)
{
    size_t end = strlen(text), start = end;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (end - (start - 1) < need)
        text[start - 1] = '\0';
}

ecam_status ecam_fail(ecam_error *error, ecam_status status, const char *format, ...)
{
    if (error) {
        va_list args;
        va_start(args, format);
        error->status = status;
        vsnprintf(error->text, sizeof error->text, format, args);
        va_end(args);
        trim_cut_character(error->text);
    }
    return status;
}

void ecam_error_prefix(ecam_error *error, const char *format, ...)
{
    if (!error)
        return;

    char text[sizeof error->text];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0)
        return;
    size_t used = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    size_t rest = strlen(error->text);
    if (rest > sizeof text - 1 - used)
        rest = sizeof text - 1 - used;
    memcpy(text + used, error->text, rest);
    text[used + rest] = '\0';
    memcpy(error->text, text, used + rest + 1);
    trim_cut_character(error->text);
}
