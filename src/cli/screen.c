#include "cli/screen.h"

#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

static const char ellipsis[] = "…"; /* one column */

bool ecam_screen_is_terminal(int fd)
{
    const char *term = getenv("TERM");

    return isatty(fd) && term && term[0] != '\0' && strcmp(term, "dumb") != 0;
}

ecam_screen_size ecam_screen_measure(int fd)
{
    struct winsize said;
    ecam_screen_size size = {80, 24};

    if (ioctl(fd, TIOCGWINSZ, &said) != 0)
        return size;
    if (said.ws_col > 0)
        size.columns = said.ws_col;
    if (said.ws_row > 0)
        size.rows = said.ws_row;
    return size;
}

/* One character of text: its bytes and columns. Replacement: what to show for
 * it instead, or NULL. */
typedef struct glyph {
    size_t bytes;
    unsigned columns;
    const char *replacement;
} glyph;

/* Under the UTF-8 locale. */
static glyph look_at(const char *text, size_t left)
{
    mbstate_t state = {0};
    wchar_t c;
    size_t bytes = mbrtowc(&c, text, left, &state);

    if (bytes == 0 || bytes > left) /* invalid or cut off: this byte alone */
        return (glyph){1, 1, "?"};
    int columns = wcwidth(c);
    if (columns < 0)
        return (glyph){bytes, 1, "?"};
    return (glyph){bytes, (unsigned)columns, NULL};
}

/* The columns of `text`, counted until they are more than `limit`. */
static unsigned measure(const char *text, size_t length, unsigned limit)
{
    unsigned columns = 0;

    for (size_t at = 0; at < length && columns <= limit;) {
        glyph g = look_at(text + at, length - at);
        columns += g.columns;
        at += g.bytes;
    }
    return columns;
}

static unsigned fit(char *out, size_t capacity, const char *text, unsigned columns)
{
    size_t length = strlen(text), used = 0;
    bool cut = measure(text, length, columns) > columns;
    unsigned room = cut && columns > 0 ? columns - 1 : columns, shown = 0;

    for (size_t at = 0; at < length;) {
        glyph g = look_at(text + at, length - at);
        const char *from = g.replacement ? g.replacement : text + at;
        size_t bytes = g.replacement ? strlen(g.replacement) : g.bytes;
        if (shown + g.columns > room || used + bytes + sizeof ellipsis > capacity)
            break;
        memcpy(out + used, from, bytes);
        used += bytes;
        shown += g.columns;
        at += g.bytes;
    }
    if (cut && columns > 0 && used + sizeof ellipsis <= capacity) {
        memcpy(out + used, ellipsis, sizeof ellipsis - 1);
        used += sizeof ellipsis - 1;
        shown++;
    }
    out[used] = '\0';
    return shown;
}

/* Widths are a matter of the locale; what we write is UTF-8 whatever the user's
 * locale is, and the program's own stays as it is. */
static locale_t enter_utf8(locale_t *before)
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);

    *before = utf8 ? uselocale(utf8) : (locale_t)0;
    return utf8;
}

static void leave_utf8(locale_t utf8, locale_t before)
{
    if (!utf8)
        return;
    uselocale(before);
    freelocale(utf8);
}

unsigned ecam_screen_fit(char *out, size_t capacity, const char *text, unsigned columns)
{
    locale_t before, utf8 = enter_utf8(&before);
    unsigned shown = fit(out, capacity, text, columns);

    leave_utf8(utf8, before);
    return shown;
}

unsigned ecam_screen_width(const char *text)
{
    locale_t before, utf8 = enter_utf8(&before);
    unsigned columns = measure(text, strlen(text), UINT16_MAX);

    leave_utf8(utf8, before);
    return columns;
}
