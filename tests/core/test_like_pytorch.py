"""Valid and invalid calls of PyTorch: the same results, and errors of the same types."""
import math
import tracemalloc

import numpy as np
import pytest
from torch_tools import compare

import fastnet
from fastnet._core.memory import shared
from fastnet.functional.layout import has_view

pytestmark = pytest.mark.usefixtures("backend")

A = np.arange(24.0).reshape(2, 3, 4) - 11
ROW = np.array([3.0, -1.0, 2.0])
NONE = np.zeros(0)
LABELS = np.array([[2, 0], [1, 1]])
X, ONE = (lambda f: f.ones(2, 3)), (lambda f: f.tensor(1.0))


@pytest.mark.parametrize("call", [
    lambda f, x: f.nn.functional.cosine_similarity(x, x[:1, :, :1], dim=2),
    lambda f, x: f.nn.functional.cosine_similarity(x, x[0, 0], dim=1),
    lambda f, x: f.nn.functional.cosine_similarity(x[0], x[0, 0, 0], dim=0),
    lambda f, x: f.take_along_dim(x[:1], f.tensor(LABELS)[:, :, None], 1),
    lambda f, x: f.take_along_dim(x[0], f.tensor([[2], [0], [-1]]), 1),
    lambda f, x: f.take_along_dim(x, f.tensor([5, 0, 23])),
    lambda f, x: f.narrow(x, 1, -2, 2),
    lambda f, x: f.narrow(x, -1, f.tensor(1), 2),
    lambda f, x: f.narrow(x, 1, 3, 0),
    lambda f, x: f.movedim(x, (0, 1), (-1, 0)),
    lambda f, x: f.movedim(x, [2], [0]),
    lambda f, x: f.moveaxis(x, 0, 1),
    lambda f, x: f.movedim(x[0, 0, 0], 0, 0),
    lambda f, x: f.gather(x[0, 0, 0], 0, f.tensor(0)),
    lambda f, x: f.gather(x[0, 0, 0], 0, f.tensor([0, 0])),
    lambda f, x: f.gather(x[0, 0], 0, f.tensor(3)),
    lambda f, x: f.gather(x[0], 1, f.tensor(LABELS, dtype=f.int32), sparse_grad=False),
    lambda f, x: f.gather(x[0], 1, f.tensor([], dtype=f.int64)),
    lambda f, x: f.index_select(x[0, 0, 0], 0, f.tensor([0])),
    lambda f, x: f.index_select(x[0, 0], 0, f.tensor(2)),
    lambda f, x: f.index_select(x, 1, f.tensor([2, 0, 2], dtype=f.int32)),
    lambda f, x: f.flip(x, (0, -1)),
    lambda f, x: f.flip(x[0, 0, 0], (0,)),
    lambda f, x: f.flip(x, ()),
    lambda f, x: f.tril(x[:, :0]),
    lambda f, x: f.cat([f.zeros(0, dtype=f.float64), x, x], dim=2),
    lambda f, x: f.cat([x, f.zeros(0, dtype=f.float64)], -1),
    lambda f, x: f.cat([f.zeros(0), x[0].float()]).double(),
    lambda f, x: f.cat([f.zeros(0, 3, 4, dtype=f.float64), x], axis=0),
    lambda f, x: f.logsumexp(x[:, :0], 1),
    lambda f, x: f.logsumexp(x[:, :0], (0, 1), keepdim=True),
    lambda f, x: f.logsumexp(x, (0, -1)),
    lambda f, x: x.repeat(1, 1, 1),
    lambda f, x: x.repeat(2, 1, 1, 3),
    lambda f, x: x[0, 0, 0].repeat(3),
    lambda f, x: x.squeeze((0, 1)),
    lambda f, x: x[:, :1, :1].squeeze([1, 2]),
    lambda f, x: f.round(x / 7, decimals=2),
    lambda f, x: f.round(x, decimals=-1),
    lambda f, x: f.norm(x, dtype=f.float64),
    lambda f, x: f.sum(x, axis=(0, 2), keepdims=True),
    lambda f, x: x.mean(axis=1) + x.amax(axis=1, keepdims=False) + x.logsumexp(axis=1),
    lambda f, x: f.softmax(x, axis=-1).cumsum(axis=0).unsqueeze(axis=1),
    lambda f, x: f.permute(x, dims=(2, 0, 1)).reshape(shape=(4, 6)),
    lambda f, x: f.sort(x, dim=1, descending=True, stable=True).values,
    lambda f, x: x.sort(stable=False)[0],
    lambda f, x: f.where(f.tensor([1, 0, 1, 0], dtype=f.uint8), x, 0.0),
    lambda f, x: x[f.tensor([1, 0], dtype=f.uint8)],
    lambda f, x: x.clamp(-3, 2.5),
    lambda f, x: f.permute(input=x, dims=(2, 0, 1)),
    lambda f, x: x.swapaxes(axis0=0, axis1=-1),
    lambda f, x: f.split(x[:, :0], 0, dim=1)[0],
    lambda f, x: f.addmm(x[0, 0], x[0], x[1, :, :3].t()[:3, :1].expand(3, 4).t()[:4, :1].expand(4, 4)),
])
@pytest.mark.filterwarnings("ignore:.*(uint8|deprecated)")
def test_results_and_gradients_are_pytorchs(call):
    compare(call, A)


