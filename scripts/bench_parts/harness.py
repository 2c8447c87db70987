"""How every part measures: ways that take turns on the same inputs.

A part is a file part_NAME.py with

    TITLE                           a line above its tables
    def measure(setting):           a list of cases, in one process
    def targets(cases):             a list of targets, of the single-threaded run

and runs in a process of its own for each setting: with one thread, then with
nothing limited. It returns no cases where a setting says nothing new.
"""
import concurrent.futures
import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
LEAST_RUNS = 3
TURN = 5e-3  # seconds until the next way has its turn
ALL_CORES = 3  # without limits, where nothing is asked for, so many times less time


@dataclass
class Setting:
    build: Path
    one_thread: bool

    @property
    def threads(self):
        return 1 if self.one_thread else len(os.sched_getaffinity(0))

    def built(self, name):
        return str(self.build / name)


@dataclass
class Way:
    """make(): a function of an input's number, with what it keeps for itself.
    spread: one thread for each core gets such a function and a share of the
    inputs, for what computes one input in one thread."""
    name: str
    make: object
    spread: bool = False
    error: float = None
    bytes: int = None


@dataclass
class Target:
    what: str
    value: float
    limit: float
    unit: str = "times"
    at_most: bool = False

    def facts(self):
        met = self.value <= self.limit if self.at_most else self.value >= self.limit
        spread = getattr(self.value, "spread", None)
        return {**self.__dict__, "met": bool(met), **({"spread": spread} if spread else {})}


class Ratio(float):
    """Of two medians; spread: the quartiles of the ratios turn by turn."""
    spread = None


class _Turns:
    """One way's functions and the seconds of its runs."""

    def __init__(self, way, inputs, setting, pool):
        self.name, self.inputs, self.pool = way.name, inputs, pool
        self.spread = way.spread and setting.threads > 1
        self.functions = [way.make() for _ in range(setting.threads if self.spread else 1)]
        self.times, self.turns, self.spent, self.next = [], [], 0.0, 0

    def _share(self, t, repeat):
        function = self.functions[t]
        for _ in range(repeat):
            for i in range(t, self.inputs, len(self.functions)):
                function(i)

    def _run_spread(self, repeat):
        start = time.perf_counter()
        for done in [self.pool.submit(self._share, t, repeat)
                     for t in range(len(self.functions))]:
            done.result()
        taken = time.perf_counter() - start
        self.times.append(taken / (self.inputs * repeat))
        return taken

    def _run(self):
        start = time.perf_counter()
        self.functions[0](self.next % self.inputs)
        taken = time.perf_counter() - start
        self.times.append(taken)
        self.next += 1
        return taken

    def take(self):
        turn, first = 0.0, len(self.times)
        while turn < TURN:
            if self.spread:
                typical = statistics.median(self.times) * self.inputs if self.times else TURN
                turn += self._run_spread(max(1, int(TURN / typical)))
            else:
                turn += self._run()
        self.spent += turn
        self.turns.append(statistics.median(self.times[first:]))

    def facts(self):
        return result(self.name, self.times, self.turns)


def result(way, times, turns=None):
    """What one way took; turns: for comparing with others that ran between."""
    return {"way": way, "seconds": statistics.median(times), "least": min(times),
            "runs": len(times), "turns": turns or times}


def take_turns(ways, inputs, seconds, setting):
    """What each way took: median and least seconds an input. Every run takes
    another input; a way is out when its share of the time is used up."""
    seconds /= 1 if setting.one_thread else ALL_CORES
    with concurrent.futures.ThreadPoolExecutor(setting.threads) as pool:
        all_turns = [_Turns(way, inputs, setting, pool) for way in ways]
        waiting = list(all_turns)
        while waiting:
            for turns in waiting:
                turns.take()
            waiting = [turns for turns in waiting
                       if turns.spent < seconds / len(ways) or len(turns.times) < LEAST_RUNS]
    results = [turns.facts() for turns in all_turns]
    for way, found in zip(ways, results):
        if way.error is not None:
            found["error"] = float(way.error)
        if way.bytes is not None:
            found["bytes"] = int(way.bytes)
    return results


def case(name, results, **facts):
    return {"case": name, "results": results, **facts}


def find(cases, name):
    return next(c for c in cases if c["case"] == name)


def seconds_of(one_case, way):
    return next(r["seconds"] for r in one_case["results"] if r["way"] == way)


def turns_of(one_case, way):
    return next(r["turns"] for r in one_case["results"] if r["way"] == way)


def ratio(one_case, way, to="eigencam"):
    """How many times longer `way` took."""
    found = Ratio(seconds_of(one_case, way) / seconds_of(one_case, to))
    by_turn = sorted(a / b for a, b in zip(turns_of(one_case, way), turns_of(one_case, to)))
    found.spread = [by_turn[len(by_turn) // 4], by_turn[(3 * len(by_turn) - 1) // 4]]
    return found


# ---- inputs ----


def features(shape, rng, fields=24):
    """Rectified mixtures of smooth fields: spectra like those of ResNet layers,
    a tenth to a third of the variance in the first component, then a slow decay."""
    c, h, w = shape
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    base = []
    for i in range(fields):
        a, b = rng.standard_normal(2) * (0.6 + 0.12 * i)
        wave = np.cos(rng.uniform(0, 6.28) + 6.28 * (a * y / h + b * x / w))
        base.append(1.4 * (1 + i) ** -0.6 * wave)
    mixing = rng.standard_normal((c, fields)).astype(np.float32)
    mixed = np.tensordot(mixing, np.stack(base).astype(np.float32), 1)
    noise = rng.random(shape, np.float32) + rng.random(shape, np.float32) - 1
    return np.maximum(mixed + np.float32(0.6) * noise - np.float32(0.5), 0)


def photos(count, size=224):
    """uint8 (H, W, 3): the golden cases' photos, turned and mirrored; as tiles
    where they are larger than those."""
    source = np.load(GOLDEN / "resnet_photos" / "images.npy").transpose(0, 2, 3, 1)
    side, pictures = source.shape[1], []
    for i in range(count):
        picture = np.empty((size, size, 3), np.uint8)
        for number, (y, x) in enumerate(np.ndindex(-(-size // side), -(-size // side))):
            tile = source[(i + number) % len(source)]
            tile = np.rot90(tile[:, ::-1] if (i + number) // 5 % 2 else tile, (i + number) // 10 % 4)
            part = picture[y * side:(y + 1) * side, x * side:(x + 1) * side]
            part[...] = tile[:part.shape[0], :part.shape[1]]
        pictures.append(picture)
    return pictures


def peak_error(maps, expected):
    """The largest difference over the component's largest magnitude, up to sign."""
    worst = 0.0
    for own, true in zip(maps, expected):
        off = min(np.abs(own - true).max(), np.abs(own + true).max())
        worst = max(worst, float(off / np.abs(true).max()))
    return worst
