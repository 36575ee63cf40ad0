"""Cross-entropy fused with its linear layer, over several chunks of rows."""
import numpy as np
import pytest

import fastnet
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")


def arrays(rows, classes, dtype, width=6):
    rng = np.random.default_rng(rows)
    return [rng.standard_normal(shape).astype(dtype) for shape in ((rows, width), (classes, width), (classes,))] + [
        rng.integers(0, classes, rows)]


def fused(f, x, w, b, target, **options):
    return f.nn.functional.linear_cross_entropy(x, w, target, linear_bias=b, **options)


def apart(f, x, w, b, target, **options):
    return f.nn.functional.cross_entropy(f.nn.functional.linear(x, w, b), target, **options)


def results(f, function, given, **options):
    leaves = [f.tensor(a, requires_grad=True) for a in given[:3]]
    loss = function(f, *leaves, f.tensor(given[3]), **options)
    (loss * f.tensor(np.linspace(1, 2, int(np.prod(loss.shape))).reshape(loss.shape).astype(given[0].dtype))).sum(
        ).backward()
    return [loss.detach().numpy(), *(x.grad.numpy() for x in leaves)]


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("rows, classes", [(1, 1), (64, 9), (257, 12), (700, 33), (140, 30000)])
@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-9), ("float32", 1e-4)])
def test_agrees_with_pytorch(rows, classes, reduction, dtype, tolerance):
    torch = pytest.importorskip("torch")
    given = arrays(rows, classes, dtype)
    options = {"reduction": reduction, "ignore_index": 5, "label_smoothing": 0.1}
    for a, b in zip(results(fastnet, fused, given, **options), results(torch, apart, given, **options)):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * np.abs(b).max(initial=0))


def test_class_weights():
    torch = pytest.importorskip("torch")
    given = arrays(300, 8, "float64")
    a, b = (results(f, function, given, weight=f.tensor(np.linspace(0.1, 2, 8)))
            for f, function in ((fastnet, fused), (torch, apart)))
    for x, y in zip(a, b):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-10)


@pytest.mark.filterwarnings("ignore:set_num_threads has no effect")
def test_the_same_bits_on_any_number_of_threads():
    given, threads, found = arrays(300, 5000, "float32"), fastnet.get_num_threads(), []
    try:
        for n in (1, 2, 3, 8):
            fastnet.set_num_threads(n)
            found.append(results(fastnet, fused, given))
    finally:
        fastnet.set_num_threads(threads)
    for other in found[1:]:
        assert all((a == b).all() for a, b in zip(found[0], other))


def test_shapes_and_no_rows():
    x, w, b, _ = (fastnet.tensor(a) for a in arrays(4, 5, "float32"))
    target = fastnet.tensor([[1, 2], [3, 4]])
    losses = F.linear_cross_entropy(x.reshape(2, 2, 6), w, target, linear_bias=b, reduction="none")
    assert losses.shape == (2, 2) and F.linear_cross_entropy(x[0], w, target[0, 0]).shape == ()
    w.requires_grad_()
    F.linear_cross_entropy(x[:0], w, target.reshape(-1)[:0], reduction="sum").backward()
    assert not w.grad.any()
    with pytest.raises(IndexError, match="label 5 at position 1 is out of range: expected 0 <= label < 5"):
        F.linear_cross_entropy(x, w, fastnet.tensor([0, 5, 0, 0]))
    with pytest.raises(RuntimeError, match=r"labels of shape \(2,\) do not fit an input of shape \(4, 6\)"):
        F.linear_cross_entropy(x, w, target[0])
