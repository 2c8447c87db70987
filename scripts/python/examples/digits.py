"""Handwritten digits and a small network, for the examples."""
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import TensorDataset

CLASSES = "zero one two three four five six seven eight nine".split()


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 5, stride=2, padding=2), nn.ReLU(inplace=True),
            nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
            nn.Conv2d(24, 32, 3, padding=1), nn.ReLU(inplace=True))
        self.classify = nn.Linear(32 * 16, 10)

    def forward(self, x):
        return self.classify(F.max_pool2d(self.features(x), 4).flatten(1))


def load():
    """Training and evaluation sets: images (1, 64, 64) from 0 to 1, and labels."""
    digits = load_digits()
    small = torch.from_numpy(digits.images).float()[:, None] / 16
    images = F.interpolate(small, size=(64, 64), mode="bilinear", align_corners=False)
    labels = torch.from_numpy(digits.target).long()
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(1))
    train, test = order[:1000], order[1000:1200]
    return TensorDataset(images[train], labels[train]), TensorDataset(images[test], labels[test])


class Saver:
    """Keeps the first samples of each evaluation in files, to draw them again:
    eigencam draw --images ... --activations ..."""

    def __init__(self, folder, model, n=8, rank=0):
        self.folder, self.model, self.n, self.rank = folder, model, n, rank
        self.batches = []

    def batch(self, x, y, scores):
        if self.folder and sum(len(b["labels"]) for b in self.batches) < self.n:
            self.batches.append({
                "images": x.numpy(), "activations": self.model.features[:6](x).numpy(),
                "labels": y.numpy(), "preds": scores.numpy(), "index": np.arange(len(x)),
                "step": np.full(len(x), len(self.batches))})

    def epoch_end(self, epoch):
        if self.batches:
            np.savez(f"{self.folder}/epoch-{epoch}-rank-{self.rank}.npz",
                     **{key: np.concatenate([b[key] for b in self.batches])
                        for key in self.batches[0]})
        self.batches = []
