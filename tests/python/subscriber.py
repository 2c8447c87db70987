"""Results as objects: what a stage publishes, seen through eigencam.Subscriber."""
import builtins

import numpy as np
from support import tap
from support.stream import Stage, Trainer, decode_png, sample_data

import eigencam
from eigencam import subscriber as module


def publish(stage, run="run", n=2):
    trainer = Trainer(stage, run=run).ready()
    trainer.batch(sample_data(n, labels=[1, 0][:n]))
    trainer.hello(label_mapping={"cat": 0, "dog": 1})
    trainer.epoch_end()
    trainer.close()


def results_of_an_epoch(subscriber):
    results = []
    for result in subscriber:
        results.append(result)
        if result.type == "epoch":
            return results
    raise AssertionError(f"no summary came, only {results}")


@tap.case
def an_epoch_comes_as_objects():
    with Stage() as stage, eigencam.Subscriber(stage.loggers, timeout=60) as subscriber:
        subscriber.next(60)  # the stage tells a new subscriber its counters
        publish(stage)
        results = results_of_an_epoch(subscriber)
    summary = results[-1]
    assert (summary.run, summary.samples, summary.complete) == ("run", 2, True)
    assert summary.labels == ["dog", "cat"] and summary.no_such_field is None
    first = next(r for r in results if r.type == "overlay" and r.sample == 0)
    assert first.label == "dog" and first.image.shape == (24, 20, 3)
    assert first.image.dtype == np.uint8 and first.png[:4] == b"\x89PNG"
    plain = next(r for r in results if r.type == "image" and r.sample == 1)
    assert (plain.image == sample_data(2)["images"][1].transpose(1, 2, 0)).all()
    assert "overlay run eigencam eval 1 sample 0 component 0" in repr(first), repr(first)


@tap.case
def a_map_becomes_its_projection_again():
    with Stage("--publish", "map") as stage, \
            eigencam.Subscriber(stage.loggers, types="map", timeout=60) as subscriber, \
            eigencam.Subscriber(stage.loggers, types="stats") as other:
        other.next(60)
        publish(stage, n=1)
        result = subscriber.next(60)
    assert result.image.dtype == np.uint16 and result.image.shape == (8, 8)
    assert (result.image == decode_png(result.png)).all()
    projection = result.projection
    assert projection.dtype == np.float32
    assert abs(projection.min() - result.lo) < 1e-4 and abs(projection.max() - result.hi) < 1e-4


@tap.case
def only_what_is_asked_for_comes():
    with Stage() as stage, \
            eigencam.Subscriber(stage.loggers, types=["epoch", "stats"], run="b") as subscriber:
        subscriber.next(60)
        publish(stage, "a")
        publish(stage, "b")
        seen = {subscriber.next(60).run}
        assert seen == {"b"}, seen
    try:
        eigencam.Subscriber("tcp://127.0.0.1:9", types=["overlays"])
    except ValueError as error:
        assert "overlays" in str(error)
    else:
        raise AssertionError("a type that there is not was accepted")


@tap.case
def an_iteration_ends_at_its_timeout():
    with eigencam.Subscriber("tcp://127.0.0.1:9", timeout=0.05) as subscriber:
        assert list(subscriber) == []


@tap.case
def without_a_decoder_the_file_itself_is_there():
    with Stage("--publish", "map") as stage, \
            eigencam.Subscriber(stage.loggers, types=["map", "stats"], timeout=60) as subscriber:
        subscriber.next(60)
        publish(stage, n=1)
        result = subscriber.next(60)
    by_pil, by_cv2 = module._decode_pil(result.png), module._decode_cv2(result.png)
    assert by_pil.dtype == by_cv2.dtype == np.uint16 and (by_pil == by_cv2).all()
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.split(".")[0] in ("PIL", "cv2"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    builtins.__import__ = without
    try:
        assert result.image == result.png
    finally:
        builtins.__import__ = real


@tap.case
def gaps_are_counted_and_what_is_no_result_is_left_out():
    assert module._read([b"topic"]) is None and module._read([b"t", b"\xc1"]) is None
    assert module._read([b"t", b"\x81\xa1v\x02"]) is None
    subscriber = eigencam.Subscriber("tcp://127.0.0.1:9")
    for seq in (0, 1, 4, 5):
        subscriber._note({"type": "map", "run": "r", "stage": 1, "seq": seq})
    subscriber._note({"type": "map", "run": "r", "stage": 2, "seq": 9})
    assert subscriber.lost == 2
    subscriber.close()


tap.main()
