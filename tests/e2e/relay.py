"""`eigencam relay`: between trainers and a stage, and between a stage and loggers."""
import os
import re
import signal
import subprocess
import time

import msgpack
import zmq

from support.program import PATIENCE, Folder, Program, refused, run
from support.stream import Logger, Stage, Trainer, sample_data
from support.tap import case, cases_of, main

TOTALS = re.compile(r"relay: (\d+) messages \((\d+) bytes\) passed on, (\d+) \((\d+) bytes\) back, "
                    r"(\d+) subscriptions; waited ([\d.]+) s for receivers, (\d+) times in vain; (\d+) refused, (\d+) left")
NAMES = ("messages", "bytes", "back", "back_bytes", "subscriptions", "waited", "vain", "refused", "left")


class Relay(Program):
    """One that is ready; `inlet` and `outlet` are where senders and receivers connect to,
    if it binds."""

    def __init__(self, *options, folder, into=None, out=None):
        self.inlet, self.outlet = f"ipc://{folder / 'relay-in'}", f"ipc://{folder / 'relay-out'}"
        super().__init__("relay", "--in", into or "bind:" + self.inlet, "--out", out or "bind:" + self.outlet,
                         *options)
        self.wait_line("relay gives to")

    def totals(self, count=1):
        found = self.wait_line(TOTALS, count=count)
        return dict(zip(NAMES, (float(v) if "." in v else int(v) for v in found.groups())))

    def end(self):
        assert self.stop(signal.SIGINT) == 0, self.said()
        return dict(zip(NAMES, (float(v) if "." in v else int(v)
                                for v in TOTALS.search(self.err[-1]).groups())))


class Behind:
    """What a logger takes for the stage: its results come from the relay."""

    def __init__(self, stage, relay):
        self.stage, self.loggers, self.process = stage, relay.outlet, stage.process
        self.is_alive, self.said = stage.is_alive, stage.said


def message_bytes(parts):
    return sum(len(part) for part in parts)


@case
def trainers_reach_a_stage():
    with Stage("--n-samples", 4) as stage, Logger(stage) as logger:
        relay = Relay(folder=stage.folder, out=stage.trainers)
        with Trainer(relay.inlet) as trainer:
            trainer.hello(label_mapping={"seven": 7})
            trainer.batch(sample_data(4, labels=[7, 1, 2, 3]))
            trainer.epoch_end()
            epoch = logger.wait_epoch()
            assert epoch.summary["complete"] and epoch.summary["samples"] == 4, epoch.summary
            assert epoch.summary["lost"] == 0 and epoch.summary["labels"][0] == "seven", epoch.summary
            trainer.bye()
            while not any(parts[0] == b"heard" for parts in trainer.wants):
                assert trainer.read_upstream(PATIENCE * 1000), "nothing is heard"
            totals = relay.end()
        assert totals["messages"] == 4 and totals["subscriptions"] >= 4 and totals["back"] >= 2, totals
        assert totals["vain"] == totals["refused"] == totals["left"] == 0, totals


@case
def counts_are_those_of_what_passed():
    with Folder() as folder, Relay(folder=folder) as relay:
        context = zmq.Context.instance()
        sender, receiver = context.socket(zmq.XPUB), context.socket(zmq.SUB)
        sender.connect(relay.inlet)
        receiver.subscribe("a")
        receiver.connect(relay.outlet)
        assert sender.poll(PATIENCE * 1000) and sender.recv() == b"\1a"
        sent = [[b"a%d" % i, bytes(i), b"x" * 100_000] for i in range(50)]
        for parts in sent:
            sender.send_multipart(parts)
            sender.send_multipart([b"b", b"nobody subscribes to it"])
        for parts in sent:
            assert receiver.poll(PATIENCE * 1000) and receiver.recv_multipart() == parts
        relay.send_signal(signal.SIGUSR1)
        totals = relay.totals()
        assert totals["messages"] == 50 and totals["bytes"] == sum(map(message_bytes, sent)), totals
        assert totals["subscriptions"] == 1 and totals["waited"] == 0, totals
        sender.close(0), receiver.close(0)


