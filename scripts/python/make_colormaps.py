#!/usr/bin/env python3
"""Write src/cam/colormap_tables.c: make_colormaps.py > src/cam/colormap_tables.c

Jet is OpenCV's COLORMAP_JET as the golden cases hold it; turbo, viridis and
inferno come from matplotlib, rounded to bytes.
"""
import os

import numpy as np
from matplotlib import colormaps

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

HEADER = """\
/* Written by scripts/python/make_colormaps.py.
 *
 * Jet: OpenCV's COLORMAP_JET (Apache-2.0).
 * Turbo: Anton Mikhailov, Google (Apache-2.0), by way of matplotlib.
 * Viridis, inferno: Stefan van der Walt, Nathaniel Smith, Eric Firing (CC0),
 * by way of matplotlib. */
#include "cam/colormap_tables.h"

const uint8_t ecam_colormap_tables[ECAM_COLORMAP_COUNT][256][3] = {
"""


def tables():
    yield "JET", np.load(os.path.join(ROOT, "tests", "golden", "jet_lut.npy"))
    for name in ("turbo", "viridis", "inferno"):
        colours = np.asarray(colormaps[name].colors, dtype=np.float64)
        yield name.upper(), np.round(colours * 255).astype(np.uint8)
    yield "GRAY", np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)


def main():
    print(HEADER, end="")
    for name, table in tables():
        assert table.shape == (256, 3) and table.dtype == np.uint8, name
        print(f"    [ECAM_COLORMAP_{name}] = {{")
        for start in range(0, 256, 6):
            row = table[start:start + 6]
            print("        " + " ".join("{%d, %d, %d}," % tuple(rgb) for rgb in row))
        print("    },")
    print("};")


if __name__ == "__main__":
    main()
