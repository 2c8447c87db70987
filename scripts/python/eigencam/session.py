"""A training seen by its adapter: which samples to keep, and batches whose captions come later.

Adapters (PyTorch hooks, callbacks, traces) ask room() before they copy anything, put() what
they copied, and may add captions until the next event sends it. Nothing here raises: what
goes wrong is told once, as a warning, and the training goes on.
"""
import functools
import socket
import threading

import numpy as np

from eigencam._common import warn_once
from eigencam.arrays import first, is_torch
from eigencam.publisher import ALL, Publisher

_PROBE = 0.1    # seconds for a stage to take a connection, once
_GREETING = 1.0  # seconds for a stage that is there to subscribe, once


def guarded(method):
    """Training goes on whatever happens in here; each kind of trouble is told once."""
    @functools.wraps(method)
    def call(self, *args, **kwargs):
        try:
            return method(self, *args, **kwargs)
        except Exception as error:
            warn_once(f"{method.__qualname__} {type(error).__name__} {error}",
                      f"no picture of this batch: {error}")
            return None
    return call


def copy(value, limit=None):
    """The first samples, without a reference to where they come from."""
    if is_torch(value):
        return first(value.detach(), limit).clone()
    if isinstance(value, np.ndarray):
        return np.array(first(value, limit))
    return first(value, limit)


def outputs_of(layers, options, outputs="eigencam"):
    """What hello asks for: one output a layer. layers: activation keys by output's name, or one
    key alone."""
    options = {**options, "mode": options.get("mode") or "all",
               "n_samples": options.get("n_samples") or "all"}
    options = {key: value for key, value in options.items() if value is not None}
    if isinstance(layers, str):
        layers = {outputs: layers}
    return [{**options, "outputs": name, "activations": key} for name, key in layers.items()]


class Session:
    """One run's publisher, and the batch that waits for its captions.

    mode, n_samples: what the script asks for; they hold until a stage says what it wants.
    """

    def __init__(self, *, mode="!train", n_samples=5, **options):
        self.publisher = Publisher(**options)
        self._accepts = _mode_filter(mode)
        self._limit = ALL if n_samples in (None, "all", 0) else int(n_samples)
        self._taken = {}  # (mode, epoch, ds_id) -> samples
        self._pending = None
        self._lock = threading.RLock()
        self._both = ("labels", "preds")
        if listens(self.publisher.endpoint):
            self.publisher.wait(_GREETING)

    @property
    def alive(self):
        return self.publisher.alive

    def room(self, mode, epoch, ds_id=""):
        """How many of the next batch's samples somebody wants to see."""
        wanted = self.publisher.wants(mode, epoch, ds_id)
        if wanted < ALL or self.publisher.stats.stages:
            return wanted
        if not self._accepts(mode):
            return 0
        return self._limit - self._taken.get((mode, epoch, ds_id), 0)

    @guarded
    def put(self, mode, epoch, step, data, *, ds_id="", size=None, world=None, layouts={}):
        """A batch's samples as copied; size: how many the whole batch had."""
        if not self.alive:
            return
        n = len(next(iter(data.values())))
        with self._lock:
            self.flush()
            key = mode, epoch, ds_id
            self._taken[key] = self._taken.get(key, 0) + n
            self._pending = {"mode": mode, "epoch": epoch, "step": step, "data": data,
                             "ds_id": ds_id, "world": world, "layouts": layouts}
            self._size = size or n, n  # of the whole batch, and of what was copied

    @guarded
    def caption(self, key, values):
        """Labels or predictions of the batch that was put last: one for each of its samples."""
        if self._pending is None or not self.alive:  # in a forked child the lock may be held
            return
        with self._lock:
            if self._pending is None:
                return
            size, n = self._size
            if len(values) != size:
                raise ValueError(f"{len(values)} {key} for {size} samples")
            self._pending["data"][key] = copy(values, n)
            if all(name in self._pending["data"] for name in self._both):
                self.flush()

    @guarded
    def flush(self):
        """Send what waits."""
        if self._pending is None or not self.alive:
            return
        with self._lock:
            batch, self._pending = self._pending, None
            if batch is not None:
                self.publisher.batch(**batch)

    @guarded
    def epoch_end(self, mode, epoch, world=None):
        if not self.alive:
            return
        with self._lock:
            self.flush()
            self._taken = {key: n for key, n in self._taken.items() if key[:2] != (mode, epoch)}
            self.publisher.epoch_end(mode, epoch, world=world)

    @guarded
    def close(self):
        if self.alive:
            self.flush()
            self.publisher.close()


def _mode_filter(mode):
    """FastEstimator's rule: None, a mode, "!mode", or several of a kind."""
    if mode in (None, "all"):
        return lambda name: True
    names = [part.strip() for part in mode.split(",")] if isinstance(mode, str) else list(mode)
    if all(name.startswith("!") for name in names):
        return lambda name: "!" + name not in names
    return lambda name: name in names


def listens(endpoint):
    """Whether somebody takes connections there now; asked once, so that a training waits for
    the subscriptions of a stage that is there, and for nothing where there is none."""
    transport, _, place = endpoint.partition("://")
    if transport.startswith("bind:"):
        return False
    try:
        if transport == "ipc":
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(_PROBE)
                probe.connect("\0" + place[1:] if place.startswith("@") else place)
        elif transport == "tcp":
            host, _, port = place.rpartition(":")
            host = host.rpartition(";")[2].strip("[]")
            socket.create_connection((host, int(port)), _PROBE).close()
        else:
            return False
    except (OSError, ValueError):
        return False
    return True
