"""One change for each guard: the next call gives the eager result, by the path in C and by the path in Python.

To mend a guard, add a case here first.
"""
from functools import partial

import numpy as np
import pytest

import fastnet
from fastnet import nn
from fastnet._replay.guards import alike

pytestmark = pytest.mark.usefixtures("backend")


class Model:
    """A step that reads one value of each kind."""

    def __init__(self):
        fastnet.manual_seed(0)
        self.dropout, self.linear = nn.Dropout(1.0), nn.Linear(2, 2)
        self.optimizer = fastnet.optim.Adam(self.linear.parameters(), lr=0.1, weight_decay=0.5)
        self.extra = fastnet.ones(2, requires_grad=True)
        self.width, self.numbers, self.names = 1.0, [1.0, 2.0], {"shift": 1.0, "scale": 2.0}
        width = 3.0

        def captured():
            return width

        def set_captured(value):
            nonlocal width
            width = value
        self.captured, self.set_captured = captured, set_captured

    def step(self, x):
        loss = self.linear(self.dropout(x) + self.extra.detach() + self.width + sum(self.numbers)).square().sum()
        loss = loss + self.names["shift"] / self.captured() + sum(len(key) * v for key, v in self.names.items())
        if self.extra.grad is not None:
            loss = loss + self.extra.grad.sum()
        if self.extra.requires_grad:
            loss = loss + 1
        if fastnet.is_grad_enabled():
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        return loss.detach()


def set_gradient(model):
    model.extra.grad = fastnet.ones(2)


def replace_weight(model):
    model.linear.weight = nn.Parameter(fastnet.ones(2, 2))


def replace_module(model):
    fastnet.manual_seed(1)
    model.linear = nn.Linear(2, 2, bias=False)


def replace_memory(model):
    model.linear.weight.data = fastnet.ones(2, 2)


def replace_moment(model):
    model.optimizer.state[model.linear.bias]["exp_avg"] = fastnet.ones(2)


def replace_memory_of_a_moment(model):
    model.optimizer.state[model.linear.bias]["exp_avg"].data = fastnet.ones(2)


def hook(model):
    model.linear.register_forward_hook(lambda module, args, output: output * 2)


CHANGES = {
    "Module.training": lambda model: model.dropout.eval(),
    "a parameter": replace_weight,
    "the memory of a parameter": replace_memory,
    "a module": replace_module,
    "a hook": hook,
    "requires_grad": lambda model: setattr(model.extra, "requires_grad", False),
    "a gradient": set_gradient,
    "an option of the optimizer": lambda model: model.optimizer.param_groups[0].update(amsgrad=True),
    "a learning rate": lambda model: model.optimizer.param_groups[0].update(lr=0.2),
    "the parameters of the optimizer": lambda model: model.optimizer.param_groups[0]["params"].pop(),
    "a moment": replace_moment,
    "the memory of a moment": replace_memory_of_a_moment,
    "an attribute": lambda model: setattr(model, "width", 5.0),
    "the first element of a list": lambda model: model.numbers.__setitem__(0, 5.0),
    "the last element of a list": lambda model: model.numbers.__setitem__(-1, 5.0),
    "a longer list": lambda model: model.numbers.append(5.0),
    "a shorter list": lambda model: model.numbers.pop(),
    "the first entry of a dict": lambda model: model.names.update(shift=5.0),
    "the last entry of a dict": lambda model: model.names.update(scale=5.0),
    "a new entry of a dict": lambda model: model.names.update(more=5.0),
    "a removed entry of a dict": lambda model: model.names.pop("scale"),
    "a renamed key of a dict": lambda model: model.names.update(other=model.names.pop("scale")),
    "a closure variable": lambda model: model.set_captured(-7.0),
    "a method": lambda model: setattr(model, "captured", lambda: 9.0),
}


@pytest.mark.parametrize("path", ["C", "Python"])
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_noticed(name, path):
    eager, recorded = Model(), Model()
    step = fastnet.compile(recorded.step)
    x, other = fastnet.ones(1, 2), fastnet.full((1, 2), 2.0)

    def both(x):
        expected = eager.step(x)
        got = step(x) if path == "C" else step(x=x)             # an argument by keyword takes the path in Python
        np.testing.assert_array_equal(got.numpy(), expected.numpy())
        for p, q in zip(recorded.linear.parameters(), eager.linear.parameters()):
            np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())
    for each in (x, other, x):
        both(each)
    for model in (eager, recorded):
        CHANGES[name](model)
    for each in (x, other, x):
        both(each)


@pytest.mark.parametrize("shift", [0.0, -0.0])
def test_a_zero_is_told_by_its_sign(shift):
    class Divisor:
        value = -shift
    f, divisor = fastnet.compile(lambda x: x / divisor.value), Divisor()
    f(fastnet.ones(1))
    divisor.value = shift
    assert f(fastnet.ones(1)).item() == np.copysign(np.inf, shift)


