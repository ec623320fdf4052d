#!/usr/bin/python3
"""make.py: writes the small networks of this folder, by PyTorch and torchvision.

One for each way of building that torchvision's classification networks know, with a few
channels only, from torchvision's own modules where these can be made small: blocks of 16
channels and other numbers, maps that are not square, BatchNorm left in the file (exporters
fold it only into convolutions right before it). Random weights; statistics of normalisations
taken from the input. "opset-N" are one network as PyTorch writes it for that version of ONNX's
operators. Beside each NAME.onnx, NAME.out holds the logits and the features before the last
layer for the input that test/unit/test_nn_networks.c makes, as float64, computed in double
precision. test/zoo.py does the same for the real networks.
"""
import os
import sys
import warnings
from functools import partial
from importlib import import_module

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torchvision import models
from torchvision.models import convnext, efficientnet, mobilenetv2, mobilenetv3, regnet, resnet, shufflenetv2
from torchvision.models import squeezenet

# torchvision.models.googlenet is the function of that name
googlenet = import_module('torchvision.models.googlenet')
SIDES = 44, 52  # H, W


def image():
    """Numbers that C makes as well: a hash of the index."""
    n = 3 * SIDES[0] * SIDES[1]
    h = (np.arange(n, dtype='u8') * 2654435761 % 2**32 >> 8).astype('f8') / 2**23 - 1
    x = h.astype('f4').reshape(1, 3, *SIDES)
    return torch.from_numpy(x)


class Net(nn.Module):
    """Some layers, then mean over the map, then a linear layer: logits, features."""

    def __init__(self, *layers, width, head=None):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()) if head is None else head
        self.last = nn.Linear(width, 10)

    def forward(self, x):
        features = self.pool(self.layers(x))
        return self.last(features), features


class Dense(nn.Module):
    """DenseNet: normalise, activate, convolve; concatenate with all before."""

    def __init__(self, c, growth):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(c), nn.Conv2d(c, 4 * growth, 1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(4 * growth), nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x):
        y = self.conv1(F.relu(self.norm1(x)))
        return torch.cat([x, self.conv2(F.relu(self.norm2(y)))], 1)


class Factorised(nn.Module):
    """Inception v3: 1x7 and 7x1, an average that does not count padding twice, a strided part."""

    def __init__(self, c):
        super().__init__()
        conv = models.inception.BasicConv2d
        self.seven = nn.Sequential(conv(c, 8, kernel_size=1), conv(8, 12, kernel_size=(1, 7), padding=(0, 3)),
                                   conv(12, 16, kernel_size=(7, 1), padding=(3, 0)))
        self.pooled = conv(c, 16, kernel_size=1)
        self.split = nn.ModuleList([conv(16, 8, kernel_size=(1, 3), padding=(0, 1)),
                                    conv(16, 8, kernel_size=(3, 1), padding=(1, 0))])
        self.down = conv(48, 16, kernel_size=3, stride=2)

    def forward(self, x):
        seven = self.seven(x)
        x = torch.cat([seven, self.pooled(F.avg_pool2d(x, 3, 1, 1))] + [f(seven) for f in self.split], 1)
        return torch.cat([self.down(x), F.max_pool2d(x, 3, 2)], 1)


class TransformInput(nn.Module):
    """What GoogLeNet and Inception v3 begin with."""

    def forward(self, x):
        return torch.cat([torch.unsqueeze(x[:, c], 1) * (0.458 + c / 50) + (0.03 * c - 0.08) for c in range(3)], 1)


class Forms(nn.Module):
    """Operators whose form depends on the version: arguments as attributes or as inputs."""

    def __init__(self, resize):
        super().__init__()
        self.resize = resize
        self.conv = nn.Conv2d(3, 12, 3, stride=2, padding=1)
        self.drop = nn.Dropout2d()
        self.norm = nn.BatchNorm2d(12)
        self.last = nn.Linear(48, 10)

    def forward(self, x):
        x = torch.clamp(self.drop(self.norm(self.conv(F.pad(x, (1, 0, 2, 1), value=0.5)))), -0.7, 2.5)
        a, b, c = torch.split(x, [2, 4, 6], 1)
        x = torch.cat([c[:, :, 1:, :-1], b[:, :, 1:, 1:], a[:, :, :-1, :-1]], 1)
        x = F.avg_pool2d(F.max_pool2d(x, 3, 2, 1, ceil_mode=True), 3, 2, 1, ceil_mode=True, count_include_pad=False)
        n, c, h, w = x.size()
        x = x.view(n, 3, 4, h, w).transpose(1, 2).reshape(n, -1, h, w)  # channel shuffle
        x = F.hardtanh(F.leaky_relu(x, 0.1) + x.mean(1, keepdim=True), -2, 3)
        wide = F.interpolate(x, scale_factor=2.0, mode='nearest') if self.resize else x
        x = torch.cat([x.mean((2, 3)), wide.sum(3).mean(2), F.softmax(x.flatten(2), 2).amax(2),
                       F.log_softmax(x.mean(3), 1).unsqueeze(1).squeeze(1).mean(2)], 1)
        return self.last(x), x


