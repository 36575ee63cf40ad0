"""Tensors' fields, the tape and gradient functions: the same cases for both implementations of the runtime."""
import gc
import inspect
import threading
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
from twins import TWINS

X, Y = np.array([1.0, 2.0]), np.array([3.0, 4.0])


def leaf(twin, array, requires_grad=True):
    """A tensor over an array."""
    made = twin.tape.wrapped(array)
    made._requires_grad = requires_grad
    return made


def operation(twin, fn, view=False, bound=None, explain=lambda *_: None):
    """The operation that an implementation makes of a function on arrays."""
    return twin.tape.differentiable(fn, "times", view, bound, explain)


def node(twin, fn, *arrays):
    """The node of the operation `fn` on leaves over these arrays."""
    return operation(twin, fn)(*(leaf(twin, a) for a in arrays))._node


def times(g, y):
    return g * y


def product(twin):
    """An operation that multiplies two tensors."""
    gradient = twin.saved.gradient
    return operation(twin, lambda x, y: (x * y, (gradient(times, y), gradient(times, x))))


IN_C = {"append_saved", "argument_position", "is_one_memory", "without_rest"}     # the compiled tape calls these in C


def public(module):
    """The public functions and classes that a module defines."""
    return {name: value for name, value in vars(module).items()
            if name[0] != "_" and getattr(value, "__module__", None) == module.__name__}


@pytest.mark.skipif("compiled" not in TWINS, reason="the compiled modules are not built")
@pytest.mark.parametrize("name", ["memory", "pointwise", "saved", "state", "tape", "untaped", "wrappers"])
def test_both_have_the_same_names_and_parameters(name):
    python, compiled = (getattr(TWINS[kind], name) for kind in ("python", "compiled"))
    for function, value in public(python).items():
        if function not in IN_C:
            other = getattr(compiled, function)
            assert inspect.isclass(value) == inspect.isclass(other), function
            if inspect.isfunction(value) or function in ("gradient", "Node"):
                assert list(inspect.signature(value).parameters) == list(inspect.signature(other).parameters), function


# ---- tensors --------------------------------------------------------------------------------------------------------

def test_a_tensor_over_an_array(twin):
    x = twin.tape.wrapped(np.ones((2, 3), np.float32))
    assert type(x) is twin.tensor_class
    assert (x.shape, x.dtype, x.ndim) == ((2, 3), np.float32, 2)
    fields = x._node, x._grad, x._base, x._views, x._slot, x._grad_home, x._requires_grad
    assert fields == (None, None, None, None, None, None, False)
    assert x._storage.version == 0


def test_storages_count_versions(twin):
    x = twin.tape.wrapped(X)
    alias = twin.tape.wrapped(X[:1], x._storage)
    other = twin.tape.wrapped(X)
    alias._storage.version += 3
    assert (x._storage.version, other._storage.version) == (3, 0) and alias._storage is x._storage


def test_an_instance_without_its_constructor(twin):
    made = twin.tape.new_instance(twin.tensor_class)
    made._data = X
    assert type(made) is twin.tensor_class and made.shape == (2,) and made._node is None


def test_a_recorder_notes_tensors(twin):
    made, used, named = [], [], []
    recorder = SimpleNamespace(
        note_made=made.append, note_tensors=used.append, pool=twin.memory.Pool(),
        enter_operation=lambda name, args: named.append(name), leave_operation=lambda: named.append("end"))
    x = leaf(twin, X)
    result = twin.state.recorded(recorder, product(twin), x, leaf(twin, Y))
    assert made == [result] and used[0][0] is x and len(named) == 2 and named[1] == "end"
    twin.tape.wrapped(X)
    assert len(made) == 1


# ---- views ----------------------------------------------------------------------------------------------------------

def test_views_and_bases_know_each_other(twin):
    first = operation(twin, lambda x: (x[:1], (None,)), view=True)
    base = leaf(twin, X, requires_grad=False)
    view = first(base)
    assert view._storage is base._storage and view._base is base
    assert [reference() for reference in base._views] == [view]
    inner = first(view)
    assert inner._base is base and [reference() for reference in base._views] == [view, inner]


