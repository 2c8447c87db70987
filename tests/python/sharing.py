"""One training published through shared memory, in frames, and by Python alone, to a real stage."""
import numpy as np
from peer import until
from support import tap
from support.program import PATIENCE
from support.stream import Stage

import eigencam
from eigencam import native

WAYS = {"frames by Python alone": {"library": "python"}}
if native.load():
    WAYS |= {"shared memory": {"library": "c"}, "frames": {"library": "c", "ring_bytes": 0}}


def publish(stage, **options):
    """Two evaluations of 3 batches, of which 5 samples are wanted; the publisher's figures."""
    rng = np.random.default_rng(1)
    with eigencam.Publisher(stage.trainers, run="run", label_mapping=["cat", "dog"],
                            **options) as publisher:
        publisher.wait(PATIENCE)
        until("what the stage wants", lambda: publisher.wants("eval", 1) == 5)
        for epoch in (1, 2):
            for step in range(3):
                publisher.batch("eval", epoch, step, {
                    "images": rng.integers(0, 256, (3, 3, 40, 30), dtype=np.uint8),
                    "activations": rng.random((3, 32, 20, 15), dtype=np.float32),
                    "labels": rng.integers(0, 2, 3)})
            publisher.epoch_end("eval", epoch)
        return publisher.stats


def pictures(**options):
    """{(epoch, type, sample, component): file}, and the publisher's figures."""
    with Stage() as stage, eigencam.Subscriber(stage.loggers) as subscriber:
        subscriber.next(PATIENCE)
        publisher_stats, found, ended = publish(stage, **options), {}, 0
        while ended < 2:
            result = subscriber.next(PATIENCE)
            assert result.type != "error", result.message
            if result.png is not None:
                found[result.epoch, result.type, result.sample, result.component] = result.png
            if result.type == "epoch":
                assert (result.samples, result.complete, result.lost) == (5, True, 0), result.header
                ended += 1
    return found, publisher_stats


@tap.case
def every_way_gives_the_same_pictures():
    all_pictures = {name: pictures(**options)[0] for name, options in WAYS.items()}
    first, *others = all_pictures.values()
    assert len(first) == 2 * (5 * 7 + 1), len(first)
    for other in others:
        assert other == first


@tap.case
def only_what_is_wanted_leaves():
    for name, options in WAYS.items():
        _, stats = pictures(**options)
        assert (stats.sent, stats.unwanted, stats.dropped) == (4, 2, 0), (name, stats)
        assert stats.shared_memory == (name == "shared memory"), (name, stats)
        assert (stats.ring_bytes > 0) == stats.shared_memory, (name, stats)
        samples = 2 * 5 * (3 * 40 * 30 + 4 * 32 * 20 * 15)
        assert 0 <= stats.ring_bytes + stats.frame_bytes - samples <= 2 * 5 * 8, (name, stats)


tap.main()
