"""`eigencam top`: live on a terminal, plain when piped."""
import os
import re
import signal
import termios

from support.program import Folder, Program, refused, run
from support.stream import FakeStage, Stage, Trainer, sample_data
from support.tap import case, cases_of, main
from support.terminal import Terminal


def two_ranks(stage):
    first, second = (Trainer(stage, "digits", rank, 2).ready() for rank in (0, 1))
    for trainer in (first, second):
        trainer.batch(sample_data(2, seed=1), epoch=7)
    first.epoch_end(7)
    return first, second


def wait_counted(stage, samples):
    stage.wait_until(lambda: stage.stats()["samples"] >= samples)


@case
def once_prints_runs_ranks_counters_and_open_epochs():
    with Stage() as stage:
        two_ranks(stage)
        wait_counted(stage, 4)
        status, out, err = run("top", "--in", stage.loggers, "--once")
        said = "\n".join(out)
        assert status == 0 and not err, (status, err)
        assert re.search(r"^stage [0-9a-f]{16}  up 0:00:\d\d  [\d.]+ samples/s$", said, re.M), said
        assert re.search(r"\bbatches 2  used 2\b", said), said
        assert re.search(r"^  run +sent +used +unwanted +lost ", said, re.M), said
        assert re.search(r"^  digits +2 +2 +0 +0 ", said, re.M), said
        for rank in (0, 1):
            assert re.search(rf"^    rank {rank} +1 +1 +0 +0 ", said, re.M), said
        assert "    open: eval epoch 7, ranks in 1/2, samples 4" in out, said
        assert "\033" not in said


@case
def once_ends_where_no_stage_answers():
    with Folder() as folder:
        status, out, err = run("top", "--in", f"ipc://{folder / 'none'}", "--once")
        assert (status, out) == (1, []) and "no stage answers" in err[0], (status, out, err)


@case
def piped_it_prints_a_snapshot_for_each_message():
    with Folder() as folder:
        stage = FakeStage(folder)
        with Program("top", "--in", stage.loggers) as top:
            stage.wait_subscriber()
            for used in (1, 2, 3):
                stage.send("stats", "stats|", {"counters": {"used": used, "a name of later": 5}})
            top.wait_line(r"used 3\b", top.out)
            assert sum(line.startswith("stage ") for line in top.out) == 3, top.out
            assert any("a name of later 5" in line for line in top.out)
        stage.close()


@case
def on_a_terminal_it_is_live_and_gives_the_screen_back():
    with Stage() as stage, Terminal("top", "--in", stage.loggers) as top:
        before = termios.tcgetattr(top.fd)[3]
        top.wait_line("^stage ")
        assert top.screen.other is not None and not top.screen.cursor
        first, second = two_ranks(stage)
        second.epoch_end(7)
        top.wait_line(r"^digits, eigencam, eval epoch 7: 4 samples, complete, lost 0, [\d.]+ ms$")
        top.wait_line(r"^  digits +2 +2 ")
        assert len(top.screen.lines) <= 24 and top.screen.widest <= 100
        top.press("q")
        assert top.end() == 0
        assert top.screen.other is None and top.screen.cursor
        assert termios.tcgetattr(top.fd)[3] & (termios.ICANON | termios.ECHO) == before & (
            termios.ICANON | termios.ECHO) != 0


@cases_of("the screen is given back on {}", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGSEGV"])
def on_signals(name):
    number = getattr(signal, name)
    with Folder() as folder, Terminal("top", "--in", f"ipc://{folder / 'none'}") as top:
        top.wait_line("no stage yet")
        os.kill(top.pid, number)
        status = top.end()
        assert status == (0 if name in ("SIGINT", "SIGTERM") else -number), status
        assert top.screen.other is None and top.screen.cursor


def state(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[0]


@case
def it_gives_the_screen_back_while_it_is_stopped():
    with Folder() as folder, Terminal("top", "--in", f"ipc://{folder / 'none'}") as top:
        top.wait_line("no stage yet")
        os.kill(top.pid, signal.SIGTSTP)
        top.wait_until(lambda: state(top.pid) == "T")
        top.wait(lambda screen: screen.other is None)
        os.kill(top.pid, signal.SIGCONT)
        top.wait(lambda screen: screen.other is not None and not screen.cursor)
        top.wait_line("no stage yet")


@case
def a_small_terminal_gets_what_fits():
    with Stage() as stage, Terminal("top", "--in", stage.loggers, columns=30, rows=4) as top:
        top.wait_line("^stage ")
        two_ranks(stage)
        top.wait(lambda screen: len(screen.lines) == 4)
        assert top.screen.widest <= 30, top.shown()
        lines = 2 + len(run("top", "--in", stage.loggers, "--once")[1])
        for rows in range(4, lines):  # one of them is filled to its last row
            top.resize(30, rows)
            top.wait(lambda screen: len(screen.lines) == min(rows, lines - 2))
        top.resize(90, 20)
        top.wait_line(r"^  digits +2 +2 ")


@case
def hostile_names_do_not_reach_the_terminal():
    with Folder() as folder:
        stage = FakeStage(folder)
        with Terminal("top", "--in", stage.loggers) as top:
            stage.wait_subscriber()
            top.wait_line("no stage yet")
            stage.send("error", "error||", {"code": "format", "message": "x\033[31m\r\n\x9b2Jy", "run": "a"})
            stage.send("stats", "stats|", {"counters": {"\033]0;title\a": 1}})
            stage.send("stats", "stats|", {"counters": {"used": 1}})
            top.wait_line("used 1")
            assert "\033[31m" not in top.raw and "\x9b" not in top.raw and "\a" not in top.raw
        stage.close()


@case
def what_is_no_option_is_refused():
    assert refused("top", "stray").startswith("eigencam: top: ")
    assert "--once" in refused("top", "--onces")


if __name__ == "__main__":
    main()
