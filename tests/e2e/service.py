"""What a service manager is told, and the units that tell it how to run us."""
import glob
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time

from support.program import PATIENCE, Folder, Program, run
from support.stream import Logger, Stage, Trainer, sample_data
from support.tap import case, cases_of, main

UNITS = os.environ["UNITS"]


class Manager:
    """Listens as systemd does; `environment` is what it gives its services."""

    def __init__(self, folder, abstract=False, watchdog_ms=None):
        name = folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name if abstract else name)
        self.socket.settimeout(PATIENCE)
        self.variables = {"NOTIFY_SOCKET": "@" + name if abstract else name}
        if watchdog_ms:
            self.variables["WATCHDOG_USEC"] = str(watchdog_ms * 1000)
        self.heard = []

    def __enter__(self):
        self.before = {key: os.environ.get(key) for key in self.variables}
        os.environ.update(self.variables)
        return self

    def __exit__(self, *_):
        for key in self.variables:
            os.environ.pop(key)
        self.socket.close()

    def next(self):
        message = self.socket.recv(4096).decode()
        self.heard.append(message)
        return message

    def wait(self, what):
        """Until a message has a line that begins so; the line."""
        deadline = time.monotonic() + PATIENCE
        while True:
            assert time.monotonic() < deadline, (what, self.heard)
            for line in self.next().splitlines():
                if line.startswith(what):
                    return line

    def forget(self):
        """What has come so far."""
        while select.select([self.socket], [], [], 0)[0]:
            self.next()

    def silent_for(self, seconds):
        return not select.select([self.socket], [], [], seconds)[0]


def commands(folder):
    """What each service is started with here."""
    return {"stage": ["--in", f"ipc://{folder / 'in'}", "--out", f"ipc://{folder / 'out'}"],
            "log": ["--dir", folder / "store", "--in", f"ipc://{folder / 'out'}"],
            "view": ["--dir", folder / "store", "--port", 0],
            "relay": ["--in", f"ipc://{folder / 'out'}", "--out", f"bind:ipc://{folder / 'relay'}"]}


NAMES = ("stage", "log", "view", "relay")


@cases_of("{} says that it is ready alive and ending", NAMES)
def tells(name):
    with Folder() as folder, Manager(folder, watchdog_ms=400) as manager:
        program = Program(name, *commands(folder)[name])
        manager.wait("READY=1")
        for _ in range(3):
            manager.wait("WATCHDOG=1")
        assert "STOPPING=1" not in manager.heard
        program.send_signal(signal.SIGTERM)
        manager.wait("STOPPING=1")
        assert program.wait() == 0, program.said()
        manager.forget()
        assert manager.heard.count("STOPPING=1") == 1, manager.heard


@case
def a_name_in_the_abstract_namespace_is_told_too():
    with Folder() as folder, Manager(folder, abstract=True) as manager:
        with Program("relay", *commands(folder)["relay"]):
            manager.wait("READY=1")


@case
def the_stage_is_ready_when_trainers_and_loggers_can_connect():
    with Folder() as folder, Manager(folder) as manager:
        with Program("stage", *commands(folder)["stage"]):
            manager.wait("READY=1")
            for name in ("in", "out"):
                socket.socket(socket.AF_UNIX).connect(folder / name)


@case
def a_stage_that_cannot_start_is_never_ready():
    with Folder() as folder, Manager(folder) as manager:
        status, _, err = run("stage", "--in", f"ipc://{folder / 'no/folder'}", "--out", f"ipc://{folder / 'out'}")
        assert status == 2 and manager.silent_for(0), (status, err)


@case
def status_tells_how_it_goes():
    with Folder() as folder, Manager(folder) as manager:
        with Stage("--n-samples", 2, folder=folder) as stage, Logger(stage) as logger:
            assert manager.wait("STATUS=") == "STATUS=waiting for trainers"
            with Trainer(stage) as trainer:
                trainer.batch(sample_data(2))
                trainer.epoch_end()
                logger.wait_epoch()
            while not re.search(r"epochs 1 \| samples 2 ", manager.wait("STATUS=")):
                continue


