#!/usr/bin/python3
"""Networks of torchvision's classification zoo, by our engine and by PyTorch in double precision.

    zoo.py BUILD DIR [NAME...]

Makes each network with random weights: those of normalisations and layer scales too, their
statistics taken from a batch of images, so that activations keep their size as in a trained
network; residual branches stay as small as training begins them, for fifty random ones of full
size blow up any rounding, PyTorch's own as well. Exports it at opset 13 into DIR, runs it by
BUILD/tools/run_network, and compares the logits and, where a linear layer makes them, the
features before it. Prints a table; fails where an error exceeds 1e-4 of the largest value or
the cosine is below 0.99999. Beside our error is that of PyTorch's logits in single precision.
NAME "all" adds the largest networks, which need some GB of memory; --keep leaves the files.
"""
import json
import os
import subprocess
import sys
import time
import warnings

import numpy as np
import onnx
import torch
import torchvision

NAMES = '''
alexnet vgg11 vgg13 vgg16 vgg19 vgg11_bn vgg13_bn vgg16_bn vgg19_bn
resnet18 resnet34 resnet50 resnet101 resnet152 resnext50_32x4d resnext101_32x8d
wide_resnet50_2 wide_resnet101_2 densenet121 densenet161 densenet169 densenet201
squeezenet1_0 squeezenet1_1 googlenet inception_v3
mobilenet_v2 mobilenet_v3_small mobilenet_v3_large
shufflenet_v2_x0_5 shufflenet_v2_x1_0 shufflenet_v2_x1_5 shufflenet_v2_x2_0
mnasnet0_5 mnasnet0_75 mnasnet1_0 mnasnet1_3
efficientnet_b0 efficientnet_b1 efficientnet_b2 efficientnet_b3
regnet_x_400mf regnet_x_800mf regnet_x_1_6gf regnet_x_3_2gf regnet_x_8gf
regnet_y_400mf regnet_y_800mf regnet_y_1_6gf regnet_y_3_2gf regnet_y_8gf
convnext_tiny'''.split()
LARGE = '''
resnext101_64x4d regnet_x_16gf regnet_x_32gf regnet_y_16gf regnet_y_32gf
efficientnet_b4 efficientnet_b5 efficientnet_v2_s convnext_small convnext_base'''.split()
SIDES = {'inception_v3': 299}
MAX_ERROR, MIN_COSINE = 1e-4, 0.99999


def images(n, side, seed):
    """What an image looks like after normalisation: smooth, with some noise."""
    g = torch.Generator().manual_seed(seed)
    low = torch.randn(n, 3, 14, 14, generator=g)
    smooth = torch.nn.functional.interpolate(low, size=(side, side), mode='bicubic', align_corners=False)
    return smooth + 0.25 * torch.randn(n, 3, side, side, generator=g)


