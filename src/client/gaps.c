#include "client/gaps.h"

/* Places that a topic may take, side by side. */
#define WAYS 8

/* FNV-1a, 64 bits, of the stage as one piece and then of the topic's bytes.
 * Two topics with one hash would at worst miscount. */
static uint64_t hash_of(uint64_t stage, const void *topic, size_t topic_bytes)
{
    const uint64_t prime = 0x100000001b3u;
    const unsigned char *bytes = topic;
    uint64_t hash = (0xcbf29ce484222325u ^ stage) * prime;

    for (size_t i = 0; i < topic_bytes; i++)
        hash = (hash ^ bytes[i]) * prime;
    hash ^= hash >> 32;
    return hash ? hash : 1;
}

void ecam_gaps_note(ecam_gaps *gaps, uint64_t stage, const void *topic, size_t topic_bytes,
                    uint64_t seq)
{
    uint64_t hash = hash_of(stage, topic, topic_bytes);
    size_t first = hash % (ECAM_GAPS_SLOTS / WAYS) * WAYS, oldest = first;

    gaps->clock++;
    for (size_t i = first; i < first + WAYS; i++) {
        if (gaps->slots[i].hash == hash) {
            if (seq >= gaps->slots[i].next) {
                gaps->lost += seq - gaps->slots[i].next;
                gaps->slots[i].next = seq + 1;
            }
            gaps->slots[i].seen = gaps->clock;
            return;
        }
        if (gaps->slots[i].seen < gaps->slots[oldest].seen)
            oldest = i;
    }
    gaps->slots[oldest].hash = hash;
    gaps->slots[oldest].next = seq + 1;
    gaps->slots[oldest].seen = gaps->clock;
}
