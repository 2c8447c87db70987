"""`eigencam up`: three processes that live and end together."""
import os
import signal
import socket
import time

from support.program import PATIENCE, Folder, Program, refused, run
from support.stream import Logger, Trainer, sample_data
from support.tap import case, cases_of, main
from support.up import Up, is_gone

KILLED = r"up: {} was ended by signal 9 \(Killed\); it is started again in 0\.\d s"


def train(up, epoch, run="run"):
    """An epoch by a trainer of its own; once it is stored."""
    with Trainer(up.trainers, run).ready() as trainer:
        trainer.batch(sample_data(2, seed=epoch), epoch=epoch)
        trainer.epoch_end(epoch)
        up.wait_until(lambda: (run, epoch) in [(e["run"], e["epoch"]) for e in up.store.epochs()])


def wait_gone(pids):
    deadline = time.monotonic() + PATIENCE
    while not all(is_gone(pid) for pid in pids):
        assert time.monotonic() < deadline, f"of {pids} some are still there"
        time.sleep(0.01)


@case
def each_child_that_is_killed_is_started_again_and_says_so():
    with Up("--n-samples", 2) as up:
        assert up.ask("/healthz")[0] == 200
        train(up, 1)
        for epoch, name in enumerate(("stage", "log", "view"), 2):
            before = up.child(name)
            os.kill(before, signal.SIGKILL)
            up.wait_line(KILLED.format(name))
            up.wait_line(f"up: {name} runs again")
            assert up.child(name) != before
            train(up, epoch)
        assert up.ask("/healthz")[0] == 200, "the gallery has kept its port"
        assert len(up.children()) == 3
        wait_shown(up, 4)
    assert up.out == [f"gallery: {up.address}"], up.out


def wait_shown(up, epochs):
    def shown():
        status, body = up.ask("/metrics")
        assert status == 200, body
        return f'eigencam_store_epochs {epochs}'.encode() in body
    up.wait_until(shown)


@case
def a_stage_that_had_any_port_gets_it_again():
    with Up("--in", "tcp://127.0.0.1:*", "--out", "tcp://127.0.0.1:*", ready=False) as up:
        up.wait_line("^gallery: ", up.out)
        stage = r"stage (listens for trainers|publishes) on (tcp\S+)"
        up.wait_line(stage, count=2)
        os.kill(up.child("stage"), signal.SIGKILL)
        up.wait_line("up: stage runs again")
        said = [line.split(" on ")[1] for line in up.err if " on tcp" in line]
        assert len(said) == 4 and said[:2] == said[2:] and said[0] != said[1], said


@cases_of("{} ends all in order with what is open stored", ["SIGINT", "SIGTERM"])
def it_ends_all(name):
    up = Up("--n-samples", 2)
    children = up.children()
    with Trainer(up.trainers, "run").ready() as trainer:
        trainer.batch(sample_data(2, seed=1), epoch=1)
        up.wait_until(lambda: stage_has_sample(up))
        started = time.monotonic()
        assert up.stop(getattr(signal, name)) == 0, up.said()
    assert time.monotonic() - started < 30
    assert len(children) == 3 and all(is_gone(pid) for pid in children)
    epoch, = up.store.epochs()
    assert (epoch["complete"], epoch["samples"]) == (0, 2), epoch
    assert len(up.store.pictures(epoch["id"], "overlay")) == 6
    said = "\n".join(up.err)
    assert said.index("up: ending") < said.index("epoch 1, mode eval") < said.index("results stored"), said
    up.folder.__exit__()


def stage_has_sample(up):
    with Logger(up, ["stats|"]) as logger:
        return logger.stats["counters"]["samples"] >= 2


@case
def a_second_interrupt_ends_at_once():
    up = Up()
    children = up.children()
    os.kill(up.child("stage"), signal.SIGSTOP)  # it will not end
    up.send_signal(signal.SIGINT)
    up.wait_line("up: ending")
    up.send_signal(signal.SIGINT)
    assert up.wait() == 1
    assert "up: stage was ended by signal 9 (Killed)" in "\n".join(up.err)
    wait_gone(children)
    up.folder.__exit__()


