#include "wire/topic.h"

#include <string.h>

#include "base/text.h"

#define SHOWN_BYTES 72

ecam_status ecam_topic_write(const ecam_topic_part *parts, size_t n, ecam_buffer *out)
{
    ecam_status st = ECAM_OK;

    ecam_buffer_clear(out);
    for (size_t i = 0; st == ECAM_OK && i < n; i++) {
        st = ecam_buffer_append(out, parts[i].text, strlen(parts[i].text));
        if (st == ECAM_OK)
            st = ecam_buffer_append(out, "|", 1);
    }
    return st;
}

void ecam_topic_check(ecam_reader *r, const ecam_frame *topic, const ecam_topic_part *parts,
                      size_t n)
{
    const char *at = topic->data;
    size_t left = topic->size;
    char shown[SHOWN_BYTES];

    for (size_t i = 0; i < n; i++) {
        const char *bar = left ? memchr(at, '|', left) : NULL;
        if (!bar) {
            ecam_reader_fail(r, "topic", ECAM_EINVAL, "topic \"%s\" has no \"|\" after its %s",
                             ecam_text_clean(shown, sizeof shown, topic->data, topic->size),
                             parts[i].what);
            return;
        }
        size_t length = (size_t)(bar - at);
        if (length != strlen(parts[i].text) || memcmp(at, parts[i].text, length) != 0) {
            ecam_reader_fail(r, parts[i].what, ECAM_EINVAL,
                             "topic says %s \"%s\", header says \"%s\"; expected the same",
                             parts[i].what, ecam_text_clean(shown, sizeof shown, at, length),
                             parts[i].text);
            return;
        }
        left -= length + 1;
        at = bar + 1;
    }
    if (left != 0)
        ecam_reader_fail(r, "topic", ECAM_EINVAL,
                         "topic \"%s\" goes on after its %s; expected no more",
                         ecam_text_clean(shown, sizeof shown, topic->data, topic->size),
                         parts[n - 1].what);
}
