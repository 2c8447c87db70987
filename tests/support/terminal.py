"""A program on a terminal, for tests: a pty, and what its screen shows."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
import unicodedata

from support.program import EIGENCAM, PATIENCE


class Screen:
    """What a terminal makes of the escapes that ours sends. `lines` keeps what has scrolled
    off, too; a character that does not fit into a line is an error."""

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.lines, self.row, self.column = [""], 0, 0
        self.other = None   # the ordinary screen, while the alternate one is shown
        self.cursor = True
        self.widest = 0

    def feed(self, text):
        """All whole parts of `text`; what is left over (the beginning of an escape)."""
        at = 0
        while at < len(text):
            if text[at] == "\033":
                found = re.match(r"\033\[(\?\d+)?([A-Za-z])", text[at:])
                if not found:
                    assert len(text) - at < 10, f"unknown escape {text[at:at + 10]!r}"
                    return text[at:]
                self._escape(found[1] or "", found[2])
                at += found.end()
            else:
                self._character(text[at])
                at += 1
        return ""

    def _escape(self, argument, letter):
        if letter == "K":
            self.lines[self.row] = cut(self.lines[self.row], self.column)
        elif letter == "J":
            self._escape("", "K")
            del self.lines[self.row + 1:]
        elif letter == "H":
            self.row = self.column = 0
        elif (argument, letter) == ("?1049", "h"):
            self.other, (self.lines, self.row, self.column) = (self.lines, self.row, self.column), ([""], 0, 0)
        elif (argument, letter) == ("?1049", "l"):
            (self.lines, self.row, self.column), self.other = self.other, None
        elif argument == "?25":
            self.cursor = letter == "h"
        else:
            raise AssertionError(f"unknown escape {argument}{letter}")

    def _character(self, c):
        if c == "\r":
            self.column = 0
        elif c == "\n":
            self.row += 1
            if self.row == len(self.lines):
                self.lines.append("")
            assert self.other is None or self.row < self.rows, "the alternate screen scrolls"
        else:
            assert c.isprintable(), repr(c)
            line = cut(self.lines[self.row], self.column)
            self.lines[self.row] = line + " " * (self.column - width(line)) + c
            self.column += width(c)
            self.widest = max(self.widest, self.column)


def width(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def cut(text, columns):
    while width(text) > columns:
        text = text[:-1]
    return text


class Terminal:
    """`eigencam ARGUMENTS...` with a terminal for stdin, stdout and stderr."""

    def __init__(self, *arguments, columns=100, rows=24, term="xterm", command=EIGENCAM):
        self.arguments = [str(argument) for argument in arguments]
        self.screen = Screen(columns, rows)
        self.raw, self.bytes, self.left = "", b"", ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = term
            os.execvp(command, [command, *self.arguments])
        self.status = None
        self.resize(columns, rows)

    def resize(self, columns, rows):
        self.screen.columns, self.screen.rows, self.screen.widest = columns, rows, 0
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds=0.2):
        """Take in what it writes meanwhile; False at its end."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # how Linux says that nobody has the other end open
            return False
        self.bytes += data
        text = self.bytes.decode("utf-8", "ignore")
        if text.encode() == self.bytes:  # else: the beginning of a character
            self.bytes = b""
            self.raw += text
            self.left = self.screen.feed(self.left + text)
        return bool(data)

    def wait(self, condition):
        """Until the screen is so."""
        deadline = time.monotonic() + PATIENCE
        while not condition(self.screen):
            assert self.read(), f"{self} ended; it shows:\n{self.shown()}"
            assert time.monotonic() < deadline, f"{self} does not come to it; it shows:\n{self.shown()}"

    def wait_line(self, pattern):
        """A line of the screen in which the pattern is found."""
        self.wait(lambda screen: any(re.search(pattern, line) for line in screen.lines))
        return next(line for line in self.screen.lines if re.search(pattern, line))

    def wait_last(self, pattern):
        """The line at the bottom, once the pattern is found in it."""
        self.wait(lambda screen: re.search(pattern, screen.lines[-1]))
        return self.screen.lines[-1]

    def press(self, keys):
        os.write(self.fd, keys.encode())

    def is_alive(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None
        return self.status is None

    def wait_until(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.read(0.01)
            assert time.monotonic() < deadline, f"{self} does not come to it; it shows:\n{self.shown()}"

    def end(self):
        """Its exit status (negative: the signal), once it has ended."""
        deadline = time.monotonic() + PATIENCE
        while self.read() and time.monotonic() < deadline:
            pass
        self.wait_until(lambda: not self.is_alive())
        return self.status

    def shown(self):
        return "\n".join(f"  | {line}" for line in self.screen.lines[-40:])

    def said(self):
        return self.shown()

    @property
    def process(self):
        return self

    returncode = property(lambda self: self.status)

    def __str__(self):
        return " ".join(["eigencam", *self.arguments])

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.is_alive():
            os.kill(self.pid, signal.SIGKILL if kind else signal.SIGTERM)
        status = self.end()
        os.close(self.fd)
        if kind is not None:
            print(f"# {self} showed:\n# " + self.shown().replace("\n", "\n# "))
