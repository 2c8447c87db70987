"""A Keras 3 callback: model.fit(..., callbacks=[EigenCAM("conv5", data=(x_val, y_val))])."""
import keras
import numpy as np

from eigencam.session import Session, guarded, outputs_of

_BATCH = 32


class EigenCAM(keras.callbacks.Callback):
    """Publishes, after each epoch, images and what a layer makes of them.

    Keras shows a callback no batches, so the images are given beforehand; a sub-model with the
    layer's output runs on them, and only when a stage wants to see them.

    layer  a layer's name, the layer, a list, or {output: layer}
    data   images (N,H,W,C), or (images, labels), or a data set that gives such batches
    Everything else is as in eigencam.watch(). Epochs count from 1, as fit() shows them.
    """

    def __init__(self, layer, data, *, classes=None, n_samples=5, n_components=None,
                 mode="!train", outputs="eigencam", run=None, endpoint=None, layout=None,
                 library=None, **options):
        super().__init__()
        self._layers = layer if hasattr(layer, "items") else \
            {_name(each): each for each in layer} if isinstance(layer, (list, tuple)) else layer
        keys = {name: name for name in self._layers} if hasattr(self._layers, "items") \
            else "activations"
        self._images, self._labels = first_samples(data, n_samples)
        self._layout, self._sub = layout, None
        options |= {"n_samples": n_samples, "n_components": n_components, "mode": mode}
        self._session = Session(
            mode=mode, n_samples=n_samples, run=run, endpoint=endpoint, label_mapping=classes,
            framework=f"keras {keras.__version__} {keras.backend.backend()}", library=library,
            traces=outputs_of(keys, options, outputs))

    def on_epoch_end(self, epoch, logs=None):
        self._publish("eval", epoch + 1)

    def on_test_end(self, logs=None):
        """evaluate() outside of fit(): a test of its own."""
        if not getattr(self, "_fitting", False):
            self._tests = getattr(self, "_tests", 0) + 1
            self._publish("test", self._tests)

    def on_train_begin(self, logs=None):
        self._fitting = True

    def on_train_end(self, logs=None):
        self._fitting = False

    @guarded
    def _publish(self, mode, epoch):
        step = at = 0
        while at < len(self._images):
            room = min(self._session.room(mode, epoch), _BATCH)
            if room <= 0:
                break
            self._publish_batch(mode, epoch, step, slice(at, at + room))
            step, at = step + 1, at + room
        self._session.epoch_end(mode, epoch)

    def _publish_batch(self, mode, epoch, step, part):
        images = self._images[part]
        names, outputs = self._run(images)
        *activations, scores = outputs
        data = {"images": images, **dict(zip(names, activations))}
        self._session.put(mode, epoch, step, data, layouts=self._layouts(data))
        if self._labels is not None:
            self._session.caption("labels", self._labels[part])
        if scores.ndim == 2:
            self._session.caption("preds", scores)
        self._session.flush()

    def _run(self, images):
        """The layers' outputs, and the model's first."""
        if self._sub is None:
            self._sub = sub_model(self.model, self._layers)
        names, sub = self._sub
        outputs = sub(keras.ops.convert_to_tensor(images), training=False)
        return names, [keras.ops.convert_to_numpy(each) for each in outputs]

    def _layouts(self, data):
        last = keras.config.image_data_format() == "channels_last"
        order = "NHWC" if last else "NCHW"
        layouts = {key: "NLC" if value.ndim == 3 else self._layout or order
                   for key, value in data.items() if key != "images"}
        return {"images": order, **layouts} if data["images"].ndim == 4 else layouts

    def close(self):
        self._session.close()


def _name(layer):
    return layer if isinstance(layer, str) else layer.name


def sub_model(model, layers):
    """Of a functional or sequential model: the same with the layers' outputs in front."""
    chosen = layers if hasattr(layers, "items") else {"activations": layers}
    try:
        found = [model.get_layer(each) if isinstance(each, str) else each
                 for each in chosen.values()]
        wanted = [layer.output for layer in found]
        return list(chosen), keras.Model(model.inputs, [*wanted, model.outputs[0]])
    except (AttributeError, ValueError) as error:
        raise ValueError(f"the layers' outputs can't be reached ({error}); expected layers of a "
                         "functional or sequential model") from None


def first_samples(data, n_samples):
    """(images, labels or None) of arrays, a pair of them, or a data set of such batches."""
    limit = None if n_samples in (None, "all", 0) else int(n_samples)
    if hasattr(data, "shape"):
        return np.asarray(data[:limit]), None
    if isinstance(data, (list, tuple)) and len(data) == 2 and hasattr(data[0], "shape"):
        return np.asarray(data[0][:limit]), np.asarray(data[1][:limit])
    images, labels, found = [], [], 0
    for batch in data:
        x, *y = batch if isinstance(batch, (list, tuple)) else (batch,)
        images.append(np.asarray(x))
        labels.extend(np.asarray(each) for each in y[:1])
        found += len(images[-1])
        if limit is not None and found >= limit:
            break
    return np.concatenate(images)[:limit], np.concatenate(labels)[:limit] if labels else None
