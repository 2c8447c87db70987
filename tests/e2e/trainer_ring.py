"""Tensors through shared memory: the same pictures as by frames, and nothing that a
hostile trainer hands over does harm."""
import errno
import os
import random
import resource
import socket
import struct
import subprocess
import threading

import numpy as np
import zmq

from support import tap
from support.rings import (ALL_SEALS, RingTrainer, forbid, hand_over, memory, offer, record, ring_header,
                           small_dev_shm, socket_name, without_memfd)
from support.stream import Logger, Stage, Trainer, sample_data

SIZES = {"batches": 4, "samples": 5, "image": 32, "channels": 16, "side": 8}


def pictures(*options, ranks=1, limit=None, trace=None, **words):
    """One epoch of trainers in C: its pictures, what they said, and the stage's counters."""
    with Stage(*options) as stage, Logger(stage) as logger:
        trainers = [RingTrainer(stage, limit, rank=rank, world=ranks, **{**SIZES, **words}) for rank in range(ranks)]
        said = [trainer.wait() for trainer in trainers]
        epoch = logger.wait_epoch()
        assert not logger.errors, logger.errors
        return epoch.bytes(), said, stage.stats(), [t.notices for t in trainers]


@tap.case
def the_ring_gives_the_same_pictures_as_frames():
    for options in ((), ("--n-samples", "all")):
        ring, said, stats, _ = pictures(*options)
        frames, framed, _, _ = pictures(*options, ring=0)
        assert said[0]["ring"] > 0 and said[0]["frames"] == 0 and said[0]["shared"] == 1, said
        assert framed[0]["ring"] == 0 and framed[0]["frames"] > 0, framed
        assert len(ring) > 10 and ring == frames
        assert stats["overwritten"] == 0 and stats["rejected"] == 0, stats


@tap.case
def only_what_is_wanted_is_sent():
    _, said, stats, _ = pictures("--n-samples", "7")
    assert (said[0]["sent"], said[0]["unwanted"]) == (2, 2), said
    assert (stats["batches"], stats["used"], stats["unwanted"], stats["lost"]) == (2, 2, 0, 0), stats
    _, said, _, _ = pictures("--n-samples", "7", asks=1, mode="eval")
    assert said[0]["sent"] == 2, said  # the stage's own outputs win


@tap.case
def a_run_may_ask_for_its_outputs():
    with Stage() as stage, Logger(stage) as logger:
        with RingTrainer(stage, asks=1, mode="train", **SIZES) as trainer:
            assert trainer.wait()["sent"] == 1  # 4 samples of 5
        epoch = logger.wait_epoch()
        assert (epoch.summary["samples"], epoch.counts()["image"]) == (4, 4), epoch.summary
        with RingTrainer(stage, run="other", asks=1, mode="eval", **SIZES) as trainer:
            assert trainer.wait()["sent"] == 0


@tap.case
def ranks_make_one_epoch():
    ring, said, stats, _ = pictures("--n-samples", "8", ranks=2)
    frames, _, _, _ = pictures("--n-samples", "8", ranks=2, ring=0)
    assert ring == frames and stats["incomplete"] == 0, stats
    assert all(words["sent"] <= 2 for words in said), said


class PlainTrainer(Trainer):
    """A PUB socket: reads nothing that the stage says."""

    def __init__(self, stage):
        super().__init__(stage, topics=())
        self.socket.close()
        self.socket = zmq.Context.instance().socket(zmq.PUB)
        self.socket.set(zmq.SNDHWM, 0)
        self.socket.set(zmq.LINGER, 60000)
        self.socket.connect(stage.trainers)

    def reach(self, stage):
        while stage.stats()["received"] == 0:
            self.hello()
        return self


