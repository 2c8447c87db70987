"""A trainer that has NumPy and nothing else: for scripts/test-integrations."""
import numpy as np

import eigencam

NAMES = "zero one two three four five six seven eight nine".split()


def main():
    rng = np.random.default_rng(1)
    with eigencam.Publisher(run="arrays", label_mapping=NAMES, traces=[{"n_samples": 8}],
                            library="c") as publisher:
        assert publisher.wait(60), "no stage"
        for step in range(4):
            publisher.batch("eval", 1, step, {
                "images": rng.integers(0, 256, (3, 3, 40, 30), dtype=np.uint8),
                "activations": rng.random((3, 8, 10, 8), dtype=np.float32),
                "labels": rng.integers(0, 10, 3), "preds": rng.random((3, 10))})
        publisher.epoch_end("eval", 1)


main()
