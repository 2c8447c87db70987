"""Trainers and loggers of a real stage, for tests: proto/ in a few classes."""
import secrets
import struct
import time
import zlib

import cv2
import msgpack
import numpy as np
import zmq

from support.program import PATIENCE, Folder, Program

_context = zmq.Context.instance()


class Stage(Program):
    """A stage with endpoints of its own, ready to be connected to."""

    def __init__(self, *options, folder=None):
        self.folder, self.owns_folder = folder or Folder(), folder is None
        self.trainers = f"ipc://{self.folder / 'in'}"
        self.loggers = f"ipc://{self.folder / 'out'}"
        super().__init__("stage", "--in", self.trainers, "--out", self.loggers, *options)
        self.wait_line("listens for trainers on")

    def stats(self):
        """The counters, now: a stage tells them to every new subscriber."""
        with Logger(self, ["stats|"]) as logger:
            return logger.stats["counters"]

    def __exit__(self, *exc):
        try:
            super().__exit__(*exc)
        finally:
            if self.owns_folder:
                self.folder.__exit__()


class SharedStage:
    """A stage and a logger for many cases: started by the first that wants them, and anew
    where a case has brought the stage down."""

    def __init__(self, *options):
        self.options, self.stage, self.logger = options, None, None

    def start(self):
        if self.stage is None or not self.stage.is_alive():
            self.stage = Stage(*self.options)
            self.logger = Logger(self.stage)
        self.logger.errors.clear()
        return self.stage, self.logger

    def finish(self):
        if self.stage is not None:
            self.logger.close()
            self.stage.__exit__(None)


# ---- trainers ----

ENCODINGS = ("frames", "inline", "msgpack-numpy")


def pack_tensor(array, encoding, frames, dtype=None, layout=None):
    """A tensor's map; its bytes go to `frames` (from frame 2 on) or inline.
    dtype: the name where NumPy has no such type (bfloat16, held as uint16)."""
    array = np.ascontiguousarray(array)
    if encoding == "msgpack-numpy":  # its encoder's form, to the letter
        return {b"nd": True, b"type": dtype or array.dtype.str, b"kind": b"",
                b"shape": array.shape, b"data": array.tobytes()}
    tensor = {"nd": True, "type": dtype or array.dtype.str, "shape": array.shape}
    if layout:
        tensor["layout"] = layout
    if encoding == "inline":
        tensor["data"] = array.tobytes()
    else:
        tensor["frame"] = 2 + len(frames)
        frames.append(array.tobytes())
    return tensor


class Trainer:
    """One rank: sends what the protocol says, or, by overriding header fields,
    what it does not. Nothing is ever dropped on this side."""

    def __init__(self, endpoint, run="run", rank=0, world=1, encoding="frames", session=None,
                 topics=("batch|eval||", "epoch_end|eval|")):
        self.common = {"v": 1, "run": run, "rank": rank, "world": world,
                       "session": secrets.randbits(64) if session is None else session}
        self.run, self.encoding, self.topics = run, encoding, topics
        self.stage = endpoint if isinstance(endpoint, Stage) else None
        self.seq, self.sent, self.steps = {}, {}, {}
        self.subscriptions, self.wants = set(), []
        self.socket = _context.socket(zmq.XPUB)
        self.socket.set(zmq.SNDHWM, 0)
        self.socket.set(zmq.LINGER, PATIENCE * 1000)
        self.socket.connect(getattr(endpoint, "trainers", endpoint))

    def read_upstream(self, timeout_ms=0):
        """Take in one message from the stage; whether there was one."""
        if not self.socket.poll(timeout_ms):
            return False
        parts = self.socket.recv_multipart()
        if len(parts) == 1 and parts[0][:1] in (b"\0", b"\1"):
            change = self.subscriptions.add if parts[0][0] else self.subscriptions.discard
            change(parts[0][1:].decode())
        else:
            self.wants.append(parts)
        return True

    def wait_subscribed(self, topic):
        """Until the stage has subscribed to something that this topic begins with."""
        deadline = time.monotonic() + PATIENCE
        while not any(topic.startswith(prefix) for prefix in self.subscriptions):
            self.read_upstream(200)
            assert self.stage is None or self.stage.is_alive(), "the stage has ended"
            assert time.monotonic() < deadline, \
                f"nobody subscribes to {topic!r}, only to {self.subscriptions}"
        return self

    def ready(self):
        """Until the stage listens to hello, bye and the `topics`."""
        for topic in ("hello|", "bye|", *self.topics):
            self.wait_subscribed(topic + self.run + "|")
        return self

    def send(self, topic, header, frames=()):
        """The header's own keys win over the common ones; None leaves a key out."""
        seq = self.seq[topic] = self.seq.get(topic, -1) + 1
        header = {**self.common, "seq": seq, "time_ns": time.time_ns(), **header}
        header = {key: value for key, value in header.items() if value is not None}
        self.send_raw(topic.encode(), msgpack.packb(header), *frames)

    def send_raw(self, *parts):
        self.socket.send_multipart(parts)

    def lose(self, topic, count=1):
        """As if the last messages before the next one had been lost on the way."""
        self.seq[topic] = self.seq.get(topic, -1) + count

    def hello(self, **header):
        self.send(f"hello|{self.run}|", {"type": "hello", **header})

    def pack(self, data, dtypes={}, layouts={}):
        frames = []
        packed = {key: pack_tensor(value, self.encoding, frames, dtypes.get(key), layouts.get(key))
                  if isinstance(value, np.ndarray) else value for key, value in data.items()}
        return packed, frames

    def batch(self, data, epoch=1, mode="eval", ds_id="", step=None, dtypes={}, layouts={},
              **header):
        """data: arrays (packed as tensors) and lists by key."""
        step = self.steps.get((mode, epoch), 0) if step is None else step
        self.steps[mode, epoch] = step + 1
        count = self.sent.setdefault((mode, epoch), {}).setdefault(ds_id, [0, 0])
        count[0] += 1
        count[1] += len(next(iter(data.values()))) if data else 0
        packed, frames = self.pack(data, dtypes, layouts)
        self.send(f"batch|{mode}|{ds_id}|{self.run}|",
                  {"type": "batch", "epoch": epoch, "mode": mode, "ds_id": ds_id, "step": step,
                   "data": packed, **header}, frames)

    def epoch_end(self, epoch=1, mode="eval", **header):
        self.send(f"epoch_end|{mode}|{self.run}|",
                  {"type": "epoch_end", "epoch": epoch, "mode": mode,
                   "sent": self.sent.get((mode, epoch), {}), **header})

    def bye(self, **header):
        self.send(f"bye|{self.run}|", {"type": "bye", "last_seq": dict(self.seq), **header})

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self.ready()

    def __exit__(self, *_):
        self.close()


