"""What a stage says to faulty options and faulty messages, and that it goes on."""
import re

import msgpack
import numpy as np

from support import tap
from support.program import Folder, refused, run
from support.stream import SharedStage, Trainer, sample_data

# ---- options: status 2, and one line with what was wrong and what is accepted ----


@tap.cases_of("option {0[0]}", [
    (("--n-sample", "3"), "unknown.*--n-sample.*--n-samples"),
    (("--n-samples",), "n-samples.*value"),
    (("stray",), "stray"),
    (("--n-components", "0"), r'n-components.*"0".*1 to 1024.*between 0 and 1'),
    (("--n-components", "1.5"), r'n-components.*"1.5"'),
    (("--n-components", "-1"), r'n-components.*"-1"'),
    (("--n-components", "nan"), r'n-components.*"nan"'),
    (("--n-samples", "0"), 'n-samples.*"0".*from 1, or all'),
    (("--n-samples", "5x"), 'n-samples.*"5x"'),
    (("--mode", "validate"), "mode.*validate.*train, eval, test, infer"),
    (("--mode", "!train,eval"), "mode.*mixed.*!a,!b"),
    (("--mode", ""), "mode.*empty"),
    (("--ds-id", "a,!b"), "ds-id.*mixed"),
    (("--ds-id", "a:b"), "ds-id.*a:b"),
    (("--outputs", "a|b"), "outputs.*a\\|b"),
    (("--image-layout", "CHW"), "image-layout.*CHW.*NCHW, NHWC"),
    (("--activation-layout", "x"), "activation-layout.*auto, NCHW, NHWC"),
    (("--normalize", "batch"), "normalize.*batch.*epoch, image"),
    (("--blend", "2"), "blend.*2.*add.*0 to 1"),
    (("--sign", "max"), "sign.*max.*peak, none"),
    (("--colormap", "rainbow"), "colormap.*rainbow.*jet, turbo, viridis, inferno, gray"),
    (("--publish", "overlays"), "publish.*overlay, map, image, sheet"),
    (("--sheet-rows", "65"), "sheet-rows.*65.*1 to 64"),
    (("--workers", "0"), "workers.*0"),
    (("--epoch-timeout", "soon"), "epoch-timeout.*soon"),
    (("--memory", "lots"), "memory.*lots"),
    (("--label-mapping", "/nonexistent.json"), "label-mapping.*/nonexistent.json"),
    (("--label-mapping", "cat"), "label-mapping.*cat"),
    (("--record", "/nonexistent/a.ecamrec"), "/nonexistent/a.ecamrec"),
    (("--config", "/nonexistent.yaml"), "/nonexistent.yaml"),
    (("--in", "tcp:/127.0.0.1"), "tcp:/127.0.0.1.*tcp://"),
    (("--in", "tcp://127.0.0.1:99999"), "99999"),
    (("--out", "udp://127.0.0.1:1"), "udp://127.0.0.1:1"),
])
def bad_option(value):
    arguments, expected = value
    with Folder() as folder:
        endpoints = ["--in", f"ipc://{folder / 'in'}", "--out", f"ipc://{folder / 'out'}"]
        check_line(refused("stage", *endpoints, *arguments), expected)


def check_line(said, expected):
    assert said.startswith("eigencam: "), said
    assert re.search(expected, said), f"{said!r} does not say {expected!r}"


@tap.cases_of("configuration file: {0[0]}", [
    ("an unknown key", "n_samples: 3\ncolour: jet\n", 'line 2.*"colour".*colormap'),
    ("an unknown key of a trace", "traces:\n  - outputs: a\n    sample: 3\n",
     'line 3.*"sample".*n_samples'),
    ("a bad value", "traces:\n  - outputs: a\n  - mode: valid\n", "line 3.*mode.*valid"),
    ("a mixed filter", "mode: [train, '!eval']\n", "line 1.*mode.*mixed"),
    ("two outputs of one name", "traces:\n  - n_samples: 1\n  - n_samples: 2\n",
     "line 3.*eigencam"),
    ("a list", "- outputs: a\n", "list.*map"),
    ("no YAML", "a: [1\nb: }\n", "line [12]"),
    ("an empty list of traces", "traces: []\n", "traces.*empty"),
    ("a number for a map", "traces:\n  - 3\n", "line 2.*map"),
])
def bad_file(value):
    _, text, expected = value
    with Folder() as folder:
        path = folder / "stage.yaml"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        said = refused("stage", "--in", f"ipc://{folder / 'in'}", "--out",
                       f"ipc://{folder / 'out'}", "--config", path)
    check_line(said, f"stage.yaml.*{expected}")


