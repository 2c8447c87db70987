"""One live line on a terminal, and plain lines where there is none."""
import re
import time

from support.program import Folder
from support.stream import Stage, Trainer, sample_data
from support.tap import case, cases_of, main
from support.terminal import Terminal, width
from support.up import children_of, is_gone


class Endpoints:
    def __init__(self, folder):
        self.trainers, self.loggers = f"ipc://{folder / 'in'}", f"ipc://{folder / 'out'}"
        self.options = "--in", self.trainers, "--out", self.loggers


def begin_epoch(endpoints, run="run", epoch=7):
    """Two ranks, one of them done with the epoch."""
    first, second = (Trainer(endpoints.trainers, run, rank, 2).ready() for rank in (0, 1))
    for trainer in (first, second):
        trainer.batch(sample_data(2, seed=1), epoch=epoch)
    first.epoch_end(epoch)
    return first, second


@case
def a_stage_shows_epoch_ranks_samples_rate_and_loss():
    with Folder() as folder:
        ends = Endpoints(folder)
        with Terminal("stage", *ends.options) as stage:
            stage.wait_last("^waiting for trainers$")
            first, second = begin_epoch(ends)
            line = stage.wait_last(r"ranks in 1/2 \| samples 4 ")
            assert re.fullmatch(r"run \| eval epoch 7 \| ranks in 1/2 \| samples 4 \| \d+/s \| lost 0", line), line
            second.lose("batch|eval||run|", 3)
            second.batch(sample_data(2, seed=2), epoch=7, step=1)
            stage.wait_last(r"\| lost 3$")
            second.epoch_end(7)
            stage.wait_last(r"^run \| epochs 1 \| samples \d+ \| \d+/s \| lost 3$")
            lines = stage.screen.lines
            assert sum("epoch 7, mode eval" in line for line in lines) == 1, stage.shown()
            assert all(line.startswith("eigencam: ") for line in lines[:-1]), stage.shown()
            stage.press("\x03")
            assert stage.end() == 0
            assert stage.screen.lines[-1] in ("", "^C"), stage.shown()  # the line is taken away


@case
def a_log_shows_what_it_stores():
    with Folder() as folder, Stage() as stage, Terminal("log", "--in", stage.loggers, "--dir", folder / "s") as log:
        log.wait_line("hears a stage")
        first, second = begin_epoch(stage, epoch=3)
        second.epoch_end(3)
        line = log.wait_last(r"pictures 29 ")
        assert re.fullmatch(r"run \| eval epoch 3 \| samples 4 \| pictures 29 \| \d+/s \| lost 0", line), line
        assert "29 pictures in" in log.wait_line("eigencam: log: run run, output eigencam, eval epoch 3")
        log.press("\x03")
        assert log.end() == 0


@case
def up_shows_the_line_of_its_stage_and_the_address():
    with Folder() as folder:
        ends = Endpoints(folder)
        with Terminal("up", *ends.options, "--port", 0, "--dir", folder / "store", columns=130) as up:
            address = up.wait_line("^gallery: ").split()[1]
            assert up.wait_last("^waiting for trainers").endswith(f" | {address}")
            first, second = begin_epoch(ends)
            assert up.wait_last(r"ranks in 1/2 \| samples 4 ").endswith(f" | lost 0 | {address}")
            up.resize(60, 24)  # no room for both; and at once, not with the next message
            up.wait_last(r"^[^:]*$")
            children = children_of(up.pid)
            up.press("\x03")
            assert up.end() == 0, up.shown()
            assert len(children) == 3 and all(is_gone(pid) for pid in children)
            assert "results stored" in up.shown()


@cases_of("cut to {} columns", [20, 33, 60])
def the_line_fits(columns):
    with Folder() as folder:
        ends = Endpoints(folder)
        with Terminal("stage", *ends.options, columns=columns) as stage:
            stage.wait_last("^waiting for tr")
            stage.screen.widest = 0
            begin_epoch(ends, "網路看見什麼 network 👀" * 3)
            line = stage.wait_last("^網路看見什麼.*…$")
            assert width(line) <= columns - 1 and stage.screen.widest <= columns - 1, (line, stage.screen.widest)
            stage.resize(columns - 5, 24)
            stage.wait(lambda screen: width(screen.lines[-1]) <= columns - 6)


@case
def it_is_drawn_five_times_a_second_at_most():
    with Folder() as folder:
        ends = Endpoints(folder)
        with Terminal("stage", *ends.options) as stage, Trainer(ends.trainers) as trainer:
            stage.wait_last("^waiting for trainers$")
            trainer.ready()
            begin, draws = time.monotonic(), len(re.findall("\r\033\\[K", stage.raw))
            for step in range(100):
                trainer.batch(sample_data(1, seed=step), epoch=1, step=step)
                stage.read(0.01)
            stage.wait_last("samples 5 ")
            seconds = time.monotonic() - begin
            drawn = len(re.findall("\r\033\\[K", stage.raw)) - draws
            assert 1 <= drawn <= 5 * seconds + 1, (drawn, seconds)


@cases_of("plain lines: {}", ["piped", "a dumb terminal"])
def plain_lines(how):
    with Folder() as folder:
        ends = Endpoints(folder)
        if how == "piped":
            with Stage() as stage:
                first, second = begin_epoch(stage)
                second.epoch_end(7)
                stage.wait_line("epoch 7")
                said = "\n".join(stage.err)
        else:
            with Terminal("stage", *ends.options, term="dumb") as stage:
                stage.wait_line("publishes on")
                first, second = begin_epoch(ends)
                second.epoch_end(7)
                stage.wait_line("epoch 7")
                said = stage.raw
        assert "\033" not in said and "ranks in" not in said, said


if __name__ == "__main__":
    main()
