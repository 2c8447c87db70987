#include "stage/asked.h"

/* Real loggers have a few; a prefix of more bytes than our topics have is not
 * one of theirs. */
#define MOST_PREFIXES 256
#define LONGEST_TOPIC ((size_t)1024)

void ecam_asked_add(ecam_asked *asked, const void *prefix, size_t bytes)
{
    if (asked->all || bytes > LONGEST_TOPIC)
        return;
    if (bytes == 0 || asked->prefixes.count == MOST_PREFIXES ||
        ecam_table_put(&asked->prefixes, prefix, bytes, asked) != ECAM_OK)
        asked->all = true;
}

bool ecam_asked_for(const ecam_asked *asked, const void *topic, size_t bytes)
{
    if (asked->all || bytes > LONGEST_TOPIC)
        return true;
    if (asked->prefixes.count == 0)
        return false;
    for (size_t n = 1; n <= bytes; n++)
        if (ecam_table_get(&asked->prefixes, topic, n))
            return true;
    return false;
}

void ecam_asked_finish(ecam_asked *asked)
{
    ecam_table_finish(&asked->prefixes, NULL);
    asked->all = false;
}