@case
def a_stage_whose_loop_stands_still_is_silent():
    """Nobody reads what it logs, until its log blocks it: the process lives, its loop does not."""
    with Folder() as folder, Manager(folder, watchdog_ms=200) as manager:
        reads, writes = os.pipe()
        options = commands(folder)["stage"]
        process = subprocess.Popen([*Program.command, "stage", *options], stderr=writes)
        manager.wait("WATCHDOG=1")
        os.set_blocking(writes, False)
        try:
            while True:
                os.write(writes, b"x")
        except BlockingIOError:
            pass
        os.set_blocking(writes, True)
        with Trainer(f"ipc://{folder / 'in'}") as trainer:
            trainer.send_raw(b"batch|eval||run|", b"no header")
            deadline = time.monotonic() + PATIENCE
            while not manager.silent_for(2):  # ten times what is allowed
                manager.forget()
                assert time.monotonic() < deadline, "it goes on"
            assert process.poll() is None
        while os.read(reads, 1 << 16)[-1:] != b"\n":  # now its log is read, and it goes on
            continue
        manager.wait("WATCHDOG=1")
        process.terminate()
        assert process.wait(PATIENCE) == 0
        os.close(reads), os.close(writes)


@case
def a_process_that_stands_still_is_silent():
    with Folder() as folder, Manager(folder, watchdog_ms=200) as manager:
        with Program("relay", *commands(folder)["relay"]) as relay:
            manager.wait("WATCHDOG=1")
            relay.send_signal(signal.SIGSTOP)
            deadline = time.monotonic() + PATIENCE
            while not manager.silent_for(2):
                manager.forget()
                assert time.monotonic() < deadline, "it goes on"
            relay.send_signal(signal.SIGCONT)
            manager.wait("WATCHDOG=1")


@case
def a_watchdog_for_another_process_is_not_ours():
    with Folder() as folder, Manager(folder, watchdog_ms=100) as manager:
        os.environ["WATCHDOG_PID"] = "1"
        try:
            with Program("relay", *commands(folder)["relay"]):
                manager.wait("READY=1")
                manager.forget()
                while not manager.silent_for(1):
                    assert "WATCHDOG" not in manager.next(), manager.heard
        finally:
            del os.environ["WATCHDOG_PID"]


@case
def up_speaks_for_its_children():
    with Folder() as folder, Manager(folder, watchdog_ms=400) as manager:
        with Program("up", "--dir", folder / "store", "--in", f"ipc://{folder / 'in'}", "--out",
                     f"ipc://{folder / 'out'}", "--port", 0) as up:
            ready = manager.wait("READY=1")
            up.wait_line("^gallery: ", up.out)
            manager.wait("WATCHDOG=1")
        manager.forget()
        assert ready and sum("READY=1" in message for message in manager.heard) == 1, manager.heard
        assert manager.heard.count("STOPPING=1") == 1, manager.heard


@case
def no_manager_and_a_wrong_address_cost_nothing():
    with Folder() as folder:
        for address in ("", "relative", "/", "/" + "x" * 200, str(folder / "nobody")):
            os.environ["NOTIFY_SOCKET"] = address
            try:
                with Program("relay", *commands(folder)["relay"]) as relay:
                    relay.wait_line("relay gives to")
            finally:
                del os.environ["NOTIFY_SOCKET"]


# ---- the units ----

def unit_files():
    return sorted(glob.glob(os.path.join(UNITS, "*.service")))


def settings(path):
    """Every value of each setting, in its order."""
    found = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            key, equals, value = line.strip().partition("=")
            if equals and not key.startswith("#"):
                found.setdefault(key, []).append(value)
    return found


@case
def every_unit_is_whole():
    assert [os.path.basename(path) for path in unit_files()] == [
        "eigencam-log.service", "eigencam-relay@.service", "eigencam-stage.service", "eigencam-view.service"]
    for path in unit_files():
        with open(path, encoding="utf-8") as file:
            assert not re.search("@[A-Z]+@", file.read()), path
        found = settings(path)
        assert found["Type"] == ["notify"] and found["Restart"] == ["on-failure"] and "WatchdogSec" in found, path
        # with these no trainer of this host could share memory
        assert "PrivateNetwork" not in found and "PrivateUsers" not in found, path


