"""The parts of the bridges: what is taken in, kept, handed over, and how it is called."""
import hashlib
import os
import struct
import zlib

from peer import until
from support import tap
from support.program import Folder
from support.stream import FakeStage

from eigencam.bridge import names
from eigencam.bridge.deliver import Deliverer
from eigencam.bridge.receive import Receiver
from eigencam.bridge.spool import Busy, Spool
from eigencam.bridge.transactions import Transactions

SIGNATURE = b"\x89PNG\r\n\x1a\n"


class Case:
    """A made-up stage, a spool, and a receiver between them."""

    def __init__(self, limit=1 << 20, **options):
        self.folder, self.said = Folder(), []
        self.options = {"what": ["overlay", "image", "sheet"], "say": self.said.append, **options}
        self.limit = limit
        self.stage = FakeStage(self.folder)
        self.start()

    def start(self):
        self.spool = Spool(self.folder / "spool", self.limit)
        self.receiver = Receiver(self.stage.loggers, self.spool, **self.options)
        self.receiver.start()
        for _ in range(2 + len(self.options["what"])):
            self.stage.wait_subscriber()

    def stop(self):
        """With all that was sent taken in: an error stands at the end."""
        if self.receiver.is_alive():
            self.stage.send("stats", "stats|", {"counters": {}, "stage": 12345})
            until("the last message", lambda: 12345 in self.receiver._stages)
            self.receiver.stop()

    def restart(self):
        self.stop()
        self.spool.close()
        while self.stage.socket.poll(0):
            self.stage.socket.recv()
        self.start()

    def overlay(self, sample, component, explained, epoch=1):
        self.stage.send("overlay", "overlay|run|out|eval|", {
            "run": "run", "output": "out", "mode": "eval", "epoch": epoch, "attempt": 1,
            "sample": sample, "component": component, "components": 2, "explained": explained,
            "frame": 2}, SIGNATURE + bytes([sample, component]))

    def queued(self):
        self.stop()
        items, item = [], self.spool.next()
        while item:
            items.append(item)
            item = self.spool.next(item.id)
        return items

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        assert self.receiver.failure is None, self.receiver.failure
        self.spool.close()
        self.stage.close()
        self.folder.__exit__()


@tap.case
def repeats_are_one_result_and_gaps_are_losses():
    with Case() as case:
        case.stage.image(SIGNATURE + b"0")
        case.stage.seq.clear()
        case.stage.image(SIGNATURE + b"0")  # the same again, to the letter
        case.stage.seq["image|run|out|eval|"] = 3
        case.stage.image(SIGNATURE + b"1", sample=1)  # seq 4: 1 to 3 are missing
        assert [item.png for item in case.queued()] == [SIGNATURE + b"0", SIGNATURE + b"1"]
        assert (case.receiver.repeats, case.receiver.lost) == (1, 3)
        assert any(line.startswith("3 lost before run out eval epoch 1 image sample 1")
                   for line in case.said), case.said


@tap.case
def what_passed_between_two_starts_is_a_loss():
    with Case() as case:
        case.stage.image(SIGNATURE)
        case.restart()
        case.stage.seq["image|run|out|eval|"] += 2
        case.stage.image(SIGNATURE, sample=3)
        case.stop()
        assert case.receiver.lost == 2


@tap.case
def another_stage_has_its_own_numbers_and_may_send_the_same():
    with Case() as case:
        case.stage.image(SIGNATURE)
        for common, content in ((7, b""), (8, b"other")):
            case.stage.common["stage"], case.stage.seq = common, {"image|run|out|eval|": 40}
            case.stage.image(SIGNATURE + content)
        assert [item.png for item in case.queued()] == [SIGNATURE, SIGNATURE + b"other"]
        assert (case.receiver.repeats, case.receiver.lost) == (1, 0)


@tap.case
def a_summary_brings_the_mean_of_the_explained_variance():
    with Case() as case:
        case.overlay(0, 0, 0.5)
        case.overlay(0, 1, 0.25)
        case.restart()  # in mid-epoch
        case.overlay(1, 0, 1)
        case.overlay(0, 0, 0.5)  # a repeat does not weigh twice
        case.overlay(0, 0, 0.1, epoch=2)
        case.stage.summary()
        items = case.queued()
        assert items[-1].header["shares"] == [[0, 0.75], [1, 0.25]], items[-1].header
        assert items[-1].png is None


