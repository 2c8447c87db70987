"""The golden runs through `eigencam draw`: .npy files in, a store of PNGs out."""
from support import golden, tap
from support.program import Folder, run as run_program
from support.store import Store, pixels, projection

def check_store(run, store, display):
    (epoch,) = store.epochs()
    samples, components = run.spec["samples_used"], run.spec["components_shown"]
    assert (epoch["samples"], epoch["components"]) == (samples, components), epoch
    assert store.files() == store.indexed_files()
    maps, overlays = (store.pictures(epoch["id"], kind) for kind in ("map", "overlay"))
    assert len(maps) == len(overlays) == samples * components
    assert len(store.pictures(epoch["id"], "image")) == samples
    assert len(store.pictures(epoch["id"], "sheet")) == 1
    for row in maps:
        golden.compare_map(run, row["number"], row["component"], projection(row),
                           (row["hi"] - row["lo"]) / 65535)
    for row in overlays:
        golden.compare_display(run, display, row["number"], row["component"], pixels(row))
    rows = store.samples(epoch["id"])
    for key, expected in (("label", "expected_labels"), ("pred", "expected_preds")):
        texts = run.spec[expected] or [None] * samples
        assert [row[key] for row in rows] == texts, f"{key}s {[row[key] for row in rows]}"


@tap.cases_of("{0.name}", golden.runs())
def draw(run):
    for normalize, display in golden.NORMALIZATIONS.items():
        if normalize == "image" and not run.path(display):
            continue
        with Folder() as folder:
            args = golden.draw_arguments(run, normalize, folder)
            status, out, err = run_program(*args)
            assert status == 0, f"{args}: status {status}: {err}"
            check_store(run, Store(folder / "out"), display)


if __name__ == "__main__":
    tap.main()
