"""What the README tells people to paste works as it stands there."""
import os
import re

import numpy as np

from support.stream import Logger, Stage
from support.tap import case, main

README = os.path.join(os.path.dirname(__file__), "..", "..", "README.md")


def blocks(language):
    with open(README, encoding="utf-8") as file:
        return re.findall(rf"```{language}\n(.*?)```", file.read(), re.S)


def paste_publisher():
    """The class of the README's first Python lines."""
    names = {}
    exec(blocks("python")[0], names)
    return names["Cam"]


def batch(seed, n=4):
    rng = np.random.default_rng(seed)
    return {"images": rng.integers(0, 256, (n, 3, 32, 32), np.uint8),
            "activations": rng.random((n, 8, 4, 4), np.float32),
            "labels": rng.integers(0, 2, n), "preds": rng.random((n, 2), np.float32)}


@case
def the_lines_for_any_trainer_publish_an_epoch():
    with Stage() as stage, Logger(stage) as logger:
        cam = paste_publisher()("my-run", stage.trainers, label_mapping={"cat": 0, "dog": 1})
        for epoch in (0, 1):
            for step in (0, 1):
                cam.batch("eval", epoch, step, **batch(seed=step))
            cam.epoch_end("eval", epoch)
        for epoch in logger.wait_epochs(2):
            samples = epoch.summary
            assert samples["complete"] and samples["samples"] == 5, samples
            assert samples["lost"] == 0 and set(samples["labels"]) <= {"cat", "dog"}, samples
        assert not logger.errors, logger.errors
        cam.socket.close()


@case
def without_a_stage_the_lines_wait_only_once():
    with Stage() as stage:
        endpoint = stage.trainers + "-nobody"
        cam = paste_publisher()("my-run", endpoint)
        for step in range(50):
            cam.batch("eval", 0, step, **batch(seed=0))
        cam.epoch_end("eval", 0)
        cam.socket.close(linger=0)


@case
def the_configuration_is_accepted():
    with Stage() as stage:
        path = stage.folder / "stage.yaml"
        with open(path, "w", encoding="utf-8") as file:
            file.write(blocks("yaml")[0])
        with Stage("--config", path):
            pass


if __name__ == "__main__":
    main()
