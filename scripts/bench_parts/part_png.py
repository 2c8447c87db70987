"""Encoding pictures as PNG files."""
import cv2
import numpy as np

import competitors
from harness import GOLDEN, Target, Way, case, find, photos, ratio, take_turns
from library import Encoder, Floor, load_shim
from part_drawing import make_pairs

TITLE = "PNG encoding of RGB pictures; bytes relative to libpng's defaults"
SECONDS = 1.5


def tiles(pictures, height, width):
    """Pictures of one size side by side, from the left top on."""
    h, w = pictures[0].shape[:2]
    out = np.empty((height, width, 3), np.uint8)
    for y in range(0, height, h):
        for x in range(0, width, w):
            part = out[y:y + h, x:x + w]
            part[...] = pictures[(y // h * 7 + x // w) % len(pictures)][:part.shape[0], :part.shape[1]]
    return out


def as_sheet(overlays):
    """Overlays in the white margins of a sheet."""
    sheet = tiles(overlays, 1400, 1280)
    sheet[:, :300] = 255
    sheet[:, np.arange(1280) % 240 < 16] = 255
    sheet[np.arange(1400) % 270 < 46] = 255
    return sheet


def load_pictures(large):
    """large: how many of the large ones, which take libpng a third of a second."""
    overlays = [competitors.draw_numpy_opencv(*pair) for pair in make_pairs(224)]
    digits = np.load(GOLDEN / "digits_cnn" / "expected_display_conv3.npy")
    digits = [np.ascontiguousarray(d) for d in digits.reshape(-1, *digits.shape[2:])]
    return {"overlays of photos, 224x224": overlays,
            "photos, 224x224": [np.ascontiguousarray(p) for p in photos(20)],
            "overlays of photos, 1024x1024": [tiles(overlays[i:] + overlays[:i], 1024, 1024)
                                              for i in range(large)],
            "sheets, 1280x1400": [as_sheet(overlays[i:] + overlays[:i]) for i in range(large)],
            "overlays of digits, 32x32": digits}


def make_ways(setting, pictures):
    ways = [Way(name, lambda key=key: Encoder(setting, key, pictures), spread=True)
            for name, key in (("eigencam", "eigencam"), ("libpng, defaults", "libpng"),
                              ("spng, defaults", "spng"))
            if key != "spng" or load_shim(setting).shim_spng_version()]
    for name, encode in (("cv2.imencode", competitors.png_cv2), ("Pillow", competitors.png_pillow)):
        ways.append(Way(name, lambda encode=encode: lambda i: encode(pictures[i]), spread=True))
    return ways


def compare(ways, pictures):
    """Every file is decoded and compared; cv2 takes and gives blue first."""
    for way in ways:
        encode, way.bytes = way.make(), 0
        for i, picture in enumerate(pictures):
            png = np.frombuffer(encode(i), np.uint8)
            way.bytes += len(png)
            decoded = cv2.imdecode(png, cv2.IMREAD_UNCHANGED)
            expected = picture if way.name == "cv2.imencode" else picture[..., ::-1]
            if not np.array_equal(decoded, expected):
                raise ValueError(f"{way.name}: picture {i} is decoded to other pixels")


def measure(setting):
    floor, cases = Floor(setting), []
    for name, pictures in load_pictures(max(2, setting.threads)).items():
        ways = make_ways(setting, pictures)
        compare(ways, pictures)
        results = take_turns(ways, len(pictures), SECONDS, setting)
        raw = pictures[0].nbytes
        limit = floor.read_us(raw, raw * len(pictures)) / setting.threads / 1e6
        cases.append(case(name, results, floor=limit, raw_bytes=raw))
    return cases


def bytes_of(one_case, way):
    return next(r["bytes"] for r in one_case["results"] if r["way"] == way)


def targets(cases):
    overlays = find(cases, "overlays of photos, 224x224")
    size = bytes_of(overlays, "eigencam") / bytes_of(overlays, "libpng, defaults")
    return [Target("PNG of 224x224 overlays against libpng's defaults",
                   ratio(overlays, "libpng, defaults"), 80),
            Target("PNG of 224x224 overlays against cv2.imencode", ratio(overlays, "cv2.imencode"), 12),
            Target("PNG of 224x224 overlays, bytes relative to libpng's defaults", size, 1.03,
                   unit="of the bytes", at_most=True)]
