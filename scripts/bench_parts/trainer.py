"""What a call of the Python package costs a training: medians, in seconds.

    trainer.py BUILD    prints a table; BUILD is a folder that meson built

python_calls(build) gives the same figures as a dictionary, for scripts/bench.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
CALLS = 4000
SHAPES = {"images": (5, 224, 224, 3), "activations": (5, 2048, 7, 7)}
TARGETS = {"nothing wanted": 5e-6, "no stage": 5e-6}


def median(call, calls=CALLS):
    for i in range(calls // 10):
        call(i)
    times = []
    for i in range(calls):
        start = time.perf_counter()
        call(i)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def arrays():
    rng = np.random.default_rng(1)
    return {"images": rng.integers(0, 256, SHAPES["images"], dtype=np.uint8),
            "activations": rng.random(SHAPES["activations"], dtype=np.float32)}


class Stage:
    """A real one, for a run that wants 5 samples of each evaluation."""

    def __init__(self, build, folder):
        self.endpoint = f"ipc://{folder}/in"
        self.process = subprocess.Popen(
            [str(build / "src" / "eigencam"), "stage", "--in", self.endpoint, "--out",
             f"ipc://{folder}/out"], stderr=subprocess.PIPE, text=True)
        while "listens for trainers" not in self.process.stderr.readline():
            if self.process.poll() is not None:
                raise RuntimeError("the stage ended before it was ready")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate()


def publish_calls(eigencam, endpoint, library, data):
    """A stage that wants 5 samples an epoch: with them, and after them."""
    with eigencam.Publisher(endpoint, run=f"bench-{library}", library=library) as publisher:
        publisher.batch("eval", 0, 0, data)
        publisher.wait(10)
        deadline = time.monotonic() + 10
        while publisher.wants("eval", 1) != 5 and time.monotonic() < deadline:
            time.sleep(0.01)
        before = publisher.stats
        wanted = median(lambda i: publisher.batch("eval", 1 + i, 0, data), 100)
        kept = publisher.stats.dropped == before.dropped
        nothing = median(lambda i: publisher.batch("train", 1, i, data))
        asked = median(lambda i: publisher.wants("train", 1))
    # A queue that is full takes no time: nothing to compare with.
    return {**({"5 samples wanted": wanted} if kept else {}), "nothing wanted": nothing,
            "wants()": asked}


def without_a_stage(eigencam, folder, library, data):
    with eigencam.Publisher(f"ipc://{folder}/nobody", run="bench", library=library) as publisher:
        return {"no stage": median(lambda i: publisher.batch("eval", 1, i, data))}


def hook_calls(eigencam, endpoint):
    """What watch() adds to a forward of which nothing is wanted."""
    import torch
    model, x = torch.nn.Sequential(torch.nn.Identity()).train(), torch.zeros(1, 3, 4, 4)
    plain = median(lambda i: model(x))
    with eigencam.watch(model, "0", endpoint=endpoint, run="hooks"):
        return {"nothing wanted": median(lambda i: model(x)) - plain}


def python_calls(build):
    """{"C library": {"nothing wanted": seconds, ...}, "Python alone": ..., "watch()": ...}"""
    build = Path(build).resolve()
    os.environ["EIGENCAM_LIBRARY"] = str(build / "src" / "libeigencam-client.so.0")
    sys.path.insert(0, str(ROOT / "scripts" / "python"))
    import eigencam
    data, figures = arrays(), {}
    with tempfile.TemporaryDirectory() as folder, Stage(build, folder) as stage:
        for name, library in (("C library", "c"), ("Python alone", "python")):
            figures[name] = {**publish_calls(eigencam, stage.endpoint, library, data),
                             **without_a_stage(eigencam, folder, library, data)}
        figures["watch(), a forward"] = hook_calls(eigencam, stage.endpoint)
    return figures


def main():
    for name, figures in python_calls(sys.argv[1]).items():
        for what, seconds in figures.items():
            target = TARGETS.get(what) if name == "C library" else None
            said = f"   (target {1e6 * target:g})" if target else ""
            print(f"{name:20} {what:18} {1e6 * seconds:9.2f} us{said}")


if __name__ == "__main__":
    main()
