#!/usr/bin/env python3
"""An ordinary training in PyTorch, and the lines that make it watched (marked with #+).

    eigencam stage & eigencam log --dir pictures &
    pytorch_single.py [--epochs 3] [--save DIR]
"""
import argparse

import torch
import torch.nn.functional as F
from digits import CLASSES, Network, Saver, load
from torch.utils.data import DataLoader

import eigencam


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--save", metavar="DIR", help="keep what the pictures are made of")
    args = parser.parse_args()

    torch.manual_seed(3)
    train, test = (DataLoader(data, batch_size=32) for data in load())
    model = Network()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
    saver = Saver(args.save, model)
    cam = eigencam.watch(model, "features.5", classes=CLASSES, n_samples=8)  #+

    for epoch in range(1, args.epochs + 1):
        model.train()
        for x, y in train:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
        model.eval()
        right = 0
        with torch.no_grad():
            for x, y in test:
                scores = model(x)
                cam.labels(y)      #+ caption
                cam.preds(scores)  #+ caption
                right += int((scores.argmax(1) == y).sum())
                saver.batch(x, y, scores)
        saver.epoch_end(epoch)
        print(f"epoch {epoch}: {right / len(test.dataset):.1%} right", flush=True)


if __name__ == "__main__":
    main()