def generated(step, index, rank=0):
    """Sample `index` of trainer.c's batch `step`: image and activations."""
    state, numbers = (1 + rank + 1000 * step + 1000000 * index) & 0xFFFFFFFF, []
    pixels = 3 * SIZES["image"] ** 2
    for _ in range(pixels + SIZES["channels"] * SIZES["side"] ** 2):
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        numbers.append(state)
    numbers = np.array(numbers, np.uint32)
    return ((numbers[:pixels] >> 13).astype(np.uint8).reshape(3, 32, 32),
            ((numbers[pixels:] >> 8).astype(np.float32) / np.float32(1 << 24)).reshape(16, 8, 8))


@tap.case
def a_plain_publisher_that_ignores_wants_gives_the_same_pictures():
    ring, _, _, _ = pictures()
    with Stage() as stage, Logger(stage) as logger:
        trainer = PlainTrainer(stage).reach(stage)
        for step in range(SIZES["batches"]):
            samples = [generated(step, index) for index in range(SIZES["samples"])]
            trainer.batch({"images": np.stack([image for image, _ in samples]),
                           "activations": np.stack([activation for _, activation in samples]),
                           "labels": np.arange(5, dtype=np.int64) + 5 * step}, step=step)
        trainer.epoch_end()
        epoch = logger.wait_epoch()
        assert epoch.summary["samples"] == 5 and stage.stats()["unwanted"] == 3, stage.stats()
        assert epoch.bytes() == ring
        trainer.close()


@tap.case
def what_does_not_fit_the_ring_goes_in_frames_and_is_said_once():
    words = {"image": 64, "ring": 16384}  # 5 images: 61440 bytes, activations 20480
    ring, said, _, notices = pictures("--n-samples", "all", **words)
    frames, _, _, _ = pictures("--n-samples", "all", image=64, ring=0)
    assert said[0]["oversize"] == 8 and said[0]["ring"] == 0 and ring == frames, said
    assert len(notices[0]) == 1 and "does not fit the ring of 16384 bytes" in notices[0][0], notices
    _, said, _, notices = pictures("--n-samples", "all", image=64, ring=32768)
    assert said[0]["oversize"] == 4 and said[0]["ring"] == 4 * 20480, said


def names_left():
    return [name for name in os.listdir("/dev/shm") if name.startswith("eigencam-")]


@tap.case
def without_memfd_a_segment_gives_the_same_pictures():
    if not without_memfd():
        return  # no seccomp filter for this machine
    for options in ((), ("--n-samples", "all")):
        segment, said, stats, notices = pictures(*options, limit=without_memfd())
        assert said[0]["ring"] > 0 and said[0]["frames"] == 0 and said[0]["shared"] == 1, said
        assert notices == [[]] and stats["overwritten"] == 0 and stats["rejected"] == 0, (notices, stats)
        assert segment == pictures(*options, ring=0)[0]
    blocking, said, stats, _ = pictures("--n-samples", "all", limit=without_memfd(), block_ms=60000, ring=50000)
    assert said[0]["dropped"] == 0 and said[0]["ring"] > 0 and stats["overwritten"] == 0, (said, stats)
    assert blocking == pictures("--n-samples", "all")[0]
    assert not names_left()


def no_large_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


def shortages():
    yield "file size limit", no_large_files, "limit of file sizes"
    if without_memfd():
        yield "ENOMEM", forbid(errno.ENOMEM, "fallocate"), "Cannot allocate memory"
        yield "ENOSPC", forbid(errno.ENOSPC, "fallocate"), "No space left"
        yield "no descriptors", forbid(errno.EMFILE, "memfd_create", "fallocate"), "Too many open files"
    if without_memfd() and os.geteuid() == 0:
        yield "a full /dev/shm", small_dev_shm(), "No space left"


