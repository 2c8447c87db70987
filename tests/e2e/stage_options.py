"""Every option of `eigencam stage`, by what it changes in the results."""
import json

import numpy as np

from support import reference, tap
from support.program import Folder
from support.stream import Logger, Stage, Trainer, png_texts, sample_data

MODES = ("train", "eval", "test", "infer")


def one_epoch(*options, data=None, hello=None, **batch):
    """One batch of one epoch through a stage with these options."""
    with Stage(*options) as stage, Logger(stage) as logger, Trainer(stage) as trainer:
        if hello:
            trainer.hello(**hello)
        trainer.batch(sample_data() if data is None else data, **batch)
        trainer.epoch_end()
        epoch = logger.wait_epoch()
        assert not logger.errors, f"errors: {logger.errors}"
        return epoch


@tap.case
def keys_name_what_is_shown():
    data = sample_data(3, labels=[4, 5, 6], preds=[4, 5, 0])
    renamed = {"x": data["images"], "conv": data["activations"], "y": data["labels"],
               "p": data["preds"], "images": data["images"][:, :, :4]}
    epoch = one_epoch("--images", "x", "--activations", "conv", "--labels", "y", "--preds", "p",
                      data=renamed)
    assert epoch.summary["labels"] == ["4", "5", "6"], epoch.summary
    assert epoch.summary["preds"] == ["4", "5", "0"], epoch.summary
    assert (epoch.images[0].pixels() == data["images"][0].transpose(1, 2, 0)).all()


@tap.case
def options_may_be_written_with_underscores_and_equals_signs():
    epoch = one_epoch("--n_components=1", "--n-samples=2")
    assert epoch.summary["components"] == 1 and epoch.summary["samples"] == 2, epoch.summary


@tap.case
def n_components_as_a_number():
    data = sample_data(2)
    epoch = one_epoch("--n-components", "2", data=data)
    assert epoch.summary["components"] == 2, epoch.summary
    for sample in range(2):
        maps, shares = reference.components(data["activations"][sample], 2)
        for k in range(2):
            got = epoch.maps[sample, k]
            assert np.abs(got.projection() - maps[k]).max() <= 1e-4 * maps[k].max()
            assert abs(got.header["explained"] - shares[k]) <= 1e-5


@tap.case
def n_components_as_a_share_of_the_variance():
    data = sample_data(3)
    shares = [np.cumsum(reference.components(a, 1)[1]) for a in data["activations"]]
    needed = [1 + int(np.searchsorted(s, 0.6)) for s in shares]
    epoch = one_epoch("--n-components", "0.6", data=data)
    assert 1 < max(needed) < 6 and epoch.summary["components"] == max(needed), \
        f"{epoch.summary['components']} shown, needed {needed}"
    for sample, count in enumerate(needed):
        for k in range(count, max(needed)):
            assert not epoch.maps[sample, k].projection().any()


@tap.case
def n_samples_default_number_and_all():
    data = sample_data(9)
    for options, expected in ((), 5), (("--n-samples", "3"), 3), (("--n-samples", "all"), 9):
        epoch = one_epoch(*options, data=data)
        assert epoch.summary["samples"] == expected == len(epoch.images), options
        assert [o[2] for o in epoch.order()] == list(range(expected))


MAPPING = {"cat": 0, "dog": 7, "Žluťoučký <kůň> & 猫": -2}


def texts_with(*options, hello=None):
    epoch = one_epoch(*options, hello=hello,
                      data=sample_data(3, labels=[0, -2, 7], preds=[7, 0, 0]))
    shown = [epoch.overlays[s, 0].header["label"] for s in range(3)]
    assert shown == epoch.summary["labels"]
    texts = png_texts(epoch.overlays[1, 0].png)
    assert shown[1] in texts.values(), f"text chunks: {texts}"
    return epoch.summary["labels"], epoch.summary["preds"]


EXPECTED_TEXTS = (["cat", "Žluťoučký <kůň> & 猫", "dog"], ["dog", "cat", "cat"])


