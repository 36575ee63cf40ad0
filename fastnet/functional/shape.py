"""Shapes: views, where the memory allows, else copies."""
import itertools
import math
import operator

import numpy as np

from fastnet._core.errors import shape_text
from fastnet._core.tensor import extend, method
from fastnet.autograd import gradient, op
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.sizes import as_dim, as_dims, as_shape, asked_shape, filled_in


@op(view=True)
def _view(x, shape):
    before = x.shape
    try:
        return x.reshape(shape), (gradient(kernels.reshaped, before), None)
    except ValueError:
        filled_in(before, shape)        # which says what is wrong with the shape
        raise


@op
def copied(x):
    """A copy of a tensor, contiguous."""
    return kernels.copy(x), (kernels.same,)


@op(view=True)
def _transposed(x, order):
    return x.transpose(order), (gradient(_transposed_back, order), None)


def _transposed_back(g, order):
    return g.transpose(np.argsort(order))


@op(view=True)
def _expanded(x, shape):
    out = np.broadcast_to(x, shape)
    if out.size in (0, x.size) and x.flags.writeable:       # no element is repeated: it may be written
        out.flags.writeable = True
    return out, (kernels.same, None)


@op(view=True)
def strided(x, key):
    """The view x[key], by integers and slices."""
    return x[key], (gradient(_scattered, x.shape, key), None)


def _scattered(g, shape, key):
    out = kernels.full(shape, 0, g.dtype)
    K.copy(out[key], g)
    return out


def _viewable(x, shape):
    """Whether `shape` can be a view of the array x, if it fits at all.

    Neighbouring dimensions whose strides continue each other form a run. The shape is a view if each run's end is the
    end of one of its dimensions, too.
    """
    if x.flags.c_contiguous or x.size == 0:
        return True
    dimensions = [(n, stride) for n, stride in zip(x.shape, x.strides) if n != 1]
    ends = [math.prod(n for n, _ in dimensions[:i]) for i in range(1, len(dimensions))
            if dimensions[i - 1][1] != dimensions[i][0] * dimensions[i][1]]
    return set(ends).issubset(itertools.accumulate(filled_in(x.shape, shape), operator.mul))


@method()
def view(input, *shape):
    """The same memory in another shape.

    Args:
        input: any shape.
        shape: as numbers or as one tuple; one length may be -1.

    Raises:
        RuntimeError: the elements don't fit, or the memory's layout doesn't allow a view (use `reshape`).

    Example:
        >>> import fastnet
        >>> fastnet.arange(6).view(2, -1)
        tensor([[0, 1, 2],
                [3, 4, 5]])
    """
    if len(shape) == 1 and not isinstance(shape[0], int | tuple | list):
        raise TypeError(f"view: expected a shape, got {shape[0]!r}")
    shape = asked_shape(input, shape)
    if not _viewable(input._data, shape):
        raise RuntimeError(f"a tensor of shape {shape_text(input)} and strides {input.stride()} has no view of shape "
                           f"{shape_text(shape)}; use reshape")
    return _view(input, shape)


@method()
def reshape(input, *shape):
    """The same elements in another shape: a view where possible, else a copy.

    Args:
        input: any shape.
        shape: as numbers or as one tuple; one length may be -1.

    Raises:
        RuntimeError: the elements don't fit; both shapes are named.

    Example:
        >>> import fastnet
        >>> fastnet.reshape(fastnet.arange(6), 2, -1)
        tensor([[0, 1, 2],
                [3, 4, 5]])
    """
    shape = asked_shape(input, shape)
    return _view(input if _viewable(input._data, shape) else copied(input), shape)


@method()
def view_as(input, other):
    """A view in the shape of `other`: see `view`.

    Example:
        >>> import fastnet
        >>> fastnet.arange(4).view_as(fastnet.zeros(2, 2)).shape
        (2, 2)
    """
    return view(input, other.shape)


@method()
def reshape_as(input, other):
    """`reshape` to the shape of `other`.

    Example:
        >>> import fastnet
        >>> fastnet.arange(4).reshape_as(fastnet.zeros(2, 2)).shape
        (2, 2)
    """
    return reshape(input, other.shape)


@method("ravel")
def flatten(input, start_dim=0, end_dim=-1):
    """The dimensions from start_dim to end_dim as one: a view where possible.

    Raises:
        IndexError: a dimension out of range.
        RuntimeError: start_dim comes after end_dim.

    Example:
        >>> import fastnet
        >>> fastnet.flatten(fastnet.zeros(2, 3, 4), 1).shape
        (2, 12)
    """
    first, last = as_dim(input, start_dim), as_dim(input, end_dim)
    if input.ndim == 0:
        return reshape(input, 1)
    if first > last:
        raise RuntimeError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    return reshape(input, *input.shape[:first], math.prod(input.shape[first:last + 1]), *input.shape[last + 1:])


@method()
def unflatten(input, dim, sizes):
    """One dimension as several.

    Args:
        input: any shape.
        dim: a dimension.
        sizes: a tuple of lengths; one may be -1.

    Raises:
        IndexError: a dimension out of range.
        RuntimeError: the lengths don't fit, or a tensor without dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.unflatten(fastnet.zeros(2, 12), 1, (3, -1)).shape
        (2, 3, 4)
    """
    dim = as_dim(input, dim)
    check_dimensions("unflatten", input)
    return reshape(input, *input.shape[:dim], *filled_in((input.shape[dim],), tuple(sizes)),
                   *input.shape[dim + 1:])