@pytest.mark.parametrize("call", [
    lambda f: f.tensor([10, 20, 30])[f.tensor([0, 1, 1], dtype=f.uint8)],
    lambda f: f.tensor([10, 20, 30])[np.array([0, 1, 1], np.uint8)],
    lambda f: f.arange(5).clamp(1.5), lambda f: f.arange(5).clamp(min=1.5, max=3), lambda f: f.arange(5).clamp(1, 3.5),
    lambda f: f.arange(5).clamp(1, 3), lambda f: f.arange(5).clamp(max=2.5), lambda f: f.arange(5).clamp(min=math.nan),
    lambda f: f.arange(5).clamp(1, math.nan), lambda f: f.arange(5).clamp(min=math.inf),
    lambda f: f.clamp_min(f.arange(5), 1.5), lambda f: f.clamp_max(f.arange(5), math.nan),
    lambda f: f.arange(5).clamp(f.tensor(1.5), f.tensor(3)), lambda f: f.tensor([True, False]).clamp(0, 1),
    lambda f: f.cat([f.zeros(0), f.zeros(0)], dim=1), lambda f: f.cat([f.zeros(0), f.ones(2, 2, dtype=f.int64)]),
    lambda f: f.nn.functional.hardtanh(f.arange(5), 1.5, 3.5), lambda f: f.nn.functional.relu6(f.arange(9) - 1),
    lambda f: f.nn.functional.linear(f.arange(6).reshape(2, 3), f.arange(3).reshape(1, 3), f.tensor([4])),
    lambda f: f.tensor([2, 4]) ** f.tensor(-1), lambda f: f.argsort(f.tensor([2.0, 1.0, 2.0]), stable=True),
    lambda f: f.ones(2, 3).argmax(axis=0, keepdims=True), lambda f: f.add(1, f.ones(1)),
    lambda f: f.stack(f.chunk(f.ones(0, 3), 2)), lambda f: ONE(f).mT,
    lambda f: f.addcmul(f.arange(3), f.arange(3), f.arange(3), value=True),
    lambda f: f.arange(3).masked_fill(f.tensor(True), 2.7),
    lambda f: f.norm(f.ones(2, 0), math.inf, 0),
    lambda f: f.gather(f.ones(2), 0, f.zeros(0)), lambda f: f.amax(f.ones(2, 0), 0)])
@pytest.mark.filterwarnings("ignore:.*(uint8|deprecated)")
def test_values_are_pytorchs(torch, call):
    ours, theirs = call(fastnet), call(torch)
    assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")
    assert ours.shape == tuple(theirs.shape)
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_a_uint8_mask_selects_elements_to_write():
    x = fastnet.tensor([10, 20, 30])
    x[fastnet.tensor([0, 1, 1], dtype=fastnet.uint8)] = 7
    assert x.tolist() == [10, 7, 7]