@tap.case
def label_mapping_from_a_file():
    with Folder() as folder:
        with open(folder / "map.json", "w", encoding="utf-8") as file:
            json.dump(MAPPING, file)
        assert texts_with("--label-mapping", folder / "map.json") == EXPECTED_TEXTS


@tap.case
def label_mapping_inline():
    texts = texts_with("--label-mapping", "cat=0,dog=7,low=-2")
    assert texts == (["cat", "low", "dog"], ["dog", "cat", "cat"]), texts


@tap.case
def label_mapping_by_hello():
    assert texts_with(hello={"label_mapping": MAPPING}) == EXPECTED_TEXTS


@tap.case
def the_stages_own_label_mapping_wins_over_hello():
    texts = texts_with("--label-mapping", "own=0,two=7,three=-2", hello={"label_mapping": MAPPING})
    assert texts == (["own", "three", "two"], ["two", "own", "own"]), texts


@tap.case
def a_hello_after_the_batches_still_names_the_classes():
    with Stage() as stage, Logger(stage) as logger, Trainer(stage) as trainer:
        trainer.batch(sample_data(2, labels=[0, 7]))
        trainer.hello(label_mapping=MAPPING)
        trainer.epoch_end()
        epoch = logger.wait_epoch()
    assert epoch.summary["labels"] == ["cat", "dog"], epoch.summary


@tap.case
def outputs_names_the_results():
    epoch = one_epoch("--outputs", "layer 4/ü", data=sample_data(1))
    assert epoch.summary["output"] == "layer 4/ü"
    assert epoch.summary["topic"] == "epoch|run|layer 4/ü|eval|", epoch.summary["topic"]
    assert epoch.overlays[0, 0].header["topic"] == "overlay|run|layer 4/ü|eval|"


def check_modes(options, expected):
    """All four modes are sent; the expected ones, and no others, are shown."""
    topics = [f"{kind}|{mode}|" for mode in expected for kind in ("batch", "epoch_end")]
    with Stage(*options) as stage, Logger(stage) as logger:
        with Trainer(stage, topics=()) as trainer:
            for topic in topics:
                trainer.wait_subscribed(topic)
            for mode in MODES:
                trainer.batch(sample_data(1), mode=mode)
                trainer.epoch_end(mode=mode)
            shown = {epoch.summary["mode"] for epoch in logger.wait_epochs(len(expected))}
            assert shown == set(expected), f"{shown}, expected {expected}"
        assert stage.stop() == 0
        said = [line for line in stage.err if ", epoch " in line]
        assert len(said) == len(expected), f"epochs published: {said}"


@tap.case
def mode_is_anything_but_train_by_default():
    check_modes((), ["eval", "test", "infer"])


@tap.cases_of("mode {0[0]}", [("train,eval", ["train", "eval"]), ("all", list(MODES)),
                              ("none", list(MODES)), ("!train,!infer", ["eval", "test"]),
                              ("infer", ["infer"])])
def mode_takes_or_leaves_out(value):
    option, expected = value
    check_modes(("--mode", option), expected)


@tap.cases_of("subscriptions of {0[0]}", [
    ("--mode eval", {"batch|eval|", "epoch_end|eval|"}),
    ("--mode test --ds-id !a", {"batch|test|", "epoch_end|test|"}),
    ("--mode !train,!eval --ds-id a,b",
     {f"batch|{mode}|{ds_id}|" for mode in ("test", "infer") for ds_id in "ab"} |
     {"epoch_end|test|", "epoch_end|infer|"})])
def what_is_filtered_out_is_not_subscribed_to(value):
    options, expected = value
    with Stage(*options.split()) as stage, Trainer(stage, topics=expected) as trainer:
        while trainer.read_upstream(100):
            pass
        assert trainer.subscriptions == expected | {"hello|", "bye|"}, trainer.subscriptions


def ds_ids_shown(*options):
    with Stage("--n-samples", "all", *options) as stage, Logger(stage) as logger, \
            Trainer(stage, topics=("epoch_end|eval|",)) as trainer:
        for ds_id in ("clean", "", "noisy", "clean"):
            trainer.batch(sample_data(1), ds_id=ds_id)
        trainer.epoch_end()
        return [place[0] for place in logger.wait_epoch().order()]


