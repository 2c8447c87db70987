"""The golden runs through a real stage, over its sockets.

One stage serves all of them: it has no outputs of its own, and every run's
hello asks for two, one for each normalisation.
"""
import random

import numpy as np

from support import golden, tap
from support.stream import ENCODINGS, SharedStage, Trainer

RUNS = golden.runs()
OUTPUTS = {"epoch": "expected_display", "image": "expected_display_image"}


SHARED = SharedStage()


def traces(run):
    return [{**run.options(), "outputs": output, "normalize": output} for output in OUTPUTS]


def check_picture_kinds(run, epoch):
    samples, components = run.spec["samples_used"], run.spec["components_shown"]
    places = {(s, k) for s in range(samples) for k in range(components)}
    assert set(epoch.overlays) == places, f"overlays of {sorted(epoch.overlays)}"
    assert set(epoch.maps) == places, f"maps of {sorted(epoch.maps)}"
    assert set(epoch.images) == set(range(samples))
    assert epoch.summary["complete"] and epoch.summary["samples"] == samples
    assert epoch.summary["components"] == components
    assert epoch.summary["lost"] == 0 and epoch.summary["rejected"] == 0


def check_texts(run, epoch):
    for key, expected in (("label", "expected_labels"), ("pred", "expected_preds")):
        texts = run.spec[expected]
        summed_up = epoch.summary.get(key + "s")
        assert (summed_up or None) == texts, f"{key}s {summed_up}, expected {texts}"
        for (sample, _), overlay in epoch.overlays.items():
            text = overlay.header.get(key)
            assert text == (texts[sample] if texts else None), f"{key} {text!r} of {sample}"


def check_variance(run, sample, component, header):
    """Shares and singular values have float32 accuracy; zeros are zeros."""
    shares, singular = (run.spec[key][sample] for key in
                        ("explained_variance_ratio", "singular_values"))
    within = component < run.spec["components_per_sample"][sample]
    share = shares[component] if within else 0.0
    value = singular[component] if within else 0.0
    assert abs(header["explained"] - share) <= 1e-5, \
        f"explained {header['explained']} of {sample}, {component}; expected {share}"
    assert abs(header["singular"] - value) <= 1e-5 * singular[0], \
        f"singular {header['singular']} of {sample}, {component}; expected {value}"


def check_epoch(run, epoch, display):
    check_picture_kinds(run, epoch)
    check_texts(run, epoch)
    for (sample, component), picture in epoch.maps.items():
        header = picture.header
        golden.compare_map(run, sample, component, picture.projection(),
                           (header["hi"] - header["lo"]) / 65535)
        check_variance(run, sample, component, header)
    for (sample, component), picture in epoch.overlays.items():
        golden.compare_display(run, display, sample, component, picture.pixels())


def receive(run, name, logger):
    """Both outputs of the run, checked."""
    epochs = logger.wait_epochs(len(OUTPUTS), name)
    assert not logger.errors, f"errors: {logger.errors}"
    results = {epoch.summary["output"]: epoch for epoch in epochs}
    for output, display in OUTPUTS.items():
        check_epoch(run, results[output], display)


def by_one_rank(run, encoding):
    stage, logger = SHARED.start()
    name = f"{run.name}, {encoding}"
    # msgpack-numpy's form has no layout, and the trace's own is left to work.
    layouts = run.layouts() if encoding == "frames" else {}
    with Trainer(stage, name, encoding=encoding) as trainer:
        trainer.hello(traces=traces(run))
        trainer.batch(run.batch(), dtypes=run.dtypes(), layouts=layouts)
        trainer.epoch_end()
        receive(run, name, logger)
        trainer.bye()


def by_three_ranks(run):
    """Rank r has the samples r, r + 3, ..., one a step; all arrive in disorder."""
    stage, logger = SHARED.start()
    name = f"{run.name}, three ranks"
    data = run.batch()
    ranks = [Trainer(stage, name, rank=rank, world=3).ready() for rank in range(3)]
    sends = [(rank, step, rank + 3 * step) for rank in range(3)
             for step in range(len(range(rank, len(data["images"]), 3)))]
    random.Random(name).shuffle(sends)
    for rank in ranks:
        rank.hello(traces=traces(run))
    for rank, step, sample in sends:
        ranks[rank].batch({key: array[sample:sample + 1] for key, array in data.items()},
                          step=step, dtypes=run.dtypes(), layouts=run.layouts())
    for rank in ranks:
        rank.epoch_end()
    receive(run, name, logger)
    for rank in ranks:
        rank.bye()
        rank.close()


for golden_run in RUNS:
    for way in ENCODINGS:
        tap.cases_of(f"{golden_run.name} as {way}", [(golden_run, way)])(
            lambda value: by_one_rank(*value))
    tap.cases_of(f"{golden_run.name} by three ranks", [golden_run])(by_three_ranks)

assert len(RUNS) == 52 and np.all([run.spec["expected_labels"] is None
                                   or len(run.spec["expected_labels"]) == run.spec["samples_used"]
                                   for run in RUNS])

if __name__ == "__main__":
    tap.main(SHARED.finish)