def test_a_view_that_is_a_leaf_is_a_base(twin):
    first = operation(twin, lambda x: (x[:1], (None,)), view=True)
    base = leaf(twin, X, requires_grad=False)
    view = first(base)
    view._requires_grad = True
    assert first(view)._base is view and len(base._views) == 1


def test_views_of_integers_have_no_base(twin):
    first = operation(twin, lambda x: (x[:1], (None,)), view=True)
    base = leaf(twin, np.arange(3), requires_grad=False)
    view = first(base)
    assert view._storage is base._storage and view._base is None and base._views is None


def test_dead_views_are_removed(twin):
    base = leaf(twin, X)
    kept = [twin.tape.wrapped(X) for _ in range(3)]
    for view in kept:
        twin.tape.register_view(view, base)
    for _ in range(200):
        twin.tape.register_view(twin.tape.wrapped(X), base)
    gc.collect()
    assert len(base._views) < 40
    assert [reference() for reference in base._views if reference() is not None] == kept


def test_views_made_by_many_threads(twin):
    base, views = leaf(twin, X), [[] for _ in range(4)]

    def make(into):
        for _ in range(300):
            into.append(twin.tape.wrapped(X))
            twin.tape.register_view(into[-1], base)
    workers = [threading.Thread(target=make, args=(into,)) for into in views]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert {id(reference()) for reference in base._views} == {id(view) for part in views for view in part}


def test_a_view_of_no_tensor_is_refused(twin):
    first = operation(twin, lambda x: (x[:1], (None,)), view=True)
    with pytest.raises(TypeError, match="times: expected a tensor, got ndarray"):
        first(X)


@pytest.mark.parametrize("case", ["requires_grad", "view", "strided", "overlap", "input requires_grad"])
def test_writes_that_need_more_than_a_version(twin, case):
    """The plain implementation never says that a write is simple, the compiled one only if none of these holds."""
    out, x = leaf(twin, np.zeros(4), requires_grad=False), leaf(twin, np.ones(4), requires_grad=False)
    if "compiled" in TWINS and twin is TWINS["compiled"]:
        assert twin.untaped.is_simple_write(out, (x,))
    if case == "requires_grad":
        out._requires_grad = True
    elif case == "view":
        twin.tape.register_view(out, leaf(twin, X))
    elif case == "strided":
        out = leaf(twin, np.zeros(8)[::2], requires_grad=False)
    elif case == "overlap":
        x = leaf(twin, out._data[2:], requires_grad=False)
    else:
        x._requires_grad = True
    assert not twin.untaped.is_simple_write(out, (x,))


# ---- operations and nodes -------------------------------------------------------------------------------------------

def test_an_operation_makes_a_node(twin):
    x, y = leaf(twin, X), leaf(twin, Y)
    out = product(twin)(x, y)
    made = out._node
    assert out._requires_grad and out._data.tolist() == [3.0, 8.0]
    assert (made.name, repr(made), made.shape, made.dtype) == ("times", "<times backward>", (2,), np.float64)
    assert made.edges == ((0, x), (1, y)) and made.first is None and made.hooks is None
    again = product(twin)(out, y)._node
    assert again.edges == ((0, made), (1, y)) and again.order > made.order


def test_a_node_by_hand(twin):
    x = leaf(twin, X)
    made = twin.tape.Node("by hand", (times,), [(0, x)], [(x._storage, 0, 0)], X)
    assert (made.edges, made.saved) == (((0, x),), ((x._storage, 0, 0),))
    assert made.gradients == (times,) and made.order > 0


def test_node_numbers_ascend(twin):
    numbers = [twin.tape.node_number() for _ in range(3)]
    made = product(twin)(leaf(twin, X), leaf(twin, Y))._node
    assert numbers == sorted(set(numbers)) and made.order > numbers[-1]


@pytest.mark.parametrize("reason", ["no_grad", "no leaf", "integers", "no gradient"])
def test_operations_without_a_node(twin, reason):
    gradients = None if reason == "no gradient" else (times,)
    double = operation(twin, lambda x: (x * 2, gradients))
    x = leaf(twin, np.arange(3) if reason == "integers" else X, requires_grad=reason != "no leaf")
    twin.state.state.grad_enabled = reason != "no_grad"
    try:
        out = double(x)
    finally:
        twin.state.state.grad_enabled = True
    assert out._node is None and not out._requires_grad


