"""Trainers in C (tests/support/trainer.c), and hand-overs by hand: proto/shm.md in Python."""
import array
import ctypes
import errno
import fcntl
import mmap
import os
import platform
import re
import socket
import struct
import subprocess
import threading
import time

import msgpack

from support.program import PATIENCE

TRAINER = os.environ.get("TRAINER", "trainer")
F_ADD_SEALS, SHRINK, GROW, FUTURE_WRITE, SEAL = 1033, 2, 4, 16, 1
ALL_SEALS = SHRINK | GROW | FUTURE_WRITE | SEAL


# ---- systems that lack something: what a trainer does before it starts ----

_CALLS = {"x86_64": {"memfd_create": 319, "fallocate": 285},
          "aarch64": {"memfd_create": 279, "fallocate": 47}}.get(platform.machine())
_libc = ctypes.CDLL(None, use_errno=True)


class _Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("filter", ctypes.POINTER(_Instruction))]


def forbid(code, *calls):
    """For RingTrainer's limit: these system calls fail with this errno (seccomp). None where
    their numbers are not known here."""
    if not _CALLS:
        return None
    tests = [(0x15, 0, 1, _CALLS[call]) for call in calls]
    lines = [(0x20, 0, 0, 0)]  # the call's number
    for test in tests:
        lines += [test, (0x06, 0, 0, 0x00050000 | code)]
    lines.append((0x06, 0, 0, 0x7FFF0000))  # allowed
    array_of = (_Instruction * len(lines))(*(_Instruction(*line) for line in lines))
    program = _Program(len(lines), array_of)

    def apply():
        if _libc.prctl(38, 1, 0, 0, 0) or _libc.prctl(22, 2, ctypes.byref(program), 0, 0):
            raise OSError(ctypes.get_errno(), "no system call can be forbidden here")
    return apply


def without_memfd():
    return forbid(errno.EPERM, "memfd_create")


def small_dev_shm():
    """A /dev/shm of its own, of 1 MB, and no memfd: root alone can."""
    forbidden = without_memfd()

    def apply():
        if _libc.unshare(0x00020000) or _libc.mount(b"none", b"/", None, 0x44000, None) or \
                _libc.mount(b"tmpfs", b"/dev/shm", b"tmpfs", 0, b"size=1m"):
            raise OSError(ctypes.get_errno(), "no mount")
        forbidden()
    return forbidden and apply


class RingTrainer:
    """A running trainer; `words` are the settings of trainer.c."""

    def __init__(self, endpoint, limit=None, **words):
        self.process = subprocess.Popen(
            [TRAINER, getattr(endpoint, "trainers", endpoint), *(f"{k}={v}" for k, v in words.items())],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=limit)
        self.lines, self.notices = [], []
        self.child, self._news = None, threading.Condition()
        self._readers = [threading.Thread(target=self._read, args=pair, daemon=True)
                         for pair in ((self.process.stdout, self.lines), (self.process.stderr, self.notices))]
        for reader in self._readers:
            reader.start()

    def _read(self, stream, lines):
        for line in stream:
            with self._news:
                if line.startswith("child "):
                    self.child = int(line.split()[1])
                lines.append(line.strip())
                self._news.notify_all()

    def wait_line(self, pattern, after=0):
        """What is said from line `after` on, until the pattern is found: that line's numbers."""
        deadline = time.monotonic() + PATIENCE
        with self._news:
            while True:
                for line in self.lines[after:]:
                    if re.search(pattern, line):
                        words = line.split()
                        return {name: int(value) for name, value in zip(words[0::2], words[1::2])}
                assert self._news.wait(deadline - time.monotonic()), \
                    f"the trainer does not say {pattern}, only {self.lines[-5:]} {self.notices[-5:]}"

    def wait(self):
        """Its last line's numbers, once it has ended."""
        assert self.process.wait(PATIENCE) == 0, self.notices
        for reader in self._readers:
            reader.join()
        return self.wait_line("^epoch", len(self.lines) - 1)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        """Nothing of it is left, its child neither."""
        self.kill()
        if self.child:
            os.kill(self.child, 9)
            self.child = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


# ---- by hand ----

def memory(size, content=b"", seals=ALL_SEALS, allocate=True):
    """A memfd, sealed as told, and a mapping to write to it."""
    fd = os.memfd_create("test", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.ftruncate(fd, size)
    if allocate and size:
        os.posix_fallocate(fd, 0, size)
    mapping = mmap.mmap(fd, size) if size else None
    if mapping:
        mapping[:len(content)] = content
    fcntl.fcntl(fd, F_ADD_SEALS, seals)
    return fd, mapping


def ring_header(capacity, intent=0, commit=0, magic=b"ECAMRNG1", version=1, header_bytes=4096):
    return struct.pack("<8sIIQ40xQ56xQ56x", magic, version, header_bytes, capacity, intent, commit)


def record(position, payload):
    size = 64 + (len(payload) + 63) // 64 * 64
    return struct.pack("<QQI44x", position, size, 1) + payload.ljust(size - 64, b"\0")


def offer(run, session, rank, endpoint, flags=1):
    run, endpoint = run.encode(), endpoint.encode()
    return struct.pack("<8sIIQIII128s256s4x", b"ECAMOFR1", 1, flags, session, rank, len(run), len(endpoint),
                       run, endpoint)


def socket_name(trainer):
    """From a test's own Trainer: the socket that the stage's wants name."""
    while not trainer.wants:
        assert trainer.read_upstream(PATIENCE * 1000), "no want comes"
    return msgpack.unpackb(trainer.wants[-1][1])["socket"]


def hand_over(name, packet, fds=()):
    """Connect, offer: the socket, and the answer (None where the stage hangs up)."""
    link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    link.settimeout(PATIENCE)
    link.connect("\0" + name[1:] if name.startswith("@") else name)
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    link.sendmsg([packet], rights)
    try:
        answer = link.recv(1000)
    except ConnectionError:
        answer = b""
    if not answer:
        return link, None
    magic, version, flags, ring = struct.unpack("<8sIIQ", answer)
    assert magic == b"ECAMANS1" and version == 1, answer
    return link, ring
