"""The publisher on libeigencam-client (include/eigencam/publisher.h), by ctypes."""
import ctypes
import glob
import os
from ctypes import (CFUNCTYPE, POINTER, Structure, byref, c_bool, c_char, c_char_p, c_int, c_size_t,
                    c_uint, c_uint32, c_uint64, c_void_p)

from eigencam._common import check_ds_id, check_mode, warn_once
from eigencam.publisher import ALL, Publisher, Stats, TransportError, convert

_SONAME = "libeigencam-client.so.0"
_SIZE_MAX = ctypes.c_size_t(-1).value
_DTYPES = {name: number for number, name in enumerate(
    ("|b1", "|u1", "|i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f2", "bfloat16", "<f4",
     "<f8"))}
_LAYOUTS = {None: 0, "auto": 0, "NCHW": 1, "NHWC": 2, "NLC": 3}
_OK, _ENOMEM, _EINVAL, _ESHAPE, _ETYPE, _EFORMAT, _EMISSING, _EAGAIN = 0, 1, 2, 3, 4, 5, 7, 11
_MAX_CLASSES = 1 << 20


class Error(Structure):
    _fields_ = [("status", c_int), ("text", c_char * 480)]


class SettingText(Structure):
    _fields_ = [("name", c_char_p), ("value", c_char_p)]


class TraceRequest(Structure):
    _fields_ = [("settings", POINTER(SettingText)), ("n_settings", c_size_t)]


Notice = CFUNCTYPE(None, c_void_p, c_char_p)


class Options(Structure):
    _fields_ = [("endpoint", c_char_p), ("run", c_char_p), ("rank", c_uint32),
                ("world", c_uint32), ("ring_bytes", c_size_t), ("block_ms", c_uint),
                ("framework", c_char_p), ("class_names", POINTER(c_char_p)),
                ("n_class_names", c_size_t), ("traces", POINTER(TraceRequest)),
                ("n_traces", c_size_t), ("notice", Notice), ("notice_context", c_void_p),
                ("key", c_char_p), ("server_key", c_char_p), ("insecure", c_bool)]


class Tensor(Structure):
    _fields_ = [("data", c_void_p), ("size_bytes", c_size_t), ("dtype", c_int),
                ("layout", c_int), ("ndim", c_uint), ("shape", c_uint64 * 8),
                ("grid", c_uint32 * 2)]


class BatchValue(Structure):
    _fields_ = [("key", c_char_p), ("tensor", Tensor), ("texts", POINTER(c_char_p)),
                ("n_texts", c_size_t)]


class Batch(Structure):
    _fields_ = [("mode", c_char_p), ("ds_id", c_char_p), ("epoch", c_uint64), ("step", c_uint64),
                ("world", c_uint32), ("values", POINTER(BatchValue)), ("n_values", c_size_t)]


class PublisherStats(Structure):
    _fields_ = [*((name, c_uint64) for name in ("sent", "unwanted", "dropped", "oversize",
                                                "ring_bytes", "frame_bytes", "inside_ns")),
                ("stages", c_uint32), ("subscribed", c_bool), ("shared_memory", c_bool)]


_FUNCTIONS = {
    "defaults": (None, [POINTER(Options)]),
    "open": (c_int, [POINTER(Options), POINTER(c_void_p), POINTER(Error)]),
    "wait": (c_bool, [c_void_p, c_uint]),
    "wants": (c_size_t, [c_void_p, c_char_p, c_char_p, c_uint64]),
    "batch": (c_int, [c_void_p, POINTER(Batch), POINTER(Error)]),
    "epoch_end": (c_int, [c_void_p, c_char_p, c_uint64, c_uint32, POINTER(Error)]),
    "get_stats": (None, [c_void_p, POINTER(PublisherStats)]),
    "close": (None, [POINTER(c_void_p), c_uint]),
}

_library, _reason = None, ""


def places():
    """Where the library may be: said by the user, in a wheel, in a clone, in the system."""
    said = os.environ.get("EIGENCAM_LIBRARY")
    if said is not None:
        return [said]
    here = os.path.dirname(os.path.abspath(__file__))
    site = os.path.dirname(here)
    found = [path for folder in (here, os.path.join(site, ".eigencam.mesonpy.libs"),
                                 os.path.join(site, "eigencam.libs"))
             for path in sorted(glob.glob(os.path.join(folder, "libeigencam-client*.so*")))]
    clone = os.path.dirname(os.path.dirname(site))
    built = [os.path.join(clone, build, "src", _SONAME) for build in ("build", "build-plain")]
    return found + [path for path in built if os.path.exists(path)] + [_SONAME]


def load():
    """The library, or None; then why_not() says the reason."""
    global _library, _reason
    if _library is None and not _reason:
        for path in places():
            try:
                _library = _declare(ctypes.CDLL(path))
                return _library
            except (OSError, AttributeError) as error:
                _reason = str(error) or "EIGENCAM_LIBRARY is empty"
    return _library


def why_not():
    return _reason


def _declare(library):
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, "ecam_publisher_" + name)
        function.restype, function.argtypes = result, arguments
    return library


@Notice
def _notice(_context, text):
    text = text.decode("utf-8", "replace")
    warn_once(text, text)