def check_dimensions(name, input):
    """Refuse a tensor without dimensions."""
    if input.ndim == 0:
        raise RuntimeError(f"{name}: expected a tensor with dimensions, got a 0-d tensor")


@method("swapaxes", "swapdims")
def transpose(input, dim0, dim1):
    """A view with two dimensions exchanged.

    Example:
        >>> import fastnet
        >>> fastnet.transpose(fastnet.zeros(2, 3, 4), 0, 2).shape
        (4, 3, 2)
    """
    a, b = as_dim(input, dim0), as_dim(input, dim1)
    if input.ndim == 0:
        return input
    order = list(range(input.ndim))
    order[a], order[b] = b, a
    return _transposed(input, tuple(order))


@method()
def t(input):
    """The transpose of a matrix, a view; a vector as it is.

    Raises:
        RuntimeError: more than two dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.t(fastnet.zeros(2, 3)).shape
        (3, 2)
    """
    if input.ndim > 2:
        raise RuntimeError(f"t() takes at most 2 dimensions, got shape {shape_text(input)}")
    return transpose(input, 0, 1) if input.ndim == 2 else input


@method()
def permute(input, *dims):
    """A view with the dimensions in another order.

    Args:
        input: any shape.
        dims: every dimension once, as numbers or as one tuple.

    Raises:
        RuntimeError: dims is no such order.

    Example:
        >>> import fastnet
        >>> fastnet.permute(fastnet.zeros(2, 3, 4), (2, 0, 1)).shape
        (4, 2, 3)
    """
    dims = as_shape(dims)
    if len(dims) == input.ndim:
        dims = tuple(as_dim(input, d) for d in dims)
    if sorted(dims) != list(range(input.ndim)):
        raise RuntimeError(f"permute: {dims} is no order of the {input.ndim} dimensions of shape {shape_text(input)}")
    return _transposed(input, dims)


@method("moveaxis")
def movedim(input, source, destination):
    """A view with dimensions moved to other places; the others keep their order.

    Args:
        input: any shape.
        source, destination: a dimension and its new place, or tuples of as many each.

    Raises:
        IndexError: a dimension out of range.
        RuntimeError: a dimension named twice, or tuples of different lengths.

    Example:
        >>> import fastnet
        >>> fastnet.movedim(fastnet.zeros(2, 3, 4), 0, -1).shape
        (3, 4, 2)
    """
    sources, places = as_dims("movedim", input, source), as_dims("movedim", input, destination)
    if len(sources) != len(places):
        raise RuntimeError(f"movedim: expected as many destinations as sources, got {source} and {destination}")
    order = [i for i in range(input.ndim) if i not in sources]
    for place, moved in sorted(zip(places, sources)):
        order.insert(place, moved)
    return _transposed(input, tuple(order[:input.ndim]))


moveaxis = movedim


@method()
def expand(input, *size):
    """A view repeated along dimensions of length 1.

    Args:
        input: any shape.
        size: the new shape, as numbers or as one tuple; -1 keeps a length. New dimensions come first.

    Raises:
        RuntimeError: a dimension is neither 1 nor of that length.

    Example:
        >>> import fastnet
        >>> fastnet.tensor([[1], [2]]).expand(-1, 3)
        tensor([[1, 1, 1],
                [2, 2, 2]])
    """
    size = as_shape(size)
    extra = len(size) - input.ndim
    shape = tuple(input.shape[i - extra] if n == -1 and i >= extra else n for i, n in enumerate(size))
    if extra < 0 or any(a not in (1, n) for a, n in zip(input.shape, shape[extra:])) or min(shape, default=0) < 0:
        raise RuntimeError(f"shape {shape_text(input)} does not expand to {shape_text(size)}")
    return _expanded(input, shape)


@method()
def expand_as(input, other):
    """`expand` to the shape of `other`.

    Example:
        >>> import fastnet
        >>> fastnet.ones(1).expand_as(fastnet.zeros(2, 2)).shape
        (2, 2)
    """
    return expand(input, other.shape)


@method()
def broadcast_to(input, shape):
    """`expand` to `shape`.

    Example:
        >>> import fastnet
        >>> fastnet.broadcast_to(fastnet.tensor([1, 2]), (2, 2))
        tensor([[1, 2],
                [1, 2]])
    """
    return expand(input, shape)


@method()
def squeeze(input, dim=None):
    """A view without the dimensions of length 1, or without those of `dim` (a number or a tuple) that are.

    Example:
        >>> import fastnet
        >>> fastnet.squeeze(fastnet.zeros(1, 2, 1)).shape, fastnet.squeeze(fastnet.zeros(1, 2, 1), 0).shape
        ((2,), (2, 1))
    """
    dims = range(input.ndim) if dim is None else as_dims("squeeze", input, dim)
    return _view(input, tuple(n for i, n in enumerate(input.shape) if n != 1 or i not in dims))


@method()
def unsqueeze(input, dim):
    """A view with a dimension of length 1 put in at `dim`.

    Example:
        >>> import fastnet
        >>> fastnet.unsqueeze(fastnet.zeros(2), 1).shape
        (2, 1)
    """
    dim = as_dim(input, dim, extra=1)
    return _view(input, (*input.shape[:dim], 1, *input.shape[dim:]))


def _matrices_transposed(input):
    if input.ndim == 1:
        raise RuntimeError(f"mT: expected matrices, (..., rows, columns), got shape {shape_text(input)}")
    return transpose(input, -2, -1) if input.ndim else input


extend(T=property(lambda self: permute(self, *reversed(range(self.ndim))), doc="All dimensions reversed."),
       mT=property(lambda self: _matrices_transposed(self), doc="The last two dimensions exchanged."))
