"""Recurrent layers against PyTorch, their bits, and their errors."""
import itertools

import numpy as np
import pytest

import fastnet
from fastnet import nn
from fastnet.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from tests.tools.kernel_tools import ISAS, instruction_set, threaded

SIZES = 5, 4, 3, 6                      # steps, sequences, input, units
LENGTHS = [2, 5, 1, 5]
KINDS = ("LSTM", "GRU", "RNN")
TOLERANCE = {"float64": 1e-9, "float32": 1e-4}
# num_layers, bidirectional, batch_first, bias
OPTIONS = [(1, False, False, True), (2, True, True, False), (3, False, True, True), (1, True, False, False)]


def arguments(layers, bidirectional, batch_first, bias, more=()):
    return dict(num_layers=layers, bidirectional=bidirectional, batch_first=batch_first, bias=bias, **dict(more))


def arrays(kind, given, dtype, size=SIZES):
    """An input and first states."""
    rng = np.random.default_rng(3)
    steps, batch, width, units = size
    layers = given["num_layers"] * (2 if given["bidirectional"] else 1)
    shape = (batch, steps, width) if given["batch_first"] else (steps, batch, width)
    states = [(layers, batch, given.get("proj_size") or units), (layers, batch, units)][:2 if kind == "LSTM" else 1]
    return [rng.standard_normal(s).astype(dtype) for s in (shape, *states)]


def run(library, layer, x, states, lengths=None):
    """Outputs and last states, and the gradients of input, states and parameters of a loss that depends on all."""
    x, *states = (library.tensor(a, requires_grad=True) for a in (x, *states))
    packing = library.nn.utils.rnn
    hx = None if not states else tuple(states) if len(states) > 1 else states[0]
    given = x if lengths is None else packing.pack_padded_sequence(x, lengths, layer.batch_first, enforce_sorted=False)
    out, last = layer(given, hx)
    if lengths is not None:
        out, found = packing.pad_packed_sequence(out, layer.batch_first)
        assert found.tolist() == lengths
    results = [out, *(last if isinstance(last, tuple) else [last])]
    sum(((r * r + r) * (i + 1)).sum() for i, r in enumerate(results)).backward()
    leaves = [x, *states, *layer.parameters()]
    return [t.detach().numpy() for t in results] + [t.grad.numpy() for t in leaves]


def assert_near(got, expected, dtype):
    for a, b in zip(got, expected, strict=True):
        assert a.shape == b.shape
        assert np.abs(a - b).max(initial=0) <= TOLERANCE[dtype] * max(np.abs(b).max(initial=0), 1e-3)


def pair(kind, dtype, size=SIZES, **given):
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn, kind)(*size[2:], dtype=getattr(torch, dtype), **given)
    ours = getattr(nn, kind)(*size[2:], dtype=dtype, **given)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({k: fastnet.from_numpy(v.numpy()) for k, v in theirs.state_dict().items()})
    return ours, theirs


GRID = [(kind, arguments(*options, more)) for kind in KINDS for options in OPTIONS
        for more in ((), *([(("proj_size", 4),)] if kind == "LSTM" else []),
                     *([(("nonlinearity", "relu"),)] if kind == "RNN" else []))]


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kind, given", GRID, ids=str)
def test_against_torch(kind, given, dtype):
    torch = pytest.importorskip("torch")
    ours, theirs = pair(kind, dtype, **given)
    x, *states = arrays(kind, given, dtype)
    for lengths, first in itertools.product((None, LENGTHS), (states, [])):
        assert_near(run(fastnet, ours, x, first, lengths), run(torch, theirs, x, first, lengths), dtype)


@pytest.mark.parametrize("backend", ["numpy", *ISAS])
@pytest.mark.parametrize("kind", KINDS)
def test_every_backend_against_torch(kind, backend):
    """Units that do not fill a vector, several panels and several slivers of sequences."""
    torch = pytest.importorskip("torch")
    size, given = (4, 33, 5, 37), arguments(2, True, False, True)
    ours, theirs = pair(kind, "float32", size, **given)
    x, *states = arrays(kind, given, "float32", size)
    lengths = [1 + i % 4 for i in range(33)]
    expected = run(torch, theirs, x, states, lengths)
    if backend == "numpy":
        with fastnet.backend.use_backend("numpy"):
            assert_near(run(fastnet, ours, x, states, lengths), expected, "float32")
    else:
        with instruction_set(backend):
            assert_near(run(fastnet, ours, x, states, lengths), expected, "float32")


@pytest.mark.parametrize("kind", KINDS)
def test_unbatched(kind):
    torch = pytest.importorskip("torch")
    ours, theirs = pair(kind, "float64", num_layers=2, bidirectional=True)
    x, *states = arrays(kind, arguments(2, True, False, True), "float64")
    x, states = x[:, 0], [s[:, 0] for s in states]
    for first in (states, []):
        assert_near(run(fastnet, ours, x, first), run(torch, theirs, x, first), "float64")