def sample_data(n=4, seed=0, size=8, channels=6, labels=None, preds=None):
    """A batch of n samples: images (n, 3, 24, 20), activations, labels if given."""
    rng = np.random.default_rng(seed)
    data = {"images": rng.integers(0, 256, (n, 3, 24, 20), dtype=np.uint8),
            "activations": rng.random((n, channels, size, size), dtype=np.float32)}
    if labels is not None:
        data["labels"] = np.asarray(labels)
    if preds is not None:
        data["preds"] = np.asarray(preds)
    return data


# ---- loggers ----

class Epoch:
    """All results of one epoch, by what they show."""

    def __init__(self):
        self.overlays, self.maps = {}, {}  # by (sample, component)
        self.images, self.sheets = {}, {}  # by sample; by page
        self.summary = None

    def add(self, header, png):
        kind = header["type"]
        if kind == "epoch":
            self.summary = header
            return
        picture = Picture(header, png)
        if kind in ("overlay", "map"):
            place = self.overlays if kind == "overlay" else self.maps
            key = header["sample"], header["component"]
        else:
            place = self.images if kind == "image" else self.sheets
            key = header["sample" if kind == "image" else "page"]
        assert self.summary is None, f"{kind} {key} came after the epoch's summary"
        assert key not in place, f"{kind} {key} came twice"
        place[key] = picture

    def counts(self):
        return {"overlay": len(self.overlays), "map": len(self.maps),
                "image": len(self.images), "sheet": len(self.sheets)}

    def order(self):
        """What places each sample of the sheet: (ds_id, step, index, rank)."""
        return [(p.header["ds_id"], p.header["step"], p.header["index"], p.header["rank"])
                for _, p in sorted(self.images.items())]

    def bytes(self):
        """Every picture's own bytes, to compare two epochs with."""
        return {(kind, key): picture.png
                for kind in ("overlays", "maps", "images", "sheets")
                for key, picture in getattr(self, kind).items()}


class Picture:
    def __init__(self, header, png):
        self.header, self.png = header, png

    def pixels(self):
        """RGB [h][w][3] or grey [h][w], with the file's own depth."""
        return decode_png(self.png)

    def projection(self):
        """Of a map: the signed projection, from its 16 bits."""
        lo, hi = self.header["lo"], self.header["hi"]
        return lo + (hi - lo) * self.pixels().astype(np.float64) / 65535


def decode_png(png):
    pixels = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels is not None, "not a picture"
    return pixels[..., ::-1] if pixels.ndim == 3 else pixels


