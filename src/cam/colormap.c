#include <string.h>

#include "cam/colormap_tables.h"

static const char *const names[ECAM_COLORMAP_COUNT] = {
    [ECAM_COLORMAP_JET] = "jet",         [ECAM_COLORMAP_TURBO] = "turbo",
    [ECAM_COLORMAP_VIRIDIS] = "viridis", [ECAM_COLORMAP_INFERNO] = "inferno",
    [ECAM_COLORMAP_GRAY] = "gray",
};

const char *ecam_colormap_name(ecam_colormap map)
{
    return names[map];
}

ecam_status ecam_colormap_parse(const char *name, ecam_colormap *out)
{
    for (size_t i = 0; i < ECAM_COLORMAP_COUNT; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (ecam_colormap)i;
            return ECAM_OK;
        }
    }
    return ECAM_EINVAL;
}

const uint8_t (*ecam_colormap_table(ecam_colormap map))[3]
{
    return ecam_colormap_tables[map];
}
