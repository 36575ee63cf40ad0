"""The tape: which operation made a tensor, and the walk back through it.

`op` turns a function on arrays into a differentiable operation on tensors. The function returns its result and its
gradients: one function of the result's gradient for each positional argument (None where there is none to give), or one
function of (gradient, which arguments need one) that returns them all. A gradient function with a parameter `out=None`
may write into the array it is given, which saves a copy where the argument is a parameter.
"""
import functools
import itertools
import sys
import types
import weakref

import numpy as np

from fastnet.backend import K
from fastnet.errors import shape_text
from fastnet.memory import empty, mirrored, persistent
from fastnet.state import state
from fastnet.tensor import Tensor, method

_order = itertools.count()
_CLOSED = ()                            # the gradients of a node whose backward has run


class Node:
    """One operation on the tape: the way from its result's gradient to its arguments' gradients."""

    __slots__ = ("name", "gradients", "edges", "saved", "shape", "dtype", "order", "retained", "__weakref__")

    def __init__(self, name, gradients, edges, saved, out):
        self.name = name
        self.gradients = gradients
        self.edges = edges              # (position, Node or leaf Tensor) of each argument that needs a gradient
        self.saved = saved              # (storage, version when saved, what it is)
        self.shape, self.dtype = out.shape, out.dtype
        self.order = next(_order)       # arguments were made before results: descending order is a valid walk
        self.retained = None

    def __repr__(self):
        return f"<{self.name} backward>"


# ---- recording operations -------------------------------------------------------------------------------------------

def op(fn=None, *, view=False):
    """Make a differentiable operation of `fn(*arrays, **attributes) -> (result, gradients)`.

    Tensors among the positional arguments reach `fn` as arrays. `gradients` may be None for a result that has none.

    Args:
        view: the result shares its first argument's memory.
    """
    if fn is None:
        return functools.partial(op, view=view)
    name = fn.__name__.strip("_")

    @functools.wraps(fn)
    def operation(*args, **attributes):
        tracked = False
        arrays = []
        for a in args:
            if isinstance(a, Tensor):
                arrays.append(a._data)
                tracked = tracked or a._requires_grad
            else:
                arrays.append(a)
        if state.recorder is not None:
            state.recorder.note_tensors(args)
        out, gradients = fn(*arrays, **attributes)
        result = Tensor._wrap(out, args[0]._storage if view else None)
        if tracked and state.grad_enabled and gradients is not None and out.dtype.kind == "f":
            _attach(result, name, gradients, args, arrays)
            if view:
                result._base = (result._storage, result._storage.rewrites)
        return result
    return operation


def _attach(result, name, gradients, args, arrays):
    """Put the operation that made `result` on the tape."""
    edges = []
    for i, a in enumerate(args):
        if isinstance(a, Tensor) and a._requires_grad:
            if a._base is not None and a._base[1] != a._base[0].rewrites:
                raise RuntimeError(
                    f"{name}: this view's base was changed in place, by an operation that gradients flow through, after "
                    "the view was made; make the view again")
            edges.append((i, a if a._node is None else a._node))
    if type(gradients) is tuple and len(edges) < len(gradients):       # what no edge needs is not kept alive either
        needed = [i for i, _ in edges]
        gradients = tuple(g if i in needed else None for i, g in enumerate(gradients))
    result._node = Node(name, gradients, edges, _saved(gradients, args, arrays, result), result._data)
    result._requires_grad = True


def _saved(gradients, args, arrays, result):
    """The arguments and the result that the gradient functions hold on to, with their versions.

    What a gradient needs is what its function closes over, so the closures are asked instead of the author.
    """
    saved = []
    for function in gradients if type(gradients) is tuple else (gradients,):
        for value in _held(function):
            if _same_memory(value, result._data):
                saved.append((result._storage, result._storage.version, "its result"))
                continue
            i = _argument(value, arrays)
            if i is not None and isinstance(args[i], Tensor):
                saved.append((args[i]._storage, args[i]._storage.version, f"argument {i + 1}"))
    return saved


def _held(function):
    """The arrays that a function closes over, itself or through the functions it calls."""
    for cell in () if function is None else function.__closure__ or ():
        value = cell.cell_contents
        if type(value) is np.ndarray:
            yield value
        elif type(value) is types.FunctionType and value is not function:
            yield from _held(value)


def _argument(value, arrays):
    """Which argument an array is, or is a view of."""
    for i, array in enumerate(arrays):
        if value is array:
            return i
    for i, array in enumerate(arrays):
        if type(array) is np.ndarray and _same_memory(value, array):
            return i
    return None


def _same_memory(value, array):
    """Whether `value` is `array`, or one is a view of the other, or both are views of one array."""
    base = value.base
    return value is array or value is array.base or (base is not None and (base is array or base is array.base))


class no_grad:
    """Record no gradients inside the `with` block, or inside the decorated function.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> with fastnet.no_grad():
        ...     y = w * 2
        >>> y.requires_grad
        False
    """

    _mode = False

    def __enter__(self):
        self._before = state.grad_enabled
        state.grad_enabled = self._mode

    def __exit__(self, *exc):
        state.grad_enabled = self._before

    def __call__(self, fn):
        @functools.wraps(fn)
        def inside(*args, **kwargs):
            with type(self)():
                return fn(*args, **kwargs)
        return inside


