"""A Lightning callback: Trainer(callbacks=[EigenCAM("backbone.layer4", classes=names)])."""
import sys
from collections.abc import Mapping

import torch

if "pytorch_lightning" in sys.modules and "lightning.pytorch" not in sys.modules:
    from pytorch_lightning.callbacks import Callback
else:
    from lightning.pytorch.callbacks import Callback

from eigencam._common import default_run
from eigencam.session import Session, copy, guarded, outputs_of
from eigencam.torch_hooks import Capture, find_images, find_layers, layouts_of

_LABELS = ("labels", "label", "targets", "target", "y")
_PREDS = ("preds", "pred", "logits", "scores", "y_hat")


class EigenCAM(Callback):
    """Publishes the first samples of each epoch; what it takes is as in eigencam.watch().

    layer   a name in the LightningModule, a module, a list, or {output: layer}
    images  a function of the batch; default: its first tensor (N,C,H,W) with 1 or 3 channels
    labels  likewise; default: the second of a pair, or what is called labels, targets or y
    preds   a function of what the step returns; default: what is called preds, logits or scores
            there
    """

    def __init__(self, layer, *, classes=None, n_samples=5, n_components=None, mode="!train",
                 outputs="eigencam", run=None, endpoint=None, images=None, labels=None,
                 preds=None, layout=None, library=None, **options):
        self._layer, self._layout, self._outputs = layer, layout, outputs
        self._images, self._labels, self._preds = \
            images or find_images, labels or find_labels, preds or find_preds
        self._options = {**options, "n_samples": n_samples, "n_components": n_components,
                         "mode": mode}
        self._publisher = {"run": run, "endpoint": endpoint, "label_mapping": classes,
                           "library": library}
        self._session = self._capture = self._taken = None
        self._epochs, self._steps = {}, {}

    def setup(self, trainer, pl_module, stage):
        if self._session is None:
            layers, keys = find_layers(pl_module, self._layer)
            # Callbacks run on all ranks: this is where they agree on a name.
            run = self._publisher["run"] or trainer.strategy.broadcast(default_run())
            self._session = Session(
                **{**self._publisher, "run": run}, mode=self._options["mode"],
                n_samples=self._options["n_samples"], rank=trainer.global_rank,
                world=trainer.world_size, framework="lightning",
                traces=outputs_of(keys, self._options, self._outputs))
            self._capture = Capture(layers)

    def teardown(self, trainer, pl_module, stage):
        """A later test() or fit() of the same trainer goes on with a session of its own."""
        if self._session is not None:
            self._capture.remove()
            self._session.close()
            self._session = self._capture = None

    # ---- batches ----

    @guarded
    def _begin(self, trainer, mode, batch, loader):
        self._taken = None
        if trainer.sanity_checking:
            return
        step = self._steps[mode] = self._steps.get(mode, -1) + 1
        epoch = self._epoch(trainer, mode)
        ds_id = _data_set(trainer, mode, loader)
        room = self._session.room(mode, epoch, ds_id)
        if room > 0:
            images = self._images(batch)
            n = min(room, len(images))
            self._taken = {"mode": mode, "epoch": epoch, "step": step, "ds_id": ds_id,
                           "size": len(images)}
            self._kept = copy(images, n)
            self._capture.arm(n, len(images))

    @guarded
    def _end(self, batch, outputs):
        if self._taken is None:
            return
        taken, self._taken = self._taken, None
        data = self._capture.take()
        self._session.put(data={"images": self._kept, **data},
                          layouts=layouts_of(data, self._layout), **taken)
        for key, value in (("labels", self._labels(batch)), ("preds", self._preds(outputs))):
            if value is not None:
                self._session.caption(key, value)
        self._session.flush()

    def _epoch(self, trainer, mode):
        """Lightning's own number; the next where it evaluates several times an epoch."""
        return max(trainer.current_epoch, self._epochs.get(mode, -1) + 1)

    @guarded
    def _epoch_end(self, trainer, mode):
        if not trainer.sanity_checking:
            epoch = self._epoch(trainer, mode)
            self._session.epoch_end(mode, epoch)
            self._epochs[mode] = epoch
            self._steps.pop(mode, None)

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self._begin(trainer, "train", batch, 0)

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self._end(batch, outputs)

    def on_train_epoch_end(self, trainer, pl_module):
        self._epoch_end(trainer, "train")

    def on_validation_batch_start(self, trainer, pl_module, batch, batch_idx, dataloader_idx=0):
        self._begin(trainer, "eval", batch, dataloader_idx)

    def on_validation_batch_end(self, trainer, pl_module, outputs, batch, batch_idx,
                                dataloader_idx=0):
        self._end(batch, outputs)

    def on_validation_epoch_end(self, trainer, pl_module):
        self._epoch_end(trainer, "eval")

    def on_test_batch_start(self, trainer, pl_module, batch, batch_idx, dataloader_idx=0):
        self._begin(trainer, "test", batch, dataloader_idx)

    def on_test_batch_end(self, trainer, pl_module, outputs, batch, batch_idx, dataloader_idx=0):
        self._end(batch, outputs)

    def on_test_epoch_end(self, trainer, pl_module):
        self._epoch_end(trainer, "test")

    def on_predict_batch_start(self, trainer, pl_module, batch, batch_idx, dataloader_idx=0):
        self._begin(trainer, "infer", batch, dataloader_idx)

    def on_predict_batch_end(self, trainer, pl_module, outputs, batch, batch_idx,
                             dataloader_idx=0):
        self._end(batch, outputs)

    def on_predict_epoch_end(self, trainer, pl_module):
        self._epoch_end(trainer, "infer")


def _data_set(trainer, mode, loader):
    """Several loaders are several data sets."""
    loaders = {"eval": "val_dataloaders", "test": "test_dataloaders",
               "infer": "predict_dataloaders"}.get(mode)
    several = isinstance(getattr(trainer, loaders, None) if loaders else None, (list, tuple))
    return f"loader{loader}" if several and len(getattr(trainer, loaders)) > 1 else ""


def find_labels(batch):
    if isinstance(batch, (list, tuple)) and len(batch) >= 2:
        return batch[1] if isinstance(batch[1], (torch.Tensor, list)) else None
    return _named(batch, _LABELS)


def find_preds(outputs):
    return _named(outputs, _PREDS)


def _named(values, names):
    if isinstance(values, Mapping):
        return next((values[name] for name in names if name in values), None)
    return None
