"""The CTC loss against PyTorch, its errors, and decoding against a sum over all alignments."""
import itertools

import numpy as np
import pytest

import fastnet
from fastnet.nn import functional as F
from fastnet.ops import ctc_beam_decode, ctc_greedy_decode

pytestmark = pytest.mark.usefixtures("backend")

SIZES = [(12, 3, 5, 4), (30, 2, 3, 9), (7, 4, 20, 2)]             # steps, samples, classes, the longest target


def sample(size, dtype="float64", seed=0):
    steps, samples, classes, longest = size
    rng = np.random.default_rng(seed)
    x = (3 * rng.standard_normal((steps, samples, classes))).astype(dtype)
    lengths = rng.integers(1, longest + 1, samples)
    return x, rng.integers(1, classes, (samples, longest)), rng.integers(steps // 2, steps + 1, samples), lengths


def flat(targets, lengths):
    return np.concatenate([row[:n] for row, n in zip(targets, lengths)])


def compare(x, targets, *rest, tolerance, **options):
    torch = pytest.importorskip("torch")
    results = []
    for f in (fastnet, torch):
        leaf = f.tensor(x, requires_grad=True)
        loss = f.nn.functional.ctc_loss(leaf.log_softmax(-1), f.tensor(targets), *rest, **options)
        weights = f.tensor(np.linspace(0.5, 1.5, int(np.prod(loss.shape))).reshape(loss.shape).astype(x.dtype))
        (loss * weights).sum().backward()
        results.append((loss.detach().numpy(), leaf.grad.numpy()))
    for ours, theirs in zip(*results):
        assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
        scale = np.abs(theirs[np.isfinite(theirs)]).max(initial=1)
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-9), ("float32", 1e-4)])
def test_agrees_with_pytorch(size, reduction, dtype, tolerance):
    x, targets, steps, lengths = sample(size, dtype)
    fits = [n for n in range(len(steps)) if steps[n] >= 2 * lengths[n]]
    x, targets, steps, lengths = x[:, fits], targets[fits], steps[fits], lengths[fits]
    for given in (targets, flat(targets, lengths)):
        compare(x, given, steps.tolist(), lengths.tolist(), reduction=reduction, tolerance=tolerance)


def test_another_blank_tensors_as_lengths_and_one_sample():
    x, targets, steps, lengths = sample(SIZES[0])
    torch = pytest.importorskip("torch")
    compare(x, targets - 1, steps.tolist(), lengths.tolist(), blank=4, tolerance=1e-9)
    a = F.ctc_loss(fastnet.tensor(x).log_softmax(2), fastnet.tensor(targets), fastnet.tensor(steps),
                   fastnet.tensor(lengths))
    b = torch.nn.functional.ctc_loss(torch.tensor(x).log_softmax(2), torch.tensor(targets), torch.tensor(steps),
                                     torch.tensor(lengths))
    assert a.item() == pytest.approx(b.item(), rel=1e-12)
    for reduction in ("none", "mean", "sum"):
        compare(x[:, 0], targets[0], (12,), (4,), reduction=reduction, tolerance=1e-9)


def test_a_target_longer_than_its_input_is_infinite():
    x, targets, steps, lengths = sample((4, 3, 5, 6))
    steps[:], lengths[:] = (4, 2, 0), (1, 6, 0)
    for zero_infinity in (False, True):
        compare(x, targets, steps.tolist(), lengths.tolist(), reduction="none", zero_infinity=zero_infinity,
                tolerance=1e-9)
    assert fastnet.isinf(F.ctc_loss(fastnet.tensor(x), fastnet.tensor(targets), [4, 2, 0], [1, 6, 1])).item()


def test_long_sequences_are_as_exact_in_float32():
    """PyTorch's gradients of this one in float32 are 6% off."""
    x, targets, steps, lengths = sample((1500, 2, 30, 200), "float32")
    found = []
    for dtype in ("float32", "float64"):
        leaf = fastnet.tensor((x * 5).astype(dtype), requires_grad=True)
        loss = F.ctc_loss(leaf.log_softmax(2), fastnet.tensor(targets), steps.tolist(), lengths.tolist())
        loss.backward()
        found.append((loss.item(), leaf.grad.numpy()))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-4, atol=1e-4 * np.abs(found[1][1]).max())
    compare((x * 5).astype("float64"), targets, steps.tolist(), lengths.tolist(), tolerance=1e-9)


