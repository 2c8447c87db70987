"""`python -m eigencam.bridge mlflow` against a real MLflow server with SQLite, for
scripts/test-integrations: every picture comes back byte for byte, once, under its step."""
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import mlflow

from support import tap
from support.bridge import Bridge, pictures, place, publish, shares
from support.program import Folder
from support.stream import Logger, Stage

RUN = "Läufe/1 'a\" 50%+"
WHAT = ("--what", "overlay,map,image,sheet")
PATIENCE = 180  # an MLflow server takes its time to start


class Server:
    """`mlflow server`; what it stores outlives it."""

    def __init__(self, folder):
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        log = open(self.folder / "server.log", "a")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port",
             str(self.port), "--workers", "1", "--backend-store-uri",
             f"sqlite:///{self.folder / 'mlflow.db'}", "--artifacts-destination",
             self.folder / "artifacts"], stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                urllib.request.urlopen(f"{self.uri}/health", timeout=5)
                return
            assert self.process.poll() is None and time.monotonic() < deadline, \
                open(self.folder / "server.log").read()[-2000:]
            time.sleep(0.1)

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(60)

    def client(self):
        return mlflow.MlflowClient(self.uri)

    def get(self, run_id, path):
        """As the page gets it."""
        query = urllib.parse.urlencode({"path": path, "run_uuid": run_id})
        with urllib.request.urlopen(f"{self.uri}/get-artifact?{query}", timeout=60) as answer:
            return answer.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def the_run(client, name=RUN, experiment="eigencam"):
    id = client.get_experiment_by_name(experiment).experiment_id
    runs = [run for run in client.search_runs([id]) if run.data.tags.get("eigencam.run") == name]
    assert len(runs) == 1, runs
    return runs[0]


NAME = re.compile(r"images/(.*)\+step\+(\d+)\+timestamp\+(\d+)\+([0-9a-f-]+)(\.png|"
                  r"\+compressed\.webp)")


def check(client, get, run, epochs):
    """epochs: {step: published}. All of them, nothing twice, nothing else."""
    found, thumbnails = {}, set()
    for file in client.list_artifacts(run.info.run_id, "images"):
        key, step, _, unique, end = NAME.fullmatch(file.path).groups()
        if end == ".png":
            assert (key, int(step)) not in found, f"{file.path} is there twice"
            found[key, int(step)] = file.path, unique
        else:
            thumbnails.add(unique)
    wanted = {(f"eigencam.eval.{place(key, '.')}", step): png
              for step, epoch in epochs.items() for key, png in pictures(epoch).items()}
    assert set(found) == set(wanted), set(found) ^ set(wanted)
    assert thumbnails == {unique for _, unique in found.values()}
    for key, png in wanted.items():
        assert get(run.info.run_id, found[key][0]) == png, f"{key}: other bytes"
    for component, _ in enumerate(shares(next(iter(epochs.values())))):
        history = client.get_metric_history(run.info.run_id, f"eigencam.eval.explained.c{component}")
        assert sorted(metric.step for metric in history) == sorted(epochs)
        for metric in history:
            assert abs(metric.value - shares(epochs[metric.step])[component]) < 1e-12
    return len(wanted)


@tap.case
def a_server_gives_back_every_picture_once_through_all_restarts():
    with Folder() as folder, Server(folder) as server:
        epochs, state = {}, folder / "state"
        options = ("mlflow", "--tracking-uri", server.uri, *WHAT)

        def bridge(stage):
            mode, uri, *rest = options
            return Bridge(mode, stage.loggers, state, uri, *rest).wait_connected()

        with Stage("--n-samples", "all", folder=folder) as stage, Logger(stage) as logger:
            first = bridge(stage)
            for step in (0, 20):
                epochs[step] = publish(stage, logger, step, RUN)
                first.wait_logged(step, re.escape(RUN))
            before = first.spooled()
            epochs[21] = publish(stage, logger, 21, RUN, n=8)
            coming = before + len(pictures(epochs[21])) + 1
            first.wait_until(lambda: first.spooled() == coming)
            first.kill()  # in the middle of handing over
            passed = publish(stage, logger, 22, RUN)  # nobody listens
            second = bridge(stage)
            second.wait_logged(21, re.escape(RUN))
            server.stop()
            epochs[23] = publish(stage, logger, 23, RUN)
            second.wait_line("the tracker does not answer")
            server.start()
            second.wait_logged(23, re.escape(RUN))
        with Stage("--n-samples", "all", folder=folder) as stage, Logger(stage) as logger:
            second.wait_line("another stage answers")
            epochs[24] = publish(stage, logger, 24, RUN)
            second.wait_logged(24, re.escape(RUN))
            assert second.stop(signal.SIGINT) == 0, second.said()
        lost = sum(int(line.split()[1]) for line in second.err if "lost before" in line)
        assert lost == len(pictures(passed)) + 1, second.said()
        client = server.client()
        run = the_run(client)
        assert run.info.status == "FINISHED" and run.info.run_name == RUN
        assert run.data.params == {"eigencam.run": RUN}, run.data.params
        assert run.data.tags["mlflow.loggedImages"] == "True"
        print(f"# {check(client, server.get, run, epochs)} pictures")


@tap.case
def sqlite_alone_and_a_trainers_own_run():
    with Folder() as folder, Stage(folder=folder) as stage, Logger(stage) as logger:
        uri = f"sqlite:///{folder / 'own.db'}"
        client = mlflow.MlflowClient(uri)
        experiment = client.create_experiment("mine", artifact_location=folder / "mine")
        own = client.create_run(experiment)
        with Bridge("mlflow", stage.loggers, folder / "state", "--tracking-uri", uri, "--run-id",
                    own.info.run_id, *WHAT) as bridge:
            bridge.wait_connected()
            epochs = {1: publish(stage, logger, 1)}
            bridge.wait_logged(1)
        run = client.get_run(own.info.run_id)
        assert run.info.status == "RUNNING", "the trainer's run was ended"

        def get(run_id, path):
            with open(client.download_artifacts(run_id, path, folder.path), "rb") as file:
                return file.read()

        check(client, get, run, epochs)


@tap.case
def a_run_that_is_not_there_is_an_error():
    with Folder() as folder, Stage(folder=folder) as stage, Logger(stage) as logger:
        bridge = Bridge("mlflow", stage.loggers, folder / "state", "--tracking-uri",
                        f"sqlite:///{folder / 'own.db'}", "--run-id", "0" * 32).wait_connected()
        publish(stage, logger, 1)
        assert bridge.wait() == 1 and "--run-id" in bridge.err[-1], bridge.said()


tap.main()
