"""Every batch message in exactly one class: for each rank, to the last message.

With ECAM_LONG set, the counts that the long run asks for.
"""
import os
import random
import secrets

import msgpack
import numpy as np

from support import tap
from support.stream import Logger, Stage, Trainer, sample_data

LONG = bool(os.environ.get("ECAM_LONG"))
NAMES = ("sent", "used", "unwanted", "late", "overwritten", "rejected", "lost", "duplicates")
SMALL = dict(images=np.zeros((1, 3, 4, 4), np.uint8), activations=np.ones((1, 2, 2, 2), "f4"))


def accounts(stage, run="run"):
    """By rank, as the stage has them now."""
    with Logger(stage, ["stats|"]) as logger:
        found = [r for r in logger.stats.get("runs", []) if r["run"] == run]
    rows = {row[0]: dict(zip(NAMES, row[1:])) for r in found for row in r["accounts"]}
    for r in found:
        total = {name: sum(row[name] for row in rows.values()) for name in NAMES}
        assert r["account"] == total and r["ranks"] == len(rows), (r["account"], total)
    return rows


def check_sum(account):
    classes = sum(account[name] for name in NAMES[1:-1])
    assert account["sent"] == classes, account


def settled(stage, received):
    """Until the stage has taken in so many messages."""
    stage.wait_until(lambda: stage.stats()["received"] >= received)


@tap.case
def each_class_is_counted():
    with Stage("--n-samples", "2", "--ds-id", "!odd") as stage, Logger(stage) as logger, \
            Trainer(stage) as trainer:
        trainer.hello()
        trainer.batch(sample_data(2))                                    # used
        trainer.batch(sample_data(2))                                    # beyond n_samples
        trainer.batch(sample_data(2), ds_id="odd")                       # filtered
        trainer.batch({"images": np.zeros((2, 8, 8, 3), np.uint8)})      # no activations
        trainer.batch({"images": np.zeros((2, 8, 8, 3), "u1")}, epoch=-1)  # no epoch: not decoded
        trainer.lose("batch|eval||run|", 3)
        trainer.batch(sample_data(2))
        trainer.send_raw(*again(trainer))                                # a duplicate
        trainer.lose("batch|eval||run|", 2)                              # an end that is told
        trainer.epoch_end(last_seq={"batch|eval||run|": trainer.seq["batch|eval||run|"]})
        summary = logger.wait_epoch().summary
        expected = dict(sent=11, used=1, unwanted=3, late=0, overwritten=0, rejected=2, lost=5,
                        duplicates=1)
        assert accounts(stage) == {0: expected}, accounts(stage)
        assert summary["account"] == expected, summary
        trainer.batch(sample_data(2))                                    # published already
        trainer.lose("batch|eval||run|", 4)
        trainer.bye()
        settled(stage, 11)
        expected.update(sent=16, late=1, lost=9)
        assert accounts(stage) == {0: expected}, accounts(stage)
        check_sum(expected)


def again(trainer):
    """The last batch once more, as a network that repeats itself would bring it."""
    topic = "batch|eval||run|"
    header = {**trainer.common, "type": "batch", "seq": trainer.seq[topic], "epoch": 1,
              "mode": "eval", "ds_id": "", "step": 0, "data": {}}
    return topic.encode(), msgpack.packb(header)


