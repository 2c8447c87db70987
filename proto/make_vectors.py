#!/usr/bin/python3
"""Write the test vectors of the wire protocol, and the fuzzing corpora made of them.

make_vectors.py [ROOT]   ROOT: the project's folder (default: the one this file is in)

A vector is the frames of one message, in hex, and what they mean or the status
word with which they are refused. The meanings are written down here by hand,
never computed from the bytes. Numbers that need more than 53 bits are strings.
The same input gives the same files on every machine.
"""
import json
import os
import struct
import sys
import zlib

import msgpack

U64 = 2**64 - 1


def pack(value):
    return msgpack.packb(value, use_bin_type=True)


def as_bin(value):
    """The same value with every string as MessagePack bin, as old encoders wrote it."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict):
        return {as_bin(k): as_bin(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_bin(v) for v in value]
    return value


def entry_bytes(*pairs):
    """A map from pairs, so that a key can come twice."""
    return bytes([0x80 | len(pairs)]) + b"".join(pack(k) + pack(v) for k, v in pairs)


def png():
    """One grey pixel; stored, not compressed, so that the bytes never change."""
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    raw = b"\x00\x80"
    stored = b"\x78\x01\x01" + struct.pack("<HH", len(raw), 0xFFFF - len(raw)) + raw
    stored += struct.pack(">I", zlib.adler32(raw))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)) +
            chunk(b"IDAT", stored) + chunk(b"IEND", b""))


class Vectors:
    def __init__(self):
        self.all = []

    def add(self, name, about, frames, expect):
        frames = [f.encode() if isinstance(f, str) else f for f in frames]
        frames = [f if isinstance(f, bytes) else pack(f) for f in frames]
        self.all.append({"name": name, "about": about, "frames": [f.hex() for f in frames],
                         "expect": expect})

    def good(self, name, about, frames, **meaning):
        self.add(name, about, frames, {"status": "ok", **meaning})

    def bad(self, name, about, frames, status, key=None):
        expect = {"status": status}
        if key:
            expect["key"] = key
        self.add(name, about, frames, expect)


# --------------------------------------------------------------------------- trainer to stage

def hello(**more):
    return {"v": 1, "type": "hello", "run": "r", **more}


def batch(data, **more):
    return {"v": 1, "type": "batch", "run": "r", "epoch": 3, "mode": "train", "step": 7,
            "data": data, **more}


BATCH = "batch|train||r|"


def means_batch(fields, **more):
    return {"type": "batch", "topic": BATCH, "run": "r", "epoch": 3, "mode": "train", "ds_id": "",
            "step": 7, "fields": fields, **more}


def tensor_map(type_, shape, data, **more):
    return {"nd": True, "type": type_, "shape": shape, "data": data, **more}


def tensor(key, type_, shape, values, **more):
    return {"key": key, "tensor": {"type": type_, "shape": shape, "values": values, **more}}


def items(key, *values):
    return {"key": key, "items": list(values)}


DTYPES = [
    ("|b1", "?", [0, 1, 1]),
    ("|u1", "B", [0, 127, 255]),
    ("|i1", "b", [-128, 0, 127]),
    ("<u2", "<H", [0, 258, 65535]),
    ("<i2", "<h", [-32768, 258, 32767]),
    ("<u4", "<I", [0, 16909060, 4294967295]),
    ("<i4", "<i", [-2147483648, 16909060, 2147483647]),
    ("<u8", "<Q", [0, 283686952306183, 2**53]),
    ("<i8", "<q", [-2**53, 283686952306183, 2**53]),
    ("<f2", "<e", [-0.5, 65504.0, 2.0**-24]),
    ("<f4", "<f", [-0.5, 16777216.0, 2.0**-149]),
    ("<f8", "<d", [-0.5, 0.1, 5e-324]),
]


def dtype_vectors(v):
    for name, code, values in DTYPES:
        data = b"".join(struct.pack(code, x) for x in values)
        v.good("batch_dtype_" + name.strip("<|"), f"three elements of {name}",
               [BATCH, batch({"x": tensor_map(name, [3], data)})],
               **means_batch([tensor("x", name, [3], values)]))
    # The upper halves of the float32 values 1, -2.5 and the largest power of two.
    bfloat = struct.pack("<HHH", 0x3F80, 0xC020, 0x7F00)
    for name, spelled in [("bfloat16", "bfloat16"), ("bfloat16_void", "|V2")]:
        v.good("batch_dtype_" + name, f"bfloat16, named {spelled}",
               [BATCH, batch({"x": tensor_map(spelled, [3], bfloat)})],
               **means_batch([tensor("x", "bfloat16", [3], [1.0, -2.5, 2.0**127])]))
    v.good("batch_dtype_f4_special", "values that are not finite are a matter of whoever computes",
           [BATCH, batch({"x": tensor_map("<f4", [4], struct.pack("<IIII", 0x7FC00000, 0x7F800000,
                                                                0xFF800000, 0x80000000))})],
           **means_batch([tensor("x", "<f4", [4], ["nan", "inf", "-inf", -0.0])]))
    v.good("batch_dtype_byte_order_mark", "a one-byte type may carry any byte-order mark",
           [BATCH, batch({"x": tensor_map("<u1", [2], b"\x01\x02")})],
           **means_batch([tensor("x", "|u1", [2], [1, 2])]))


def tensor_vectors(v):
    floats = struct.pack("<8f", *range(8))
    v.good("batch_frames", "images and activations in frames, labels in the header",
           [BATCH, batch({"image": {"nd": True, "type": "|u1", "shape": [2, 3, 1, 2], "frame": 2,
                                    "layout": "NCHW"},
                          "act": {"nd": True, "type": "<f4", "shape": [2, 1, 2, 2], "frame": 3,
                                  "layout": "NHWC"},
                          "y": [4, 0]}), bytes(range(12)), floats],
           **means_batch([tensor("image", "|u1", [2, 3, 1, 2], list(range(12)), layout="NCHW"),
                          tensor("act", "<f4", [2, 1, 2, 2], list(range(8)), layout="NHWC"),
                          items("y", 4, 0)]))
    v.good("batch_shared_frame", "two tensors may name one frame; a frame may be named by none",
           [BATCH, batch({"a": {"nd": True, "type": "<u2", "shape": [2], "frame": 3},
                          "b": {"nd": True, "type": "|u1", "shape": [4], "frame": 3}}),
            b"unused", b"\x01\x00\x02\x00"],
           **means_batch([tensor("a", "<u2", [2], [1, 2]), tensor("b", "|u1", [4], [1, 0, 2, 0])]))
    v.good("batch_nlc", "tokens of a transformer, with a class token before a 1 x 2 grid",
           [BATCH, batch({"act": tensor_map("|u1", [1, 3, 2], b"\x01\x02\x03\x04\x05\x06",
                                            layout="NLC", grid=[1, 2])})],
           **means_batch([tensor("act", "|u1", [1, 3, 2], [1, 2, 3, 4, 5, 6], layout="NLC",
                                 grid=[1, 2])]))
    v.good("batch_nlc_no_grid", "tokens whose grid is left open",
           [BATCH, batch({"act": tensor_map("|u1", [1, 4, 1], b"\x01\x02\x03\x04", layout="NLC")})],
           **means_batch([tensor("act", "|u1", [1, 4, 1], [1, 2, 3, 4], layout="NLC")]))
    v.good("batch_eight_axes", "the most axes that a tensor may have",
           [BATCH, batch({"x": tensor_map("|u1", [1, 1, 1, 1, 1, 1, 1, 2], b"\x05\x06")})],
           **means_batch([tensor("x", "|u1", [1, 1, 1, 1, 1, 1, 1, 2], [5, 6])]))
    v.good("batch_data_as_str", "an encoder without bin writes the bytes as str",
           [BATCH, batch({"x": {"nd": True, "type": "|u1", "shape": [2], "data": "AB"}})],
           **means_batch([tensor("x", "|u1", [2], [65, 66])]))
    v.good("batch_msgpack_numpy", "what msgpack-numpy makes of an array: bin keys, and a kind",
           [BATCH, batch({"x": {b"nd": True, b"type": "<f4", b"kind": b"", b"shape": [2, 1],
                                b"data": struct.pack("<2f", 1.5, -2)}})],
           **means_batch([tensor("x", "<f4", [2, 1], [1.5, -2.0])]))
    v.good("batch_msgpack_numpy_scalar", "what msgpack-numpy makes of a NumPy scalar: no shape",
           [BATCH, batch({"x": {b"nd": False, b"type": "<f8", b"data": struct.pack("<d", 0.25)}})],
           **means_batch([tensor("x", "<f8", [], [0.25])]))
    v.good("batch_msgpack_numpy_list", "what msgpack-numpy makes of list(array)",
           [BATCH, batch({"x": [{b"nd": False, b"type": "<i8", b"data": struct.pack("<q", -5)}, 6,
                                {b"nd": False, b"type": "<f4", b"data": struct.pack("<f", 0.5)},
                                {b"nd": False, b"type": "|b1", b"data": b"\x01"}]})],
           **means_batch([items("x", -5, 6, 0.5, True)]))


def message_vectors(v):
    v.good("hello_minimal", "all that a hello needs", ["hello|r|", hello()],
           type="hello", topic="hello|r|", run="r", rank=0, world=1, session="0", seq="0", time_ns="0")
    v.good("hello_full", "every key of a hello, and one that is not known",
           ["hello|run 1|", hello(run="run 1", rank=3, world=4, session=U64, seq=2, time_ns=U64,
                                  label_mapping={"cat": 0, "Käse 🧀": -7, "big": 2**40},
                                  traces=[{"images": "x", "n_components": 3}, {}],
                                  framework="torch", host="h", pid=12, later={"a": [None, 1.5]})],
           type="hello", topic="hello|run 1|", run="run 1", rank=3, world=4, session=str(U64),
           seq="2", time_ns=str(U64), label_mapping={"cat": 0, "Käse 🧀": -7, "big": 2**40},
           traces=[{"images": "x", "n_components": 3}, {}])
    v.good("hello_bin", "keys and strings as MessagePack bin",
           ["hello|r|", pack(as_bin(hello(rank=1, label_mapping={"a": 1})))],
           type="hello", topic="hello|r|", run="r", rank=1, world=1, session="0", seq="0",
           time_ns="0", label_mapping={"a": 1})
    v.good("hello_nil", "a key whose value is nil counts as absent",
           ["hello|r|", hello(rank=None, world=None, session=None, label_mapping=None, traces=None)],
           type="hello", topic="hello|r|", run="r", rank=0, world=1, session="0")
    v.good("hello_label_mapping_twice", "the first of equal keys counts",
           ["hello|r|", entry_bytes(("v", 1), ("type", "hello"), ("run", "r"),
                                    ("label_mapping", {"a": 1}), ("label_mapping", 5))],
           type="hello", topic="hello|r|", run="r", label_mapping={"a": 1})
    v.good("batch_minimal", "a batch with no data at all", [BATCH, batch({})],
           **means_batch([], rank=0, world=1, session="0", seq="0"))
    v.good("batch_full", "every key of a batch",
           ["batch|eval|d 1|Lauf ü|",
            batch({"y": [1]}, run="Lauf ü", mode="eval", ds_id="d 1", epoch=2**53, step=2**53,
                  rank=2**20 - 1, world=2**20, session=1, seq=2**53, time_ns=1, extra=True)],
           type="batch", topic="batch|eval|d 1|Lauf ü|", run="Lauf ü", mode="eval", ds_id="d 1",
           epoch=2**53, step=2**53, rank=2**20 - 1, world=2**20, session="1", seq=str(2**53),
           time_ns="1", fields=[items("y", 1)])
    v.good("batch_lists", "lists of each kind, and of several",
           [BATCH, batch({"i": [1, -2], "f": [0.5, -1.5], "t": ["cat", b"Hund", ""],
                          "b": [True, False], "m": [1, "x", 0.5], "none": []})],
           **means_batch([items("i", 1, -2), items("f", 0.5, -1.5), items("t", "cat", "Hund", ""),
                          items("b", True, False), items("m", 1, "x", 0.5), items("none")]))
    v.good("batch_lone_values", "a value alone is a batch of one",
           [BATCH, batch({"i": 3, "f": 2.5, "t": "cat", "b": False})],
           **means_batch([items("i", 3), items("f", 2.5), items("t", "cat"), items("b", False)]))
    v.good("batch_nil_field", "a field that is nil is absent",
           [BATCH, batch({"gone": None, "y": [1]})], **means_batch([items("y", 1)]))
    v.good("batch_field_twice", "the first of equal keys counts",
           [BATCH, entry_bytes(*batch({}).items())[:-1] + entry_bytes(("y", 1), ("y", {}), ("z", 2))],
           **means_batch([items("y", 1), items("z", 2)]))
    for mode in ("train", "eval", "test", "infer"):
        v.good("epoch_end_" + mode, "the end of an epoch of this mode",
               [f"epoch_end|{mode}|r|", {"v": 1, "type": "epoch_end", "run": "r", "epoch": 0,
                                         "mode": mode}],
               type="epoch_end", topic=f"epoch_end|{mode}|r|", run="r", epoch=0, mode=mode)
    v.good("epoch_end_sent", "what a rank published, by data set",
           ["epoch_end|train|r|", {"v": 1, "type": "epoch_end", "run": "r", "epoch": 1, "rank": 1,
                                   "world": 2, "mode": "train", "sent": {"": [3, 96], "b": [0, 0]}}],
           type="epoch_end", topic="epoch_end|train|r|", run="r", epoch=1, rank=1, world=2,
           mode="train", sent={"": [3, 96], "b": [0, 0]})
    v.good("bye_minimal", "all that a bye needs; its world may be left open",
           ["bye|r|", {"v": 1, "type": "bye", "run": "r", "rank": 3}],
           type="bye", topic="bye|r|", run="r", rank=3, world=1)
    v.good("bye_last_seq", "the last number of each topic",
           ["bye|r|", {"v": 1, "type": "bye", "run": "r", "last_seq": {"hello|r|": 0, BATCH: 41}}],
           type="bye", topic="bye|r|", run="r", last_seq={"hello|r|": 0, BATCH: 41})


def bad_frames(v):
    good = pack(hello())
    v.bad("bad_no_frames", "no frame at all", [], "format")
    v.bad("bad_one_frame", "a topic alone", ["hello|r|"], "format")
    v.bad("bad_empty_header", "an empty header", ["hello|r|", b""], "format")
    v.bad("bad_never_used_byte", "0xc1 is no MessagePack", ["hello|r|", b"\xc1"], "format")
    v.bad("bad_json", "JSON is an integer and a tail to MessagePack", ["hello|r|", b'{"v": 1}'], "format")
    v.bad("bad_not_a_map", "a list", ["hello|r|", [1]], "format")
    v.bad("bad_cut", "a header that is cut off", ["hello|r|", good[:-1]], "format")
    v.bad("bad_trailing", "bytes after the header", ["hello|r|", good + b"\xc0"], "format")
    v.bad("bad_four_billion_items", "five bytes that claim an array of 4 billion",
          ["hello|r|", b"\xdd\xff\xff\xff\xff"], "format")
    v.bad("bad_four_billion_pairs", "five bytes that claim a map of 4 billion",
          ["hello|r|", b"\xdf\xff\xff\xff\xff"], "format")
    v.bad("bad_four_billion_bytes", "five bytes that claim a string of 4 GB",
          ["hello|r|", b"\xdb\xff\xff\xff\xff"], "format")
    v.bad("bad_claims_add_up", "counts that each fit, but not together",
          ["hello|r|", b"\x93" + b"\x92\xc0" + b"\xc0"], "format")
    v.bad("bad_depth_bomb", "a thousand nested arrays", ["hello|r|", b"\x91" * 1000 + b"\xc0"], "limit")
    v.bad("bad_seventeen_levels", "one level too many",
          ["hello|r|", b"\x81\xa1a" + b"\x91" * 16 + b"\xc0"], "limit")
    v.bad("bad_extension", "an extension type", ["hello|r|", hello(x=msgpack.ExtType(5, b"x"))], "format")
    v.bad("bad_timestamp", "MessagePack's timestamp is an extension type too",
          ["hello|r|", hello(time_ns=msgpack.Timestamp(1, 2))], "format")


def bad_common(v):
    def without(header, key):
        return {k: x for k, x in header.items() if k != key}

    for key in ("v", "type", "run"):
        v.bad("bad_no_" + key, f"a hello without {key}", ["hello|r|", without(hello(), key)], "missing", key)
    v.bad("bad_version", "a version that is not known", ["hello|r|", hello(v=2)], "version", "v")
    v.bad("bad_version_text", "a version that is no integer", ["hello|r|", hello(v="1")], "type", "v")
    v.bad("bad_type", "a type that is not known", ["hullo|r|", hello(type="hullo")], "argument", "type")
    v.bad("bad_type_result", "a result is no trainer's message", ["stats|", hello(type="stats")],
          "argument", "type")
    names = [("empty", ""), ("bar", "a|b"), ("control", "a\nb"), ("delete", "a\x7fb"), ("nul", "a\0b"),
             ("long", "x" * 129), ("utf8", b"\xff\xfe"), ("overlong", b"\xc0\xaf"),
             ("surrogate", b"\xed\xa0\x80")]
    for name, run in names:
        topic = b"hello|" + (run if isinstance(run, bytes) else run.encode()) + b"|"
        v.bad("bad_run_" + name, "a run's name that is not accepted", [topic, hello(run=run)],
              "argument", "run")
    v.bad("bad_run_integer", "a run's name that is no string", ["hello|5|", hello(run=5)], "type", "run")
    v.bad("bad_rank_text", "a rank that is no integer", ["hello|r|", hello(rank="0")], "type", "rank")
    v.bad("bad_rank_bool", "a rank that is a boolean", ["hello|r|", hello(rank=True)], "type", "rank")
    v.bad("bad_rank_float", "a rank with a point", ["hello|r|", hello(rank=1.0)], "type", "rank")
    v.bad("bad_rank_negative", "a rank below 0", ["hello|r|", hello(rank=-1)], "argument", "rank")
    v.bad("bad_rank_large", "a rank of 2^31", ["hello|r|", hello(rank=2**31)], "argument", "rank")
    v.bad("bad_rank_beyond_world", "rank 2 of 2", ["hello|r|", hello(rank=2, world=2)], "argument", "rank")
    v.bad("bad_rank_beyond_default_world", "rank 1 of a batch whose world is left open",
          [BATCH, batch({}, rank=1)], "argument", "rank")
    v.bad("bad_world_zero", "a world of none", ["hello|r|", hello(world=0)], "argument", "world")
    v.bad("bad_world_large", "a world of 2^20 + 1", ["hello|r|", hello(world=2**20 + 1)], "argument", "world")
    v.bad("bad_session", "a session that is no integer", ["hello|r|", hello(session="x")], "type", "session")
    v.bad("bad_seq", "a number beyond 2^53", ["hello|r|", hello(seq=2**53 + 1)], "argument", "seq")
    v.bad("bad_time", "a time below 0", ["hello|r|", hello(time_ns=-5)], "argument", "time_ns")


def bad_topics(v):
    v.bad("bad_topic_type", "topic and header of two types", ["bye|r|", hello()], "argument", "type")
    v.bad("bad_topic_run", "topic and header of two runs", ["hello|q|", hello()], "argument", "run")
    v.bad("bad_topic_mode", "topic and header of two modes", ["batch|eval||r|", batch({})], "argument", "mode")
    v.bad("bad_topic_ds_id", "topic and header of two data sets", ["batch|train|d|r|", batch({})],
          "argument", "ds_id")
    v.bad("bad_topic_end", "a topic without its last bar", ["hello|r", hello()], "argument", "topic")
    v.bad("bad_topic_short", "a topic that stops early", ["hello|", hello()], "argument", "topic")
    v.bad("bad_topic_more", "a topic that goes on", ["hello|r|x", hello()], "argument", "topic")
    v.bad("bad_topic_empty", "no topic", ["", hello()], "argument", "topic")
    v.bad("bad_topic_long", "a topic of 513 bytes", ["x" * 513, hello()], "limit", "topic")


def bad_batches(v):
    def bad(name, about, data, status, key, *frames, **more):
        v.bad("bad_" + name, about, [BATCH, batch(data, **more), *frames], status, key)

    for key in ("epoch", "mode", "step", "data"):
        header = batch({})
        del header[key]
        v.bad("bad_batch_no_" + key, f"a batch without {key}", [BATCH, header], "missing", key)
    bad("epoch_negative", "an epoch below 0", {}, "argument", "epoch", epoch=-1)
    bad("epoch_large", "an epoch beyond 2^53", {}, "argument", "epoch", epoch=2**53 + 1)
    bad("epoch_float", "an epoch with a point", {}, "type", "epoch", epoch=1.0)
    bad("step_text", "a step that is no integer", {}, "type", "step", step="7")
    bad("mode_unknown", "a mode that is not known", {}, "argument", "mode", mode="training")
    bad("mode_integer", "a mode that is no string", {}, "type", "mode", mode=1)
    for name, char in (("colon", ":"), ("semicolon", ";"), ("bar", "|"), ("control", "\t")):
        v.bad("bad_ds_id_" + name, "a data set's name that is not accepted",
              [f"batch|train|a{char}b|r|", batch({}, ds_id=f"a{char}b")], "argument", "ds_id")
    v.bad("bad_ds_id_long", "a data set's name of 129 bytes",
          ["batch|train|" + "x" * 129 + "|r|", batch({}, ds_id="x" * 129)], "argument", "ds_id")
    bad("data_list", "data that is no map", [1], "type", "data")
    bad("data_key_integer", "a field whose key is no string", {5: 1}, "type", "data")
    bad("data_key_empty", "a field without a name", {"": 1}, "argument", "data")
    bad("data_key_control", "a field whose name has a line break", {"a\nb": 1}, "argument", "data")
    bad("data_many_fields", "257 fields", {f"k{i}": 0 for i in range(257)}, "limit", "data")
    bad("list_of_lists", "a list of lists is no list of labels", {"y": [[1]]}, "type", "y")
    bad("list_with_nil", "a list with nil in it", {"y": [1, None]}, "type", "y")
    bad("list_of_tensors", "a list of tensors", {"y": [tensor_map("|u1", [1], b"x")]}, "type", "y")


def bad_tensors(v):
    def bad(name, about, tensor_, status, *frames):
        v.bad("bad_tensor_" + name, about, [BATCH, batch({"x": tensor_}), *frames], status, "x")

    good = tensor_map("|u1", [2], b"ab")

    def but(**changes):
        changed = {**good, **changes}
        return {k: x for k, x in changed.items() if x is not None}

    bad("empty", "a map without keys", {}, "missing")
    bad("no_nd", "no nd", but(nd=None), "missing")
    bad("nd_integer", "an nd that is no boolean", but(nd=1), "type")
    bad("no_type", "no type", but(type=None), "missing")
    bad("no_shape", "no shape", but(shape=None), "missing")
    bad("no_data", "neither data nor frame", but(data=None), "missing")
    bad("data_and_frame", "both data and frame", but(frame=2), "argument", b"ab")
    bad("data_integer", "data that is no bytes", but(data=5), "type")
    bad("type_integer", "a type that is no string", but(type=5), "type")
    for name, type_ in (("big_endian", ">f4"), ("complex64", "<c8"), ("unicode", "<U1"), ("date", "<M8[s]"),
                        ("long_double", "<f16"), ("void", "|V3"), ("empty_type", ""), ("nul", "<f\0")):
        bad(name, "an element type that is not accepted", but(type=type_), "type")
    bad("object", "an object array, which would be unpickled", but(type="|O", kind=b"O"), "type")
    bad("object_kind", "an object array by its kind alone", but(kind=b"O"), "type")
    bad("structured", "a structured array", but(type=[["a", "|u1"], ["b", "|u1"]], kind=b"V"), "type")
    bad("complex", "msgpack-numpy's form of a complex number", {"complex": True, "data": "(1+2j)"}, "type")
    bad("shape_too_small", "two elements, three bytes", but(data=b"abc"), "shape")
    bad("shape_too_large", "two elements, one byte", but(data=b"a"), "shape")
    bad("shape_empty", "an array without axes", but(shape=[], data=b"a"), "shape")
    bad("shape_nine_axes", "nine axes", but(shape=[1] * 8 + [2]), "shape")
    bad("shape_zero", "an axis of 0", but(shape=[0], data=b""), "shape")
    bad("shape_negative", "an axis below 0", but(shape=[-2]), "shape")
    bad("shape_float", "an axis with a point", but(shape=[2.0]), "shape")
    bad("shape_text", "a shape that is no list", but(shape="2"), "type")
    bad("shape_overflow", "sizes whose product overflows to 0", but(shape=[2**32, 2**32], data=b""), "shape")
    bad("shape_overflow_exact", "sizes whose product overflows to the bytes there",
        but(type="<u2", shape=[2**21 + 1, 2**42 - 2**21 + 1], data=b"ab"), "shape")
    bad("shape_axis_large", "an axis beyond 2^53", but(shape=[2**64 - 1]), "shape")
    bad("frame_missing", "a frame beyond the last", but(data=None, frame=3), "format", b"ab")
    bad("frame_huge", "a frame index of 2^53", but(data=None, frame=2**53), "format", b"ab")
    bad("frame_header", "a frame that is the header", but(data=None, frame=1), "argument")
    bad("frame_negative", "a frame index below 0", but(data=None, frame=-1), "argument")
    bad("frame_text", "a frame index that is no integer", but(data=None, frame="2"), "type", b"ab")
    bad("frame_size", "a frame of another size", but(data=None, frame=2), "shape", b"abc")
    bad("shm", "shared memory that nobody handed over",
        but(data=None, shm={"ring": 1, "offset": 0, "size": 2, "ticket": 0}), "argument")
    bad("layout", "a layout that is not known", but(layout="CHWN"), "argument")
    bad("layout_integer", "a layout that is no string", but(layout=1), "type")
    bad("layout_nlc_axes", "tokens with one axis", but(layout="NLC"), "shape")
    tokens = {"shape": [1, 2, 1], "layout": "NLC"}
    bad("grid_layout", "a grid without tokens", but(grid=[1, 2]), "argument")
    bad("grid_large", "a grid of more tokens than there are", but(**tokens, grid=[2, 2]), "shape")
    bad("grid_zero", "a grid of no rows", but(**tokens, grid=[0, 2]), "argument")
    bad("grid_three", "a grid of three sides", but(**tokens, grid=[1, 1, 2]), "argument")
    bad("grid_overflow", "a grid whose product overflows", but(**tokens, grid=[2**31, 2**31]), "shape")
    bad("scalar_size", "a scalar of two elements", {"nd": False, "type": "|u1", "data": b"ab"}, "shape")


def bad_others(v):
    end = {"v": 1, "type": "epoch_end", "run": "r", "epoch": 0, "mode": "train"}
    bye = {"v": 1, "type": "bye", "run": "r"}

    def bad_end(name, about, status, key, **more):
        v.bad("bad_epoch_end_" + name, about, ["epoch_end|train|r|", {**end, **more}], status, key)

    def bad_bye(name, about, status, key, **more):
        v.bad("bad_bye_" + name, about, ["bye|r|", {**bye, **more}], status, key)

    def bad_hello(name, about, status, key, **more):
        v.bad("bad_hello_" + name, about, ["hello|r|", hello(**more)], status, key)

    v.bad("bad_epoch_end_no_epoch", "the end of no epoch",
          ["epoch_end|train|r|", {k: x for k, x in end.items() if k != "epoch"}], "missing", "epoch")
    bad_end("sent_list", "sent that is no map", "type", "sent", sent=[1, 2])
    bad_end("sent_count", "one count instead of two", "type", "sent", sent={"": 3})
    bad_end("sent_one", "a list of one count", "type", "sent", sent={"": [3]})
    bad_end("sent_negative", "a count below 0", "type", "sent", sent={"": [3, -1]})
    bad_end("sent_name", "a data set's name that is not accepted", "argument", "sent", sent={"a:b": [1, 1]})
    bad_end("sent_key", "a data set's name that is no string", "type", "sent", sent={1: [1, 1]})
    bad_end("sent_many", "1025 data sets", "limit", "sent", sent={str(i): [0, 0] for i in range(1025)})
    bad_bye("last_seq_list", "last_seq that is no map", "type", "last_seq", last_seq=[1])
    bad_bye("last_seq_text", "a number that is a string", "type", "last_seq", last_seq={"a": "1"})
    bad_bye("last_seq_key", "a topic that is no string", "type", "last_seq", last_seq={1: 1})
    bad_hello("mapping_list", "a label mapping that is no map", "type", "label_mapping", label_mapping=["a"])
    bad_hello("mapping_float", "a class whose value has a point", "type", "label_mapping",
              label_mapping={"a": 1.0})
    bad_hello("mapping_large", "a class whose value needs 64 bits without a sign", "type", "label_mapping",
              label_mapping={"a": 2**63})
    bad_hello("mapping_key", "a class whose name is no string", "type", "label_mapping", label_mapping={1: "a"})
    bad_hello("traces_map", "traces that are no list", "type", "traces", traces={})
    bad_hello("traces_text", "a trace that is no map", "type", "traces", traces=["a"])


# --------------------------------------------------------------------------- stage to loggers

COMMON = {"v": 1, "stage": U64, "seq": 5, "time_ns": 1700000000000000000}
OF_EPOCH = {**COMMON, "run": "r", "output": "o", "epoch": 4, "attempt": 1, "mode": "eval"}
SAMPLE = {"sample": 2, "ds_id": "d", "rank": 1, "step": 9, "index": 3, "label": "Käse",
          "pred": "cat <b>"}
COMPONENT = {"component": 1, "components": 3, "explained": 0.25, "singular": 12.5, "divisor": 1.75}
STYLE = {"colormap": "jet", "normalize": "epoch"}
PICTURE = {"width": 1, "height": 1, "encoding": "png", "frame": 2}
PAGE = {"page": 0, "pages": 2, "rows": 64}
SUMMARY = {"samples": 2, "components": 3, "complete": True, "missing_ranks": [], "lost": 0,
           "rejected": 0, "late": 0,
           "published": {"overlay": 6, "map": 6, "image": 2, "sheet": 1},
           "labels": ["a", None], "preds": ["b", "c"], "latency_ns": 123456789}


def means_common(type_, **more):
    return {"type": type_, "stage": str(U64), "seq": "5", "time_ns": "1700000000000000000", **more}


def means_epoch(type_, **more):
    return means_common(type_, topic=f"{type_}|r|o|eval|", run="r", output="o", epoch=4, attempt=1,
                        mode="eval", **more)


def result_vectors(v):
    def good(name, about, type_, header, frames=(), **meaning):
        v.good(name, about, [f"{type_}|r|o|eval|", {**OF_EPOCH, "type": type_, **header}, *frames],
               **means_epoch(type_, **meaning))

    good("overlay", "one component of one sample over its image", "overlay",
         {**SAMPLE, **COMPONENT, **PICTURE}, [png()], **SAMPLE, **COMPONENT, **PICTURE)
    unlabelled = {**SAMPLE, "ds_id": "", "label": None, "pred": None}
    good("overlay_no_label", "no label, no prediction, no data set's name", "overlay",
         {**unlabelled, **COMPONENT, **PICTURE}, [png()], **unlabelled, **COMPONENT, **PICTURE)
    good("overlay_integers", "numbers that happen to be whole may come as integers", "overlay",
         {**SAMPLE, **COMPONENT, "singular": 3, **PICTURE}, [png()],
         **{**SAMPLE, **COMPONENT, "singular": 3.0, **PICTURE})
    good("overlay_later_keys", "keys that are not known are passed over", "overlay",
         {**SAMPLE, **COMPONENT, **PICTURE, "later": [1, {"x": None}]}, [png()],
         **SAMPLE, **COMPONENT, **PICTURE)
    good("overlay_style", "how it is drawn: heat added", "overlay",
         {**SAMPLE, **COMPONENT, **STYLE, **PICTURE}, [png()], **SAMPLE, **COMPONENT, **STYLE, **PICTURE)
    blended = {"colormap": "a later one", "weight": 0.25, "normalize": "image", "image_float": True}
    good("map_style", "how its overlay is drawn: blended over a float image, divided by its own maximum", "map",
         {**SAMPLE, **COMPONENT, "lo": -1.5, "hi": 8.0, **blended, **PICTURE}, [png()],
         **SAMPLE, **COMPONENT, lo=-1.5, hi=8.0, **blended, **PICTURE)
    good("map", "a projection", "map", {**SAMPLE, **COMPONENT, "lo": -1.5, "hi": 8.0, **PICTURE}, [png()],
         **SAMPLE, **COMPONENT, lo=-1.5, hi=8.0, **PICTURE)
    good("image", "the image alone", "image", {**SAMPLE, **PICTURE}, [png()], **SAMPLE, **PICTURE)
    good("sheet", "a page of the sheet", "sheet", {**PAGE, **PICTURE}, [png()], **PAGE, **PICTURE)
    good("epoch", "the summary of a complete epoch", "epoch", SUMMARY, **SUMMARY)
    good("epoch_world", "and of how many ranks", "epoch", {**SUMMARY, "world": 2}, **SUMMARY, world=2)
    partial = {**SUMMARY, "complete": False, "missing_ranks": [1, 2147483647], "lost": 5, "rejected": 6,
               "late": 7, "published": {"overlay": 1, "map": 0, "image": 0, "sheet": 0}}
    good("epoch_incomplete", "two ranks are missing", "epoch", partial, **partial)
    bare = {k: x for k, x in SUMMARY.items() if k not in ("labels", "preds", "late")}
    good("epoch_no_labels", "an epoch without labels; published names the types that were", "epoch",
         {**bare, "published": {"sheet": 1}},
         **{**bare, "labels": None, "preds": None, "late": 0,
            "published": {"overlay": 0, "map": 0, "image": 0, "sheet": 1}})
    full = {"code": "shape", "message": "tensor \"x\": needs 4 bytes", "rank": 3, "session": U64,
            "of_seq": 7, "key": "x"}
    v.good("error", "a message that was refused", ["error|r|", {**COMMON, "type": "error", "run": "r", **full}],
           **means_common("error", topic="error|r|", run="r", **{**full, "session": str(U64)}))
    v.good("error_unknown_run", "one whose run is not known",
           ["error||", {**COMMON, "type": "error", "code": "format", "message": "not MessagePack"}],
           **means_common("error", topic="error||", run="", code="format", message="not MessagePack",
                          rank=None, session=None, of_seq=None, key=None))
    v.good("error_unclean", "free text is brought to clean UTF-8",
           ["error||", {**COMMON, "type": "error", "code": "format", "message": b"a\xffb\nc\0"}],
           **means_common("error", topic="error||", run="", code="format", message="a\ufffdb c\ufffd",
                          rank=None, session=None, of_seq=None, key=None))
    v.good("stats", "counters", ["stats|", {**COMMON, "type": "stats", "counters": {"used": 3, "lost": 0}}],
           **means_common("stats", topic="stats|", run="", counters={"used": 3, "lost": 0}))
    account = dict(sent=9, used=1, unwanted=2, late=3, overwritten=1, rejected=0, lost=2, duplicates=5)
    row = [7, 9, 1, 2, 3, 1, 0, 2, 5]
    opened = {"mode": "eval", "epoch": 3, "attempt": 2, "world": 4, "done": 1, "samples": 12}
    runs = [{"run": "a", "ranks": 2, "account": account, "accounts": [row, [0] * 9], "open": [opened]},
            {"run": "b", "ranks": 0, "account": {}}]
    v.good("stats_runs", "accounts, ranks and open epochs",
           ["stats|", {**COMMON, "type": "stats", "counters": {}, "runs": runs}],
           **means_common("stats", topic="stats|", run="", counters={}, runs=runs))
    v.good("stats_empty", "none yet", ["stats|", {**COMMON, "type": "stats", "counters": {}}],
           **means_common("stats", topic="stats|", run="", counters={}))


def bad_results(v):
    def bad(name, about, type_, header, frames, status, key=None, topic=None):
        kept = {k: x for k, x in {**OF_EPOCH, "type": type_, **header}.items() if x is not Ellipsis}
        v.bad("bad_" + name, about, [topic or f"{type_}|r|o|eval|", kept, *frames], status, key)

    overlay = {**SAMPLE, **COMPONENT, **PICTURE}
    projection = {**overlay, "lo": 0.0, "hi": 1.0}
    v.bad("bad_one_frame", "a topic alone", ["overlay|r|o|eval|"], "format")
    v.bad("bad_not_a_map", "a header that is no map", ["stats|", [1]], "format")
    v.bad("bad_claim", "five bytes that claim 4 billion objects", ["stats|", b"\xdd\xff\xff\xff\xff"], "format")
    v.bad("bad_depth", "a depth bomb", ["stats|", b"\x91" * 500 + b"\xc0"], "limit")
    bad("version", "a version that is not known", "overlay", {**overlay, "v": 2}, [png()], "version", "v")
    bad("type", "a trainer's message is no result", "batch", overlay, [png()], "argument", "type")
    for key in ("stage", "seq", "time_ns", "run", "output", "epoch", "attempt", "mode", "sample", "ds_id",
                "rank", "step", "index", "component", "components", "explained", "singular", "divisor",
                "width", "height", "encoding", "frame"):
        bad("no_" + key, f"an overlay without {key}", "overlay", {**overlay, key: ...}, [png()], "missing", key)
    for key in ("lo", "hi"):
        bad("no_" + key, f"a map without {key}", "map", {**projection, key: ...}, [png()], "missing", key)
    for key in ("page", "pages", "rows"):
        bad("no_" + key, f"a sheet without {key}", "sheet", {**PAGE, **PICTURE, key: ...}, [png()], "missing", key)
    for key in ("samples", "complete", "missing_ranks", "lost", "rejected", "published", "latency_ns"):
        bad("no_" + key, f"a summary without {key}", "epoch", {**SUMMARY, key: ...}, [], "missing", key)
    bad("topic", "topic and header of two runs", "overlay", overlay, [png()], "argument", "run",
        "overlay|q|o|eval|")
    bad("output", "an output's name that is not accepted", "overlay", {**overlay, "output": "a|b"}, [png()],
        "argument", "output", "overlay|r|a|b|eval|")
    bad("attempt", "attempts count from 1", "overlay", {**overlay, "attempt": 0}, [png()], "argument", "attempt")
    bad("component", "component 3 of 3", "overlay", {**overlay, "component": 3}, [png()], "argument", "component")
    bad("explained_nan", "a share that is no number", "overlay", {**overlay, "explained": float("nan")}, [png()],
        "argument", "explained")
    bad("lo_infinite", "an extreme that is not finite", "map", {**projection, "lo": float("-inf")}, [png()],
        "argument", "lo")
    for weight in (-0.25, 1.25):
        bad(f"weight_{'low' if weight < 0 else 'high'}", "a weight outside 0 to 1", "overlay",
            {**overlay, **STYLE, "weight": weight}, [png()], "argument", "weight")
    bad("normalize", "a divisor of something else", "overlay", {**overlay, **STYLE, "normalize": "batch"}, [png()],
        "argument", "normalize")
    bad("no_normalize", "a style without the divisor's scope", "map", {**projection, "colormap": "jet"}, [png()],
        "missing", "normalize")
    bad("colormap", "a colour map that is no string", "overlay", {**overlay, **STYLE, "colormap": 2}, [png()],
        "type", "colormap")
    bad("image_float", "a boolean that is none", "overlay", {**overlay, **STYLE, "image_float": 1}, [png()],
        "type", "image_float")
    bad("world", "more ranks than there may be", "epoch", {**SUMMARY, "world": 2**20 + 1}, [], "argument", "world")
    bad("label_integer", "a label that is no string", "overlay", {**overlay, "label": 3}, [png()], "type", "label")
    bad("width_zero", "a picture without pixels", "overlay", {**overlay, "width": 0}, [png()], "argument", "width")
    bad("height_huge", "a picture of 2^24 + 1 rows", "overlay", {**overlay, "height": 2**24 + 1}, [png()],
        "argument", "height")
    bad("encoding", "an encoding that is not known", "overlay", {**overlay, "encoding": "jpeg"}, [png()],
        "argument", "encoding")
    bad("frame_index", "a picture elsewhere", "overlay", {**overlay, "frame": 3}, [png(), png()],
        "argument", "frame")
    bad("no_picture", "a picture that is not there", "overlay", overlay, [], "format", "frame")
    bad("two_pictures", "a picture too many", "overlay", overlay, [png(), png()], "format", "frame")
    bad("not_png", "a picture that is no PNG", "overlay", overlay, [b"GIF89a.."], "format", "frame")
    bad("short_png", "four bytes of a PNG", "overlay", overlay, [b"\x89PNG"], "format", "frame")
    bad("page", "page 2 of 2", "sheet", {**PAGE, **PICTURE, "page": 2}, [png()], "argument", "page")
    bad("labels", "a label too few", "epoch", {**SUMMARY, "labels": ["a"]}, [], "shape", "labels")
    bad("labels_integer", "a label that is no string", "epoch", {**SUMMARY, "labels": ["a", 1]}, [], "type",
        "labels")
    bad("missing_ranks", "a rank that is no integer", "epoch", {**SUMMARY, "missing_ranks": ["1"]}, [], "type",
        "missing_ranks")
    bad("published", "published that is no map", "epoch", {**SUMMARY, "published": [1]}, [], "type", "published")
    bad("published_text", "a count that is no integer", "epoch", {**SUMMARY, "published": {"sheet": "1"}}, [],
        "type", "sheet")
    bad("complete", "a complete that is no boolean", "epoch", {**SUMMARY, "complete": 1}, [], "type", "complete")
    v.bad("bad_error_no_code", "an error without its word", ["error||", {**COMMON, "type": "error", "message": "m"}],
          "missing", "code")
    v.bad("bad_error_no_message", "an error without its sentence", ["error||", {**COMMON, "type": "error", "code": "c"}],
          "missing", "message")
    v.bad("bad_error_topic", "an error's topic without its run",
          ["error||", {**COMMON, "type": "error", "run": "r", "code": "c", "message": "m"}], "argument", "run")
    v.bad("bad_stats_list", "counters that are no map", ["stats|", {**COMMON, "type": "stats", "counters": [1]}],
          "type", "counters")
    v.bad("bad_stats_negative", "a counter below 0", ["stats|", {**COMMON, "type": "stats", "counters": {"a": -1}}],
          "type", "counters")
    def bad_run(name, about, key, **run):
        full = {"run": "a", "ranks": 1, "account": {}, **run}
        v.bad("bad_stats_run_" + name, about,
              ["stats|", {**COMMON, "type": "stats", "counters": {}, "runs": [full]}], "type", key)
    bad_run("account", "an account that is no map", "account", account=[1])
    bad_run("rows", "accounts that are no list", "accounts", accounts={})
    bad_run("row_short", "an account of a rank that is too short", "accounts", accounts=[[0] * 8])
    bad_run("row_text", "an account of a rank with a text", "accounts", accounts=[["0"] * 9])
    bad_run("open", "an open epoch that is no map", "open", open=[4])
    v.bad("bad_stats_runs", "runs that are no list",
          ["stats|", {**COMMON, "type": "stats", "counters": {}, "runs": 1}], "type", "runs")
    v.bad("bad_stats_run", "a run that is no map",
          ["stats|", {**COMMON, "type": "stats", "counters": {}, "runs": [1]}], "type", "runs")
    v.bad("bad_stats_key", "a counter whose name is no string",
          ["stats|", {**COMMON, "type": "stats", "counters": {1: 1}}], "type", "counters")


# --------------------------------------------------------------------------- files

def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def write_corpus(root, kind, vectors):
    """Frames as the fuzz targets split them: each with its size as two bytes, little-endian."""
    for vector in vectors.all:
        frames = [bytes.fromhex(f) for f in vector["frames"]]
        content = b"".join(struct.pack("<H", len(f)) + f for f in frames)
        write(os.path.join(root, "tests", "fuzz", "corpus", kind, vector["name"]), content)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(here)
    messages, results = Vectors(), Vectors()
    for make in (message_vectors, dtype_vectors, tensor_vectors, bad_frames, bad_common, bad_topics, bad_batches,
                 bad_tensors, bad_others):
        make(messages)
    for make in (result_vectors, bad_results):
        make(results)
    for kind, vectors in (("message", messages), ("result", results)):
        text = json.dumps(vectors.all, indent=1, ensure_ascii=True) + "\n"
        write(os.path.join(root, "proto", "vectors", kind + "s.json"), text.encode())
        write_corpus(root, kind, vectors)


if __name__ == "__main__":
    main()