def without_gradients(f, x):
    with fastnet.no_grad():
        return f(x)


def with_setting(get, change, value, f, x):
    """f(x) while a setting, which `get` reads and `change` writes, has another value."""
    before = get()
    change(value)
    try:
        return f(x)
    finally:
        change(before)


def on_numpy(f, x):
    with fastnet.use_backend("numpy"):
        return f(x)


def other_contexts():
    """Functions that call in another context, by the names of the settings."""
    found = {"gradient mode": without_gradients}
    if fastnet.backend.backend() == "compiled":
        found["backend"] = on_numpy
        if fastnet.backend.config()["openmp"]:
            found["threads"] = partial(with_setting, fastnet.get_num_threads, fastnet.set_num_threads,
                                       fastnet.get_num_threads() + 1)
        for name in set(fastnet.available_isas()) - {fastnet.get_isa()}:
            found["instruction set"] = partial(with_setting, fastnet.get_isa, fastnet.set_isa, name)
    return found


def calls_of(f, path):
    """The function, or one that calls it by keyword: such calls take the path in Python."""
    return f if path == "C" else lambda x: f(x=x)


@pytest.mark.parametrize("path", ["C", "Python"])
def test_each_context_has_its_recording(path):
    x = fastnet.ones(2)
    for name, context in other_contexts().items():
        f = fastnet.compile(lambda x: x * 2 + fastnet.is_grad_enabled())
        call = calls_of(f, path)
        for _ in range(3):              # the third call is served in C
            assert call(x).tolist() == [3, 3]
        assert context(call, x).tolist() == ([2, 2] if name == "gradient mode" else [3, 3])
        assert len(f) == 2 and f"recording 1: {name}: " in f.explain()


def test_arguments_that_share_memory_have_their_recording():
    f, x, y = fastnet.compile(lambda x, y: x + y), fastnet.ones(2), fastnet.ones(2)
    for _ in range(3):
        f(x, y)
    assert len(f) == 1 and f(x, x).tolist() == [2, 2] and len(f) == 2
    assert f(x, y).tolist() == [2, 2] and len(f) == 2


@pytest.mark.parametrize("path", ["C", "Python"])
def test_layouts_have_their_recordings(path):
    data = np.zeros(17, np.uint8)
    frozen = np.ones(4, np.float32)
    frozen.flags.writeable = False
    square = np.ones((2, 2), np.float32)
    arrays = [square, square.reshape(1, 4), np.ones((2, 2)), square.T[:1], data[1:].view(np.float32), frozen]
    f = fastnet.compile(lambda x: x * 2)
    call = calls_of(f, path)
    for n, array in enumerate(arrays, 1):
        for _ in range(3):
            np.testing.assert_array_equal(call(fastnet.Tensor._wrap(array)).numpy(), array * 2)
        assert len(f) == n


@pytest.mark.parametrize("path", ["C", "Python"])
def test_an_argument_that_requires_a_gradient_is_noticed(path):
    f, x = fastnet.compile(lambda x: x * 2), fastnet.ones(2)
    call = calls_of(f, path)
    for _ in range(3):
        call(x)
    x.requires_grad_()
    for _ in range(3):
        x.grad = None
        call(x).sum().backward()
        assert x.grad.tolist() == [2, 2]


def test_values_that_are_alike():
    class Number(float):
        pass

    def method():
        return Model.step.__get__(model)
    model = object()
    for a, b in ((1, 1), (1.5, 1.5), (float("nan"), float("nan")), ((1, "a"), (1, "a")), (np.float32(2), np.float32(2)),
                 (frozenset((1, 2)), frozenset((2, 1))), (method(), method()), (np.dtype("f4"), np.dtype("f4"))):
        assert alike(a, b)
    for a, b in ((1, 1.0), (1, True), (0.0, -0.0), ((0.0,), (-0.0,)), (1.0, Number(1.0)), ([1], [1]), ({}, {}),
                 (np.float32(2), np.float64(2)), ((1, 2), (1, 2, 3)), (object(), object()), (0j, -0j)):
        assert not alike(a, b)


def test_explain_and_repr_say_what_they_show():
    double = fastnet.compile(lambda x: x * 2)
    double(fastnet.ones(2))
    assert repr(double.recordings) == "(Recording(arguments=['argument 1: tensor (2,) float32'], launches=1),)"
    assert repr(double.explain()) == str(double.explain()) and "\n" in double.explain()
    assert repr(double) == "Compiled(fn=<lambda>, recordings=1, calls=1)"


def test_explain_lists_each_value_once():
    scales = [1.0, 2.0]
    scaled = fastnet.compile(lambda x: x * scales[-1])
    scaled(fastnet.ones(2))
    assert scaled.explain().count("depends on scales\n") + scaled.explain().endswith("depends on scales") == 1
