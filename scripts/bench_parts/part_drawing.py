"""Drawing one overlay: from a signed 7x7 map and an image to display bytes."""
import numpy as np

import competitors
from harness import GOLDEN, Target, Way, case, find, photos, ratio, take_turns
from library import Floor, Painter

TITLE = ("Drawing an overlay (7x7 map resized, min-max, JET, added to the image, divided by its "
         "maximum, as bytes)")
# What trainers with PyTorch have in hand: bytes, or floats normalised as for
# ImageNet; then the other layout.
CASES = [("224x224, uint8 CHW", 224, "uint8", False), ("224x224, float32 CHW", 224, "float32", False),
         ("224x224, uint8 HWC", 224, "uint8", True), ("224x224, float32 HWC", 224, "float32", True),
         ("1024x1024, uint8 CHW", 1024, "uint8", False),
         ("1024x1024, float32 CHW", 1024, "float32", False)]
TARGETS = CASES[:2]
INPUTS = {224: 30, 1024: 6}
SECONDS = 1.0
MEAN, DEVIATION = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])


def make_image(photo, dtype, channels_last):
    image = photo if dtype == "uint8" else (np.float32(photo) / 255 - MEAN) / DEVIATION
    return np.ascontiguousarray(image if channels_last else image.transpose(2, 0, 1))


def make_pairs(size, dtype="uint8", channels_last=True):
    maps = np.load(GOLDEN / "resnet_photos" / "expected_projection_layer4.npy")
    maps = maps.reshape(-1, *maps.shape[2:])
    maps = np.concatenate([maps, -maps])
    return [(make_image(photo, dtype, channels_last), np.ascontiguousarray(maps[i % len(maps)]))
            for i, photo in enumerate(photos(INPUTS[size], size))]


def compare(paint, pairs):
    """Where a value of the resized map lies on the edge between two levels, its
    last bit decides, and OpenCV's depends on how OpenCV was built."""
    for i, (image, projection) in enumerate(pairs):
        theirs = competitors.draw_numpy_opencv(image, projection)
        apart = np.abs(paint(i).astype(int) - theirs.astype(int)).max(axis=2)
        share = np.mean(apart > 0)
        if share > 0.005 or apart.max() > 8:
            raise ValueError(f"picture {i}: {share:.4%} of the pixels differ, by up to {apart.max()}")


def measure_case(setting, floor, name, *kind):
    pairs = make_pairs(*kind)
    compare(Painter(setting, pairs), pairs)
    ways = [Way("eigencam", lambda: Painter(setting, pairs), spread=True),
            Way("NumPy and OpenCV", lambda: lambda i: competitors.draw_numpy_opencv(*pairs[i]),
                spread=True)]
    results = take_turns(ways, len(pairs), SECONDS, setting)
    image = pairs[0][0]
    limit = floor.read_us(image.nbytes, image.nbytes * len(pairs)) + image.size / floor.copy_gbs / 1e3
    return case(name, results, floor=limit / setting.threads / 1e6)


def measure(setting):
    floor = Floor(setting)
    return [measure_case(setting, floor, *one) for one in CASES]


def targets(cases):
    return [Target(f"drawing {name} against NumPy and OpenCV",
                   ratio(find(cases, name), "NumPy and OpenCV"), 15) for name, *_ in TARGETS]
