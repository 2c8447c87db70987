"""Compact stores: what is not held can be drawn again, and is what the stage drew."""
import os

import numpy as np

from support import golden, tap
from support.program import Folder, Program, refused, run as run_program
from support.store import Store, pixels, read
from support.stream import Logger, Stage, Trainer, decode_png, sample_data

# Runs of every image type and shape, quick ones.
GOLDEN = [run for run in golden.runs() if run.case in (
    "channel_mixed", "edge_constant_mixed", "edge_one_row_map", "labels_unicode", "non_square", "non_square_tall")]


def draw_from(store, to, *options):
    status, _, err = run_program("draw", "--from", store.folder, "--to", to, *options)
    assert status == 0, err


def drawn(folder, epoch, name):
    return decode_png(read(os.path.join(folder, epoch["folder"], name)))


@tap.cases_of("{0.name}", GOLDEN)
def golden_overlays_are_drawn_again(run):
    is_float = run.array("images").dtype.kind == "f"
    for normalize, display in golden.NORMALIZATIONS.items():
        if not run.path(display):
            continue
        with Folder() as folder:
            arguments = golden.draw_arguments(run, normalize, folder)
            assert run_program(*arguments, "--compact")[0] == 0
            arguments[arguments.index("--dir") + 1] = folder / "full"
            assert run_program(*arguments)[0] == 0
            store, full = Store(folder / "out"), Store(folder / "full")
            assert not any("overlay" in file or "sheet" in file for file in store.files()), store.files()
            draw_from(store, folder / "again")
            (epoch,) = full.epochs()
            for kind in "overlay", "sheet":
                for row in full.pictures(epoch["id"], kind):
                    again = drawn(folder / "again", epoch, os.path.basename(row["file"]))
                    check_close(pixels(row), again, kind)
                    if kind == "overlay" and not is_float:
                        golden.compare_display(run, display, row["number"], row["component"], again)
            assert sorted(os.listdir(os.path.join(folder / "again", epoch["folder"]))) == \
                sorted(os.listdir(os.path.join(full.folder, epoch["folder"])))


def check_close(stage, again, kind):
    """Neighbouring rows of the colour table: 3 of 255 (and what a float image's bytes round)."""
    assert stage.shape == again.shape, (stage.shape, again.shape)
    difference = np.abs(stage.astype(int) - again)
    assert difference.max() <= 3, f"{kind}: off by {difference.max()}"


@tap.case
def images_are_kept_once_and_overlays_are_those_of_the_stage():
    with Folder() as folder, Stage("--n-samples", "3", "--blend", "0.4", "--colormap", "turbo") as stage, \
            Logger(stage) as logger:
        store = Store(folder / "store")
        log = Program("log", "--in", stage.loggers, "--dir", store.folder, "--epochs", "3", "--compact")
        store.wait_connected(log)
        data = sample_data(3, labels=[0, 1, 2], preds=[2, 1, 0])
        with Trainer(stage) as trainer:
            for epoch in (1, 2, 3):  # the same images in another order, other activations
                order = np.roll(np.arange(3), epoch)
                trainer.batch({"images": data["images"][order],
                               "activations": sample_data(3, seed=epoch)["activations"],
                               "labels": data["labels"], "preds": data["preds"]}, epoch=epoch)
                trainer.epoch_end(epoch)
        published = logger.wait_epochs(3)
        assert log.wait() == 0, log.said()
        check_layout(store)
        draw_from(store, folder / "all")
        for row, epoch in zip(store.epochs(), published):
            for (sample, component), picture in epoch.overlays.items():
                again = drawn(folder / "all", row, f"{sample:03}-overlay-{component}.png")
                check_close(decode_png(picture.png), again, "overlay")
            check_close(decode_png(epoch.sheets[0].png), drawn(folder / "all", row, "sheet-000.png"), "sheet")
        draw_from(store, folder / "one", "--epoch", "2", "--sample", "1", "--component", "0", "--types", "overlay,sheet")
        assert Store(folder / "one").files() == ["run/eigencam/eval/epoch-000002/001-overlay-0.png"]


def check_layout(store):
    files = store.files()
    assert files == store.indexed_files()
    assert len([file for file in files if file.startswith("images/")]) == 3, files
    assert len([file for file in files if "-map-" in file]) == 27, files
    assert len(files) == 30, files
    for row in store.epochs():
        assert row["colormap"] == "turbo" and abs(row["weight"] - 0.4) < 1e-6 and row["normalize"] == "epoch", row
        assert row["bytes"] == sum(p["bytes"] for p in store.pictures(row["id"], "map")), row
        assert all(p["path"] is None and p["stamp"] > 0 for p in store.pictures(row["id"], "overlay"))
        for picture in store.pictures(row["id"], "image"):
            assert os.path.getsize(picture["path"]) == picture["bytes"]


@tap.case
def what_cannot_be_drawn_again_is_held():
    with Folder() as folder, Stage("--n-samples", "2", "--publish", "overlay,sheet") as stage:
        store = Store(folder / "store")
        log = Program("log", "--in", stage.loggers, "--dir", store.folder, "--epochs", "1", "--compact")
        store.wait_connected(log)
        with Trainer(stage) as trainer:
            trainer.batch(sample_data(2))
            trainer.epoch_end()
            assert log.wait() == 0, log.said()
        assert len(store.files()) == 7 and store.files() == store.indexed_files(), store.files()


@tap.case
def draw_refuses_what_is_no_store():
    with Folder() as folder:
        assert "index.sqlite" in refused("draw", "--from", folder.path)
        assert "nowhere" in refused("draw", "--from", folder / "nowhere")
        assert "--types" in refused("draw", "--from", folder.path, "--types", "overlay,pages")
        assert "--epoch" in refused("draw", "--from", folder.path, "--epoch", "last")


if __name__ == "__main__":
    tap.main()
