"""`n_samples all`: an epoch of 10,000 samples, through the sockets of a stage."""
import threading
import time

import msgpack
import numpy as np
import zmq

import competitors
from harness import Ratio, Target, case, features, find, photos, ratio, result
from library import Floor
from support.stream import Logger, Stage, Trainer, pack_tensor

SAMPLES, BATCH, K, SHAPE = 10000, 16, 3, (512, 14, 14)
TITLE = (f"n_samples all: {SAMPLES:,} samples of 224x224 uint8 with 512x14x14 float16, {K} "
         "components; for each sample")
BATCHES = 6      # that are made beforehand, and sent in turn
PYTHON_SAMPLES = 6
QUEUE = 8        # messages that wait at the trainer: it is faster than any network
SETTLE = 1.0     # seconds for the projection of what was taken in last
LIMIT_MB = 200
SMALL = ("--normalize", "image", "--memory", "32M")
OPTIONS = {"": (), " ".join(SMALL): SMALL}
COLLECTED = "from the marker to the epoch message, samples already collected"
WHOLE = "from the first batch to the epoch message"
ONE, TWO = "eigencam, 1 worker", "eigencam, 2 workers"
LEAST_ITERATIONS = 11  # of Lanczos, on features that were rectified


def make_batches():
    rng = np.random.default_rng(11)
    images = np.stack([p.transpose(2, 0, 1) for p in photos(BATCHES * BATCH)])
    activations = [features(SHAPE, rng) for _ in range(BATCH)]
    batches = []
    for b in range(BATCHES):
        turned = np.stack([np.rot90(a, b % 4, (1, 2)) * np.float32(1 + 0.1 * b) for a in activations])
        batches.append({"images": np.ascontiguousarray(images[b * BATCH:(b + 1) * BATCH]),
                        "activations": turned.astype(np.float16)})
    return batches


