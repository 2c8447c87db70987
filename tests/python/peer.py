"""A stage's trainer side in the test's own hands: what a publisher really sends."""
import time

import msgpack
import numpy as np
import zmq

from support.program import PATIENCE, Folder

from eigencam import native

LIBRARIES = ["python", "c"] if native.load() else ["python"]


def numpy_of(tensor, frames):
    data = tensor["data"] if "data" in tensor else frames[tensor["frame"] - 2]
    dtype = "<u2" if tensor["type"] == "bfloat16" else tensor["type"]
    return np.frombuffer(data, dtype).reshape(tensor["shape"])


class Message:
    def __init__(self, parts):
        self.topic, self.header = parts[0].decode(), msgpack.unpackb(parts[1])
        self.frames = parts[2:]

    @property
    def type(self):
        return self.header["type"]

    def array(self, key):
        return numpy_of(self.header["data"][key], self.frames)


class Peer:
    """Binds, subscribes, and may say what it wants."""

    def __init__(self, *topics, folder=None):
        self.folder = folder or Folder()
        self.endpoint = f"ipc://{self.folder / 'in'}"
        self.generation = 0
        self.socket = zmq.Context.instance().socket(zmq.XSUB)
        self.socket.set(zmq.RCVHWM, 0)
        self.socket.set(zmq.LINGER, 0)
        self.socket.bind(self.endpoint)
        for topic in topics or [""]:
            self.subscribe(topic)

    def await_subscribed(self, publisher):
        """Until the publisher has our subscriptions: this socket takes a connection when it is
        looked at, and it lives in the same thread."""
        until("a subscription", lambda: publisher.wait(0.02) or self.socket.poll(0) and False)

    def subscribe(self, topic):
        self.socket.send(b"\1" + topic.encode())

    def want(self, *interests, ttl_ms=10000, stage=7):
        self.generation += 1
        self.socket.send_multipart([b"want", msgpack.packb({
            "v": 1, "type": "want", "stage": stage, "generation": self.generation,
            "ttl_ms": ttl_ms, "interests": list(interests)})])

    def receive(self, type=None):
        """The next message, or the next of a type."""
        while True:
            assert self.socket.poll(1000 * PATIENCE), f"no {type or 'message'} comes"
            message = Message(self.socket.recv_multipart())
            if type in (None, message.type):
                return message

    def received(self, until="bye"):
        """All messages up to the first of that type."""
        messages = [self.receive()]
        while messages[-1].type != until:
            messages.append(self.receive())
        return messages

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.folder.__exit__()


def until(what, condition):
    """Wait for something that the other side's answer brings about."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} does not come true"
        time.sleep(0.005)
