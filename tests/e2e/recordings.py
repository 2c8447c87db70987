"""stage --record, record, replay and tap: what was sent comes again as it was."""
import os

from support import tap
from support.program import Folder, Program, refused, run
from support.store import Store, read
from support.stream import Logger, Stage, Trainer, sample_data

DIGITS = os.path.join(os.path.dirname(__file__), "..", "..", "scripts", "demo-data",
                      "digits.ecamrec")


def send_run(stage, logger, epochs=(1, 2)):
    with Trainer(stage, encoding="frames") as first, \
            Trainer(stage, rank=1, world=2, encoding="inline") as second:
        first.common["world"] = 2
        first.hello(label_mapping={"a": 0, "b": 1})
        for epoch in epochs:
            for rank in (first, second):
                rank.batch(sample_data(2, seed=epoch + 10 * rank.common["rank"], labels=[0, 1]),
                           epoch=epoch, ds_id="set" if rank is first else "")
                rank.epoch_end(epoch)
        shown = logger.wait_epochs(len(epochs))
        first.bye()
        second.bye()
        return [epoch.bytes() for epoch in shown]


def record(folder, *options):
    """A recording of a stage's trainers, and the pictures that it made of them."""
    with Stage("--record", folder / "run.ecamrec", *options) as stage, Logger(stage) as logger:
        pictures = send_run(stage, logger)
        stage.wait_until(lambda: stage.stats()["received"] == 11)  # the last bye, too
        return folder / "run.ecamrec", pictures


def replay(file, *options, epochs=2, stage_options=()):
    """The pictures that a fresh stage makes of a recording."""
    with Stage(*stage_options) as stage, Logger(stage) as logger:
        status, _, err = run("replay", file, "--out", stage.trainers, "--speed", "max", *options)
        assert status == 0, err
        shown = logger.wait_epochs(epochs)
        assert not logger.errors, logger.errors
        return shown


@tap.case
def a_replayed_recording_gives_the_same_pictures():
    with Folder() as folder:
        file, pictures = record(folder)
        replayed = [epoch.bytes() for epoch in replay(file)]
        assert len(pictures[0]) == 29 and replayed == pictures


@tap.case
def a_recording_may_be_looked_at_with_other_settings():
    with Folder() as folder:
        file, _ = record(folder)
        shown = replay(file, stage_options=("--n-components", "1", "--n-samples", "1"))
        assert [(e.summary["samples"], e.summary["components"]) for e in shown] == [(1, 1)] * 2


@tap.case
def each_turn_of_a_loop_is_another_attempt():
    with Folder() as folder:
        file, _ = record(folder)
        shown = replay(file, "--loop", "2", epochs=4)
        assert [(e.summary["epoch"], e.summary["attempt"]) for e in shown] == \
            [(1, 1), (2, 1), (1, 2), (2, 2)]


@tap.case
def recorded_speed_takes_the_recorded_time_at_most():
    with Folder() as folder:
        file, pictures = record(folder)
        with Stage() as stage, Logger(stage) as logger:
            status, _, err = run("replay", file, "--out", stage.trainers)
            assert status == 0, err
            assert [epoch.bytes() for epoch in logger.wait_epochs(2)] == pictures


@tap.case
def recorded_results_fill_the_same_store():
    with Folder() as folder:
        with Stage() as stage:
            log = Program("log", "--in", stage.loggers, "--dir", folder / "live", "--epochs", "2")
            keep = Program("record", folder / "results.ecamrec", "--in", stage.loggers,
                           "--epochs", "2")
            live = Store(folder / "live")
            live.wait_connected(log)
            keep.wait_until(lambda: os.path.exists(folder / "results.ecamrec")
                            and os.path.getsize(folder / "results.ecamrec") > 16)
            with Logger(stage) as logger:
                send_run(stage, logger)
            assert log.wait() == 0 and keep.wait() == 0, keep.said()
        endpoint = f"ipc://{folder / 'again'}"
        log = Program("log", "--in", endpoint, "--dir", folder / "replayed", "--epochs", "2")
        status, _, err = run("replay", folder / "results.ecamrec", "--out", f"bind:{endpoint}",
                             "--speed", "max")
        assert status == 0, err
        assert log.wait() == 0, log.said()
        again = Store(folder / "replayed")
        assert live.files() == again.files() and len(live.files()) == 58, live.files()
        for path in live.files():
            assert read(os.path.join(live.folder, path)) == read(os.path.join(again.folder, path))


@tap.case
def tap_prints_a_recording_in_words():
    with Folder() as folder:
        file, _ = record(folder)
        status, out, err = run("tap", "--file", file)
        assert status == 0, err
        kinds = [line.split()[2].rstrip(":") for line in out]
        assert {kind: kinds.count(kind) for kind in kinds} == \
            {"hello": 1, "batch": 4, "epoch_end": 4, "bye": 2}, kinds
        status, out, _ = run("tap", "--file", file, "--topics", "bye|")
        assert status == 0 and len(out) == 2, out


@tap.case
def tap_listens_to_a_stage():
    with Stage() as stage, Logger(stage) as logger:
        tapping = Program("tap", "--in", stage.loggers)
        tapping.wait_line("stats", tapping.out)
        send_run(stage, logger, epochs=(1,))
        assert "samples" in tapping.wait_line(r"epoch\|run\|eigencam\|eval\|.*", tapping.out).group()
        assert tapping.stop() == 0


@tap.case
def a_cut_recording_plays_up_to_the_cut_and_tells():
    with Folder() as folder:
        file, _ = record(folder)
        whole = read(file)
        with open(folder / "cut.ecamrec", "wb") as out:
            out.write(whole[:len(whole) - 7])
        with Stage() as stage:
            status, _, err = run("replay", folder / "cut.ecamrec", "--out", stage.trainers,
                                 "--speed", "max")
        assert status == 1 and any("cut.ecamrec" in line and "byte" in line for line in err), err


@tap.case
def what_is_no_recording_is_refused():
    with Folder() as folder:
        with open(folder / "text", "w", encoding="utf-8") as file:
            file.write("not a recording at all\n" * 10)
        assert "text" in refused("replay", folder / "text")
        assert "nothing" in refused("replay", folder / "nothing")
        assert "FILE" in refused("replay")
        assert "FILE" in refused("record")
        assert "speed" in refused("replay", DIGITS, "--speed", "0")
        assert "text" in refused("tap", "--file", folder / "text")


@tap.case
def replay_gives_up_where_nobody_listens():
    with Folder() as folder:
        status, _, err = run("replay", DIGITS, "--out", f"ipc://{folder / 'in'}", "--wait", "0.2")
    assert status == 1 and err, err


@tap.case
def the_demos_recording_is_whole_and_small():
    assert os.path.getsize(DIGITS) <= 4 << 20
    shown = replay(DIGITS, epochs=16, stage_options=("--mode", "all", "--n-samples", "8"))
    for number, epoch in enumerate(shown):
        summary = epoch.summary
        assert summary["complete"] and summary["lost"] == 0 and summary["samples"] == 8
        assert summary["mode"] == ("eval" if number % 2 else "train")
        assert all(text.isalpha() for text in summary["labels"] + summary["preds"]), summary
    last = shown[-1]
    assert [place[0] for place in last.order()] == ["clean"] * 4 + ["noisy"] * 4
    right = [sum(label == pred for label, pred in zip(e.summary["labels"], e.summary["preds"]))
             for e in shown if e.summary["mode"] == "eval"]
    assert right[-1] > right[0] and right[-1] >= 6, f"right of 8 by epoch: {right}"


if __name__ == "__main__":
    tap.main()
