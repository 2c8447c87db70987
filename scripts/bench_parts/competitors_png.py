#!/usr/bin/env python3
"""PNG encoders that Python programs use, on the pictures of bench_png.

    competitors_png.py [SECONDS_PER_PICTURE]

Prints MB/s of raw pixels (median), microseconds and bytes, in the same columns
as tests/bench/bench_png; what is not installed is left out.
"""

import io
import statistics
import sys
import time
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).resolve().parents[2] / "tests" / "golden"


def tile(pictures, height, width):
    """Pictures of one size as tiles from the left top on, as bench_png does."""
    n, h, w, _ = pictures.shape
    out = np.empty((height, width, 3), np.uint8)
    for y in range(0, height, h):
        for x in range(0, width, w):
            part = pictures[(y // h * 7 + x // w) % n]
            out[y : y + h, x : x + w] = part[: height - y, : width - x]
    return out


def load_pictures():
    overlays = np.load(GOLDEN / "resnet_photos" / "expected_display_layer4.npy")[:, 0]
    photos = np.load(GOLDEN / "resnet_photos" / "images.npy")
    digits = np.load(GOLDEN / "digits_cnn" / "expected_display_conv3.npy")
    pictures = {f"overlay {i}, 224x224": o for i, o in enumerate(overlays)}
    pictures["photo, 224x224"] = np.ascontiguousarray(photos[0].transpose(1, 2, 0))
    pictures["overlays, 1024x1024"] = tile(overlays, 1024, 1024)
    sheet = tile(overlays, 1400, 1280)
    sheet[:, :300] = 255
    sheet[:, np.arange(1280) % 240 < 16] = 255
    sheet[np.arange(1400) % 270 < 46] = 255
    pictures["sheet, 1280x1400"] = sheet
    pictures["digit's overlay, 32x32"] = np.ascontiguousarray(digits[0, 0])
    return pictures


def load_encoders():
    encoders = {}
    try:
        import cv2

        cv2.setNumThreads(1)
        encoders["cv2.imencode, default"] = lambda p: len(cv2.imencode(".png", p)[1])
        fastest = [cv2.IMWRITE_PNG_COMPRESSION, 0]
        encoders["cv2.imencode, not compressed"] = lambda p: len(cv2.imencode(".png", p, fastest)[1])
    except ImportError:
        pass
    try:
        from PIL import Image

        def by_pillow(picture, **options):
            out = io.BytesIO()
            Image.fromarray(picture).save(out, "PNG", **options)
            return out.tell()

        encoders["Pillow, default"] = by_pillow
        encoders["Pillow, level 1"] = lambda p: by_pillow(p, compress_level=1)
    except ImportError:
        pass
    return encoders


def compare(name, picture, encoders, seconds):
    times = {encoder: [] for encoder in encoders}
    sizes = {}
    start = time.perf_counter()
    runs = 0
    while runs < 3 or time.perf_counter() - start < seconds:
        for encoder, encode in encoders.items():
            before = time.perf_counter()
            sizes[encoder] = encode(picture)
            times[encoder].append(time.perf_counter() - before)
        runs += 1
    print(f"\n{name} ({runs} runs)")
    for encoder in encoders:
        median = statistics.median(times[encoder])
        print(
            f"  {encoder:38} {picture.nbytes / median * 1e-6:8.1f} MB/s "
            f"{median * 1e6:8.1f} us {sizes[encoder]:9} bytes"
        )


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    encoders = load_encoders()
    for name, picture in load_pictures().items():
        compare(name, picture, encoders, seconds)


if __name__ == "__main__":
    main()
