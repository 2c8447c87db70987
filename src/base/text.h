/* Small strings: UTF-8 checks, and formatting that cannot fail. */
#ifndef ECAM_BASE_TEXT_H
#define ECAM_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Whether `text` is UTF-8 (no overlong forms, no surrogates). */
bool ecam_text_is_utf8(const char *text, size_t length);

/* Whether it is 1..max_bytes of UTF-8 without control characters (below 0x20,
 * 0x7f) and without any of the ASCII characters in `banned`. */
bool ecam_text_is_name(const char *text, size_t length, size_t max_bytes,
                       const char *banned);

/* Copy with every invalid byte and every NUL as U+FFFD and control characters
 * as spaces; always terminated, cut at a character boundary. Returns `out`. */
char *ecam_text_clean(char *out, size_t capacity, const char *text, size_t length);

#endif
