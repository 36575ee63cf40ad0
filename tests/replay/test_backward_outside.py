"""`fastnet.compile`: functions whose backward() runs outside give the bits of an eager run, whatever surrounds them."""
import gc
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

import fastnet
from fastnet import nn
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")


def model(dropout=0.0):
    fastnet.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.Tanh(), nn.Dropout(dropout), nn.Linear(7, 3))


def losses(loop, compiled, dropout=0.0, steps=6):
    """The losses and final state of `loop(net, step)`, called for each step, with Adam outside."""
    net = model(dropout)
    called = fastnet.compile(net) if compiled else net
    optimizer = fastnet.optim.Adam(net.parameters(), lr=0.1)
    found = []
    for step in range(steps):
        found.append(loop(called, net, optimizer, step))
    return found, [t.detach().numpy().copy() for t in (*net.parameters(), *net.buffers())], called


def batch(step, n=6):
    rng = np.random.default_rng(step)
    return fastnet.from_numpy(rng.standard_normal((n, 5), np.float32)), fastnet.from_numpy(rng.integers(0, 3, n))


def plain(called, net, optimizer, step):
    x, y = batch(step)
    optimizer.zero_grad()
    loss = F.cross_entropy(called(x), y)
    loss.backward()
    optimizer.step()
    return loss.item()


def two_forwards(called, net, optimizer, step):
    x, y = batch(step)
    optimizer.zero_grad()
    loss = F.cross_entropy(called(x), y) + F.cross_entropy(called(-x), y)
    loss.backward()
    optimizer.step()
    return loss.item()


def many_forwards(called, net, optimizer, step):
    """More than the recordings that may wait for their backward()."""
    optimizer.zero_grad()
    results = [called(batch(step + i)[0]) for i in range(12)]
    loss = sum((r * r).mean() for r in results)
    loss.backward()
    optimizer.step()
    return loss.item()


def accumulation(called, net, optimizer, step):
    optimizer.zero_grad()
    for i in range(3):
        x, y = batch(10 * step + i)
        loss = F.cross_entropy(called(x), y)
        (loss / 3).backward()
    optimizer.step()
    return loss.item()


def changing_shapes(called, net, optimizer, step):
    x, y = batch(step, 6 - step % 3)
    optimizer.zero_grad()
    loss = F.cross_entropy(called(x), y)
    loss.backward()
    optimizer.step()
    return loss.item()


def evaluation_between(called, net, optimizer, step):
    loss = plain(called, net, optimizer, step)
    net.eval()
    with fastnet.no_grad():
        score = called(batch(99)[0]).sum().item()
    forgotten = called(batch(98)[0])        # with gradients, and never backward()
    net.train()
    return loss, score, forgotten.sum().item()


def retained(called, net, optimizer, step):
    x, y = batch(step)
    optimizer.zero_grad()
    loss = F.cross_entropy(called(x), y)
    loss.backward(retain_graph=True)
    loss.backward()
    optimizer.step()
    return loss.item()


def gradients_returned(called, net, optimizer, step):
    x, y = batch(step)
    loss = F.cross_entropy(called(x), y)
    found = fastnet.grad(loss, list(net.parameters()))
    with fastnet.no_grad():
        for p, g in zip(net.parameters(), found):
            p -= 0.1 * g
    return [g.tolist() for g in found]


def gradient_of_the_input(called, net, optimizer, step):
    x, y = batch(step)
    w = fastnet.ones(5, requires_grad=True)
    leaf = x.clone().requires_grad_()
    optimizer.zero_grad()
    loss = F.cross_entropy(called(leaf * w), y) + F.cross_entropy(called(leaf), y)
    loss.backward()
    optimizer.step()
    return loss.item(), w.grad.tolist(), leaf.grad.tolist()


LOOPS = [plain, two_forwards, many_forwards, accumulation, changing_shapes, evaluation_between, retained,
         gradients_returned, gradient_of_the_input]


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("loop", LOOPS)
def test_a_compiled_model_in_a_loop(loop, dropout):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expected, state, _ = losses(loop, False, dropout)
        found, compiled_state, called = losses(loop, True, dropout)
    assert found == expected
    for a, b in zip(state, compiled_state):
        np.testing.assert_array_equal(a, b)
    assert len(called) > 0


@pytest.mark.parametrize(("loop", "recordings"), [(plain, 1), (two_forwards, 2), (accumulation, 1), (retained, 1)])
def test_recordings_are_used_again(loop, recordings):
    _, _, called = losses(loop, True, steps=12)
    assert len(called) == recordings


