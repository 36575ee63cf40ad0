"""`fastnet.compile` and the Python values that a function reads: a replay never uses an old one."""
import collections
import dataclasses
import functools
import gc
import os
import random
import sys
import time
import types

import numpy as np
import pytest
import values_module

import fastnet
from fastnet import nn

pytestmark = pytest.mark.usefixtures("backend")

SCALE = 1.0
TABLE = {"a": 1.0, "b": {"c": [1.0, 2.0]}}
PAIRS = [1.0, [2.0]]
STATE = types.SimpleNamespace(factor=1.0)


def helper(x):
    return x * SCALE


def deep(x):
    return x * TABLE["b"]["c"][1] + PAIRS[1][0]


@dataclasses.dataclass
class Settings:
    factor: float = 1.0


class Slots:
    __slots__ = ("factor",)

    def __init__(self):
        self.factor = 1.0


class Plain:
    shared = 1.0

    def __init__(self):
        self.factor, self.settings, self.parts = 1.0, Settings(), [Settings(), Settings()]

    @property
    def doubled(self):
        return 2 * self.factor

    def __call__(self, x):
        return x * self.factor


class Net(nn.Module):
    shared = 1.0

    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(2, 2), Scale())
        self.temperature, self.flags = 1.0, {"on": True}
        self.plain = Plain()

    def forward(self, x):
        x = self.inner(x) / self.temperature * self.shared
        return self.plain(x) if self.flags["on"] else x


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.by = 1.0

    def forward(self, x):
        return x * self.by


def closure():
    k, table = 1.0, [1.0]

    def f(x):
        return x * k + table[0]

    def set_k(v):
        nonlocal k
        k = v
    return f, set_k, table


def check(f, x=None):
    """The compiled function agrees with the function itself, when recorded and when replayed."""
    x = fastnet.ones(1, 2) if x is None else x
    with fastnet.no_grad():
        expected = f.fn(x).tolist()
        assert f(x).tolist() == expected
        assert f(x).tolist() == expected


def followed(fn, *changes):
    """Compiled, `fn` follows each change, and records no more than once for each."""
    f = fastnet.compile(fn)
    check(f)
    for i, change in enumerate(changes, 2):
        change()
        check(f)
        assert len(f) <= i
    assert len(f) > 1
    kept = len(f)
    check(f)
    assert len(f) == kept


@pytest.fixture(autouse=True)
def _constants(monkeypatch):
    monkeypatch.setitem(globals(), "SCALE", 1.0)
    monkeypatch.setitem(TABLE, "b", {"c": [1.0, 2.0]})
    monkeypatch.setattr(STATE, "factor", 1.0)
    monkeypatch.setattr(values_module, "BETA", 1.0)
    PAIRS[1][0] = 2.0


def test_globals():
    followed(lambda x: x * SCALE, lambda: globals().update(SCALE=2.0), lambda: globals().update(SCALE=-0.0))
    followed(lambda x: helper(x) + 1, lambda: globals().update(SCALE=3.0))


def test_nested_containers():
    followed(deep, lambda: TABLE["b"]["c"].__setitem__(1, 5.0), lambda: PAIRS[1].__setitem__(0, 7.0),
             lambda: TABLE.update(b={"c": [0.0, 9.0]}))


def test_closures():
    f, set_k, table = closure()
    followed(f, lambda: set_k(3.0), lambda: table.append(0.0), lambda: table.__setitem__(0, 4.0))


def test_attributes_of_modules():
    net = Net()
    followed(net, lambda: setattr(net, "temperature", 1e6), lambda: net.flags.update(on=False),
             lambda: net.flags.update(on=True), lambda: setattr(net.plain, "factor", 3.0),
             lambda: setattr(net.inner[1], "by", 5.0), lambda: setattr(Net, "shared", 2.0))
    Net.shared = 1.0


def test_attributes_written_behind_a_modules_back():
    net = Net()
    followed(net, lambda: vars(net).update(temperature=2.0), lambda: object.__setattr__(net, "temperature", 3.0))


def test_methods_and_properties_that_are_replaced():
    class Other(Plain):
        def read(self, x):
            return x * self.doubled + self.settings.factor
    plain = Other()
    followed(lambda x: plain.read(x), lambda: setattr(plain, "factor", 2.0),
             lambda: setattr(plain.settings, "factor", 3.0), lambda: setattr(plain, "read", lambda x: x - 1),
             lambda: delattr(plain, "read"), lambda: setattr(Other, "read", lambda self, x: x + 5))


