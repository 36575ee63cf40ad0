"""Models of integer operations with random weights."""
import numpy as np

import fastnet
from fastnet import nn
from fastnet.functional.quantized import (
    dequantize,
    factor_of,
    factors_of,
    function_table,
    quantize,
    quantized_add,
    quantized_avg_pool,
    quantized_concat,
    quantized_conv,
    quantized_function,
    quantized_gru,
    quantized_linear,
    quantized_lstm,
    quantized_max_pool,
    quantized_mul,
    quantized_softmax,
    requantize,
)

DRAW = np.random.default_rng(3)


def integers(*shape, low=-127, high=127, dtype=np.int8):
    return fastnet.tensor(DRAW.integers(low, high, shape, endpoint=True).astype(dtype))


def factors(count, size):
    """(multiplier, shift) of factors that bring sums of `size` products to 8 bits."""
    made = factors_of(DRAW.uniform(0.2, 3.0, count) / (3000 * np.sqrt(size)))
    return tuple(fastnet.tensor(x) for x in made)


class Integer(nn.Module):
    """Quantise, compute with integers, dequantise; its tensors are buffers.

    Args:
        function: from the module and the integers to integers.
        zero: the integer that stands for 0 in the input.
        tensors: buffers by name.
    """

    def __init__(self, function, zero=3, **tensors):
        super().__init__()
        self.function, self.zero = function, zero
        for name, x in tensors.items():
            self.register_buffer(name, x)

    def forward(self, x):
        return dequantize(self.function(self, quantize(x, 0.05, self.zero)), 0.1, -7)


def linear(inputs=12):
    m, s = factors(5, inputs)
    return Integer(lambda n, q: quantized_linear(q, n.w, n.b, n.m, n.s, 3, -7, -50, 90), w=integers(5, inputs),
                   b=integers(5, low=-9000, high=9000, dtype=np.int32), m=m, s=s)


def conv(channels, filters, groups, kernel, **options):
    m, s = factors(filters, channels // groups * np.prod(kernel))
    return Integer(lambda n, q: quantized_conv(q, n.w, n.b, n.m, n.s, 3, -7, groups=groups, **options),
                   w=integers(filters, channels // groups, *kernel),
                   b=integers(filters, low=-9000, high=9000, dtype=np.int32), m=m, s=s)


def recurrent(cell, steps, units):
    gates = {"lstm": 4, "gru": 3}[cell]
    tensors = {}
    for part, width in (("ih", 6), ("hh", units)):
        tensors[f"w_{part}"] = integers(gates * units, width)
        tensors[f"b_{part}"] = integers(gates * units, low=-4000, high=4000, dtype=np.int32)
        made = factors_of(DRAW.uniform(0.3, 2.0, gates * units) / np.sqrt(width))
        tensors[f"m_{part}"], tensors[f"s_{part}"] = map(fastnet.tensor, made)

    def run(n, q):
        weights, scales = [n.w_ih, n.w_hh, n.b_ih, n.b_hh], [n.m_ih, n.s_ih, n.m_hh, n.s_hh]
        if cell == "lstm":
            return quantized_lstm(q, (None, None), weights, scales, 3, -7, factor_of(2.0 ** -23))[0]
        return quantized_gru(q, None, weights, scales, 3, -7, factor_of(2.0 ** -8))[0]
    return Integer(run, **tensors)


def table():
    return fastnet.tensor(function_table(np.tanh, 0.05, 3, 0.1, -7))


X2, X3, X4 = (2, 12), (1, 6, 9), (1, 4, 7, 8)
MODELS = {
    "linear": (linear, X2),
    "conv1d": (lambda: conv(6, 4, 2, (3,), stride=2, padding=2, dilation=2), X3),
    "conv2d": (lambda: conv(4, 6, 1, (3, 3), padding=1), X4),
    "conv2d uneven": (lambda: conv(4, 6, 1, (2, 3), stride=(2, 1), padding=((0, 1), (2, 0))), X4),
    "pointwise": (lambda: conv(4, 6, 1, (1, 1)), X4), "depthwise": (lambda: conv(4, 4, 4, (3, 3), padding=1), X4),
    "max pool": (lambda: Integer(lambda n, q: quantized_max_pool(q, 3, 2, 1)), X4),
    "avg pool": (lambda: Integer(lambda n, q: quantized_avg_pool(q, 3, 2, 1, zero_point=3)), X4),
    "avg pool ceil": (lambda: Integer(lambda n, q: quantized_avg_pool(q, 3, 2, 1, 3, ceil_mode=True)), X4),
    "avg pool inside": (lambda: Integer(lambda n, q: quantized_avg_pool(q, 2, 2, 1, 3, count_include_pad=False)), X4),
    "add": (lambda: Integer(lambda n, q: quantized_add(q, n.other, 0.05, 3, 0.08, -4, 0.1, -7, -20, 127),
                            other=integers(1, 12)), X2),
    "mul": (lambda: Integer(lambda n, q: quantized_mul(q, n.other, 0.05, 3, 0.08, -4, 0.1, -7), other=integers(2, 12)),
            X2),
    "concat": (lambda: Integer(lambda n, q: quantized_concat([q, n.other], [0.05, 0.1], [3, -7], 0.1, -7, 2),
                               other=integers(1, 6, 2)), (1, 6, 3)),
    "requantize": (lambda: Integer(lambda n, q: requantize(q, 0.05, 3, 0.1, -7, -30, 40)), X2),
    "function": (lambda: Integer(lambda n, q: quantized_function(q, n.table), table=table()), X2),
    "softmax": (lambda: Integer(lambda n, q: quantized_softmax(q, 0.05, 1)), X2),
    "lstm": (lambda: recurrent("lstm", 5, 7), (5, 2, 6)), "gru": (lambda: recurrent("gru", 5, 7), (5, 1, 6)),
    "views": (lambda: Integer(lambda n, q: q.transpose(1, 2).flatten(1)), X3),
}


def network():
    """A convolution, pools, a residual connection and a linear layer."""
    first, second, last = conv(1, 4, 1, (3, 3)), conv(4, 4, 4, (3, 3)), linear(4)

    def run(n, q):
        x = quantized_max_pool(first.function(first, q), 2)
        y = quantized_conv(x, second.w, second.b, second.m, second.s, -7, 2, padding=1, groups=4)
        z = quantized_add(x, y, 0.1, -7, 0.05, 2, 0.1, 3, 3)
        z = quantized_avg_pool(z, 3, zero_point=3).flatten(1)
        return quantized_softmax(quantized_linear(z, last.w, last.b, last.m, last.s, 3, 0), 0.1)
    model = Integer(run)
    model.parts = nn.ModuleList([first, second, last])
    return model


MODELS["network"] = network, (1, 1, 8, 8)


def integer_model(name):
    """A model and an input."""
    make, shape = MODELS[name]
    return make(), fastnet.tensor(DRAW.normal(0, 3, shape).astype(np.float32))
