#!/usr/bin/python3
"""Train the built-in network of medimnet and write it as ONNX.

    nice -n 10 /usr/bin/python3 model/train.py DATASETS [--out model/medimnet-default.onnx]

DATASETS holds one folder per data set, each with a labels.tsv (columns path,
modality, anatomy, label, view) and the images it names.  Needs Debian's
python3-torch, python3-pil and python3-numpy.  Everything is seeded; on the same
machine and versions the same file comes out.
"""
import argparse
import csv
import hashlib
import json
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

SIDE = 64
MEAN, STD = 127.5, 63.75            # of 0..255, every channel: what load_builtin_model() uses
HELD_OUT = 0.15


class Block(nn.Module):
    """Two 3x3 convolutions round a shortcut (a basic residual block)."""

    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.a = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.na = nn.BatchNorm2d(c_out)
        self.b = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
        self.nb = nn.BatchNorm2d(c_out)
        self.short = None
        if stride != 1 or c_in != c_out:
            self.short = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        y = self.nb(self.b(F.relu(self.na(self.a(x)))))
        return F.relu(y + (x if self.short is None else self.short(x)))


class Net(nn.Module):
    """64x64 RGB in; 128 features (the mean over the last map) and the logits out."""

    def __init__(self, classes):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.body = nn.Sequential(Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2), Block(64, 128, 2))
        self.head = nn.Linear(128, classes)

    def forward(self, x):
        features = torch.flatten(F.adaptive_avg_pool2d(self.body(self.stem(x)), 1), 1)
        return features, self.head(F.dropout(features, 0.2, self.training))


def load(root):
    """Images as uint8 [n, 64, 64, 3], class names, class numbers, held-out flags."""
    images, names, groups = [], [], []
    for folder in sorted(os.listdir(root)):
        table = os.path.join(root, folder, 'labels.tsv')
        if not os.path.exists(table):
            continue
        with open(table, newline='') as f:
            for row in csv.DictReader(f, delimiter='\t'):
                with Image.open(os.path.join(root, folder, row['path'])) as im:
                    im = im.convert('RGB')
                    if im.size != (SIDE, SIDE):
                        im = im.resize((SIDE, SIDE), Image.BILINEAR)
                    images.append(np.asarray(im))
                names.append('|'.join((row['modality'], row['anatomy'], row['label'])))
                # cells of one smear stay together; elsewhere the file is all we know
                groups.append(folder + '/' + (row['view'] or row['path']))
    classes = sorted(set(names))
    y = np.array([classes.index(n) for n in names])
    held = np.array([int(hashlib.sha256(g.encode()).hexdigest()[:8], 16) / 2 ** 32 < HELD_OUT for g in groups])
    return torch.from_numpy(np.stack(images)), classes, torch.from_numpy(y), torch.from_numpy(held)


def normalise(x):
    return (x.permute(0, 3, 1, 2).float() - MEAN) / STD


def augment(x, rng):
    """Shift, scale, turn, flip; brightness, contrast, gamma, inversion; colour to gray; noise."""
    n = x.shape[0]

    def u(lo, hi):
        return torch.rand(n, generator=rng) * (hi - lo) + lo

    turn, scale = u(-0.35, 0.35), torch.exp(u(-0.25, 0.2))
    flip = torch.where(u(0, 1) < 0.5, -1.0, 1.0)
    theta = torch.stack([torch.stack([flip * scale * torch.cos(turn), -scale * torch.sin(turn), u(-0.15, 0.15)], 1),
                         torch.stack([flip * scale * torch.sin(turn), scale * torch.cos(turn), u(-0.15, 0.15)], 1)], 1)
    x = x.permute(0, 3, 1, 2).float() / 255
    x = F.grid_sample(x, F.affine_grid(theta, list(x.shape), align_corners=False), align_corners=False)
    gray = (u(0, 1) < 0.3).view(n, 1, 1, 1)
    x = torch.where(gray, x.mean(1, keepdim=True).expand_as(x), x)
    x = x.clamp(0, 1) ** torch.exp(u(-0.4, 0.4)).view(n, 1, 1, 1)
    x = (x - 0.5) * u(0.7, 1.3).view(n, 1, 1, 1) + 0.5 + u(-0.12, 0.12).view(n, 1, 1, 1)
    x = torch.where((u(0, 1) < 0.05).view(n, 1, 1, 1), 1 - x, x)
    x = x + torch.randn(x.shape, generator=rng) * u(0, 0.04).view(n, 1, 1, 1)
    return (x.clamp(0, 1) * 255 - MEAN) / STD