def png_texts(png):
    """The text chunks (tEXt, zTXt, iTXt) by keyword."""
    texts, at = {}, 8
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at:at + 8])
        body = png[at + 8:at + 8 + size]
        at += 12 + size
        if kind == b"tEXt":
            key, value = body.split(b"\0", 1)
            texts[key.decode("latin-1")] = value.decode("latin-1")
        elif kind == b"zTXt":
            key, value = body.split(b"\0", 1)
            texts[key.decode("latin-1")] = zlib.decompress(value[1:]).decode("latin-1")
        elif kind == b"iTXt":
            key, rest = body.split(b"\0", 1)
            packed, rest = rest[0], rest[2:].split(b"\0", 2)[2]
            texts[key.decode("latin-1")] = (zlib.decompress(rest) if packed else rest).decode()
    return texts


class Logger:
    """Receives results; connected and subscribed once it is made."""

    def __init__(self, stage, topics=("",)):
        self.stage = stage
        self.epochs, self.errors, self.stats = {}, [], None
        self.finished = []  # keys of epochs that are summed up, in their order
        self.socket = _context.socket(zmq.SUB)
        self.socket.set(zmq.RCVHWM, 0)
        self.socket.set(zmq.LINGER, 0)
        for topic in {*topics, "stats|"}:
            self.socket.subscribe(topic)
        self.socket.connect(stage.loggers)
        self.wait_for(lambda: self.stats is not None)  # the answer to the subscription

    def wait_for(self, condition):
        """Take in messages until the condition holds."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            while not self.socket.poll(200):
                assert self.stage.is_alive(), \
                    f"the stage has ended with {self.stage.process.returncode}:\n" \
                    f"{self.stage.said()}"
                assert time.monotonic() < deadline, self._missed()
            self.receive()
            assert time.monotonic() < deadline, self._missed()

    def _missed(self):
        return f"what is waited for does not come; the stage said:\n{self.stage.said()}"

    def receive(self):
        """Take in one message."""
        topic, header, *frames = self.socket.recv_multipart()
        header = msgpack.unpackb(header)
        header["topic"] = topic.decode()
        if header["type"] == "error":
            self.errors.append(header)
        elif header["type"] == "stats":
            self.stats = header
        else:
            self._add(header, frames)

    def _add(self, header, frames):
        key = tuple(header[name] for name in ("run", "output", "mode", "epoch", "attempt"))
        self.epochs.setdefault(key, Epoch()).add(header, frames[0] if frames else None)
        if header["type"] == "epoch":
            self.finished.append(key)

    def wait_epochs(self, count=1, run=None):
        """The next `count` epochs (of this run) that are summed up, oldest first."""
        def summed_up():
            return [key for key in self.finished if run in (None, key[0])]
        self.wait_for(lambda: len(summed_up()) >= count)
        keys = summed_up()[:count]
        self.finished = [key for key in self.finished if key not in keys]
        return [self.epochs.pop(key) for key in keys]

    def wait_epoch(self):
        return self.wait_epochs(1)[0]

    def wait_errors(self, count=1):
        self.wait_for(lambda: len(self.errors) >= count)
        errors, self.errors = self.errors[:count], self.errors[count:]
        return errors

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class FakeStage:
    """Publishes whatever a test makes up, to a logger under test."""

    def __init__(self, folder):
        self.loggers = f"ipc://{folder / 'out'}"
        self.common = {"v": 1, "stage": secrets.randbits(64)}
        self.seq = {}
        self.socket = _context.socket(zmq.XPUB)
        self.socket.set(zmq.SNDHWM, 0)
        self.socket.set(zmq.LINGER, PATIENCE * 1000)
        self.socket.bind(self.loggers)

    def wait_subscriber(self):
        assert self.socket.poll(PATIENCE * 1000), "no logger subscribes"
        self.socket.recv()
        return self

    def send(self, kind, topic, header, *frames):
        seq = self.seq[topic] = self.seq.get(topic, -1) + 1
        header = {**self.common, "type": kind, "seq": seq, "time_ns": time.time_ns(), **header}
        self.socket.send_multipart([topic.encode(), msgpack.packb(header), *frames])

    def image(self, png, run="run", output="out", sample=0, **header):
        """An `image` of epoch 1, sized 5 x 4, with these keys changed."""
        self.send("image", f"image|{run}|{output}|eval|", {
            "run": run, "output": output, "mode": "eval", "epoch": 1, "attempt": 1,
            "sample": sample, "ds_id": "", "rank": 0, "step": 0, "index": sample, "label": None,
            "pred": None, "width": 5, "height": 4, "encoding": "png", "frame": 2, **header}, png)

    def summary(self, run="run", output="out", **header):
        self.send("epoch", f"epoch|{run}|{output}|eval|", {
            "run": run, "output": output, "mode": "eval", "epoch": 1, "attempt": 1,
            "samples": 1, "components": 1, "complete": True, "missing_ranks": [], "lost": 0,
            "rejected": 0, "late": 0, "published": {"image": 1}, "latency_ns": 1, **header})

    def close(self):
        self.socket.close()
