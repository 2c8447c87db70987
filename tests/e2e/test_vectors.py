#!/usr/bin/python3
"""The protocol's test vectors, read by Python's own MessagePack and NumPy: what they are said to
mean is what another language finds in their bytes. Also: the script that made them still makes them.
Speaks TAP."""
import filecmp
import json
import os
import subprocess
import sys
import tempfile

import msgpack
import numpy

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROTO = os.path.join(ROOT, "proto")
STATUS_WORDS = {"argument", "shape", "type", "format", "version", "missing", "limit"}


def first_of_equal_keys(pairs):
    out = {}
    for key, value in pairs:
        out.setdefault(key, value)
    return out


def texts(value):
    """bin and str are the same to the protocol, where they are text."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list):
        return [texts(v) for v in value]
    if isinstance(value, dict):
        return {texts(k): texts(v) for k, v in value.items()}
    return value


def unpack(frame):
    return msgpack.unpackb(frame, raw=True, strict_map_key=False, object_pairs_hook=first_of_equal_keys)


def present(header):
    """By text keys, values untouched; nil is absent."""
    return {k.decode() if isinstance(k, bytes) else k: v for k, v in header.items() if v is not None}


def numbers(array):
    return [x if numpy.isfinite(x) else str(x) for x in array.ravel().astype(float).tolist()]


def read_tensor(value, frames):
    value = present(value)
    name = value["type"].decode()
    data = value["data"] if "data" in value else frames[value["frame"]]
    if name in ("bfloat16", "|V2"):
        name = "bfloat16"
        upper = numpy.frombuffer(data, "<u2").astype("<u4") << 16
        array = upper.astype("<u4").view("<f4")
    else:
        array = numpy.frombuffer(data, name)
        name = array.dtype.newbyteorder("<").str
    shape = value["shape"] if value["nd"] else []
    meaning = {"type": name, "shape": shape, "values": numbers(array.reshape(shape))}
    for key in ("layout", "grid"):
        if key in value:
            meaning[key] = texts(value[key])
    return meaning


def is_scalar(value):
    return isinstance(value, dict) and present(value).get("nd") is False


def read_item(value, frames):
    if not is_scalar(value):
        return texts(value)
    array = numpy.frombuffer(present(value)["data"], present(value)["type"].decode())
    return array[0].item()


def read_field(key, value, frames):
    if isinstance(value, dict):
        return {"key": key, "tensor": read_tensor(value, frames)}
    values = value if isinstance(value, list) else [value]
    return {"key": key, "items": [read_item(v, frames) for v in values]}


def read_message(frames):
    """All that a header says, in the words of the vectors."""
    header = present(unpack(frames[1]))
    found = {k: texts(v) for k, v in header.items() if k != "data"}
    found["topic"] = frames[0].decode()
    if "data" in header and isinstance(header["data"], dict):
        found["fields"] = [read_field(k, v, frames) for k, v in present(header["data"]).items()]
    return found


DEFAULTS = {"rank": 0, "world": 1, "session": 0, "seq": 0, "time_ns": 0, "ds_id": "", "run": "", "late": 0}


def same(key, expected, found):
    if key in ("session", "stage", "seq", "time_ns") and isinstance(expected, str):
        return found == int(expected)
    if key == "published":
        return {k: v for k, v in expected.items() if v} == {k: v for k, v in found.items() if v}
    if key == "message":
        cleaned = "".join("\ufffd" if c == "\0" else " " if c < " " or c == "\x7f" else c for c in found)
        return cleaned == expected
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(same(None, e, f) for e, f in zip(expected, found))
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(same(k, expected[k], found[k]) for k in expected)
    return expected == found


def check_good(vector):
    frames = [bytes.fromhex(f) for f in vector["frames"]]
    found = read_message(frames)
    for key, expected in vector["expect"].items():
        if key == "status":
            continue
        value = found.get(key, DEFAULTS.get(key) if expected is not None else None)
        if not same(key, expected, value):
            return f"{key}: expected {expected!r}, found {value!r}"
    return None


def check_bad(vector):
    for frame in vector["frames"]:
        bytes.fromhex(frame)
    if vector["expect"]["status"] not in STATUS_WORDS:
        return f"status {vector['expect']['status']!r} is no status word"
    return None


def check_remade():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, os.path.join(PROTO, "make_vectors.py"), folder], check=True)
        for name in ("messages.json", "results.json"):
            path = os.path.join("proto", "vectors", name)
            if not filecmp.cmp(os.path.join(folder, path), os.path.join(ROOT, path), shallow=False):
                return f"{path} is not what make_vectors.py writes"
    return None


def main():
    checks = []
    for name in ("messages", "results"):
        with open(os.path.join(PROTO, "vectors", name + ".json"), encoding="utf-8") as file:
            for vector in json.load(file):
                check = check_good if vector["expect"]["status"] == "ok" else check_bad
                checks.append((f"{name} {vector['name']}", lambda c=check, v=vector: c(v)))
    checks.append(("make_vectors.py writes the same", check_remade))

    failures = 0
    print(f"1..{len(checks)}")
    for number, (name, check) in enumerate(checks, 1):
        try:
            problem = check()
        except Exception as error:  # a vector that cannot be read is a failed case, not the end
            problem = f"{type(error).__name__}: {error}"
        failures += problem is not None
        print(f"{'not ok' if problem else 'ok'} {number} - {name}")
        if problem:
            print(f"# {problem}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
