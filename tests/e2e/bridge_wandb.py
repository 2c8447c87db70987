"""`python -m eigencam.bridge wandb --offline` with the real client, for
scripts/test-integrations: every picture is in W&B's files byte for byte, once, with its epoch."""
import glob
import hashlib
import json
import os
import re
import signal

from support import tap
from support.bridge import Bridge, pictures, place, publish, shares
from support.program import Folder
from support.stream import Logger, Stage

from wandb.proto.wandb_internal_pb2 import Record

from eigencam.bridge.to_wandb import history
from eigencam.bridge.transactions import Transactions

RUN = "Läufe/1 'a\" 50%+"
EPOCH = "eigencam_epoch"
OPTIONS = ("--offline", "--what", "overlay,map,image,sheet")


def folders(folder, run_id="*"):
    return sorted(glob.glob(f"{folder}/wandb/offline-run-*-{run_id}"))


def records(folder):
    path, = glob.glob(f"{folder}/run-*.wandb")
    return list(Transactions(path).records())


def metrics(folder):
    """What define_metric told: {glob: its step}."""
    told = map(Record.FromString, records(folder))
    return {record.metric.glob_name: record.metric.step_metric for record in told
            if record.WhichOneof("record_type") == "metric"}


def check(places, epochs):
    """epochs: {epoch: published}. All of them in the files, nothing twice, nothing else."""
    found, scalars = {}, {}
    for folder in places:
        for row in history(records(folder)):
            for key, value in row.items():
                if isinstance(value, dict) and value.get("_type") == "image-file":
                    assert (key, row[EPOCH]) not in found, f"{key} {row[EPOCH]} is there twice"
                    found[key, row[EPOCH]] = os.path.join(folder, "files", value["path"]), value
                elif "/explained_" in key:
                    assert (key, row[EPOCH]) not in scalars
                    scalars[key, row[EPOCH]] = value
    wanted = {(f"eigencam/eval/{place(key, '_')}", step): png
              for step, epoch in epochs.items() for key, png in pictures(epoch).items()}
    assert set(found) == set(wanted), set(found) ^ set(wanted)
    for key, png in wanted.items():
        path, value = found[key]
        with open(path, "rb") as file:
            assert file.read() == png, f"{key}: other bytes"
        assert value["sha256"] == hashlib.sha256(png).hexdigest()
    means = {(f"eigencam/eval/explained_c{component}", step): mean
             for step, epoch in epochs.items() for component, mean in shares(epoch).items()}
    assert set(scalars) == set(means), set(scalars) ^ set(means)
    assert all(abs(scalars[key] - means[key]) < 1e-12 for key in means)
    captions = {value["caption"] for key, (_, value) in found.items() if "image_s1" in key[0]}
    assert captions == {"label dog, pred cat"}, captions
    return len(wanted)


@tap.case
def offline_files_hold_every_picture_once_through_all_restarts():
    with Folder() as folder:
        epochs, state = {}, folder / "state"

        def bridge(stage):
            return Bridge("wandb", stage.loggers, state, "--dir", folder.path,
                          *OPTIONS).wait_connected()

        with Stage("--n-samples", "all", folder=folder) as stage, Logger(stage) as logger:
            first = bridge(stage)
            for step in (0, 20):
                epochs[step] = publish(stage, logger, step, RUN)
                first.wait_logged(step, re.escape(RUN))
            before = first.spooled()
            epochs[21] = publish(stage, logger, 21, RUN, n=8)
            coming = before + len(pictures(epochs[21])) + 1
            first.wait_until(lambda: first.spooled() == coming)
            first.kill()  # before W&B's process has written what it was given
            publish(stage, logger, 22, RUN)  # nobody listens
            second = bridge(stage)
            second.wait_logged(21, re.escape(RUN))
        with Stage("--n-samples", "all", folder=folder) as stage, Logger(stage) as logger:
            second.wait_line("another stage answers")
            epochs[23] = publish(stage, logger, 23, RUN)
            second.wait_until(lambda: second.spooled() == coming + len(pictures(epochs[23])) + 1)
            assert second.stop(signal.SIGINT) == 0, second.said()
        assert "results wait" not in second.err[-1], second.said()
        places = folders(folder.path)
        ids = {re.sub(r".*offline-run-[0-9_]+-", "", place) for place in places}
        assert len(places) == 2 and len(ids) == 1, places
        assert metrics(places[0]) == {"eigencam/*": EPOCH}, metrics(places[0])
        print(f"# {check(places, epochs)} pictures")


@tap.case
def each_run_is_one_of_its_own():
    with Folder() as folder, Stage(folder=folder) as stage, Logger(stage) as logger:
        with Bridge("wandb", stage.loggers, folder / "state", "--dir", folder.path,
                    *OPTIONS) as bridge:
            bridge.wait_connected()
            published = {run: publish(stage, logger, 1, run, seed=seed)
                         for seed, run in enumerate(("a b", "a_b", "a/b"))}
            for run in published:
                bridge.wait_logged(1, re.escape(run))
        assert len(folders(folder.path)) == 3
        for run, epoch in published.items():
            places = [place for place in folders(folder.path) if place.endswith(
                "-" + hashlib.sha256(run.encode()).hexdigest()[:8])]
            assert len(places) == 1, (run, places)
            check(places, {1: epoch})


@tap.case
def online_without_a_key_is_an_error():
    with Folder() as folder, Stage(folder=folder) as stage:
        os.environ.update(HOME=folder.path, WANDB_MODE="online")
        os.environ.pop("WANDB_API_KEY", None)
        bridge = Bridge("wandb", stage.loggers, folder / "state")
        assert bridge.wait() == 1 and "--offline" in bridge.err[-1], bridge.said()


tap.main()
