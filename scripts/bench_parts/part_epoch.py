"""The end of an epoch: what a running stage takes from the last marker to the
epoch message, and what the seed takes in the training process."""
import statistics
import time

import numpy as np

import competitors
from harness import Target, case, features, find, peak_error, photos, ratio, result
from library import Floor
from support.stream import Logger, Stage, Trainer

TITLE = ("The end of an epoch: 5 samples of 2048x7x7 over 224x224, 3 components; 15 overlays, maps, "
         "images and the sheet (the seed: its grid)")
SAMPLES, K, SHAPE = 5, 3, (2048, 7, 7)
ROUNDS = 3      # of the seed's epoch end; after each, so many of the stage's
EPOCHS = 12
COLLECTED = 0.1  # seconds from the samples to the marker: a training epoch is longer
AT_ONCE, LATER, OUTSIDE = "marker right after the samples", "eigencam", "as a logger sees it"
SEED, SEED_OVERLAYS, SEED_GRID = "the seed's procedure", "its overlays alone", "its grid alone"


class Batches:
    """Another batch for every epoch."""

    def __init__(self):
        rng = np.random.default_rng(5)
        self.images = np.stack([p.transpose(2, 0, 1) for p in photos(20)])
        self.activations = np.stack([features(SHAPE, rng) for _ in range(20)])

    def __getitem__(self, i):
        chosen = [(SAMPLES * i + 3 * (i // 4) + n) % 20 for n in range(SAMPLES)]
        return {"images": np.ascontiguousarray(self.images[chosen]),
                "activations": np.ascontiguousarray(self.activations[chosen]),
                "labels": np.array(chosen), "preds": np.array(chosen[::-1])}


def time_seed(batch, times):
    """In NumPy and OpenCV, then matplotlib, in this process as in a trainer."""
    images = np.moveaxis(batch["images"], 1, -1)
    labels, preds = ([f"class {n}" for n in batch[key]] for key in ("labels", "preds"))
    start = time.perf_counter()
    overlays = competitors.seed_overlays(images, batch["activations"], K)
    between = time.perf_counter()
    competitors.seed_grid(images, overlays, labels, preds)
    end = time.perf_counter()
    times[SEED].append(end - start)
    times[SEED_OVERLAYS].append(between - start)
    times[SEED_GRID].append(end - between)


class Session:
    """A stage with a trainer, and a logger that takes everything."""

    def __init__(self, workers, batches):
        self.stage = Stage("--workers", workers)
        self.logger = Logger(self.stage)
        self.trainer = Trainer(self.stage).ready()
        self.batches, self.epoch = batches, 0

    def run(self, wait_seconds):
        """One epoch: its results, and the seconds that it took from the marker as
        the stage sees it and as we do."""
        self.epoch += 1
        self.trainer.batch(self.batches[self.epoch], epoch=self.epoch)
        time.sleep(wait_seconds)
        start = time.perf_counter()
        self.trainer.epoch_end(epoch=self.epoch)
        results = self.logger.wait_epoch()
        outside = time.perf_counter() - start
        return results, results.summary["latency_ns"] / 1e9, outside

    def close(self):
        self.trainer.close()
        self.logger.close()
        self.stage.__exit__(None, None, None)


def compare(session, batches):
    """The first epoch's pictures with the seed's."""
    results, _, _ = session.run(COLLECTED)
    batch = batches[session.epoch]
    if results.counts() != {"overlay": 15, "map": 15, "image": 5, "sheet": 1}:
        raise ValueError(f"the stage sent {results.counts()}")
    expected = competitors.seed_overlays(np.moveaxis(batch["images"], 1, -1), batch["activations"], K)
    for i, activation in enumerate(batch["activations"]):
        maps = competitors.seed_svd(activation, K)
        own = [results.maps[i, c].projection() for c in range(K)]
        if peak_error(own, maps) > 1e-3:
            raise ValueError(f"sample {i}: its maps differ")
        for c in range(K):
            apart = np.abs(results.overlays[i, c].pixels().astype(int) - expected[c][i])
            if np.mean(apart.max(axis=-1) > 0) > 0.02:
                raise ValueError(f"sample {i}, component {c}: the overlays differ")


def floor_seconds(setting):
    """15 overlays and 5 images, and on the sheet as many again."""
    return 2 * SAMPLES * (K + 1) * Floor(setting).picture_us(224 * 224 * 3) / setting.threads / 1e6


def by_round(times, rounds):
    """The median of each round's runs."""
    n = len(times) // rounds
    return [statistics.median(times[i * n:(i + 1) * n]) for i in range(rounds)]


def measure(setting):
    rounds = ROUNDS if setting.one_thread else 1
    batches, session = Batches(), None
    ways = (LATER, AT_ONCE, OUTSIDE, SEED, SEED_OVERLAYS, SEED_GRID)
    times = {way: [] for way in ways}
    try:
        session = Session(setting.threads, batches)
        compare(session, batches)
        for number in range(rounds):
            time_seed(batches[number], times)
            for _ in range(EPOCHS):
                _, inside, outside = session.run(COLLECTED)
                times[LATER].append(inside)
                times[OUTSIDE].append(outside)
                times[AT_ONCE].append(session.run(0)[1])
    finally:
        if session:
            session.close()
    name = f"--workers {setting.threads}"
    return [case(name, [result(way, taken, by_round(taken, rounds)) for way, taken in times.items()],
                 floor=floor_seconds(setting))]


def targets(cases):
    return [Target("the end of an epoch against the seed's procedure with its grid",
                   ratio(find(cases, "--workers 1"), SEED), 200)]
