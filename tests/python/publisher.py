"""The Python publisher: what it sends, what it leaves out, and that a training never feels it."""
import os
import subprocess
import sys
import time
import warnings

import numpy as np
import torch
from peer import LIBRARIES, Peer, until
from support import tap
from support.program import Folder

import eigencam
from eigencam.arrays import as_array

IMAGES = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5)
ACTS = np.arange(2 * 6 * 2 * 2, dtype=np.float32).reshape(2, 6, 2, 2)


def raises(kind, function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except kind as error:
        return str(error)
    raise AssertionError(f"{function} raised no {kind.__name__}")


def on_each_library(function):
    return tap.cases_of(function.__name__.replace("_", " ") + ", library {}", LIBRARIES)(function)


def open_to(peer, library, **options):
    options = {"run": "run", **options}
    publisher = eigencam.Publisher(peer.endpoint, library=library, **options)
    peer.await_subscribed(publisher)
    return publisher


# ---- arrays ----

@tap.case
def numpy_types_go_as_they_are():
    for name in "b1 u1 i1 u2 i2 u4 i4 u8 i8 f2 f4 f8".split():
        values = np.zeros((2, 3), name)
        array = as_array(values)
        assert array.type == values.dtype.str and array.shape == (2, 3), name
        assert np.shares_memory(array.values, values), f"{name} was copied"


@tap.case
def torch_types_go_as_they_are():
    for dtype, name in {torch.bool: "|b1", torch.uint8: "|u1", torch.int8: "|i1",
                        torch.int16: "<i2", torch.int32: "<i4", torch.int64: "<i8",
                        torch.float16: "<f2", torch.bfloat16: "bfloat16", torch.float32: "<f4",
                        torch.float64: "<f8"}.items():
        tensor = torch.tensor([[0, 1, 1]]).to(dtype)
        array = as_array(tensor)
        assert array.type == name and array.values.itemsize == tensor.element_size(), name
        assert array.values.ctypes.data == tensor.data_ptr(), f"{dtype} was copied"


@tap.case
def bfloat16_keeps_its_bits():
    assert as_array(torch.tensor([1.0, -2.5], dtype=torch.bfloat16)).values.tolist() == \
        [0x3F80, 0xC020]


@tap.case
def what_needs_a_gradient_is_detached():
    assert as_array(torch.ones(2, requires_grad=True)).values.tolist() == [1, 1]


@tap.case
def arrays_that_are_not_contiguous_are_copied_right():
    values = np.arange(24).reshape(2, 3, 4)
    assert (as_array(values.transpose(0, 2, 1)).values == values.transpose(0, 2, 1)).all()
    tensor = torch.arange(24).reshape(2, 3, 4)
    assert (as_array(tensor.permute(0, 2, 1)).values == values.transpose(0, 2, 1)).all()


@tap.case
def a_limit_takes_the_first_samples():
    assert as_array(np.arange(5), limit=2).values.tolist() == [0, 1]
    assert as_array(torch.arange(5), limit=2).values.tolist() == [0, 1]
    assert as_array(list("abcde"), limit=2) == ["a", "b"]


@tap.case
def big_endian_is_turned():
    array = as_array(np.array([1, 2], ">u2"))
    assert array.type == "<u2" and array.values.tobytes() == b"\1\0\2\0"


@tap.case
def anything_with_dlpack_or_array_is_taken():
    class Lent:
        def __init__(self, values):
            self.values = values

        def __len__(self):
            return len(self.values)

        def __getitem__(self, key):
            return type(self)(self.values[key])

    class ByDlpack(Lent):
        def __dlpack__(self, **options):
            return self.values.__dlpack__(**options)

        def __dlpack_device__(self):
            return self.values.__dlpack_device__()

    class ByArray(Lent):
        def __array__(self, *args):
            return self.values

    for kind in (ByDlpack, ByArray):
        array = as_array(kind(np.arange(4, dtype=np.float32)), limit=3)
        assert array.type == "<f4" and array.values.tolist() == [0, 1, 2], kind


@tap.case
def scalars_and_text_are_batches_of_their_own():
    assert as_array(3).values.tolist() == [3]
    assert as_array("cat") == ["cat"]
    assert as_array(["cat", b"dog"]) == ["cat", "dog"]
    assert as_array(np.array(["cat", "dog"])) == ["cat", "dog"]


@tap.case
def types_that_the_wire_does_not_know_are_refused():
    for value in (np.zeros(2, complex), np.zeros(2, "M8[s]"), [object()], [1, "a", None]):
        raises(TypeError, as_array, value)


# ---- messages ----

@on_each_library
def a_batch_arrives_as_it_was(library):
    with Peer() as peer, open_to(peer, library, rank=1, world=2, label_mapping=["cat", "dog"],
                                 traces=[{"n_samples": 2}], framework="test",
                                 ring_bytes=0) as publisher:
        publisher.batch("eval", 3, 4, {"images": IMAGES, "activations": torch.from_numpy(ACTS),
                                       "labels": ["a", "b"], "preds": [0, 1]}, "clean",
                        layouts={"activations": "NCHW"})
        publisher.epoch_end("eval", 3)
        publisher.close()
        hello, batch, again, end, bye = _without_greetings(peer.received())
    assert hello.header["label_mapping"] == {"cat": 0, "dog": 1}
    assert [{key: str(value) for key, value in trace.items()}
            for trace in hello.header["traces"]] == [{"n_samples": "2"}]
    assert hello.header["framework"] == "test" and again.type == "hello"
    assert batch.topic == "batch|eval|clean|run|"
    for key, value in {"rank": 1, "world": 2, "mode": "eval", "ds_id": "clean", "epoch": 3,
                       "step": 4, "seq": 0, "v": 1}.items():
        assert batch.header[key] == value, key
    assert (batch.array("images") == IMAGES).all() and (batch.array("activations") == ACTS).all()
    assert batch.header["data"]["activations"]["layout"] == "NCHW"
    assert "layout" not in batch.header["data"]["images"]
    assert batch.header["data"]["labels"] == ["a", "b"]
    assert batch.array("preds").tolist() == [0, 1]
    assert end.header["sent"] == {"clean": [1, 2]} and end.topic == "epoch_end|eval|run|"
    assert bye.header["last_seq"]["batch|eval|clean|run|"] == 0
    assert len({message.header["session"] for message in (hello, batch, end, bye)}) == 1


def _without_greetings(messages):
    """One hello stands for those that each new subscription brings."""
    return [message for i, message in enumerate(messages)
            if message.type != "hello" or i == 0 or messages[i - 1].type != "hello"]


@on_each_library
def the_world_of_a_mode_travels_with_it(library):
    with Peer() as peer, open_to(peer, library, rank=0, world=4) as publisher:
        publisher.batch("eval", 1, 0, {"images": IMAGES}, world=1)
        publisher.epoch_end("eval", 1, world=1)
        assert peer.receive("batch").header["world"] == 1
        assert peer.receive("epoch_end").header["world"] == 1


@on_each_library
def seq_counts_in_each_topic(library):
    with Peer() as peer, open_to(peer, library) as publisher:
        for mode, step in (("eval", 0), ("test", 0), ("eval", 1)):
            publisher.batch(mode, 1, step, {"images": IMAGES})
        seqs = [(m.topic, m.header["seq"]) for m in (peer.receive("batch") for _ in range(3))]
    assert seqs == [("batch|eval||run|", 0), ("batch|test||run|", 0), ("batch|eval||run|", 1)]


@on_each_library
def what_nobody_subscribes_to_is_not_sent(library):
    with Peer("hello|", "bye|", "batch|eval|", "epoch_end|eval|") as peer, \
            open_to(peer, library) as publisher:
        assert publisher.wants("train", 1) == 0 < publisher.wants("eval", 1)
        publisher.batch("train", 1, 0, {"images": IMAGES})
        publisher.batch("eval", 1, 0, {"images": IMAGES})
        assert peer.receive("batch").header["mode"] == "eval"
        stats = publisher.stats
    assert (stats.sent, stats.unwanted) == (1, 1), stats


@on_each_library
def a_want_bounds_samples_keys_modes_and_data_sets(library):
    with Peer() as peer, open_to(peer, library) as publisher:
        peer.want({"runs": ["run"], "modes": ["eval"], "ds_ids": ["clean"],
                   "keys": ["images", "labels"], "n_samples": 3})
        until("the want", lambda: publisher.wants("eval", 1, "clean") == 3)
        assert publisher.wants("eval", 1, "noisy") == publisher.wants("train", 1, "clean") == 0
        for step in range(3):
            publisher.batch("eval", 1, step, {"images": IMAGES, "activations": ACTS}, "clean")
        publisher.batch("eval", 1, 3, {"images": IMAGES}, "noisy")
        first, second = (peer.receive("batch") for _ in range(2))
        assert [len(m.array("images")) for m in (first, second)] == [2, 1]
        assert list(first.header["data"]) == ["images"]
        assert publisher.wants("eval", 1, "clean") == 0 and publisher.wants("eval", 2, "clean") == 3
        publisher.epoch_end("eval", 1)
        assert peer.receive("epoch_end").header["sent"] == {"clean": [2, 3]}
        assert publisher.stats.unwanted == 2, publisher.stats


@on_each_library
def wants_of_several_stages_are_joined(library):
    with Peer() as peer, open_to(peer, library) as publisher:
        eval_of_run = {"runs": ["run"], "modes": ["eval"]}
        peer.want({**eval_of_run, "keys": ["images"], "n_samples": 1}, stage=1)
        peer.want({**eval_of_run, "keys": ["labels"], "n_samples": 2}, stage=2)
        until("both wants", lambda: publisher.wants("eval", 1) == 2)
        publisher.batch("eval", 1, 0, {"images": IMAGES, "labels": [0, 1], "preds": [0, 1]})
        assert sorted(peer.receive("batch").header["data"]) == ["images", "labels"]


@on_each_library
def nonsense_for_a_want_is_passed_over(library):
    with Peer() as peer, open_to(peer, library) as publisher:
        for junk in (b"", b"\xc1", b"\x80", b"\xdf\xff\xff\xff\xff", b"\x81\xa1v\x01"):
            peer.socket.send_multipart([b"want", junk])
        peer.want({"runs": ["run"], "modes": ["test"], "n_samples": 4})
        until("the want", lambda: publisher.wants("test", 1) == 4)


@on_each_library
def wrong_arguments_raise_with_a_reason(library):
    with Peer() as peer, open_to(peer, library) as publisher:
        text = raises(ValueError, publisher.batch, "eval", 1, 0,
                      {"images": IMAGES, "activations": ACTS[:1]})
        assert "activations" in text and "1" in text and "2" in text, text
        raises(ValueError, publisher.batch, "evaluate", 1, 0, {"images": IMAGES})
        assert "preds" in raises(TypeError, publisher.batch, "eval", 1, 0,
                                 {"preds": np.zeros(2, complex)})
        raises(ValueError, publisher.batch, "eval", 1, 0, {"images": IMAGES}, "a:b")
        raises(ValueError, publisher.epoch_end, "no mode", 1)
        for name in ("", "a|b", "a\nb", "x" * 129):
            raises(ValueError, eigencam.Publisher, peer.endpoint, run=name or "|",
                   library=library)
        raises(ValueError, eigencam.Publisher, "nonsense", run="run", library=library)
        raises(ValueError, eigencam.Publisher, peer.endpoint, rank=2, world=2, library=library)


# ---- trouble ----

@on_each_library
def without_a_stage_nothing_waits_and_nothing_fails(library):
    with Folder() as folder:
        start = time.monotonic()
        publisher = eigencam.Publisher(f"ipc://{folder / 'nobody'}", run="run", library=library)
        assert publisher.wants("eval", 1) == 0
        for step in range(1000):
            publisher.batch("eval", 1, step, {"images": IMAGES, "activations": ACTS})
        publisher.epoch_end("eval", 1)
        assert publisher.stats.sent == 0 and publisher.stats.unwanted == 1000, publisher.stats
        publisher.close()
        assert time.monotonic() - start < 5


@on_each_library
def a_stage_that_comes_later_is_found(library):
    with Folder() as folder:
        publisher = eigencam.Publisher(f"ipc://{folder / 'in'}", run="run", library=library)
        assert not publisher.wait(0.01)
        with Peer(folder=folder) as peer:
            peer.await_subscribed(publisher)
            publisher.batch("eval", 1, 7, {"images": IMAGES})
            assert peer.receive().type == "hello"
            assert peer.receive("batch").header["step"] == 7
            publisher.close()


@on_each_library
def a_forked_child_sends_nothing(library):
    with Peer() as peer, open_to(peer, library) as publisher:
        child = os.fork()
        if child == 0:
            publisher.batch("eval", 1, 66, {"images": IMAGES})
            publisher.epoch_end("eval", 66)
            publisher.close()
            os._exit(1 if publisher.alive else 0)
        assert os.waitpid(child, 0)[1] == 0
        publisher.batch("eval", 1, 1, {"images": IMAGES})
        publisher.close()
        batches = [m for m in peer.received() if m.type == "batch"]
        assert [m.header["step"] for m in batches] == [1]


@on_each_library
def a_closed_publisher_does_nothing(library):
    with Peer() as peer:
        publisher = open_to(peer, library)
        publisher.close()
        publisher.close()
        publisher.batch("eval", 1, 0, {"images": IMAGES})
        publisher.epoch_end("eval", 1)
        assert publisher.wants("eval", 1) == 0 and not publisher.wait(0)


@tap.case
def a_missing_library_is_told_once_and_replaced():
    script = ("import sys, warnings; sys.modules['eigencam.native'] = type(sys)('native');"
              "import eigencam.native as n; n.load = lambda: None; n.why_not = lambda: 'gone';"
              "import eigencam;"
              "a = [eigencam.Publisher('tcp://127.0.0.1:9', run='r') for _ in range(3)];"
              "print(type(a[0]).__name__)")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "PurePublisher", done.stderr
    assert done.stderr.count("RuntimeWarning") == 1 and "gone" in done.stderr, done.stderr


@tap.case
def a_warning_that_is_made_an_error_does_not_stop_training():
    from eigencam._common import warn_once
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_once("a key of this test's own", "this line belongs to a test")


tap.main()