@tap.cases_of("ds_id {0[0]}", [("all", ["clean", "", "noisy", "clean"]),
                               ("clean", ["clean", "clean"]),
                               ("clean,noisy", ["clean", "noisy", "clean"]),
                               ("!clean", ["", "noisy"]),
                               ("!clean,!noisy", [""])])
def ds_id_takes_or_leaves_out(value):
    option, expected = value
    shown = ds_ids_shown("--ds-id", option)
    assert shown == expected, shown


@tap.case
def image_layout_decides_where_both_would_do():
    data = sample_data(1)
    data["images"] = np.random.default_rng(5).integers(0, 256, (1, 3, 24, 3), dtype=np.uint8)
    sizes = {}
    for layout in ("auto", "NCHW", "NHWC"):
        epoch = one_epoch("--image-layout", layout, "--activation-layout", "NCHW", data=data)
        header = epoch.images[0].header
        sizes[layout] = header["width"], header["height"]
        assert epoch.images[0].pixels().shape == (header["height"], header["width"], 3)
    assert sizes == {"auto": (3, 24), "NCHW": (3, 24), "NHWC": (24, 3)}, sizes


@tap.case
def a_tensors_own_layout_wins_over_the_options():
    data = sample_data(1)
    data["images"] = np.zeros((1, 3, 24, 3), np.uint8)
    epoch = one_epoch("--image-layout", "NCHW", "--activation-layout", "NCHW", data=data,
                      layouts={"images": "NHWC"})
    assert epoch.images[0].header["width"] == 24


@tap.case
def activations_follow_the_images_layout_unless_told():
    data = sample_data(2)
    plain = one_epoch(data=data)
    last = {key: array.transpose(0, 2, 3, 1) for key, array in data.items()}
    followed = one_epoch(data=last)
    mixed = one_epoch("--activation-layout", "NCHW",
                      data={**last, "activations": data["activations"]})
    for epoch in (followed, mixed):
        for place, picture in plain.maps.items():
            peak = picture.header["hi"]
            off = np.abs(picture.projection() - epoch.maps[place].projection()).max()
            assert off <= 1e-4 * peak, f"{place}: off by {off}, peak {peak}"
        assert all(epoch.images[s].png == plain.images[s].png for s in plain.images)


@tap.case
def tokens_of_a_transformer_are_a_grid_without_the_class_token():
    data = sample_data(2, size=7)
    tokens = data["activations"].reshape(2, 6, 49).transpose(0, 2, 1)
    extra = np.concatenate([np.full((2, 1, 6), 9, np.float32), tokens], axis=1)
    plain = one_epoch(data=data)
    epoch = one_epoch(data={**data, "activations": extra}, layouts={"activations": "NLC"})
    for place, picture in plain.maps.items():
        got = epoch.maps[place].projection()
        assert got.shape == (7, 7), got.shape
        assert np.abs(picture.projection() - got).max() <= 1e-4 * picture.header["hi"]


@tap.case
def normalize_divides_by_the_epochs_or_the_images_own_maximum():
    data = sample_data(3)
    data["images"][0] //= 8  # a dark one, whose own maximum is small
    epoch = one_epoch(data=data)
    image = one_epoch("--normalize", "image", data=data)
    for k in range(3):
        own = [image.maps[s, k].header["divisor"] for s in range(3)]
        common = {epoch.maps[s, k].header["divisor"] for s in range(3)}
        assert common == {max(own)} and own[0] < max(own), f"{common}, {own}"
        assert image.overlays[0, k].pixels().max() == 255 > epoch.overlays[0, k].pixels().max()


def check_drawing(epoch, data, **style):
    for (sample, k), overlay in epoch.overlays.items():
        projected = epoch.maps[sample, k]
        drawn = reference.blend(data["images"][sample], projected.projection(), **style)
        divisor = projected.header["divisor"]
        assert abs(divisor - drawn.max()) <= 0.03, f"divisor {divisor}, expected {drawn.max()}"
        off = reference.share_off(overlay.pixels(), drawn, divisor)
        assert off <= 0.02, f"{style}: {off:.3f} of the pixels of {sample}, {k} are off"


