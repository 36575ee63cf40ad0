"""Gradients that hold only touched rows, and bags of embeddings, against PyTorch."""
import numpy as np
import pytest

import fastnet
from fastnet import nn

pytestmark = pytest.mark.usefixtures("backend")


def trained(f, optimizer, scale_grad_by_freq=False, padding_idx=None, clip=None, **options):
    """The table after some steps, each of two lookups."""
    layer = f.nn.Embedding(20, 3, padding_idx, sparse=True, scale_grad_by_freq=scale_grad_by_freq)
    with f.no_grad():
        layer.weight.copy_(f.tensor(np.arange(60.0).reshape(20, 3).astype("float32") / 20))
    stepper = getattr(f.optim, optimizer)(layer.parameters(), lr=0.1, **options)
    for step in range(4):
        index = f.tensor(np.random.default_rng(step).integers(0, 20, (2, 4)))
        stepper.zero_grad()
        (layer(index) ** 2).sum().backward()
        (layer(index) * 0.5).sum().backward()
        if clip is not None:
            f.nn.utils.clip_grad_norm_(layer.parameters(), clip)
        stepper.step()
    return layer.weight.detach().numpy()


@pytest.mark.parametrize("options", [{}, {"padding_idx": 2}, {"scale_grad_by_freq": True}, {"maximize": True}], ids=str)
@pytest.mark.parametrize("optimizer", ["SGD", "SparseAdam"])
def test_agrees_with_pytorch(optimizer, options):
    torch = pytest.importorskip("torch")
    if "scale_grad_by_freq" in options:             # PyTorch has no sparse gradients with it
        expected = trained_densely(torch, optimizer)
    else:
        expected = trained(torch, optimizer, **options)
    np.testing.assert_allclose(trained(fastnet, optimizer, **options), expected, rtol=1e-5, atol=1e-6)


def trained_densely(f, optimizer):
    if optimizer != "SGD":
        pytest.skip("PyTorch has no sparse gradients with scale_grad_by_freq")
    embedding = f.nn.Embedding
    f.nn.Embedding = lambda *args, sparse, **options: embedding(*args, **options)
    try:
        return trained(f, optimizer, scale_grad_by_freq=True)
    finally:
        f.nn.Embedding = embedding


def gradients(layer, index):
    (layer(index) ** 2).sum().backward()
    return layer.weight.grad


def test_the_gradient_is_the_dense_one():
    index = fastnet.tensor([[3, 1], [3, 7]])
    layers = [nn.Embedding(9, 4, sparse=sparse) for sparse in (True, False)]
    layers[1].load_state_dict(layers[0].state_dict())
    sparse, dense = (gradients(layer, index) for layer in layers)
    assert sparse.is_sparse and sparse.shape == (9, 4) and sparse.indices().tolist() == [1, 3, 7]
    assert sparse.coalesce() is sparse and "rows=3" in repr(sparse)
    assert (sparse.to_dense() == dense).all()
    norms = [nn.utils.clip_grad_norm_(layer.parameters(), 0.5).item() for layer in layers]
    assert norms[0] == pytest.approx(norms[1])
    np.testing.assert_allclose(sparse.to_dense().numpy(), dense.numpy(), rtol=1e-6)
    nn.utils.clip_grad_value_(layers[0].parameters(), 0.01)
    assert sparse.values().abs().max().item() <= 0.01
    (layers[0].weight * 1.0).sum().backward()       # a dense contribution makes it dense
    assert isinstance(layers[0].weight.grad, fastnet.Tensor)
    gradients(layers[0], index)
    assert layers[0].weight.grad[3].abs().min().item() > 1
    layers[0].weight.grad = None
    gradients(layers[0], index).zero_()
    assert not layers[0].weight.grad.to_dense().any()


def test_errors():
    layer = nn.Embedding(5, 2, sparse=True)
    layer(fastnet.tensor([1])).sum().backward()
    for optimizer, words in ((fastnet.optim.Adam([layer.weight]), "Adam does not take sparse gradients"),
                             (fastnet.optim.SGD([layer.weight], momentum=0.9), "momentum, weight_decay and l1 of 0")):
        with pytest.raises(RuntimeError, match=words):
            optimizer.step()
    dense = fastnet.ones(2, requires_grad=True)
    dense.sum().backward()
    with pytest.raises(RuntimeError, match="SparseAdam: expected sparse gradients, got a dense one"):
        fastnet.optim.SparseAdam([dense]).step()
    with pytest.raises(RuntimeError, match="an embedding with sparse=True inside a compiled function"):
        fastnet.compile(lambda i: layer(i).sum())(fastnet.tensor([1]))
    with pytest.raises(IndexError, match="token 9 at position 0 is out of range"):
        layer(fastnet.tensor([9]))
    assert layer(fastnet.tensor([[1, 2]])).detach().shape == (1, 2, 2)


