"""A change of something that a function reads: the next call gives the eager result, by the path in C and in Python.

Each case returns a function of one tensor, and the changes between its calls.
"""
import collections
import dataclasses
import datetime
from decimal import Decimal

import numpy as np
import pytest

import fastnet
from fastnet import nn, optim

pytestmark = pytest.mark.usefixtures("backend")


def two():
    return fastnet.full((2,), 2.0)


def memory_of_a_tensor_that_shares_its_storage():
    a = two()
    b = a.detach()
    return lambda x: x * a + b, [lambda: setattr(b, "data", two() * 5), lambda: setattr(a, "data", two() * 7)]


def memory_of_a_tensor_that_shares_a_gradient():
    w = fastnet.ones(2, requires_grad=True)
    w.grad = two()
    shared = w.grad.detach()
    return lambda x: x * w.grad + shared, [lambda: setattr(shared, "data", two() * 5)]


def requires_grad_of_a_tensor_that_shares_its_storage():
    a = two()
    b = a.detach()
    return (lambda x: (x * a + b).detach() + 100 * b.requires_grad), [lambda: b.requires_grad_()]


def momentum_step():
    a, b = nn.Parameter(two()), nn.Parameter(two())
    optimizer = optim.SGD([a, b], lr=0.1, momentum=0.9)

    def f(x):
        optimizer.zero_grad()
        (a * x + b * x * x).square().sum().backward()
        optimizer.step()
        return a.detach() + b.detach()
    return f, optimizer, a, b


def state_under_another_parameter():
    f, optimizer, _, b = momentum_step()
    other = nn.Parameter(two())
    return f, [lambda: optimizer.state.update({other: optimizer.state.pop(b)})]


def states_swapped():
    f, optimizer, a, b = momentum_step()

    def swap():
        first, second = optimizer.state.pop(a), optimizer.state.pop(b)
        optimizer.state[b], optimizer.state[a] = first, second
    return f, [swap]


def one_group(**options):
    return optim.SGD([nn.Parameter(two())], lr=0.5, **options)


def add_group(optimizer):
    optimizer.add_param_group({"params": [nn.Parameter(two())], "lr": 7.0})


def number_of_groups():
    optimizer = one_group()
    return lambda x: x * len(optimizer.param_groups), [lambda: add_group(optimizer)]


def last_group():
    optimizer = one_group()
    return lambda x: x * optimizer.param_groups[-1]["lr"], [
        lambda: add_group(optimizer), lambda: optimizer.param_groups[-1].update(lr=3.0)]


def option_named_in_another_function():
    optimizer = one_group()

    def weight_decay(groups):
        return groups[0]["weight_decay"]
    return lambda x: x * optimizer.param_groups[0]["lr"] + weight_decay(optimizer.param_groups), [
        lambda: optimizer.param_groups[0].update(weight_decay=3.0)]


def new_option():
    optimizer = one_group()
    return lambda x: x * optimizer.param_groups[0].get("clip", 0.0), [
        lambda: optimizer.param_groups[0].update(clip=3.0)]


def parameters_of_a_group():
    optimizer = one_group()
    group = optimizer.param_groups[0]
    return lambda x: x * sum(p.detach() for g in optimizer.param_groups for p in g["params"]), [
        lambda: group["params"].append(nn.Parameter(two())),
        lambda: group["params"].__setitem__(-1, nn.Parameter(two() * 5)),
        lambda: group.update(params=[nn.Parameter(two() * 9)])]


def length_of_the_state():
    optimizer = one_group()
    return lambda x: x * len(optimizer.state), [
        lambda: optimizer.state.update({optimizer.param_groups[0]["params"][0]: {"more": two()}})]


def entry_of_the_state():
    optimizer = one_group()
    p = optimizer.param_groups[0]["params"][0]
    optimizer.state[p] = {"more": two()}
    before = optimizer.state[p]["more"]         # held, so that no other tensor gets its place
    return lambda x: x * optimizer.state[p]["more"] + 0 * before, [
        lambda: optimizer.state[p].update(more=two() * 5)]


class Holder:
    def __init__(self, value):
        self.value = value


class Meters(float):
    scale = 1.0


def meters(scale):
    found = Meters(1.0)
    found.scale = scale
    return found


def read(read_value, before, now):
    """A function that reads an attribute, which changes."""
    holder = Holder(before)
    return lambda x: x * read_value(holder.value), [lambda: setattr(holder, "value", now)]


def element_type(found):
    return 5 if isinstance(next(iter(found)), float) else 1


