"""`fastnet.compile` after functions, classes, methods and tables were replaced, or attributes came: no old value."""
import builtins
import collections
import contextlib
import functools
import math
import operator
import os
import threading
import types
import warnings
import weakref

import numpy as np
import pytest

import fastnet
from fastnet import nn

pytestmark = pytest.mark.usefixtures("backend")


def follows(fn, *changes, eager=False):
    """A compiled function gives what the function gives after each change, and runs eagerly only where it may."""
    compiled, x = fastnet.compile(fn), fastnet.tensor([1.0, -2.0, 3.0])
    with fastnet.no_grad(), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        seen = []
        for change in (lambda: None, *changes):
            change()
            seen.append(fn(x).tolist())
            assert compiled(x).tolist() == compiled(x).tolist() == seen[-1]
    assert seen.count(seen[0]) < len(seen)
    assert len(warned) == eager


class Thing:
    factor = 1.0

    def by(self, x, power=2.0):
        return x * self.factor * power


class Third(Thing):
    factor = 3.0


# ---- what fastnet's own objects read ---------------------------------------------------------------------------------

def schedule(kind, *args):
    return kind(fastnet.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.5), *args)


def test_the_rates_that_a_schedule_tells():
    steps = schedule(fastnet.optim.lr_scheduler.StepLR, 1)
    plateau = schedule(fastnet.optim.lr_scheduler.ReduceLROnPlateau)
    plateau.patience = 0
    follows(lambda x: x * steps.get_last_lr()[0], lambda: (steps.optimizer.step(), steps.step()))
    follows(lambda x: x * steps.state_dict()["last_epoch"], lambda: (steps.optimizer.step(), steps.step()))
    follows(lambda x: x * plateau.get_last_lr()[0], lambda: (plateau.step(1.0), plateau.step(2.0)))


def test_what_an_optimizer_tells():
    optimizer = schedule(fastnet.optim.lr_scheduler.StepLR, 1).optimizer
    group = optimizer.param_groups[0]
    follows(lambda x: x * optimizer.state_dict()["param_groups"][0]["lr"], lambda: group.update(lr=2.0))
    follows(lambda x: x * optimizer.param_groups[0]["l" + "rx"[:1]], lambda: group.update(lr=3.0))
    follows(lambda x: x * optimizer.defaults["lr"], lambda: optimizer.defaults.update(lr=4.0))


def test_methods_of_modules_that_are_replaced(monkeypatch):
    net = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    follows(net, lambda: setattr(net[1], "forward", lambda x: x * 100), lambda: delattr(net[1], "forward"),
            lambda: setattr(net, "forward", lambda x: x + 1))
    del net.forward
    follows(lambda x: net(x), lambda: monkeypatch.setattr(nn.ReLU, "forward", lambda self, x: x * 7), monkeypatch.undo,
            lambda: monkeypatch.setattr(nn.Module, "__call__", lambda self, x: x * 8), monkeypatch.undo)
    follows(lambda x: net(x), lambda: setattr(net[1], "__class__", nn.Tanh))


def test_methods_of_tensors_and_optimizers_that_are_replaced(monkeypatch):
    follows(lambda x: x.abs() * 2, lambda: monkeypatch.setattr(fastnet.Tensor, "abs", lambda self: self * 7),
            lambda: monkeypatch.setattr(fastnet.Tensor, "__mul__", lambda self, other: self + 100))
    monkeypatch.undo()
    weight = nn.Parameter(fastnet.ones(3))
    optimizer = fastnet.optim.SGD([weight], lr=0.5)
    weight.grad = fastnet.ones(3)
    step = fastnet.compile(lambda x: optimizer.step() or x * 1)
    step(fastnet.ones(1)), step(fastnet.ones(1))
    optimizer.step = lambda: None
    before = weight.tolist()
    step(fastnet.ones(1))
    assert weight.tolist() == before


@pytest.mark.parametrize(("module", "name", "other"), [
    (fastnet, "exp", lambda x: x * 7), (nn.functional, "relu", lambda x: x * 5), (math, "sqrt", lambda v: 7.0),
    (math, "pi", 3.0), (np, "sqrt", lambda v: 8.0), (builtins, "abs", lambda v: 9.0)])
