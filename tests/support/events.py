"""TensorBoard's event files, read with nothing but struct: records, CRCs, protobuf."""
import os
import struct

_TABLE = []
for _byte in range(256):
    for _ in range(8):
        _byte = _byte >> 1 ^ (0x82F63B78 if _byte & 1 else 0)
    _TABLE.append(_byte)


def masked_crc(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(path):
    """The records of a file up to where it is torn; all their CRCs must hold."""
    with open(path, "rb") as file:
        data = file.read()
    at = 0
    while len(data) - at >= 12:
        size, crc = struct.unpack_from("<QI", data, at)
        assert crc == masked_crc(data[at:at + 8]), f"{path}: head at {at}"
        if len(data) - at < 16 + size:
            return
        event = data[at + 12:at + 12 + size]
        assert struct.unpack_from("<I", data, at + 12 + size)[0] == masked_crc(event), f"{path}: event at {at}"
        at += 16 + size
        yield event


def _varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, at


def fields(data):
    """A protobuf message as {number of a field: its values in their order}."""
    found, at = {}, 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
        elif kind == 1:
            value, at = data[at:at + 8], at + 8
        elif kind == 5:
            value, at = data[at:at + 4], at + 4
        else:
            assert kind == 2, f"wire type {kind}"
            size, at = _varint(data, at)
            value, at = data[at:at + size], at + size
            assert len(value) == size
        found.setdefault(key >> 3, []).append(value)
    return found


class Value:
    """One value of a summary."""

    def __init__(self, data):
        value = fields(data)
        metadata = fields(value[9][0])
        tensor = fields(value[8][0])
        self.tag = value[1][0].decode()
        self.plugin = fields(metadata[1][0])[1][0].decode()
        self.description = metadata.get(3, [b""])[0].decode()
        self.items = tensor.get(8, [])
        self.number = struct.unpack("<f", tensor[5][0])[0] if 5 in tensor else None

    def pngs(self):
        """The pictures of an image: behind its width and height."""
        assert self.plugin == "images", self.plugin
        return self.items[2:]


class Board:
    """A folder of runs."""

    def __init__(self, folder):
        self.folder = str(folder)

    def files(self):
        return sorted(os.path.relpath(os.path.join(at, name), self.folder)
                      for at, _, names in os.walk(self.folder) for name in names)

    def values(self):
        """{(run, tag): {step: Value}}; no step may come twice."""
        found = {}
        for path in self.files():
            first, *events = [fields(event) for event in records(os.path.join(self.folder, path))] or [None]
            if first is not None:
                assert first[3] == [b"brain.Event:2"], first
            for event in events:
                for value in map(Value, fields(event[5][0])[1]):
                    steps = found.setdefault((os.path.dirname(path), value.tag), {})
                    step = event.get(2, [0])[0]
                    assert step not in steps, f"{path}: {value.tag} has step {step} twice"
                    steps[step] = value
        return found
