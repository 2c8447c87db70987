"""Stage, store and gallery beside a training: `eigencam up` as a process of its own."""
import os
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
import urllib.error
import urllib.request

from eigencam._common import default_endpoint, warn_once
from eigencam.session import listens

_PORT = 5580
_POLL = 0.1  # seconds
_ASK = 2.0   # seconds for a gallery to answer

_running = []  # they live as long as this process, whether anybody keeps an Up or not


class Up:
    """What up() found or started. As a context it is closed at the end.

    address  of the gallery; None where there is none
    started  whether up() started it (else it was there)
    log      the file that holds what it says, where it was started
    """

    def __init__(self, address=None, process=None, log=None):
        self.address, self.log, self._process = address, log, process
        self.started = process is not None
        if process is not None:
            _running.append(process)

    def close(self, timeout=60.0):
        """End what was started, once all that arrived is stored; what was there stays."""
        process, self._process = self._process, None
        if process is None:
            return
        _running.remove(process)
        try:
            process.terminate()
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        finally:
            for stream in (process.stdin, process.stdout):
                if stream:
                    stream.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __repr__(self):
        return f"Up(address={self.address!r}, started={self.started})"


def up(dir="eigencam-results", *, port=_PORT, endpoint=None, keep=False, timeout=30.0, options=()):
    """See that a stage, a store and a gallery are there, and say where to look.

        eigencam.up()
        cam = eigencam.watch(model, "layer4")

    Where a gallery answers on `port` and a stage on `endpoint`, they are used; otherwise
    `eigencam up` is started. It ends by itself when this process has ended, once all that
    was sent is stored; with keep=True it stays, until it is ended with Ctrl-C's signal
    (`pkill -INT eigencam`) or closed. `eigencam view --dir DIR` shows a store at any time.

    dir       the store: pictures and index.sqlite
    port      the gallery's; 0: any that is free (then one is always started)
    endpoint  of the stage: tcp://127.0.0.1:5560, or $EIGENCAM_ENDPOINT
    timeout   seconds that it may take to start
    options   further arguments of `eigencam up`: ["--n-samples", "8"]

    Several processes of one training may call it at once: one starts it, the others find it.
    Never raises: what goes wrong is a warning, and the training goes on. Returns an Up.
    """
    try:
        return _up(os.fspath(dir), int(port), endpoint or default_endpoint(), keep, timeout, options)
    except Exception as error:
        warn_once(f"up {error}", f"no gallery: {error}")
        return Up()


def _up(dir, port, endpoint, keep, timeout, options):
    deadline = time.monotonic() + timeout
    address = _find(port, endpoint)
    if address:
        return _say(Up(address))
    log = dir.rstrip("/") + ".log"
    said_before = os.path.getsize(log) if os.path.exists(log) else 0
    process = _start(dir, port, endpoint, keep, log, options)
    address = _read_address(process, deadline)
    if address:
        return _say(Up(address, process, log))
    Up(None, process).close(5)
    # Another process may have been faster, and has the ports.
    while process.returncode == 2 and time.monotonic() < deadline and listens(endpoint):
        address = _find(port, endpoint)
        if address:
            return _say(Up(address))
        time.sleep(_POLL)
    raise RuntimeError(f"eigencam up does not start: {_last_line(log, said_before)}")


def _find(port, endpoint):
    """The address of a gallery that answers beside a stage, or None."""
    address = f"http://127.0.0.1:{port}/"
    if port == 0 or not listens(endpoint):
        return None
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                address + "healthz", timeout=_ASK):
            return address
    except (urllib.error.URLError, OSError, ValueError):
        return None


def program():
    """The program: said by the user, of the wheel, on the PATH, or in a clone."""
    said = os.environ.get("EIGENCAM")
    if said:
        return said
    beside = os.path.join(sysconfig.get_path("scripts"), "eigencam")
    clone = os.path.abspath(__file__)
    for _ in range(4):
        clone = os.path.dirname(clone)
    found = beside if os.access(beside, os.X_OK) else shutil.which("eigencam")
    built = os.path.join(clone, "build", "src", "eigencam")
    if not found and os.access(built, os.X_OK):
        found = built
    if not found:
        raise FileNotFoundError("there is no program eigencam on the PATH; $EIGENCAM may name it")
    return found


def _start(dir, port, endpoint, keep, log, options):
    command = [program(), "up", "--dir", dir, "--port", str(port), "--in", endpoint, *map(str, options)]
    if not keep:  # its standard input ends when this process does, in whatever way
        command.append("--until-eof")
    os.makedirs(os.path.dirname(os.path.abspath(log)), exist_ok=True)
    with open(log, "ab") as said:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL if keep else subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=said, start_new_session=True)


def _read_address(process, deadline):
    """What it says on its one line; None where it ends or takes too long."""
    found = []

    def read():
        line = process.stdout.readline().decode("utf-8", "replace").strip()
        found.append(line[len("gallery: "):] if line.startswith("gallery: ") else None)
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(max(0.0, deadline - time.monotonic()))
    return found[0] if found else None


def _last_line(log, begin):
    """The reason, most likely: what the part said that failed."""
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            file.seek(begin)
            lines = [line for line in file.read(100000).splitlines()
                     if "up: pictures go to" not in line and " at its start" not in line]
        return lines[-1].removeprefix("eigencam: ") if lines else f"see {log}"
    except OSError:
        return f"see {log}"


_shown = set()


def _say(found):
    if found.address not in _shown:
        _shown.add(found.address)
        print(f"eigencam: look at {found.address}", file=sys.stderr, flush=True)
    return found
