#!/usr/bin/env python3
"""FastEstimator: the import of EigenCAM is the only line that differs.

    eigencam stage & eigencam log --dir pictures &
    fastestimator_example.py [--epochs 2]
"""
import argparse

import fastestimator as fe
import torch
from digits import CLASSES, Network, load
from fastestimator.op.tensorop.loss import CrossEntropy
from fastestimator.op.tensorop.model import ModelOp, UpdateOp
from fastestimator.dataset.numpy_dataset import NumpyDataset

# from fastestimator.trace.xai import EigenCAM
from eigencam.fastestimator import EigenCAM  #+


def datasets():
    for data in load():
        x, y = data.tensors
        yield NumpyDataset({"x": x.numpy(), "y": y.numpy()})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=2)
    args = parser.parse_args()
    torch.manual_seed(3)
    train, test = datasets()
    pipeline = fe.Pipeline(train_data=train, eval_data=test, batch_size=32, num_process=0)
    model = fe.build(Network, optimizer_fn=lambda x: torch.optim.Adam(x, lr=5e-4))
    network = fe.Network(ops=[
        ModelOp(model=model, inputs="x", outputs=["y_pred", "late"],
                intermediate_layers="features.5"),
        CrossEntropy(inputs=("y_pred", "y"), outputs="ce", form="sparse", from_logits=True),
        UpdateOp(model=model, loss_name="ce")])
    estimator = fe.Estimator(
        pipeline=pipeline, network=network, epochs=args.epochs, log_steps=None,
        traces=[EigenCAM(images="x", activations="late", labels="y", preds="y_pred", n_samples=8,
                         label_mapping={name: i for i, name in enumerate(CLASSES)})])
    estimator.fit()


if __name__ == "__main__":
    main()
