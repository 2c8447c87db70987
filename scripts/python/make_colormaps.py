#!/usr/bin/env python3
"""Write the colour tables, of the program and of the gallery's page:

    make_colormaps.py > src/cam/colormap_tables.c
    make_colormaps.py js > src/web/page/colormaps.js

Jet is OpenCV's COLORMAP_JET as the golden cases hold it; turbo, viridis and
inferno come from matplotlib, rounded to bytes.
"""
import os
import sys

import numpy as np
from matplotlib import colormaps

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

ABOUT = """\
/* Written by scripts/python/make_colormaps.py.
 *
 * Jet: OpenCV's COLORMAP_JET (Apache-2.0).
 * Turbo: Anton Mikhailov, Google (Apache-2.0), by way of matplotlib.
 * Viridis, inferno: Stefan van der Walt, Nathaniel Smith, Eric Firing (CC0),
 * by way of matplotlib. */
"""

C_BEGIN = """\
#include "cam/colormap_tables.h"

const uint8_t ecam_colormap_tables[ECAM_COLORMAP_COUNT][256][3] = {
"""


def tables():
    yield "JET", np.load(os.path.join(ROOT, "tests", "golden", "jet_lut.npy"))
    for name in ("turbo", "viridis", "inferno"):
        colours = np.asarray(colormaps[name].colors, dtype=np.float64)
        yield name.upper(), np.round(colours * 255).astype(np.uint8)
    yield "GRAY", np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)


def write_js():
    """Each table as hexadecimal digits, two a byte."""
    print(ABOUT, end="")
    print("export const TABLES = {")
    for name, table in tables():
        digits = table.tobytes().hex()
        print(f"    {name.lower()}:")
        lines = [digits[at:at + 84] for at in range(0, len(digits), 84)]
        print(" +\n".join(f'        "{line}"' for line in lines) + ",")
    print("};")


def write_c():
    print(ABOUT + C_BEGIN, end="")
    for name, table in tables():
        assert table.shape == (256, 3) and table.dtype == np.uint8, name
        print(f"    [ECAM_COLORMAP_{name}] = {{")
        for start in range(0, 256, 6):
            row = table[start:start + 6]
            print("        " + " ".join("{%d, %d, %d}," % tuple(rgb) for rgb in row))
        print("    },")
    print("};")


if __name__ == "__main__":
    write_js() if sys.argv[1:] == ["js"] else write_c()
