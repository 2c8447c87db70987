"""`eigencam log`: pictures as files with an index, whatever names and ends come."""
import os

import cv2
import numpy as np

from support import tap
from support.program import Folder, Program, refused
from support.store import Store, pixels, projection, read
from support.stream import FakeStage, Logger, Stage, Trainer, sample_data

PNG = cv2.imencode(".png", np.arange(60, dtype=np.uint8).reshape(4, 5, 3))[1].tobytes()


def start_log(stage, folder, *options):
    return Program("log", "--in", stage.loggers, "--dir", folder, *options)


@tap.case
def everything_that_is_published_is_stored_and_indexed():
    with Folder() as folder, Stage("--n-samples", "4") as stage, Logger(stage) as logger:
        store = Store(os.path.join(folder / "made", "on the way"))
        log = start_log(stage, store.folder, "--epochs", "2")
        store.wait_connected(log)
        with Trainer(stage, "Läufe/1") as trainer:
            trainer.hello(label_mapping={"cat": 0, "Hund": 1})
            for epoch in (1, 2):
                trainer.batch(sample_data(5, seed=epoch, labels=[0, 1, 0, 1, 1], preds=[1, 1, 0, 0, 9]),
                              epoch=epoch, ds_id="set")
                trainer.epoch_end(epoch)
        published = logger.wait_epochs(2)
        assert log.wait() == 0, log.said()
        check_store(store, published)


def check_store(store, published):
    rows = store.epochs()
    assert [row["epoch"] for row in rows] == [1, 2], rows
    assert store.files() == store.indexed_files()
    for row, epoch in zip(rows, published):
        for key in ("samples", "components", "complete", "lost", "rejected", "latency_ns", "run",
                    "output", "mode", "attempt"):
            assert row[key] == epoch.summary[key], f"{key}: {row[key]}"
        check_pictures(store, row, epoch)
        samples = store.samples(row["id"])
        assert [sample["label"] for sample in samples] == epoch.summary["labels"]
        assert [sample["pred"] for sample in samples] == epoch.summary["preds"]
        assert {sample["ds_id"] for sample in samples} == {"set"}


def check_pictures(store, row, epoch):
    kinds = {"overlay": epoch.overlays, "map": epoch.maps, "image": epoch.images,
             "sheet": epoch.sheets}
    for kind, pictures in kinds.items():
        stored = store.pictures(row["id"], kind)
        assert len(stored) == len(pictures), f"{len(stored)} {kind}s"
        for picture_row, (_, picture) in zip(stored, sorted(pictures.items())):
            assert read(picture_row["path"]) == picture.png, picture_row
            for key in ("width", "height", "lo", "hi", "divisor", "explained", "singular"):
                if key in picture.header:
                    assert picture_row[key] == picture.header[key], f"{kind} {key}"


NAMES = ["..", ".", "../../evil", "/etc/passwd", "a/b/../../../c", ".hidden", "index.sqlite",
         "index.sqlite-wal", "a\\b", "con:aux", "%2e%2e", "%", "-rf", "~", "*", "a", "A", "ä",
         "ä" * 64, "x" * 128, " ", "a b", "🐈", "epoch-000001"]


@tap.case
def names_from_the_wire_never_leave_the_folder():
    with Folder() as folder:
        stage = FakeStage(folder)
        store = Store(folder / "store")
        log = start_log(stage, store.folder, "--epochs", len(NAMES) * 2)
        stage.wait_subscriber()
        for name in NAMES:
            for run, output in ((name, "out"), ("run", name)):
                stage.image(PNG, run, output)
                stage.summary(run, output)
        assert log.wait() == 0, log.said()
        stage.close()
        assert sorted(os.listdir(folder.path)) == ["out", "store"], os.listdir(folder.path)
        files = store.files()
        assert files == store.indexed_files()
        assert len(files) == len({(n, "out") for n in NAMES} | {("run", n) for n in NAMES}), files
        assert all(len(path.split(os.sep)) == 5 for path in files), files
        names = {row["run"] for row in store.epochs()}
        assert names == {*NAMES, "run"}, names


@tap.case
def links_below_the_folder_are_not_followed():
    with Folder() as folder:
        stage = FakeStage(folder)
        store = Store(folder / "store")
        os.makedirs(folder / "elsewhere")
        os.makedirs(store.folder)
        os.symlink(folder / "elsewhere", os.path.join(store.folder, "trap"))
        log = start_log(stage, store.folder)
        stage.wait_subscriber()
        for run in ("trap", "good"):
            stage.image(PNG, run)
            stage.summary(run)
        log.wait_line("not stored")
        log.wait_line("run good, output out")
        log.stop()
        stage.close()
        assert os.listdir(folder / "elsewhere") == []
        assert len(store.files()) == 1, store.files()


@tap.case
def what_is_no_picture_is_not_stored_and_the_rest_goes_on():
    with Folder() as folder:
        stage = FakeStage(folder)
        store = Store(folder / "store")
        log = start_log(stage, store.folder, "--epochs", "1")
        stage.wait_subscriber()
        stage.image(b"<html>", sample=0)
        stage.image(PNG, sample=1)
        stage.send("image", "image|run|out|eval|", {"v": 2})
        stage.socket.send_multipart([b"image|", b"\xc1"])
        stage.socket.send_multipart([b"image|", b"\xdd\xff\xff\xff\xff"])
        stage.summary()
        assert log.wait() == 0, log.said()
        stage.close()
        assert "4 failed" in log.err[-1], log.said()
        assert [os.path.basename(path) for path in store.files()] == ["001-image.png"]


