"""`n_samples all`: an epoch of 10,000 samples, through the sockets of a stage."""
import statistics
import threading
import time

import msgpack
import numpy as np
import zmq

import competitors
from harness import Target, case, features, photos
from support.stream import Logger, Stage, Trainer, pack_tensor

SAMPLES, BATCH, K, SHAPE = 10000, 16, 3, (512, 14, 14)
TITLE = (f"n_samples all: {SAMPLES:,} samples of 224x224 uint8 with 512x14x14 float16, {K} "
         "components; for each sample")
BATCHES = 6      # that are made beforehand, and sent in turn
ROUNDS = 2
PYTHON_SAMPLES = 6
QUEUE = 8        # messages that wait at the trainer: it is faster than any network
SETTLE = 1.0     # seconds for the projection of what was taken in last
LIMIT_MB = 200
MEMORY = ("--normalize", "image", "--memory", "32M")


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


def result(way, times, samples=1):
    return {"way": way, "seconds": statistics.median(times) / samples,
            "least": min(times) / samples, "runs": len(times)}


def measure(setting):
    if not setting.one_thread:
        return []
    batches = make_batches()
    marker, whole = {1: [], 2: []}, {1: [], 2: []}
    python = {"SciPy Gram, OpenCV, imencode": [], "the seed's NumPy, OpenCV, imencode": []}
    for number in range(ROUNDS):
        for workers in (1, 2):
            taken = run_epoch(batches, "--workers", workers)
            marker[workers].append(taken[0])
            whole[workers].append(taken[1])
        batch = batches[number]
        python["SciPy Gram, OpenCV, imencode"] += time_python(competitors.best_python_sample, batch)
        python["the seed's NumPy, OpenCV, imencode"] += time_python(competitors.seed_sample, batch)
    peak = run_epoch(batches, "--workers", 2, *MEMORY)[2]
    ways = {2: "eigencam, 2 workers", 1: "eigencam, 1 worker"}
    ours = [[result(ways[n], times[n], SAMPLES) for n in (2, 1)] for times in (marker, whole)]
    theirs = [result(way, times) for way, times in python.items()]
    return [case("from the marker to the epoch message, samples already collected", ours[0]),
            case("from the first batch to the epoch message", ours[1] + theirs,
                 peak_anonymous_mb=peak,
                 note=f"peak anonymous memory of the stage with {' '.join(MEMORY)}: {peak:.0f} MB")]


def targets(cases):
    collected = cases[0]["results"]
    return [Target("n_samples all, samples already collected: two workers against one",
                   collected[1]["seconds"] / collected[0]["seconds"], 1.7),
            Target("n_samples all: peak anonymous memory", cases[1]["peak_anonymous_mb"], LIMIT_MB,
                   unit="MB", at_most=True)]