@tap.cases_of("draw: {0[0]}", [
    ("no activations", {"activations": None}, "--activations"),
    ("a file that is not there", {"images": "nowhere.npy"}, "nowhere.npy"),
    ("a file that is no .npy", {"images": b"PK\x03\x04 something else"}, "images.npy.*npy"),
    ("a cut file", {"images": b"\x93NUMPY\x01\x00"}, "images.npy"),
    ("images without a height", {"images": np.zeros((2, 3))}, "shape|\\(2, 3\\)"),
    ("fewer activations", {"activations": np.zeros((1, 3, 2, 2))}, "samples"),
    ("fewer labels", {"labels": np.zeros(1, int)}, "labels.npy"),
    ("complex numbers", {"activations": np.zeros((2, 3, 2, 2), complex)}, "activations.npy"),
    ("bfloat16 that is none", {"--activation-type": "bfloat16"}, "activations.npy.*bfloat16"),
    ("an unknown type", {"--activation-type": "int4"}, "int4.*bfloat16"),
    ("a stage's option", {"--epoch-timeout": "3"}, "epoch-timeout"),
    ("no components", {"--n-components": "0"}, "n-components"),
])
def bad_draw(value):
    _, changes, expected = value
    files = {"images": np.zeros((2, 3, 4, 5)), "activations": np.zeros((2, 3, 2, 2))}
    options = {key: text for key, text in changes.items() if key.startswith("--")}
    files.update({key: file for key, file in changes.items() if key not in options})
    with Folder() as folder:
        arguments = ["draw", "--dir", folder / "out"]
        for key, file in files.items():
            path = folder / f"{key}.npy"
            if isinstance(file, bytes):
                with open(path, "wb") as out:
                    out.write(file)
            elif isinstance(file, np.ndarray):
                np.save(path, file)
            elif file is not None:
                path = folder / file
            arguments += [f"--{key}", path] if file is not None else []
        for pair in options.items():
            arguments += pair
        check_line(refused(*arguments), expected)


@tap.cases_of("command line {0[0]}", [
    ((), "stage.*log.*replay"),
    (("paint",), "paint.*stage.*log.*replay"),
])
def bad_command(value):
    arguments, expected = value
    status, _, err = run(*arguments)
    said = " ".join(err)
    assert status == 2 and re.search(expected, said), f"status {status}: {said}"


# ---- messages: one error each, counted, and the next good batch is used ----


SHARED = SharedStage()


def tensor(**changes):
    """An images tensor of two samples, with keys changed (None: left out)."""
    good = {"nd": True, "type": "|u1", "shape": [2, 3, 4, 5], "data": bytes(120)}
    return {key: value for key, value in {**good, **changes}.items() if value is not None}


def header(**changes):
    """A good batch's header but for the changes (None: left out)."""
    return {"type": "batch", "epoch": 1, "mode": "eval", "step": 0,
            "data": {"images": tensor(),
                     "activations": tensor(type="<f4", shape=[2, 3, 2, 2], data=bytes(96))},
            **changes}


def with_data(**values):
    data = {**header()["data"], **values}
    return header(data={key: value for key, value in data.items() if value is not None})


def images(**changes):
    """A batch whose images tensor has these changes."""
    return with_data(images=tensor(**changes))


