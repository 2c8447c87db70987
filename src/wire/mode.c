#include "wire/mode.h"

#include <string.h>

const char *const ecam_mode_names[ECAM_MODE_COUNT] = {"train", "eval", "test", "infer"};

const char *ecam_mode_name(ecam_mode mode)
{
    return ecam_mode_names[mode];
}

bool ecam_mode_parse(const char *text, size_t length, ecam_mode *out)
{
    for (int i = 0; i < ECAM_MODE_COUNT; i++) {
        const char *name = ecam_mode_names[i];
        if (strlen(name) == length && memcmp(name, text, length) == 0) {
            *out = (ecam_mode)i;
            return true;
        }
    }
    return false;
}