@case
def a_message_of_more_than_64_parts_is_refused_and_counted():
    with Folder() as folder, Relay(folder=folder) as relay:
        context = zmq.Context.instance()
        sender, receiver = context.socket(zmq.XPUB), context.socket(zmq.SUB)
        sender.connect(relay.inlet)
        receiver.subscribe("")
        receiver.connect(relay.outlet)
        assert sender.poll(PATIENCE * 1000) and sender.recv() == b"\1"
        sender.send_multipart([b"many"] * 65)
        sender.send_multipart([b"last"])
        assert receiver.poll(PATIENCE * 1000) and receiver.recv_multipart() == [b"last"]
        totals = relay.end()
        assert totals["refused"] == 1 and totals["messages"] == 1, totals
        sender.close(0), receiver.close(0)


@case
def wants_pass_without_the_stages_socket():
    with Stage("--n-samples", 3) as stage:
        relay = Relay(folder=stage.folder, out=stage.trainers)
        with Trainer(stage.trainers) as direct, Trainer(relay.inlet) as behind:
            for trainer in (direct, behind):
                trainer.hello()
                while not any(parts[0] == b"want" for parts in trainer.wants):
                    assert trainer.read_upstream(PATIENCE * 1000), "no want"
            first, second = (msgpack.unpackb(next(parts[1] for parts in trainer.wants if parts[0] == b"want"))
                             for trainer in (direct, behind))
            assert first["socket"].startswith("@eigencam-") and second["socket"] is None, (first, second)
            assert {**first, "socket": None, "generation": 0} == {**second, "generation": 0}, (first, second)
        relay.end()


@case
def a_trainer_on_the_same_host_sends_frames_through_a_relay():
    """Even where the relay has the stage's port, at another address."""
    with Program("stage", "--in", "tcp://127.0.0.1:*", "--out", "tcp://127.0.0.1:*") as stage:
        port = stage.wait_line(r"listens for trainers on tcp://127.0.0.1:(\d+)")[1]
        relay = Program("relay", "--in", f"bind:tcp://127.0.0.2:{port}", "--out", f"tcp://127.0.0.1:{port}")
        relay.wait_line("relay gives to")
        run_trainer = subprocess.run(
            [os.environ["TRAINER"], f"tcp://127.0.0.2:{port}", "epochs=1", "batches=2"], check=True,
            capture_output=True, text=True, timeout=PATIENCE)
        said = re.search(r"^epoch 1 .* ring (\d+) frames (\d+) .* shared (\d)", run_trainer.stdout, re.M)
        assert said and (int(said[1]), int(said[3])) == (0, 0) and int(said[2]) > 0, run_trainer.stdout
        assert relay.stop() == 0, relay.said()
        assert TOTALS.search(relay.err[-1])[1] != "0", relay.said()


@case
def loggers_behind_a_relay_get_the_same_bytes():
    with Stage("--n-samples", 3) as stage, Logger(stage) as direct:
        relay = Relay(folder=stage.folder, into=stage.loggers)
        behind = Behind(stage, relay)
        with Logger(behind) as one, Logger(behind) as two, Trainer(stage) as trainer:
            trainer.batch(sample_data(3))
            trainer.epoch_end()
            expected = direct.wait_epoch().bytes()
            assert expected and one.wait_epoch().bytes() == expected == two.wait_epoch().bytes()
        assert relay.end()["vain"] == 0


