"""`eigencam log --tensorboard`: event files, whatever comes and whenever it is killed."""
import os

import cv2
import numpy as np

from support import tap
from support.events import Board
from support.program import Folder, Program, refused
from support.store import Store, read
from support.stream import FakeStage, Logger, Stage, Trainer, sample_data

PNG = cv2.imencode(".png", np.arange(60, dtype=np.uint8).reshape(4, 5, 3))[1].tobytes()
OTHER = cv2.imencode(".png", np.zeros((4, 5, 3), np.uint8))[1].tobytes()


def start_log(loggers, board, *options):
    return Program("log", "--in", loggers, "--tensorboard", board.folder, *options)


def check_epoch(values, epoch, step):
    """Every picture that was published, byte for byte, under its tag and step."""
    prefix = "early/eval/"
    expected = {"image": epoch.images, "sheet": epoch.sheets}
    for kind, pictures in (("overlay", epoch.overlays), ("map", epoch.maps)):
        for (sample, component), picture in pictures.items():
            expected.setdefault(f"{kind}-{component}", {})[sample] = picture
    for tag, pictures in expected.items():
        found = values["run", prefix + tag][step].pngs()
        assert found == [picture.png for _, picture in sorted(pictures.items())], tag
    for component in range(epoch.summary["components"]):
        shares = [p.header["explained"] for key, p in epoch.overlays.items() if key[1] == component]
        number = values["run", f"{prefix}explained-{component}"][step].number
        assert abs(number - np.mean(shares)) < 1e-6, (number, shares)
    text = values["run", prefix + "samples"][step].items[0].decode()
    for row in ("| 1 | cat | Hund | set | 0 | 0 | 0 |", "| 2 | Hund | Hund | set | 0 | 1 | 0 |"):
        assert row in text, text
        described = values["run", prefix + "overlay-0"][step].description
        assert row[:row.index("| set")] in described, described


@tap.case
def everything_that_is_published_is_in_event_files_beside_the_store():
    with Folder() as folder, Stage("--n-samples", "4", "--outputs", "early") as stage, Logger(stage) as logger:
        board, store = Board(os.path.join(folder / "made", "on the way")), Store(folder / "store")
        log = start_log(stage.loggers, board, "--dir", store.folder, "--epochs", "2")
        log.wait_line("hears a stage")
        with Trainer(stage) as trainer:
            trainer.hello(label_mapping={"cat": 0, "Hund": 1})
            for epoch in (1, 2):
                trainer.batch(sample_data(5, seed=epoch, labels=[0, 1, 0, 1, 1], preds=[1, 1, 0, 0, 9]),
                              epoch=epoch, ds_id="set")
                trainer.epoch_end(epoch)
        published = logger.wait_epochs(2)
        assert log.wait() == 0, log.said()
        assert "pictures in" in log.said() and board.folder in log.said(), log.said()
        values = board.values()
        for step, epoch in enumerate(published, 1):
            check_epoch(values, epoch, step)
        rows = store.epochs()
        assert len(rows) == 2, rows
        pictures = store.pictures(rows[0]["id"], "image")
        assert [read(row["path"]) for row in pictures] == values["run", "early/eval/image"][1].pngs()