def test_objects_of_many_kinds():
    slots, point = Slots(), [collections.namedtuple("Point", "u v")(1.0, 2.0)]
    queue, chosen, byte = collections.deque([1.0, 2.0]), {1, 2}, bytearray(b"ab")
    array = np.array([1.0, 2.0], np.float32)
    partial = functools.partial(lambda x, factor: x * factor, factor=1.0)
    counter, ordered = collections.Counter("aab"), collections.OrderedDict(a=1.0)

    def f(x):
        return (x * slots.factor + point[0].v + queue[0] + len(chosen) + byte[0] + float(array[1]) + counter["a"]
                + ordered["a"] + partial(x) + STATE.factor)
    followed(f, lambda: setattr(slots, "factor", 2.0), lambda: point.__setitem__(0, point[0]._replace(v=5.0)),
             lambda: queue.rotate(), lambda: chosen.add(3), lambda: byte.__setitem__(0, 1),
             lambda: array.__setitem__(1, 9.0))
    followed(f, lambda: partial.keywords.update(factor=4.0), lambda: counter.update("a"),
             lambda: ordered.update(a=2.0), lambda: setattr(STATE, "factor", 3.0))


def test_attributes_read_by_name():
    plain = Plain()
    followed(lambda x: x * getattr(plain, "fac" + "tor"), lambda: setattr(plain, "factor", 2.0))
    followed(lambda x: x * vars(plain)["factor"], lambda: setattr(plain, "factor", 4.0))


def test_values_of_another_module():
    followed(lambda x: x * values_module.BETA, lambda: setattr(values_module, "BETA", 2.0))
    followed(lambda x: values_module.times_beta(x), lambda: setattr(values_module, "BETA", 3.0))

    def imports(x):
        from values_module import BETA
        return x * BETA
    followed(imports, lambda: setattr(values_module, "BETA", 4.0))


def test_the_environment(monkeypatch):
    monkeypatch.setenv("FACTOR", "1")
    followed(lambda x: x * float(os.environ["FACTOR"]), lambda: monkeypatch.setenv("FACTOR", "2"))


def test_defaults_that_change():
    def f(x, table=[1.0]):              # noqa: B006
        return x * table[0]
    followed(f, lambda: f.__defaults__[0].__setitem__(0, 2.0))


def test_a_global_that_comes_to_hide_another():
    values_module.__dict__.pop("max", None)
    followed(values_module.at_least_one, lambda: setattr(values_module, "limit", lambda x: x * 7))


def test_hooks_are_followed():
    layer, seen = nn.Linear(2, 2), {"by": 1.0}
    handle = layer.register_forward_hook(lambda module, args, output: output * seen["by"])
    followed(layer, lambda: seen.update(by=2.0), handle.remove)


def test_a_value_set_anew_to_an_equal_one_costs_no_recording():
    net = Net()
    f = fastnet.compile(net)
    for _ in range(5):
        net.temperature = float("1.5")
        net.flags = dict(net.flags)
        check(f)
    assert len(f) <= 2 + 5              # a new dictionary is another object
    net.unrelated = 0
    for _ in range(5):
        net.temperature, net.unrelated = float("1.5"), net.unrelated + 1
        kept = len(f)
        check(f)
        assert len(f) == kept


def test_what_is_not_read_costs_no_recording():
    net = Net()
    net.epoch, log = 0, []
    f = fastnet.compile(net)
    for epoch in range(5):
        net.epoch = epoch
        log.append(epoch)
        check(f)
    assert len(f) == 1


# ---- what cannot be watched ------------------------------------------------------------------------------------------

GENERATOR = np.random.default_rng(0)


def refused(fn, match):
    """`fn` runs eagerly, with one warning."""
    f = fastnet.compile(fn)
    with pytest.warns(RuntimeWarning, match=match) as warned:
        results = [f(fastnet.ones(2)).tolist() for _ in range(6)]
    assert len(warned) == 1 and warned[0].filename == __file__
    assert len(f) == 0 and "eagerly" in f.explain()
    return results


