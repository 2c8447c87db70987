"""As much of MLflow's client as the bridge uses, over a folder, for tests where MLflow can't be
installed. Files in the folder make it fail: `down`; `refuse KEY`; `die`, which kills the process
with the picture stored and the answer not given."""
import glob
import json
import os
import signal
import types
import uuid

from mlflow.exceptions import MlflowException


class MlflowClient:
    def __init__(self, tracking_uri=None):
        if not tracking_uri or not tracking_uri.startswith("/"):
            raise MlflowException(f"{tracking_uri} is no folder")
        self.tracking_uri = tracking_uri

    def _path(self, *parts):
        if os.path.exists(os.path.join(self.tracking_uri, "down")):
            raise MlflowException("connection refused")
        return os.path.join(self.tracking_uri, *parts)

    def search_experiments(self, max_results):
        return os.listdir(self._path())[:max_results]

    def get_experiment_by_name(self, name):
        if not os.path.isdir(self._path(name)):
            return None
        return types.SimpleNamespace(experiment_id=name, lifecycle_stage="active")

    def create_experiment(self, name):
        os.makedirs(self._path(name))
        return name

    def search_runs(self, experiments, filter, max_results, order_by):
        assert filter.startswith("tags.`eigencam.run_hash` = '"), filter
        mark = filter.split("'")[1]
        found = []
        for path in glob.glob(self._path(experiments[0], "*", "tags.json")):
            with open(path) as file:
                if json.load(file)["eigencam.run_hash"] == mark:
                    found.append(_run(os.path.dirname(path)))
        return found[:max_results]

    def create_run(self, experiment, run_name, tags):
        folder = self._path(experiment, uuid.uuid4().hex)
        os.makedirs(os.path.join(folder, "images"))
        with open(os.path.join(folder, "tags.json"), "w") as file:
            json.dump(tags, file)
        return _run(folder)

    def get_run(self, run_id):
        if not os.path.isdir(run_id):
            raise MlflowException(f"Run '{run_id}' not found", "RESOURCE_DOES_NOT_EXIST")
        return _run(run_id)

    def log_image(self, run_id, image, key, step, timestamp, synchronous):
        self._path()
        if os.path.exists(self._path(f"refuse {key}")):
            raise MlflowException("it is not liked", "INVALID_PARAMETER_VALUE")
        stem = f"{run_id}/images/{key}+step+{step}+timestamp+{timestamp}+{uuid.uuid4()}"
        image.save(f"{stem}.png")
        if os.path.exists(self._path("die")):
            os.remove(self._path("die"))
            os.kill(os.getpid(), signal.SIGKILL)
        small = [256 * side // max(image.size) for side in image.size]
        image.resize(small).save(f"{stem}+compressed.webp")

    def log_artifact(self, run_id, path, folder):
        with open(path, "rb") as source, \
                open(self._path(run_id, folder, os.path.basename(path)), "wb") as target:
            target.write(source.read())

    def log_metric(self, run_id, key, value, timestamp, step, synchronous):
        with open(self._path(run_id, "metrics"), "a") as file:
            file.write(json.dumps([key, step, value]) + "\n")

    def list_artifacts(self, run_id, folder):
        return [types.SimpleNamespace(path=f"{folder}/{name}")
                for name in os.listdir(self._path(run_id, folder))]

    def _write(self, run_id, name, value):
        with open(self._path(run_id, name), "w") as file:
            file.write(str(value))

    def log_param(self, run_id, key, value):
        self._write(run_id, f"param {key}", value)

    def set_tag(self, run_id, key, value):
        self._write(run_id, f"tag {key}", value)

    def update_run(self, run_id, status):
        self._write(run_id, "status", status)

    def set_terminated(self, run_id, status):
        self._write(run_id, "status", status)


def _run(folder):
    status = "RUNNING"
    if os.path.exists(os.path.join(folder, "status")):
        with open(os.path.join(folder, "status")) as file:
            status = file.read()
    return types.SimpleNamespace(info=types.SimpleNamespace(run_id=folder, status=status))
