"""The larger of two, the largest of many, and sorting."""
from typing import NamedTuple

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.memory import empty
from fastnet._core.tensor import Tensor, method
from fastnet.autograd import gradient, op
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.indexing import gather
from fastnet.functional.kernel_calls import check_array, contiguous, operands
from fastnet.functional.reduction import normalize_dim, normalize_dims, reduced_by


class ValuesIndices(NamedTuple):
    """The pair (values, indices), readable by name.

    Example:
        >>> import fastnet
        >>> best = fastnet.tensor([[1.0, 3.0], [5.0, 2.0]]).max(1)
        >>> best.values, best.indices
        (tensor([3., 5.]), tensor([1, 0]))
    """

    values: Tensor
    indices: Tensor


# ---- the larger of two ----------------------------------------------------------------------------------------------

@op
def _maximum(x, y):
    check_array("maximum", "input", x)
    check_array("maximum", "other", y)
    x, y = operands(x, y, exact=True)
    return kernels.binary("maximum", x, y), (gradient(_of_chosen, x, y, "lt"), gradient(_of_chosen, x, y, "gt"))


@op
def _minimum(x, y):
    check_array("minimum", "input", x)
    check_array("minimum", "other", y)
    x, y = operands(x, y, exact=True)
    return kernels.binary("minimum", x, y), (gradient(_of_chosen, x, y, "gt"), gradient(_of_chosen, x, y, "lt"))


def _of_chosen(g, x, y, lost):
    """The gradient of one of x and y: none where it has `lost`, half where they are equal."""
    equal = kernels.binary("eq", x, y, dtypes.bool_)
    rest = kernels.masked(kernels.unary("logical_not", kernels.binary(lost, x, y, dtypes.bool_)), g)
    return kernels.sub(rest, kernels.masked(equal, kernels.scale(g, 0.5)))


@method()
def maximum(input, other):
    """The larger of two, element by element; NaN if either is. Where they are equal each gets half of the gradient.

    Example:
        >>> import fastnet
        >>> fastnet.maximum(fastnet.tensor([1.0, 5.0]), fastnet.tensor([3.0, 2.0]))
        tensor([3., 5.])
    """
    return _maximum(input, other)


@method()
def minimum(input, other):
    """The smaller of two, element by element; NaN if either is. Where they are equal each gets half of the gradient.

    Example:
        >>> import fastnet
        >>> fastnet.minimum(fastnet.tensor([1.0, 5.0]), fastnet.tensor([3.0, 2.0]))
        tensor([1., 2.])
    """
    return _minimum(input, other)


# ---- the largest of many --------------------------------------------------------------------------------------------

def _check_choice(name, input, dim, of_none=RuntimeError):
    """Refuse to choose from no elements.

    Args:
        of_none: the error for a tensor without elements and without a `dim`.

    Raises:
        IndexError: a dimension of length 0.
    """
    if input.size:
        return
    if dim is None or dim == ():
        raise of_none(f"{name}: expected a dim for a tensor without elements, got shape {shape_text(input)}")
    for d in normalize_dims(input, dim):
        if input.shape[d] == 0:
            raise IndexError(f"{name}: expected dimension {d} not to have length 0, got shape {shape_text(input)}")


@op
def _extreme(input, kernel, dim, keepdim):
    """amax or amin; equal elements share the gradient evenly."""
    _check_choice(kernel, input, dim)
    out, shape, kept = reduced_by(kernel, input, dim)
    slope = gradient(_of_extreme, input, out.reshape(kept), normalize_dims(input, dim))
    return out.reshape(kept if keepdim else shape), (slope, None, None, None)


def _of_extreme(g, x, extreme, dims):
    ones = kernels.cast(kernels.binary("eq", x, extreme, dtypes.bool_), g.dtype)
    count, _, _ = reduced_by("sum", ones, dims)
    return kernels.mul(ones, kernels.div(g.reshape(extreme.shape), count.reshape(extreme.shape)))


@method()
def amax(input, dim=None, keepdim=False):
    """The largest element along `dim`; NaN if any is. Equal ones share the gradient evenly.

    Args:
        input: any shape.
        dim: a dimension, a tuple of several, or None for all.
        keepdim: keep the reduced dimensions, with length 1.

    Raises:
        IndexError: a dimension out of range, or of length 0.
        RuntimeError: no elements to choose from.

    Example:
        >>> import fastnet
        >>> fastnet.amax(fastnet.tensor([[1.0, 3.0], [5.0, 2.0]]), 1)
        tensor([3., 5.])
    """
    return _extreme(input, "amax", dim, keepdim)


@method()
def amin(input, dim=None, keepdim=False):
    """The smallest element along `dim`; NaN if any is. Equal ones share the gradient evenly. Arguments are `amax`'s.

    Example:
        >>> import fastnet
        >>> fastnet.amin(fastnet.tensor([[1.0, 3.0], [5.0, 2.0]]), 1)
        tensor([1., 2.])
    """
    return _extreme(input, "amin", dim, keepdim)


@op
def _arg(input, kernel, dim, keepdim):
    if dim is not None:
        normalize_dim(input, dim)
    _check_choice(kernel, input, dim, IndexError)
    x = contiguous(input).reshape(-1) if dim is None else input
    out, shape, kept = reduced_by(kernel, x, 0 if dim is None else dim, dtypes.int64)
    kept = (1,) * input.ndim if dim is None else kept
    return out.reshape(kept if keepdim else shape), None


