"""The PyTorch examples for real, with a stage: their pictures are those that `eigencam draw`
makes of the arrays they saved."""
import glob
import os
import subprocess
import sys

import numpy as np
from support import tap
from support.program import PATIENCE, Folder, run
from support.store import Store
from support.stream import Stage

import eigencam
from eigencam import native

EXAMPLES = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))), "scripts", "python", "examples")
CLASSES = "zero one two three four five six seven eight nine".split()
SAMPLES = 8


class Example:
    """One run of an example under a stage; its results by epoch, and its arrays."""

    def __init__(self, script, epochs, folder):
        self.saved = folder / "saved"
        os.makedirs(self.saved)
        with Stage() as stage, eigencam.Subscriber(stage.loggers) as subscriber:
            assert subscriber.next(PATIENCE).type == "stats"  # the stage knows this subscriber
            done = subprocess.run(
                [sys.executable, "-B", os.path.join(EXAMPLES, script), "--save", self.saved,
                 "--epochs", str(epochs)], capture_output=True, text=True, timeout=240,
                env={**os.environ, "EIGENCAM_ENDPOINT": stage.trainers})
            assert done.returncode == 0, done.stderr
            self.out, self.err = done.stdout, done.stderr
            self.epochs = [self._epoch(subscriber) for _ in range(epochs)]

    @staticmethod
    def _epoch(subscriber):
        results = []
        while not results or results[-1].type != "epoch":
            results.append(subscriber.next(PATIENCE))
            assert results[-1] is not None, "no more results come"
            assert results[-1].type != "error", results[-1].message
        return results

    def arrays(self, epoch):
        """Of all ranks, in the order step, index, rank."""
        parts = [(rank, np.load(f"{self.saved}/epoch-{epoch}-rank-{rank}.npz")) for rank in
                 range(len(glob.glob(f"{self.saved}/epoch-{epoch}-rank-*.npz")))]
        order = sorted((step, index, rank, at) for rank, part in parts
                       for at, (step, index) in enumerate(zip(part["step"], part["index"])))
        return {key: np.stack([parts[rank][1][key][at] for _, _, rank, at in order[:SAMPLES]])
                for key in ("images", "activations", "labels", "preds")}


def published(results):
    return {(r.type, r.sample, r.component) if r.type in ("overlay", "map", "image")
            else (r.type, r.page, None): r.png
            for r in results if r.png is not None and r.type != "stats"}


def drawn(arrays, epoch, run_name, folder):
    for key, array in arrays.items():
        np.save(folder / f"{key}.npy", array)
    out = folder / f"drawn-{epoch}"
    status, _, err = run("draw", *[part for key in arrays for part in
                                   (f"--{key}", folder / f"{key}.npy")],
                         "--dir", out, "--run", run_name, "--epoch", epoch, "--mode", "eval",
                         "--n-samples", SAMPLES, "--label-mapping",
                         ",".join(f"{name}={i}" for i, name in enumerate(CLASSES)))
    assert status == 0, err
    pictures, store = {}, Store(out)
    for kind in ("overlay", "map", "image", "sheet"):
        for row in store.pictures(store.epochs()[0]["id"], kind):
            with open(row["path"], "rb") as file:
                component = row["component"] if kind in ("overlay", "map") else None
                pictures[kind, row["number"], component] = file.read()
    return pictures


def check_epoch(example, epoch, folder, ranks=1):
    results = example.epochs[epoch - 1]
    summary = results[-1]
    assert (summary.epoch, summary.mode, summary.samples, summary.complete, summary.lost) == \
        (epoch, "eval", SAMPLES, True, 0), summary.header
    ours, theirs = published(results), drawn(example.arrays(epoch), epoch, summary.run, folder)
    assert len(ours) == SAMPLES * 7 + 1 and ours.keys() == theirs.keys(), \
        ours.keys() ^ theirs.keys()
    # A sheet's captions name the ranks where there are several; draw knows of none.
    different = [key for key in ours if ours[key] != theirs[key]
                 and not (ranks > 1 and key[0] == "sheet")]
    assert not different, f"{len(different)} pictures differ, for example {different[0]}"
    labels = example.arrays(epoch)["labels"]
    assert summary.labels == [CLASSES[label] for label in labels], summary.labels


def check_warnings(err):
    """None, but for the missing library's where it can't be loaded (a sanitizer's)."""
    assert "RuntimeWarning" not in err or not native.load(), err


@tap.case
def one_process_gives_the_pictures_of_draw():
    with Folder() as folder:
        example = Example("pytorch_single.py", 2, folder)
        for epoch in (1, 2):
            check_epoch(example, epoch, folder)
        assert example.epochs[0][-1].run.startswith("pytorch_single-")
        check_warnings(example.err)


@tap.case
def two_processes_make_one_epoch_together():
    with Folder() as folder:
        example = Example("pytorch_ddp.py", 2, folder)
        for epoch in (1, 2):
            check_epoch(example, epoch, folder, ranks=2)
            images = [r for r in example.epochs[epoch - 1] if r.type == "image"]
            assert [r.rank for r in images] == [0, 1] * (SAMPLES // 2), images
        assert len({results[-1].run for results in example.epochs}) == 1


@tap.case
def watching_adds_one_line_and_three_with_captions():
    with open(os.path.join(EXAMPLES, "pytorch_single.py"), encoding="utf-8") as file:
        added = [line for line in file if "#+" in line and "marked" not in line]
    assert len(added) == 3 and sum("caption" in line for line in added) == 2, added


@tap.case
def without_a_stage_an_example_runs_all_the_same():
    with Folder() as folder:
        done = subprocess.run(
            [sys.executable, "-B", os.path.join(EXAMPLES, "pytorch_single.py"), "--epochs", "1"],
            capture_output=True, text=True, timeout=240,
            env={**os.environ, "EIGENCAM_ENDPOINT": f"ipc://{folder / 'nobody'}"})
    assert done.returncode == 0 and "right" in done.stdout, done.stderr
    check_warnings(done.stderr)


tap.main()
