"""Whatever a framework calls an array, as contiguous little-endian bytes."""
import sys

import numpy as np

# NumPy's dtype strings that the wire knows (proto/wire.md), and bfloat16.
TYPES = ("|b1", "|u1", "|i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f2", "<f4", "<f8",
         "bfloat16")


class Array:
    """A C-contiguous array and its wire type; bfloat16 is held as its bits."""

    __slots__ = ("values", "type", "layout", "grid")

    def __init__(self, values, type, layout=None, grid=None):
        self.values, self.type, self.layout, self.grid = values, type, layout, grid

    @property
    def shape(self):
        return self.values.shape

    def __len__(self):
        return len(self.values)


def is_torch(value):
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def first(value, limit):
    """The first samples: a view, where the framework has them."""
    return value if limit is None or len(value) <= limit else value[:limit]


def _from_torch(tensor):
    import torch
    tensor = tensor.detach()
    if tensor.device.type != "cpu":
        tensor = tensor.cpu()
    if tensor.layout != torch.strided:
        raise TypeError(f"a sparse tensor ({tensor.layout}); expected a dense one")
    tensor = tensor.resolve_conj().resolve_neg().contiguous()
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(np.uint16), "bfloat16"
    return tensor.numpy(), None


def _from_other(value):
    if isinstance(value, np.ndarray):
        return value, None
    if not hasattr(value, "__array__") and hasattr(value, "__dlpack__"):
        return np.from_dlpack(value), None
    return np.asarray(value), None


def _wire_type(values):
    if values.dtype.name == "bfloat16":  # ml_dtypes, as JAX and TensorFlow have it
        return values.view(np.uint16), "bfloat16"
    if values.dtype.byteorder == ">" or (values.dtype.byteorder == "=" and sys.byteorder == "big"):
        values = values.astype(values.dtype.newbyteorder("<"))
    return values, values.dtype.str


def as_array(value, limit=None, layout=None, grid=None):
    """An Array of at most `limit` samples, copied only where it is not contiguous or not
    in the processor's memory; or a list of str, where the value holds text.
    Raises TypeError for element types that the wire does not know."""
    if hasattr(value, "__len__") and not isinstance(value, (str, bytes)):
        value = first(value, limit)
    values, type = _from_torch(value) if is_torch(value) else _from_other(value)
    if values.ndim == 0:
        values = values.reshape(1)
    if type is None and values.dtype.kind in "USO":
        return as_texts(values)
    if type is None:
        values, type = _wire_type(np.ascontiguousarray(values))
    if type not in TYPES:
        raise TypeError(f"elements of type {values.dtype}; expected one of bool, int8 to int64, "
                        "uint8 to uint64, float16, bfloat16, float32, float64, or str")
    if values.ndim > 8:
        raise ValueError(f"{values.ndim} axes; expected at most 8")
    return Array(values, type, layout, grid)


def as_texts(values):
    texts = []
    for value in values.reshape(-1).tolist():
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if not isinstance(value, str):
            raise TypeError(f"a list with {type(value).__name__} in it; expected numbers or str")
        texts.append(value.replace("\0", "\ufffd"))
    return texts
