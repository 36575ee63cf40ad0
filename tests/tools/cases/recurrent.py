"""Sizes are (steps, sequences, units)."""
import numpy as np

from . import Case, garbage, real

SIZES = ((0, 2, 3), (3, 0, 4), (2, 3, 1), (1, 1, 5), (4, 1, 17), (3, 2, 8), (2, 5, 15), (3, 16, 16), (2, 15, 33),
         (5, 4, 65), (2, 33, 20), (3, 2, 256))
LARGE = ((3, 2, 725),)                  # the weight exceeds a core's cache: a launch for each step
BENCH = (50, 32, 128)
LOOSE = {"rtol": (2e-5, 1e-12), "atol": (2e-4, 1e-12)}


def numbers(rng, dtype, *shape):
    return real(rng, shape, dtype, special=False)


def weight(rng, dtype, rows, columns):
    return numbers(rng, dtype, rows, columns) / dtype(max(columns, 1) ** 0.5)


class Layer:
    """The arrays of a layer with `gates` gates: states of `state` elements, or of as many as there are units."""

    def __init__(self, rng, dtype, size, gates, packed=False, projected=False, strided=False):
        steps, batch, self.units = size
        self.state = (self.units + 1) // 2 if projected else self.units
        self.rng, self.dtype, self.batch, self.gates, self.strided = rng, dtype, batch, gates, strided
        self.sizes = np.sort(rng.integers(1, batch + 1, steps))[::-1].copy() if packed and batch else None
        self.rows = int(self.sizes.sum()) if self.sizes is not None else steps * batch
        self.weight = weight(rng, dtype, gates * self.units, self.state)
        self.projection = weight(rng, dtype, self.state, self.units) if projected else None
        self.bias = numbers(rng, dtype, gates * self.units)

    def over_time(self, width, *, written=False):
        """An array over time, an output or an input; a part of wider rows if `strided`."""
        shape = self.rows, width * (2 if self.strided else 1)
        whole = garbage(shape, self.dtype) if written else numbers(self.rng, self.dtype, *shape)
        return whole[:, :width]

    def kept(self, width, wanted=True):
        return garbage((self.rows, width), self.dtype) if wanted else None

    def states(self, width, wanted=True):
        return numbers(self.rng, self.dtype, self.batch, width) if wanted else None

    def to_states(self, width):
        return garbage((self.batch, width), self.dtype)

    def gates_of(self, *kinds):
        """Numbers as gates are after their activation: "s" in (0, 1), "t" in (-1, 1)."""
        low = {"s": 0, "t": -1}
        gates = [self.rng.uniform(low[k], 1, (self.rows, self.units)) for k in kinds]
        return np.concatenate(gates, 1).astype(self.dtype)


def lstm(tracked=True, first=True, reverse=False, **layer):
    def make(rng, dtype, size):
        a = Layer(rng, dtype, size, 4, **layer)
        h, p = a.units, a.state
        return (a.over_time(p, written=True), a.to_states(p), a.to_states(h), a.kept(p, tracked), a.kept(h, tracked),
                a.kept(h, tracked and a.projection is not None), numbers(rng, dtype, a.rows, 4 * h), a.states(p, first),
                a.states(h, first), a.weight, a.bias if first else None, a.projection,
                a.sizes), {"reverse": reverse}
    return make


def lstm_backward(last=True, reverse=False, **layer):
    def make(rng, dtype, size):
        a = Layer(rng, dtype, size, 4, **layer)
        h, p = a.units, a.state
        return (a.kept(4 * h), a.to_states(p), a.to_states(h), a.kept(p, a.projection is not None),
                a.gates_of("s", "s", "t", "s"), numbers(rng, dtype, a.rows, h), a.weight, a.projection, a.over_time(p),
                a.states(p, last), a.states(h, last), a.sizes), {"reverse": reverse}
    return make


def gru(tracked=True, first=True, reverse=False, **layer):
    def make(rng, dtype, size):
        a = Layer(rng, dtype, size, 3, **layer)
        h = a.units
        return (a.over_time(h, written=True), a.to_states(h), a.kept(h, tracked), a.kept(h, tracked),
                numbers(rng, dtype, a.rows, 3 * h), a.states(h, first), a.weight, a.bias if first else None,
                a.sizes), {"reverse": reverse}
    return make


def gru_backward(last=True, reverse=False, **layer):
    def make(rng, dtype, size):
        a = Layer(rng, dtype, size, 3, **layer)
        h = a.units
        return (a.kept(3 * h), a.kept(3 * h), a.to_states(h), a.gates_of("s", "s", "t"), numbers(rng, dtype, a.rows, h),
                numbers(rng, dtype, a.rows, h), a.weight, a.over_time(h), a.states(h, last),
                a.sizes), {"reverse": reverse}
    return make