@pytest.mark.filterwarnings("ignore:set_num_threads has no effect")
def test_the_same_bits_on_any_number_of_threads_and_recorded():
    x, targets, steps, lengths = sample((60, 9, 12, 20), "float32")

    def losses(x, targets, steps, lengths):
        x = x.detach().clone().requires_grad_()
        loss = F.ctc_loss(x.log_softmax(2), targets, steps, lengths, reduction="none", zero_infinity=True)
        loss.sum().backward()
        return loss.detach(), x.grad
    results, threads = [], fastnet.get_num_threads()
    recorded = fastnet.compile(losses)
    for given in (targets, flat(targets, lengths)):
        tensors = [fastnet.tensor(a) for a in (x, given, steps, lengths)]
        try:
            for n in (1, 2, 3, 8):
                fastnet.set_num_threads(n)
                results.append(losses(*tensors))
            results += [recorded(*tensors), recorded(*tensors)]
        finally:
            fastnet.set_num_threads(threads)
    for loss, slope in results[1:]:
        assert (loss.numpy() == results[0][0].numpy()).all() and (slope.numpy() == results[0][1].numpy()).all()


X3 = fastnet.zeros(4, 2, 3)
LABELS = fastnet.tensor([[1, 2], [2, 1]])


@pytest.mark.parametrize("call, error, words", [
    (lambda: F.ctc_loss(X3, LABELS, [5, 4], [2, 2]), ValueError, "input_lengths from 0 to 4, .* got 5 for sample 0"),
    (lambda: F.ctc_loss(X3, LABELS, [4, 4], [2, 3]), ValueError, "target_lengths that the targets have, got 3 for sam"),
    (lambda: F.ctc_loss(X3, LABELS + 1, [4, 4], [2, 2]), ValueError, "from 0 to 2 .* got 3 at position 1 .* sample 0"),
    (lambda: F.ctc_loss(X3, LABELS - 1, [4, 4], [2, 2]), ValueError, "not the blank 0, got 0 at position 0"),
    (lambda: F.ctc_loss(X3, LABELS.reshape(-1), [4, 4], [2, 1]), RuntimeError, "expected 3 labels, .* got 4"),
    (lambda: F.ctc_loss(X3, LABELS, [4], [2, 2]), RuntimeError, "expected 2 numbers, .* as input_lengths"),
    (lambda: F.ctc_loss(X3, LABELS[:1], [4, 4], [2, 2]), RuntimeError, r"expected targets of shape \(2, S\)"),
    (lambda: F.ctc_loss(X3, LABELS, [4, 4], [2, 2], blank=3), RuntimeError, "blank to be a class from 0 to 2, got 3"),
    (lambda: F.ctc_loss(X3.long(), LABELS, [4, 4], [2, 2]), RuntimeError, "floating-point log_probs, got int64"),
    (lambda: F.ctc_loss(X3, LABELS.float(), [4, 4], [2, 2]), RuntimeError, "integers as targets, got float32"),
    (lambda: F.ctc_loss(X3[0, 0], LABELS, [4], [2]), RuntimeError, r"log_probs of shape \(T, N, C\)"),
    (lambda: F.ctc_loss(X3, LABELS, [4, 4], [2, 2], reduction="best"), ValueError, "got 'best'"),
    (lambda: ctc_beam_decode(X3, beam_width=0), ValueError, "beam_width of 1 or more"),
    (lambda: ctc_greedy_decode(X3, [9, 9]), ValueError, "2 input_lengths from 0 to 4"),
])
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()


def collapsed(path):
    return tuple(c for c, _ in itertools.groupby(path) if c != 0)


def test_decoding_finds_the_most_probable_labels():
    x = fastnet.tensor(np.random.default_rng(3).standard_normal((6, 1, 3))).log_softmax(2)
    totals = {}
    for path in itertools.product(range(3), repeat=6):
        total = np.exp(sum(x.numpy()[t, 0, c] for t, c in enumerate(path)))
        totals[collapsed(path)] = totals.get(collapsed(path), 0) + total
    ranked = sorted(totals, key=totals.get, reverse=True)
    found = ctc_beam_decode(x, beam_width=200)[0]
    assert [tuple(h.labels) for h in found[:5]] == ranked[:5]
    for hypothesis in found[:5]:
        assert hypothesis.score == pytest.approx(np.log(totals[tuple(hypothesis.labels)]))
        loss = F.ctc_loss(x, fastnet.tensor([hypothesis.labels], dtype=fastnet.int64).reshape(1, -1), [6],
                          [len(hypothesis.labels)], reduction="sum")
        assert loss.item() == pytest.approx(-hypothesis.score)
    best = tuple(x.numpy()[:, 0].argmax(1))
    assert ctc_greedy_decode(x) == [list(collapsed(best))]
    assert ctc_greedy_decode(x, [0]) == [[]] and ctc_beam_decode(x, [0])[0][0].labels == []