class enable_grad(no_grad):
    """Record gradients inside the `with` block, even within `no_grad`."""

    _mode = True


class set_grad_enabled(no_grad):
    """Record gradients, or not, from now on; as a context manager, until the block ends."""

    def __init__(self, mode):
        self._mode = bool(mode)
        self._before = state.grad_enabled
        state.grad_enabled = self._mode

    def __enter__(self):
        state.grad_enabled = self._mode

    def __call__(self, fn):
        mode = self._mode
        state.grad_enabled = self._before

        @functools.wraps(fn)
        def inside(*args, **kwargs):
            with set_grad_enabled(mode):
                return fn(*args, **kwargs)
        return inside


def is_grad_enabled():
    """Whether this Python thread records gradients."""
    return state.grad_enabled


# ---- the walk back --------------------------------------------------------------------------------------------------

class _Sum:
    """The gradient of one node while contributions arrive: the first is taken as it is, a second makes a sum."""

    __slots__ = ("array", "owned")

    def __init__(self, array):
        self.array, self.owned = array, False

    def add(self, array):
        if self.owned:
            K.add(self.array, self.array, array)
        else:
            total = empty(self.array.shape, self.array.dtype)
            K.add(total, self.array, array)
            self.array, self.owned = total, True


def backward(tensors, grad_tensors=None, retain_graph=False):
    """Accumulate d(sum of tensors * grad_tensors)/d(leaf) into the `grad` of every leaf that requires one.

    Args:
        tensors: a tensor or a sequence of tensors.
        grad_tensors: a gradient for each, of its shape; None only for a tensor of one element (then 1).
        retain_graph: keep the tape, to walk it again.
    """
    roots = _roots(tensors, grad_tensors)
    _walk(roots, retain_graph, _accumulate)


def grad(outputs, inputs, grad_outputs=None, retain_graph=False, allow_unused=False):
    """The gradients of `outputs` with respect to `inputs`, without touching any tensor's `grad`.

    Args:
        outputs, grad_outputs: as in `backward`.
        inputs: a tensor or a sequence of tensors that require gradients.
        allow_unused: give None for an input that the outputs do not depend on, instead of raising.

    Returns:
        A tuple of tensors.
    """
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    for i, t in enumerate(inputs):
        if not t._requires_grad:
            raise RuntimeError(f"input {i} does not require a gradient")
    wanted = {id(t if t._node is None else t._node): None for t in inputs}

    def keep(target, array, function):
        if id(target) in wanted:
            array = function(array) if function is not None else array
            array = _fit(array, target)
            if wanted[id(target)] is None:
                wanted[id(target)] = _Sum(array)
            else:
                wanted[id(target)].add(array)
    _walk(_roots(outputs, grad_outputs), retain_graph, keep, wanted)
    result = []
    for i, t in enumerate(inputs):
        total = wanted[id(t if t._node is None else t._node)]
        if total is None and not allow_unused:
            raise RuntimeError(f"input {i} was not used to compute the outputs; pass allow_unused=True to get None")
        result.append(None if total is None else Tensor._wrap(_own_copy(total.array)))
    return tuple(result)


def _own_copy(array):
    copy = empty(array.shape, array.dtype)
    K.copy(copy, array)
    return copy


def _roots(tensors, gradients):
    """[(tensor, array)]: where the walk starts, with checked gradients."""
    tensors = (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)
    if gradients is None or isinstance(gradients, Tensor):
        gradients = (gradients,) * 1 if len(tensors) == 1 else (None,) * len(tensors)
    roots = []
    for t, g in zip(tensors, gradients, strict=True):
        if not t._requires_grad:
            raise RuntimeError("this tensor does not require a gradient: no tensor it was made from has "
                               "requires_grad=True, or it was made under no_grad")
        if g is None:
            if t._data.size != 1:
                raise RuntimeError("a gradient can be made up only for a tensor of one element; this one has shape "
                                   f"{shape_text(t)}: pass `gradient`")
            array = empty(t._data.shape, t._data.dtype)
            K.fill(array, 1.0)
        else:
            if g.shape != t.shape or g.dtype != t.dtype:
                raise RuntimeError(f"expected a gradient of shape {shape_text(t)} and dtype {t.dtype}, got "
                                   f"{shape_text(g)} and {g.dtype}")
            array = g._data
        roots.append((t, array))
    return roots


