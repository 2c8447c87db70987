"""MLflow: a run for each run, a key for each picture, the epoch as step."""
import hashlib
import io
import os
import re
import tempfile

import numpy as np
from PIL import Image, PngImagePlugin

from eigencam.bridge.deliver import Fatal
from eigencam.bridge.names import mlflow_key

# The bridge tries again itself, and goes on receiving meanwhile.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import mlflow  # noqa: E402  (reads them)
from mlflow.exceptions import MlflowException  # noqa: E402

_TAG, _HASH = "eigencam.run", "eigencam.run_hash"


class AsItCame(PngImagePlugin.PngImageFile):
    """A picture that is saved as the very bytes that it came in. MLflow's log_image saves what it
    is given, and a resized copy as thumbnail."""

    def __init__(self, png):
        super().__init__(io.BytesIO(png))
        self._png = png

    def save(self, path, *_, **__):
        with open(path, "wb") as file:
            file.write(self._png)

    def resize(self, size, *_, **__):
        plain = Image.open(io.BytesIO(self._png))
        if plain.mode.startswith("I"):  # a map's 16 bits, which a thumbnail can't have
            plain = Image.fromarray((np.asarray(plain) >> 8).astype(np.uint8))
        return plain.convert("RGB").resize([max(1, side) for side in size])


class Tracker:
    def __init__(self, options, say):
        self.say, self.run_id, self.experiment = say, options.run_id, options.experiment
        try:
            self.client = mlflow.MlflowClient(tracking_uri=options.tracking_uri)
        except MlflowException as error:
            raise Fatal(f"--tracking-uri {options.tracking_uri}: {error}") from None
        self.uri, self._targets = self.client.tracking_uri, {}

    def __str__(self):
        return f"MLflow at {self.uri}, " + \
            (f"run {self.run_id}" if self.run_id else f"experiment {self.experiment}")

    def open(self, run):
        if run not in self._targets:
            self._targets[run] = self._given_run() if self.run_id else self._own_run(run)
        return self._targets[run]

    def _given_run(self):
        try:
            return self.client.get_run(self.run_id).info.run_id
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise Fatal(f"--run-id {self.run_id}: {error.message}") from None
            raise

    def _own_run(self, run):
        """The run that an earlier start made, else a new one. Found by a hash, as MLflow's
        filters have no way to quote every name."""
        experiment = self._experiment_id()
        mark = hashlib.sha256(run.encode()).hexdigest()
        found = self.client.search_runs([experiment], f"tags.`{_HASH}` = '{mark}'", max_results=1,
                                        order_by=["attributes.start_time ASC"])
        if found:
            if found[0].info.status != "RUNNING":
                self.client.update_run(found[0].info.run_id, status="RUNNING")
            return found[0].info.run_id
        made = self.client.create_run(experiment, run_name=run, tags={_TAG: run, _HASH: mark})
        self.client.log_param(made.info.run_id, _TAG, run)
        return made.info.run_id

    def _experiment_id(self):
        found = self.client.get_experiment_by_name(self.experiment)
        if found is None:
            return self.client.create_experiment(self.experiment)
        if found.lifecycle_stage != "active":
            raise Fatal(f"--experiment {self.experiment}: it is deleted; restore it, or name "
                        "another one")
        return found.experiment_id

    def log(self, run, item):
        header, target = item.header, self._targets[run]
        step, time_ms = header["epoch"], header["time_ns"] // 10**6
        if item.png is not None:
            self.client.log_image(target, AsItCame(item.png), key=mlflow_key(header), step=step,
                                  timestamp=time_ms, synchronous=True)
        for component, share in header.get("shares", ()):
            key = mlflow_key(header, "explained", f"c{component}")
            self.client.log_metric(target, key, share, timestamp=time_ms, step=step,
                                   synchronous=True)

    def has(self, run, item):
        """Whether the picture is among the run's images (a metric may come twice: MLflow keeps
        one). A thumbnail that did not get there any more is made good."""
        if item.png is None:
            return False
        header = item.header
        name = re.compile(r"images/{}([+%])step[+%]{}[+%]timestamp[+%]{}[+%][^+%]*\.png".format(
            re.escape(mlflow_key(header)), header["epoch"], header["time_ns"] // 10**6))
        paths = {file.path for file in self.client.list_artifacts(self._targets[run], "images")}
        found = next(filter(None, map(name.fullmatch, paths)), None)
        if found is None:
            return False
        thumbnail = f"{found[0][:-len('.png')]}{found[1]}compressed.webp"
        if thumbnail not in paths:
            self._add_thumbnail(self._targets[run], item.png, os.path.basename(thumbnail))
        return True

    def _add_thumbnail(self, target, png, name):
        picture = AsItCame(png)
        scale = 256 / max(picture.size)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, name)
            picture.resize([int(scale * side) for side in picture.size]).save(path)
            self.client.log_artifact(target, path, "images")
        self.client.set_tag(target, "mlflow.loggedImages", True)

    def is_kept(self, run, item):
        return True

    def answers(self, error):
        try:
            self.client.search_experiments(max_results=1)
        except Exception:  # whatever it is: no answer
            return False
        return True

    def forget(self, run):
        self._targets.pop(run, None)

    def close(self):
        for target in [] if self.run_id else self._targets.values():
            try:
                self.client.set_terminated(target, "FINISHED")
            except Exception as error:
                self.say(f"MLflow's run {target} stays open: {error}")
