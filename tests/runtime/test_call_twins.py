"""The compiled modules of compiled functions and their twins in Python: the same cases, the same answers."""
import threading
import weakref

import numpy as np
import pytest

import fastnet
from fastnet import backend
from fastnet._core.state import Turn
from fastnet._replay.guards import alike
from fastnet._runtime import native
from fastnet._runtime.twins import frames, guards, places, replay

compiled_only = pytest.mark.skipif(not backend.compiled_available, reason="the compiled modules are not there")


def both(name, twin):
    """The compiled module and its twin, as a fixture."""
    compiled = pytest.param(native.compiled.get(name), id="compiled", marks=compiled_only)
    return pytest.mark.parametrize(name, [compiled, pytest.param(twin, id="python")])


both_guards, both_places = both("guards", guards), both("places", places)
both_frames, both_replay = both("frames", frames), both("replay", replay)

# ---- arrays ---------------------------------------------------------------------------------------------------------

BASE = np.arange(48, dtype=np.float32)
FROZEN = BASE[:4].view()
FROZEN.flags.writeable = False
ARRAYS = {"whole": BASE, "head": BASE[:10], "reversed": BASE[20:10:-1], "columns": BASE.reshape(6, 8)[:, 2:4],
          "transposed": BASE.reshape(6, 8)[1:3].T, "scalar": BASE[7:8].reshape(()), "empty": BASE[5:5],
          "unaligned": np.frombuffer(b"\0" * 33, np.float32, 8, 1), "other dtype": np.arange(3), "frozen": FROZEN,
          "elsewhere": np.ones(3, np.float32)}


@compiled_only
@pytest.mark.parametrize("name", ARRAYS)
def test_bounds(name):
    assert native.guards.bounds(ARRAYS[name]) == guards.bounds(ARRAYS[name])


@compiled_only
def test_overlaps():
    for a in ARRAYS.values():
        for b in ARRAYS.values():
            arrays = [ARRAYS["elsewhere"], a, b]
            assert set(native.guards.overlaps(arrays)) == set(guards.overlaps(arrays))


@both_guards
def test_layout_keys_differ_where_arrays_do(guards):
    keys = {name: guards.layout_key(a) for name, a in ARRAYS.items()}
    assert len(set(keys.values())) == len(keys)
    assert guards.layout_key(BASE[:10].copy()) == keys["head"]


# ---- guards ---------------------------------------------------------------------------------------------------------

class Table:
    name = "compiled"


@both_guards
def test_a_context_is_that_of_the_call(guards):
    twin_state = native._twin("state").state if guards is native.guards else guards.state
    before, table = guards.CallContext(Table), type("Table", (), {"name": "other"})
    assert before == guards.CallContext(Table) and hash(before) == hash(guards.CallContext(Table))
    assert before != guards.CallContext(table) and before != "compiled"
    twin_state.grad_enabled = False
    try:
        without = guards.CallContext(Table)
    finally:
        twin_state.grad_enabled = True
    assert before != without and without.settings()["gradient mode"] is False
    assert before.settings() == guards.CallContext(Table).settings()
    assert list(before.settings()) == ["gradient mode", "threads", "backend", "instruction set",
                                       "default dtype"]


@compiled_only
def test_threads_and_instruction_sets_are_part_of_a_context():
    def changed(get, set_to, value):
        first, before = native.guards.CallContext(Table), get()
        set_to(value)
        try:
            return first != native.guards.CallContext(Table)
        finally:
            set_to(before)
    if fastnet.backend.config()["openmp"]:
        assert changed(fastnet.get_num_threads, fastnet.set_num_threads, fastnet.get_num_threads() + 1)
    for isa in fastnet.available_isas():
        assert changed(fastnet.get_isa, fastnet.set_isa, isa) == (isa != fastnet.get_isa())


@both_guards
def test_identical_tensors(guards):
    t = fastnet.ones(3)
    entry = weakref.ref(t), t._data, False
    assert guards.tensors_identical([]) and guards.tensors_identical([entry])
    t._requires_grad = True
    assert not guards.tensors_identical([entry])
    t._requires_grad = False
    t._data, array = t._data.copy(), t._data
    assert not guards.tensors_identical([entry])
    t._data = array
    assert guards.tensors_identical([entry])
    del t
    assert not guards.tensors_identical([entry])


