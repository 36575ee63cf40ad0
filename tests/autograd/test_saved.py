"""Saved arrays: operations keep the declared ones only, and backward() raises if they were changed."""
import gc
import weakref

import numpy as np
import pytest
from calls import ALL, CALLS, OF_NETWORKS
from operations import OPERATIONS

import fastnet
from fastnet.autograd import gradient, op, writes_out

# ---- beside PyTorch: a write into each input and into the result, after the forward pass -----------------------------

def _called(place, name):
    def function(f, *inputs):
        result = getattr(f.nn.functional if place else f, name)(*inputs)
        return result[0] if isinstance(result, tuple | list) else result
    return function


NO_RESULT = {"allclose", "equal", "is_floating_point", "is_tensor", "numel"}
RANDOM = {"gumbel_softmax"}                     # the gradients of two calls differ
COMPLEX = {"complex", "polar"}                  # their sums are no losses
LISTS = {"cat", "concat", "concatenate", "stack"}
ROWS = {**OPERATIONS, **{f"{name} by name": (_called(place, name), *(OF_NETWORKS if place else CALLS)[name])
                         for place, name in ALL if name not in NO_RESULT | RANDOM | COMPLEX | LISTS}}
# where fastnet needs one more value than PyTorch, and why
NEEDED_HERE = {
    ("rdiv", 0): "PyTorch keeps a reciprocal, whose product with the number is rounded twice",
    ("l1_loss by name", 0): "PyTorch keeps the difference, an array that the kernels do without",
    ("l1_loss by name", 1): "so it is with the target",
    ("take_along_dim by name", 1): "PyTorch keeps a copy of the indices",
    ("instance_norm", 1): "PyTorch keeps a copy of the weight for each image",
    ("rms_norm by name", 0): "PyTorch keeps the normalized rows for the gradient of the weight",
    ("rms_norm by name", 2): "and does without the weight itself",
    ("ctc_loss by name", 2): "PyTorch keeps the lengths as a list",
    ("ctc_loss by name", 3): "so it does with the lengths of the targets",
    **dict.fromkeys([(name, i) for name in ("kron", "kron by name") for i in (0, 1)],
                    "PyTorch overlooks the write, and its gradient is that of the new values"),
    **dict.fromkeys([("ldexp by name", 0), ("ldexp by name", 1)], "PyTorch keeps the result"),
    **dict.fromkeys([(f"fake_quantize_per_{what}_affine by name", 0) for what in ("tensor", "channel")],
                    "PyTorch keeps a mask of the values within the range"),
}
# operations whose backward computes again what PyTorch keeps
COMPUTED_AGAIN = {
    **dict.fromkeys(("attention", "attention-causal", "attention-mask", "scaled_dot_product_attention by name"),
                    "PyTorch keeps the matrix of probabilities"),
    "linear_cross_entropy-none": "PyTorch keeps the logits",
    "einsum-three": "PyTorch keeps products of two operands",
}


def _leaves(f, inputs, needed):
    """The inputs as float64 tensors, those named in `needed` with gradients; numbers as they are."""
    return [f.tensor(x.astype("float64") if x.dtype.kind == "f" else x, requires_grad=i in needed)
            if isinstance(x, np.ndarray) else x for i, x in enumerate(inputs)]


def _gradients(leaves, needed):
    return [None if leaves[i].grad is None else leaves[i].grad.tolist() for i in needed]


def written(f, fn, inputs, needed, place):
    """Gradients after a write into one input (by its number) or into the result ("result").

    The inputs are no leaves, so that they can be written.

    Returns:
        "refused" where backward() raised; "unfit" where the write would be an operation on the tape, or is impossible,
        or where there is no gradient.
    """
    leaves = _leaves(f, inputs, needed)
    tensors = [x * 1 if i in needed else x for i, x in enumerate(leaves)]
    try:
        out = fn(f, *tensors)
        target = out if place == "result" else tensors[place]
        others = [x for x in tensors if hasattr(x, "data_ptr")] if place == "result" else [out]
        if not out.requires_grad or any(x.data_ptr() == target.data_ptr() for x in others):
            return "unfit"
        with f.no_grad():
            target.zero_()
    except (RuntimeError, TypeError, AttributeError):       # PyTorch has no such function or gradient; expanded memory
        return "unfit"
    try:
        out.sum().backward()
    except RuntimeError as error:
        if "place" not in str(error):
            raise
        return "refused"
    return _gradients(leaves, needed)


@pytest.mark.filterwarnings("ignore:reduction:UserWarning")     # of kl_div's mean in PyTorch
@pytest.mark.parametrize("name", ROWS)
def test_a_write_is_refused_only_if_backward_needs_the_values(name):
    """Never where PyTorch runs; where fastnet runs, the gradients are those without the write."""
    torch = pytest.importorskip("torch")
    fn, *inputs = ROWS[name]
    arrays = [i for i, x in enumerate(inputs) if isinstance(x, np.ndarray)]
    floating = [i for i in arrays if inputs[i].dtype.kind == "f"]
    for needed in {tuple(floating), *((i,) for i in floating)}:
        for place in (*arrays, "result"):
            ours = written(fastnet, fn, inputs, needed, place)
            if ours == "refused" and name not in COMPUTED_AGAIN and (name, place) not in NEEDED_HERE:
                assert written(torch, fn, inputs, needed, place) in ("refused", "unfit"), f"{place} with {needed}"
            if isinstance(ours, list):
                leaves = _leaves(fastnet, inputs, needed)
                fn(fastnet, *leaves).sum().backward()
                for gradient, untouched in zip(ours, _gradients(leaves, needed)):
                    assert (gradient is None) == (untouched is None)
                    np.testing.assert_allclose(gradient or 0, untouched or 0, rtol=1e-12)