def test_names_of_modules_that_are_set_anew(monkeypatch, module, name, other):
    uses = {"exp": lambda x: fastnet.exp(x), "relu": lambda x: nn.functional.relu(x), "pi": lambda x: x * math.pi,
            "abs": lambda x: x * abs(-2.0), "sqrt": (lambda x: x * math.sqrt(4.0)) if module is math else (
                lambda x: x * float(np.sqrt(4.0)))}
    follows(uses[name], lambda: monkeypatch.setattr(module, name, other), monkeypatch.undo)


# ---- functions and classes -------------------------------------------------------------------------------------------

def test_parts_of_functions_that_are_replaced():
    def f(x, factor=2.0, *, shift=1.0):
        return x * factor + shift

    def g(x, factor=2.0, *, shift=1.0):
        return x + factor - shift
    changes = [lambda: setattr(f, "__defaults__", (5.0,)), lambda: f.__kwdefaults__.update(shift=7.0),
               lambda: setattr(f, "__kwdefaults__", {"shift": 9.0}), lambda: setattr(f, "__code__", g.__code__)]
    follows(lambda x: f(x), *changes)
    follows(g, lambda: setattr(g, "__defaults__", (6.0,)))
    thing = Thing()
    follows(lambda x: thing.by(x), lambda: setattr(Thing.by, "__defaults__", (3.0,)))
    Thing.by.__defaults__ = (2.0,)


def test_another_class_for_an_object():
    thing, other = Thing(), Thing()
    follows(lambda x: thing.by(x), lambda: setattr(thing, "__class__", Third))
    follows(lambda x: x * type(other).factor, lambda: setattr(other, "__class__", Third))


def test_a_metaclass_and_other_bases():
    class Meta(type):
        _k = 1.0

        @property
        def k(cls):
            return cls._k

    class Made(metaclass=Meta):
        pass

    class Derived(Thing):
        pass
    follows(lambda x: x * Made.k, lambda: setattr(Meta, "_k", 4.0))
    follows(lambda x: x * Derived().factor, lambda: setattr(Derived, "__bases__", (Third,)))


def test_types_that_are_registered_later():
    @functools.singledispatch
    def kind(value):
        return 1.0

    class Kinds:
        @functools.singledispatchmethod
        def of(self, value):
            return 1.0
    kinds = Kinds()
    follows(lambda x: x * kind(3), lambda: kind.register(int)(lambda value: 5.0))
    follows(lambda x: x * kinds.of(3), lambda: Kinds.of.register(int)(lambda self, value: 5.0))


# ---- what was not there when it was recorded -------------------------------------------------------------------------

@pytest.mark.parametrize("make", [Thing, lambda: Thing, lambda: nn.Linear(3, 3), lambda: fastnet.ones(3),
                                  lambda: (lambda x: x), lambda: types.ModuleType("late")])
def test_attributes_that_come_later(make):
    class Late(Thing):
        pass
    holders = [Late if make() is Thing else make() for _ in range(3)]

    def caught(x):
        try:
            return x * holders[2].late
        except AttributeError:
            return x

    def suppressed(x):
        with contextlib.suppress(AttributeError):
            return x * holders[2].later
        return x
    follows(lambda x: x * getattr(holders[0], "gain", 1.0), lambda: setattr(holders[0], "gain", 4.0))
    follows(lambda x: x * 3 if hasattr(holders[1], "flag") else x, lambda: setattr(holders[1], "flag", True))
    follows(caught, lambda: setattr(holders[2], "late", 5.0), lambda: delattr(holders[2], "late"))
    follows(suppressed, lambda: setattr(holders[2], "later", 5.0))


def test_modules_and_buffers_that_come_later():
    net, other = nn.Sequential(nn.Linear(3, 3)), nn.Linear(3, 3)
    follows(lambda x: net.extra(x) if hasattr(net, "extra") else x, lambda: setattr(net, "extra", nn.ReLU()))
    follows(lambda x: x * getattr(other, "late", 1.0), lambda: other.register_buffer("late", fastnet.ones(3) * 4))


def test_an_attribute_that_comes_before_a_proxys():
    class Proxy:
        def __init__(self, inner):
            self.inner = inner

        def __getattr__(self, name):
            return getattr(self.inner, name)
    thing = Thing()
    proxy = Proxy(thing)
    follows(lambda x: x * proxy.factor, lambda: setattr(thing, "factor", 4.0), lambda: setattr(proxy, "factor", 7.0))