@case
def children_end_with_a_supervisor_that_is_killed():
    up = Up()
    children = up.children()
    up.kill()
    wait_gone(children)
    up.folder.__exit__()


@case
def the_end_of_standard_input_ends_it_where_that_is_wanted():
    with Folder() as folder:
        reader, writer = os.pipe()
        up = Program("up", "--until-eof", "--dir", folder / "store", "--in", f"ipc://{folder / 'in'}",
                     "--out", f"ipc://{folder / 'out'}", "--port", 0, stdin=reader)
        os.close(reader)
        up.wait_line("^gallery: ", up.out)
        os.write(writer, b"anything\n")
        os.close(writer)
        assert up.wait() == 0, up.said()


@case
def a_port_that_is_taken_ends_everything_at_the_start():
    with Folder() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        status, out, err = run("up", "--dir", folder / "store", "--in", f"ipc://{folder / 'in'}",
                               "--out", f"ipc://{folder / 'out'}", "--port", port)
        assert (status, out) == (2, []), (status, out, err)
        assert any(line.startswith("eigencam: view: ") and str(port) in line for line in err), err
        assert "eigencam: up: view left with status 2 at its start" in err, err


@case
def an_endpoint_that_is_taken_ends_everything_at_the_start():
    with Up() as up, Folder() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        status, out, err = run("up", "--dir", folder / "store", "--in", endpoint, "--out", f"ipc://{folder / 'out'}",
                               "--port", 0)
        assert (status, out) == (2, []), (status, out, err)
        assert any(endpoint in line and "in use" in line for line in err), err
        assert not os.path.exists(folder / "store"), "nothing else was started"


@case
def options_go_to_whom_they_belong():
    with Up("--n-samples", 1, "--n-components", 2, "--publish", "overlay", "--keep-epochs", 1, "--compact",
            "--allow-host", "gallery.example", "--outputs", "cam") as up:
        for epoch in (1, 2, 3, 4):
            train(up, epoch)
        epochs = up.store.epochs()
        assert {e["output"] for e in epochs} == {"cam"}
        assert all(e["samples"] == 1 for e in epochs), epochs
        arguments = {command[1]: command for command in up.children().values()}
        assert "--keep-epochs=1" in arguments["log"] and "--compact" in arguments["log"]
        assert "--allow-host=gallery.example" in arguments["view"]


@case
def a_recording_is_not_written_over_by_a_new_start():
    with Folder() as folder, Up("--record", folder / "kept") as up:
        train(up, 1)
        size = os.path.getsize(folder / "kept")
        os.kill(up.child("stage"), signal.SIGKILL)
        up.wait_line("up: stage runs again")
        train(up, 2)
        assert size > 0 and os.path.getsize(folder / "kept") >= size
        assert os.path.getsize(folder / "kept.2") > 0


@cases_of("refused before anything starts: {}", [
    "--n-samples=few", "--no-such-option", "stray", "--dir=", "--out=connect:tcp://127.0.0.1:1", "--config=/none.yaml"])
def wrong_arguments(argument):
    assert refused("up", argument).startswith("eigencam: up: ")


@cases_of("a child refuses its option at the start: {}", ["--keep-epochs=0", "--bind=nowhere"])
def a_childs_wrong_argument(argument):
    with Folder() as folder:
        status, _, err = run("up", "--dir", folder / "store", "--in", f"ipc://{folder / 'in'}",
                             "--out", f"ipc://{folder / 'out'}", "--port", 0, argument)
        assert status == 2 and any("left with status 2 at its start" in line for line in err), (status, err)


@case
def help_lists_the_options_of_all_three():
    status, out, _ = run("up", "--help")
    said = "\n".join(out)
    assert status == 0
    for option in ("--dir", "--port", "--n-samples", "--keep-epochs", "--tensorboard", "--config", "--until-eof"):
        assert said.count(f"  {option} ") + said.count(f"  {option}\n") == 1, option


if __name__ == "__main__":
    main()
