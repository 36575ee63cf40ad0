"""In-place writes on the tape: through views, with views of the same memory, and copies of old values."""
import gc

import numpy as np
import pytest

import fastnet
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")

U = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def w_of(f):
    return f.tensor([1.0, 2.0, 3.0], requires_grad=True)


# ---- each case in both namespaces: f is fastnet or torch, the result is multiplied by U (or its first row) ----------

def copy_into_a_view(f, w):
    y = f.zeros(2, 3)
    y[0].copy_(w)
    return y


def copy_beside_a_view(f, w):
    y = f.zeros(3)
    v = y.view(3)
    y.copy_(w)
    return v


def add_to_a_view(f, w):
    y = f.zeros(2, 3)
    y[1].add_(w)
    return y


def add_to_a_flat_view(f, w):
    y = f.zeros(1, 3)
    y.view(-1).add_(w)
    return y[0]


def assign_to_a_transpose(f, w):
    y = f.zeros(3, 2)
    t = y.t()
    t[0] = w
    return y.t() + t


def assign_an_element_of_a_view(f, w):
    y = f.zeros(2, 3)
    v = y[0]
    v[0] = w[0]
    return y


def assign_by_indices_to_a_view(f, w):
    y = f.zeros(2, 3)
    y.t()[f.tensor([0, 2])] = w[0]
    return y


def fill_a_masked_view(f, w):
    y = f.ones(2, 3)
    y[1].masked_fill_(f.tensor([True, False, True]), w[0])
    return y


def assign_beside_a_view(f, w):
    y = f.zeros(2, 3)
    v = y[0]
    y[0] = w
    return v


def change_a_tracked_view(f, w):
    y = w * 2
    v = y[:2]
    v.mul_(3)
    return y + y * v.sum()


def change_beside_tracked_views(f, w):
    y = w * 2
    v = y[1:]
    y.mul_(w)
    return y + v.sum()


def change_a_view_of_a_view(f, w):
    y = f.zeros(2, 3)
    v = y.view(6)[1:4]
    v.add_(w)
    v.mul_(w)
    return y


def fill_a_view(f, w):
    y = w * 2
    y[0].fill_(5)
    return y


def copy_over_a_tracked_tensor(f, w):
    y = w * 2
    y.copy_(f.ones(3))
    return y + w


def draw_over_a_tracked_tensor(f, w):
    y = w * 2
    y.uniform_(1, 1)
    return y + w


def zero_beside_a_view(f, w):
    y = w * 2
    v = y.view(3)
    y.zero_()
    return v + w


def write_into_an_alias(f, w):
    y = w * 2
    y.detach()[0] = 7
    return y


def compute_into_an_alias(f, w):
    y = w * 2
    y.view(3).detach().mul_(w)
    return y


def write_into_nothing(f, w):
    y = f.zeros(0, 3)
    y.view(3, 0).copy_(w[:0])
    return w + y.sum()


def multiply_by_what_needs_a_gradient(f, w):
    y = w * 2
    y.mul_(w)
    return y


def multiply_a_constant(f, w):
    y = f.ones(3) * 4
    y *= w
    return y


def what_saves_the_old_value(f, w):
    y = w / 4
    y.pow_(2).sin_().square_().log_().abs_().remainder_(w).clamp_(0.1, 9).addcmul_(w, w)
    return y


def what_saves_the_old_value_of_a_view(f, w):
    y = w * 2
    y.view(3).pow_(2).cos_()
    return y


def multiply_an_expanded_tensor(f, w):
    y = w * 2
    y.expand(1, 3).mul_(w)
    return y


def assign_with_leading_ones(f, w):
    y = f.zeros(2, 3)
    y[0] = w[None, None] * 1
    y[1] = f.ones(1, 1, 3)
    y[1, 2] = w[None, :1] * 2
    return y


CASES = [f for name, f in list(globals().items())
         if callable(f) and f.__module__ == __name__ and name not in ("w_of",)]


def gradient(f, case):
    w = w_of(f)
    out = case(f, w)
    u = f.tensor(U) if out.ndim == 2 else f.tensor(U[0])
    (out * u).sum().backward()
    return out.detach().numpy(), w.grad.numpy()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_gradients_are_pytorchs(case):
    torch = pytest.importorskip("torch")
    for ours, theirs in zip(gradient(fastnet, case), gradient(torch, case), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-5)


@pytest.mark.parametrize("case, expected", [
    (copy_into_a_view, [1, 2, 3]), (copy_beside_a_view, [1, 2, 3]), (add_to_a_view, [4, 5, 6]),
    (assign_an_element_of_a_view, [1, 0, 0]), (change_a_view_of_a_view, [4, 12, 24]), (fill_a_view, [0, 4, 6]),
    (copy_over_a_tracked_tensor, [1, 2, 3]), (multiply_by_what_needs_a_gradient, [4, 16, 36])],
    ids=lambda x: getattr(x, "__name__", ""))
def test_gradients(case, expected):
    assert gradient(fastnet, case)[1].tolist() == expected


# ---- what is refused ------------------------------------------------------------------------------------------------

