"""Publish a training run to an eigencam stage: never waits, except once at start."""
import os
import secrets
import time

import msgpack
import numpy as np
import zmq


class Publisher:
    def __init__(self, endpoint, run, rank=0, world=1, hello=None):
        self.common = {"v": 1, "run": run, "rank": rank, "world": world,
                       "session": secrets.randbits(64)}
        self.hello = {"framework": "python", "pid": os.getpid(), **(hello or {})}
        self.seq, self.sent = {}, {}
        self.socket = zmq.Context.instance().socket(zmq.XPUB)
        self.socket.set(zmq.SNDHWM, 32)  # then drop: training never waits
        self.socket.set(zmq.LINGER, 2000)
        self.socket.connect(endpoint)
        self.socket.poll(2000)  # a stage that listens subscribes at once
        self.greet()

    def greet(self):
        news = False  # has anybody subscribed since the last call?
        while self.socket.poll(0):
            news |= self.socket.recv_multipart()[0][:1] == b"\x01"
        if news:
            self._hello()

    def batch(self, mode, epoch, step, data, ds_id=""):  # data: arrays by key
        self.greet()
        count = self.sent.setdefault((mode, epoch), {}).setdefault(ds_id, [0, 0])
        count[0] += 1
        count[1] += len(next(iter(data.values())))
        arrays = [np.ascontiguousarray(a) for a in data.values()]
        tensors = {key: {"nd": True, "type": a.dtype.str, "shape": a.shape, "frame": 2 + i}
                   for i, (key, a) in enumerate(zip(data, arrays))}
        self._send(f"batch|{mode}|{ds_id}|{self.common['run']}|",
                   {"type": "batch", "mode": mode, "ds_id": ds_id, "epoch": epoch,
                    "step": step, "data": tensors}, arrays)

    def epoch_end(self, mode, epoch):
        self._hello()
        self._send(f"epoch_end|{mode}|{self.common['run']}|",
                   {"type": "epoch_end", "mode": mode, "epoch": epoch,
                    "sent": self.sent.pop((mode, epoch), {})})

    def close(self):
        self._send(f"bye|{self.common['run']}|", {"type": "bye", "last_seq": dict(self.seq)})
        self.socket.close()

    def _hello(self):
        self._send(f"hello|{self.common['run']}|", {"type": "hello", **self.hello})

    def _send(self, topic, header, arrays=()):
        seq = self.seq[topic] = self.seq.get(topic, -1) + 1
        header = {**self.common, "seq": seq, "time_ns": time.time_ns(), **header}
        self.socket.send_multipart([topic.encode(), msgpack.packb(header), *arrays])
