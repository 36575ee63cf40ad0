"""Packed and padded sequences against PyTorch, and their errors; recurrent cells against PyTorch."""
import numpy as np
import pytest

import fastnet
from fastnet import nn
from fastnet.nn.utils import rnn

LENGTHS = [3, 5, 1, 5]
rng = np.random.default_rng(0)
PADDED = rng.standard_normal((4, 5, 2))
CELLS = [("LSTMCell", {}), ("LSTMCell", {"bias": False}), ("GRUCell", {}), ("GRUCell", {"bias": False}),
         ("RNNCell", {}), ("RNNCell", {"nonlinearity": "relu", "bias": False})]


def both(function):
    """function(library, its nn.utils.rnn) in PyTorch and in fastnet."""
    torch = pytest.importorskip("torch")
    return function(torch, torch.nn.utils.rnn), function(fastnet, rnn)


def assert_same(theirs, ours):
    np.testing.assert_array_equal(ours.detach().numpy(), theirs.detach().numpy())


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("enforce_sorted", [True, False])
def test_packing_and_padding(batch_first, enforce_sorted):
    lengths = sorted(LENGTHS, reverse=True) if enforce_sorted else LENGTHS
    x = PADDED if batch_first else PADDED.swapaxes(0, 1)

    def run(library, functions):
        t = library.tensor(x.copy(), requires_grad=True)
        packed = functions.pack_padded_sequence(t, lengths, batch_first, enforce_sorted)
        padded, found = functions.pad_packed_sequence(packed, batch_first, -7.0, 6)
        (packed.data.sum() + (padded * padded).sum()).backward()
        parts = [packed.data, packed.batch_sizes, padded, found, t.grad, *functions.unpack_sequence(packed)]
        return parts + ([] if enforce_sorted else [packed.sorted_indices[2:], packed.unsorted_indices[2:]])

    theirs, ours = both(run)
    for a, b in zip(theirs[:-2], ours[:-2], strict=True):
        if a.shape == b.shape and a is not theirs[0]:
            assert_same(a, b)
    assert_same(theirs[2], ours[2])
    assert_same(theirs[4], ours[4])


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("side", ["right", "left"])
def test_padding_of_a_list(batch_first, side):
    arrays = [rng.standard_normal((n, 3)) for n in LENGTHS]

    def run(library, functions):
        ts = [library.tensor(a, requires_grad=True) for a in arrays]
        padded = functions.pad_sequence(ts, batch_first, 0.5, side)
        (padded * padded).sum().backward()
        return [padded, *(t.grad for t in ts)]

    for a, b in zip(*both(run), strict=True):
        assert_same(a, b)


def test_a_list_survives_packing():
    listed = [fastnet.from_numpy(rng.standard_normal((n, 2))) for n in LENGTHS]
    for a, b in zip(rnn.unpack_sequence(rnn.pack_sequence(listed, enforce_sorted=False)), listed, strict=True):
        assert (a == b).all()
    padded = rnn.pad_sequence(listed)
    for a, b in zip(rnn.unpad_sequence(padded, LENGTHS), listed, strict=True):
        assert (a == b).all()


def test_conversions_of_a_packed_sequence():
    packed = rnn.pack_sequence([fastnet.ones(2, 1)])
    assert packed.double().data.dtype == fastnet.float64 and packed.double().float().data.dtype == fastnet.float32
    assert packed.to(fastnet.float64).batch_sizes is packed.batch_sizes
    assert packed.cpu() is packed and not packed.is_cuda


@pytest.mark.parametrize("lengths, words", [
    ([3, 5, 1, 5], "expected lengths that do not increase, got 5 after 3 for sequence 1"),
    ([5, 5, 3, 0], "expected lengths from 1 to 5, the number of steps of the input, got 0 for sequence 3"),
    ([6, 5, 3, 1], "expected lengths from 1 to 5, the number of steps of the input, got 6 for sequence 0"),
    ([5, 3, 1], "expected 4 lengths, one integer for each sequence of the batch, got"),
    ([5, 3, 1, 0.5], "expected 4 lengths, one integer"),
])
def test_errors_of_lengths(lengths, words):
    with pytest.raises(RuntimeError, match=words):
        rnn.pack_padded_sequence(fastnet.from_numpy(PADDED), lengths, batch_first=True)