def rnn(tracked=True, first=True, reverse=False, relu=False, **layer):
    def make(rng, dtype, size):
        a = Layer(rng, dtype, size, 1, **layer)
        h = a.units
        return (a.over_time(h, written=True), a.to_states(h), a.kept(h, tracked), numbers(rng, dtype, a.rows, h),
                a.states(h, first), a.weight, a.bias if first else None,
                a.sizes), {"reverse": reverse, "relu": relu}
    return make


def rnn_backward(last=True, reverse=False, relu=False, **layer):
    def make(rng, dtype, size):
        a = Layer(rng, dtype, size, 1, **layer)
        h = a.units
        return (a.kept(h), a.to_states(h), np.tanh(a.over_time(h)), a.weight, a.over_time(h), a.states(h, last),
                a.sizes), {"reverse": reverse, "relu": relu}
    return make


def with_product(make, gates, weight):
    """One step with the product of the states in place of the weight, the argument number `weight`."""
    def made(rng, dtype, size):
        args, attrs = make(rng, dtype, (1, *size[1:]))
        product = numbers(rng, dtype, size[1], gates * size[2])
        return (*args[:weight], None, *args[weight + 1:]), {**attrs, "product": product}
    return made


def with_input(features, **options):
    """The part of the input computed in each step."""
    def made(rng, dtype, size):
        args, attrs = lstm(**options)(rng, dtype, size)
        inputs = {"input": numbers(rng, dtype, len(args[6]), features),
                  "input_weight": weight(rng, dtype, 4 * size[2], features)}
        return args, {**attrs, **inputs}
    return made


def without_weight(make, weight):
    """The gradient of one step without the weight, the argument number `weight`."""
    def made(rng, dtype, size):
        args, attrs = make(rng, dtype, (1, *size[1:]))
        return (*args[:weight], None, *args[weight + 1:]), attrs
    return made


def cases(kernel, make, bare, **more):
    """The usual options of a layer's kernel; `bare` are its options without optional arrays."""
    yield Case(kernel, make(**more), SIZES, BENCH, **LOOSE)
    for note, options in (("bare", bare), ("reverse", {"reverse": True}), ("packed", {"packed": True}),
                          ("packed-reverse", {"packed": True, "reverse": True}), ("strided", {"strided": True})):
        yield Case(kernel, make(**options, **more), SIZES, None, note=note, **LOOSE)


FORWARD, BACKWARD = {"tracked": False, "first": False}, {"last": False}
CASES = [
    *cases("lstm_", lstm, FORWARD), *cases("lstm_backward", lstm_backward, BACKWARD),
    *cases("gru_", gru, FORWARD), *cases("gru_backward", gru_backward, BACKWARD),
    *cases("rnn", rnn, FORWARD), *cases("rnn_backward", rnn_backward, BACKWARD),
    *(Case(kernel, make(projected=True, packed=packed), SIZES[2:], None, note=note, **LOOSE)
      for kernel, make in (("lstm_", lstm), ("lstm_backward", lstm_backward))
      for note, packed in (("projected", False), ("projected-packed", True))),
    *(Case(kernel, with_product(make(), gates, weight), SIZES, None, note="product", **LOOSE)
      for kernel, make, gates, weight in (("lstm_", lstm, 4, 9), ("gru_", gru, 3, 6), ("rnn", rnn, 1, 5))),
    *(Case(kernel, without_weight(make(), weight), SIZES, None, note="no weight", **LOOSE)
      for kernel, make, weight in (("lstm_backward", lstm_backward, 6), ("gru_backward", gru_backward, 6),
                                   ("rnn_backward", rnn_backward, 3))),
    Case("lstm_", with_input(7), SIZES, BENCH, note="input", **LOOSE),
    Case("lstm_", with_input(33, tracked=False, reverse=True), LARGE, None, note="large weight-input", **LOOSE),
    Case("lstm_", with_input(33, tracked=False, reverse=True, packed=True), SIZES, None, note="input-packed", **LOOSE),
    *(Case(kernel, make(reverse=reverse, strided=reverse), LARGE, None, note=note, **LOOSE)
      for kernel, make in (("lstm_", lstm), ("lstm_backward", lstm_backward), ("gru_", gru),
                           ("gru_backward", gru_backward), ("rnn", rnn), ("rnn_backward", rnn_backward))
      for note, reverse in (("large weight", False), ("large weight-reverse", True))),
    Case("rnn", rnn(relu=True), SIZES, None, note="relu", **LOOSE),
    Case("rnn_backward", rnn_backward(relu=True), SIZES, None, note="relu", **LOOSE),
]