def compare(fn, *uses):
    """Each use(f) gives the same for the compiled function as for the plain one, three times in a row."""
    for use in uses:
        f = fastnet.compile(fn)
        for _ in range(3):
            np.testing.assert_equal(use(f), use(fn))


def test_several_results_of_which_some_are_used():
    w = fastnet.tensor([2.0, 3.0], requires_grad=True)

    def fn(x):
        y = w * x
        return y, {"square": y * y, "same": y, "plain": x + 1}

    def gradient(loss):
        def use(f):
            w.grad = None
            loss(f(fastnet.tensor([1.0, 4.0]))).backward()
            return w.grad.tolist()
        return use
    compare(fn, gradient(lambda r: r[0].sum()), gradient(lambda r: r[1]["square"].sum()),
            gradient(lambda r: (r[0] * r[1]["square"] + r[1]["same"] + r[1]["plain"]).sum()))


def test_different_results_are_used_in_turns():
    w = fastnet.tensor([2.0, 3.0], requires_grad=True)
    f = fastnet.compile(lambda x: (w * x, w * w))
    for i in range(6):
        w.grad = None
        f(fastnet.full((2,), float(i)))[i % 2].sum().backward()
        assert w.grad.tolist() == ([4.0, 6.0] if i % 2 else [i, i])


def test_arguments_and_parameters_among_the_results():
    w = fastnet.tensor([2.0], requires_grad=True)
    f, x = fastnet.compile(lambda x: (w, x, w * x)), fastnet.ones(1, requires_grad=True)
    for _ in range(3):
        a, b, c = f(x)
        assert a is w
        assert b is x
        w.grad = x.grad = None
        (a + b + c).backward()
        assert (w.grad.item(), x.grad.item()) == (2, 3)


def test_a_view_of_a_parameter_is_refused():
    w = fastnet.ones(2, 3, requires_grad=True)
    f = fastnet.compile(lambda x: (w.t(), w * x))
    f(fastnet.ones(3))
    with pytest.raises(RuntimeError, match=r"view of a parameter.*clone\(\)"):
        f(fastnet.ones(3))


def test_a_parameter_changed_before_backward_is_an_error():
    w = fastnet.ones(2, requires_grad=True)
    f = fastnet.compile(lambda x: w * w * x)
    for _ in range(3):
        result = f(fastnet.ones(2)).sum()
        with fastnet.no_grad():
            w += 1
        with pytest.raises(RuntimeError, match="changed in place"):
            result.backward()


def test_a_second_backward_is_an_error():
    w = fastnet.ones(2, requires_grad=True)
    f = fastnet.compile(lambda x: w * x)
    for _ in range(3):
        result = f(fastnet.ones(2)).sum()
        result.backward()
        with pytest.raises(RuntimeError, match="already called"):
            result.backward()


def test_results_do_not_change_when_a_later_call_runs():
    w = fastnet.ones(2, requires_grad=True)
    f = fastnet.compile(lambda x: (w * x).exp())
    kept = [f(fastnet.full((2,), float(i))) for i in range(4)]
    for i, result in enumerate(kept):
        assert result.tolist() == pytest.approx([np.exp(i)] * 2)
        w.grad = None
        result.sum().backward()
        assert w.grad.tolist() == pytest.approx([i * np.exp(i)] * 2)


def test_writes_into_arguments():
    w = fastnet.ones(2, requires_grad=True)

    def fn(x):
        x += 1
        return w * x
    f = fastnet.compile(fn)
    for i in range(4):
        x = fastnet.zeros(2)
        f(x).sum().backward()
        assert x.tolist() == [1, 1]
        assert w.grad.tolist() == [i + 1, i + 1]
    with pytest.raises(RuntimeError, match="in place"):
        f(fastnet.zeros(2, requires_grad=True) * 1)

    @fastnet.compile
    def without_gradient(x):
        with fastnet.no_grad():
            x += 1
        return w * x
    with pytest.raises(RuntimeError, match="writes into it"):
        without_gradient(fastnet.zeros(2, requires_grad=True))


def test_backward_inside_to_an_argument_is_an_error():
    def fn(x):
        (x * x).sum().backward()
        return x + 1
    with pytest.raises(RuntimeError, match=r"calls backward\(\) on it"):
        fastnet.compile(fn)(fastnet.ones(2, requires_grad=True))