@pytest.mark.parametrize("draw", [random.random, lambda: random.uniform(0, 1), np.random.rand, GENERATOR.random,
                                  lambda: GENERATOR.normal(), functools.partial(random.gauss, 0, 1),
                                  random.SystemRandom().random])
def test_random_numbers_of_others(draw):
    results = refused(lambda x: x * float(draw()), "runs .* eagerly")
    assert len({r[0] for r in results}) == 6


def test_a_branch_by_chance():
    random.seed(0)
    results = refused(lambda x: x * 2 if random.random() < 0.5 else x, "draws random numbers")
    assert {r[0] for r in results} == {1.0, 2.0}


def test_a_generator_that_is_not_drawn_from():
    generator = np.random.default_rng(0)
    f = fastnet.compile(lambda x: x * 2 if x.ndim == 1 else x * generator.normal())
    f(fastnet.ones(2)), f(fastnet.ones(2))
    assert len(f) == 1


def test_clocks_files_and_iterators(tmp_path):
    (tmp_path / "number").write_text("2")
    refused(lambda x: x * time.perf_counter(), r"time.perf_counter\(\)")
    def reads(x):
        with open(tmp_path / "number") as file:
            return x * float(file.read())
    refused(reads, r"open\(\)")
    numbers = iter(range(100))
    results = refused(lambda x: x * next(numbers), "iterator")
    assert [r[0] for r in results] == [0, 1, 2, 3, 4, 5]


def test_a_large_array():
    large = np.ones(1 << 20, np.float32)

    def f(x):
        return x * float(large[0])
    compiled = fastnet.compile(f)
    with pytest.warns(RuntimeWarning, match="large, a NumPy array of shape"):
        check(compiled)
    large[0] = 2.0
    check(compiled)


def test_a_function_that_changes_what_it_reads():
    net = Plain()

    def f(x):
        net.factor += 1
        return x * net.factor
    results = refused(f, "changes .*factor, which it reads")
    assert [r[0] for r in results] == [2, 3, 4, 5, 6, 7]


def test_a_table_filled_by_the_first_call():
    table = {}

    def f(x):
        if "k" not in table:
            table["k"] = 3.0
        return x * table["k"]
    compiled = fastnet.compile(f)
    for _ in range(4):
        check(compiled)
    assert len(compiled) == 1


# ---- what is said ----------------------------------------------------------------------------------------------------

def test_recording_again_and_again_is_warned_of_once():
    net = Plain()
    f = fastnet.compile(lambda x: net(x))

    def use():
        for i in range(20):
            net.factor = float(i)
            f(fastnet.ones(2))
    with pytest.warns(RuntimeWarning, match=r"8 times in its last 16 calls.*net.factor: 7.0, before 6.0") as warned:
        use()
    assert len(warned) == 1 and warned[0].filename == __file__
    many = fastnet.compile(lambda x: x * 2)
    for n in range(7):
        for _ in range(5):
            many(fastnet.ones(n + 1))


def test_explain():
    net = Net()
    f = fastnet.compile(net)
    with fastnet.no_grad():
        f(fastnet.ones(1, 2))
        net.temperature = 2.0
        f(fastnet.ones(1, 2))
    text = f.explain()
    assert text.startswith("Net: 2 recordings, 2 calls") and "Net.temperature: 2.0, before 1.0" in text
    assert "depends on Net.plain.factor" in text and "tensor (1, 2) float32" in text
    assert len(f.recordings) == 2 and "temperature" in f.recordings[0].why


def test_the_active_profiler_continues():
    events = []

    def profiler(frame, event, argument):
        events.append(event)
    sys.setprofile(profiler)
    try:
        fastnet.compile(lambda x: x * 2)(fastnet.ones(2))
        assert sys.getprofile() is profiler
    finally:
        sys.setprofile(None)
    assert events


def test_callbacks_of_the_garbage_collector_are_not_the_functions():
    """Hypothesis and profilers measure the collector's time by one."""
    times = []

    def measured(phase, info):
        times.append(time.perf_counter())

    def collected(x):
        gc.collect()
        return x * 2
    gc.callbacks.append(measured)
    try:
        f = fastnet.compile(collected)
        f(fastnet.ones(2))
    finally:
        gc.callbacks.remove(measured)
    assert times and len(f) == 1