def systemd(*arguments):
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


def verified_copy(path, folder):
    """The unit as systemd shall see it, with a program that is there."""
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"^ExecStart=\S+", f"ExecStart={Program.command[0]}", file.read(), flags=re.M)
    copy = folder / os.path.basename(path).replace("@.", "@test.")
    with open(copy, "w", encoding="utf-8") as file:
        file.write(re.sub(r"^Documentation=.*\n", "", text, flags=re.M))
    return copy


if shutil.which("systemd-analyze"):
    @cases_of("systemd finds nothing wrong with {}", [os.path.basename(path) for path in unit_files()])
    def verify(name):
        with Folder() as folder:
            done = systemd("verify", "--man=no", verified_copy(os.path.join(UNITS, name), folder))
            assert done.returncode == 0 and not done.stderr.strip(), done.stderr

    @cases_of("systemd calls the exposure of {} ok or better", [os.path.basename(path) for path in unit_files()])
    def exposure(name):
        with Folder() as folder:
            copy = verified_copy(os.path.join(UNITS, name), folder)
            done = systemd("security", "--offline=yes", "--threshold=25", copy)
            assert done.returncode == 0, done.stdout + done.stderr
            print("#", done.stdout.strip().splitlines()[-1])


def members(name):
    """The system calls of a set of systemd's."""
    listed = systemd("syscall-filter", name).stdout.splitlines()[1:]
    names = [line.strip() for line in listed if line.strip() and not line.strip().startswith("#")]
    return {call for item in names for call in (members(item) if item.startswith("@") else [item])}


def traced(folder, trace, name, *arguments):
    """A program under strace."""
    program = Program.__new__(Program)
    program.command = ["strace", "-f", "-qq", "-o", str(trace), *Program.command]
    program.__init__(name, *arguments)
    return program


def traces_work():
    if not (shutil.which("strace") and shutil.which("systemd-analyze")) or os.environ["SANITIZE"] != "none":
        return False  # leaks cannot be looked for under strace
    return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0


if traces_work():
    @case
    def what_is_called_is_allowed():
        """An epoch through a stage, a logger, a relay and a gallery."""
        with Folder() as folder:
            what = commands(folder)
            programs = [traced(folder, folder / name + ".trace", name, *what[name]) for name in NAMES]
            programs[0].wait_line("publishes on")
            trainer = subprocess.run([os.environ["TRAINER"], f"ipc://{folder / 'in'}", "epochs=2"], check=True,
                                     capture_output=True, text=True, timeout=PATIENCE)
            assert re.search(r"^epoch 2 .* shared 1", trainer.stdout, re.M), trainer.stdout
            programs[1].wait_line("log: run run, .* epoch 2", count=1)
            for program in programs:
                for child in children(program.process.pid):
                    os.kill(child, signal.SIGTERM)
                assert program.wait() == 0, program.said()
            for name in NAMES:
                check_calls(name, folder / name + ".trace")


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
        return [int(child) for child in file.read().split()]


def check_calls(name, trace):
    unit = settings(glob.glob(os.path.join(UNITS, f"eigencam-{name}*.service"))[0])
    allowed = set()
    for value in unit["SystemCallFilter"]:
        calls = set().union(*(members(item) if item.startswith("@") else {item} for item in value.strip("~").split()))
        if value.startswith("~"):
            allowed -= calls
        else:
            allowed |= calls
    with open(trace, encoding="utf-8", errors="replace") as file:
        called = set(re.findall(r"^\d+ +(?:<\.\.\. )?([a-z_0-9]+)(?:\(| resumed)", file.read(), re.M))
    assert len(called) > 20, called
    if os.geteuid() == 0:
        called.discard("fchown")  # SQLite's, as root only
    assert not called - allowed, f"{name}: the filter forbids {sorted(called - allowed)}"


main()