# ---- bags -----------------------------------------------------------------------------------------------------------

TABLE = np.random.default_rng(0).standard_normal((7, 4))
FLAT, OFFSETS = np.array([3, 1, 1, 0, 6, 2, 2, 5]), np.array([0, 3, 3, 4])
GRID = FLAT.reshape(2, 4)
FACTORS = np.linspace(-1, 1, 8)


def bag(f, input, offsets, dtype, weights=None, **options):
    table = f.tensor(TABLE.astype(dtype), requires_grad=True)
    factors = None if weights is None else f.tensor(weights.astype(dtype), requires_grad=True)
    out = f.nn.functional.embedding_bag(f.tensor(input), table, None if offsets is None else f.tensor(offsets),
                                        per_sample_weights=factors, **options)
    (out * f.tensor(np.linspace(1, 2, int(np.prod(out.shape))).reshape(out.shape).astype(dtype))).sum().backward()
    return [out.detach().numpy(), table.grad.numpy(), *([] if weights is None else [factors.grad.numpy()])]


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-9), ("float32", 1e-4)])
@pytest.mark.parametrize("padding_idx", [None, 1, 2])
@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("input, offsets, last", [(FLAT, OFFSETS, False), (FLAT, np.append(OFFSETS, 8), True),
                                                  (GRID, None, False), (FLAT[:0], np.zeros(2, np.int64), False)])
def test_bags_agree_with_pytorch(input, offsets, last, mode, padding_idx, dtype, tolerance):
    torch = pytest.importorskip("torch")
    options = {"mode": mode, "padding_idx": padding_idx, "include_last_offset": last}
    found = [bag(f, input, offsets, dtype, **options) for f in (fastnet, torch)]
    if mode == "sum":
        factors = FACTORS[:input.size].reshape(input.shape)
        found = [a + bag(f, input, offsets, dtype, factors, **options) for a, f in zip(found, (fastnet, torch))]
    for a, b in zip(*found):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("weights", [None, FACTORS])
@pytest.mark.parametrize("scale", [False, True])
def test_bags_have_sparse_gradients(weights, scale):
    grads = []
    for sparse in (True, False):
        table = fastnet.tensor(TABLE, requires_grad=True)
        factors = None if weights is None else fastnet.tensor(weights, requires_grad=True)
        out = nn.functional.embedding_bag(fastnet.tensor(FLAT), table, fastnet.tensor(OFFSETS), mode="sum",
                                          sparse=sparse, per_sample_weights=factors, scale_grad_by_freq=scale,
                                          padding_idx=2)
        (out ** 2).sum().backward()
        grads.append([table.grad.to_dense() if sparse else table.grad, *([] if factors is None else [factors.grad])])
        assert not sparse or table.grad.indices().tolist() == [0, 1, 3, 5, 6]
    for a, b in zip(*grads):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12)


def test_a_recorded_bag_and_its_errors():
    layer = nn.EmbeddingBag(7, 4, mode="sum", padding_idx=2)
    recorded = fastnet.compile(lambda i, o: layer(i, o).detach())
    for _ in range(3):
        a, b = (call(fastnet.tensor(FLAT), fastnet.tensor(OFFSETS)) for call in (layer, recorded))
        assert (a == b).all()
    assert repr(layer).startswith("EmbeddingBag(7, 4, mode='sum', padding_idx=2)")
    for call, words in ((lambda: layer(fastnet.tensor(FLAT)), "expected offsets for an input of one dimension"),
                        (lambda: layer(fastnet.tensor(GRID), fastnet.tensor(OFFSETS)), "no offsets for an input of"),
                        (lambda: layer(fastnet.tensor(FLAT), fastnet.tensor([1])), "first offset to be 0, got 1"),
                        (lambda: layer(fastnet.tensor(FLAT), fastnet.tensor([0, 9])), "ascending offsets up to 8"),
                        (lambda: nn.EmbeddingBag(2, 2, mode="min"), "'sum', 'mean' or 'max', got 'min'")):
        with pytest.raises(ValueError, match=words):
            call()