ERRORS = {
    IndexError: [
        lambda f: X(f).narrow(1, 4, 0), lambda f: X(f).narrow(2, 0, 1), lambda f: X(f).select(2, 0),
        lambda f: ONE(f).select(0, 0), lambda f: f.movedim(X(f), 5, 0), lambda f: X(f).gather(2, f.zeros(1, 1).long()),
        lambda f: X(f).index_select(1, f.tensor([[0]])), lambda f: ONE(f).transpose(0, 1), lambda f: X(f).sum(2),
        lambda f: f.amax(f.ones(2, 0), 1), lambda f: f.argmax(f.ones(0)), lambda f: f.max(f.ones(2, 0), 1),
        lambda f: f.take_along_dim(ONE(f), f.tensor(0), 0), lambda f: f.argmax(X(f), 2),
        lambda f: f.flip(X(f), (2,)), lambda f: X(f)[0, 3],
        lambda f: f.cat([X(f)], 2), lambda f: f.flatten(ONE(f), 1), lambda f: f.unsqueeze(X(f), 4),
        lambda f: f.cumsum(X(f), 2)],
    RuntimeError: [
        lambda f: ONE(f).narrow(0, 0, 1), lambda f: X(f).narrow(1, 1, 3), lambda f: X(f).narrow(1, 0, -1),
        lambda f: X(f).narrow(1, f.tensor([0]), 1), lambda f: X(f).narrow(1, f.tensor(True), 1),
        lambda f: f.movedim(X(f), (0, 1), (0,)), lambda f: f.movedim(X(f), (0, 0), (0, 1)),
        lambda f: f.flip(X(f), (0, 0)), lambda f: f.flip(X(f), (0, -2)), lambda f: f.squeeze(X(f), (0, 0)),
        lambda f: f.tril(f.ones(3)), lambda f: f.triu(ONE(f)), lambda f: f.outer(X(f), f.ones(2)),
        lambda f: f.gather(X(f), 0, f.tensor([0])), lambda f: f.gather(X(f), 0, f.tensor([[0.5]])),
        lambda f: f.gather(X(f), 0, f.tensor([[1]], dtype=f.uint8)), lambda f: X(f).index_select(0, f.tensor([0.0])),
        lambda f: ONE(f).index_select(0, f.tensor([0, 0])), lambda f: f.chunk(ONE(f), 2), lambda f: f.split(ONE(f), 2),
        lambda f: X(f).repeat(-1, 1), lambda f: f.isclose(X(f), X(f), rtol=-1), lambda f: f.allclose(X(f), X(f), 1, -1),
        lambda f: f.where(f.tensor([1, 0]), 1.0, f.ones(2)), lambda f: X(f).masked_fill(f.ones(2, 3), 0),
        lambda f: X(f).masked_fill(f.ones(3, dtype=f.uint8), 0), lambda f: X(f).masked_select(f.ones(2, 3)),
        lambda f: X(f).masked_fill(X(f) > 0, f.ones(1)), lambda f: X(f).clamp(), lambda f: f.amax(f.ones(2, 0)),
        lambda f: f.max(f.ones(0)), lambda f: f.ones(2).long().mean(), lambda f: f.ones(2).long().std(),
        lambda f: f.ones(2).long().norm(), lambda f: f.norm(X(f), "foo"), lambda f: -f.tensor([True]),
        lambda f: f.tensor([True]) - f.tensor([True]), lambda f: f.ones(1) & f.ones(1),
        lambda f: f.softmax(f.tensor([1, 2]), 0), lambda f: f.nn.functional.gelu(X(f), approximate="fast"),
        lambda f: f.nn.functional.huber_loss(X(f), X(f), delta=-1), lambda f: f.tensor([12]).round(decimals=1),
        lambda f: f.nn.functional.cosine_similarity(X(f).long(), X(f).long()), lambda f: X(f).view(4),
        lambda f: f.nn.functional.cosine_similarity(X(f), f.ones(2)), lambda f: X(f).sum((0, 0)),
        lambda f: ONE(f).unflatten(0, (1, 1)), lambda f: f.cat([ONE(f)], 1), lambda f: f.mv(f.ones(2), f.ones(2)),
        lambda f: X(f) - (X(f) > 0), lambda f: True - X(f), lambda f: X(f).sub_(True), lambda f: X(f) - f.tensor(False),
        lambda f: 1 - f.tensor([True]), lambda f: X(f).permute(2, 0, 1), lambda f: ONE(f).permute(0),
        lambda f: f.addmm(f.ones(2, 3), f.ones(2, 2), f.ones(2, 1)), lambda f: f.split(X(f), 0),
        lambda f: f.full((2,), math.nan, dtype=f.int64), lambda f: f.linspace(0, math.inf, 3, dtype=f.int32),
        lambda f: f.linspace(0, 300, 4, dtype=f.uint8), lambda f: f.tensor([300], dtype=f.uint8),
        lambda f: f.tensor([math.nan], dtype=f.int64), lambda f: f.arange(0, 1, math.nan),
        lambda f: f.arange(2).masked_fill(f.tensor(True), math.nan),
        lambda f: f.arange(2).masked_fill_(f.tensor(True), 1e30),
        lambda f: f.arange(2).__setitem__(0, math.inf),
        lambda f: f.arange(2).__setitem__(f.tensor([True, False]), math.nan),
        lambda f: f.tensor([1], dtype=f.uint8).__setitem__(f.tensor([0]), 1e30),
        lambda f: f.norm(f.ones(2, 0), math.inf, 1), lambda f: f.norm(f.ones(0, 2), -1, 0),
        lambda f: f.set_num_threads(0), lambda f: f.set_num_threads("2"),
        lambda f: X(f).expand(-2), lambda f: f.ones(2).mT,
        lambda f: f.nn.functional.one_hot(f.tensor([1.0])), lambda f: X(f).expand(2, 4), lambda f: X(f) + f.ones(4)],
    TypeError: [
        lambda f: f.cat(X(f)), lambda f: f.cat([1, 2]), lambda f: X(f).sum(1.5), lambda f: f.eq(1, X(f)),
        lambda f: f.maximum(X(f), 1), lambda f: f.minimum(1, X(f)), lambda f: f.atan2(1, X(f)),
        lambda f: f.logaddexp(X(f), 1), lambda f: f.logical_and(X(f), 1), lambda f: f.fmod(1, X(f)),
        lambda f: f.remainder(1, 2), lambda f: f.pow(2, 3), lambda f: f.bitwise_or(1, 2), lambda f: f.eq(X(f), "a"),
        lambda f: f.clamp(1, 2, 3), lambda f: f.abs(1), lambda f: f.amax([1.0, 2.0]),
        lambda f: f.index_select(X(f), 0, [0]), lambda f: X(f).sum(True), lambda f: X(f).amax(dim=False),
        lambda f: X(f).unsqueeze(True), lambda f: X(f).transpose(False, True), lambda f: X(f).squeeze(True),
        lambda f: f.cumsum(X(f), (0, 1)), lambda f: f.argmax(X(f), (0,)), lambda f: f.max(X(f), (0, 1)),
        lambda f: f.sort(X(f), (0, 1)), lambda f: f.topk(X(f), 1, (1,)), lambda f: f.softmax(X(f), (0, 1)),
        lambda f: f.add(X(f), [1, 2, 3]), lambda f: [1, 2, 3] - X(f), lambda f: X(f) * [2],
        lambda f: f.tensor([1.0, None], dtype=f.float32), lambda f: f.tensor(None, dtype=f.bool),
        lambda f: f.tensor("1", dtype=f.int64), lambda f: f.tensor({1: 2}, dtype=f.float64),
        lambda f: X(f).__setitem__(0, None), lambda f: X(f).__setitem__(0, "a"), lambda f: f.nn.LayerNorm("a"),
        lambda f: f.nn.LayerNorm(2.5), lambda f: f.nn.RMSNorm((2.0,)), lambda f: f.is_floating_point(3),
        lambda f: setattr(X(f), "grad", 3)],
    ValueError: [lambda f: f.cat([])]}


