#!/usr/bin/python3
"""Trains a small CNN from a medimnet loader; killed, it goes on where it was.

    examples/train.py --conninfo dbname=images --loader chest-train --steps 500 \\
        --checkpoint chest.pt --log chest.jsonl

The same command again continues from the checkpoint. The log has a line of
JSON for each step: step, loss.
"""

import argparse
import json
import os
from typing import Iterable

import torch
from torch import nn
from torch.utils.data import DataLoader

from medimnet_torch import Batch, LoaderStream


def small_cnn(channels: int, classes: int) -> nn.Module:
    """Three convolutions and a mean: takes images of any size."""

    def block(c: int, m: int) -> list[nn.Module]:
        return [nn.Conv2d(c, m, 3, padding=1), nn.BatchNorm2d(m), nn.ReLU(), nn.MaxPool2d(2)]

    return nn.Sequential(*block(channels, 16), *block(16, 32), *block(32, 64), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(64, classes))


class Job:
    """A network and its optimizer, with the step they are at."""

    def __init__(self, channels: int, classes: int, seed: int = 0):
        torch.manual_seed(seed)
        self.net = small_cnn(channels, classes)
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=0.02, momentum=0.9)
        self.step = 0

    def load(self, path: str) -> None:
        state = torch.load(path)
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]

    def save(self, path: str) -> None:
        """Writes beside the old checkpoint, then takes its place: one of the two is always whole."""
        torch.save({"net": self.net.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step}, path + ".new")
        os.replace(path + ".new", path)

    def train(self, batches: Iterable[Batch]) -> Iterable[float]:
        """Takes a step with each batch of uint8 images; yields its loss."""
        self.net.train()
        for batch in batches:
            loss = nn.functional.cross_entropy(self.net(batch.images.float() / 255), batch.labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.step = batch.step + 1
            yield loss.item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--conninfo", default="", help="connection string of libpq")
    parser.add_argument("--loader", required=True, help="a loader of dtype uint8")
    parser.add_argument("--steps", type=int, required=True, help="stop after this many, counted from the very first")
    parser.add_argument("--checkpoint", help="file to continue from, and to save to")
    parser.add_argument("--every", type=int, default=50, help="steps from one checkpoint to the next")
    parser.add_argument("--log", help="file to append the losses to")
    parser.add_argument("--workers", type=int, default=0, help="processes that fetch, each over its own connection")
    options = parser.parse_args()

    info = LoaderStream(options.conninfo, options.loader, 0).info
    job = Job(info.channels, len(info.classes))
    if options.checkpoint and os.path.exists(options.checkpoint):
        job.load(options.checkpoint)
    stream = LoaderStream(options.conninfo, options.loader, options.steps, first_step=job.step)
    log = open(options.log, "a") if options.log else None
    for loss in job.train(DataLoader(stream, batch_size=None, num_workers=options.workers)):
        if log:
            print(json.dumps({"step": job.step - 1, "loss": loss}), file=log, flush=True)
        if options.checkpoint and (job.step % options.every == 0 or job.step == options.steps):
            job.save(options.checkpoint)
    print(f"{job.step} steps of loader {options.loader}")


if __name__ == "__main__":
    main()