@tap.case
def without_memory_tensors_go_in_frames_and_it_is_said_once():
    expected = pictures()[0]
    for what, limit, reason in shortages():
        try:
            limited, said, _, notices = pictures(limit=limit)
        except subprocess.SubprocessError:
            print(f"# {what}: this can't be had here")
            continue
        assert len(notices[0]) == 1 and "no shared memory, tensors go in frames" in notices[0][0], (what, notices)
        assert reason in notices[0][0], (what, notices)
        assert said[0]["frames"] > 0 and said[0]["shared"] == 0, (what, said)
        assert limited == expected, what


@tap.case
def a_recording_holds_the_tensors():
    with Stage("--record", "/dev/null") as stage, Logger(stage) as logger:
        with RingTrainer(stage, **SIZES) as trainer:
            said = trainer.wait()
        logger.wait_epoch()
        assert said["shared"] == 0 and said["ring"] == 0 and said["frames"] > 0, said


# ---- hostile ----

def open_descriptors(stage):
    return len(os.listdir(f"/proc/{stage.process.pid}/fd"))


def refused_memories():
    header = ring_header(8192)
    yield "no seals", memory(12288, header, 0)[0]
    for seal in (1, 2, 4, 16):
        yield f"seal {seal} missing", memory(12288, header, ALL_SEALS & ~seal)[0]
    yield "too small", memory(4096, header)[0]
    yield "empty", memory(0)[0]
    yield "holes", memory(12288, allocate=False)[0]
    yield "no header", memory(12288)[0]
    yield "another version", memory(12288, ring_header(8192, version=2))[0]
    for capacity in (0, 4096, 8191, 8256, 12288, 2**63, 2**64 - 4096):
        yield f"capacity {capacity}", memory(12288, ring_header(capacity))[0]
    yield "a device", os.open("/dev/zero", os.O_RDWR)
    yield "a pipe", os.pipe()[0]
    yield "a socket", socket.socketpair()[0].detach()
    yield "a file", os.open("/proc/self/exe", os.O_RDONLY)


@tap.case
def what_is_no_ring_is_not_taken():
    with Stage() as stage, Trainer(stage) as trainer:
        trainer.hello()
        name = socket_name(trainer)
        before = open_descriptors(stage)
        packet = offer("run", 1, 0, stage.trainers)
        links = []
        for what, fd in refused_memories():
            link, ring = hand_over(name, packet, [fd])
            assert ring == 0, what
            os.close(fd)
            links.append(link)
        good = memory(12288, ring_header(8192))[0]
        assert hand_over(name, packet, [good])[1] != 0
        assert hand_over(name, offer("run", 1, 0, "tcp://127.0.0.1:1"), [good])[1] == 0  # somebody else's
        assert hand_over(name, offer("run", 1, 0, ""), [good])[1] == 0
        for bad in (b"x", b"\0" * 424, packet + b"x", packet[:-1], offer("run", 1, 0, "", flags=0),
                    packet[:28] + struct.pack("<I", 129) + packet[32:]):
            assert hand_over(name, bad, [good])[1] is None, bad
        assert hand_over(name, packet, [good, good, good])[1] != 0  # the others are closed
        for link in links:
            link.close()
        while open_descriptors(stage) > before:  # what hung up is forgotten in a while
            trainer.read_upstream(100)


def segment(size, content=b"", keep_name=False):
    """A POSIX segment, without a name unless told; and its path."""
    path = f"/dev/shm/ecam-test-{os.getpid()}-{random.getrandbits(64):x}"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    if not keep_name:
        os.unlink(path)
    os.ftruncate(fd, size)
    os.pwrite(fd, content, 0)
    return fd, path


