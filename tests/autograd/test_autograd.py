"""The tape: accumulation, versions, views, in-place writes, freeing."""
import copy
import pickle

import numpy as np
import pytest

import fastnet
from fastnet.nn import Linear

pytestmark = pytest.mark.usefixtures("backend")


def leaf(*values):
    return fastnet.tensor(list(values), requires_grad=True)


def test_gradients_accumulate_until_zero_grad():
    x = leaf(1.0, 2.0)
    (x * 3).sum().backward()
    (x * 3).sum().backward()
    assert x.grad.tolist() == [6, 6]
    x.grad = None
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_a_gradient_in_use_is_not_overwritten():
    x = leaf(1.0, 2.0)
    (x * 3).sum().backward()
    held, array = x.grad, x.grad.numpy()
    x.grad = None
    (x * 5).sum().backward()
    assert held.tolist() == [3, 3] and array.tolist() == [3, 3] and x.grad.tolist() == [5, 5]


def test_a_tensor_used_twice_gets_both_contributions():
    x = leaf(2.0)
    y = x * x
    (y * y + y).backward(fastnet.ones(1))
    assert x.grad.item() == 4 * 8 + 4


def test_deep_graphs_do_not_recurse():
    x = leaf(1.0)
    y = x
    for _ in range(20_000):
        y = y + 0
    y.backward()
    assert x.grad.item() == 1


