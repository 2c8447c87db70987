"""The golden cases, and the comparison that their README states."""
import json
import os

import numpy as np

FOLDER = os.environ.get("EIGENCAM_GOLDEN") or os.path.join(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "golden")

# What a divisor is of -> the pictures to expect then.
NORMALIZATIONS = {"epoch": "expected_display", "image": "expected_display_image"}


def _load_json(*path):
    with open(os.path.join(FOLDER, *path), encoding="utf-8") as file:
        return json.load(file)


class Run:
    """One run; arrays are loaded on use."""

    def __init__(self, case, spec):
        self.case, self.spec = case, spec
        self.name = f"{case}/{spec['name']}"

    def path(self, key):
        name = self.spec["files"].get(key)
        return os.path.join(FOLDER, self.case, name) if name else None

    def array(self, key):
        path = self.path(key)
        return np.load(path) if path else None

    def batch(self):
        """A batch's data (bfloat16 as its bits): all samples that every file has."""
        arrays = {key: self.array(key) for key in ("images", "activations", "labels", "preds")}
        arrays = {key: array for key, array in arrays.items() if array is not None}
        n = min(len(array) for array in arrays.values())
        return {key: array[:n] for key, array in arrays.items()}

    def dtypes(self):
        is_bf16 = self.spec["activation_dtype"] == "bfloat16"
        return {"activations": "bfloat16"} if is_bf16 else {}

    def layouts(self):
        return {"images": self.spec["image_layout"], "activations": self.spec["activation_layout"]}

    def options(self):
        """A stage's or draw's options for this run, under their configuration names."""
        spec = self.spec
        options = {"n_components": spec["n_components"], "n_samples": spec["n_samples"] or "all",
                   "image_layout": spec["image_layout"],
                   "activation_layout": spec["activation_layout"]}
        if spec["label_mapping"]:
            options["label_mapping"] = spec["label_mapping"]
        return options


def runs():
    return [Run(entry["name"], spec) for entry in _load_json("index.json")["cases"]
            for spec in _load_json(entry["path"])["runs"]]


def draw_arguments(run, normalize, folder):
    """Of `eigencam draw`, with --dir folder/out and these first."""
    args = ["draw", "--dir", folder / "out", "--normalize", normalize]
    for key, array in run.batch().items():
        path = run.path(key)
        if len(array) < len(run.array(key)):  # samples that not every file has are left out
            path = folder / f"{key}.npy"
            np.save(path, array)
        args += [f"--{key}", path]
    if run.dtypes():
        args += ["--activation-type", "bfloat16"]
    for name, value in run.options().items():
        if name == "label_mapping":
            with open(folder / "mapping.json", "w", encoding="utf-8") as file:
                json.dump(value, file)
            value = folder / "mapping.json"
        args += ["--" + name.replace("_", "-"), value]
    return args


def compare_map(run, sample, component, projection, step):
    """A signed projection; step: how coarse its values are, as an absolute size."""
    expected = run.array("expected_projection")[sample, component].astype(np.float64)
    peak = np.abs(expected).max()
    where = f"{run.name} map of sample {sample}, component {component}"
    assert projection.shape == expected.shape, f"{where}: {projection.shape}"
    if peak == 0:
        assert not projection.any(), f"{where}: expected zeros"
        return
    error = np.abs(projection - expected).max()
    limit = run.spec["tolerance"]["projection_single"] * peak + step
    assert error <= limit, f"{where}: off by {error:g}, at most {limit:g} (peak {peak:g})"


def compare_display(run, key, sample, component, rgb):
    """Display bytes with expected_display or expected_display_image; whether there was
    anything to compare with."""
    expected = run.array(key)
    places = run.spec["display_image_components" if key.endswith("image")
                      else "display_components"]
    if expected is None or component not in places:
        return False
    expected = expected[sample, places.index(component)].astype(int)
    where = f"{run.name} {key} of sample {sample}, component {component}"
    assert rgb.shape == expected.shape, f"{where}: {rgb.shape}"
    difference = np.abs(rgb.astype(int) - expected).max(axis=-1)
    tolerance = run.spec["tolerance"]
    share = (difference > 0).mean()
    stray = (difference > tolerance["display_step"]).mean()
    limit = tolerance["display_share_single"]
    assert share <= limit, f"{where}: {share:.4f} of the pixels differ, at most {limit}"
    assert stray <= tolerance["display_stray_share"], \
        f"{where}: {stray:.5f} of the pixels are off by more than {tolerance['display_step']}"
    return True
