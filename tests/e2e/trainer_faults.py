"""Trainers and stages that are killed, stopped and started again. ECAM_LONG=1: as often
as it takes to be sure."""
import os
import random
import signal
import statistics
import time

from support import tap
from support.program import PATIENCE, Folder
from support.rings import RingTrainer, without_memfd
from support.stream import Logger, Stage

LONG = bool(os.environ.get("ECAM_LONG"))
SIZES = {"batches": 6, "samples": 4, "image": 48, "channels": 24, "side": 14}
SHOWN = ("--n-samples", "all", "--publish", "image,map")


def by_place(epochs):
    """What each picture shows, by what it is a picture of."""
    return {(kind, p.header["step"], p.header["index"], p.header.get("component")): p.pixels().tobytes()
            for epoch in epochs for kind in ("images", "maps") for p in getattr(epoch, kind).values()}


def reference():
    with Stage(*SHOWN) as stage, Logger(stage) as logger:
        with RingTrainer(stage, ring=0, **SIZES) as trainer:
            trainer.wait()
        return by_place([logger.wait_epoch()])


def descriptors(stage):
    return len(os.listdir(f"/proc/{stage.process.pid}/fd"))


def mapped_rings(stage):
    with open(f"/proc/{stage.process.pid}/maps", encoding="ascii") as maps:
        return sum("eigencam-ring" in line for line in maps)


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


def kill_at_random(stage, number, rng):
    """Seconds from the trainer's end to the stage's noticing it."""
    limit = without_memfd() if number % 4 > 1 else None
    with RingTrainer(stage, limit, run=f"run{number}", epochs=0, ring=1 << 20, fork=number % 2, pause_us=300,
                     **SIZES) as trainer:
        trainer.wait_line("^ready")
        time.sleep(rng.random() ** 2 / 10)
        end = time.monotonic()
        trainer.kill()  # its child lives on
        stage.wait_line(f"run run{number}: process {trainer.process.pid} of rank 0 has ended")
        return time.monotonic() - end


@tap.case
def killed_trainers_leave_nothing_and_tear_nothing():
    rng, times, expected = random.Random(3), [], reference()
    with Stage(*SHOWN) as stage, Logger(stage) as logger:
        before = None
        for number in range(300 if LONG else 12):
            times.append(kill_at_random(stage, number, rng))
            before = before or descriptors(stage)
        wait_until(lambda: mapped_rings(stage) == 0, "rings of dead trainers stay mapped")
        wait_until(lambda: descriptors(stage) <= before, f"{descriptors(stage)} descriptors, first {before}")
        with RingTrainer(stage, run="last", **SIZES) as trainer:  # the stage goes on
            trainer.wait()
        last, = logger.wait_epochs(run="last")
        assert last.summary["complete"] and by_place([last]) == expected
        shown = by_place(logger.epochs.values())
        assert shown, "no trainer lived long enough to be seen"
        torn = [place for place, pixels in shown.items() if pixels != expected[place]]
        assert not torn, torn
        stats = stage.stats()
        assert stats["gone"] == len(times) and stats["rejected"] == 0 and stats["failed_samples"] == 0, stats
        classes = ("used", "unwanted", "late", "overwritten", "rejected")
        assert sum(stats[name] for name in classes) == stats["batches"], stats
        print(f"# noticed after {statistics.median(times) * 1000:.0f} ms, at most {max(times) * 1000:.0f}; "
              f"{stats['used']} messages used, {stats['overwritten']} written over")
        assert statistics.median(times) < 1, "the stage should notice within 100 ms"


@tap.case
def a_dead_rank_is_given_up_at_once():
    with Stage("--epoch-timeout", "50") as stage, Logger(stage) as logger:
        with RingTrainer(stage, rank=1, world=2, epochs=0, pause_us=1000000, **SIZES) as lost, \
                RingTrainer(stage, rank=0, world=2, **SIZES) as trainer:
            lost.wait_line("^ready")
            trainer.wait()
            stage.stats()
            begin = time.monotonic()
            lost.kill()
            summary = logger.wait_epoch().summary
            assert time.monotonic() - begin < 10
            assert not summary["complete"] and summary["missing_ranks"] == [1], summary


