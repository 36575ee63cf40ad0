"""The operation of a linear layer with a low-rank update."""
import numpy as np
import pytest
from gradcheck import gradcheck

import fastnet
from fastnet.functional.low_rank import low_rank_linear
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")


def arrays(*shape, dtype="float64"):
    """x (*shape, 5), weight (4, 5), bias (4,), lora_A (2, 5), lora_B (4, 2) and a second input like x."""
    rng = np.random.default_rng(0)
    shapes = (*shape, 5), (4, 5), (4,), (2, 5), (4, 2), (*shape, 5)
    return [fastnet.tensor(rng.standard_normal(s).astype(dtype)) for s in shapes]


def composed(x, weight, bias, down, up, scale=1.0, dropped=None):
    return F.linear(x, weight, bias) + F.linear(F.linear(x if dropped is None else dropped, down), up) * scale


@pytest.mark.parametrize("shape", [(3,), (2, 3), (), (6, 3)])         # the last: the update is added to the weight
@pytest.mark.parametrize("drops", [False, True])
def test_gradients_of_all_arguments(shape, drops):
    x, weight, bias, down, up, dropped = arrays(*shape)
    if drops:
        gradcheck(lambda *t: low_rank_linear(*t[:5], 0.5, t[5]), x, weight, bias, down, up, dropped)
    else:
        gradcheck(lambda *t: low_rank_linear(*t, 0.5), x, weight, bias, down, up)


@pytest.mark.parametrize("rows", [3, 40, 10000])                      # the last: two blocks of rows
@pytest.mark.parametrize("drops", [False, True])
def test_equals_the_composition(drops, rows):
    values, gradients = [], []
    for function in (low_rank_linear, composed):
        tensors = [t.requires_grad_() for t in arrays(2, rows, dtype="float32")]
        out = function(*tensors[:5], 1.5, tensors[5] if drops else None)
        out.backward(fastnet.ones(out.shape) * 0.3)
        values.append(out.detach().numpy())
        gradients.append([t.grad.numpy() for t in tensors if t.grad is not None])
    np.testing.assert_allclose(*values, rtol=1e-5, atol=2e-6)
    assert len(gradients[0]) == len(gradients[1]) == 5 + drops
    for a, b in zip(*gradients):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * max(1, np.abs(b).max()))


@pytest.mark.parametrize("rows", [3, 40])
@pytest.mark.parametrize("drops", [False, True])
def test_second_derivatives(drops, rows):
    results = []
    for function in (low_rank_linear, composed):
        tensors = [t.requires_grad_() for t in arrays(rows)][:6 if drops else 5]
        out = function(*tensors[:5], 0.5, *tensors[5:])
        first = fastnet.grad((out * out).sum(), tensors, create_graph=True)
        results.append(fastnet.grad(sum((g * g).sum() for g in first), tensors))
    for a, b in zip(*results):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10)


def test_only_what_is_needed_gets_a_gradient():
    x, weight, bias, down, up, _ = arrays(3)
    low_rank_linear(x, weight, bias, down.requires_grad_(), up.requires_grad_()).sum().backward()
    assert x.grad is weight.grad is bias.grad is None
    assert down.grad.shape == (2, 5) and up.grad.shape == (4, 2)


def test_no_rows():
    x, weight, bias, down, up, _ = arrays(3)
    assert low_rank_linear(x[:0], weight, bias, down, up).shape == (0, 4)


def test_shapes_and_dtypes_are_checked():
    x, weight, bias, down, up, _ = arrays(3)
    with pytest.raises(RuntimeError, match=r"lora_A \(r, in\).*got input \(3, 5\), weight \(4, 5\), bias \(4,\)"):
        low_rank_linear(x, weight, bias, up, down)
    with pytest.raises(RuntimeError, match="of one dtype"):
        low_rank_linear(x.float(), weight, bias, down, up)
