"""`eigencam up` and its three children, for tests."""
import http.client
import os
from urllib.parse import urlsplit

from support.program import PATIENCE, Folder, Program
from support.store import Store


class Up(Program):
    """All of it with endpoints, a folder and a port of its own; ready once it has said
    where the gallery is. Passes for a stage where trainers are concerned."""

    def __init__(self, *options, ready=True):
        self.folder = Folder()
        self.trainers = f"ipc://{self.folder / 'in'}"
        self.loggers = f"ipc://{self.folder / 'out'}"
        self.store = Store(self.folder / "store")
        super().__init__("up", "--dir", self.store.folder, "--in", self.trainers, "--out", self.loggers,
                         "--port", 0, *options)
        self.address = self.wait_line(r"^gallery: (http://\S+/)$", self.out)[1] if ready else None

    def ask(self, path):
        where = urlsplit(self.address)
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def children(self):
        return children_of(self.process.pid)

    def child(self, name):
        """The process id of `stage`, `log` or `view`, once it runs."""
        found = []

        def is_there():
            found[:] = [pid for pid, command in self.children().items() if command[1:2] == [name]]
            return found
        self.wait_until(is_there)
        return found[0]

    def __exit__(self, *exc):
        try:
            super().__exit__(*exc)
        finally:
            self.folder.__exit__()


def children_of(parent):
    """{process id: its arguments}"""
    found = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                if int(file.read().rpartition(")")[2].split()[1]) != parent:
                    continue
            with open(f"/proc/{entry}/cmdline", encoding="utf-8", errors="replace") as file:
                found[int(entry)] = file.read().split("\0")
        except OSError:  # ended meanwhile
            pass
    return found


def is_gone(pid):
    """Whether no process has this id, but perhaps one that nobody has asked about yet."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True