@both_guards
def test_contents_are_compared_by_identity_except_for_one_key(guards):
    group, params = {"lr": 0.1, "betas": (0.9, 0.99)}, [object(), object()]
    contents = guards.Contents([group, params])
    assert contents.unchanged() and contents.unchanged(but="lr")
    lr = group["lr"]
    group["lr"] = 0.2
    assert contents.unchanged(but="lr") and not contents.unchanged()
    group["lr"], betas = lr, group["betas"]
    group["betas"] = (*betas[:1], 0.99)
    assert not contents.unchanged(but="lr")
    group["betas"] = betas
    assert contents.unchanged()
    params.append(object())
    assert not contents.unchanged()
    params.pop()
    group["new"] = 1
    assert not contents.unchanged()


@pytest.mark.parametrize("module", [pytest.param("compiled", marks=compiled_only), "python"])
def test_every_guard_is_asked(module):
    guards_of, places_of = (native.guards, native.places) if module == "compiled" else (guards, places)
    turn = Turn(threading.RLock()) if module == "compiled" else native._twin("state").Turn(threading.RLock())
    names, entry_holder, asked = {"width": 3}, {"training": True}, {"check": True, "memory": True}

    class Guards(guards_of.Guards):
        def memory_equal(self):
            return asked["memory"]
    found, t = places_of.Places(alike), fastnet.ones(3)
    found.add(places_of.Place("ENTRY", names, "width", "width"))
    entry = weakref.ref(t), np.ones(3), False           # another array: it is asked by value
    held = Guards(turn, found, [(entry_holder, "training", True)], [lambda: asked["check"]], [entry],
                  [(t._storage, t._storage.version)], [])
    assert held.hold() and held.places is found and held.gradients == []
    for name in asked:
        asked[name] = False
        assert not held.hold()
        asked[name] = True
    for holder, key, other in ((names, "width", 4), (entry_holder, "training", False)):
        before, holder[key] = holder[key], other
        assert not held.hold()
        holder[key] = before
        assert held.hold()
    with turn:
        assert not held.hold()          # within its own replay
    assert held.hold()
    t.add_(1)                           # its values were constants
    assert not held.hold()


# ---- places ---------------------------------------------------------------------------------------------------------

class Base:
    def method(self):
        return 1


class Derived(Base):
    width = 2


def captured(value):
    def function(default=1):
        return value, default

    def set_value(new):
        nonlocal value
        value = new
    return function, set_value


def changes():
    """(kind, holder, key, a function that changes the value, a function that restores it) of places."""
    entries, elements, function_holder = {"a": 1, "b": 2}, [1, 2], captured(3)
    function, set_value = function_holder
    obj, code, other_code = Derived(), function.__code__, function.__code__.replace(co_name="f")
    return {
        "ENTRY": (entries, "a", lambda: entries.update(a=5), lambda: entries.update(a=1)),
        "missing ENTRY": (entries, "c", lambda: entries.update(c=5), lambda: entries.pop("c")),
        "CELL": (function.__closure__[0], None, lambda: set_value(4), lambda: set_value(3)),
        "ELEMENTS": (elements, None, lambda: elements.append(3), lambda: elements.pop()),
        "ELEMENTS' first": (elements, None, lambda: elements.__setitem__(0, 5), lambda: elements.__setitem__(0, 1)),
        "ELEMENTS' last": (elements, None, lambda: elements.__setitem__(-1, 5), lambda: elements.__setitem__(-1, 2)),
        "ENTRIES": (entries, None, lambda: entries.update(b=3), lambda: entries.update(b=2)),
        "ENTRIES' first": (entries, None, lambda: entries.update(a=3), lambda: entries.update(a=1)),
        "ENTRIES' key": (entries, None, lambda: entries.update(c=entries.pop("b")),
                         lambda: entries.update(b=entries.pop("c"))),
        "MEMBER": (Derived, "width", lambda: setattr(Derived, "width", 3), lambda: setattr(Derived, "width", 2)),
        "missing MEMBER": (Derived, "depth", lambda: setattr(Derived, "depth", 3), lambda: delattr(Derived, "depth")),
        "COMPUTED": (elements, tuple, lambda: elements.append(3), lambda: elements.pop()),
        "CLASS": (obj, lambda cls: tuple(cls.__mro__), lambda: setattr(obj, "__class__", Base),
                  lambda: setattr(obj, "__class__", Derived)),
        "FUNCTION": (function, None, lambda: setattr(function, "__code__", other_code),
                     lambda: setattr(function, "__code__", code)),
        "FUNCTION's default": (function, None, lambda: setattr(function, "__defaults__", (7,)),
                               lambda: setattr(function, "__defaults__", (1,))),
    }


