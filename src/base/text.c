#include "base/text.h"

#include <string.h>

/* Bytes of the valid character at `text`, or 0. RFC 3629, section 4. */
static size_t utf8_step(const unsigned char *text, size_t left)
{
    unsigned char a = text[0];
    if (a < 0x80)
        return 1;
    size_t n = a >= 0xf0 ? 4 : a >= 0xe0 ? 3 : 2;
    if (a < 0xc2 || a > 0xf4 || left < n)
        return 0;

    unsigned char low = 0x80, high = 0xbf;
    switch (a) {
    case 0xe0: low = 0xa0; break;
    case 0xed: high = 0x9f; break;
    case 0xf0: low = 0x90; break;
    case 0xf4: high = 0x8f; break;
    default: break;
    }
    if (text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

bool ecam_text_is_utf8(const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text;
    while (length > 0) {
        size_t n = utf8_step(at, length);
        if (n == 0)
            return false;
        at += n;
        length -= n;
    }
    return true;
}

bool ecam_text_is_name(const char *text, size_t length, size_t max_bytes, const char *banned)
{
    if (length == 0 || length > max_bytes || !ecam_text_is_utf8(text, length))
        return false;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f || strchr(banned, c))
            return false;
    }
    return true;
}

/* Of a valid character. U+0080 to U+009F count: a terminal may take U+009B for
 * the start of a command. */
static bool is_control(const unsigned char *at)
{
    return *at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0);
}

char *ecam_text_clean(char *out, size_t capacity, const char *text, size_t length)
{
    static const char replacement[] = "\xef\xbf\xbd";
    size_t used = 0;

    while (length > 0) {
        const unsigned char *at = (const unsigned char *)text;
        size_t step = utf8_step(at, length);
        const char *piece = text;
        size_t piece_bytes = step;
        if (step == 0 || *text == '\0') {
            step = 1;
            piece = replacement;
            piece_bytes = 3;
        } else if (is_control(at)) {
            piece = " ";
            piece_bytes = 1;
        }
        if (used + piece_bytes >= capacity)
            break;
        memcpy(out + used, piece, piece_bytes);
        used += piece_bytes;
        text += step;
        length -= step;
    }
    out[used] = '\0';
    return out;
}
