"""Drawing one overlay: the seed's way with NumPy and OpenCV, and libeigencam.

Both take a signed 7x7 map and an image, uint8 or float32, channels first (as
PyTorch trainers have it) or last, and return (H, W, 3) display bytes: positive part, bilinear resize, min-max, JET, added to
the image, divided by its maximum, shown by x * 255. Run as a program to print a
table: competitors_draw.py path/to/libeigencam.so
"""
import ctypes
import functools
import statistics
import sys
import time

import cv2
import numpy as np

INPUTS = 8    # each iteration draws another one
ROUNDS = 15   # of all inputs; the ways take turns


def make_inputs(size, dtype, layout, seed=0):
    """INPUTS pairs of image and map; smooth images with white highlights."""
    rng = np.random.default_rng(seed)
    for _ in range(INPUTS):
        coarse = rng.uniform(-40, 300, (size // 8, size // 8, 3)).astype(np.float32)
        image = np.clip(cv2.resize(coarse, (size, size)) + rng.normal(0, 4, (size, size, 3)), 0, 255)
        image = image.astype(np.uint8)
        if dtype == np.float32:
            image = image.astype(np.float32) / 255
        if layout == "CHW":
            image = image.transpose(2, 0, 1)
        yield np.ascontiguousarray(image), rng.normal(0, 1, (7, 7)).astype(np.float32)


def channels_last(image):
    return image.shape[0] != 3


def draw_numpy_opencv(image, projection):
    if not channels_last(image):
        image = image.transpose(1, 2, 0)
    height, width = image.shape[:2]
    mask = cv2.resize(np.maximum(projection, 0), (width, height))
    mask = mask - np.min(mask)
    peak = np.max(mask)
    if peak > 0:
        mask = mask / peak
    heat = cv2.applyColorMap(np.uint8(255 * mask), cv2.COLORMAP_JET)
    heat = np.float32(cv2.cvtColor(heat, cv2.COLOR_BGR2RGB)) / 255
    if image.dtype == np.uint8:
        image = np.float32(image) / 255
    overlay = heat + image
    overlay = overlay / np.max(overlay)
    low, high = np.min(overlay), np.max(overlay)
    if low < 0 or high > 1:
        raise ValueError("these inputs need only the first display rule")
    return np.uint8(overlay * 255)


class Image(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("is_float", ctypes.c_bool),
                ("channels_last", ctypes.c_bool), ("channels", ctypes.c_uint),
                ("h", ctypes.c_size_t), ("w", ctypes.c_size_t)]


class Style(ctypes.Structure):
    _fields_ = [("colormap", ctypes.c_int), ("add", ctypes.c_bool), ("weight", ctypes.c_float)]


JET_ADDED = Style(0, True, 0.0)


class Eigencam:
    """ecam_overlay_max, then ecam_overlay_draw with that divisor (cam.h), into
    memory that is reused, as a stage does."""

    def __init__(self, path):
        self.lib = ctypes.CDLL(path)
        self.workspace = ctypes.c_void_p()
        self.check(self.lib.ecam_workspace_create(ctypes.byref(self.workspace)))
        self.divisor = ctypes.c_float()
        self.rgb = np.empty(0, np.uint8)

    def check(self, status):
        if status != 0:
            raise RuntimeError(f"libeigencam gave status {status}")

    def prepare(self, image, projection):
        """A call without arguments, so that ctypes' conversions (longer than the
        drawing itself) are done beforehand. The result is overwritten by the next."""
        last = channels_last(image)
        height, width = image.shape[:2] if last else image.shape[1:]
        if self.rgb.shape != (height, width, 3):
            self.rgb = np.empty((height, width, 3), np.uint8)
        described = Image(image.ctypes.data, image.dtype == np.float32, last, 3, height, width)
        common = (self.workspace, ctypes.byref(described), ctypes.c_void_p(projection.ctypes.data),
                  ctypes.c_size_t(projection.shape[0]), ctypes.c_size_t(projection.shape[1]),
                  ctypes.byref(JET_ADDED))
        find, draw = self.lib.ecam_overlay_max, self.lib.ecam_overlay_draw
        divisor, found = self.divisor, ctypes.byref(self.divisor)
        rgb, target = self.rgb, ctypes.c_void_p(self.rgb.ctypes.data)

        def call():
            self.check(find(*common, found))
            self.check(draw(*common, divisor, target))
            return rgb
        return call


def check_equal(ours, theirs):
    """Where a value of the resized map lies on the edge between two levels, its
    last bit decides, and OpenCV's depends on how OpenCV was built."""
    apart = np.abs(ours.astype(int) - theirs.astype(int))
    share = np.mean(np.any(apart > 0, axis=2))
    if share > 0.005 or np.max(apart) > 8:
        raise ValueError(f"{share:.4%} of the pixels differ, by up to {np.max(apart)}")


def measure(ways):
    """Median microseconds of a picture, by way: ways are lists of calls, one for
    each input, and take turns."""
    times = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, calls in ways.items():
            start = time.perf_counter()
            for call in calls:
                call()
            times[name].append((time.perf_counter() - start) / len(calls) * 1e6)
    return {name: statistics.median(taken) for name, taken in times.items()}


def compare(library, size, dtype, layout):
    inputs = list(make_inputs(size, dtype, layout))
    eigencam = Eigencam(library)
    ways = {"numpy+opencv": [functools.partial(draw_numpy_opencv, *pair) for pair in inputs],
            "eigencam": [eigencam.prepare(*pair) for pair in inputs]}
    for theirs, ours in zip(*ways.values()):
        check_equal(ours(), theirs())
    return measure(ways)


def main():
    cv2.setNumThreads(1)
    print("drawing, microseconds a picture (median)")
    for size in (224, 1024):
        for dtype in (np.uint8, np.float32):
            for layout in ("CHW", "HWC"):
                taken = compare(sys.argv[1], size, dtype, layout)
                print(f"{size:5} {np.dtype(dtype).name:8} {layout}"
                      f" numpy+opencv {taken['numpy+opencv']:9.1f}"
                      f"  eigencam {taken['eigencam']:8.1f}"
                      f"  {taken['numpy+opencv'] / taken['eigencam']:5.1f} times faster")


if __name__ == "__main__":
    main()
