#!/usr/bin/python3
"""Evaluate an ONNX network in double precision, with nothing but NumPy.

    reference_onnx.py MODEL IMAGE W H C WIDTH HEIGHT CHANNELS MEAN STD ORDER OUTPUT

What embed() is held against: shares no code with it.  python3-onnx reads the
graph.  IMAGE is a file of W*H*C bytes, interleaved; it is brought to the
network's WIDTH, HEIGHT and CHANNELS as embed() promises.  MEAN and STD are
lists with commas.  Prints the elements of the value named OUTPUT, one a line.
"""
import sys

import numpy as np
import onnx
import onnx.numpy_helper
from numpy.lib.stride_tricks import sliding_window_view

erf = np.vectorize(__import__('math').erf, otypes=[float])


def triangle(size, to):
    """The matrix [to, size] of an antialiasing triangle filter."""
    scale = size / to
    reach = max(scale, 1.0)
    centre = (np.arange(to)[:, None] + 0.5) * scale
    weight = np.clip(1 - np.abs(np.arange(size)[None] + 0.5 - centre) / reach, 0, None)
    return weight / weight.sum(1, keepdims=True)


def prepare(image, width, height, channels, mean, std, order):
    """An image [H, W, C] to a network's input [1, C, H, W]."""
    if channels == 1:
        image = image.mean(2, keepdims=True)
    image = triangle(image.shape[0], height) @ image.transpose(2, 0, 1) @ triangle(image.shape[1], width).T
    image = np.broadcast_to(image, (channels, height, width))
    if order == 'BGR':
        image = image[::-1]
    return ((image - mean[:, None, None]) / std[:, None, None])[None]


def padded(x, a, kernel, value):
    """x with the padding of pads or auto_pad."""
    mode = a.get('auto_pad', b'NOTSET').decode()
    strides, dilations = a.get('strides', [1, 1]), a.get('dilations', [1, 1])
    pads = a.get('pads', [0, 0, 0, 0])
    if mode.startswith('SAME'):
        total = [max((-(-x.shape[2 + d] // strides[d]) - 1) * strides[d] + (kernel[d] - 1) * dilations[d] + 1
                     - x.shape[2 + d], 0) for d in (0, 1)]
        small, large = [t // 2 for t in total], [t - t // 2 for t in total]
        pads = small + large if mode == 'SAME_UPPER' else large + small
    return np.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])), constant_values=value)