@tap.case
def a_segment_that_is_cut_off_costs_its_records():
    turns = 2000 if os.environ.get("ECAM_LONG") else 200
    rng = random.Random(7)
    content = ring_header(4096, 384, 384).ljust(4096, b"\0") + record(0, b"\1" * 320)
    with Stage("--n-samples", "all", "--publish", "image") as stage, Logger(stage) as logger, \
            Trainer(stage) as trainer:
        trainer.hello()
        named, path = segment(8192, content, keep_name=True)
        packet = offer("run", trainer.common["session"], 0, stage.trainers)
        assert hand_over(socket_name(trainer), packet, [named])[1] == 0
        os.unlink(path)
        fd, _ = segment(8192, content)
        link, ring = hand_over(socket_name(trainer), packet, [fd])
        assert ring != 0
        stop = threading.Event()

        def cut():
            while not stop.is_set():
                os.ftruncate(fd, rng.choice((0, 64, 100, 4096, 4160, 4300)))
                os.ftruncate(fd, 8192)
                os.pwrite(fd, content, 0)

        thread = threading.Thread(target=cut)
        batch_in_ring(trainer, ring, 0, (64, 64, 0), (128, 256, 0))
        while stage.stats()["used"] == 0:
            pass
        thread.start()
        for step in range(1, turns):
            batch_in_ring(trainer, ring, step, (64, 64, 0), (128, 256, 0))
        trainer.epoch_end()
        logger.wait_epoch()
        stop.set()
        thread.join()
        os.ftruncate(fd, 0)
        batch_in_ring(trainer, ring, 0, (64, 64, 0), (128, 256, 0), epoch=2)
        trainer.epoch_end(2)
        assert logger.wait_epoch().summary["samples"] == 0
        stats = stage.stats()
        assert stats["batches"] == turns + 1, stats
        assert stats["used"] + stats["overwritten"] + stats["rejected"] == turns + 1, stats
        assert stats["overwritten"] > 0, stats
        link.close()


def shared(ring, offset, size, ticket, **more):
    return {"nd": True, "type": "|u1", "shape": [size], "shm":
            {"ring": ring, "offset": offset, "size": size, "ticket": ticket}, **more}


def batch_in_ring(trainer, ring, step, image, activation, **header):
    trainer.batch({"images": {**shared(ring, *image), "shape": [1, 1, 8, 8]},
                   "activations": {**shared(ring, *activation), "type": "<f4", "shape": [1, 4, 4, 4]}}, step=step, **header)


@tap.case
def a_ring_by_hand_is_read():
    """By the specification alone; places that no record has are refused, lapped ones counted."""
    rng = np.random.default_rng(1)
    image, activation = rng.integers(0, 256, 64, dtype=np.uint8), rng.random(64, dtype=np.float32)
    with Stage("--n-samples", "all") as stage, Logger(stage) as logger, Trainer(stage) as trainer:
        trainer.hello()
        fd, mapping = memory(4096 + 4096)
        mapping[4096:4096 + 384] = record(0, image.tobytes() + activation.tobytes())
        mapping[:192] = ring_header(4096, 384, 384)
        link, ring = hand_over(socket_name(trainer), offer("run", trainer.common["session"], 0, stage.trainers), [fd])
        good = (64, 64, 0), (128, 256, 0)
        batch_in_ring(trainer, ring, 0, *good)
        for step, (bad, code) in enumerate([
                (((65, 64, 0), (320, 256, 0)), "argument"), (((0, 64, 0), good[1]), "argument"),
                ((good[0], (128, 256, 64)), "argument"), (((2**64 - 32, 64, 0), good[1]), "argument"),
                (((64, 64, 4096), (128, 256, 4096)), "argument"), (((64, 63, 0), good[1]), "shape")], 1):
            batch_in_ring(trainer, ring, step, *bad)
            error, = logger.wait_errors()
            assert error["code"] == code, (bad, error)
        batch_in_ring(trainer, ring + 1, 7, *good)
        error, = logger.wait_errors()
        assert error["code"] == "argument" and error["key"] == "shm", error
        trainer.common["session"] ^= 1  # somebody else names this ring
        batch_in_ring(trainer, ring, 8, *good)
        assert logger.wait_errors()[0]["code"] == "argument"
        trainer.common["session"] ^= 1
        trainer.epoch_end()
        epoch = logger.wait_epoch()
        mapping[64:72] = struct.pack("<Q", 4096 + 64)  # now the writer begins to come round
        batch_in_ring(trainer, ring, 9, *good, epoch=2)
        trainer.epoch_end(2)
        assert logger.wait_epoch().summary["samples"] == 0
        stats = stage.stats()
        assert (stats["used"], stats["overwritten"], stats["rejected"]) == (1, 1, 8), stats
        shown = epoch.images[0].pixels().reshape(8, 8, -1)
        assert (shown[..., 0] == image.reshape(8, 8)).all(), shown.shape
        link.close()


