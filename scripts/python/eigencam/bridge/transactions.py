"""The file in which W&B's own process keeps a run (run-ID.wandb), read while it grows.

What was given to that process is safe only once it is there: it is written every few seconds, and
what was not is gone when the processes are killed. The file is LevelDB's log format: blocks of
32 KiB with fragments, each with checksum, length and kind; 7 bytes of W&B's own stand in front.
"""
import struct
import zlib

_BLOCK, _FRONT, _HEAD = 32768, 7, struct.Struct("<IHB")
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


class Transactions:
    def __init__(self, path):
        self.path, self._at = path, _FRONT

    def records(self):
        """Those that were written since the last call: bytes each."""
        with open(self.path, "rb") as file:
            file.seek(self._at)
            data = file.read()
        return self._records(data, self._at)

    def _records(self, data, start):
        """The whole records in `data`, which begins at `start` in the file."""
        at, parts = 0, []
        while True:
            left = _BLOCK - (start + at) % _BLOCK
            if left < _HEAD.size:  # no head fits in: zeros
                at += left
                continue
            fragment = _fragment(data, at)
            if fragment is None:
                return
            kind, body = fragment
            at += _HEAD.size + len(body)
            parts = parts + [body] if kind in (_MIDDLE, _LAST) else [body]
            if kind in (_FULL, _LAST):
                self._at = start + at
                yield b"".join(parts)


def _fragment(data, at):
    """(kind, body), or None where there is none, or not the whole of it yet."""
    if at + _HEAD.size > len(data):
        return None
    checksum, size, kind = _HEAD.unpack_from(data, at)
    body = data[at + _HEAD.size:at + _HEAD.size + size]
    if not _FULL <= kind <= _LAST or len(body) < size or \
            checksum != zlib.crc32(body, zlib.crc32(bytes([kind]))):
        return None
    return kind, body
