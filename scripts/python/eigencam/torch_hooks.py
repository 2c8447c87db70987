"""watch(): pictures of a PyTorch model's layers, by hooks."""
import atexit
import contextlib
import os
import threading
import weakref
from collections.abc import Mapping

import torch

from eigencam._common import default_run, warn_once
from eigencam.session import Session, copy, guarded, outputs_of

_watches = weakref.WeakSet()
_opened = 0  # watches of this process so far


def _outside_graphs(function):
    """torch.compile shall call a hook, not trace it."""
    compiler = getattr(torch, "compiler", None) or getattr(torch, "_dynamo", None)
    disable = getattr(compiler, "disable", None)
    return disable(function) if disable else function


class _Hook:
    """A hook of one module. In copies of the module (deepcopy, pickle) it does nothing,
    DataParallel's copies are told about, and a pickled one needs no eigencam where it is loaded."""

    def __init__(self, module, call):
        self._module, self._call = weakref.ref(module), call

    @_outside_graphs
    def __call__(self, module, *args):
        if self._module() is module:
            self._call(module, *args)
        elif getattr(module, "_is_replica", False):
            warn_once("replica", "torch.nn.DataParallel runs copies of the model, which are not "
                      "watched: no pictures of what it runs. Use DistributedDataParallel, or "
                      "evaluate with the model itself (its .module)")

    def __deepcopy__(self, _memo):
        return contextlib.nullcontext().__exit__

    def __reduce__(self):
        return getattr, (contextlib.nullcontext(), "__exit__")


def unwrap(model):
    """The model itself: without DistributedDataParallel, DataParallel and torch.compile."""
    while True:
        inner = getattr(model, "_orig_mod", None)
        if inner is None and isinstance(model, (torch.nn.parallel.DistributedDataParallel,
                                                torch.nn.DataParallel)):
            inner = model.module
        if inner is None:
            return model
        model = inner


def find_layer(model, layer):
    if isinstance(layer, torch.nn.Module):
        return unwrap(layer)
    modules = {_plain(name): module for name, module in model.named_modules()}
    if layer not in modules:
        known = [name for name in modules if name]
        raise ValueError(f"the model has no layer {layer!r}; it has {', '.join(known[:40])}"
                         f"{', ...' if len(known) > 40 else ''}")
    return unwrap(modules[layer])


def _plain(name):
    return ".".join(part for part in name.split(".") if part != "_orig_mod")


def find_layers(model, layer):
    """({activations' key: module}, {output: key} or the one key)."""
    if isinstance(layer, Mapping):
        return {name: find_layer(model, each) for name, each in layer.items()}, \
            {name: name for name in layer}
    if isinstance(layer, (list, tuple)):
        names = [each if isinstance(each, str) else _name_of(model, each) for each in layer]
        return find_layers(model, dict(zip(names, layer)))
    return {"activations": find_layer(model, layer)}, "activations"


def _name_of(model, layer):
    for name, module in model.named_modules():
        if module is layer:
            return _plain(name)
    raise ValueError(f"{type(layer).__name__} is no layer of the model: give a dictionary "
                     "{name: layer} for layers that lie outside it")


def first_tensor(value, fits=lambda tensor: True):
    """The first tensor that fits, in nested lists, tuples and dictionaries; or None."""
    if isinstance(value, torch.Tensor):
        return value if fits(value) else None
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return None
    return next((found for each in value
                 if (found := first_tensor(each, fits)) is not None), None)


def _is_image(tensor):
    return tensor.ndim == 4 and (tensor.shape[1] in (1, 3) or tensor.shape[3] in (1, 3))


def find_images(value):
    images = first_tensor(value, _is_image)
    if images is None:
        raise ValueError("no images among the model's inputs: expected a tensor (N,C,H,W) or "
                         "(N,H,W,C) with 1 or 3 channels; say images=FUNCTION of the inputs")
    return images


class Capture:
    """Forward hooks that copy the first samples of layers' outputs while they are armed."""

    def __init__(self, layers):
        self._keys, self._n, self._thread, self._taken = list(layers), 0, None, {}
        self._handles = [layer.register_forward_hook(_Hook(layer, self._hook(key)))
                         for key, layer in layers.items()]

    def arm(self, n, size):
        """From now on, in this thread: n samples of a batch of `size`."""
        self._n, self._size, self._taken = n, size, {}
        self._thread = threading.get_ident()

    def take(self):
        """What was copied since: {key: tensor}; all layers, or nothing."""
        taken, self._taken, self._n = self._taken, {}, 0
        missing = [key for key in self._keys if key not in taken]
        if missing:
            raise ValueError(f"layer {', '.join(missing)} did not run in the model's forward. If "
                             "the model was compiled and used before watch(), its hooks are not "
                             "seen: call watch() first")
        return taken

    def _hook(self, key):
        return lambda _module, _args, output: self._see(key, output)

    @guarded
    def _see(self, key, output):
        if self._n and threading.get_ident() == self._thread:
            self._keep(key, output)

    def _keep(self, key, output):
        output = first_tensor(output)
        if output is None or output.ndim not in (3, 4) or len(output) != self._size:
            raise ValueError(f"layer {key!r} gives {describe(output)}; expected "
                             f"({self._size},C,h,w) or ({self._size},tokens,C)")
        self._taken[key] = copy(output, self._n)

    def remove(self):
        for handle in self._handles:
            handle.remove()


def describe(value):
    return f"shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else "no tensor"