def make(name, side):
    torch.manual_seed(42)
    options = {}
    if name in ('googlenet', 'inception_v3'):
        # their own initialisation takes minutes; transform_input comes with the published weights
        options = dict(init_weights=False, transform_input=True)
        if name == 'googlenet':
            options['aux_logits'] = False
    model = getattr(torchvision.models, name)(weights=None, **options)
    for m in model.modules():
        if isinstance(m, (torch.nn.BatchNorm2d, torch.nn.LayerNorm)):
            torch.nn.init.uniform_(m.weight, 0.6, 1.2)
            torch.nn.init.normal_(m.bias, 0, 0.1)
        if isinstance(m, torch.nn.BatchNorm2d):
            m.momentum = None  # a plain mean over what follows
            m.reset_running_stats()
        if hasattr(m, 'layer_scale'):
            torch.nn.init.uniform_(m.layer_scale, 0.2, 0.8)
    for m in model.modules():
        if isinstance(m, torchvision.models.resnet.BasicBlock):
            torch.nn.init.uniform_(m.bn2.weight, 0.2, 0.6)
        if isinstance(m, torchvision.models.resnet.Bottleneck):
            torch.nn.init.uniform_(m.bn3.weight, 0.2, 0.6)
    with torch.no_grad():
        model.train()
        # half the size will do, except for what Inception's auxiliary branch needs
        model(images(4, side if name == 'inception_v3' else side // 2, 7))
    return model.eval()


def reference(model, x):
    """Logits, and what the last linear layer is given, in double precision."""
    seen = {}
    linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]
    if linear:
        linear[-1].register_forward_hook(lambda m, i, o: seen.__setitem__('features', i[0]))
    with torch.no_grad():
        logits = model.double()(x.double())
    wanted = {'logits': logits.numpy()}
    if seen:
        wanted['features'] = seen['features'].numpy()
    return wanted


def compare(got, want):
    got, want = got.astype('f8').ravel(), want.ravel()
    if got.shape != want.shape or not np.isfinite(got).all():
        return float('inf'), 0.0
    return (np.abs(got - want).max() / np.abs(want).max(),
            float(got @ want / np.sqrt((got @ got) * (want @ want))))


def test(name, build, folder):
    side = SIDES.get(name, 224)
    path = os.path.join(folder, name)
    model = make(name, side)
    x = images(1, side, 1)
    x.numpy().astype('<f4').tofile(path + '.in')
    torch.onnx.export(model, x, path + '.onnx', opset_version=13, input_names=['input'],
                      output_names=['logits'], dynamic_axes={'input': {0: 'N'}, 'logits': {0: 'N'}})
    with torch.no_grad():
        single = model(x).numpy()
    wanted = reference(model, x)
    single, _ = compare(single, wanted['logits'])
    graph = onnx.load(path + '.onnx', load_external_data=False).graph
    values = {'logits': '-'}
    if 'features' in wanted:
        values['features'] = [n for n in graph.node if n.op_type == 'Gemm'][-1].input[0]
    error, cosine = 0.0, 1.0
    for what, value in values.items():
        run = subprocess.run([build + '/tools/run_network', path + '.onnx', '1', '3', str(side), str(side),
                              value, path + '.in', path + '.out'], capture_output=True, text=True)
        if run.returncode:
            return name, None, run.stderr.strip()
        e, c = compare(np.fromfile(path + '.out', '<f4'), wanted[what])
        error, cosine = max(error, e), min(cosine, c)
    result = json.loads(run.stdout)
    operators = len({n.op_type for n in graph.node})
    return name, error <= MAX_ERROR and cosine >= MIN_COSINE, (
        f'{sum(p.numel() for p in model.parameters()) / 1e6:7.2f} M parameters, {len(graph.node):4d} nodes of '
        f'{operators:2d} operators, error {error:.1e} (PyTorch {single:.1e}), 1 - cosine {max(0, 1 - cosine):.1e}, '
        f'{result["first_ms"]:7.1f} ms, plan {result["plan"] / 2**20:6.1f} MB, '
        f'workspace {result["workspace"] / 2**20:5.1f} MB')


def main():
    warnings.filterwarnings('ignore')
    torch.set_num_threads(1)
    arguments = [a for a in sys.argv[1:] if a != '--keep']
    build, folder, names = arguments[0], arguments[1], arguments[2:] or NAMES
    if names == ['all']:
        names = NAMES + LARGE
    os.makedirs(folder, exist_ok=True)
    failed = []
    for name in names:
        start = time.time()
        try:
            name, fine, text = test(name, build, folder)
        finally:
            for suffix in ('.in', '.out', '.onnx'):
                path = os.path.join(folder, name + suffix)
                if os.path.exists(path) and '--keep' not in sys.argv:
                    os.unlink(path)
        if not fine:
            failed.append(name)
        print(f'{"ok" if fine else "NOT OK":6} {name:19} {text} ({time.time() - start:.0f} s)', flush=True)
    sys.exit(f'not as they should be: {", ".join(failed)}' if failed else 0)


main()