@tap.case
def only_the_outputs_and_modes_that_are_named():
    with Case(outputs=["out"], modes=["eval"]) as case:
        case.stage.image(SIGNATURE, output="other")
        case.stage.image(SIGNATURE, mode="test")
        case.stage.image(SIGNATURE, sample=5)
        assert [item.header["sample"] for item in case.queued()] == [5]
        assert case.receiver.lost == 0 and case.receiver.refused == 0


@tap.case
def what_is_not_as_the_protocol_says_is_refused():
    with Case() as case:
        case.stage.image(b"GIF89a")
        for wrong in ({"epoch": -1}, {"epoch": "1"}, {"mode": "evil"}, {"run": "a|b"},
                      {"output": ""}, {"output": None}, {"sample": True}, {"sample": None},
                      {"seq": 1.5}, {"label": 3}, {"attempt": 2**60}, {"explained": 2},
                      {"explained": float("nan")}, {"stage": None}, {"time_ns": "now"}):
            case.stage.image(SIGNATURE, **wrong)
        case.stage.image(SIGNATURE, sample=1)
        assert len(case.queued()) == 1 and case.receiver.refused == 16, case.said


@tap.case
def two_bridges_do_not_share_a_state():
    with Folder() as folder:
        spool = Spool(folder / "spool", 100)
        try:
            Spool(folder / "spool", 100)
        except Busy:
            spool.close()
            Spool(folder / "spool", 100).close()
        else:
            raise AssertionError("a second one got it")


HEADER = {"run": "run", "output": "out", "mode": "eval", "epoch": 1, "attempt": 1,
          "type": "image", "sample": 0}


@tap.case
def room_is_given_back():
    with Folder() as folder:
        spool = Spool(folder / "spool", 20)
        assert spool.add(HEADER, bytes(15)) and spool.add({**HEADER, "sample": 1}, bytes(6)) is None
        spool.remove(spool.next(), "there")
        assert spool.add({**HEADER, "sample": 1}, bytes(6))
        spool.close()
        spool = Spool(folder / "spool", 20)
        assert spool.add({**HEADER, "sample": 2}, bytes(15)) is None
        assert spool.add({**HEADER, "sample": 2}, bytes(14))
        spool.close()


class FakeTracker:
    """Keeps what it is told to keep."""

    def __init__(self):
        self.logged, self.kept, self.asked = [], set(), []

    def open(self, run):
        return f"there/{run}"

    def has(self, run, item):
        self.asked.append(item.header["sample"])
        return item.header["sample"] in self.kept

    def log(self, run, item):
        self.logged.append((item.header["sample"], item.png))

    def is_kept(self, run, item):
        return item.header["sample"] in self.kept

    def forget(self, run):
        pass

    def close(self):
        pass


@tap.case
def what_a_tracker_did_not_keep_is_handed_over_at_the_next_start():
    with Folder() as folder:
        spool, tracker = Spool(folder / "spool", 100), FakeTracker()
        for sample in range(3):
            spool.add({**HEADER, "sample": sample}, b"%d" % sample)
        first = Deliverer(spool, tracker, [].append)
        while first.work():
            pass
        assert [sample for sample, _ in tracker.logged] == [0, 1, 2] and spool.waiting() == 3
        tracker.kept.add(1)  # and then it was killed
        tracker.logged.clear()
        second = Deliverer(spool, tracker, [].append)
        while second.work():
            pass
        assert tracker.asked == [0, 1, 2] and tracker.logged == [(0, b"0"), (2, b"2")]
        tracker.kept.update((0, 2))
        second.finish(60, lambda: False)
        assert second.logged == 3 and spool.waiting() == 0
        spool.add({**HEADER, "sample": 1}, b"1")  # a recording is played again, say
        second.finish(60, lambda: False)
        assert second.repeats == 1 and spool.waiting() == 0 and len(tracker.logged) == 2
        spool.close()


