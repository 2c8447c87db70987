"""Results of a stage, one after another, as objects."""
import io
import struct
import time

import msgpack
import numpy as np
import zmq

from eigencam._common import RESULTS, default_keys
from eigencam.curve import attach

TYPES = ("overlay", "map", "image", "sheet", "epoch", "error", "stats")


class Result:
    """One message of a stage. The header's fields are attributes (proto/wire.md says which a
    type has; a field that is absent is None): type, run, output, mode, epoch, sample, label...

    png    the picture's file, or None
    """

    __slots__ = ("header", "png", "_image")

    def __init__(self, header, png=None):
        self.header, self.png, self._image = header, png, None

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self.header.get(name)

    @property
    def image(self):
        """The decoded picture: RGB (h, w, 3) or grey (h, w), uint8, or uint16 for a map. Needs
        Pillow or OpenCV; where neither is installed, and for results without a picture, it is
        what `png` is."""
        if self._image is None and self.png is not None:
            self._image = decode(self.png)
        return self._image

    @property
    def projection(self):
        """Of a map: the signed projection, float32 (h, w)."""
        if self.type != "map":
            raise ValueError(f"a result of type {self.type} has no projection; a map has")
        levels = np.asarray(self.image, np.float64)
        return (self.lo + (self.hi - self.lo) * levels / 65535).astype(np.float32)

    def __repr__(self):
        what = " ".join(str(self.header[key]) for key in ("run", "output", "mode", "epoch")
                        if key in self.header)
        place = "".join(f" {key} {self.header[key]}" for key in ("sample", "component", "page")
                        if key in self.header)
        return f"<{self.type} {what}{place}>"


def decode(png):
    for decoder in (_decode_pil, _decode_cv2):
        try:
            return decoder(png)
        except ImportError:
            continue
    return png


def _decode_pil(png):
    from PIL import Image
    with Image.open(io.BytesIO(png)) as image:
        depth = struct.unpack(">B", png[24:25])[0]  # of IHDR; Pillow widens 16 bits to 32
        return np.asarray(image).astype(np.uint16) if depth == 16 else np.array(image)


def _decode_cv2(png):
    import cv2
    pixels = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError("the picture can't be decoded")
    return np.ascontiguousarray(pixels[..., ::-1]) if pixels.ndim == 3 else pixels


class Subscriber:
    """Iterates the results of one or several stages.

        for result in Subscriber(types=["overlay"]):
            print(result.run, result.epoch, result.label, result.image.shape)

    endpoints  tcp://127.0.0.1:5561, or a list; "bind:" in front binds
    types      of overlay, map, image, sheet, epoch, error, stats; default: all
    run        of this run only
    topics     prefixes as in the wire protocol, instead of types and run
    timeout    seconds after which the iteration ends where nothing comes; None: never
    key        the file of this program's secret key (eigencam keygen), or $EIGENCAM_KEY
    server_key the stage's public key, or the file of it, or $EIGENCAM_SERVER_KEY
    insecure   bind what other hosts can reach without keys
    """

    def __init__(self, endpoints=RESULTS, *, types=None, run=None, topics=None, timeout=None,
                 key=None, server_key=None, insecure=False):
        self.timeout, self.lost, self._seq = timeout, 0, {}
        self._socket = zmq.Context.instance().socket(zmq.SUB)
        self._socket.set(zmq.LINGER, 0)
        self._socket.set(zmq.RCVHWM, 0)
        for topic in topics if topics is not None else _topics(types, run):
            self._socket.subscribe(topic)
        try:
            attach(self._socket, [endpoints] if isinstance(endpoints, str) else endpoints,
                   *default_keys(key, server_key), insecure)
        except (ValueError, zmq.ZMQError):
            self._socket.close()
            raise

    def next(self, timeout=None):
        """The next result, or None where none comes within so many seconds (None: for ever).
        What is no result of version 1 is left out."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else max(0, 1000 * (deadline - time.monotonic()))
            if not self._socket.poll(left):
                return None
            result = _read(self._socket.recv_multipart())
            if result is not None:
                self._note(result.header)
                return result

    def _note(self, header):
        """Count what a gap in a topic's `seq` shows to be lost."""
        key = header.get("stage"), header["type"], header.get("run"), header.get("output"), \
            header.get("mode")
        seq, last = header.get("seq", 0), self._seq.get(key)
        if last is not None and seq > last + 1:
            self.lost += seq - last - 1
        self._seq[key] = seq

    def __iter__(self):
        return self

    def __next__(self):
        result = self.next(self.timeout)
        if result is None:
            raise StopIteration
        return result

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _topics(types, run):
    types = TYPES if types is None else [types] if isinstance(types, str) else types
    for type in types:
        if type not in TYPES:
            raise ValueError(f"type {type!r} is not accepted; expected some of {', '.join(TYPES)}")
    if run is None:
        return [f"{type}|" for type in types]
    return [f"{type}|" if type == "stats" else f"{type}|{run}|" for type in types]


def _read(parts):
    try:
        header = msgpack.unpackb(parts[1])
        if header["v"] != 1 or header["type"] not in TYPES:
            return None
        frame = header.get("frame")
        return Result(header, None if frame is None else parts[frame])
    except (IndexError, KeyError, TypeError, ValueError, msgpack.UnpackException):
        return None