@tap.cases_of("blend {}", ["add", "0", "0.3", "1"])
def blend_adds_or_weighs(blend):
    data = sample_data(2)
    epoch = one_epoch("--blend", blend, "--normalize", "image", data=data)
    check_drawing(epoch, data, weight=None if blend == "add" else float(blend))


@tap.cases_of("colormap {}", [*reference.COLORMAPS, "gray"])
def colormap_colours_the_heat(colormap):
    data = sample_data(2)
    epoch = one_epoch("--colormap", colormap, "--normalize", "image", data=data)
    check_drawing(epoch, data, colormap=colormap)


@tap.case
def sign_peak_turns_what_sign_none_leaves():
    data = sample_data(5, seed=3)
    peak, none = one_epoch(data=data), one_epoch("--sign", "none", data=data)
    again = one_epoch("--sign", "none", data=data)
    kept = 0
    for place, picture in peak.maps.items():
        turned, left = picture.projection(), none.maps[place].projection()
        assert turned.max() >= -turned.min(), f"{place}: peak is negative"
        limit = 1e-4 * turned.max()
        assert min(np.abs(turned - left).max(), np.abs(turned + left).max()) <= limit, place
        kept += np.abs(turned - left).max() <= limit
    assert kept < len(peak.maps), "sign none is turned like sign peak"
    assert none.bytes() == again.bytes(), "sign none is not repeatable"


@tap.cases_of("publish {}", ["overlay", "map", "image", "sheet", "map,sheet",
                             "overlay,map,image,sheet"])
def publish_lists_the_pictures(kinds):
    epoch = one_epoch("--publish", kinds, data=sample_data(2))
    everything = {"overlay": 6, "map": 6, "image": 2, "sheet": 1}
    expected = {kind: n if kind in kinds.split(",") else 0 for kind, n in everything.items()}
    assert epoch.counts() == expected, epoch.counts()
    published = {kind: epoch.summary["published"].get(kind, 0) for kind in everything}
    assert published == expected, published


@tap.case
def sheet_rows_makes_pages():
    epoch = one_epoch("--n-samples", "all", "--sheet-rows", "3", data=sample_data(7, labels=range(7)))
    heights = []
    assert sorted(epoch.sheets) == [0, 1, 2]
    for page, sheet in sorted(epoch.sheets.items()):
        assert sheet.header["pages"] == 3
        pixels = sheet.pixels()
        assert pixels.shape[:2] == (sheet.header["height"], sheet.header["width"])
        heights.append(len(pixels))
    row = (heights[0] - heights[2]) / 2  # three rows, three, one
    assert heights[0] == heights[1] and row > 24, heights


@tap.case
def any_number_of_workers_gives_the_same_bytes():
    data = sample_data(24, size=12, labels=range(24))
    epochs = [one_epoch("--n-samples", "all", "--workers", n, data=data).bytes() for n in (1, 8)]
    assert len(epochs[0]) == 24 * 7 + 1 and epochs[0] == epochs[1]


@tap.case
def little_memory_gives_the_same_bytes():
    data = sample_data(60, size=32, channels=4)
    data["images"] = np.random.default_rng(1).integers(0, 256, (60, 3, 120, 120), dtype=np.uint8)
    few = one_epoch("--n-samples", "all", "--memory", "1M", data=data).bytes()
    assert few == one_epoch("--n-samples", "all", data=data).bytes() and len(few) == 60 * 7 + 1


def write(folder, name, text):
    with open(folder / name, "w", encoding="utf-8") as file:
        file.write(text)
    return folder / name


