"""The publisher in Python alone: proto/wire.md with pyzmq and msgpack, without shared memory."""
import os
import secrets
import socket
import time

import msgpack
import zmq

from eigencam._common import check_ds_id, check_mode
from eigencam.curve import attach
from eigencam.publisher import ALL, Publisher, Stats, TransportError, convert
from eigencam.want import Wants

_QUEUE = 32          # messages; when it is full, drop: training never waits
_LOOK_EVERY = 0.02   # seconds between looks at what stages say


class PurePublisher(Publisher):
    def _open(self, mapping, traces, framework, _ring_bytes, block_ms):
        self._common = {"v": 1, "run": self.run, "rank": self.rank, "world": self.world,
                        "session": secrets.randbits(64)}
        self._hello = {"framework": framework or "python", "host": socket.gethostname(),
                       "pid": os.getpid()}
        if mapping:
            self._hello["label_mapping"] = mapping
        if traces:
            self._hello["traces"] = traces
        self._seq, self._sent, self._counts = {}, {}, dict.fromkeys(Stats._fields, 0)
        self._wanted, self._looked = Wants(self.run), -1.0
        try:
            self._socket = zmq.Context.instance().socket(zmq.XPUB)
            self._socket.set(zmq.SNDHWM, _QUEUE)
            self._socket.set(zmq.LINGER, 0)
            # Without a stage nothing is queued; one that comes back is noticed at once; what
            # finds no room is known here, and is not a number that the stage will miss.
            self._socket.set(zmq.IMMEDIATE, 1)
            self._socket.set(zmq.XPUB_VERBOSER, 1)
            self._socket.set(zmq.XPUB_NODROP, 1)
            self._socket.set(zmq.SNDTIMEO, block_ms)
            attach(self._socket, [self.endpoint], self.key, self.server_key, self.insecure)
        except zmq.ZMQError as error:
            if error.errno in (zmq.EINVAL, zmq.EPROTONOSUPPORT):
                raise ValueError(f"endpoint {self.endpoint!r}: {error}") from None
            raise TransportError(f"no publisher for {self.endpoint}: {error}") from None

    def _look(self, now):
        """Take in what stages subscribe to and what they want; greet the new ones."""
        self._looked = now
        news = False
        try:
            while self._socket.get(zmq.EVENTS) & zmq.POLLIN:
                news |= self._wanted.take(self._socket.recv_multipart(zmq.NOBLOCK), now)
        except zmq.ZMQError as error:
            raise TransportError(f"can't hear {self.endpoint}: {error}") from None
        self._wanted.expire(now)
        if news:
            self._greet()

    def _wait(self, timeout):
        deadline = time.monotonic() + timeout
        while True:
            self._look(time.monotonic())
            left = deadline - time.monotonic()
            if self._wanted.listening or left <= 0:
                return self._wanted.listening
            self._socket.poll(int(1000 * left) + 1)

    def _wants(self, mode, epoch, ds_id):
        now = time.monotonic()
        if now - self._looked > _LOOK_EVERY:
            self._look(now)
        return self._wanted.room(mode, ds_id, epoch)

    def _batch(self, mode, epoch, step, data, ds_id, world, layouts):
        check_mode(mode), check_ds_id(ds_id)
        room = self._wants(mode, epoch, ds_id)
        if room <= 0:
            self._counts["unwanted"] += 1
            return
        start = time.perf_counter_ns()
        epoch, step = int(epoch), int(step)
        topic = f"batch|{mode}|{ds_id}|{self.run}|"
        world = self._world(world)
        values, n = convert(data, None if room == ALL else room, self._wanted.keys(), layouts)
        if n:
            frames = []
            header = {"type": "batch", "mode": mode, "ds_id": ds_id, "epoch": epoch, "step": step,
                      "world": world, "data": pack(values, frames)}
            if self._send(topic, header, frames):
                self._count_batch(mode, ds_id, epoch, n, frames)
        self._counts["inside_ns"] += time.perf_counter_ns() - start

    def _count_batch(self, mode, ds_id, epoch, n, frames):
        count = self._sent.setdefault((mode, epoch), {}).setdefault(ds_id, [0, 0])
        count[0] += 1
        count[1] += n
        self._wanted.sent(mode, ds_id, epoch, n)
        self._counts["sent"] += 1
        self._counts["frame_bytes"] += sum(frame.nbytes for frame in frames)

    def _epoch_end(self, mode, epoch, world):
        start = time.perf_counter_ns()
        self._look(time.monotonic())
        if self._wanted.listens(f"epoch_end|{mode}|{self.run}|"):
            self._greet()
            self._send(f"epoch_end|{mode}|{self.run}|",
                       {"type": "epoch_end", "mode": mode, "epoch": epoch, "world": world,
                        "sent": self._sent.get((mode, epoch), {}),
                        "last_seq": self._last_seqs()})
        self._sent.pop((mode, epoch), None)
        self._wanted.forget(mode, epoch)
        self._counts["inside_ns"] += time.perf_counter_ns() - start

    def _greet(self):
        self._send(f"hello|{self.run}|", {"type": "hello", **self._hello})

    def _send(self, topic, header, frames=()):
        """Whether ZeroMQ took it. A number is used up only by what was handed over."""
        seq = self._seq.get(topic, 0)
        header = {**self._common, "seq": seq, "time_ns": time.time_ns(), **header}
        try:
            self._socket.send_multipart([topic.encode(), msgpack.packb(header), *frames])
        except zmq.Again:
            self._counts["dropped"] += header["type"] == "batch"
            return False
        except zmq.ZMQError as error:
            raise TransportError(f"can't send to {self.endpoint}: {error}") from None
        self._seq[topic] = seq + 1
        return True

    def _stats(self):
        return Stats(**{**self._counts, "stages": self._wanted.stages,
                        "subscribed": self._wanted.heard})

    def _close(self, linger):
        topic = f"bye|{self.run}|"
        if self._wanted.listens(topic):
            self._socket.set(zmq.SNDTIMEO, int(1000 * linger))
            self._send(topic, {"type": "bye", "last_seq": self._last_seqs()})
            self._wait_heard(topic, time.monotonic() + linger)
        self._socket.close(int(1000 * linger) if self._wanted.heard else 0)

    def _last_seqs(self):
        batches = [item for item in self._seq.items() if item[0].startswith("batch|")]
        return {topic: seq - 1 for topic, seq in batches[-1024:]}

    def _wait_heard(self, topic, deadline):
        """libzmq drops what it has not read yet of a connection that hangs up while its reader
        is busy: stay until the stages say that they have all of it."""
        stages, session = self._wanted.stages, self._common["session"]
        while len(self._wanted.heard_by.get(session, ())) < stages and self._wanted.listens(topic):
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._socket.poll(int(1000 * left) + 1)
            while self._socket.get(zmq.EVENTS) & zmq.POLLIN:
                self._wanted.take(self._socket.recv_multipart(zmq.NOBLOCK), time.monotonic())


def pack(values, frames):
    """The header's `data`; tensors' bytes are added to `frames`, from frame 2 on."""
    packed = {}
    for key, value in values.items():
        if isinstance(value, list):
            packed[key] = value
            continue
        packed[key] = tensor = {"nd": True, "type": value.type, "shape": value.shape,
                                "frame": 2 + len(frames)}
        if value.layout:
            tensor["layout"] = value.layout
        if value.grid:
            tensor["grid"] = value.grid
        frames.append(value.values.data if value.values.nbytes else b"")
    return packed
