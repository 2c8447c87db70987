"""The program under test as a process: what it says, and how it ends."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

EIGENCAM = os.environ.get("EIGENCAM", "eigencam")
PATIENCE = 60  # seconds until an event that does not come is a failure


class Folder:
    """A temporary folder with a short path, as ipc endpoints need."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="ecam-")

    def __truediv__(self, name):
        return os.path.join(self.path, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


class Program:
    """`eigencam ARGUMENTS...`; as a context it is ended in good order, and must
    then leave with status 0 (what a sanitizer found makes it another one)."""

    command = [EIGENCAM]

    def __init__(self, *arguments, stdin=None):
        self.arguments = [str(argument) for argument in arguments]
        self.started_ns = time.time_ns()
        self.process = subprocess.Popen(
            [*self.command, *self.arguments], stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
        self._news = threading.Condition()
        self.out, self.err = [], []
        self._readers = [self._reader(self.process.stdout, self.out),
                         self._reader(self.process.stderr, self.err)]

    def _reader(self, stream, lines):
        def read():
            for line in stream:
                with self._news:
                    lines.append(line.rstrip("\n"))
                    self._news.notify_all()
            with self._news:
                self._readers_done += 1
                self._news.notify_all()
        self._readers_done = 0
        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return thread

    def wait_line(self, pattern, lines=None, count=1):
        """The (count-th) line on stderr, or in `lines`, that the pattern is found in."""
        lines = self.err if lines is None else lines
        deadline = time.monotonic() + PATIENCE

        def found():
            return [match for match in (re.search(pattern, line) for line in lines) if match]

        with self._news:
            while len(found()) < count:
                ended = self._readers_done == 2
                if ended or not self._news.wait(deadline - time.monotonic()):
                    why = "ended" if ended else "is silent"
                    raise AssertionError(f"{self} {why} before {pattern!r} came {count}x; "
                                         f"it said:\n{self.said()}")
            return found()[count - 1]

    def wait_until(self, condition):
        """Until a condition holds that only the program's doings can bring about; for
        what it does not tell (a row in a database, say)."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert self.is_alive(), f"{self} ended too early; it said:\n{self.said()}"
            assert time.monotonic() < deadline, f"{self} does not come to it:\n{self.said()}"
            time.sleep(0.01)

    def is_alive(self):
        return self.process.poll() is None

    def wait(self):
        """The exit status, once it has ended by itself and all it said is here."""
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self} does not end; it said:\n{self.said()}") from None
        for reader in self._readers:
            reader.join()
        return status

    def send_signal(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        if self.is_alive():
            self.send_signal(number)
        return self.wait()

    def kill(self):
        if self.is_alive():
            self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join()

    def said(self):
        return "\n".join(f"  | {line}" for line in self.out[-20:] + self.err[-60:])

    def __str__(self):
        return " ".join(["eigencam", *self.command[1:], *self.arguments])

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.kill()
            print(f"# {self} said:\n# " + self.said().replace("\n", "\n# "))
            return
        status = self.stop()
        assert status == 0, f"{self} left with status {status}; it said:\n{self.said()}"


def run(*arguments):
    """Run to the end: (exit status, stdout, stderr), both as lists of lines."""
    program = Program(*arguments)
    status = program.wait()
    return status, program.out, program.err


def refused(*arguments):
    """Run what must be refused: status 2 and one line on stderr, which is returned."""
    status, _, err = run(*arguments)
    said = "\n".join(err)
    assert status == 2, f"{arguments}: status {status}, expected 2; it said:\n{said}"
    assert len(err) == 1, f"{arguments}: expected one line, not:\n{said}"
    return err[0]
