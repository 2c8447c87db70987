"""What publishing costs the training process: time inside a call, and what the ring carries."""
import subprocess
import time

import numpy as np

import competitors
from harness import Target, case, features, find, photos, seconds_of
from trainer import python_calls

TITLE = "Inside a publish call: 5 samples, 224x224x3 uint8 images and float32 activations"
K, SAMPLES = 3, 5
SHAPES = {"2048x7x7": (2048, 7, 7), "256x56x56": (256, 56, 56)}
SEED = "the seed, at the epoch's end"
COPY, IPC, SMALL, PYTHON = "memcpy", "ZeroMQ ipc", "ring of 16 MB", "from Python"
STOPPED, FULL, NOBODY, RECORD = ("stage stopped, 99th percentile", "nothing more wanted", "no stage",
                                 "a record of 1 MB")


def run_program(setting):
    """{case: {way: {"seconds", "least"}}}, of tests/bench/bench_trainer.c."""
    done = subprocess.run([setting.built("tests/bench/bench_trainer")], stdout=subprocess.PIPE,
                          text=True, check=False)
    found = {}
    for line in done.stdout.splitlines():
        if line.startswith("# "):
            name, way, median, least = line[2:].split(" | ")
            found.setdefault(name, {})[way] = {"seconds": float(median) / 1e9, "least": float(least) / 1e9}
    if RECORD not in found:
        raise RuntimeError(f"bench_trainer ended early: {done.stdout[-500:]}")
    return found


def time_seed(shape):
    """All of an epoch's pictures in the training process, once."""
    rng = np.random.default_rng(7)
    images, activations = np.stack(photos(SAMPLES)), [features(shape, rng) for _ in range(SAMPLES)]
    start = time.perf_counter()
    competitors.seed_overlays(images, activations, K)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "least": seconds}


def call_python(build):
    """The package's calls in a Python of their own, whose environment is not limited."""
    return python_calls(build)["C library"]


def measure(setting):
    if not setting.one_thread:
        return []
    found = run_program(setting)
    for name, shape in SHAPES.items():
        found[name][SEED] = time_seed(shape)
    calls = call_python(setting.build)
    for name, said in ((FULL, "nothing wanted"), (NOBODY, "no stage")):
        found[name][PYTHON] = {"seconds": calls[said], "least": calls[said]}
    cases = []
    for name, ways in found.items():
        results = [{"way": way, "runs": 1, **figures} for way, figures in ways.items()]
        cases.append(case(name, results))
    rates = ", ".join(f"{way} {2**20 / figures['seconds'] / 1e9:.1f}"
                      for way, figures in found[RECORD].items())
    find(cases, RECORD)["note"] = f"GB/s (eigencam: a ring of 64 MB, written and copied out again): {rates}"
    return cases


def targets(cases):
    own = {c["case"]: seconds_of(c, "eigencam") for c in cases}
    found = [Target(f"publishing {name} over a memcpy of the same bytes",
                    own[name] / seconds_of(find(cases, name), COPY), 1.3, at_most=True)
             for name in SHAPES]
    stopped, record = find(cases, STOPPED), find(cases, RECORD)
    ipc = seconds_of(record, IPC)
    return found + [
        Target("more than the copy, with a stage that is stopped, at the 99th percentile",
               1e6 * (own[STOPPED] - seconds_of(stopped, COPY)), 100, "us", True),
        Target("a call when nothing more is wanted", 1e6 * own[FULL], 1, "us", True),
        Target("the same from Python", 1e6 * seconds_of(find(cases, FULL), PYTHON), 5, "us", True),
        Target("a call with no stage", 1e6 * own[NOBODY], 5, "us", True),
        Target("a ring of 64 MB over ZeroMQ ipc, records of 1 MB", ipc / own[RECORD], 2.5),
        Target("a ring of 16 MB over ZeroMQ ipc, records of 1 MB", ipc / seconds_of(record, SMALL), 2.5)]