HUGE = 100_000_000
BAD_HEADERS = [
    ("not MessagePack", b"\xc1", "format"),
    ("empty header", b"", "format"),
    ("cut header", b"\x83\xa1v\x01\xa4ty", "format"),
    ("bytes after the header", msgpack.packb({"v": 1}) + b"\x00", "format"),
    ("a list for a header", msgpack.packb([1, 2]), "format|type"),
    ("5 bytes that claim 4 billion elements", b"\xdd\xff\xff\xff\xff", "format|limit"),
    ("5 bytes that claim 4 billion pairs", b"\xdf\xff\xff\xff\xff", "format|limit"),
    ("5 bytes that claim 4 GB", b"\xc6\xff\xff\xff\xff", "format|limit"),
    ("a hundred thousand nested lists", b"\x91" * 100_000, "limit"),
    ("an extension type", b"\xd4\x05\x00", "format|type"),
    ("100 MB of nothing", bytes(HUGE), "format"),
    ("100 MB of nested nothing", b"\xdd" + HUGE.to_bytes(4, "big") + bytes(HUGE), "limit|format"),
    ("wrong v", header(v=2), "version"),
    ("no v", header(v=None), "missing"),
    ("v as text", header(v="1"), "type|version"),
    *((f"no {key}", header(**{key: None}), "missing")
      for key in ("type", "run", "epoch", "mode", "step", "data")),
    ("unknown type", header(type="surprise"), "argument|type"),
    ("unknown mode", header(mode="validate"), "argument"),
    ("mode that differs from the topic", header(mode="test"), "argument"),
    ("run that differs from the topic", header(run="other"), "argument"),
    ("run of 129 bytes", header(run="x" * 129), "argument|limit"),
    ("run with a line break", header(run="a\nb"), "argument"),
    ("ds_id with a semicolon", header(ds_id="a;b"), "argument"),
    ("negative rank", header(rank=-1), "argument|type"),
    ("rank as text", header(rank="0"), "type"),
    ("world of none", header(world=0), "argument"),
    ("negative epoch", header(epoch=-1), "argument|type"),
    ("data as a list", header(data=[1]), "type"),
    ("no images", with_data(images=None), "missing"),
    ("no activations", with_data(activations=None), "missing"),
    ("images as a list", with_data(images=[1, 2]), "type|shape"),
    ("fewer bytes than the shape says", images(data=bytes(119)), "shape|format"),
    ("more bytes than the shape says", images(data=bytes(121)), "shape|format"),
    ("a shape that overflows", images(shape=[2, 2 ** 62, 2 ** 62, 4]), "shape|limit"),
    ("a shape that overflows to the right size",
     images(shape=[2 ** 62 + 2, 3, 4, 5], data=bytes(120)), "shape|limit"),
    ("an axis of 0", images(shape=[2, 0, 4, 5], data=b""), "shape"),
    ("a negative axis", images(shape=[2, -3, 4, 5]), "shape|type|argument"),
    ("no axes", images(shape=[], data=b"1"), "shape"),
    ("nine axes", images(shape=[1] * 9, data=b"1"), "shape|limit"),
    ("no shape", images(shape=None), "missing"),
    ("no element type", images(type=None), "missing"),
    ("big-endian elements", images(type=">u2", data=bytes(240)), "type"),
    ("object elements", images(type="|O"), "type"),
    ("complex elements", images(type="<c8", data=bytes(960)), "type"),
    ("neither data nor frame", images(data=None), "missing"),
    *((f"frame {index}", images(data=None, frame=index), "missing|argument|type|format|limit|shape")
      for index in (0, 1, 2, -1, 2 ** 40)),
    ("shared memory that was never handed over",
     images(data=None, shm={"ring": 1, "offset": 0, "size": 120, "ticket": 0}),
     "argument|missing|type"),
    ("an unknown layout", images(layout="CNHW"), "argument"),
    ("images of two channels", images(shape=[2, 2, 5, 6]), "shape"),
    ("images without a height", images(shape=[2, 60]), "shape"),
    ("activations of five axes",
     with_data(activations=tensor(shape=[2, 1, 3, 4, 5])), "shape"),
    ("fewer activations than images",
     with_data(activations=tensor(shape=[1, 10, 3, 4])), "shape"),
    ("fewer labels than images", with_data(labels=[1]), "shape"),
    ("labels of three axes", with_data(labels=tensor(shape=[2, 3, 20])), "shape"),
]


class Faulty(Trainer):
    """A trainer that sends one faulty message. Left, exactly one error must have come of
    it, with one of the codes ("a|b"), and a good batch after it is used."""

    def __init__(self, run, code, **keys):
        self.stage, self.logger = SHARED.start()
        self.code = code
        self.before = self.stage.stats()["errors"]
        super().__init__(self.stage, run, **keys)

    def __exit__(self, kind, *_):
        if kind is None:
            self.check()
        self.close()

    def check(self):
        self.batch(sample_data(2), step=1)
        self.epoch_end(sent=None)
        (epoch,) = self.logger.wait_epochs(1, self.run)
        summary = epoch.summary
        assert summary["samples"] == 2, f"the good batch is not used: {summary}"
        errors = self.logger.errors
        assert len(errors) == 1, f"{len(errors)} errors: {errors}"
        counted = self.stage.stats()["errors"] - self.before
        assert counted == 1, f"{counted} errors are counted"
        self.error = errors[0]
        assert self.error["code"] in self.code.split("|"), f"{self.error}"
        assert len(self.error["message"]) > 20, self.error