def run(net, x):
    net.eval()
    with torch.no_grad():
        parts = [net(normalise(x[i:i + 256])) for i in range(0, len(x), 256)]
    return torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])


def measure(net, x, y, held, classes):
    """Accuracy of the logits, and of the features: nearest neighbours and retrieval by cosine."""
    f, logits = run(net, x)
    guess = logits.argmax(1)
    ft, yt, fh, yh = F.normalize(f[~held]), y[~held], F.normalize(f[held]), y[held]
    recall = [(guess[held & (y == c)] == c).float().mean().item() for c in range(len(classes))]
    near = (fh @ ft.T).topk(10, 1).indices
    votes = F.one_hot(yt[near[:, :5]], len(classes)).sum(1).argmax(1)
    mate = fh @ fh.T
    mate.fill_diagonal_(-2)
    ranks = mate.topk(11, 1).indices[:, :10]
    return {
        'train_images': int((~held).sum()), 'held_out_images': int(held.sum()),
        'accuracy': (guess[held] == yh).float().mean().item(),
        'balanced_accuracy': float(np.mean(recall)),
        'knn5_accuracy': (votes == yh).float().mean().item(),
        'retrieval_precision_at_10': (yh[ranks] == yh[:, None]).float().mean().item(),
        'recall': {c: round(r, 4) for c, r in zip(classes, recall)},
    }


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('datasets')
    p.add_argument('--out', default=os.path.join(os.path.dirname(__file__), 'medimnet-default.onnx'))
    p.add_argument('--epochs', type=int, default=14)
    p.add_argument('--batch', type=int, default=96)
    p.add_argument('--minutes', type=float, default=12, help='stop early after this much time')
    p.add_argument('--seed', type=int, default=20)
    p.add_argument('--threads', type=int, default=1)
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    rng = torch.Generator().manual_seed(args.seed)

    x, classes, y, held = load(args.datasets)
    print('%d images, %d held out, %d classes' % (len(x), int(held.sum()), len(classes)), flush=True)
    xt, yt = x[~held], y[~held]
    net = Net(len(classes))
    # rare classes count more, by the square root of their rarity
    weight = torch.bincount(yt, minlength=len(classes)).float() ** -0.5
    loss_fn = nn.CrossEntropyLoss(weight=weight / weight.mean(), label_smoothing=0.1)
    opt = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    steps = len(xt) // args.batch
    plan = torch.optim.lr_scheduler.OneCycleLR(opt, 0.15, epochs=args.epochs, steps_per_epoch=steps, pct_start=0.2)
    start = time.time()
    for epoch in range(args.epochs):
        net.train()
        total = 0.0
        order = torch.randperm(len(xt), generator=rng)
        for s in range(steps):
            pick = order[s * args.batch:(s + 1) * args.batch]
            loss = loss_fn(net(augment(xt[pick], rng))[1], yt[pick])
            opt.zero_grad()
            loss.backward()
            opt.step()
            plan.step()
            total += loss.item()
        print('epoch %d: loss %.4f, %.0f s' % (epoch + 1, total / steps, time.time() - start), flush=True)
        if time.time() - start > args.minutes * 60:
            print('stopped early: out of time')
            break
    figures = measure(net, x, y, held, classes)
    json.dump(figures, sys.stdout, indent=1)
    print()
    net.eval()
    torch.onnx.export(net, torch.zeros(1, 3, SIDE, SIDE), args.out, opset_version=13, input_names=['input'],
                      output_names=['features', 'logits'],
                      dynamic_axes={k: {0: 'N'} for k in ('input', 'features', 'logits')})
    print('%s: %d bytes' % (args.out, os.path.getsize(args.out)))


if __name__ == '__main__':
    main()
