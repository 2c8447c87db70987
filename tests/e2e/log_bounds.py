"""Stores within bounds, and what is left after the end comes suddenly."""
import os
import shutil
import subprocess
import time

import cv2
import numpy as np

from support import tap
from support.program import EIGENCAM, PATIENCE, Folder, Program, refused
from support.store import Store
from support.stream import FakeStage

PNG = cv2.imencode(".png", np.random.default_rng(0).integers(0, 256, (60, 50, 3), np.uint8))[1].tobytes()
SIZE = len(PNG)


class Ground:
    """A stage of our own, and a logger that can be started again."""

    def __init__(self, folder, *options):
        self.folder, self.options = folder, options
        self.store = Store(folder / "store")
        self.stage = FakeStage(folder)
        self.log = None
        self.told = {}  # (run, epoch) -> how often this logger stored it

    def start(self, *options):
        self.log = Program("log", "--in", self.stage.loggers, "--dir", self.store.folder, *self.options, *options)
        self.told = {}
        deadline = time.monotonic() + PATIENCE
        while self.stage.socket.poll(PATIENCE * 1000) and self.stage.socket.recv()[:1] != b"\x01":
            assert time.monotonic() < deadline  # what came was the good-bye of the one before it

    def epoch(self, number, run="run", images=3):
        for sample in range(images):
            self.stage.image(PNG, run, epoch=number, sample=sample, width=50, height=60)
        self.stage.summary(run, epoch=number, samples=images, published={"image": images})
        count = self.told[run, number] = self.told.get((run, number), 0) + 1
        return self.log.wait_line(rf"run {run}, output out, eval epoch {number}: (.*)", count=count)[1]

    def stop(self):
        assert self.log.stop() == 0, self.log.said()

    def kept(self, run="run"):
        assert self.store.files() == self.store.indexed_files(), (self.store.files(), self.store.indexed_files())
        return sorted(row["epoch"] for row in self.store.epochs() if row["run"] == run)


@tap.case
def the_first_and_the_newest_epochs_are_kept():
    with Folder() as folder:
        ground = Ground(folder)
        ground.start("--keep-epochs", "2")
        for number in range(1, 7):
            said = ground.epoch(number)
        assert "1 old epoch removed" in said, said
        ground.epoch(9, run="other")
        ground.stop()
        assert ground.kept() == [1, 5, 6] and ground.kept("other") == [9]
        ground.start("--keep-epochs", "1")  # another bound: at once, without a new epoch
        ground.stop()
        assert ground.kept() == [1, 6]
        ground.start()  # none
        for number in (7, 8, 9):
            ground.epoch(number)
        ground.stop()
        assert ground.kept() == [1, 6, 7, 8, 9]
        ground.stage.close()
        folders = os.listdir(os.path.join(ground.store.folder, "run/out/eval"))
        assert sorted(folders) == [f"epoch-{n:06}" for n in (1, 6, 7, 8, 9)], folders


@tap.case
def a_bound_of_bytes_is_kept_across_runs():
    with Folder() as folder:
        ground = Ground(folder, "--max-bytes", str(12 * SIZE + 100))
        ground.start()
        for number in range(1, 5):
            for run in "a", "b":
                said = ground.epoch(number, run)
                assert sum(os.path.getsize(os.path.join(ground.store.folder, file))
                           for file in ground.store.files()) <= 12 * SIZE, said
        assert "1 old epoch removed" in said and "all: " in said, said
        ground.stop()
        ground.stage.close()
        assert ground.kept("a") == [1, 4] and ground.kept("b") == [1, 4]
        for row in ground.store.epochs():
            assert row["bytes"] == 3 * SIZE, row


@tap.case
def a_training_that_starts_again_is_newer():
    with Folder() as folder:
        ground = Ground(folder, "--keep-epochs", "2")
        ground.start()
        for number in range(1, 6):
            ground.epoch(number)
        for number in (2, 3):  # from an earlier epoch on
            ground.epoch(number)
        ground.stop()
        ground.stage.close()
        assert ground.kept() == [1, 2, 3], ground.kept()


