#!/usr/bin/env python3
"""Two processes train one network (DistributedDataParallel over gloo); an epoch's pictures come
from both. Rank and number of processes are found by themselves.

    eigencam stage & eigencam log --dir pictures &
    pytorch_ddp.py [--epochs 2] [--save DIR]
"""
import argparse
import os
import tempfile

import torch
import torch.distributed as dist
import torch.nn.functional as F
from digits import CLASSES, Network, Saver, load
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler

import eigencam

WORLD = 2


def work(rank, meeting, args):
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=WORLD)
    torch.set_num_threads(1)
    torch.manual_seed(3)
    train, test = (DataLoader(data, batch_size=16,
                              sampler=DistributedSampler(data, WORLD, rank, shuffle=False))
                   for data in load())
    model = DistributedDataParallel(Network())
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
    saver = Saver(args.save, model.module, rank=rank)
    cam = eigencam.watch(model, "features.5", classes=CLASSES, n_samples=8)  #+

    for epoch in range(1, args.epochs + 1):
        model.train()
        for x, y in train:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
        model.eval()
        right = torch.zeros(1)
        with torch.no_grad():
            for x, y in test:
                scores = model(x)
                cam.labels(y)      #+ caption
                cam.preds(scores)  #+ caption
                right += (scores.argmax(1) == y).sum()
                saver.batch(x, y, scores)
        saver.epoch_end(epoch)
        dist.all_reduce(right)
        if rank == 0:
            print(f"epoch {epoch}: {right.item() / len(test.dataset):.1%} right", flush=True)
    cam.close()  #+ at exit it is too late: spawned processes leave without it
    dist.destroy_process_group()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--save", metavar="DIR", help="keep what the pictures are made of")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(work, (os.path.join(folder, "meeting"), args), nprocs=WORLD)


if __name__ == "__main__":
    main()
