"""Sizes are (batch, units)."""
import numpy as np

from . import Case, garbage

SIZES = ((0, 3), (2, 0), (1, 1), (1, 7), (3, 16), (2, 33), (5, 130), (64, 65))


def int16(rng, shape, most=32767):
    return rng.integers(-most - 1, most + 1, shape).astype(np.int16)


def tables():
    x = (np.arange(513) - 256) / 32
    real = np.stack([1 / (1 + np.exp(-x)), np.tanh(x)]) * 32768
    return np.clip(np.rint(real), -32768, 32767).astype(np.int16)


def cell(gates, most, result, **attrs):
    def make(rng, _, size):
        batch, units = size
        shapes = (batch, gates * units), (batch, gates * units), (batch, units)
        return (garbage(size, np.int8), garbage(size, np.int16), *(int16(rng, s, most) for s in shapes), tables(),
                result), dict(attrs)
    return make


def case(kernel, make, note, bench=None):
    return Case(kernel, make, SIZES, bench, (0, 0), (0, 0), note, (np.float32,))


CASES = [
    case("quantized_lstm_cell", cell(4, 9000, (1 << 30, -22, 0)), "ordinary", (16, 128)),
    case("quantized_lstm_cell", cell(4, 32767, (1900000000, -23, -5), fraction=15), "extreme"),
    case("quantized_lstm_cell", cell(4, 32767, (1 << 30, -22, 3), fraction=12), "even"),
    case("quantized_gru_cell", cell(3, 9000, (1 << 30, -7, 0)), "ordinary", (16, 128)),
    case("quantized_gru_cell", cell(3, 32767, (1900000000, -7, 4)), "extreme"),
]
