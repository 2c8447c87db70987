"""The bridges as processes, and what the stage published to compare a tracker with."""
import atexit
import glob
import sqlite3
import sys

from support.program import Program
from support.stream import Trainer, sample_data

SINGULAR = {"overlays": "overlay", "maps": "map", "images": "image", "sheets": "sheet"}


class Bridge(Program):
    """`python -m eigencam.bridge TRACKER`, connected to a stage."""

    command = ["python", "-m", "eigencam.bridge"]

    def __init__(self, tracker, loggers, state, *options):
        self.command = [sys.executable, "-B", "-m", "eigencam.bridge"]
        self.state = state
        super().__init__(tracker, "--in", loggers, "--state", state, *options)
        atexit.register(self.kill)  # where a case fails

    def wait_connected(self):
        self.wait_line("a stage answers")
        return self

    def wait_logged(self, epoch, run="run"):
        self.wait_line(rf"{run} \S+ \S+ epoch {epoch}: \d+ pictures logged")

    def spooled(self):
        """How many results came: those that wait, and those that are done."""
        path, = glob.glob(f"{glob.escape(self.state)}/bridge-*.sqlite")
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return db.execute("SELECT (SELECT count(*) FROM queue) + "
                              "(SELECT count(*) FROM done)").fetchone()[0]
        finally:
            db.close()


def publish(stage, logger, epoch, run="run", n=2, seed=None):
    """An epoch, and what the stage made of it: an Epoch of support.stream."""
    with Trainer(stage, run) as trainer:
        trainer.hello(label_mapping={"cat": 0, "dog": 1})
        data = sample_data(n, seed=epoch if seed is None else seed,
                           labels=[i % 2 for i in range(n)], preds=[0] * n)
        trainer.batch(data, epoch=epoch)
        trainer.epoch_end(epoch)
        published, = logger.wait_epochs(1, run)
    return published


def pictures(epoch):
    """{(type, sample and component, or page): the very bytes}"""
    return {(SINGULAR[kinds], *(key if isinstance(key, tuple) else (key,))): png
            for (kinds, key), png in epoch.bytes().items()}


def place(key, between):
    """The last part of a tracker's key for one of pictures()'s keys."""
    kind, *numbers = key
    letters = "p" if kind == "sheet" else "sc"
    shown = [f"{letter}{number}" for letter, number in zip(letters, numbers)]
    return between.join([kind] + ([] if kind == "sheet" and numbers == [0] else shown))


def shares(epoch):
    """The mean of the explained variance over the samples, by component."""
    by_component = {}
    for (_, component), picture in epoch.overlays.items():
        by_component.setdefault(component, []).append(picture.header["explained"])
    return {component: sum(all) / len(all) for component, all in by_component.items()}