def test_attributes_and_results_without_dimensions(twin):
    scaled = operation(twin, lambda x, by=1.0: (np.sum(x) * by, (None, None)))
    out = scaled(leaf(twin, X, requires_grad=False), by=2.0)
    assert out.shape == () and out._data == 6.0
    assert scaled(leaf(twin, X, requires_grad=False), 3.0)._data == 9.0


def test_tensors_by_name_are_moved_to_their_positions(twin):
    moved = operation(twin, lambda x, y: (x * y, (times, None)),
                      bound=lambda fn, args, named: ((*args, named["y"]), {}))
    x, y = leaf(twin, X), leaf(twin, Y)
    assert moved(x, y=y)._node.edges == ((0, x), (1, y))


def test_arrays_among_tensors_are_copied(twin):
    """A user's array has no version: gradients read a copy."""
    y = Y.copy()
    made = product(twin)(leaf(twin, X), y)._node
    y[:] = 0
    assert made.gradients[0](np.ones(2)).tolist() == [3.0, 4.0] and made.saved == ()


def test_gradients_for_too_few_arguments(twin):
    with pytest.raises(RuntimeError, match="times: expected a gradient for argument 2, the operation returned 1"):
        node(twin, lambda x, y: (x * y, (times,)), X, Y)


@pytest.mark.parametrize("error", [AttributeError, TypeError])
def test_failures_are_explained(twin, error):
    def fail(x, by=1):
        raise error("as it was")
    seen = []
    with pytest.raises(error, match="as it was"):
        operation(twin, fail, explain=lambda *given: seen.append(given))(X, by=2)
    [(function, args, named, raised)] = seen
    assert function is fail and args[0] is X and named == {"by": 2} and type(raised) is error
    with pytest.raises(error, match="as it was"):
        twin.wrappers.explain_failures(fail, lambda *given: seen.append(given))(X)
    assert seen[1][0] is fail and seen[1][2] == {}


def test_other_errors_are_not_explained(twin):
    def fail(x):
        raise RuntimeError("as it was")
    with pytest.raises(RuntimeError, match="as it was"):
        operation(twin, fail, explain=lambda *_: pytest.fail("explained"))(X)


def test_a_long_tape_is_freed_without_recursion(twin):
    double = operation(twin, lambda x: (x * 2, (times,)))
    x = double(leaf(twin, np.zeros(1)))
    first = weakref.ref(x._node)
    for _ in range(50_000 if "compiled" in TWINS and twin is TWINS["compiled"] else 500):
        x = double(x)
    del x
    gc.collect()
    assert first() is None


# ---- what gradient functions save -----------------------------------------------------------------------------------

def test_saved_arrays_are_noted_with_their_versions(twin):
    x, y = leaf(twin, X), leaf(twin, Y)
    x._storage.version = 5
    made = product(twin)(x, y)._node
    assert list(made.saved) == [(y._storage, 0, 1), (x._storage, 5, 0)]
    assert made.gradients[0](np.ones(2)).tolist() == [3.0, 4.0]


def test_views_and_tuples_of_arrays_are_followed(twin):
    def fn(x, y):
        out = x * y
        return out, (twin.saved.gradient(lambda g, pair, n: g, (y[:1], out.reshape(2, 1)), 3), None)
    assert [i for _, _, i in node(twin, fn, X, Y).saved] == [1, -1]


def test_a_first_step_comes_before_the_gradients(twin):
    gradient = twin.saved.gradient
    made = node(twin, lambda x, y: (x * y, gradient(times, y).then(gradient(times, x), lambda g: g)), X, Y)
    assert [i for _, _, i in made.saved] == [1, 0] and len(made.gradients) == 2
    step = gradient(times, Y).then(gradient(times, X))
    for _ in range(2):                                      # one object can serve several calls
        made = node(twin, lambda x: (x * 2, step), X)
        assert made.first.saved[0] is Y and made.first.rest is None and made.gradients[0].saved[0] is X