@case
def two_relays_in_a_row_and_both_directions():
    with Stage("--n-samples", 2) as stage, Folder() as far:
        near_in = Relay(folder=stage.folder, out=stage.trainers)
        far_in = Relay(folder=far, out=near_in.inlet)
        near_out = Program("relay", "--in", stage.loggers, "--out", f"bind:ipc://{stage.folder / 'more'}")
        near_out.wait_line("relay gives to")
        far_out = Program("relay", "--in", f"ipc://{stage.folder / 'more'}", "--out", f"bind:ipc://{far / 'more'}")
        far_out.wait_line("relay gives to")
        stage.outlet = f"ipc://{far / 'more'}"
        with Logger(Behind(stage, stage)) as logger, Trainer(far_in.inlet) as trainer:
            trainer.batch(sample_data(2))
            trainer.epoch_end()
            assert logger.wait_epoch().summary["samples"] == 2
        for relay in (far_in, near_in, far_out, near_out):
            assert relay.stop() == 0, relay.said()


@case
def a_stage_that_starts_again_is_found_again():
    with Folder() as folder:
        stage = Stage("--n-samples", 1, folder=folder)
        relay = Relay(folder=folder, out=stage.trainers)
        with Trainer(relay.inlet) as trainer:
            stage.kill()
            while trainer.subscriptions:
                assert trainer.read_upstream(PATIENCE * 1000), "its subscriptions stay"
            with Stage("--n-samples", 1, folder=folder) as stage, Logger(stage) as logger:
                trainer.ready()
                trainer.batch(sample_data(1))
                trainer.epoch_end()
                assert logger.wait_epoch().summary["samples"] == 1
        relay.end()


@case
def subscriptions_of_several_receivers_end_with_the_last():
    with Folder() as folder, Relay(folder=folder) as relay:
        context = zmq.Context.instance()
        sender = context.socket(zmq.XPUB)
        sender.connect(relay.inlet)
        receivers = [context.socket(zmq.SUB) for _ in range(2)]
        for receiver in receivers:
            receiver.subscribe("a")
            receiver.connect(relay.outlet)
        assert sender.poll(PATIENCE * 1000) and sender.recv() == b"\1a"
        relay.send_signal(signal.SIGUSR1)
        seen = relay.totals()["subscriptions"]
        count = 1
        while seen < 2:
            count += 1
            relay.send_signal(signal.SIGUSR1)
            seen = relay.totals(count)["subscriptions"]
        receivers[0].close(0)
        receivers[1].subscribe("b")
        assert sender.poll(PATIENCE * 1000) and sender.recv() == b"\1b"
        receivers[1].close(0)
        ended = set()
        while len(ended) < 2:
            assert sender.poll(PATIENCE * 1000), ended
            ended.add(sender.recv())
        assert ended == {b"\0a", b"\0b"}, ended
        sender.close(0)


@case
def a_receiver_that_is_slow_loses_nothing():
    """Its queues hold a few messages; the relay waits, and so the sender's queue fills."""
    with Folder() as folder, Relay("--queue", 4, "--wait", 60, folder=folder) as relay:
        context = zmq.Context.instance()
        sender, receiver = context.socket(zmq.XPUB), context.socket(zmq.SUB)
        sender.set(zmq.SNDHWM, 4)
        sender.set(zmq.XPUB_NODROP, 1)
        sender.set(zmq.LINGER, PATIENCE * 1000)
        sender.connect(relay.inlet)
        receiver.set(zmq.RCVHWM, 4)
        receiver.subscribe("")
        receiver.connect(relay.outlet)
        assert sender.poll(PATIENCE * 1000) and sender.recv() == b"\1"
        sent = waited = 0
        body = bytes(1 << 20)
        while waited < 50:  # until nothing more can be sent
            try:
                sender.send_multipart([b"t", b"%d" % sent, body], zmq.DONTWAIT)
                sent, waited = sent + 1, 0
            except zmq.Again:
                waited += 1
                time.sleep(0.01)
        assert sent < 200, "nobody holds anything up"
        for number in range(sent):
            assert receiver.poll(PATIENCE * 1000), number
            assert receiver.recv_multipart()[1] == b"%d" % number
        totals = relay.end()
        assert totals["messages"] == sent and totals["vain"] == 0 and totals["waited"] > 0, totals
        sender.close(0), receiver.close(0)