@tap.case
def a_result_that_comes_again_replaces_the_one_before():
    other = cv2.imencode(".png", np.zeros((4, 5, 3), np.uint8))[1].tobytes()
    with Folder() as folder:
        store = Store(folder / "store")
        for png in (PNG, other):  # as a stage that was started again
            stage = FakeStage(folder)
            log = start_log(stage, store.folder, "--epochs", "1")
            stage.wait_subscriber()
            stage.image(png)
            stage.summary()
            assert log.wait() == 0, log.said()
            stage.close()
        (epoch,) = store.epochs()
        (row,) = store.pictures(epoch["id"], "image")
        assert read(row["path"]) == other


@tap.case
def errors_and_stats_are_in_the_index():
    with Folder() as folder, Stage() as stage:
        store = Store(folder / "store")
        with start_log(stage, store.folder) as log:
            store.wait_connected(log)
            with Trainer(stage) as trainer:
                trainer.send("batch|eval||run|", {"type": "batch", "epoch": 1, "mode": "eval",
                                                  "step": 0})
            log.wait_line("the stage says")
        (error,) = store.errors()
        assert error["run"] == "run" and error["code"] == "missing" and error["key"] == "data", error
        assert store.rows("SELECT * FROM counters WHERE name = 'workers'")


@tap.case
def nothing_half_written_is_left_by_a_kill():
    with Folder() as folder, Stage("--n-samples", "all") as stage, Logger(stage) as logger, \
            Trainer(stage) as trainer:
        store = Store(folder / "store")
        log = start_log(stage, store.folder)
        store.wait_connected(log)
        for epoch in range(1, 9):
            trainer.batch(sample_data(30, seed=epoch), epoch=epoch)
            trainer.epoch_end(epoch)
        log.wait_line(r"epoch 2: \d+ pictures")
        log.kill()
        for path in store.files():
            if not os.path.basename(path).startswith("."):  # the one being written is hidden
                assert cv2.imread(os.path.join(store.folder, path)) is not None, path
        assert set(store.indexed_files()) <= set(store.files())
        assert store.rows("PRAGMA integrity_check") == [{"integrity_check": "ok"}]
        kept = [row["epoch"] for row in store.epochs() if row["samples"] is not None]
        assert kept[:2] == [1, 2], kept
        logger.wait_epochs(8)
        with start_log(stage, store.folder, "--epochs", "1") as again:  # the store still works
            store.wait_connected(again)
            trainer.batch(sample_data(1), epoch=20)
            trainer.epoch_end(20)
            assert again.wait() == 0
        row = store.epochs()[-1]
        assert row["epoch"] == 20 and row["published_maps"] == 3, row
        for picture in store.pictures(row["id"], "map"):
            assert projection(picture).shape == pixels(picture).shape == (8, 8)


@tap.case
def a_signal_ends_it_with_all_that_came_stored():
    with Folder() as folder:
        stage = FakeStage(folder)
        store = Store(folder / "store")
        log = start_log(stage, store.folder)
        stage.wait_subscriber()
        stage.image(PNG)
        stage.summary()
        stage.image(PNG, run="open")
        log.wait_line("run run, output out")
        stage.send("error", "error||", {"code": "argument", "message": "the last one"})
        log.wait_line("the last one")
        assert log.stop() == 0
        stage.close()
        assert len(store.files()) == 2 and store.files() == store.indexed_files()


@tap.case
def a_log_may_be_there_before_its_stage():
    with Folder() as folder:
        store = Store(folder / "store")
        log = Program("log", "--in", f"ipc://{folder / 'out'}", "--dir", store.folder,
                      "--epochs", "1")
        with Stage(folder=folder) as stage, Trainer(stage) as trainer:
            store.wait_connected(log)
            trainer.batch(sample_data(1))
            trainer.epoch_end()
            assert log.wait() == 0, log.said()
        assert len(store.files()) == 8, store.files()


@tap.case
def epochs_counts_complete_ones():
    with Folder() as folder:
        stage = FakeStage(folder)
        log = start_log(stage, folder / "store", "--epochs", "2")
        stage.wait_subscriber()
        for epoch, complete in (1, True), (2, False), (3, True):
            stage.summary(epoch=epoch, complete=complete, missing_ranks=[] if complete else [1])
        assert log.wait() == 0, log.said()
        stage.close()
        assert [row["epoch"] for row in Store(folder / "store").epochs()] == [1, 2, 3]


@tap.case
def what_cannot_be_a_store_is_refused():
    with Folder() as folder:
        endpoint = f"ipc://{folder / 'out'}"
        assert "--dir" in refused("log", "--in", endpoint)
        with open(folder / "file", "w", encoding="utf-8") as file:
            file.write("something else")
        assert "file" in refused("log", "--in", endpoint, "--dir", folder / "file")
        os.makedirs(folder / "other")
        os.rename(folder / "file", os.path.join(folder / "other", "index.sqlite"))
        assert "index.sqlite" in refused("log", "--in", endpoint, "--dir", folder / "other")
        assert "--epochs" in refused("log", "--dir", folder / "x", "--epochs", "0")
        assert "nowhere" in refused("log", "--dir", folder / "x", "--in", "nowhere")
        assert "--dirs" in refused("log", "--dirs", folder / "x")


@tap.case
def two_logs_do_not_write_to_one_folder():
    with Folder() as folder:
        stage = FakeStage(folder)
        with start_log(stage, folder / "store"):
            stage.wait_subscriber()
            said = refused("log", "--in", stage.loggers, "--dir", folder / "store")
            assert "store" in said, said
        stage.close()


if __name__ == "__main__":
    tap.main()
