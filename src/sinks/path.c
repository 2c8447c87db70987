#include "sinks/path.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define LONGEST 200
#define CUT_TAIL 18 /* "%-" and 16 hexadecimal digits */

/* FNV-1a, 64 bits: keeps long names apart that begin alike. It need not
 * withstand a forger, who could send the other name itself. */
static uint64_t hash(const char *text)
{
    uint64_t value = 0xcbf29ce484222325u;
    for (; *text != '\0'; text++)
        value = (value ^ (unsigned char)*text) * 0x100000001b3u;
    return value;
}

static bool is_plain(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           c == '.' || c == '_' || c == '-';
}

/* Bytes of the character that begins at `at`, in a text known to be UTF-8. */
static size_t character_bytes(const char *at)
{
    size_t n = 1;
    while (((unsigned char)at[n] & 0xc0) == 0x80)
        n++;
    return n;
}

/* U+0080 to U+009F: a terminal may take them for the start of a command. */
static bool is_control(const char *at)
{
    return (unsigned char)at[0] == 0xc2 && (unsigned char)at[1] < 0xa0;
}

/* One character or byte of `name` at `at`, encoded to `piece`; returns how many
 * bytes of `name` it was. */
static size_t encode_piece(const char *at, bool utf8, bool forced, char piece[8])
{
    unsigned char c = (unsigned char)at[0];

    if (utf8 && is_control(at)) {
        snprintf(piece, 8, "%%%02X%%%02X", c, (unsigned char)at[1]);
        return 2;
    }
    if (utf8 && c >= 0x80) {
        size_t n = character_bytes(at);
        memcpy(piece, at, n);
        piece[n] = '\0';
        return n;
    }
    if (is_plain(c) && !forced)
        snprintf(piece, 8, "%c", c);
    else
        snprintf(piece, 8, "%%%02X", c);
    return 1;
}

char *ecam_path_encode(char out[ECAM_PATH_NAME_BYTES], const char *name)
{
    bool utf8 = ecam_text_is_utf8(name, strlen(name));
    /* hidden names, "." and ".."; and what lies beside the runs */
    bool forced = name[0] == '.' || strncmp(name, "index.sqlite", 12) == 0 ||
                  strcmp(name, ECAM_PATH_IMAGES) == 0;
    size_t used = 0, cut = 0;
    char piece[8];

    if (name[0] == '\0')
        return strcpy(out, "%empty");
    for (const char *at = name; *at != '\0'; forced = false) {
        at += encode_piece(at, utf8, forced, piece);
        size_t n = strlen(piece);
        if (used <= LONGEST - CUT_TAIL)
            cut = used;
        if (used + n > LONGEST) {
            snprintf(out + cut, ECAM_PATH_NAME_BYTES - cut, "%%-%016llx",
                     (unsigned long long)hash(name));
            return out;
        }
        memcpy(out + used, piece, n + 1);
        used += n;
    }
    return out;
}

void ecam_path_folder_of(const ecam_result *result, ecam_path_folder *out)
{
    unsigned long long epoch = result->epoch;

    ecam_path_encode(out->steps[0], result->run);
    ecam_path_encode(out->steps[1], result->output);
    ecam_path_encode(out->steps[2], result->mode);
    if (result->attempt > 1)
        snprintf(out->steps[3], sizeof out->steps[3], "epoch-%06llu-attempt-%u", epoch,
                 result->attempt);
    else
        snprintf(out->steps[3], sizeof out->steps[3], "epoch-%06llu", epoch);
    snprintf(out->whole, sizeof out->whole, "%s/%s/%s/%s", out->steps[0], out->steps[1],
             out->steps[2], out->steps[3]);
}

char *ecam_path_picture(char out[ECAM_PATH_NAME_BYTES], const ecam_result *result)
{
    const char *type = ecam_result_type_name(result->type);

    if (result->type == ECAM_RESULT_SHEET)
        snprintf(out, ECAM_PATH_NAME_BYTES, "%s-%03u.png", type, result->page.number);
    else if (result->type == ECAM_RESULT_IMAGE)
        snprintf(out, ECAM_PATH_NAME_BYTES, "%03u-%s.png", result->sample.number, type);
    else
        snprintf(out, ECAM_PATH_NAME_BYTES, "%03u-%s-%u.png", result->sample.number, type,
                 result->component.number);
    return out;
}

char *ecam_path_image(char out[ECAM_PATH_NAME_BYTES], const uint64_t hash[2], unsigned n)
{
    char tail[16] = "";

    if (n > 0)
        snprintf(tail, sizeof tail, "-%u", n);
    snprintf(out, ECAM_PATH_NAME_BYTES, "%016llx%016llx%s.png", (unsigned long long)hash[0],
             (unsigned long long)hash[1], tail);
    return out;
}

char *ecam_path_temporary(char out[ECAM_PATH_NAME_BYTES + 8], const char *name)
{
    snprintf(out, ECAM_PATH_NAME_BYTES + 8, ".%s.tmp", name);
    return out;
}

/* Passes over a run of at least `least` digits; NULL where there are fewer. */
static const char *skip_digits(const char *at, const char *digits, size_t least)
{
    size_t n = at ? strspn(at, digits) : 0;
    return n >= least && at ? at + n : NULL;
}

static const char *skip(const char *at, const char *text)
{
    size_t n = strlen(text);
    return at && strncmp(at, text, n) == 0 ? at + n : NULL;
}

/* The end of a picture's name without ".png", or NULL. */
static const char *skip_picture(const char *name)
{
    static const char decimal[] = "0123456789";
    const char *sheet = skip_digits(skip(name, "sheet-"), decimal, 3);
    const char *number = skip_digits(name, decimal, 3), *end;

    if (sheet)
        return sheet;
    if ((end = skip(number, "-image")) || (end = skip_digits(skip(number, "-overlay-"), decimal, 1)) ||
        (end = skip_digits(skip(number, "-map-"), decimal, 1)))
        return end;
    end = skip_digits(name, "0123456789abcdef", 32);
    if (end != name + 32)
        return NULL;
    const char *tail = skip_digits(skip(end, "-"), decimal, 1);
    return tail ? tail : end;
}

bool ecam_path_is_ours(const char *name)
{
    bool hidden = name[0] == '.';
    const char *end = skip(skip_picture(name + hidden), ".png");

    if (hidden)
        end = skip(end, ".tmp");
    return end && *end == '\0';
}