@case
def a_receiver_that_stands_still_holds_others_up_for_a_while_only():
    with Folder() as folder, Relay("--queue", 4, "--wait", 0.5, folder=folder) as relay:
        context = zmq.Context.instance()
        sender = context.socket(zmq.XPUB)
        sender.set(zmq.SNDHWM, 0)
        sender.connect(relay.inlet)
        well, still = context.socket(zmq.SUB), context.socket(zmq.SUB)
        still.set(zmq.RCVHWM, 1)
        well.set(zmq.RCVHWM, 0)
        for receiver, topic in ((well, "t"), (still, "t"), (still, "only-still")):
            receiver.subscribe(topic)
        for receiver in (well, still):
            receiver.connect(relay.outlet)
        topics = set()
        while topics != {b"\1t", b"\1only-still"}:
            assert sender.poll(PATIENCE * 1000), topics
            topics.add(sender.recv())
        body = bytes(1 << 20)
        for number in range(100):
            sender.send_multipart([b"t", b"%d" % number, body])
        for number in range(100):
            assert well.poll(PATIENCE * 1000), number
            assert well.recv_multipart()[1] == b"%d" % number
        relay.wait_line("a receiver takes nothing")
        totals = relay.end()
        assert totals["messages"] == 100 and totals["vain"] >= 1 and totals["waited"] >= 0.5, totals
        got = 0
        while still.poll(200):
            still.recv_multipart()
            got += 1
        assert 0 < got < 100, got
        for socket in (sender, well, still):
            socket.close(0)


@case
def stats_come_every_few_seconds():
    with Folder() as folder, Relay("--stats", 0.1, folder=folder) as relay:
        relay.totals(count=3)


@cases_of("it ends in order by {}", ["SIGINT", "SIGTERM"])
def ends(name):
    with Folder() as folder:
        relay = Relay(folder=folder)
        assert relay.stop(getattr(signal, name)) == 0, relay.said()
        assert TOTALS.search(relay.err[-1]), relay.said()


@case
def what_is_here_at_the_end_is_passed_on():
    with Folder() as folder:
        relay = Relay(folder=folder)
        context = zmq.Context.instance()
        sender, receiver = context.socket(zmq.XPUB), context.socket(zmq.SUB)
        sender.connect(relay.inlet)
        receiver.set(zmq.RCVHWM, 0)
        receiver.subscribe("")
        receiver.connect(relay.outlet)
        assert sender.poll(PATIENCE * 1000) and sender.recv() == b"\1"
        for number in range(20):
            sender.send_multipart([b"t", b"%d" % number, bytes(1 << 18)])
        assert receiver.poll(PATIENCE * 1000)
        totals = relay.end()
        got = 0
        while receiver.poll(500):
            receiver.recv_multipart()
            got += 1
        assert got == totals["messages"] and totals["left"] == 0, (got, totals)
        sender.close(0), receiver.close(0)


@case
def wrong_arguments_are_refused():
    assert "--in is missing" in refused("relay", "--out", "tcp://127.0.0.1:1")
    assert "--out is missing" in refused("relay", "--in", "tcp://127.0.0.1:1")
    assert "is not understood" in refused("relay", "--in", "tcp://nowhere", "--out", "tcp://127.0.0.1:1")
    assert "--queue" in refused("relay", "--in", "ipc://a", "--out", "ipc://b", "--queue", 0)
    assert "--wait" in refused("relay", "--in", "ipc://a", "--out", "ipc://b", "--wait", "-1")
    assert "is no option" in refused("relay", "ipc://a")
    status, out, err = run("relay", "--help")
    assert status == 0 and not err and out[0].startswith("usage: eigencam relay"), (status, out, err)


main()