def test_other_errors():
    with pytest.raises(ValueError, match="total_length to be at least 2"):
        rnn.pad_packed_sequence(rnn.pack_sequence([fastnet.ones(2)]), total_length=1)
    with pytest.raises(RuntimeError, match="one or more tensors"):
        rnn.pad_sequence([])
    with pytest.raises(RuntimeError, match="differ in length only"):
        rnn.pad_sequence([fastnet.ones(2, 1), fastnet.ones(2, 2)])
    with pytest.raises(RuntimeError, match="do not increase"):
        rnn.pack_sequence([fastnet.ones(1), fastnet.ones(2)])


def test_lengths_inside_a_compiled_function_are_a_list():
    pack = fastnet.compile(lambda x, lengths: fastnet.nn.utils.rnn.pack_padded_sequence(x, lengths).data)
    x = fastnet.ones(3, 2, 1)
    with pytest.raises(RuntimeError, match=r"pack_padded_sequence with lengths as a tensor .*Pass a list of integers"):
        pack(x, fastnet.tensor([3, 2]))
    assert pack(x, [3, 2]).shape == (5, 1) and pack(x, [2, 1]).shape == (3, 1)


# ---- cells ----------------------------------------------------------------------------------------------------------

def pair(kind, options, dtype):
    torch = pytest.importorskip("torch")
    theirs, ours = (getattr(m, kind)(3, 20, dtype=getattr(library, dtype), **options)
                    for library, m in ((torch, torch.nn), (fastnet, nn)))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({k: fastnet.from_numpy(v.numpy()) for k, v in theirs.state_dict().items()})
    return theirs, ours


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-10), ("float32", 1e-4)])
@pytest.mark.parametrize("kind, options", CELLS)
@pytest.mark.parametrize("shape", [(4, 5, 3), (4, 3)])
def test_cells(kind, options, shape, dtype, tolerance):
    x = rng.standard_normal(shape).astype(dtype)

    def run(library, cell, function=lambda f: f):
        def step(x):
            cell.zero_grad()
            state = None
            for t in range(len(shape) and shape[0]):
                state = cell(x[t], state)
            total = sum((s * s + s).sum() for s in (state if isinstance(state, tuple) else (state,)))
            total.backward()
            return total.detach()
        given = library.tensor(x)
        compiled = function(step)
        return [compiled(given) for _ in range(3)][-1:] + [p.grad for p in cell.parameters()]

    theirs, ours = pair(kind, options, dtype)
    expected = run(pytest.importorskip("torch"), theirs)
    eager, recorded = ([t.numpy().copy() for t in run(fastnet, ours, f)] for f in (lambda f: f, fastnet.compile))
    for a, b, c in zip(expected, eager, recorded, strict=True):
        assert np.abs(b - a.numpy()).max() <= tolerance * max(np.abs(a.numpy()).max(), 1e-3)
        assert b.tobytes() == c.tobytes()


def test_errors_of_cells():
    cell = nn.LSTMCell(3, 4)
    with pytest.raises(RuntimeError, match=r"expected an input of shape \(B, 3\), or \(3,\) without a batch"):
        cell(fastnet.zeros(2, 4))
    with pytest.raises(RuntimeError, match=r"expected h of shape \(2, 4\), got shape \(2, 3\)"):
        cell(fastnet.zeros(2, 3), (fastnet.zeros(2, 3), fastnet.zeros(2, 4)))
    with pytest.raises(RuntimeError, match=r"a tuple \(h, c\)"):
        cell(fastnet.zeros(2, 3), fastnet.zeros(2, 4))
    with pytest.raises(ValueError, match="hidden_size to be 1 or more"):
        nn.GRUCell(3, 0)