@tap.cases_of("message: {0[0]}", BAD_HEADERS)
def bad_message(value):
    name, bad, code = value
    topic = f"batch|eval||{name}|"
    with Faulty(name, code) as trainer:
        if isinstance(bad, bytes):
            trainer.send_raw(topic.encode(), bad)
        else:
            trainer.send(topic, bad)


@tap.case
def message_of_a_topic_alone():
    with Faulty("topic alone", "format|missing") as trainer:
        trainer.send_raw(b"batch|eval||topic alone|")


@tap.case
def an_error_names_run_rank_session_seq_and_key():
    with Faulty("named", "type", session=77) as trainer:
        trainer.seq["batch|eval||named|"] = 4
        trainer.send("batch|eval||named|", header(epoch="one"))
    told = {key: trainer.error.get(key) for key in ("run", "rank", "session", "of_seq", "key")}
    assert told == {"run": "named", "rank": 0, "session": 77, "of_seq": 5, "key": "epoch"}, told
    assert trainer.error["topic"] == "error|named|", trainer.error


@tap.cases_of("message: {0[0]}", [
    ("hello with a list of numbers for traces", {"traces": [1]}),
    ("hello whose trace has an unknown key", {"traces": [{"colour": 1}]}),
    ("hello whose trace has a bad value", {"traces": [{"n_samples": 0}]}),
    ("hello whose trace names a file", {"traces": [{"label_mapping": "/etc/passwd"}]}),
    ("hello with a number for a mapping", {"label_mapping": 3}),
    ("hello with text for a class's value", {"label_mapping": {"a": "b"}}),
])
def bad_hello(value):
    name, keys = value
    with Faulty(name, "type|argument") as trainer:
        trainer.hello(**keys)


@tap.case
def an_epoch_end_without_its_epoch_is_an_error():
    with Faulty("endless", "missing") as trainer:
        trainer.epoch_end(epoch=None)
    assert trainer.error["key"] == "epoch", trainer.error


@tap.case
def a_label_outside_the_mapping_is_shown_as_its_number_and_told_once():
    stage, logger = SHARED.start()
    with Trainer(stage, "unmapped") as trainer:
        trainer.hello(label_mapping={"cat": 0})
        trainer.batch(sample_data(3, labels=[0, 4, 4], preds=[5, 0, 0]))
        trainer.epoch_end()
        summary = logger.wait_epoch().summary
    assert summary["labels"] == ["cat", "4", "4"], summary
    assert summary["preds"] == ["5", "cat", "cat"], summary
    (error,) = logger.wait_errors(1)
    assert error["run"] == "unmapped" and " 5" in error["message"], error


@tap.case
def values_that_are_not_finite_are_no_error():
    stage, logger = SHARED.start()
    data = sample_data(2)
    data["activations"][0, 0, 0, 0] = np.inf
    data["activations"][1] = np.nan
    with Trainer(stage, "not finite") as trainer:
        trainer.batch(data)
        trainer.epoch_end()
        epoch = logger.wait_epoch()
    assert epoch.summary["samples"] == 2 and not logger.errors, logger.errors
    assert not epoch.maps[1, 0].projection().any()


@tap.case
def a_flood_of_errors_is_counted_to_the_last():
    stage, logger = SHARED.start()
    before = stage.stats()["errors"]
    with Trainer(stage, "flood") as trainer:
        for _ in range(10):  # no more at once than the queues hold
            for _ in range(100):
                trainer.send_raw(b"batch|eval||flood|", b"\xc1")
            assert len(logger.wait_errors(100)) == 100
        assert stage.stats()["errors"] - before == 1000
        trainer.batch(sample_data(1))
        trainer.epoch_end()
        assert logger.wait_epoch().summary["samples"] == 1


if __name__ == "__main__":
    tap.main(SHARED.finish)