@tap.case
def a_run_that_can_not_be_opened_costs_no_result():
    class Closed(FakeTracker):
        def open(self, run):
            raise OSError("no such place")

        def answers(self, error):
            return True

    with Folder() as folder:
        spool, said = Spool(folder / "spool", 100), []
        spool.add(HEADER, b"0")
        deliverer = Deliverer(spool, Closed(), said.append)
        for _ in range(5):
            deliverer._until = 0
            assert not deliverer.work()
        assert (spool.waiting(), deliverer.dropped) == (1, 0)
        assert len(said) == 1 and "no such place" in said[0], said
        spool.close()


NAMES = ["out", "a b", "a_b", "a/b", "a%b", "a+b", "a#b", "ä", "..", "layer4.1", "*", "x" * 128,
         "x" * 60, "x" * 61, "a-b", "~", "\u202e"]


@tap.case
def keys_survive_paths_and_stay_apart():
    for key in (names.mlflow_key, names.wandb_key):
        keys = {key({**HEADER, "output": name}) for name in NAMES}
        assert len(keys) == len(NAMES), keys
        assert not any(set(k) & set("%+#\\:*?\"'") or len(k) > 100 for k in keys), keys
    assert all("/" not in names.mlflow_key({**HEADER, "output": name}) for name in NAMES)
    assert all("." not in names.wandb_key({**HEADER, "output": name}) for name in NAMES)
    overlay = {**HEADER, "output": "layer4.1", "type": "overlay", "component": 2}
    assert names.mlflow_key(overlay) == "layer4.1.eval.overlay.s0.c2"
    assert names.wandb_key({**overlay, "output": "out"}) == "out/eval/overlay_s0_c2"
    assert names.wandb_key({**overlay, "output": "out"}).startswith(
        names.wandb_section({"output": "out"})[:-1])
    sheet = {**HEADER, "type": "sheet", "page": 0}
    del sheet["sample"]
    assert [names.mlflow_key({**sheet, "page": page}) for page in (0, 1)] == \
        ["out.eval.sheet", "out.eval.sheet.p1"]
    ids = {names.wandb_id(name) for name in NAMES}
    assert len(ids) == len(NAMES) and all(len(id) < 80 for id in ids)
    assert names.wandb_id("run") == "run-" + hashlib.sha256(b"run").hexdigest()[:8]


@tap.case
def captions_say_what_is_known():
    assert names.caption({**HEADER, "label": "cat", "pred": "dog"}) == "label cat, pred dog"
    assert names.caption({**HEADER, "component": 1, "explained": 0.25, "label": None}) == \
        "component 1 (25.0 %)"
    assert names.caption(HEADER) == "sample 0"
    assert names.caption({**HEADER, "type": "sheet"}) == "epoch 1"


def log_format(records):
    """LevelDB's, as its page describes it: what Transactions shall read."""
    file = bytearray(b":W&B\xe1\xbe\x00")
    for record in records:
        first = True
        while first or record:
            left = 32768 - len(file) % 32768
            if left < 7:
                file += bytes(left)
                left = 32768
            part, record = record[:left - 7], record[left - 7:]
            kind = 1 if first and not record else 2 if first else 3 if record else 4
            file += struct.pack("<IHB", zlib.crc32(bytes([kind]) + part), len(part), kind) + part
            first = False
    return bytes(file)


@tap.case
def transactions_are_read_while_they_are_written():
    # The third leaves 3 bytes of its block, in which no head fits.
    sizes = [10, 0, 32768 - 3 - 7 - 7 - 10 - 7 - 7, 100000, 5, 32768 * 2]
    records = [os.urandom(size) for size in sizes]
    whole = log_format(records)
    with Folder() as folder:
        for cut in [7, 8, 20, 30, 32765, 32770, 40000, 99999, len(whole) - 1]:
            with open(folder / "run.wandb", "wb") as file:
                file.write(whole[:cut])
            transactions = Transactions(folder / "run.wandb")
            seen = list(transactions.records())
            with open(folder / "run.wandb", "wb") as file:
                file.write(whole)
            assert seen == records[:len(seen)] and len(seen) < len(records), cut
            assert seen + list(transactions.records()) == records, cut
            assert list(transactions.records()) == []
        with open(folder / "run.wandb", "wb") as file:
            file.write(whole[:40] + b"?" + whole[41:])
        assert list(Transactions(folder / "run.wandb").records()) == records[:2]


tap.main()