def test_a_float_argument_that_changes():
    w = fastnet.ones(2, requires_grad=True)
    f = fastnet.compile(lambda x, scale: w * x * scale)
    for i in range(8):
        w.grad = None
        f(fastnet.ones(2), 0.5 * i).sum().backward()
        assert w.grad.tolist() == [0.5 * i] * 2
    assert len(f) <= 3


def test_unused_recordings_are_released():
    w = fastnet.ones(2, requires_grad=True)
    f = fastnet.compile(lambda x: w * x)
    for _ in range(5):
        f(fastnet.ones(2))
    assert len(f) == 1
    del f
    gc.collect()


class Tagger(nn.Module):
    def __init__(self, compiled):
        super().__init__()
        body = model()
        self.body = fastnet.compile(body) if compiled else body
        self.head = nn.Linear(3, 3)

    def forward(self, x):
        return self.head(self.body(x))


def test_a_compiled_module_is_part_of_another():
    found = []
    for compiled in (False, True):
        fastnet.manual_seed(1)
        net = Tagger(compiled)
        assert isinstance(net.body, nn.Module)
        assert not compiled or type(net.body._orig_mod) is nn.Sequential
        optimizer = fastnet.optim.SGD(net.parameters(), lr=0.1)
        values = [plain(net, net, optimizer, step) for step in range(5)]
        net.eval()
        values.append(net(batch(9)[0]).sum().item())
        found.append((values, {name: t.tolist() for name, t in net.state_dict().items()}))
    assert found[0] == found[1]


def test_hooks_of_leaves_run_at_each_backward():
    w, seen = fastnet.ones(2, requires_grad=True), []
    f = fastnet.compile(lambda x: w * x)
    w.register_hook(lambda g: seen.append(g.tolist()) or g * 2)
    for i in range(4):
        w.grad = None
        f(fastnet.full((2,), float(i))).sum().backward()
        assert w.grad.tolist() == [2 * i] * 2
        assert fastnet.grad(f(fastnet.full((2,), float(i))).sum(), w)[0].tolist() == [2 * i] * 2
    assert seen == [[i, i] for i in range(4) for _ in range(2)]


def test_hooks_of_results_and_their_second_derivatives():
    w = fastnet.ones(2, requires_grad=True)
    f = fastnet.compile(lambda x: w * x * w)
    f(fastnet.ones(2))
    for i in range(3):
        w.grad, result = None, f(fastnet.full((2,), float(i)))
        result.register_hook(lambda g: g * 10)
        result.sum().backward()
        assert w.grad.tolist() == [20 * i] * 2
        slope, = fastnet.grad(f(fastnet.ones(2)).sum(), w, create_graph=True)
        with pytest.raises(RuntimeError, match=r"compiled.*second derivative"):
            slope.sum().backward()


# ---- without an error -----------------------------------------------------------------------------------------------

def reads_a_value(w, x, held):
    return w * x if x.sum().item() > 0 else w + x


def makes_a_tensor(w, x, held):
    return w * x * fastnet.tensor([1.0, 2.0])


def keeps_a_tensor(w, x, held):
    held.append(w * x)
    return held[-1] + 1


def has_a_hook(w, x, held):
    y = w * x
    y.register_hook(lambda g: g * 2)
    return y * y


def returns_an_object(w, x, held):
    return SimpleNamespace(logits=w * x)


@pytest.mark.parametrize("fn", [reads_a_value, makes_a_tensor, keeps_a_tensor, has_a_hook,
                                returns_an_object])
@pytest.mark.parametrize("needs_gradient", [False, True])
def test_what_cannot_be_recorded_runs_eagerly(fn, needs_gradient):
    w, held = fastnet.ones(2, requires_grad=True), []
    f = fastnet.compile(lambda x: fn(w, x, held), fullgraph=False)

    def use(f, x):
        w.grad = x.grad = None
        result = f(x)
        (result.logits if isinstance(result, SimpleNamespace) else result).sum().backward()
        return w.grad.tolist(), needs_gradient and x.grad.tolist()
    caught = []
    for i in range(4):
        x = fastnet.full((2,), i - 1.5, requires_grad=needs_gradient)
        with warnings.catch_warnings(record=True) as caught_now:
            warnings.simplefilter("always")
            found = use(f, x)
        caught += caught_now
        assert found == use(lambda x: fn(w, x, held), x)
    assert len(caught) == 1
    assert "runs <lambda> eagerly" in str(caught[0].message) or "eagerly" in str(caught[0].message)
    assert len(f) == 0