@tap.case
def a_kill_in_mid_epoch_leaves_whole_epochs_and_the_next_logger_goes_on():
    with Folder() as folder:
        stage, board = FakeStage(folder), Board(folder / "board")
        log = start_log(stage.loggers, board)
        stage.wait_subscriber()
        for sample in range(3):
            stage.image(PNG, sample=sample)
        stage.summary(samples=3)
        log.wait_line("eval epoch 1: 3 pictures")
        stage.image(PNG, epoch=2)
        stage.send("error", "error||", {"code": "argument", "message": "half of it is there"})
        log.wait_line("half of it is there")
        log.kill()
        stage.wait_subscriber()  # or rather, that it is gone
        (before,) = board.files()
        bytes_before = read(os.path.join(board.folder, before))
        assert list(board.values()["run", "out/eval/image"]) == [1]

        log = start_log(stage.loggers, board, "--epochs", "2")
        stage.wait_subscriber()
        stage.image(OTHER, epoch=2, sample=1)  # the rest of the epoch
        stage.summary(epoch=2, samples=2)
        stage.image(PNG, epoch=3)
        stage.summary(epoch=3)
        assert log.wait() == 0, log.said()
        assert read(os.path.join(board.folder, before)) == bytes_before
        images = board.values()["run", "out/eval/image"]
        assert list(images) == [1, 2, 3] and images[1].pngs() == [PNG] * 3 and images[3].pngs() == [PNG]
        assert images[2].pngs()[1] == OTHER, "a sample keeps its place"
        stage.close()


@tap.case
def an_epoch_is_not_written_twice_and_a_training_that_runs_again_is_a_run_of_its_own():
    with Folder() as folder:
        stage, board = FakeStage(folder), Board(folder / "board")
        for said in ("eval epoch 1: 1 pictures", "was in .* before, and is not written again"):
            with start_log(stage.loggers, board) as log:  # the same stage's epoch, twice
                stage.wait_subscriber()
                stage.image(PNG)
                stage.summary()
                log.wait_line(said)
            stage.wait_subscriber()  # or rather, that it is gone
        stage.close()
        stage = FakeStage(folder)  # another one
        with start_log(stage.loggers, board) as log:
            stage.wait_subscriber()
            stage.image(OTHER)
            stage.summary()
            log.wait_line("1 pictures in .*/run/attempt-2")
        stage.close()
        values = board.values()
        assert values["run", "out/eval/image"][1].pngs() == [PNG]
        assert values["run/attempt-2", "out/eval/image"][1].pngs() == [OTHER]


@tap.case
def of_a_large_epoch_the_first_samples_are_written_and_the_others_counted():
    with Folder() as folder:
        stage, board = FakeStage(folder), Board(folder / "board")
        with start_log(stage.loggers, board, "--tensorboard-samples", "3") as log:
            stage.wait_subscriber()
            for sample in range(500):
                stage.image(PNG, sample=sample)
            stage.summary(samples=500)
            log.wait_line(r"3 pictures in .*, 497 left out \(--tensorboard-samples 3\)")
        stage.close()
        assert board.values()["run", "out/eval/image"][1].pngs() == [PNG] * 3


@tap.case
def what_has_no_summary_is_written_at_the_end():
    with Folder() as folder:
        stage, board = FakeStage(folder), Board(folder / "board")
        with start_log(stage.loggers, board) as log:
            stage.wait_subscriber()
            stage.image(PNG[:-1], sample=1)
            stage.image(PNG)
            log.wait_line("not stored for TensorBoard")
            stage.send("error", "error||", {"code": "argument", "message": "all of it is there"})
            log.wait_line("all of it is there")
        stage.close()
        assert board.values()["run", "out/eval/image"][1].pngs() == [PNG]


@tap.case
def wrong_arguments_are_refused():
    with Folder() as folder:
        assert "--tensorboard LOGDIR" in refused("log")
        for samples in ("0", "4097", "all"):
            said = refused("log", "--tensorboard", folder / "b", "--tensorboard-samples", samples)
            assert "tensorboard-samples" in said, said
        assert "name a folder" in refused("log", "--tensorboard=")
        same = refused("log", "--dir", folder / "a", "--tensorboard", folder / "a", "--in", f"ipc://{folder / 'x'}")
        assert "store's" in same, same
        stage = FakeStage(folder)
        with start_log(stage.loggers, Board(folder / "c")):
            stage.wait_subscriber()  # it has its folder, then
            assert "another logger" in refused("log", "--tensorboard", folder / "c", "--in", stage.loggers)
        stage.close()


tap.main()
