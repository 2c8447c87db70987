#!/usr/bin/env python3
"""Lightning: one callback more.

    eigencam stage & eigencam log --dir pictures &
    lightning_example.py [--epochs 2]
"""
import argparse

import lightning
import torch
import torch.nn.functional as F
from digits import CLASSES, Network, load
from torch.utils.data import DataLoader

from eigencam.lightning import EigenCAM


class Digits(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.network = Network()

    def training_step(self, batch, _index):
        x, y = batch
        return F.cross_entropy(self.network(x), y)

    def validation_step(self, batch, _index):
        x, y = batch
        scores = self.network(x)
        self.log("right", (scores.argmax(1) == y).float().mean(), prog_bar=True)
        return {"preds": scores}

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=5e-4)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=2)
    args = parser.parse_args()
    lightning.seed_everything(3, verbose=False)
    train, test = (DataLoader(data, batch_size=32) for data in load())
    trainer = lightning.Trainer(
        max_epochs=args.epochs, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
        callbacks=[EigenCAM("network.features.5", classes=CLASSES, n_samples=8)])  #+
    trainer.fit(Digits(), train, test)
    print({name: round(value.item(), 3) for name, value in trainer.callback_metrics.items()})


if __name__ == "__main__":
    main()
