"""Runs a training under a stage, and looks at what comes out: for scripts/test-integrations.

    integration.py EPOCHS COMMAND...

The program and the package are those of the environment that this runs in. Exit status 0: so
many evaluations came, complete, nothing lost, every sample with pictures, label and prediction.
"""
import os
import subprocess
import sys

from support.program import PATIENCE, Folder, Program

import eigencam

SAMPLES = 8
NAMES = set("zero one two three four five six seven eight nine".split())


def check(results):
    summary = results[-1]
    told = (summary.samples, summary.complete, summary.lost, summary.mode)
    assert told == (SAMPLES, True, 0, "eval"), summary.header
    counts = {kind: sum(r.type == kind for r in results)
              for kind in ("overlay", "map", "image", "sheet")}
    assert counts == {"overlay": 3 * SAMPLES, "map": 3 * SAMPLES, "image": SAMPLES, "sheet": 1}, \
        counts
    assert NAMES.issuperset(summary.labels + summary.preds), summary.header
    image = next(r.image for r in results if r.type == "overlay")
    assert isinstance(image, bytes) or image.std() > 1, "an overlay is of one colour"


def main():
    epochs, command = int(sys.argv[1]), sys.argv[2:]
    with Folder() as folder:
        trainers, loggers = f"ipc://{folder / 'in'}", f"ipc://{folder / 'out'}"
        with Program("stage", "--in", trainers, "--out", loggers) as stage, \
                eigencam.Subscriber(loggers) as subscriber:
            stage.wait_line("listens for trainers on")
            subscriber.next(PATIENCE)  # its counters: it knows us
            subprocess.run(command, env={**os.environ, "EIGENCAM_ENDPOINT": trainers},
                           stdin=subprocess.DEVNULL, check=True)
            for _ in range(epochs):
                results = []
                while not results or results[-1].type != "epoch":
                    results.append(subscriber.next(PATIENCE))
                    assert results[-1] is not None, "no more results come"
                    assert results[-1].type != "error", results[-1].message
                check([r for r in results if r.type != "stats"])
                print(results[-1], flush=True)


main()