@tap.case
def a_kill_in_mid_epoch_leaves_a_store_that_goes_on():
    for options in [], ["--compact"]:
        with Folder() as folder:
            ground = Ground(folder, *options)
            ground.start()
            ground.epoch(1)
            other = cv2.imencode(".png", np.zeros((60, 50, 3), np.uint8))[1].tobytes()
            for sample in range(20):
                ground.stage.image(other, epoch=2, sample=sample)
            ground.log.wait_until(lambda: len(ground.store.files()) >= (2 if options else 4))
            ground.log.kill()
            here = os.path.join(ground.store.folder, "images" if options else "run/out/eval/epoch-000002")
            half = os.path.join(here, f".{'0' * 32 if options else '007-overlay-0'}.png.tmp")
            with open(half, "wb") as half_file:
                half_file.write(PNG[:100])
            with open(os.path.join(here, "notes.txt"), "wb"):
                pass  # not ours
            for path in ground.store.files():
                if path.endswith(".png"):
                    assert cv2.imread(os.path.join(ground.store.folder, path)) is not None, path
            assert ground.store.rows("PRAGMA integrity_check") == [{"integrity_check": "ok"}]
            ground.start()
            ground.log.wait_until(lambda: not os.path.exists(half))
            ground.epoch(3)
            ground.stop()
            ground.stage.close()
            os.unlink(os.path.join(here, "notes.txt"))
            assert {1, 3} <= set(ground.kept())


def tmpfs(arguments, where, size):
    """Run in a file system of its own, which ends with it."""
    script = f'mount -t tmpfs -o size={size} tmpfs "$0" && exec "$@"'
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, where, *arguments]


class OnSmallDisk(Program):
    def __init__(self, where, *arguments):
        self.command = tmpfs([EIGENCAM], where, "300k")
        super().__init__(*arguments)


def a_full_disk_costs_pictures_and_nothing_else():
    noise = cv2.imencode(".png", np.random.default_rng(1).integers(0, 256, (200, 200, 3), np.uint8))[1].tobytes()
    with Folder() as folder:
        stage = FakeStage(folder)
        os.makedirs(folder / "disk")
        log = OnSmallDisk(folder / "disk", "log", "--in", stage.loggers, "--dir", folder / "disk")
        stage.wait_subscriber()
        for epoch in (1, 2, 3):
            for sample in range(2):
                stage.image(noise, epoch=epoch, sample=sample)
            stage.image(PNG, epoch=epoch, sample=2)
            stage.summary(epoch=epoch, samples=3)
        log.wait_line("not stored.*No space left")
        log.wait_line("eval epoch 1: ")
        stage.send("error", "error||", {"code": "argument", "message": "the last one"})
        log.wait_line("the last one")
        shutil.copytree(f"/proc/{log.process.pid}/root{folder / 'disk'}", folder / "copy")
        store = Store(folder / "copy")
        files = store.files()
        assert set(store.indexed_files()) <= set(files) and 0 < len(files) < 9, files
        for path in files:
            assert cv2.imread(os.path.join(store.folder, path)) is not None, path
        assert log.stop() == 0, log.said()
        stage.close()


@tap.case
def a_folder_that_cannot_be_written_is_refused():
    with Folder() as folder:
        os.makedirs(folder / "store")
        os.chmod(folder / "store", 0o555)
        if os.geteuid() != 0:  # root may write anywhere
            assert "store" in refused("log", "--in", f"ipc://{folder / 'out'}", "--dir", folder / "store")
        assert "/proc" in refused("log", "--in", f"ipc://{folder / 'out'}", "--dir", "/proc/1/store")


@tap.case
def bounds_without_a_store_are_refused():
    assert "--dir" in refused("log", "--tensorboard", "/nonexistent/x", "--keep-epochs", "3")
    assert "--keep-epochs" in refused("log", "--dir", "x", "--keep-epochs", "0")
    for size in "0", "-1", "1X", "1KB", "", "99999999999999999999", "18014398509481984K":
        assert "--max-bytes" in refused("log", "--dir", "x", f"--max-bytes={size}")


if __name__ == "__main__":
    with Folder() as somewhere:
        if subprocess.run(tmpfs(["true"], somewhere.path, "100k"), capture_output=True, check=False).returncode == 0:
            tap.case(a_full_disk_costs_pictures_and_nothing_else)
        else:
            print("# no file system of one's own can be had here: not tried on a full disk")
    tap.main()