class Sender:
    """A rank's process after process: what it sent, what got lost, what came twice."""

    def __init__(self, trainer, rank, world, chance):
        self.trainer, self.rank, self.world, self.chance = trainer, rank, world, chance
        self.sent = self.lost = self.duplicates = self.messages = 0
        packed, self.frames = trainer.pack(SMALL)
        self.data = packed
        self.start()

    def start(self):
        """A new process: another session, and numbers from 0."""
        self.session, self.seq = secrets.randbits(64), 0
        self.held = []  # what comes out of order
        self.put("hello|run|", {"type": "hello"}, 0)

    def put(self, topic, header, seq, frames=()):
        self.messages += 1
        self.trainer.send_raw(topic.encode(), msgpack.packb(
            {"v": 1, "run": "run", "rank": self.rank, "world": self.world,
             "session": self.session, "seq": seq, **header}), *frames)

    def batch(self, epoch, step):
        seq, self.seq, self.sent = self.seq, self.seq + 1, self.sent + 1
        message = ("batch|eval||run|", {"type": "batch", "mode": "eval", "epoch": epoch, "step": step,
                                        "ds_id": "", "data": self.data}, seq, self.frames)
        what = self.chance.random()
        if what < 0.03:
            self.lost += 1
            return
        if what < 0.06:
            self.held.append(message)
            return
        self.put(*message)
        if what < 0.09:
            self.put(*message)
            self.duplicates += 1
        if self.held and what > 0.9:
            self.put(*self.held.pop(0))

    def end(self, epoch):
        """What is late comes before the marker, or not at all."""
        while self.held:
            self.put(*self.held.pop())
        last = {"last_seq": {"batch|eval||run|": self.seq - 1}} if self.seq else {}
        self.put("epoch_end|eval|run|", {"type": "epoch_end", "mode": "eval", "epoch": epoch, **last},
                 epoch)


def random_run(stage, ranks, epochs, steps, seed):
    chance = random.Random(seed)
    with Trainer(stage) as trainer:
        senders = [Sender(trainer, rank, ranks, chance) for rank in range(ranks)]
        for epoch in range(epochs):
            for step in range(steps):
                for sender in senders:
                    sender.batch(epoch, step)
            for sender in senders:
                sender.end(epoch)
                if chance.random() < 0.2:
                    sender.start()
        messages = sum(sender.messages for sender in senders)
        settled(stage, messages)
    return senders


@tap.case
def loss_duplication_and_reordering_across_restarts_add_up_for_each_rank():
    ranks, epochs, steps = (50, 20, 1000) if LONG else (10, 5, 40)
    with Stage("--n-samples", "5", "--publish", "overlay") as stage:
        senders = random_run(stage, ranks, epochs, steps, seed=4)
        found = accounts(stage)
        assert sorted(found) == list(range(ranks))
        for sender in senders:
            account = found[sender.rank]
            check_sum(account)
            told = {name: account[name] for name in ("sent", "lost", "duplicates")}
            assert told == dict(sent=sender.sent, lost=sender.lost, duplicates=sender.duplicates), \
                (sender.rank, told, sender.sent, sender.lost, sender.duplicates)
        counts = stage.stats()
        for name in NAMES[1:]:
            if name != "rejected":
                assert counts[name] == sum(account[name] for account in found.values()), name
        print(f"# {ranks * epochs * steps} batches of {ranks} ranks: "
              f"{sum(s.lost for s in senders)} lost, {sum(s.duplicates for s in senders)} twice")


@tap.case
def a_thousand_ranks_make_one_epoch():
    ranks = 1000
    with Stage("--n-samples", "all", "--n-components", "1", "--publish", "overlay") as stage, \
            Logger(stage) as logger, Trainer(stage) as trainer:
        senders = [Sender(trainer, rank, ranks, random.Random(1)) for rank in range(ranks)]
        for sender in senders:
            sender.put("batch|eval||run|", {"type": "batch", "mode": "eval", "epoch": 1, "step": 0,
                                            "ds_id": "", "data": sender.data}, 0, sender.frames)
        for sender in senders[:-1]:
            sender.put("epoch_end|eval|run|", {"type": "epoch_end", "mode": "eval", "epoch": 1}, 0)
        settled(stage, 3 * ranks - 1)
        assert not logger.finished, "an epoch ended before its last rank"
        senders[-1].put("epoch_end|eval|run|", {"type": "epoch_end", "mode": "eval", "epoch": 1}, 0)
        epoch = logger.wait_epoch()
        assert epoch.summary["samples"] == ranks and epoch.summary["complete"], epoch.summary
        assert epoch.summary["account"]["used"] == ranks
        assert len(accounts(stage)) == ranks


if __name__ == "__main__":
    tap.main()