def layouts_of(data, layout):
    """What the axes mean: PyTorch's own order, unless the caller says otherwise."""
    def of(key, value):
        if isinstance(layout, Mapping):
            return layout.get(key)
        return layout or ("NLC" if value.ndim == 3 else "NCHW")
    return {key: found for key, value in data.items() if key != "images"
            if (found := of(key, value))}


class Watch:
    """What watch() returns; see there. Thread-safe as far as the model is."""

    def __init__(self, model, layer, *, classes=None, n_samples=5, n_components=None,
                 mode="!train", outputs="eigencam", run=None, endpoint=None, ds_id="", epoch=0,
                 eval_mode="eval", eval_world=None, rank=None, world=None, images=None,
                 layout=None, library=None, **options):
        self._model = weakref.ref(unwrap(model))
        layers, keys = find_layers(self._model(), layer)
        self.epoch, self.ds_id, self.eval_mode = epoch, ds_id, eval_mode
        self._find, self._layout = images, layout
        self._mode, self._ended, self._step = None, {}, 0
        self._images, self._eval_world = None, eval_world
        rank, world = _place(rank, world)
        options |= {"n_samples": n_samples, "n_components": n_components, "mode": mode}
        self._session = Session(
            mode=mode, n_samples=n_samples, run=run or _shared_run(), endpoint=endpoint, rank=rank,
            world=world, label_mapping=classes, traces=outputs_of(keys, options, outputs),
            framework=f"pytorch {torch.__version__}", library=library)
        self._capture = Capture(layers)
        # After the layers' own, as the layer may be the model itself.
        self._handles = self._hook(self._model())
        _watches.add(self)

    def _hook(self, model):
        """Hooks hold the Watch, and the Watch no module: it lives as long as the model."""
        with_kwargs = {"with_kwargs": True} if _takes_kwargs() else {}
        before = _Hook(model, lambda _module, args, kwargs={}: self._begin(args, kwargs))
        after = _Hook(model, lambda _module, _args, _output: self._end())
        return [model.register_forward_pre_hook(before, **with_kwargs),
                model.register_forward_hook(after)]

    @property
    def run(self):
        return self._session.publisher.run

    @property
    def stats(self):
        return self._session.publisher.stats

    @guarded
    def _begin(self, args, kwargs):
        model = self._model()
        if model is None or not self._session.alive or torch.jit.is_tracing():
            return
        self._enter("train" if model.training else self.eval_mode)
        self._session.flush()
        self._images, self._at = None, self._step
        self._step += 1
        room = self._session.room(self._mode, self.epoch, self.ds_id)
        if room <= 0:
            return
        images = self._find(*args, **kwargs) if self._find else find_images((args, kwargs))
        self._size = len(images)
        self._images = copy(images, room)
        self._capture.arm(len(self._images), self._size)

    @guarded
    def _end(self):
        if self._images is None:
            return
        images, self._images = self._images, None
        data = self._capture.take()
        self._session.put(self._mode, self.epoch, self._at, {"images": images, **data},
                          ds_id=self.ds_id, size=self._size, world=self._world(),
                          layouts=layouts_of(data, self._layout))

    def _world(self):
        return None if self._mode == "train" else self._eval_world

    def _enter(self, mode):
        """A new phase begins with its first forward: training always begins an epoch, an
        evaluation belongs to the one that has just been trained."""
        if mode == self._mode:
            return
        self.epoch_end()
        if mode == "train" or self._ended.get(mode) == self.epoch:
            self.epoch += 1
        self._mode, self._step = mode, 0

    def labels(self, values):
        """Captions of the last forward's samples: numbers, one-hot rows, or strings."""
        self._session.caption("labels", values)

    def preds(self, values):
        """Likewise; class scores (N, classes) stand for their largest."""
        self._session.caption("preds", values)

    def flush(self):
        """Send the last forward's samples now, without waiting for captions."""
        self._session.flush()

    def epoch_end(self):
        """The evaluation (or training) that runs is over: its pictures are made now."""
        if self._mode is not None:
            self._session.epoch_end(self._mode, self.epoch, self._world())
            self._ended[self._mode] = self.epoch
            self._mode = None

    def close(self):
        """End the epoch, take the hooks off, and leave."""
        for handle in self._handles:
            handle.remove()
        self._capture.remove()
        self.epoch_end()
        self._session.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if hasattr(self, "_handles"):
            self.close()


def _takes_kwargs():
    return int(torch.__version__.split(".")[0]) >= 2


def _distributed():
    """torch.distributed where it is in use."""
    dist = torch.distributed
    return dist if dist.is_available() and dist.is_initialized() else None


def _place(rank, world):
    dist = _distributed()
    if rank is None:
        rank = dist.get_rank() if dist else int(os.environ.get("RANK", 0))
    if world is None:
        world = dist.get_world_size() if dist else int(os.environ.get("WORLD_SIZE", 1))
    return rank, max(world, rank + 1)


def _shared_run():
    """Script name and start time; all ranks take the name that the first of them gives."""
    global _opened
    _opened += 1
    again = f"-{_opened}" if _opened > 1 else ""
    dist = _distributed()
    if dist is None:
        if int(os.environ.get("WORLD_SIZE", 1)) > 1:
            warn_once("no group", "call watch() after init_process_group(), or give it run=NAME: "
                      "the ranks can't agree on a name with the time in it")
            return default_run().rsplit("-", 2)[0] + again
        return default_run() + again
    store = dist.distributed_c10d._get_default_store()
    return store.compare_set("eigencam/run", "", default_run()).decode() + again


def close_all():
    for each in list(_watches):
        each.close()


atexit.register(close_all)