@both_places
@pytest.mark.parametrize("name", changes())
def test_places(places, name):
    holder, key, change, restore = changes()[name]
    kind = name.split()[-1] if name.startswith("missing") else name.partition("'")[0]
    found = places.Places(alike)
    place = places.Place(kind, holder, key, "the path")
    found.add(place)
    assert (place.kind_name, place.path, place.holder, place.key) == (kind, "the path", holder, key)
    assert (place.expected is places.MISSING) == name.startswith("missing")
    assert len(found) == 1 and list(found) == [place]
    assert found.unchanged() and found.changed() == []
    change()
    try:
        assert not found.unchanged() and found.changed() == [place]
        assert place.value() is not place.expected
    finally:
        restore()
    assert found.unchanged() and found.changed() == []


@both_places
def test_an_equal_value_is_the_same_value(places):
    values = {"a": 1000, "b": (1, 2.5), "c": np.float32(2), "d": []}
    found = places.Places(alike)
    for name in values:
        found.add(places.Place("ENTRY", values, name, name))
    values.update(a=int("1000"), b=(1, float("2.5")), c=np.float32("2"))
    assert found.unchanged()
    values["d"] = []                    # another list: it may be changed later
    assert [place.path for place in found.changed()] == ["d"]


@both_places
def test_an_empty_cell(places):
    def function():
        return later
    cell = function.__closure__[0]
    found = places.Places(alike)
    found.add(places.Place("CELL", cell, None, "later"))
    assert next(iter(found)).expected is places.MISSING and found.unchanged()
    later = 1
    assert not found.unchanged()


# ---- calls while a function is recorded -----------------------------------------------------------------------------

def outer(n):
    return inner(n) + len([n])


def inner(n):
    return n


@both_frames
def test_frames(frames):
    entered, called = [], []
    report = frames.Frames(lambda frame: entered.append(frame.f_code.co_name), lambda filename: filename == __file__,
                           (len,), lambda function, frame: called.append((function, frame.f_code.co_name)))
    assert report.run(outer, (2,), {}) == report.run(outer, (), {"n": 2}) == 3
    assert entered == ["outer", "inner"] * 2 and called == [(len, "outer")] * 2
    with pytest.raises(TypeError):
        report.run(outer, ("a",), {})
    outer(1)
    assert entered == ["outer", "inner"] * 3            # nothing is reported any more


# ---- calls ----------------------------------------------------------------------------------------------------------

@both_replay
def test_a_caller_counts_and_passes_its_arguments(replay):
    class Caller(replay.Caller):
        def _call(self, args, kwargs):
            return args, kwargs
    caller = Caller()
    assert caller.calls == 0
    assert caller(1, 2) == ((1, 2), {}) and caller(a=3) == ((), {"a": 3}) and caller.calls == 2
    with pytest.raises(NotImplementedError):
        replay.Caller()()


@both_replay
def test_gradients_are_put_back(replay):
    from fastnet.autograd.leaves import FinalGradient
    w = fastnet.ones(3, requires_grad=True)
    w.sum().backward()
    final, home = FinalGradient(w, fresh=True), w.grad._data
    version = w.grad._storage.version
    replay.put_back([final])
    assert w.grad._data is home and w.grad._storage.version == version + 1
    w.grad = None
    replay.put_back([final])
    assert w.grad._data is home
    absent = FinalGradient(fastnet.ones(2), fresh=True)         # its leaf is gone
    replay.put_back([absent])


def test_twins_offer_the_same_names():
    if not backend.compiled_available:
        pytest.skip("the compiled modules are not there")
    for name, twin in (("places", places), ("frames", frames), ("replay", replay), ("guards", guards)):
        offered = [n for n, value in vars(twin).items() if getattr(value, "__module__", None) == twin.__name__]
        assert offered and all(hasattr(native.compiled[name], n) for n in offered if not n.startswith("_")), name