def test_second_backward_needs_retain_graph():
    x = leaf(1.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 4
    with pytest.raises(RuntimeError, match=r"already called on this result, .* pass retain_graph=True"):
        y.backward()


def test_no_grad_and_enable_grad():
    x = leaf(1.0)
    with fastnet.no_grad():
        assert not (x * 2).requires_grad
        with fastnet.enable_grad():
            assert (x * 2).requires_grad

    @fastnet.no_grad()
    def f():
        return x * 2
    assert not f().requires_grad
    with fastnet.set_grad_enabled(False):
        assert not fastnet.is_grad_enabled()
    assert fastnet.is_grad_enabled()


@pytest.mark.parametrize("decorate", [
    lambda fn: fastnet.no_grad(fn), lambda fn: fastnet.no_grad()(fn), lambda fn: fastnet.set_grad_enabled(False)(fn)],
    ids=["plain", "called", "set"])
def test_a_mode_applies_in_each_step_of_a_decorated_generator(decorate):
    seen = []

    @decorate
    def steps(n):
        """Doc."""
        try:
            for i in range(n):
                seen.append((yield i, fastnet.is_grad_enabled()))
        except KeyError:
            yield "caught", fastnet.is_grad_enabled()
        finally:
            seen.append(fastnet.is_grad_enabled())
        return "done"

    def outer():
        return (yield from steps(1))
    running = steps(3)
    assert next(running) == (0, False) and fastnet.is_grad_enabled()
    assert running.send("sent") == (1, False) and fastnet.is_grad_enabled()
    assert running.throw(KeyError()) == ("caught", False) and fastnet.is_grad_enabled()
    running.close()
    assert seen == ["sent", False] and fastnet.is_grad_enabled() and steps.__doc__ == "Doc."
    running = outer()
    next(running)
    with pytest.raises(StopIteration) as stop:
        next(running)
    assert stop.value.value == "done" and fastnet.is_grad_enabled()
    with pytest.raises(ZeroDivisionError):
        steps(2).throw(ZeroDivisionError())


def test_modes_decorate_without_parentheses():
    @fastnet.no_grad
    def off():
        return fastnet.is_grad_enabled(), on()

    @fastnet.enable_grad
    def on():
        return fastnet.is_grad_enabled()
    assert off() == (False, True) and off.__name__ == "off" and fastnet.is_grad_enabled()


def test_errors_of_backward():
    with pytest.raises(RuntimeError, match="does not require a gradient"):
        fastnet.ones(1).backward()
    with pytest.raises(RuntimeError, match=r"non-scalar tensor \(shape \(2,\)\) needs an explicit `gradient`"):
        (leaf(1.0, 2.0) * 2).backward()
    with pytest.raises(RuntimeError, match=r"shape \(2,\).*\(3,\)"):
        (leaf(1.0, 2.0) * 2).backward(fastnet.ones(3))
    for gradients in (fastnet.ones(1), [fastnet.ones(1)] * 3):
        with pytest.raises(RuntimeError, match="expected grad_tensors to have 2 entries, one for each tensor, got"):
            fastnet.autograd.backward([leaf(1.0) * 2, leaf(1.0) * 2], gradients)


def test_a_changed_saved_tensor_raises():
    x = leaf(1.0, 2.0)
    y = x * 2
    z = (y * y).sum()
    y += 1
    with pytest.raises(RuntimeError, match="changed in place"):
        z.backward()


def test_a_changed_saved_result_raises():
    y = fastnet.sigmoid(leaf(1.0, 2.0))
    z = y.sum()
    with fastnet.no_grad():
        y.mul_(2)
    with pytest.raises(RuntimeError, match="changed in place"):
        z.backward()


def test_a_change_through_a_view_or_an_alias_raises():
    x = leaf(1.0, 2.0)
    y = x * 2
    z = (y * y).sum()
    with fastnet.no_grad():
        y.view(2)[0] = 5
    with pytest.raises(RuntimeError, match="changed in place"):
        z.backward()


@pytest.mark.parametrize("use", [
    lambda x, i: x[i], lambda x, i: x[None, i], lambda x, i: fastnet.index_select(x, 0, i),
    lambda x, i: fastnet.gather(x, 0, i), lambda x, i: (x * 1).__setitem__(i, x[:1]) or x[i],
])
def test_a_changed_index_raises(use):
    i = fastnet.tensor([0])
    y = use(leaf(1.0, 2.0), i).sum()
    i += 1
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_a_changed_index_of_a_write_raises():
    i, y, value = fastnet.tensor([0]), fastnet.zeros(2), leaf(1.0)
    y[i] = value
    i += 1
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()


def test_tensors_that_are_not_saved_may_change():
    x = leaf(1.0, 2.0)
    y = x * 2
    z = (y + 1).sum()
    y += 1
    z.backward()
    assert x.grad.tolist() == [2, 2]


def test_writing_into_a_leaf_raises():
    x = leaf(1.0, 2.0)
    for write in (lambda: x.add_(1), lambda: x.zero_(), lambda: x.__setitem__(0, 1.0), lambda: x.normal_()):
        with pytest.raises(RuntimeError, match="leaf that requires a gradient"):
            write()
    with fastnet.no_grad():
        x.add_(1)
    assert x.tolist() == [2, 3]


def test_an_in_place_result_can_be_changed_again():
    x = leaf(0.5, -0.5)
    y = x * 2
    y.relu_()
    y.sum().backward()
    assert x.grad.tolist() == [2, 0]


def test_views_carry_gradients():
    x = leaf(1.0, 2.0, 3.0, 4.0)
    v = x.view(2, 2).t()
    assert v.data_ptr() == x.data_ptr()
    (v[0] * fastnet.tensor([1.0, 10.0])).sum().backward()
    assert x.grad.tolist() == [1, 0, 10, 0]


def test_only_needed_gradients_are_computed(monkeypatch):
    calls = []
    original = fastnet.backend.K.matmul
    monkeypatch.setattr(fastnet.backend.K, "matmul", lambda *a, **k: (calls.append(1), original(*a, **k)))
    w = fastnet.ones(2, 3, requires_grad=True)
    fastnet.nn.functional.linear(fastnet.ones(4, 3), w).sum().backward()
    assert len(calls) == 2                      # the product and dW, no dX


def test_retain_grad():
    x = leaf(1.0)
    y = x * 3
    y.retain_grad()
    (y * 2).backward(fastnet.ones(1))
    assert y.grad.item() == 2 and x.grad.item() == 6


def test_grad_function():
    x, unused = leaf(2.0), leaf(1.0)
    y = (x * x).sum()
    [g] = fastnet.grad(y, x, retain_graph=True)
    assert g.item() == 4 and x.grad is None
    with pytest.raises(RuntimeError, match="do not depend on input 0"):
        fastnet.grad(y, [unused], retain_graph=True)
    assert fastnet.grad(y, [unused], allow_unused=True) == (None,)


def test_copies_and_pickles():
    x = leaf(1.0, 2.0)
    x.sum().backward()
    for y in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert y.tolist() == [1, 2] and y.requires_grad and y.data_ptr() != x.data_ptr()
    with pytest.raises(RuntimeError, match="deepcopy: expected a leaf"):
        copy.deepcopy(x * 2)
    assert copy.deepcopy(x).grad.tolist() == [1, 1]


def test_from_numpy_shares_memory_and_tensor_copies():
    a = np.zeros(3, np.float32)
    shared, copied = fastnet.from_numpy(a), fastnet.tensor(a)
    a[0] = 5
    assert shared.tolist() == [5, 0, 0] and copied.tolist() == [0, 0, 0]
    shared[1] = 7
    assert a[1] == 7 and np.shares_memory(np.asarray(shared), a)


def test_numpy_and_dlpack():
    x = fastnet.tensor([1.0, 2.0])
    assert np.exp(x).shape == (2,) and isinstance(np.ones(2, np.float32) * x, fastnet.Tensor)
    assert np.from_dlpack(x).tolist() == [1, 2]
    assert fastnet.from_dlpack(np.arange(3)).tolist() == [0, 1, 2]
    with pytest.raises(RuntimeError, match="detach"):
        leaf(1.0).numpy()
    torch = pytest.importorskip("torch")
    assert torch.from_dlpack(x).tolist() == [1, 2]


def test_parameters_are_contiguous_and_gradients_mirror_them():
    layer = Linear(3, 5)
    layer(fastnet.ones(2, 3)).sum().backward()
    w, b = layer.weight, layer.bias
    assert b.data_ptr() - w.data_ptr() == b.grad.data_ptr() - w.grad.data_ptr() == 64
    assert w.data_ptr() % 64 == 0


def test_matmul_into_one_of_its_operands():
    a, b = fastnet.randn(40, 40), fastnet.randn(40, 40)
    expected = a @ b
    assert fastnet.equal(fastnet.matmul(a, b, out=a), expected)


def test_random_draws_follow_the_seed():
    fastnet.manual_seed(3)
    a = fastnet.randn(5)
    saved = fastnet.get_rng_state()
    b = fastnet.rand(5)
    fastnet.set_rng_state(saved)
    assert (fastnet.rand(5) == b).all() and not (fastnet.rand(5) == b).all()
    fastnet.manual_seed(3)
    assert (fastnet.randn(5) == a).all()
    with pytest.raises(ValueError, match="two uint64"):
        fastnet.set_rng_state([1, 2, 3])
    assert sorted(fastnet.randperm(50).tolist()) == list(range(50))
    drawn = fastnet.randint(3, 9, (1000,))
    assert drawn.dtype == fastnet.int64 and set(drawn.tolist()) == set(range(3, 9))


def test_reprs():
    assert repr(fastnet.tensor([1.5, 2.0])) == "tensor([1.5, 2. ])"
    assert "requires_grad=True" in repr(leaf(1.0)) and "mul backward" in repr(leaf(1.0) * 2)
    assert repr(fastnet.tensor(2)) == "tensor(2)" and "dtype=float64" in repr(fastnet.zeros(1, dtype="float64"))


def test_no_finite_number_is_close_to_infinity():
    a, inf = fastnet.tensor([1.0, float("inf")]), fastnet.tensor([float("inf"), float("inf")])
    assert fastnet.isclose(a, inf).tolist() == [False, True]


def test_none_as_an_operand_is_refused():
    with pytest.raises(TypeError, match="None"):
        fastnet.ones(3) + None


def test_gradients_flow_through_views_of_written_tensors():
    w = fastnet.ones(3, requires_grad=True)
    y = fastnet.zeros(2, 3)
    y[0] = w
    y[1] = w * 2
    y.view(6)[1:].sum().backward()
    assert w.grad.tolist() == [2, 3, 3]


@pytest.mark.parametrize("shape", [[2, 3], np.array([2, 3]), (2, -1), [-1, 3]], ids=str)
def test_every_form_of_a_shape_keeps_the_gradient(shape):
    x = fastnet.ones(6, requires_grad=True)
    x.reshape(shape).sum().backward()
    assert x.grad.tolist() == [1.0] * 6


def test_custom_operations():
    double = fastnet.autograd.op(lambda x: (x * 2, (lambda g: g * 2,)))
    assert double(fastnet.tensor(1.5)).item() == 3.0            # NumPy makes a number of it
    short = fastnet.autograd.op(lambda x, y: (x + y, (lambda g: g,)))
    with pytest.raises(RuntimeError, match="expected a gradient for argument 2, the operation returned 1"):
        short(fastnet.ones(2), fastnet.ones(2, requires_grad=True))


@pytest.mark.parametrize("call", [lambda x: fastnet.transpose(x, 0, 1), lambda x: fastnet.permute(x, (1, 0)),
                                  fastnet.squeeze])
def test_views_of_arrays_and_numbers_are_refused(call):
    with pytest.raises((TypeError, AttributeError)):
        call(np.zeros((2, 3)))
