#!/usr/bin/python3
"""Write the seeds of fuzz_onnx: small networks that use every operator.

    seeds_onnx.py DIR
"""
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

rng = np.random.RandomState(0)


def f(name, *shape):
    return numpy_helper.from_array(rng.randn(*shape).astype('f4'), name)


def i(name, *values):
    return numpy_helper.from_array(np.array(values, 'i8'), name)


def save(name, nodes, constants, shape=('N', 3, 6, 6), opset=13):
    nodes = [helper.make_node(op, ins.split(','), outs.split(','), **a) for op, ins, outs, a in nodes]
    graph = helper.make_graph(
        nodes, 'g', [helper.make_tensor_value_info('x', TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)])
    with open('%s/%s' % (sys.argv[1], name), 'wb') as out:
        out.write(model.SerializeToString())


save('residual', [
    ('Conv', 'x,w,b', 'a', dict(kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2])),
    ('BatchNormalization', 'a,s,s,s,v', 'n', dict(epsilon=1e-3)),
    ('Relu', 'n', 'r', {}),
    ('Conv', 'r,d', 'e', dict(group=4, pads=[1, 1, 1, 1])),
    ('Clip', 'e,lo,hi', 'c', {}),
    ('Conv', 'c,p', 'q', {}),
    ('Add', 'q,a', 't', {}),
    ('GlobalAveragePool', 't', 'g', {}),
    ('Flatten', 'g', 'u', dict(axis=1)),
    ('Gemm', 'u,fc,b', 'y', dict(transB=1, alpha=0.5)),
], [f('w', 4, 3, 3, 3), f('b', 4), f('s', 4), numpy_helper.from_array(np.ones(4, 'f4'), 'v'), f('d', 4, 1, 3, 3),
    f('p', 4, 4, 1, 1), f('fc', 4, 4), numpy_helper.from_array(np.array(0, 'f4'), 'lo'),
    numpy_helper.from_array(np.array(6, 'f4'), 'hi')])
save('shuffle', [
    ('Shape', 'x', 'h', {}),
    ('Gather', 'h,zero', 'n', dict(axis=0)),
    ('Unsqueeze', 'n,axis', 'm', {}),
    ('Concat', 'm,rest', 'to', dict(axis=0)),
    ('Reshape', 'x,to', 'a', {}),
    ('Transpose', 'a', 'b', dict(perm=[0, 2, 1, 3])),
    ('Split', 'b', 'c,d', dict(axis=3)),
    ('Slice', 'c,start,end,axes,step', 'e', {}),
    ('Concat', 'd,e', 'k', dict(axis=3)),
    ('ReduceMean', 'k', 'o', dict(axes=[1, 2])),
    ('Softmax', 'o', 'y', dict(axis=-1)),
], [
    numpy_helper.from_array(np.array(0, 'i8'), 'zero'), i('axis', 0), i('rest', 3, 2, 18), i('start', -1),
    i('end', -9), i('axes', 1), i('step', -1)])
save('pools', [
    ('Pad', 'x,pads,value', 'a', {}),
    ('MaxPool', 'a', 'b', dict(kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)),
    ('AveragePool', 'b', 'c', dict(kernel_shape=[2, 2], auto_pad='SAME_UPPER', count_include_pad=1)),
    ('HardSwish', 'c', 'd', {}),
    ('HardSigmoid', 'd', 'e', {}),
    ('Mul', 'd,e', 'g', {}),
    ('Squeeze', 'i1', 'sq', {}),
    ('Cast', 'sq', 'sf', dict(to=1)),
    ('Div', 'g,sf', 'k', {}),
    ('MatMul', 'k,m', 'y', {}),
], [i('pads', 0, 0, 1, 1, 0, 0, 1, 1), numpy_helper.from_array(np.array(-1, 'f4'), 'value'), i('i1', 4),
    f('m', 4, 2)], opset=14)