def _walk(roots, retain_graph, leaf, wanted=None):
    """Visit the tape from the latest operation to the earliest; `leaf(tensor, array, function)` gets what arrives at
    leaves (and, where `wanted` names a node, at that node)."""
    sums = {}
    for t, array in roots:
        if t._node is None:
            leaf(t, array, None)
        elif t._node in sums:
            sums[t._node].add(array)
        else:
            sums[t._node] = _Sum(array)
    for node in _descending([t._node for t, _ in roots if t._node is not None]):
        total = sums.pop(node, None)
        if total is None:
            continue
        if node.gradients is _CLOSED:
            raise RuntimeError("trying to walk back through the tape a second time: what it had saved is freed by "
                               "the first backward(); pass retain_graph=True there")
        _check_versions(node)
        _retain(node, total.array)
        if wanted and id(node) in wanted:
            leaf(node, total.array, None)
        for target, array, function in _contributions(node, total.array):
            if not isinstance(target, Node):
                leaf(target, array, function)
                continue
            array = _fit(array if function is None else function(array), target)
            if target in sums:
                sums[target].add(array)
            else:
                sums[target] = _Sum(array)
        if not retain_graph:
            node.gradients, node.edges, node.saved = _CLOSED, (), ()


def _descending(roots):
    """Every node that the roots lead to, the latest first."""
    seen, stack = set(roots), list(roots)
    while stack:
        for _, target in stack.pop().edges:
            if isinstance(target, Node) and target not in seen:
                seen.add(target)
                stack.append(target)
    return sorted(seen, key=lambda node: -node.order)


def _contributions(node, array):
    """(target, array, function) of each edge: function(array) is the contribution; None: the array itself is."""
    if type(node.gradients) is tuple:
        for i, target in node.edges:
            if node.gradients[i] is not None:
                yield target, array, node.gradients[i]
        return
    needs = [False] * (max(i for i, _ in node.edges) + 1)
    for i, _ in node.edges:
        needs[i] = True
    results = node.gradients(array, needs)
    for i, target in node.edges:
        if results[i] is not None:
            yield target, results[i], None


def _check_versions(node):
    for storage, version, what in node.saved:
        if storage.version != version:
            raise RuntimeError(f"{node.name}: {what} was changed in place after the forward pass, and its backward still "
                               f"needs it (version {storage.version}, expected {version}); use a copy there")


def _retain(node, array):
    tensor = node.retained() if node.retained is not None else None
    if tensor is not None:
        tensor._grad = Tensor._wrap(_own_copy(array))


def _fit(array, target):
    """A contribution in the shape and dtype of what it is the gradient of: an operation may have broadcast and promoted."""
    if array.shape != target.shape:
        array = _unbroadcast(array, target.shape)
    if array.dtype != target.dtype:
        cast = empty(array.shape, target.dtype)
        K.copy(cast, array)
        array = cast
    return array


def _unbroadcast(array, shape):
    """Sum a gradient over the dimensions that its argument was broadcast along."""
    if not array.flags.c_contiguous:        # reshape would copy, which is no launch and so not in a recording
        array = _own_copy(array)
    extra = array.ndim - len(shape)
    axes = [i for i in range(array.ndim) if i < extra or (shape[i - extra] == 1 and array.shape[i] != 1)]
    for axis in reversed(axes):
        outer, n, inner = _split(array.shape, axis)
        total = empty((outer, inner), array.dtype)
        K.sum(total, array.reshape(outer, n, inner))
        array = total.reshape(array.shape[:axis] + array.shape[axis + 1:])
    return array.reshape(shape)


def _split(shape, axis):
    outer = inner = 1
    for n in shape[:axis]:
        outer *= n
    for n in shape[axis + 1:]:
        inner *= n
    return outer, shape[axis], inner


# ---- leaves ---------------------------------------------------------------------------------------------------------

def _accumulate(leaf, array, function):
    """Add a contribution to a leaf's gradient; the first one is written, into the memory the gradient always has."""
    recorder = state.recorder
    if recorder is not None:
        recorder.note_grad(leaf, written=False)
    if leaf._grad is not None:
        if function is not None:
            array = function(array)
        total = leaf._grad._data
        K.add(total, total, _fit(array, total))
        leaf._grad._storage.version += 1
        return
    home = _grad_home(leaf)
    if function is not None:
        array = function(array, home) if function.__defaults__ is not None else function(array)
    if array is not home:
        K.copy(home, _fit(array, home))
    leaf._grad = Tensor._wrap(home)
    if recorder is not None:
        recorder.own(leaf._grad)


def _grad_home(leaf):
    """Where a leaf's gradient is written: beside its arena's other gradients, unless somebody still holds the last one."""
    home = leaf._grad_home
    if home is not None and home.shape == leaf._data.shape and sys.getrefcount(home) <= 3:
        return home
    if home is None and leaf._slot is not None:
        chunk, offset = leaf._slot
        home = mirrored(chunk.grad, offset, leaf._data.shape, leaf._data.dtype)
    else:
        home = persistent(leaf._data.shape, leaf._data.dtype)
    leaf._grad_home = home
    return home


@method()
def retain_grad(tensor):
    """Keep this non-leaf's gradient in its `grad` when backward() passes it."""
    if not tensor._requires_grad:
        raise RuntimeError("retain_grad() on a tensor that does not require a gradient")
    if tensor._node is not None:
        tensor._node.retained = weakref.ref(tensor)


def _backward_method(self, gradient=None, retain_graph=False):
    """Accumulate d(self * gradient)/d(leaf) into the `grad` of every leaf: see `fastnet.autograd.backward`."""
    backward(self, gradient, retain_graph)


Tensor.backward = _backward_method