# ---- in use ----------------------------------------------------------------------------------------------------------

def _times(g, y):
    return g * y


@pytest.mark.parametrize("fn", [lambda g, k=2.0: g * k, lambda g, *, k=2.0: g * k, lambda g, out=None: g * 2.0],
                         ids=["default", "keyword", "out"])
def test_memory_is_given_only_to_functions_that_declare_it(fn):
    x = fastnet.tensor([1.0, 2.0], requires_grad=True)
    op(lambda a: (a * 2.0, (fn,)))(x).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


@pytest.mark.parametrize("first", [True, False])
def test_a_gradient_that_writes_into_out(first):
    @writes_out
    def twice(g, y, scale, *, out=None):
        out = np.empty_like(y) if out is None else out
        return np.multiply(g * scale, y, out=out)
    x = fastnet.tensor([1.0, 2.0], requires_grad=True)
    y = fastnet.tensor([3.0, 4.0])
    op(lambda a, b: (a * b, (gradient(twice, b, 1.0), None)))(x if first else x * 1, y).sum().backward()
    assert x.grad.tolist() == [3.0, 4.0]


def test_a_changed_declared_array_raises():
    x, y = fastnet.tensor([1.0, 2.0], requires_grad=True), fastnet.tensor([3.0, 4.0])
    out = op(lambda a, b: (a * b, (gradient(_times, b), None)))(x, y)
    y.add_(1)
    with pytest.raises(RuntimeError, match="argument 2 was changed in place"):
        out.sum().backward()


@pytest.mark.parametrize("fn", [lambda x, a: x * a, lambda x, a: a / x, lambda x, a: a ** x], ids=range(3))
def test_numpy_arrays_may_change_after_the_forward_pass(fn):
    """They count no versions, so gradients read copies."""
    def gradient_of(changed):
        x, a = fastnet.tensor([1.0, 2.0], requires_grad=True), np.array([1.0, 0.0], np.float32)
        out = fn(x, a)
        a[:] = changed
        out.sum().backward()
        return x.grad.tolist()
    assert gradient_of(1.0) == gradient_of([1.0, 0.0])


def test_index_arrays_may_change_after_the_forward_pass():
    x, i = fastnet.ones(2, requires_grad=True), np.array([0, 1])
    out = x[i]
    i[:] = 0
    out.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


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


@pytest.mark.parametrize("fn", [
    lambda h: h.sum(), lambda h: h.mean(1), lambda h: h.cumsum(0), lambda h: h.softmax(1), lambda h: h.relu(),
    lambda h: h @ fastnet.ones(3, 2), lambda h: fastnet.nn.functional.linear(h, fastnet.ones(2, 3)), lambda h: h + 1,
    lambda h: h / 2, lambda h: fastnet.nn.functional.dropout(h), lambda h: h[1:], lambda h: h.reshape(-1) * 2,
    lambda h: fastnet.cat([h, h]), lambda h: h.exp(), lambda h: fastnet.where(h > 0, h, 1.0),
], ids=range(15))
def test_inputs_that_backward_does_not_need_are_freed(fn):
    h = fastnet.ones(4, 3, requires_grad=True) * 2
    memory = weakref.ref(h._data)
    out = fn(h) * 1
    del h
    gc.collect()
    assert memory() is None
    out.sum().backward()


@pytest.mark.parametrize("fn", [lambda w: 1 / w, lambda w: w * 2, lambda w: w.abs(), lambda w: w.log(),
                                lambda w: w ** 3], ids=range(5))
def test_results_that_backward_does_not_need_are_freed(fn):
    out = fn(fastnet.ones(4, 3, requires_grad=True))
    memory = weakref.ref(out._data)
    total = out.sum()
    del out
    gc.collect()
    assert memory() is None
    total.backward()


@pytest.mark.parametrize("gradients", [
    lambda x: gradient(lambda g, x: g * x, x), lambda x: lambda g: g], ids=["saved", "plain"])
def test_one_gradient_function_of_another_form_is_explained(gradients):
    x = fastnet.ones(2, requires_grad=True)
    y = op(lambda x: (x * 2, gradients(x)))(x)
    with pytest.raises(TypeError, match=r"called for all arguments as function\(g, needed.*return a tuple"):
        y.sum().backward()


def test_an_error_in_one_gradient_function_is_left_alone():
    x = fastnet.ones(2, requires_grad=True)
    with pytest.raises(TypeError, match="bad operand"):
        op(lambda x: (x * 2, lambda g, needed: [-"a"]))(x).sum().backward()


def test_an_operation_is_made_of_a_function():
    with pytest.raises(TypeError, match="op: expected a function, got int"):
        op(3)
