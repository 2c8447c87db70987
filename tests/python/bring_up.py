"""eigencam.up(): what is there is used, what is not is started, and nothing is left behind."""
import os
import signal
import subprocess
import sys
import time
import urllib.request
import warnings

import numpy as np
from support import tap
from support.program import PATIENCE, Folder
from support.store import Store
from support.up import Up, children_of, is_gone

import eigencam

# A training in a few lines, as a process of its own.
TRAINING = """
import sys, time, numpy as np, eigencam
eigencam.up(sys.argv[1], port=0, endpoint=sys.argv[2], keep=sys.argv[4] == "keep", options=["--out", sys.argv[3]])
with eigencam.Publisher(sys.argv[2], run="run", library="python") as publisher:
    publisher.wait(60)
    while publisher.wants("eval", 1) != 5:
        time.sleep(0.01)
    publisher.batch("eval", 1, 0, {"images": np.zeros((2, 3, 8, 8), np.uint8),
                                   "activations": np.ones((2, 4, 4, 4), np.float32)})
    publisher.epoch_end("eval", 1)
print("trained", flush=True)
sys.stdin.readline()
"""


def endpoints(folder):
    return f"ipc://{folder / 'in'}", f"ipc://{folder / 'out'}"


def bring_up(folder, **options):
    trainers, loggers = endpoints(folder)
    return eigencam.up(folder / "store", **{"port": 0, "endpoint": trainers, "timeout": PATIENCE,
                                            "options": ["--out", loggers], **options})


def wait(what, condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} does not come"
        time.sleep(0.02)


def publish(endpoint):
    with eigencam.Publisher(endpoint, run="run", library="python") as publisher:
        assert publisher.wait(PATIENCE)
        wait("what the stage wants", lambda: publisher.wants("eval", 1) == 5)
        publisher.batch("eval", 1, 0, {"images": np.zeros((2, 3, 8, 8), np.uint8),
                                       "activations": np.ones((2, 4, 4, 4), np.float32)})
        publisher.epoch_end("eval", 1)


@tap.case
def it_starts_what_is_not_there_and_ends_it():
    with Folder() as folder:
        with bring_up(folder) as up:
            assert up.started and up.address.startswith("http://127.0.0.1:"), up
            assert urllib.request.urlopen(up.address + "healthz", timeout=PATIENCE).status == 200
            started = [pid for pid, command in children_of(os.getpid()).items() if command[1:2] == ["up"]]
            parts = [pid for pid in started for pid in children_of(pid)]
            assert len(started) == 1 and len(parts) == 3
            publish(endpoints(folder)[0])
        assert all(is_gone(pid) for pid in (*started, *parts))
        with open(up.log, encoding="utf-8") as file:
            said = file.read()
        assert [e["samples"] for e in Store(folder / "store").epochs()] == [2], said
        assert "pictures go to" in said
        up.close()  # again does nothing


@tap.case
def it_uses_what_is_there():
    with Up() as there:
        port = int(there.address.rstrip("/").rpartition(":")[2])
        with eigencam.up(there.store.folder, port=port, endpoint=there.trainers) as up:
            assert (up.address, up.started) == (there.address, False)
        assert there.is_alive() and len(there.children()) == 3


@tap.cases_of("it ends with a process that {}", ["ends", "is killed"])
def it_ends_with_the_process(how):
    with Folder() as folder, train(folder, "with") as training:
        assert training.stdout.readline() == "trained\n"
        address_line = training.stderr.readline()
        assert address_line.startswith("eigencam: look at http://127.0.0.1:"), address_line
        started = list(children_of(training.pid))
        parts = [pid for pid in started for pid in children_of(pid)]
        assert len(started) == 1 and len(parts) == 3
        if how == "ends":
            training.stdin.write("\n")
            training.stdin.close()
            assert training.wait(PATIENCE) == 0
        else:
            training.kill()
            training.wait()
        wait("the end of all", lambda: all(is_gone(pid) for pid in (*started, *parts)))
        epochs = Store(folder / "store").epochs()
        with open(folder / "store.log", encoding="utf-8") as file:
            assert [e["samples"] for e in epochs] == [2], (epochs, file.read())


@tap.case
def it_stays_where_it_shall():
    with Folder() as folder, train(folder, "keep") as training:
        assert training.stdout.readline() == "trained\n"
        started, = children_of(training.pid)
        training.kill()
        training.wait()
        store = Store(folder / "store")
        wait("the epoch", lambda: store.epochs())
        assert not is_gone(started)
        os.kill(started, signal.SIGINT)
        wait("the end", lambda: is_gone(started))


def train(folder, keep):
    return subprocess.Popen([sys.executable, "-B", "-c", TRAINING, folder / "store", *endpoints(folder), keep],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@tap.case
def what_goes_wrong_is_a_warning():
    with Folder() as folder:
        for options, text in (({"options": ["--nonsense"]}, "nonsense"), ({"port": "none"}, "none"),
                              ({"timeout": 0.0}, "does not start")):
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                up = bring_up(folder, **options)
            assert up.address is None and not up.started
            assert any(text in str(warning.message) for warning in said), (options, said)
        os.environ["EIGENCAM"], before = str(folder / "nothing"), os.environ["EIGENCAM"]
        try:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                assert bring_up(folder).address is None
            assert len(said) == 1, said
        finally:
            os.environ["EIGENCAM"] = before


tap.main()
