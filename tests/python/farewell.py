"""A trainer's last messages arrive, however busy the stage is when its process ends."""
import contextlib
import os
import signal
import subprocess
import sys
import time

from peer import LIBRARIES, Peer
from support import tap
from support.stream import Logger, Stage

import eigencam

BATCHES = 150  # more than the stage's queue holds, less than that and the sockets' buffers do
TRAINER = f"""
import sys, time
import numpy as np
import eigencam
endpoint, library, linger, block_ms = *sys.argv[1:3], float(sys.argv[3]), int(sys.argv[4])
publisher = eigencam.Publisher(endpoint, run="run", library=library, ring_bytes=0,
                               block_ms=block_ms)
while not publisher.stats.stages:  # until a stage has said what it wants
    publisher.wait(20)
    time.sleep(0.01)
print("connected", flush=True)
sys.stdin.readline()
data = dict(images=np.zeros((1, 3, 4, 4), np.uint8), activations=np.ones((1, 2, 2, 2), "f4"))
for step in range({BATCHES}):
    publisher.batch("eval", 1, step, data)
publisher.epoch_end("eval", 1)
start = time.monotonic()
publisher.close(linger=linger)
print(time.monotonic() - start, flush=True)
"""


@contextlib.contextmanager
def stopped(stage):
    os.kill(stage.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(stage.process.pid, signal.SIGCONT)


class Leaver:
    def __init__(self, endpoint, library, linger, block_ms=0):
        self.process = subprocess.Popen([sys.executable, "-B", "-c", TRAINER, endpoint, library,
                                         str(linger), str(block_ms)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "connected\n"

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def closing_took(self):
        seconds = float(self.process.stdout.readline())
        assert self.process.wait(60) == 0
        return seconds


@tap.cases_of("what was sent before a process ended arrives, library {}", LIBRARIES)
def what_was_sent_before_a_process_ended_arrives(library):
    with Stage("--workers", "1", "--n-samples", "all", "--n-components", "1") as stage, Logger(stage) as logger:
        leaver = Leaver(stage.trainers, library, 30, block_ms=30000)
        with stopped(stage):
            leaver.go()
            time.sleep(0.3)  # time to leave, for one who does not wait
        leaver.closing_took()
        summary = logger.wait_epoch().summary
        assert summary["complete"] and summary["lost"] == 0, summary
        counts = stage.stats()
        assert counts["batches"] == BATCHES and counts["lost"] == 0, counts


@tap.cases_of("a stopped stage holds a close up no longer than it may, library {}", LIBRARIES)
def a_stopped_stage_holds_a_close_up_no_longer_than_it_may(library):
    with Stage("--n-samples", "1") as stage:
        leaver = Leaver(stage.trainers, library, 0.5)
        with stopped(stage):
            leaver.go()
            took = leaver.closing_took()
        assert took < 10 * 2 * 0.5, took


@tap.cases_of("nobody waits for a peer that is no stage, library {}", LIBRARIES)
def nobody_waits_for_a_peer_that_is_no_stage(library):
    peer = Peer()
    with eigencam.Publisher(peer.endpoint, run="run", library=library) as publisher:
        peer.await_subscribed(publisher)
        start = time.monotonic()
        publisher.close(linger=20)
    assert time.monotonic() - start < 10


tap.main()