def test_views_of_leaves_cannot_be_written():
    w = w_of(fastnet)
    for view in (w[0], w.view(3), w.view(3)[1:]):
        with pytest.raises(RuntimeError, match="leaf that requires a gradient, or a view of one"):
            view.zero_()
    with fastnet.no_grad():
        w.view(3).zero_()
    assert w.tolist() == [0, 0, 0]


def test_a_view_made_under_no_grad_cannot_be_written():
    y = w_of(fastnet) * 2
    with fastnet.no_grad():
        v = y[0]
        v.zero_()
    with pytest.raises(RuntimeError, match="under no_grad"):
        v.add_(1)


def test_a_write_that_would_change_a_leaf_view_raises():
    y = fastnet.zeros(4)
    v = y.view(2, 2).requires_grad_()
    with pytest.raises(RuntimeError, match="a view that is a leaf and requires a gradient"):
        y[:3] = w_of(fastnet)
    with pytest.raises(RuntimeError, match="leaf that requires a gradient"):
        v[0].zero_()
    y.fill_(2)
    (v * v).sum().backward()
    assert y.tolist() == [2] * 4 and v.grad.tolist() == [[4, 4], [4, 4]]


def test_an_unsupported_view_of_a_written_base_raises():
    w = w_of(fastnet)
    y = w * 2
    repeated = y.expand(2, 3)
    y.mul_(2)
    with pytest.raises(RuntimeError, match="make the view again"):
        repeated.sum().backward()
    y = fastnet.from_numpy(np.zeros((3, 2), np.float32).T)
    with pytest.raises(RuntimeError, match="not contiguous"):
        y[0].copy_(w)


def test_a_view_whose_base_changed_its_memory_is_independent():
    y = fastnet.zeros(3)
    v = y.view(3)
    v.data = fastnet.ones(3)
    y.copy_(w_of(fastnet))
    assert not v.requires_grad and v.tolist() == [1, 1, 1]


def test_repeated_elements_cannot_be_written():
    x = fastnet.zeros(3).expand(2, 3)
    for write in (lambda: x.add_(1), lambda: x.zero_(), lambda: x.normal_(), lambda: x.copy_(fastnet.ones(3)),
                  lambda: x.__setitem__(0, 1.0), lambda: fastnet.matmul(fastnet.ones(2, 2), fastnet.ones(2, 3), out=x)):
        with fastnet.no_grad(), pytest.raises(RuntimeError, match=r"shape \(2, 3\) that repeats its elements"):
            write()


def test_an_expanded_tensor_without_repeats_can_be_written():
    x = fastnet.zeros(3)
    x.expand(3).add_(1)
    x.expand(1, 1, 3)[0, 0, 1] = 5
    fastnet.zeros(1, 2).expand(0, 2).fill_(1)
    assert x.tolist() == [1, 5, 1]


def test_read_only_memory_cannot_be_written():
    a = np.zeros(3, np.float32)
    a.flags.writeable = False
    x = fastnet.from_numpy(a)
    for write in (lambda: x.add_(1), lambda: x.fill_(1), lambda: x[:2].zero_(), lambda: x.expand(1, 3).zero_()):
        with pytest.raises(RuntimeError, match="read-only"):
            write()
    assert a.tolist() == [0, 0, 0]


# ---- what goes along ------------------------------------------------------------------------------------------------

def test_a_retained_gradient_is_that_of_the_new_value():
    y = w_of(fastnet) * 2
    v = y[1:]
    y.retain_grad()
    v.retain_grad()
    y.mul_(3)
    (v * 5).sum().backward(retain_graph=True)
    assert v.grad.tolist() == [5, 5] and y.grad.tolist() == [0, 5, 5]
    v.mul_(2)
    y.sum().backward()
    assert y.grad.tolist() == [1, 1, 1]


def test_old_values_are_copied_only_if_a_gradient_needs_them(monkeypatch):
    clones = []
    original = fastnet.Tensor.clone
    monkeypatch.setattr(fastnet.Tensor, "clone", lambda self: (clones.append(1), original(self))[1])
    w = w_of(fastnet)
    y = w * 2
    y.add_(w).mul_(3).exp_()
    fastnet.zeros(3).mul_(fastnet.ones(3))
    assert not clones
    y.mul_(w)
    assert len(clones) == 1


def test_saved_values_changed_through_a_view_raise():
    y = w_of(fastnet) * 2
    z = (y * y).sum()
    y[0].add_(1)
    with pytest.raises(RuntimeError, match="changed in place"):
        z.backward()


def test_bases_do_not_keep_their_views():
    y = fastnet.zeros(3)
    gc.disable()
    try:
        for _ in range(1000):
            y.view(3)
    finally:
        gc.enable()
    assert all(ref() is None for ref in y._views) and len(y._views) < 20


def test_layers_in_place_on_views():
    w = w_of(fastnet)
    y = w - 2
    F.leaky_relu(y[:2], 0.1, inplace=True)
    y.sum().backward()
    assert w.grad.tolist() == pytest.approx([0.1, 0.1, 1])