NOON = datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.timezone.utc)
VALUES = {
    "the type of an element of a frozen set": (element_type, frozenset((1,)), frozenset((1.0,))),
    "the sign of an element of a frozen set": (
        lambda found: np.copysign(3.0, next(iter(found))).item(), frozenset((0.0,)), frozenset((-0.0,))),
    "the digits of a decimal": (lambda found: len(str(found)), Decimal("1.0"), Decimal("1.00")),
    "the time zone": (lambda found: found.hour, NOON,
                      NOON.astimezone(datetime.timezone(datetime.timedelta(hours=5)))),
    "an attribute of a number": (lambda found: found.scale, meters(1.0), meters(2.0)),
    "an empty range": (lambda found: found.start, range(1, 1), range(5, 5)),
}
CASES = {case.__name__: case for case in (
    memory_of_a_tensor_that_shares_its_storage, memory_of_a_tensor_that_shares_a_gradient,
    requires_grad_of_a_tensor_that_shares_its_storage, state_under_another_parameter, states_swapped, number_of_groups,
    last_group, option_named_in_another_function, new_option, parameters_of_a_group, length_of_the_state,
    entry_of_the_state)} | {name: lambda values=values: read(*values) for name, values in VALUES.items()}


@pytest.mark.parametrize("path", ["C", "Python"])
@pytest.mark.parametrize("name", CASES)
def test_a_change_is_noticed(name, path):
    (eager, eager_changes), (function, changes) = CASES[name](), CASES[name]()
    recorded = fastnet.compile(function)

    def both():
        x = fastnet.ones(2)
        got = recorded(x) if path == "C" else recorded(x=x)     # an argument by keyword takes the path in Python
        assert got.tolist() == eager(x).tolist()
    for _ in range(3):
        both()
    for change, eager_change in zip(changes, eager_changes):
        change()
        eager_change()
        both()
        both()
    assert len(recorded) > 1, "runs eagerly"


@pytest.mark.parametrize("path", ["C", "Python"])
def test_parts_of_a_float_argument(path):
    def f(x, w):
        return x * w.real + w.imag
    recorded, x = fastnet.compile(f), fastnet.ones(2)
    for w in (1.0, 2.0, 3.0, 4.5, -1.0):
        got = recorded(x, w) if path == "C" else recorded(x, w=w)
        assert got.tolist() == f(x, w).tolist()
    assert len(recorded) == 2


@dataclasses.dataclass(frozen=True)
class Options:
    scale: float = 1.0
    note: float = dataclasses.field(default=1.0, compare=False)


@dataclasses.dataclass(frozen=True)
class Slotted:
    __slots__ = ("scale",)
    scale: float


class EqualToAll:
    def __init__(self, scale):
        self.scale = scale

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 1


ARGUMENTS = {
    "the sign of a field": (lambda x, o: x / o.scale, Options(0.0), Options(-0.0)),
    "the sign of a slot": (lambda x, o: x / o.scale, Slotted(0.0), Slotted(-0.0)),
    "a field that is not compared": (lambda x, o: x * o.note, Options(1.0, 1.0), Options(1.0, 2.0)),
    "an object that is equal to all": (lambda x, o: x * o.scale, EqualToAll(1.0), EqualToAll(2.0)),
    "a frozen set": (lambda x, o: x * element_type(o), frozenset((1,)), frozenset((1.0,))),
    "a range": (lambda x, o: x * o.start, range(1, 1), range(5, 5)),
    "an attribute of a number": (lambda x, o: x * o.scale, meters(1.0), meters(2.0)),
    "a dict or an OrderedDict": (lambda x, o: x * (3 if isinstance(o, collections.OrderedDict) else 1), {"a": 1},
                                 collections.OrderedDict(a=1)),
    "the default of a defaultdict": (lambda x, o: x * (3 if o.default_factory is int else 1),
                                     collections.defaultdict(int), collections.defaultdict(float)),
    "the type of a key": (lambda x, o: x * element_type(o), {1: 1}, {1.0: 1}),
}


@pytest.mark.parametrize("path", ["C", "Python"])
@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments_that_differ_have_their_recordings(name, path):
    f, first, second = ARGUMENTS[name]
    recorded, x = fastnet.compile(f), fastnet.ones(2)
    for argument in (first, second, first, second):
        got = recorded(x, argument) if path == "C" else recorded(x, o=argument)
        assert got.tolist() == f(x, argument).tolist()
    assert len(recorded) == 2


@pytest.mark.parametrize("make", [lambda: Options(2.0, 3.0), lambda: Slotted(2.0), lambda: EqualToAll(2.0),
                                  lambda: (1, "a", 2.5), lambda: np.float32(2), lambda: Decimal("1.10"),
                                  lambda: collections.OrderedDict(a=1), lambda: frozenset((1, 2))])
def test_equal_arguments_share_a_recording(make):
    recorded, x = fastnet.compile(lambda x, o: x * 2), fastnet.ones(2)
    for _ in range(3):
        assert recorded(x, make()).tolist() == [2, 2]
    assert len(recorded) == 1