def test_the_environment_however_it_is_read(monkeypatch):
    monkeypatch.setenv("FACTOR", "1")
    monkeypatch.delenv("SHIFT", raising=False)
    for read in (os.getenv, os.environ.get, lambda name, default: os.path.expandvars(f"${name}")):
        follows(lambda x, read=read: x * float(read("FACTOR", "1")), lambda: monkeypatch.setenv("FACTOR", "3"),
                lambda: monkeypatch.setenv("FACTOR", "1"))
    follows(lambda x: x + 2 if "SHIFT" in os.environ else x, lambda: monkeypatch.setenv("SHIFT", "1"))
    monkeypatch.delenv("SHIFT")
    follows(lambda x: x * float(os.getenv("SHIFT", "1")), lambda: monkeypatch.setenv("SHIFT", "5"))


# ---- containers ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("base", "value"), [(list, [1.0]), (tuple, (1.0,)), (dict, {"a": 1.0}), (set, {1.0}),
                                             (float, 2.0), (int, 3), (str, "a")])
def test_attributes_of_subclasses_of_builtin_types(base, value):
    class Mine(base):
        pass
    mine = Mine(value)
    mine.factor = 1.0
    follows(lambda x: x * mine.factor, lambda: setattr(mine, "factor", 3.0))
    follows(lambda x: x * getattr(mine, "late", 1.0), lambda: setattr(mine, "late", 3.0))


def test_attributes_of_tensors():
    x, layer = fastnet.ones(3), nn.Linear(3, 3)
    x.factor = layer.weight.factor = 1.0
    follows(lambda y: y * x.factor, lambda: setattr(x, "factor", 3.0))
    follows(lambda y: y * layer.weight.factor, lambda: setattr(layer.weight, "factor", 3.0))
    follows(lambda y: y * 2 if layer.weight.requires_grad else y, lambda: layer.weight.requires_grad_(False))


def test_containers_of_the_standard_library():
    order, table = collections.OrderedDict(a=2.0, b=3.0), collections.defaultdict(lambda: 1.0)
    rows, local, bound = collections.UserList([1.0]), threading.local(), weakref.WeakValueDictionary()
    local.factor, kept = 1.0, Thing()
    bound["a"] = kept

    def missing(x):
        result = x * table["k"]
        table.clear()
        return result
    follows(lambda x: x * next(iter(order.values())), lambda: order.move_to_end("a"))
    follows(missing, lambda: setattr(table, "default_factory", lambda: 6.0))
    follows(lambda x: x * rows[0], lambda: rows.__setitem__(0, 4.0))
    follows(lambda x: x * local.factor, lambda: setattr(local, "factor", 4.0))
    follows(lambda x: x * bound["a"].factor, lambda: setattr(kept, "factor", 4.0))


def test_sparse_matrices_and_polynomials():
    sparse = pytest.importorskip("scipy.sparse")
    rows, cells, line = sparse.csr_matrix(np.eye(3)), sparse.dok_matrix(np.eye(3)), np.poly1d([1.0, 2.0])
    follows(lambda x: x * float(rows[0, 0]), lambda: rows.data.__setitem__(0, 5.0))
    follows(lambda x: x * float(cells[0, 0]), lambda: cells.__setitem__((0, 0), 5.0))
    follows(lambda x: x * float(line(1)), lambda: line.__setitem__(1, 5.0))


def test_getters_of_operator():
    pair, thing = [1.0, 2.0], types.SimpleNamespace(inner=Thing())
    first, factor = operator.itemgetter(0), operator.attrgetter("inner.factor")
    follows(lambda x: x * first(pair), lambda: pair.__setitem__(0, 4.0))
    follows(lambda x: x * factor(thing), lambda: setattr(thing.inner, "factor", 4.0))
    follows(lambda x: operator.methodcaller("by", x)(thing.inner), lambda: setattr(thing.inner, "factor", 5.0))


# ---- classes that cannot be inspected -------------------------------------------------------------------------------

def test_a_class_that_looks_its_attributes_up():
    table = {"factor": 1.0}

    class Own:
        def __getattribute__(self, name):
            return table[name]

    class Hidden:
        factor = 1.0

        @property
        def __class__(self):
            raise RuntimeError("mine")
    own, hidden = Own(), Hidden()
    follows(lambda x: x * own.factor, lambda: table.update(factor=3.0), eager=True)
    follows(lambda x: x * hidden.factor, lambda: setattr(Hidden, "factor", 3.0), eager=True)
    with pytest.raises(KeyError, match="absent"):
        fastnet.compile(lambda x: x * own.absent)(fastnet.ones(2))
