"""FastEstimator's EigenCAM trace, whose pictures a stage makes: change the import, that is all.

    from eigencam.fastestimator import EigenCAM
"""
from fastestimator.trace.trace import Trace

from eigencam._common import default_run
from eigencam.arrays import is_torch
from eigencam.session import Session, copy, guarded, outputs_of


class EigenCAM(Trace):
    """The arguments are those of fastestimator.trace.xai.EigenCAM. The pictures leave through the
    stage, so the key `outputs` (their name there) stays empty, and traces that would show it
    have nothing to do.

    downsize  taken, and not needed: the stage computes at full size
    run, endpoint, library, options: as in eigencam.watch()
    """

    def __init__(self, images, activations, n_components=3, n_samples=5, downsize=None,
                 labels=None, preds=None, label_mapping=None, outputs="eigencam", mode="!train",
                 ds_id=None, *, run=None, endpoint=None, library=None, **options):
        inputs = [key for key in (images, activations, labels, preds) if key is not None]
        super().__init__(inputs=inputs, outputs=outputs, mode=mode, ds_id=ds_id)
        self._keys = {"images": images, "activations": activations, "labels": labels,
                      "preds": preds}
        options |= {"n_components": n_components, "n_samples": n_samples,
                    "mode": as_option(mode), "ds_id": as_option(ds_id)}
        self._options = {
            "mode": None, "n_samples": n_samples, "run": run, "endpoint": endpoint,
            "label_mapping": label_mapping, "library": library, "framework": "fastestimator",
            "traces": outputs_of("activations", options, outputs)}
        self._suffix = "" if outputs == "eigencam" else f"-{outputs}"
        self._session, self._steps = None, {}

    def on_begin(self, data):
        if self._session is None:
            run = self._options["run"] or \
                (self.system.summary.name or default_run()).replace("|", "-") + self._suffix
            self._session = Session(**{**self._options, "run": run})

    @guarded
    def on_batch_end(self, data):
        mode, epoch = self.system.mode, self.system.epoch_idx or 0
        ds_id = getattr(self.system, "ds_id", "") or ""
        step = self._steps[mode] = self._steps.get(mode, -1) + 1
        room = self._session.room(mode, epoch, ds_id)
        if room <= 0:
            return
        values = {key: copy(data[name], room) for key, name in self._keys.items() if name}
        size = len(data[self._keys["images"]])
        layout = "NCHW" if is_torch(values["activations"]) else "NHWC"
        self._session.put(mode, epoch, step, values, ds_id=ds_id, size=size,
                          layouts={"images": layout, "activations": layout})
        self._session.flush()

    @guarded
    def on_epoch_end(self, data):
        self._steps.pop(self.system.mode, None)
        self._session.epoch_end(self.system.mode, self.system.epoch_idx or 0)

    def on_end(self, data):
        """Of a training, or of a test after it, which opens a session again."""
        if self._session is not None:
            self._session.close()
            self._session = None


def as_option(names):
    """FastEstimator's filter as the stage's option."""
    if names is None:
        return None
    return names if isinstance(names, str) else ",".join(sorted(names))