save('unary', [
    ('LeakyRelu', 'x', 'a', dict(alpha=0.1)),
    ('Sigmoid', 'a', 'b', {}), ('Tanh', 'b', 'c', {}), ('Erf', 'c', 'd', {}), ('Exp', 'd', 'e', {}),
    ('Sqrt', 'e', 'g', {}), ('Reciprocal', 'g', 'h', {}), ('Neg', 'h', 'i', {}), ('Abs', 'i', 'j', {}),
    ('Floor', 'j', 'k', {}), ('Softplus', 'k', 'l', {}), ('Elu', 'l', 'm', {}), ('PRelu', 'm,s', 'n', {}),
    ('Sub', 'n,x', 'o', {}), ('Pow', 'o,two', 'p', {}), ('ReduceSum', 'p,axes', 'q', dict(keepdims=0)),
    ('Dropout', 'q', 'r', {}), ('Identity', 'r', 'y', {}),
], [f('s', 3, 1, 1), numpy_helper.from_array(np.array(2, 'f4'), 'two'), i('axes', 2, -1)])
save('constants', [
    ('Constant', '', 'a', dict(value=numpy_helper.from_array(np.ones((1, 3, 1, 1), 'f2'), 'v'))),
    ('ConstantOfShape', 'sh', 'b', dict(value=numpy_helper.from_array(np.array([2], 'f4'), 'v'))),
    ('Expand', 'a,sh', 'c', {}),
    ('Mul', 'x,c', 'd', {}),
    ('ReduceMax', 'd', 'e', dict(axes=[2, 3])),
    ('GlobalMaxPool', 'd', 'g', {}),
    ('Add', 'e,g', 'y', {}),
], [i('sh', 1, 3, 6, 1)])
save('old', [
    ('Clip', 'x', 'a', dict(min=0.0, max=6.0)), ('Slice', 'a', 'b', dict(starts=[0, 1], ends=[9, -1], axes=[1, 3])),
    ('Pad', 'b', 'c', dict(pads=[0, 0, 1, 0, 0, 0, 0, 1], value=1.0)), ('Unsqueeze', 'c', 'd', dict(axes=[0])),
    ('Squeeze', 'd', 'e', dict(axes=[0])), ('Softmax', 'e', 'y', {}),
], [], opset=9)
save('norms', [
    ('LRN', 'x', 'a', dict(size=3, alpha=0.001, beta=0.75)),
    ('InstanceNormalization', 'a,s,b', 'c', {}),
    ('LayerNormalization', 'c,g,h', 'd,m,v', dict(axis=-2)),
    ('LogSoftmax', 'd', 'e', dict(axis=1)),
    ('Add', 'e,m', 'f', {}), ('Sub', 'f,v', 'y', {}),
], [f('s', 3), f('b', 3), f('g', 6, 6), f('h', 6, 6)], opset=17)
save('sizes', [
    ('Resize', 'x,none,,size', 'a', dict(mode='linear', coordinate_transformation_mode='pytorch_half_pixel')),
    ('Resize', 'a,none,scales', 'b', dict(mode='nearest', nearest_mode='ceil')),
    ('SpaceToDepth', 'b', 'c', dict(blocksize=2)), ('DepthToSpace', 'c', 'd', dict(blocksize=2, mode='CRD')),
    ('Tile', 'd,r', 'y', {}),
], [i('size', 1, 3, 4, 9), numpy_helper.from_array(np.array([], 'f4'), 'none'),
    numpy_helper.from_array(np.array([1, 1, 2, .7], 'f4'), 'scales'), i('r', 1, 2, 1, 2)])
save('many', [
    ('Sum', 'x,p,q', 'a', {}), ('Mean', 'a,q', 'b', {}), ('Max', 'b,p,x', 'c', {}), ('Min', 'c,q', 'd', {}),
    ('Log', 'd', 'e', {}), ('Ceil', 'e', 'f', {}), ('Round', 'f', 'g', {}), ('Sign', 'g', 'h', {}),
    ('Selu', 'h', 'i', {}), ('Celu', 'i', 'j', dict(alpha=2.0)), ('ThresholdedRelu', 'j', 'k', {}),
    ('Softsign', 'k', 'l', {}), ('ReduceMin', 'l', 'm', dict(axes=[1])), ('ReduceL2', 'm', 'n', dict(axes=[2])),
    ('ReduceL1', 'n', 'o', {}), ('ReduceProd', 'o', 's', {}), ('ReduceSumSquare', 's', 't', {}),
    ('ReduceLogSum', 't', 'y', {}),
], [f('p', 3, 1, 1), f('q', 6)])
save('logic', [
    ('Shape', 'x', 'a', {}), ('Size', 'x', 'b', {}), ('Range', 'zero,four,one', 'c', {}),
    ('Equal', 'a,c', 'd', {}), ('Greater', 'a,c', 'e', {}), ('Or', 'd,e', 'f', {}), ('Not', 'f', 'g', {}),
    ('And', 'g,f', 'h', {}), ('LessOrEqual', 'c,a', 'i', {}), ('Where', 'i,a,c', 'j', {}), ('Neg', 'b', 'k', {}),
    ('Less', 'k,j', 'l', {}), ('GreaterOrEqual', 'j,k', 'm', {}), ('Cast', 'l', 'n', dict(to=10)),
    ('Cast', 'h', 'o', dict(to=16)), ('Cast', 'm', 'p', dict(to=9)), ('Where', 'p,n,o', 'q', {}),
    ('ReduceMax', 'q', 'r', {}), ('Mul', 'x,r', 'y', {}),
], [numpy_helper.from_array(np.array(v, 'i8'), n) for n, v in (('zero', 0), ('four', 4), ('one', 1))])
save('upsample', [('Upsample', 'x', 'y', dict(mode='nearest', scales=[1.0, 1.0, 2.0, 1.5]))], [], opset=8)