@pytest.mark.parametrize("kind", KINDS)
def test_same_bits(kind):
    """On several threads, eagerly and recorded."""
    given = arguments(2, True, True, True)
    layer = getattr(nn, kind)(5, 20, **given)
    x, *_ = arrays(kind, given, "float32", (7, 17, 5, 20))

    def step(x):
        layer.zero_grad()
        out = layer(x)[0]
        (out * out).sum().backward()
        return out.detach(), [p.grad * 1 for p in layer.parameters()]

    def bits(function):
        out, gradients = function(fastnet.from_numpy(x))
        return [t.numpy().tobytes() for t in (out, *gradients)]

    expected = bits(step)
    compiled = fastnet.compile(step)
    for threads in (1, 2, 3, 8):
        with threaded(threads):
            assert bits(step) == expected
            assert bits(compiled) == expected


def test_a_packed_sequence_as_an_argument_of_a_compiled_function():
    layer = nn.GRU(3, 4, batch_first=True)
    x = fastnet.randn(4, 5, 3)

    def run(packed):
        out, last = layer(packed)
        return out.data.detach(), last.detach()

    compiled = fastnet.compile(run)
    for lengths in ([2, 5, 1, 5], [5, 1, 2, 5], [4, 3, 1, 5]):          # the same number of rows
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        for got, expected in zip(compiled(packed), run(packed)):
            assert (got == expected).all()
    with pytest.raises(RuntimeError, match="inside a compiled function"):
        fastnet.compile(run)(pack_padded_sequence(x, [5, 5, 2, 1], batch_first=True))


def test_packing_inside_a_compiled_function():
    layer = nn.LSTM(3, 4, batch_first=True)

    def run(x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True)
        return pad_packed_sequence(layer(packed)[0], batch_first=True)[0].detach()

    compiled = fastnet.compile(run)
    for lengths in ([5, 3, 3], [4, 2, 1], [5, 3, 3]):
        x = fastnet.randn(3, 5, 3)
        assert (compiled(x, lengths) == run(x, lengths)).all()


def test_dropout_between_layers():
    layer = nn.LSTM(3, 8, 2, dropout=0.5)
    x = fastnet.randn(4, 2, 3)
    assert (layer(x)[0] != layer(x)[0]).any()
    layer.eval()
    assert (layer(x)[0] == layer(x)[0]).all()
    with pytest.warns(UserWarning, match="no effect with one layer"):
        nn.GRU(3, 4, dropout=0.5)


@pytest.mark.parametrize("make, error, words", [
    (lambda: nn.LSTM(0, 3), ValueError, "expected input_size to be 1 or more, got 0"),
    (lambda: nn.LSTM(2, 3, proj_size=3), ValueError, "proj_size=3 and hidden_size=3"),
    (lambda: nn.RNN(2, 3, nonlinearity="gelu"), ValueError, "tanh"),
    (lambda: nn.GRU(2, 3)(fastnet.zeros(2, 3, 4, 2)), ValueError, r"expected an input of shape \(T, B, 2\)"),
    (lambda: nn.GRU(2, 3)(fastnet.zeros(4, 2, 3)), RuntimeError, "2 features in the last dimension, got shape"),
    (lambda: nn.GRU(2, 3)(fastnet.zeros(0, 2, 2)), RuntimeError, "at least one step"),
    (lambda: nn.GRU(2, 3)(fastnet.zeros(4, 5, 2), fastnet.zeros(1, 4, 3)), RuntimeError,
     r"expected h_0 of shape \(1, 5, 3\), got shape \(1, 4, 3\)"),
    (lambda: nn.LSTM(2, 3)(fastnet.zeros(4, 5, 2), fastnet.zeros(1, 5, 3)), RuntimeError, r"a tuple \(h_0, c_0\)"),
    (lambda: nn.LSTM(2, 3)(fastnet.zeros(4, 5, 2), (fastnet.zeros(1, 5, 3), fastnet.zeros(1, 5, 2))), RuntimeError,
     r"expected c_0 of shape \(1, 5, 3\)"),
    (lambda: nn.LSTM(2, 3)(fastnet.zeros(4, 5, 2, dtype="float64")), ValueError, "dtype"),
])
def test_errors(make, error, words):
    with pytest.raises(error, match=words):
        make()


FROZEN = {
    "LSTM": lambda: nn.LSTM(4, 5, 2, bidirectional=True), "GRU": lambda: nn.GRU(4, 5, bias=False),
    "RNN": lambda: nn.RNN(4, 5), "proj_size": lambda: nn.LSTM(4, 5, proj_size=3),
    "LSTMCell": lambda: nn.LSTMCell(4, 5), "GRUCell": lambda: nn.GRUCell(4, 5), "RNNCell": lambda: nn.RNNCell(4, 5)}


@pytest.mark.parametrize("make", FROZEN.values(), ids=FROZEN)
def test_the_gradient_of_the_input_of_a_frozen_layer(make):
    layer, x = make(), fastnet.rand(3, 4, requires_grad=True)

    def gradient():
        out = layer(x)
        return fastnet.grad((out[0] if isinstance(out, tuple) else out).sum(), x)[0]
    expected = gradient()
    layer.requires_grad_(False)
    assert fastnet.equal(gradient(), expected)