def _texts(strings):
    return (c_char_p * len(strings))(*[text.encode("utf-8", "replace") for text in strings])


def _path(text):
    return None if text is None else os.fsencode(text)


def class_names(mapping):
    """Names in the order of their values; a value without a name is its own."""
    names = {}
    for name, value in mapping.items():
        if 0 <= value < _MAX_CLASSES:
            names.setdefault(value, name.replace("\0", ""))
        else:
            warn_once("class names", f"class {name!r} has value {value}: captions show the number; "
                      f"names go to values from 0 to {_MAX_CLASSES - 1}")
    return [names.get(value, str(value)) for value in range(max(names, default=-1) + 1)]


def setting_text(value):
    """One option's value as a configuration file would say it."""
    if isinstance(value, (list, tuple)):
        return ",".join(str(item) for item in value)
    if hasattr(value, "items"):
        return ",".join(f"{key}={item}" for key, item in value.items())
    return str(value)


def _requests(traces):
    requests = (TraceRequest * len(traces))()
    for request, trace in zip(requests, traces):
        request.settings = (SettingText * len(trace))(*[
            (key.encode(), setting_text(value).encode()) for key, value in trace.items()])
        request.n_settings = len(trace)
    return requests


class NativePublisher(Publisher):
    def _open(self, mapping, traces, framework, ring_bytes, block_ms):
        self._library, self._handle, self._skipped = load(), c_void_p(), 0
        self._modes, self._ds_ids = {}, {}  # checked, and as C has them; there are few
        options, error = Options(), Error()
        self._library.ecam_publisher_defaults(byref(options))
        names = class_names(mapping or {})
        options.endpoint, options.run = self.endpoint.encode(), self.run.encode()
        options.rank, options.world = self.rank, self.world
        options.ring_bytes, options.block_ms = ring_bytes, block_ms
        options.framework = framework.encode() if framework else None
        options.class_names, options.n_class_names = _texts(names), len(names)
        options.traces, options.n_traces = _requests(traces), len(traces)
        options.notice = _notice
        options.key, options.server_key = map(_path, (self.key, self.server_key))
        options.insecure = self.insecure
        self._check(self._library.ecam_publisher_open(byref(options), byref(self._handle),
                                                      byref(error)), error)

    def _check(self, status, error):
        if status in (_OK, _EAGAIN):  # EAGAIN: dropped, and counted
            return
        text = error.text.decode("utf-8", "replace")
        if status in (_EINVAL, _ESHAPE, _ETYPE, _EFORMAT, _EMISSING):
            raise ValueError(text)
        raise TransportError(text)

    def _wait(self, timeout):
        return self._library.ecam_publisher_wait(self._handle, int(1000 * timeout))

    def _mode(self, mode):
        known = self._modes.get(mode)
        if known is None:
            known = self._modes[mode] = check_mode(mode).encode()
        return known

    def _ds_id(self, ds_id):
        known = self._ds_ids.get(ds_id)
        if known is None:
            known = self._ds_ids[ds_id] = check_ds_id(ds_id).encode()
        return known

    def _wants(self, mode, epoch, ds_id):
        wanted = self._library.ecam_publisher_wants(self._handle, self._mode(mode),
                                                    self._ds_id(ds_id), epoch)
        return ALL if wanted == _SIZE_MAX else wanted

    def _batch(self, mode, epoch, step, data, ds_id, world, layouts):
        room = self._wants(mode, epoch, ds_id)
        if room == 0:
            self._skipped += 1
            return
        world = self._world(world)
        values, n = convert(data, None if room == ALL else room, None, layouts)
        if n == 0:
            return
        batch = Batch(self._mode(mode), self._ds_id(ds_id), int(epoch), int(step), world,
                      (BatchValue * len(values))(*map(_value, values, values.values())),
                      len(values))
        error = Error()
        self._check(self._library.ecam_publisher_batch(self._handle, byref(batch), byref(error)),
                    error)

    def _epoch_end(self, mode, epoch, world):
        error = Error()
        self._check(self._library.ecam_publisher_epoch_end(
            self._handle, self._mode(mode), epoch, world, byref(error)), error)

    def _stats(self):
        stats = PublisherStats()
        if self._handle:
            self._library.ecam_publisher_get_stats(self._handle, byref(stats))
            self._last = Stats(*(getattr(stats, name) for name in Stats._fields))
        return self._last._replace(unwanted=self._last.unwanted + self._skipped)

    def _close(self, linger):
        self._stats()
        self._library.ecam_publisher_close(byref(self._handle), int(1000 * linger))


def _value(key, value):
    if isinstance(value, list):
        return BatchValue(key.encode(), Tensor(), _texts(value), len(value))
    if value.layout not in _LAYOUTS:
        raise ValueError(f"{key!r}: layout {value.layout!r} is not accepted; expected one of "
                         "NCHW, NHWC, NLC")
    array = value.values
    tensor = Tensor(array.ctypes.data, array.nbytes, _DTYPES[value.type], _LAYOUTS[value.layout],
                    array.ndim, (c_uint64 * 8)(*array.shape),
                    (c_uint32 * 2)(*(value.grid or (0, 0))))
    return BatchValue(key.encode(), tensor, None, 0)
