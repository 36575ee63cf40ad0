"""The walk back through the tape: backward() and grad()."""
import weakref

from fastnet._core.errors import shape_text
from fastnet._core.memory import empty
from fastnet._core.shapes import around
from fastnet._core.state import state
from fastnet._core.tensor import Tensor, extend, method
from fastnet.autograd.leaves import gradient_home
from fastnet.autograd.tape import FREED, Node, call_into
from fastnet.backend import K


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

    Raises:
        RuntimeError: a tensor that does not require a gradient; no gradient for one of several elements, or one of
            another shape or dtype; a tape that was walked before; a value still needed that was changed in place.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([1.0, 2.0], requires_grad=True)
        >>> fastnet.autograd.backward(x * x, fastnet.tensor([1.0, 10.0]))
        >>> x.grad
        tensor([ 2., 40.])
    """
    roots = _roots(tensors, grad_tensors)
    _walk(roots, retain_graph, _accumulate)


def grad(outputs, inputs, grad_outputs=None, retain_graph=False, *, allow_unused=False):
    """The gradients of `outputs` with respect to `inputs`, without touching any tensor's `grad`.

    Args:
        outputs, grad_outputs: as the arguments of `backward`.
        inputs: a tensor or a sequence of tensors that require gradients.
        retain_graph: keep the tape, to walk it again.
        allow_unused: give None for an input that the outputs do not depend on, instead of raising.

    Returns:
        A tuple of tensors.

    Raises:
        RuntimeError: as `backward`, and for an input that does not require a gradient or was not used.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([1.0, 2.0], requires_grad=True)
        >>> fastnet.grad((x * x).sum(), x)
        (tensor([2., 4.]),)
    """
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    for i, t in enumerate(inputs):
        if not t._requires_grad:
            raise RuntimeError(f"input {i} does not require a gradient")
    wanted: dict[int, _Sum | None] = {id(t if t._node is None else t._node): None for t in inputs}

    def keep(target, array, function):
        if id(target) in wanted:
            array = function(array) if function is not None else array
            array = _fit(array, target)
            total = wanted[id(target)]
            if total is None:
                wanted[id(target)] = _Sum(array)
            else:
                total.add(array)
    _walk(_roots(outputs, grad_outputs), retain_graph, keep, wanted)
    result = []
    for i, t in enumerate(inputs):
        total = wanted[id(t if t._node is None else t._node)]
        if total is None and not allow_unused:
            raise RuntimeError(f"input {i} was not used to compute the outputs; pass allow_unused=True to get None")
        result.append(None if total is None else Tensor._wrap(own_copy(total.array)))
    return tuple(result)


def own_copy(array):
    """A copy of an array in memory from the pool."""
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
        if node.gradients is FREED:
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
            node.first, node.gradients, node.edges, node.saved = None, FREED, (), ()


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
    """(target, array, function) of each edge: function(array) is the contribution; None: the array itself is.

    Where one function gives all gradients, some of them may again be functions: they can be written where they go.
    """
    if node.first is not None:
        array = node.first(array)
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
        if callable(results[i]):
            yield target, array, results[i]
        elif results[i] is not None:
            yield target, results[i], None


def _check_versions(node):
    for storage, version, i in node.saved:
        if storage.version != version:
            what = "its result" if i < 0 else f"argument {i + 1}"
            raise RuntimeError(f"{node.name}: {what} was changed in place after the forward pass, and its backward "
                               f"still needs it (version {storage.version}, expected {version}); use a copy there")


def _retain(node, array):
    tensor = node.retained() if node.retained is not None else None
    if tensor is not None:
        tensor._grad = Tensor._wrap(own_copy(array))


def _fit(array, target):
    """A contribution in its target's shape and dtype: an operation may have broadcast and promoted."""
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
        array = own_copy(array)
    extra = array.ndim - len(shape)
    axes = [i for i in range(array.ndim) if i < extra or (shape[i - extra] == 1 and array.shape[i] != 1)]
    for axis in reversed(axes):
        outer, n, inner = around(array.shape, axis, axis + 1)
        total = empty((outer, inner), array.dtype)
        K.sum(total, array.reshape(outer, n, inner))
        array = total.reshape(array.shape[:axis] + array.shape[axis + 1:])
    return array.reshape(shape)


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
    home = gradient_home(leaf)
    if function is not None:
        array = call_into(function, array, home)
    if array is not home:
        K.copy(home, _fit(array, home))
    leaf._grad = Tensor._wrap(home)
    if recorder is not None:
        recorder.own(leaf._grad)


@method()
def retain_grad(tensor):
    """Keep this non-leaf's gradient in its `grad` when backward() passes it.

    Raises:
        RuntimeError: a tensor that does not require a gradient.

    Example:
        >>> import fastnet
        >>> y = fastnet.ones(2, requires_grad=True) * 2
        >>> y.retain_grad()
        >>> (y * y).sum().backward()
        >>> y.grad
        tensor([4., 4.])
    """
    if not tensor._requires_grad:
        raise RuntimeError("retain_grad() on a tensor that does not require a gradient")
    if tensor._node is not None:
        tensor._node.retained = weakref.ref(tensor)


def _backward_method(self, gradient=None, retain_graph=False):
    """Accumulate d(self * gradient)/d(leaf) into the `grad` of every leaf: see `fastnet.autograd.backward`.

    Args:
        gradient: of the tensor's shape; None only for a tensor of one element (then 1).
        retain_graph: keep the tape, to walk it again.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4.])
    """
    backward(self, gradient, retain_graph)


extend(backward=_backward_method)
