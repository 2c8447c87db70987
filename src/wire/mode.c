#include "wire/mode.h"

#include <string.h>

static const char *const names[ECAM_MODE_COUNT] = {"train", "eval", "test", "infer"};

const char *ecam_mode_name(ecam_mode mode)
{
    return names[mode];
}

bool ecam_mode_parse(const char *text, size_t length, ecam_mode *out)
{
    for (int i = 0; i < ECAM_MODE_COUNT; i++) {
        if (strlen(names[i]) == length && memcmp(names[i], text, length) == 0) {
            *out = (ecam_mode)i;
            return true;
        }
    }
    return false;
}