class FastTrainer(Trainer):
    """Sends made batches without a copy, and waits where nobody takes them."""

    def __init__(self, stage, batches):
        super().__init__(stage)
        self.socket.close()
        self.socket = zmq.Context.instance().socket(zmq.XPUB)
        self.socket.set(zmq.SNDHWM, QUEUE)
        self.socket.set(zmq.XPUB_NODROP, 1)
        self.socket.set(zmq.LINGER, 0)
        self.socket.connect(stage.trainers)
        self.packed = []
        for batch in batches:
            frames = []
            data = {key: pack_tensor(value, "frames", frames) for key, value in batch.items()}
            self.packed.append((data, [zmq.Frame(frame) for frame in frames]))

    def send_epoch(self, samples):
        topic = f"batch|eval||{self.run}|"
        for step in range(samples // BATCH):
            data, frames = self.packed[step % len(self.packed)]
            header = {**self.common, "type": "batch", "seq": step, "time_ns": time.time_ns(),
                      "epoch": 1, "mode": "eval", "ds_id": "", "step": step, "data": data}
            self.socket.send_multipart([topic.encode(), msgpack.packb(header), *frames], copy=False)
        self.sent["eval", 1] = {"": [samples // BATCH, samples]}


class Memory(threading.Thread):
    """The largest RssAnon of a process, looked at all the time."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.path, self.peak_kb, self.over = f"/proc/{pid}/status", 0, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.01):
            with open(self.path, encoding="utf-8") as file:
                for line in file:
                    if line.startswith("RssAnon:"):
                        self.peak_kb = max(self.peak_kb, int(line.split()[1]))

    def stop(self):
        self.over.set()
        self.join()
        return self.peak_kb / 1024


def wait_collected(stage, count):
    while True:
        with Logger(stage, ["stats|"]) as logger:
            if logger.stats["counters"]["samples"] >= count:
                time.sleep(SETTLE)
                return
        time.sleep(0.1)


def run_epoch(batches, *options):
    """(seconds from the marker to the epoch message, from the first batch to it
    without our waiting, peak MB)."""
    with Stage("--n-samples", "all", *options) as stage, Logger(stage, ["epoch|"]) as logger:
        memory = Memory(stage.process.pid)
        trainer = FastTrainer(stage, batches).ready()
        start = time.perf_counter()
        trainer.send_epoch(SAMPLES)
        wait_collected(stage, SAMPLES)
        collected = time.perf_counter() - start - SETTLE
        trainer.epoch_end()
        summary = logger.wait_epoch().summary
        trainer.close()
        peak = memory.stop()
    published = {"overlay": K * SAMPLES, "map": K * SAMPLES, "image": SAMPLES}
    if any(summary["published"][kind] != count for kind, count in published.items()):
        raise ValueError(f"the stage published {summary['published']}")
    marker = summary["latency_ns"] / 1e9
    return marker, collected + marker, peak


def time_python(work, batch):
    """Seconds of each sample."""
    times = []
    for image, activation in zip(batch["images"][:PYTHON_SAMPLES], batch["activations"]):
        activation = activation.astype(np.float32)
        start = time.perf_counter()
        work(image, activation, K)
        times.append(time.perf_counter() - start)
    return times


def floor_seconds(setting):
    """Of a sample, two workers: its pictures, which are on the sheet again; then
    also its bytes from memory and the fewest multiply-adds of its projection."""
    floor = Floor(setting)
    numbers = SHAPE[0] * SHAPE[1] * SHAPE[2]
    pictures = 2 * (K + 1) * floor.picture_us(224 * 224 * 3)
    arrival = (224 * 224 * 3 + 2 * numbers) / floor.read_gbs["DRAM"] / 1e3
    arithmetic = 4 * LEAST_ITERATIONS * numbers / floor.gflops / 1e3
    return pictures / 2e6, (pictures + arrival + arithmetic) / 2e6


def named(words, options):
    return words + (f"; {options}" if options else "")


def run_both(batches, words, options, floors):
    """One worker, then two: a case from the marker on, and one from the start."""
    runs = {way: run_epoch(batches, "--workers", n, *options) for n, way in ((1, ONE), (2, TWO))}
    peak = max(peak for _, _, peak in runs.values())
    return [case(named(title, words), [result(way, [runs[way][i] / SAMPLES]) for way in (TWO, ONE)],
                 floor=floor, peak_anonymous_mb=peak)
            for i, (title, floor) in enumerate(zip((COLLECTED, WHOLE), floors))]


def measure(setting):
    if not setting.one_thread:
        return []
    batches, floors, cases = make_batches(), floor_seconds(setting), []
    python = {"SciPy Gram, OpenCV, imencode": [], "the seed's NumPy, OpenCV, imencode": []}
    for number, (words, options) in enumerate(OPTIONS.items()):
        cases += run_both(batches, words, options, floors)
        batch = batches[number]
        python["SciPy Gram, OpenCV, imencode"] += time_python(competitors.best_python_sample, batch)
        python["the seed's NumPy, OpenCV, imencode"] += time_python(competitors.seed_sample, batch)
    for one in cases:
        if one["case"].startswith(WHOLE):
            one["results"] += [result(way, times) for way, times in python.items()]
    cases[-1]["note"] = f"peak anonymous memory of the stage {cases[-1]['peak_anonymous_mb']:.0f} MB"
    return cases


def targets(cases):
    """Of the two ways to normalise the one with less gain counts."""
    gains = sorted(ratio(find(cases, named(COLLECTED, words)), ONE, TWO) for words in OPTIONS)
    gain = Ratio(gains[0])
    gain.spread = gains
    return [Target("n_samples all, samples already collected: two workers against one", gain, 1.7),
            Target(f"n_samples all, {' '.join(SMALL)}: peak anonymous memory",
                   cases[-1]["peak_anonymous_mb"], LIMIT_MB, unit="MB", at_most=True)]