@tap.case
def a_ring_that_changes_while_it_is_read_does_no_harm():
    rng = random.Random(5)
    capacity, turns = 1 << 16, 3000 if os.environ.get("ECAM_LONG") else 400
    with Stage("--n-samples", "all", "--publish", "image") as stage, Logger(stage) as logger, \
            Trainer(stage) as trainer:
        trainer.hello()
        fd, mapping = memory(4096 + capacity, ring_header(capacity))
        link, ring = hand_over(socket_name(trainer), offer("run", trainer.common["session"], 0, stage.trainers), [fd])
        stop = threading.Event()

        def scribble():
            while not stop.is_set():
                at = rng.choice((0, 8, 16, 64, 128, 4096, 4104, 4112, 8192, rng.randrange(0, capacity)))
                value = rng.choice((0, 1, 384, capacity, 2**63, 2**64 - 64, rng.getrandbits(64)))
                mapping[at:at + 8] = struct.pack("<Q", value)
                mapping[4096:4096 + 64] = record(0, b"")[:8] + struct.pack("<QI44x", capacity, 1)
                mapping[64:72], mapping[128:136] = struct.pack("<Q", 384), struct.pack("<Q", 384)

        threads = [threading.Thread(target=scribble) for _ in range(2)]
        for thread in threads:
            thread.start()
        numbers = (0, 64, 128, 4096, capacity, 2**63, 2**64 - 64, 2**64 - 1)
        for step in range(turns):
            place = (64, 64, 0) if step % 2 else (rng.choice(numbers), 64, rng.choice(numbers))
            batch_in_ring(trainer, ring, step, place, (128, 256, 0))
        trainer.epoch_end()
        logger.wait_epoch()
        stop.set()
        for thread in threads:
            thread.join()
        stats = stage.stats()
        assert stats["batches"] == turns, stats
        assert stats["used"] + stats["overwritten"] + stats["rejected"] + stats["unwanted"] == turns, stats
        assert stats["rejected"] > 0, stats
        link.close()


def as_nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


@tap.case
def another_user_shares_memory_only_if_allowed():
    if os.geteuid() != 0:
        return  # nobody else to be
    for options, expected in (((), 0), (("--allow-uid", "7,65534"), 1)):
        with Stage("--in", "tcp://127.0.0.1:*", *options) as stage, Logger(stage) as logger:
            endpoint = stage.wait_line(r"trainers on (tcp://\S+)").group(1)
            with RingTrainer(endpoint, as_nobody, **SIZES) as trainer:
                said = trainer.wait()
            assert logger.wait_epoch().summary["samples"] == 5
            assert said["shared"] == expected and (said["ring"] > 0) == bool(expected), said


@tap.case
def a_stage_by_itself_is_unharmed_by_many_who_connect():
    with Stage() as stage, Trainer(stage) as trainer:
        trainer.hello()
        name = socket_name(trainer)
        links = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(200)]
        for link in links:
            link.connect("\0" + name[1:])
        for link in links[::2]:
            link.close()
        with Logger(stage) as logger:
            trainer.batch(sample_data(2))
            trainer.epoch_end()
            assert logger.wait_epoch().summary["complete"]
        for link in links[1::2]:
            link.close()


if __name__ == "__main__":
    tap.main()