@tap.case
def a_rank_that_says_bye_is_not_missed():
    with Stage() as stage, Logger(stage) as logger:
        with RingTrainer(stage, epochs=2, **SIZES) as trainer:
            trainer.wait()
        assert all(epoch.summary["complete"] for epoch in logger.wait_epochs(2))
        wait_until(lambda: mapped_rings(stage) == 0, "the ring stays mapped")
        assert stage.stats()["gone"] == 0


@tap.case
def a_stage_that_comes_back_gets_pictures_again():
    times = []
    with Folder() as folder:
        stage = Stage(folder=folder)
        with RingTrainer(stage, epochs=0, batches=3, pause_us=2000) as trainer:
            for _ in range(50 if LONG else 5):
                said = len(trainer.lines)
                trainer.wait_line("shared 1", said)
                stage.kill()
                trainer.wait_line("subscribed 0", len(trainer.lines))
                stage = Stage(folder=folder)
                begin = time.monotonic()
                with Logger(stage) as logger:
                    while logger.wait_epoch().summary["samples"] != 5:
                        pass  # the trainer was in the midst of an epoch
                times.append(time.monotonic() - begin)
            unwanted = trainer.wait_line("^epoch", len(trainer.lines) - 1)["unwanted"]
            assert unwanted > 0  # counted while nobody was there
        stage.process.terminate()
        stage.wait()
    print(f"# pictures again after {statistics.median(times):.2f} s, at most {max(times):.2f}")
    assert statistics.median(times) < 10, "pictures should be there within a second"


def stopped(stage, seconds, **words):
    """What a trainer said before and while the stage was stopped."""
    with RingTrainer(stage, epochs=0, pause_us=500, ring=1 << 20, **words) as trainer:
        trainer.wait_line("shared 1")
        first = trainer.wait_line("^epoch")
        stage.send_signal(signal.SIGSTOP)
        begin, said = time.monotonic(), len(trainer.lines)
        time.sleep(seconds)
        lines = trainer.lines[said:]
        stage.send_signal(signal.SIGCONT)
        assert time.monotonic() - begin < seconds + PATIENCE
        last = trainer.wait_line("^epoch", len(trainer.lines) - 1)
        return first, last, lines


@tap.case
def a_stopped_stage_does_not_stop_a_trainer():
    with Stage("--n-samples", "all") as stage, Logger(stage) as logger:
        first, last, lines = stopped(stage, 10 if LONG else 2, **SIZES)
        slowest = sorted(int(line.split()[-1]) for line in lines)
        assert len(lines) > 5, lines  # epochs went by
        print(f"# {len(lines)} epochs meanwhile; slowest call of an epoch: median {slowest[len(slowest) // 2]} us, "
              f"at most {slowest[-1]} us")
        assert slowest[len(slowest) // 2] < 100000
        assert last["sent"] + last["dropped"] + last["unwanted"] > first["sent"]
        assert logger.wait_epoch()
    # and the stage left in good order


@tap.case
def a_blocking_publisher_returns_at_its_timeout():
    with Stage("--n-samples", "all") as stage:
        _, last, lines = stopped(stage, 2, block_ms=50, **SIZES)
        slowest = max(int(line.split()[-1]) for line in lines)
        assert last["dropped"] > 0, last
        assert 45000 < slowest < 5000000, slowest


@tap.case
def a_blocking_publisher_loses_nothing():
    with Stage("--n-samples", "all", "--publish", "image", "--workers", "1") as stage, Logger(stage) as logger:
        with RingTrainer(stage, epochs=3, block_ms=60000, ring=200000, **SIZES) as trainer:
            said = trainer.wait()
        assert [epoch.summary["samples"] for epoch in logger.wait_epochs(3)] == [24] * 3
        stats = stage.stats()
        assert said["dropped"] == 0 and said["sent"] == 18 and said["ring"] > 0, said
        assert stats["overwritten"] == 0 and stats["used"] == 18, stats


if __name__ == "__main__":
    tap.main()