@tap.case
def a_configuration_file_lists_several_outputs():
    with Folder() as folder:
        path = write(folder, "stage.yaml", """\
n_samples: 4
n-components: 2
label_mapping: {cat: 0, dog: 1}
traces:
  - outputs: first
  - outputs: second
    n_samples: 3
    mode: [eval, test]
    publish: [map]
  - outputs: third
    n_components: 0.5
    label_mapping: [null eins, zwei]
""")
        with Stage("--config", path, "--n-components", "1") as stage, Logger(stage) as logger, \
                Trainer(stage) as trainer:
            trainer.batch(sample_data(5, labels=[0, 1, 1, 0, 1]))
            trainer.epoch_end()
            epochs = {epoch.summary["output"]: epoch for epoch in logger.wait_epochs(3)}
    summaries = {name: epoch.summary for name, epoch in epochs.items()}
    assert {name: s["samples"] for name, s in summaries.items()} == \
        {"first": 4, "second": 3, "third": 4}, summaries
    # a flag wins over the file's top level, and a trace's own key over both
    assert summaries["first"]["components"] == 1 == summaries["second"]["components"]
    assert summaries["third"]["components"] > 1
    assert epochs["second"].counts() == {"overlay": 0, "map": 3, "image": 0, "sheet": 0}
    assert summaries["first"]["labels"] == ["cat", "dog", "dog", "cat"]
    assert summaries["third"]["labels"] == ["null eins", "zwei", "zwei", "null eins"]


@tap.case
def the_file_holds_endpoints_and_flags_replace_them():
    with Folder() as folder:
        path = write(folder, "stage.yaml",
                     "in: tcp://127.0.0.1:1\nout: [tcp://127.0.0.1:1]\nn_samples: 1\n")
        epoch = one_epoch("--config", path)  # Stage() gives --in and --out
    assert epoch.summary["samples"] == 1


@tap.case
def a_run_asks_for_its_outputs_where_the_stage_has_none():
    hello = {"traces": [{"outputs": "a", "n_samples": 2}, {"outputs": "b", "n_components": 1}]}
    with Stage() as stage, Logger(stage) as logger, Trainer(stage) as trainer:
        trainer.hello(**hello)
        trainer.batch(sample_data(3))
        trainer.epoch_end()
        shown = {e.summary["output"]: (e.summary["samples"], e.summary["components"])
                 for e in logger.wait_epochs(2)}
    assert shown == {"a": (2, 3), "b": (3, 1)}, shown


@tap.case
def each_output_takes_what_its_own_filters_accept():
    """Nothing is filtered before it arrives, as the stage has no outputs of its own."""
    hello = {"traces": [{"outputs": "a", "mode": "eval"},
                        {"outputs": "b", "mode": ["eval", "test"], "ds_id": "x"}]}
    expected = {("a", "eval"): ["", "x"], ("b", "eval"): ["x"], ("b", "test"): ["x"]}
    with Stage() as stage, Logger(stage) as logger, \
            Trainer(stage, topics=("batch|train||", "epoch_end|train|")) as trainer:
        trainer.hello(**hello)
        for mode in ("train", "test", "eval"):
            for ds_id in ("", "x"):
                trainer.batch(sample_data(1), mode=mode, ds_id=ds_id)
            trainer.epoch_end(mode=mode)
        epochs = logger.wait_epochs(len(expected))
        shown = {(e.summary["output"], e.summary["mode"]): [place[0] for place in e.order()]
                 for e in epochs}
        counters = stage.stats()
    assert shown == expected, shown
    counted = [counters[key] for key in ("used", "unwanted", "samples", "epochs")]
    assert counted == [3, 3, 4, 3], counters


@tap.case
def changed_traces_apply_from_the_next_epoch():
    with Stage() as stage, Logger(stage) as logger, Trainer(stage) as trainer:
        for epoch, (before, after) in enumerate([(2, 1), (1, 3)], 1):
            trainer.hello(traces=[{"n_samples": before}])
            trainer.batch(sample_data(4), epoch=epoch)
            trainer.hello(traces=[{"n_samples": after}])
            trainer.epoch_end(epoch)
            summary = logger.wait_epoch().summary
            assert summary["samples"] == before, f"epoch {epoch}: {summary['samples']} samples"


@tap.case
def a_stage_with_outputs_of_its_own_ignores_the_runs():
    epoch = one_epoch("--n-samples", "1", hello={"traces": [{"outputs": "asked"}]})
    assert epoch.summary["output"] == "eigencam" and epoch.summary["samples"] == 1


if __name__ == "__main__":
    tap.main()
