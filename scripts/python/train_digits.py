#!/usr/bin/env python3
"""Train a small network on handwritten digits and let an eigencam stage watch.

    train_digits.py [--publish tcp://127.0.0.1:5560] [--epochs 8]

The digits are scikit-learn's (8x8), enlarged to 64x64. After each epoch the
network is evaluated on digits as they are ("clean") and on the same digits
under clutter and noise ("noisy"). Of every epoch the first samples are
published: image, last convolution, label and class probabilities. Seeds are
fixed: one machine repeats its run.
"""
import argparse

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

from minimal_publisher import Publisher

CLASSES = "zero one two three four five six seven eight nine".split()
HELLO = {
    "framework": "pytorch",
    "label_mapping": {name: value for value, name in enumerate(CLASSES)},
}
SIZE = 64
TRAIN_BATCH = 32
EVAL_BATCH = 4  # small, so that both data sets are among the first samples


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 12, 5, stride=2, padding=2)
        self.conv2 = torch.nn.Conv2d(12, 24, 3, padding=1)
        self.conv3 = torch.nn.Conv2d(24, 32, 3, padding=1)
        self.classify = torch.nn.Linear(32 * 16, 10)

    def forward(self, x):
        """Class scores, and the last convolution: (n, 32, 16, 16)."""
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        features = F.relu(self.conv3(x))
        return self.classify(F.max_pool2d(features, 4).flatten(1)), features


def load():
    """Images (n, 1, 64, 64) uint8 and labels, training and evaluation apart."""
    digits = load_digits()
    small = torch.from_numpy(digits.images).float()[:, None] / 16
    large = F.interpolate(small, size=(SIZE, SIZE), mode="bicubic", align_corners=False)
    images = (large.clamp(0, 1) * 255).round().byte().numpy()
    order = np.random.default_rng(1).permutation(len(images))
    images, labels = images[order], digits.target[order].astype(np.int64)
    return (images[:1400], labels[:1400]), (images[1400:], labels[1400:])


def clutter(images, seed=2):
    """The same digits with bright bars beside them and noise over all."""
    rng = np.random.default_rng(seed)
    noisy = images.astype(np.float32) * 0.8 + rng.normal(24, 24, images.shape)
    for image in noisy:
        column = rng.choice([0, SIZE - 5])
        top = rng.integers(0, SIZE - 24)
        image[:, top:top + 24, column:column + 5] = 200
    return noisy.clip(0, 255).astype(np.uint8)


def to_input(images):
    return torch.from_numpy(images).float() / 255


class Watch:
    """Publishes the first samples of each epoch; nothing without a stage."""

    def __init__(self, endpoint, run, limit):
        self.publisher = Publisher(endpoint, run, hello=HELLO) if endpoint else None
        self.limit, self.count = limit, 0

    def batch(self, mode, epoch, step, ds_id, images, labels, scores, features):
        if not self.publisher or self.count >= self.limit:
            return
        n = min(len(images), self.limit - self.count)
        self.count += n
        self.publisher.batch(mode, epoch, step, {
            "images": images[:n],
            "activations": features.detach()[:n].numpy().astype(np.float16),
            "labels": labels[:n],
            "preds": scores.detach()[:n].softmax(1).numpy(),
        }, ds_id)

    def epoch_end(self, mode, epoch):
        self.count = 0
        if self.publisher:
            self.publisher.epoch_end(mode, epoch)

    def close(self):
        if self.publisher:
            self.publisher.close()


def train_epoch(network, optimizer, data, epoch, watch):
    images, labels = data
    order = np.random.default_rng(100 + epoch).permutation(len(images))
    network.train()
    for step, start in enumerate(range(0, len(order), TRAIN_BATCH)):
        pick = order[start:start + TRAIN_BATCH]
        scores, features = network(to_input(images[pick]))
        optimizer.zero_grad()
        F.cross_entropy(scores, torch.from_numpy(labels[pick])).backward()
        optimizer.step()
        watch.batch("train", epoch, step, "", images[pick], labels[pick], scores, features)
    watch.epoch_end("train", epoch)


@torch.no_grad()
def evaluate(network, sets, labels, epoch, watch):
    """sets: images by ds_id, evaluated in turns. Returns accuracy by ds_id."""
    right = dict.fromkeys(sets, 0)
    step = 0
    network.eval()
    for start in range(0, len(labels), EVAL_BATCH):
        chunk = slice(start, start + EVAL_BATCH)
        for ds_id, images in sets.items():
            scores, features = network(to_input(images[chunk]))
            right[ds_id] += int((scores.argmax(1).numpy() == labels[chunk]).sum())
            watch.batch("eval", epoch, step, ds_id, images[chunk], labels[chunk], scores,
                        features)
            step += 1
    watch.epoch_end("eval", epoch)
    return {ds_id: count / len(labels) for ds_id, count in right.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--publish", metavar="ENDPOINT", help="where the stage listens")
    parser.add_argument("--run", default="digits")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--samples", type=int, default=8,
                        help="published per epoch and mode (default %(default)s)")
    args = parser.parse_args()

    torch.manual_seed(3)
    torch.use_deterministic_algorithms(True)
    train, (images, labels) = load()
    sets = {"clean": images, "noisy": clutter(images)}
    network = Network()
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-4)
    watch = Watch(args.publish, args.run, args.samples)
    for epoch in range(1, args.epochs + 1):
        train_epoch(network, optimizer, train, epoch, watch)
        accuracy = evaluate(network, sets, labels, epoch, watch)
        print(f"epoch {epoch}: " + ", ".join(f"{share:.1%} of {name} digits right"
                                             for name, share in accuracy.items()), flush=True)
    watch.close()


if __name__ == "__main__":
    main()