@pytest.mark.parametrize("error, call", [(error, call) for error, calls in ERRORS.items() for call in calls])
def test_errors_have_pytorchs_types(torch, error, call):
    for f in (torch, fastnet):
        with pytest.raises(error):
            call(f)


def test_repeat_gives_a_copy():
    x = fastnet.ones(2, 3)
    for copy in (x.repeat(1, 1), x.repeat((1, 1, 1)), fastnet.tensor(1.0).repeat(1)):
        copy.fill_(5)
    assert x.sum() == 6


def test_reshape_copies_once():
    x = fastnet.zeros(1000, 500).t()
    shared.trim()                       # other tests may have filled the pool
    x.clone()                           # leaves its memory in the pool for the copy
    tracemalloc.start()
    try:
        y = x.reshape(-1)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
    assert y.is_contiguous()


def test_views_are_views_as_in_numpy():
    base = np.arange(720).reshape(2, 3, 4, 5, 6)
    arrays = [base, base.transpose(1, 0, 2, 3, 4), base[:, :, ::2], base[..., ::-1], base[:, :1], base[:, :, :, 2:4, :],
              base.transpose(4, 3, 2, 1, 0), np.broadcast_to(base[:1], base.shape)]
    for x in arrays:
        for shape in ((-1,), (6, -1), (2, -1, 30), (-1, 6), (1, -1, 1), (2, 3, -1), (4, 5, -1), (-1, 3, 2)):
            if x.size % math.prod(n for n in shape if n != -1) == 0:
                assert has_view(x, shape) == np.may_share_memory(x, x.reshape(shape)), (x.strides, shape)
        assert has_view(x, x.shape)
        assert has_view(x, (*x.shape[:2], 1, *x.shape[2:]))


def test_long_running_sums_are_exact():
    x = fastnet.full((1_000_000,), 0.1)
    np.testing.assert_allclose(x.cumsum(0)[-1].item(), 100_000, rtol=1e-6)
    np.testing.assert_allclose(x.reshape(-1, 2).cumsum(0)[-1].tolist(), [50_000, 50_000], rtol=1e-6)


def test_negative_numbers_wrap_in_a_dtype_without_sign():
    assert fastnet.tensor([-1, 255, -255], dtype=fastnet.uint8).tolist() == [255, 255, 1]


def test_a_fractional_factor_is_refused_for_integers():
    whole = fastnet.ones(2, 2, dtype=fastnet.int64)
    for name, keyword in (("addcmul", "value"), ("addmm", "alpha"), ("addmm", "beta"), ("add", "alpha")):
        with pytest.raises(RuntimeError, match=f"{name}: expected {keyword} to be an integer .*, got 0.5"):
            getattr(fastnet, name)(*[whole] * (2 if name == "add" else 3), **{keyword: 0.5})