def conv(a, x, w, b=None):
    m, c, kh, kw = w.shape
    groups = a.get('group', 1)
    sh, sw = a.get('strides', [1, 1])
    dh, dw = a.get('dilations', [1, 1])
    x = padded(x, a, (kh, kw), 0.0)
    oh, ow = (x.shape[2] - (kh - 1) * dh - 1) // sh + 1, (x.shape[3] - (kw - 1) * dw - 1) // sw + 1
    y = np.zeros((x.shape[0], groups, m // groups, oh * ow))
    w = w.reshape(groups, m // groups, c, kh, kw)
    for i in range(kh):
        for j in range(kw):
            tap = x[:, :, i * dh:i * dh + (oh - 1) * sh + 1:sh, j * dw:j * dw + (ow - 1) * sw + 1:sw]
            tap = tap.reshape(x.shape[0], groups, c, -1)
            # contiguous for BLAS; of one channel there is no product to speak of
            weights = np.ascontiguousarray(w[..., i, j])
            y += weights * tap if c == 1 else np.matmul(weights, tap)
    y = y.reshape(x.shape[0], m, oh, ow)
    return y if b is None else y + b[:, None, None]


def pool(a, x, of):
    kernel, strides = a['kernel_shape'], a.get('strides', [1, 1])
    if a.get('ceil_mode', 0):
        raise NotImplementedError('ceil_mode')
    x = padded(x, a, kernel, np.nan)
    return of(sliding_window_view(x, kernel, (2, 3))[:, :, ::strides[0], ::strides[1]])


def average_pool(a, x):
    if a.get('count_include_pad', 0):
        return pool(a, x, lambda w: np.nan_to_num(w).mean((4, 5)))
    return pool(a, x, lambda w: np.nanmean(w, (4, 5)))


def gemm(a, x, w, c=0.0):
    x = x.T if a.get('transA', 0) else x
    w = w.T if a.get('transB', 0) else w
    return a.get('alpha', 1.0) * (x @ w) + a.get('beta', 1.0) * c


def clip(a, x, low=None, high=None):
    low, high = a.get('min', low), a.get('max', high)
    return np.clip(x, -np.inf if low is None else low, np.inf if high is None else high)


def batch_norm(a, x, scale, b, mean, var):
    shape = (-1,) + (1,) * (x.ndim - 2)
    scale = scale / np.sqrt(var + a.get('epsilon', 1e-5))
    return x * scale.reshape(shape) + (b - mean * scale).reshape(shape)


def softmax(a, x):
    e = np.exp(x - x.max(a.get('axis', -1), keepdims=True))
    return e / e.sum(a.get('axis', -1), keepdims=True)


OPS = {
    'Conv': conv, 'Gemm': gemm, 'Clip': clip, 'BatchNormalization': batch_norm, 'Softmax': softmax,
    'AveragePool': average_pool,
    'MaxPool': lambda a, x: pool(a, x, lambda w: np.nanmax(w, (4, 5))),
    'MatMul': lambda a, x, y: x @ y,
    'Relu': lambda a, x: np.maximum(x, 0),
    'Sigmoid': lambda a, x: 1 / (1 + np.exp(-x)),
    'HardSigmoid': lambda a, x: np.clip(a.get('alpha', 0.2) * x + a.get('beta', 0.5), 0, 1),
    'HardSwish': lambda a, x: x * np.clip(x / 6 + 0.5, 0, 1),
    'Erf': lambda a, x: erf(x),
    'Sqrt': lambda a, x: np.sqrt(x),
    'Pow': lambda a, x, y: x ** y,
    'Add': lambda a, x, y: x + y,
    'Sub': lambda a, x, y: x - y,
    'Mul': lambda a, x, y: x * y,
    'Div': lambda a, x, y: x / y if x.dtype.kind == 'f' else x // y,
    'GlobalAveragePool': lambda a, x: x.mean((2, 3), keepdims=True),
    'ReduceMean': lambda a, x: x.mean(tuple(a['axes']), keepdims=bool(a.get('keepdims', 1))),
    'Concat': lambda a, *x: np.concatenate(x, a['axis']),
    'Transpose': lambda a, x: x.transpose(a['perm']),
    'Split': lambda a, x, s=None: np.split(x, np.cumsum(a.get('split', s))[:-1], a.get('axis', 0)),
    'Flatten': lambda a, x: x.reshape(int(np.prod(x.shape[:a.get('axis', 1)])), -1),
    'Reshape': lambda a, x, s: x.reshape([x.shape[i] if v == 0 else v for i, v in enumerate(s)]),
    'Unsqueeze': lambda a, x, s=None: np.expand_dims(x, tuple(a['axes'] if s is None else s)),
    'Squeeze': lambda a, x, s=None: np.squeeze(x, tuple(a['axes'] if s is None else s)),
    'Identity': lambda a, x: x,
    'Dropout': lambda a, x, *_: x,
    'Shape': lambda a, x: np.array(x.shape),
    'Gather': lambda a, x, i: np.take(x, i, a.get('axis', 0)),
    'Cast': lambda a, x: x.astype('f8' if a['to'] in (1, 10, 11) else 'i8'),
    'Constant': lambda a: array(a['value']),
}


def array(proto):
    x = onnx.numpy_helper.to_array(proto)
    return x.astype('f8' if x.dtype.kind == 'f' else 'i8')


def evaluate(graph, x, output):
    values = {t.name: array(t) for t in graph.initializer}
    values.update({i.name: x for i in graph.input if i.name not in values})
    for node in graph.node:
        if output in values:
            break
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        result = OPS[node.op_type](attributes, *[values[n] if n else None for n in node.input])
        values.update(zip(node.output, result if isinstance(result, list) else [result]))
    return values[output]


def main():
    model, source, w, h, c, width, height, channels, mean, std, order, output = sys.argv[1:]
    image = np.fromfile(source, 'u1').reshape(int(h), int(w), int(c)).astype('f8')
    mean, std = (np.array([float(v) for v in t.split(',')]) for t in (mean, std))
    x = prepare(image, int(width), int(height), int(channels), mean, std, order)
    for v in evaluate(onnx.load(model).graph, x, output).ravel():
        print('%.17g' % v)


if __name__ == '__main__':
    main()
