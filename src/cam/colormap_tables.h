#ifndef ECAM_CAM_COLORMAP_TABLES_H
#define ECAM_CAM_COLORMAP_TABLES_H

#include "eigencam/cam.h"

/* By map and level: red, green, blue. */
extern const uint8_t ecam_colormap_tables[ECAM_COLORMAP_COUNT][256][3];

#endif
