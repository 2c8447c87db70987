"""The trainer's side: batches and markers to a stage.

Made to be forgotten about: no call waits unless block_ms says so, none raises because of
the transport, and a stage that is absent, slow or started again costs a call microseconds.
Wrong arguments raise ValueError or TypeError. In a forked child a publisher is off.
"""
import os
import sys
import weakref
from typing import NamedTuple

from eigencam._common import (check_mode, check_name, default_endpoint, default_keys, default_run,
                              warn_once)
from eigencam._common import label_mapping as names_of
from eigencam.arrays import as_array

ALL = sys.maxsize  # of wants(): not bounded, or not known
_publishers = weakref.WeakSet()


class Stats(NamedTuple):
    """Since the publisher was opened. sent: batch messages given to ZeroMQ; unwanted: calls
    of batch() of which nothing was wanted; dropped: for want of room; oversize: larger than the
    ring; ring_bytes, frame_bytes: tensors' bytes by either way; inside_ns: time spent in batch()
    and epoch_end(). And now: stages that say what they want; whether anybody subscribes;
    whether a stage has taken the ring."""
    sent: int = 0
    unwanted: int = 0
    dropped: int = 0
    oversize: int = 0
    ring_bytes: int = 0
    frame_bytes: int = 0
    inside_ns: int = 0
    stages: int = 0
    subscribed: bool = False
    shared_memory: bool = False


class Publisher:
    """One rank of a run. Made of the C library where it is there (tensors then go through
    shared memory on the stage's host), else of pyzmq and msgpack.

    endpoint       tcp://127.0.0.1:5560, or $EIGENCAM_ENDPOINT; "bind:" in front binds
    run            a name; default: script name and start time
    rank, world    of a distributed training
    label_mapping  class names in the order of their values, or {name: value}
    traces         the outputs this run asks for: a list of dictionaries with the names of the
                   stage's configuration file, [{"n_samples": 8}]
    ring_bytes     of the shared memory; 0: none
    block_ms       how long a batch may wait for room; 0: it is dropped and counted
    key            the file of this trainer's secret key (eigencam keygen), or $EIGENCAM_KEY
    server_key     the stage's public key, or the file of it, or $EIGENCAM_SERVER_KEY
    insecure       bind what other hosts can reach without keys
    library        "c", "python" or None for what is there
    """

    def __new__(cls, *_, library=None, **__):
        if cls is not Publisher:
            return super().__new__(cls)
        from eigencam import native, pure
        if library not in (None, "c", "python"):
            raise ValueError(f'library {library!r} is not accepted; expected "c", "python" or None')
        if library != "python" and native.load():
            return super().__new__(native.NativePublisher)
        if library == "c":
            raise ImportError(f"libeigencam-client can't be loaded: {native.why_not()}")
        if library is None:
            warn_once("no library", f"libeigencam-client can't be loaded ({native.why_not()}): "
                      "publishing with pyzmq and without shared memory")
        return super().__new__(pure.PurePublisher)

    def __init__(self, endpoint=None, run=None, rank=0, world=1, *, label_mapping=None,
                 traces=(), framework=None, ring_bytes=64 << 20, block_ms=0, key=None,
                 server_key=None, insecure=False, library=None):
        if not 0 <= rank < world:
            raise ValueError(f"rank {rank} of {world}; expected 0 to {world - 1}")
        self.endpoint = endpoint or default_endpoint()
        self.run = check_name(run or default_run(), "run")
        self.rank, self.world = rank, world
        self.key, self.server_key = default_keys(key, server_key)
        self.insecure = bool(insecure)
        self._alive = False
        try:
            self._open(names_of(label_mapping), [dict(trace) for trace in traces], framework,
                       ring_bytes, block_ms)
            self._alive = True
        except TransportError as error:
            tell(error)
        _publishers.add(self)

    @property
    def alive(self):
        """False once closed, in a forked child, and where the transport could not be opened."""
        return self._alive

    def wait(self, timeout=2.0):
        """Wait, at most so many seconds, for a stage that subscribes; whether there is one.
        Needed only where the very first batches shall not be missed."""
        try:
            return self._alive and self._wait(timeout)
        except TransportError as error:
            return tell(error)

    def wants(self, mode, epoch=0, ds_id=""):
        """How many more samples of this epoch some stage still wants from this rank: 0 for
        none, ALL where it is not bounded or not known. Ask before copying from a GPU."""
        try:
            return self._wants(mode, epoch, ds_id) if self._alive else 0
        except TransportError as error:
            return tell(error)

    def batch(self, mode, epoch, step, data, ds_id="", *, world=None, layouts={}):
        """Publish one batch: arrays, tensors or lists by key. At most the samples and keys that
        are wanted are touched; all is the caller's again when it returns.

        step     the batch's index in this epoch and mode, over all data sets
        world    the ranks that take part in this mode, where not all do
        layouts  by key: "NCHW", "NHWC", "NLC", or ("NLC", height, width)
        """
        if not self._alive:
            return
        try:
            self._batch(mode, epoch, step, data, ds_id, world, layouts)
        except TransportError as error:
            tell(error)

    def epoch_end(self, mode, epoch, *, world=None):
        """After a mode's last batch of an epoch, over all its data sets."""
        try:
            if self._alive:
                self._epoch_end(check_mode(mode), int(epoch), self._world(world))
        except TransportError as error:
            tell(error)

    @property
    def stats(self):
        return self._stats()

    def close(self, linger=1.0):
        """Say good-bye; waits at most `linger` seconds for what is on its way."""
        if self._alive:
            self._alive = False
            try:
                self._close(linger)
            except TransportError as error:
                tell(error)

    def _world(self, world):
        if world is None:
            return self.world
        if world <= self.rank:
            raise ValueError(f"rank {self.rank} takes part in a mode whose world is {world}; "
                             f"expected at least {self.rank + 1}")
        return int(world)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if getattr(self, "_alive", False):
            self.close(linger=0)


class TransportError(Exception):
    """Told as a warning, never raised to the caller."""


def tell(error):
    """Once each; returns 0, which is what a call then answers."""
    warn_once(str(error), str(error))
    return 0


def convert(data, limit, keys, layouts):
    """The wanted values as Array or list of str, and the number of samples.
    Raises TypeError and ValueError that name the key."""
    values, n = {}, None
    for key, value in data.items():
        if value is None or (keys is not None and key not in keys):
            continue
        layout = layouts.get(key)
        layout, *grid = layout if isinstance(layout, tuple) else (layout,)
        try:
            values[key] = as_array(value, limit, layout, tuple(grid) or None)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{key!r}: {error}") from None
        if n is not None and len(values[key]) != n:
            raise ValueError(f"{key!r} has {len(values[key])} samples, "
                             f"{next(iter(values))!r} has {n}; expected the same number")
        n = len(values[key])
    if any(0 in value.shape for value in values.values() if not isinstance(value, list)):
        return {}, 0
    return values, n or 0


def _off_in_child():
    for publisher in list(_publishers):
        publisher._alive = False


os.register_at_fork(after_in_child=_off_in_child)
