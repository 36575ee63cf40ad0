"""What operations save for backward: as they state it, nothing else, and only unchanged."""
import numpy as np
import pytest
from test_operations import OPERATIONS

import fastnet
from fastnet._kernels.reference import tape as plain_tape
from fastnet._native import tape
from fastnet.autograd import gradient, op


# ---- beside PyTorch: a write into each input and into the result, after the forward pass -----------------------------

def written(f, fn, inputs, place):
    """Gradients after a write into one input (by its number) or into the result ("result"); None: backward() raised.

    The inputs are no leaves, so that they can be written.
    """
    leaves = [f.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    tensors = [x * 1 if x.requires_grad else x for x in leaves]
    out = fn(f, *tensors)
    shares = [x.data_ptr() == out.data_ptr() for x in tensors]
    if any(shares) if place == "result" else shares[place]:
        return "shared"                                     # a write would be an operation on the tape
    with f.no_grad():
        (out if place == "result" else tensors[place]).zero_()
    try:
        out.sum().backward()
    except RuntimeError as error:
        if "place" not in str(error):
            raise
        return None
    return [None if x.grad is None else x.grad.tolist() for x in leaves if x.requires_grad]


# where fastnet needs one more value than PyTorch, and why
NEEDED_HERE = {("rdiv", 0)}         # PyTorch keeps a reciprocal, whose product with the number is rounded twice


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_write_is_refused_only_where_backward_needs_the_values(name):
    """Never where PyTorch runs; where fastnet runs, the gradients are those without the write."""
    torch = pytest.importorskip("torch")
    fn, *inputs = OPERATIONS[name]
    for place in (*range(len(inputs)), "result"):
        try:
            theirs, ours = written(torch, fn, inputs, place), written(fastnet, fn, inputs, place)
        except RuntimeError:                                # expanded memory, which cannot be written
            continue
        if theirs is not None and (name, place) not in NEEDED_HERE:
            assert ours is not None, f"{name}: a write into {place} is refused"
        if ours not in (None, "shared"):
            untouched = [t.grad.tolist() for t in _leaves(fn, inputs)]
            np.testing.assert_allclose(np.concatenate([np.ravel(x) for x in ours]),
                                       np.concatenate([np.ravel(x) for x in untouched]), rtol=1e-12)


def _leaves(fn, inputs):
    leaves = [fastnet.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    out = fn(fastnet, *leaves)
    out.backward(fastnet.ones_like(out))
    return [x for x in leaves if x.requires_grad]


# ---- the statement, in both forms of the tape ------------------------------------------------------------------------

class _PlainTensor(plain_tape.TensorBase):
    pass


def _plain(array):
    plain_tape.tensors_are(_PlainTensor)
    made = plain_tape.wrapped(array)
    made._requires_grad = True
    return made


def _native(array):
    return fastnet.tensor(array, requires_grad=True)


TWINS = {"native": (tape, _native), "plain": (plain_tape, _plain)}


@pytest.fixture(params=TWINS if tape is not plain_tape else ["native"])
def twin(request):
    """(apply(fn, *arrays): the node of the operation `fn` on tensors of these arrays that require gradients, gradient)
    """
    module, made = TWINS[request.param]

    def node(fn, *arrays):
        return module.differentiable(fn, "times", False, None, lambda *_: None)(*map(made, arrays))._node
    return node, module.gradient


X, Y = np.array([1.0, 2.0]), np.array([3.0, 4.0])


def _times(g, y):
    return g * y


def test_what_is_stated_is_noted_with_its_version(twin):
    node, gradient = twin
    made = node(lambda x, y: (x * y, (gradient(_times, y), gradient(_times, x))), X, Y)
    assert [(version, i) for _, version, i in made.saved] == [(0, 1), (0, 0)]
    assert made.gradients[0](np.ones(2)).tolist() == [3.0, 4.0]


def test_views_and_tuples_of_arrays_are_followed(twin):
    node, gradient = twin

    def fn(x, y):
        out = x * y
        return out, (gradient(lambda g, pair, n: g, (y[:1], out.reshape(2, 1)), 3), None)
    assert [i for _, _, i in node(fn, X, Y).saved] == [1, -1]


def test_a_first_step_comes_before_the_gradients(twin):
    node, gradient = twin
    made = node(lambda x, y: (x * y, gradient(_times, y).then(gradient(_times, x), lambda g: g)), X, Y)
    assert [i for _, _, i in made.saved] == [1, 0]
    assert made.first.saved[0] is not None and made.first.rest is None and len(made.gradients) == 2


def _default(g, x=X):
    return g * x


def _keyword(g, *, x=X):
    return g * x


def _closing(value):
    return lambda g: (g, value)[0]


class _Holder:
    array = X

    def method(self, g):
        return g

    __call__ = method


@pytest.mark.parametrize("held", [X, [X], {"x": X}, {1}, (1, (X,)), (1, []), _Holder(), _default, _closing(X), X.dot,
                                  _Holder().method, np.array(2.0), iter(())],
                         ids=lambda v: type(v).__name__)
def test_what_a_gradient_function_holds_must_be_stated(twin, held):
    node, _ = twin
    with pytest.raises(TypeError, match=r"times: a gradient function holds .*fastnet.autograd.gradient\(function"):
        node(lambda x: (x * 2, (_closing(held),)), X)


@pytest.mark.parametrize("function", [_default, _keyword, _Holder(), _Holder().method, X.dot],
                         ids=["default", "keyword", "object", "method", "builtin method"])
def test_functions_that_hold_arrays_are_refused(twin, function):
    node, gradient = twin
    for gradients in ((function,), (gradient(function, X),)):
        with pytest.raises(TypeError, match="times: a gradient function holds"):
            node(lambda x, gradients=gradients: (x * 2, gradients), X)


@pytest.mark.parametrize("held", [1, 2.0, "name", None, (1, ("a", None)), np.float32, np.dtype("f4"), np.float32(1),
                                  len, _times, np, slice(1), np.multiply])
def test_plain_values_may_be_held(twin, held):
    node, gradient = twin
    assert node(lambda x: (x * 2, (_closing(held),)), X).saved in ((), [])
    assert node(lambda x: (x * 2, (gradient(lambda g, value: g, held),)), X).saved in ((), [])


@pytest.mark.parametrize("saved", [[X], {"x": X}, (1, [X]), _Holder()], ids=["list", "dict", "nested", "object"])
def test_unknown_containers_cannot_be_saved(twin, saved):
    node, gradient = twin
    with pytest.raises(TypeError, match="times: a gradient saves arrays, numbers, and tuples of these, got"):
        node(lambda x: (x * 2, (gradient(_times, saved),)), X)


def test_what_no_argument_needs_is_not_kept(twin):
    node, gradient = twin
    made = node(lambda x, y: (x * y, (None, gradient(_times, x))), X, Y)
    assert made.gradients[0] is None and [i for _, _, i in made.saved] == [0]


@pytest.mark.parametrize("given", [3, "name"])
def test_gradients_are_functions(twin, given):
    node, _ = twin
    with pytest.raises(TypeError, match="times: expected a gradient to be a function, got"):
        node(lambda x: (x * 2, (given,)), X)


# ---- in use ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("fn", [lambda g, k=2.0: g * k, lambda g, *, k=2.0: g * k, lambda g, out=None: g * 2.0],
                         ids=["default", "keyword", "out"])
def test_only_a_parameter_named_out_is_given_memory(fn):
    x = fastnet.tensor([1.0, 2.0], requires_grad=True)
    op(lambda a: (a * 2.0, (fn,)))(x).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


@pytest.mark.parametrize("first", [True, False])
def test_a_gradient_that_writes_into_out(first):
    def twice(g, y, scale, *, out=None):
        out = np.empty_like(y) if out is None else out
        return np.multiply(g * scale, y, out=out)
    x = fastnet.tensor([1.0, 2.0], requires_grad=True)
    y = fastnet.tensor([3.0, 4.0])
    op(lambda a, b: (a * b, (gradient(twice, b, 1.0), None)))(x if first else x * 1, y).sum().backward()
    assert x.grad.tolist() == [3.0, 4.0]


def test_a_stated_array_that_was_changed_is_refused():
    x, y = fastnet.tensor([1.0, 2.0], requires_grad=True), fastnet.tensor([3.0, 4.0])
    out = op(lambda a, b: (a * b, (gradient(_times, b), None)))(x, y)
    y.add_(1)
    with pytest.raises(RuntimeError, match="argument 2 was changed in place"):
        out.sum().backward()


def test_frozen_layers_hold_no_activations():
    """The rows that a Linear and its activation in one kernel were given are kept for the weight's gradient alone."""
    layer = fastnet.nn.Sequential(fastnet.nn.Linear(3, 2), fastnet.nn.ReLU()).requires_grad_(False)
    x = fastnet.ones(4, 3, requires_grad=True) * 1
    out = layer(x)
    x.add_(1)
    out.sum().backward()
    layer.requires_grad_(True)
    out = layer(x)
    x.add_(1)
    with pytest.raises(RuntimeError, match="argument 1 was changed in place"):
        out.sum().backward()