def networks():
    relu, bn = nn.ReLU(), nn.BatchNorm2d
    yield 'alexnet', Net(nn.Conv2d(3, 12, 11, 4, 2), relu, nn.MaxPool2d(3, 2), nn.Conv2d(12, 20, 5, padding=2), relu,
                         nn.AdaptiveAvgPool2d((2, 5)), width=32,
                         head=nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(200, 32), nn.ReLU()))
    yield 'vgg', Net(nn.Conv2d(3, 16, 3, padding=1), bn(16), relu, nn.Conv2d(16, 16, 3, padding=1), bn(16), relu,
                     nn.MaxPool2d(2, 2), nn.Conv2d(16, 32, 3, padding=1), bn(32), relu, width=32)
    yield 'resnet', Net(nn.Conv2d(3, 16, 7, 2, 3, bias=False), bn(16), relu, nn.MaxPool2d(3, 2, 1),
                        resnet.BasicBlock(16, 16),
                        resnet.BasicBlock(16, 24, 2, nn.Sequential(resnet.conv1x1(16, 24, 2), bn(24))),
                        resnet.BasicBlock(24, 24), width=24)
    yield 'resnext', Net(nn.Conv2d(3, 32, 3, 2, 1, bias=False), bn(32), relu,
                         resnet.Bottleneck(32, 8, groups=8, base_width=16),
                         resnet.Bottleneck(32, 16, 2, nn.Sequential(resnet.conv1x1(32, 64, 2), bn(64)), groups=4,
                                           base_width=32), width=64)
    yield 'densenet', Net(nn.Conv2d(3, 24, 7, 2, 3, bias=False), bn(24), relu, nn.MaxPool2d(3, 2, 1), Dense(24, 8),
                          Dense(32, 8), bn(40), relu, nn.Conv2d(40, 16, 1, bias=False), nn.AvgPool2d(2, 2),
                          Dense(16, 16), bn(32), relu, width=32)
    yield 'squeezenet', Net(nn.Conv2d(3, 24, 3, 2), relu, nn.MaxPool2d(3, 2, ceil_mode=True),
                            squeezenet.Fire(24, 8, 16, 16), squeezenet.Fire(32, 8, 20, 12), width=32)
    yield 'googlenet', Net(TransformInput(), googlenet.BasicConv2d(3, 16, kernel_size=5, stride=2, padding=2),
                           nn.MaxPool2d(3, 2, ceil_mode=True), googlenet.Inception(16, 16, 12, 16, 4, 8, 8), width=48)
    yield 'inception', Net(TransformInput(), models.inception.BasicConv2d(3, 16, kernel_size=3, stride=2),
                           Factorised(16), Factorised(64), width=64)
    yield 'mobilenet_v2', Net(mobilenetv2.Conv2dNormActivation(3, 16, stride=2, activation_layer=nn.ReLU6),
                              mobilenetv2.InvertedResidual(16, 16, 1, 1), mobilenetv2.InvertedResidual(16, 24, 2, 6),
                              mobilenetv2.InvertedResidual(24, 24, 1, 6), width=24)
    small = partial(mobilenetv3.InvertedResidualConfig, dilation=1, width_mult=1.0)
    norm = partial(nn.BatchNorm2d, eps=0.001)
    yield 'mobilenet_v3', Net(
        mobilenetv3.Conv2dNormActivation(3, 16, stride=2, norm_layer=norm, activation_layer=nn.Hardswish),
        mobilenetv3.InvertedResidual(small(16, 3, 16, 16, True, 'RE', stride=2), norm),
        mobilenetv3.InvertedResidual(small(16, 5, 40, 24, True, 'HS', stride=1), norm),
        mobilenetv3.InvertedResidual(small(24, 5, 48, 24, True, 'HS', stride=1), norm), width=24)
    yield 'shufflenet', Net(nn.Conv2d(3, 24, 3, 2, 1, bias=False), bn(24), relu, nn.MaxPool2d(3, 2, 1),
                            shufflenetv2.InvertedResidual(24, 32, 2), shufflenetv2.InvertedResidual(32, 32, 1),
                            shufflenetv2.InvertedResidual(32, 44, 2), shufflenetv2.InvertedResidual(44, 44, 1), width=44)
    mb = partial(efficientnet.MBConvConfig, num_layers=1, width_mult=1.0, depth_mult=1.0)
    yield 'efficientnet', Net(
        efficientnet.Conv2dNormActivation(3, 16, stride=2, activation_layer=nn.SiLU),
        efficientnet.MBConv(mb(1, 3, 1, 16, 16), 0.0, nn.BatchNorm2d),
        efficientnet.MBConv(mb(6, 5, 2, 16, 24), 0.0, nn.BatchNorm2d),
        efficientnet.MBConv(mb(6, 3, 1, 24, 24), 0.2, nn.BatchNorm2d), width=24)
    block = partial(regnet.ResBottleneckBlock, norm_layer=nn.BatchNorm2d, activation_layer=nn.ReLU, group_width=8,
                    bottleneck_multiplier=1.0)
    yield 'regnet', Net(regnet.SimpleStemIN(3, 16, nn.BatchNorm2d, nn.ReLU), block(16, 24, 2, se_ratio=0.25),
                        block(24, 24, 1, se_ratio=0.25), block(24, 32, 2, group_width=16, se_ratio=None), width=32)
    layer_norm = partial(convnext.LayerNorm2d, eps=1e-6)
    yield 'convnext', Net(
        convnext.Conv2dNormActivation(3, 16, kernel_size=4, stride=4, padding=0, norm_layer=layer_norm,
                                      activation_layer=None, bias=True),
        convnext.CNBlock(16, 0.5, 0.0), layer_norm(16), nn.Conv2d(16, 24, 2, 2), convnext.CNBlock(24, 0.5, 0.0),
        width=24, head=nn.Sequential(nn.AdaptiveAvgPool2d(1), layer_norm(24), nn.Flatten()))
    yield 'groupnorm', Net(nn.Conv2d(3, 16, 3, 2, 2, dilation=2), nn.GroupNorm(4, 16), nn.Mish(), nn.Conv2d(16, 24, 3, 2, 1),
                           nn.InstanceNorm2d(24, affine=True), nn.GELU(), nn.Conv2d(24, 16, 4, padding=1), nn.SELU(),
                           nn.PixelUnshuffle(2), nn.PixelShuffle(2), nn.PReLU(16), width=16)