@method()
def argmax(input, dim=None, keepdim=False):
    """The index of the largest element along `dim`, int64; the first of equals, and of NaN if there is any.

    Args:
        input: any shape.
        dim: a dimension; None: the index in the flattened tensor.
        keepdim: keep the reduced dimension, with length 1.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([[1.0, 3.0], [5.0, 2.0]])
        >>> fastnet.argmax(x), fastnet.argmax(x, 1)
        (tensor(2), tensor([1, 0]))
    """
    return _arg(input, "argmax", dim, keepdim)


@method()
def argmin(input, dim=None, keepdim=False):
    """The index of the smallest element along `dim`, int64; the first of equals, and of NaN if there is any.

    Arguments are those of `argmax`.

    Example:
        >>> import fastnet
        >>> fastnet.argmin(fastnet.tensor([[1.0, 3.0], [5.0, 2.0]]), 1)
        tensor([0, 1])
    """
    return _arg(input, "argmin", dim, keepdim)


def _dim_or_other(name, dim, other):
    if dim is not None and other is not None:
        raise TypeError(f"{name}: expected dim or other, got both")
    return dim if other is None else other


def _chosen(input, dim, keepdim, of_all, of_two, index_of):
    """`max` or `min`, by the functions that choose from all elements, from two tensors, and along a dimension."""
    if dim is None:
        return of_all(input)
    if isinstance(dim, Tensor):
        return of_two(input, dim)
    index = index_of(input, dim, keepdim)
    if input.ndim == 0:
        return ValuesIndices(input.clone(), index)
    values = gather(input, dim, index if keepdim else index.unsqueeze(dim))
    return ValuesIndices(values if keepdim else values.squeeze(dim), index)


@method()
def max(input, dim=None, keepdim=False, *, other=None):
    """The largest element; along `dim`, (values, indices); of two tensors, the larger at each place.

    Equal elements share the gradient where all are reduced; along `dim` the first of them gets it.

    Args:
        input: any shape.
        dim: a dimension, or None for all elements; or the second tensor.
        keepdim: keep the reduced dimension, with length 1.
        other: the second tensor, by name.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([[1.0, 3.0], [5.0, 2.0]])
        >>> fastnet.max(x)
        tensor(5.)
        >>> values, indices = fastnet.max(x, 1)
        >>> values, indices
        (tensor([3., 5.]), tensor([1, 0]))
    """
    return _chosen(input, _dim_or_other("max", dim, other), keepdim, amax, maximum, argmax)


@method()
def min(input, dim=None, keepdim=False, *, other=None):
    """The smallest element; along `dim`, (values, indices); of two tensors, the smaller at each place.

    Arguments and gradients are those of `max`.

    Example:
        >>> import fastnet
        >>> fastnet.min(fastnet.tensor([[1.0, 3.0], [5.0, 2.0]]))
        tensor(1.)
    """
    return _chosen(input, _dim_or_other("min", dim, other), keepdim, amin, minimum, argmin)


# ---- sorting --------------------------------------------------------------------------------------------------------

@op
def _argsort(x, dim, descending):
    x = kernels.contiguous(x.swapaxes(dim, -1))
    n = x.shape[-1]
    out = empty((x.size // n if n else 0, n), dtypes.int64)         # NumPy sorts at most 32 dimensions
    K.argsort(out, x.reshape(out.shape), descending=descending)
    return kernels.contiguous(out.reshape(x.shape).swapaxes(dim, -1)), None


@method()
def argsort(input, dim=-1, descending=False, *, stable=True):
    """The indices that sort the tensor along `dim`, int64; equal elements keep their order, NaN counts as the largest.

    Args:
        input: any shape.
        dim: the dimension to sort along.
        descending: the largest first.
        stable: ignored; equal elements always keep their order.

    Example:
        >>> import fastnet
        >>> fastnet.argsort(fastnet.tensor([2.0, 3.0, 1.0]))
        tensor([2, 0, 1])
    """
    [dim] = normalize_dim(input, dim) or [0]
    return _argsort(input if input.ndim else input.reshape(1), dim, descending).reshape(input.shape)


@method()
def sort(input, dim=-1, descending=False, *, stable=True):
    """The elements in order along `dim`: (values, indices). Equal ones keep their order, NaN counts as the largest.

    Args:
        input: any shape.
        dim: the dimension to sort along.
        descending: the largest first.
        stable: ignored; equal elements always keep their order.

    Example:
        >>> import fastnet
        >>> values, indices = fastnet.sort(fastnet.tensor([2.0, 3.0, 1.0]), descending=True)
        >>> values, indices
        (tensor([3., 2., 1.]), tensor([1, 0, 2]))
    """
    index = argsort(input, dim, descending)
    return ValuesIndices(gather(input, dim, index) if input.ndim else input.clone(), index)


@method()
def topk(input, k, dim=-1, largest=True, sorted=True):
    """The k largest (or smallest) elements along `dim`: (values, indices).

    Args:
        input: any shape.
        k: how many; at most the dimension's length.
        dim: the dimension to choose along.
        largest: False: the smallest.
        sorted: the result is always in order; this is PyTorch's argument.

    Raises:
        RuntimeError: k is out of range.

    Example:
        >>> import fastnet
        >>> fastnet.topk(fastnet.tensor([2.0, 3.0, 1.0]), 2).values
        tensor([3., 2.])
    """
    [axis] = normalize_dim(input, dim) or [0]
    n = input.shape[axis] if input.ndim else 1
    if not 0 <= k <= n:
        raise RuntimeError(f"topk: k is {k}, dimension {dim} of shape {shape_text(input)} has {n} entries")
    values, index = sort(input, dim, descending=largest)
    if not input.ndim:
        return ValuesIndices(values, index)
    return ValuesIndices(values.narrow(dim, 0, k).contiguous(), index.narrow(dim, 0, k).contiguous())
