"""What `eigencam log --tensorboard` writes, read by TensorBoard itself: by its own library, and by
its server with either loader. Part of scripts/test-integrations, as TensorBoard comes from PyPI."""
import html
import json
import os
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import cv2
import numpy as np
from tensorboard.backend.event_processing import event_accumulator, event_multiplexer

from support import tap
from support.program import Folder, Program
from support.stream import FakeStage, Logger, Stage, Trainer, sample_data

EVERYTHING = {event_accumulator.TENSORS: 0}
PNG = cv2.imencode(".png", np.zeros((4, 5, 3), np.uint8))[1].tobytes()
LABEL = "a|b <i>*"


def start_log(stage, folder, *options):
    log = Program("log", "--in", stage.loggers, "--tensorboard", folder, *options)
    log.wait_line("hears a stage")
    return log


def by_tag(epoch):
    """The pictures of a published epoch: {tag: [PNG]}."""
    tags = {"image": epoch.images, "sheet": epoch.sheets}
    for kind, pictures in (("overlay", epoch.overlays), ("map", epoch.maps)):
        for (sample, component), picture in pictures.items():
            tags.setdefault(f"{kind}-{component}", {})[sample] = picture
    return {"eigencam/eval/" + tag: [picture.png for _, picture in sorted(pictures.items())]
            for tag, pictures in tags.items()}


def publish(trainer, epoch):
    trainer.batch(sample_data(5, seed=epoch, labels=[0, 1, 0, 1, 1], preds=[1, 1, 0, 0, 0]), epoch=epoch)
    trainer.epoch_end(epoch)


def record(folder):
    """Two epochs, a kill, two epochs by another logger, a torn tail, and one of these epochs again
    by another stage: {run: {step: {tag: [PNG]}}}."""
    runs = {"run": {}, "run/attempt-2": {}}
    with Stage("--n-samples", "4") as stage, Logger(stage) as logger, Trainer(stage) as trainer:
        trainer.hello(label_mapping={"cat": 0, LABEL: 1})
        for epochs in ((1, 2), (3, 4)):
            log = start_log(stage, folder)
            for epoch in epochs:
                publish(trainer, epoch)
                log.wait_line(f"eval epoch {epoch}: ")
            log.kill()
        for epoch, published in enumerate(logger.wait_epochs(4), 1):
            runs["run"][epoch] = by_tag(published)
    tear_tail(folder)
    half_an_epoch(folder + "-half")
    with Stage("--n-samples", "4") as stage, Logger(stage) as logger, Trainer(stage) as trainer:
        with start_log(stage, folder) as log:
            publish(trainer, 4)
            log.wait_line("eval epoch 4: .*/run/attempt-2")
        runs["run/attempt-2"][4] = by_tag(logger.wait_epoch())
    return runs


def half_an_epoch(folder):
    """An epoch, and pictures of the next without its summary when the logger is killed."""
    with Folder() as place:
        stage = FakeStage(place)
        log = Program("log", "--in", stage.loggers, "--tensorboard", folder)
        stage.wait_subscriber()
        stage.image(PNG)
        stage.summary()
        stage.image(PNG, epoch=2)
        stage.send("error", "error||", {"code": "argument", "message": "half of it is there"})
        log.wait_line("half of it is there")
        log.kill()
        stage.close()


def tear_tail(folder):
    """As a kill within a write would: the newest file of the run ends in half a record."""
    name = max(os.listdir(os.path.join(folder, "run")))
    path = os.path.join(folder, "run", name)
    with open(path, "r+b") as file:
        first = file.read(16)
        file.seek(0, os.SEEK_END)
        file.write(first)


def pngs_of(event):
    return list(event.tensor_proto.string_val)[2:]


recorded = {}


def recording():
    """Made by the first case that wants it; (folder, runs)."""
    if not recorded:
        recorded["keep"] = Folder()
        recorded["folder"] = recorded["keep"] / "logs"
        recorded["runs"] = record(recorded["folder"])
    return recorded["folder"], recorded["runs"]


@tap.case
def its_library_gives_back_every_picture_with_its_step():
    folder, runs = recording()
    reader = event_multiplexer.EventMultiplexer(size_guidance=EVERYTHING)
    reader.AddRunsFromDirectory(folder).Reload()
    assert set(reader.Runs()) == set(runs), reader.Runs()
    for run, steps in runs.items():
        for tag in next(iter(steps.values())):
            events = reader.Tensors(run, tag)
            assert [event.step for event in events] == list(steps), (run, tag)
            for event in events:
                assert pngs_of(event) == steps[event.step][tag], (run, tag, event.step)


@tap.case
def its_library_reads_what_a_kill_in_mid_epoch_left():
    folder, _ = recording()
    reader = event_accumulator.EventAccumulator(folder + "-half/run", size_guidance=EVERYTHING).Reload()
    (event,) = reader.Tensors("out/eval/image")
    assert event.step == 1 and pngs_of(event) == [PNG]


class Server:
    """TensorBoard on a free port."""

    def __init__(self, folder, loader):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tensorboard.main", "--logdir", folder, "--port", "0", "--load_fast", loader,
             "--samples_per_plugin", "images=1000,text=1000"], stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            found = re.search(r"at (http://\S+?)/? ", line)
            if found:
                self.address = found[1]
                return
        raise AssertionError("TensorBoard did not start")

    def get(self, path, **query):
        url = f"{self.address}/data/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.read()

    def json(self, path, **query):
        return json.loads(self.get(path, **query))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.stderr.close()
        self.process.wait()


def wait_loaded(server, runs):
    """Runs are loaded behind the server's back; it is asked until all steps are there."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = {run: {point["step"] for point in server.json("plugin/images/images", run=run, sample=0,
                                                              tag="eigencam/eval/image")}
                 for run in server.json("plugin/images/tags") if run in runs}
        if found == {run: set(steps) for run, steps in runs.items()}:
            return
        time.sleep(0.2)
    raise AssertionError(f"TensorBoard has {found}")


@tap.cases_of("its server shows every picture, loader {}", ["true", "false"])
def served(loader):
    folder, runs = recording()
    with Server(folder, loader) as server:
        wait_loaded(server, runs)
        listing = server.json("plugin/images/tags")
        for run, steps in runs.items():
            assert set(listing[run]) == set(next(iter(steps.values()))), listing[run]
            for tag, about in listing[run].items():
                pictures = {step: [] for step in steps}
                for sample in range(about["samples"]):
                    for point in server.json("plugin/images/images", run=run, tag=tag, sample=sample):
                        query = dict(urllib.parse.parse_qsl(point["query"]))
                        pictures[point["step"]].append(server.get("plugin/images/individualImage", **query))
                assert pictures == {step: tags[tag] for step, tags in steps.items()}, (run, tag)
        described = listing["run"]["eigencam/eval/overlay-0"]["description"]
        assert f"<td>{LABEL}</td>" in html.unescape(described) and "<i>" not in described, described
        texts = server.json("plugin/text/text", run="run", tag="eigencam/eval/samples")
        assert {text["step"] for text in texts} == set(runs["run"]), texts
        assert all("<td>cat</td>" in text["text"] for text in texts), texts[0]
        shares = server.json("plugin/scalars/scalars", run="run", tag="eigencam/eval/explained-0")
        assert [step for _, step, _ in shares] == list(runs["run"]), shares


tap.main(lambda: recorded and recorded["keep"].__exit__())