def write(name, model, folder, opset):
    x = image()
    for m in model.modules():
        if isinstance(m, (nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm2d)):
            nn.init.uniform_(m.weight, 0.6, 1.4)
            nn.init.normal_(m.bias, 0, 0.2)
        if isinstance(m, nn.BatchNorm2d):
            m.momentum = None
        if hasattr(m, 'layer_scale'):
            nn.init.uniform_(m.layer_scale, 0.2, 0.8)
    with torch.no_grad():
        # several crops of it, so that no statistics are of one image
        model.train()(torch.cat([torch.roll(x, (s, s), (2, 3)) * (1 - s / 40) for s in (0, 5, 11, 17)]))
        model.eval()
        torch.onnx.export(model, x, f'{folder}/{name}.onnx', opset_version=opset, input_names=['input'],
                          output_names=['logits', 'features'], training=torch.onnx.TrainingMode.PRESERVE,
                          do_constant_folding=False)
        outputs = model.double()(x.double())
    np.concatenate([o.numpy().ravel() for o in outputs]).astype('<f8').tofile(f'{folder}/{name}.out')


def main():
    warnings.filterwarnings('ignore')
    folder = os.path.dirname(os.path.abspath(__file__)) if len(sys.argv) < 2 else sys.argv[1]
    torch.manual_seed(1)
    for name, model in networks():
        write(name, model, folder, 13)
    for opset in range(7, 18):
        torch.manual_seed(2)
        write('opset-%02d' % opset, Forms(resize=opset > 8), folder, opset)  # before, PyTorch cannot write it


main()
