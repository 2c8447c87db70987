#!/usr/bin/env python3
"""Fill a store with made-up epochs, as `eigencam log` stores them from a stage.

    EIGENCAM=build/src/eigencam tests/support/make_store.py DIR [--epochs 1000] [--samples 5]
        [--components 3] [--side 224]

For measuring what reads a store. The pictures are few and used again and again,
so that they are made quickly; every file and every row is there.
"""
import argparse
import os
import sys

import cv2
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support.program import Folder, Program  # noqa: E402
from support.stream import FakeStage  # noqa: E402

VARIANTS = 8
CLASSES = "cat dog horse ship truck".split()


def png(pixels):
    return cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()


class Pictures:
    """Images, maps with a peak that wanders, and overlays to go with them."""

    def __init__(self, samples, components, side, map_side=7):
        rng = np.random.default_rng(1)
        steps = cv2.resize(rng.integers(0, 16, (samples, 7, 7)).astype(np.float32).transpose(1, 2, 0),
                           (side, side), interpolation=cv2.INTER_NEAREST).reshape(side, side, samples)
        grey = [(steps[..., n] * 16).astype(np.uint8) for n in range(samples)]
        self.images = [png(cv2.cvtColor(one, cv2.COLOR_GRAY2BGR)) for one in grey]
        self.maps, self.overlays = {}, {}
        for variant in range(VARIANTS):
            for component in range(components):
                heat = self.blob(map_side, variant, component)
                self.maps[variant, component] = png((heat * 65535).astype(np.uint16))
                levels = (cv2.resize(heat, (side, side)) * 31).astype(np.uint8) * 8
                colours = cv2.applyColorMap(levels, cv2.COLORMAP_JET) // 2
                for n in range(samples):
                    self.overlays[variant, component, n] = png(colours + grey[n][..., None] // 2)

    @staticmethod
    def blob(side, variant, component):
        angle = 2 * np.pi * (variant / VARIANTS + component / 3)
        at = np.arange(side) / (side - 1) * 2 - 1
        x, y = at - 0.6 * np.cos(angle), at[:, None] - 0.6 * np.sin(angle)
        heat = np.exp(-3 * (x * x + y * y)).astype(np.float32)
        return (heat - heat.min()) / (heat.max() - heat.min())


def publish(stage, pictures, epoch, run="long", samples=5, components=3, side=224):
    """One epoch of `run`: its pictures, then its summary."""
    common = {"run": run, "output": "eigencam", "mode": "eval", "epoch": epoch, "attempt": 1}
    variant, rest = epoch % VARIANTS, f"|{run}|eigencam|eval|"
    for n in range(samples):
        sample = {**common, "sample": n, "ds_id": "", "rank": 0, "step": 0, "index": n,
                  "label": CLASSES[n % 5], "pred": CLASSES[(n + (epoch + n) % 7 // 6) % 5],
                  "encoding": "png", "frame": 2, "width": side, "height": side}
        stage.send("image", "image" + rest, sample, pictures.images[n])
        for component in range(components):
            part = {**sample, "component": component, "components": components,
                    "explained": (0.5 + 0.1 * np.sin(epoch / 50 + n)) / (component + 1), "singular": 9.0,
                    "divisor": 2.0}
            stage.send("overlay", "overlay" + rest, part, pictures.overlays[variant, component, n])
            stage.send("map", "map" + rest, {**part, "lo": 0.0, "hi": 1.0, "width": 7, "height": 7},
                       pictures.maps[variant, component])
    stage.summary(run, "eigencam", epoch=epoch, samples=samples, components=components,
                  published={"image": samples, "overlay": samples * components, "map": samples * components})


def fill(folder, epochs=1000, samples=5, components=3, side=224):
    """Returns once the logger has stored them all, and has ended."""
    pictures = Pictures(samples, components, side)
    with Folder() as place:
        stage = FakeStage(place)
        log = Program("log", "--in", stage.loggers, "--dir", folder, "--epochs", epochs)
        stage.wait_subscriber()
        for epoch in range(1, epochs + 1):
            publish(stage, pictures, epoch, samples=samples, components=components, side=side)
        status = log.wait()
        stage.close()
    assert status == 0, log.said()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", metavar="DIR")
    for name, default in (("epochs", 1000), ("samples", 5), ("components", 3), ("side", 224)):
        parser.add_argument(f"--{name}", type=int, default=default)
    fill(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