def test_one_function_for_all_gradients(twin):
    def both(g, needed, x, y):
        return g * y if needed[0] else None, g * x
    made = node(twin, lambda x, y: (x * y, twin.saved.gradient(both, x, y)), X, Y)
    assert [i for _, _, i in made.saved] == [0, 1]
    assert [g.tolist() for g in made.gradients(np.ones(2), [True, True])] == [[3.0, 4.0], [1.0, 2.0]]


def default(g, x=X):
    return g * x


def keyword(g, *, x=X):
    return g * x


def closing(value):
    return lambda g: (g, value)[0]


class Holder:
    array = X

    def method(self, g):
        return g

    __call__ = method


UNDECLARED = "times: expected a gradient function to declare the arrays that it reads, got one that holds an " \
             "undeclared object of type {}, .*fastnet.autograd.gradient\\(function"


@pytest.mark.parametrize("held", [X, [X], {"x": X}, {1}, (1, (X,)), (1, []), Holder(), default, closing(X), X.dot,
                                  Holder().method, np.array(2.0), iter(())],
                         ids=lambda v: type(v).__name__)
def test_an_undeclared_array_is_refused(twin, held):
    with pytest.raises(TypeError, match=UNDECLARED.format(type(held).__name__)):
        node(twin, lambda x: (x * 2, (closing(held),)), X)


@pytest.mark.parametrize("function", [default, keyword, Holder(), Holder().method, X.dot],
                         ids=["default", "keyword", "object", "method", "builtin method"])
def test_functions_that_hold_arrays_are_refused(twin, function):
    for gradients in ((function,), (twin.saved.gradient(function, X),)):
        with pytest.raises(TypeError, match=UNDECLARED.format(".*")):
            node(twin, lambda x, gradients=gradients: (x * 2, gradients), X)


@pytest.mark.parametrize("held", [1, 2.0, "name", None, (1, ("a", None)), np.float32, np.dtype("f4"), np.float32(1),
                                  len, times, np, slice(1), np.multiply])
def test_values_without_arrays_may_be_held(twin, held):
    assert node(twin, lambda x: (x * 2, (closing(held),)), X).saved == ()
    assert node(twin, lambda x: (x * 2, (twin.saved.gradient(lambda g, value: g, held),)), X).saved == ()


@pytest.mark.parametrize("saved", [[X], {"x": X}, (1, [X]), Holder()], ids=["list", "dict", "nested", "object"])
def test_unknown_containers_cannot_be_saved(twin, saved):
    with pytest.raises(TypeError, match="times: expected a gradient to save arrays, numbers, and tuples of these, got"):
        node(twin, lambda x: (x * 2, (twin.saved.gradient(times, saved),)), X)


def test_a_function_that_holds_itself_is_refused(twin):
    def forever(g):
        return forever(g)
    with pytest.raises(TypeError, match=UNDECLARED.format("function")):
        node(twin, lambda x: (x * 2, (forever,)), X)


def test_what_no_argument_needs_is_not_kept(twin):
    made = node(twin, lambda x, y: (x * y, (None, twin.saved.gradient(times, x))), X, Y)
    assert made.gradients[0] is None and [i for _, _, i in made.saved] == [0]


@pytest.mark.parametrize("given", [3, "name"])
def test_gradients_are_functions(twin, given):
    with pytest.raises(TypeError, match="times: expected a gradient to be a function, got"):
        node(twin, lambda x: (x * 2, (given,)), X)


def test_memory_is_given_to_functions_that_declare_it(twin):
    from fastnet.autograd import writes_out
    memory = np.zeros(2)

    @writes_out
    def declared(g, *saved, out=None):
        return np.multiply(g, saved[0] if saved else 2.0, out=out)

    def undeclared(g, *saved, out=None):
        return np.multiply(g, 2.0, out=out)
    gradient, call_into = twin.saved.gradient, twin.saved.call_into
    for function in (declared, gradient(declared), gradient(declared, X), gradient(declared, X, 1)):
        memory[:] = 0
        assert call_into(function, Y, memory) is memory and memory.any()
    for function in (undeclared, gradient(undeclared, X), gradient(times, X), np.negative, lambda g: g * 2):
        assert call_into(function, Y, memory) is not memory
