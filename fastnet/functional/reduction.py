"""Sums, means and other reductions over dimensions. `dim` is a number, a tuple, or None for all."""
import builtins

import numpy as np

from fastnet import dtypes
from fastnet._core.memory import empty
from fastnet._core.shapes import around
from fastnet._core.tensor import method
from fastnet.autograd import gradient, op
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.kernel_calls import contiguous
from fastnet.functional.sizes import as_dim, as_dims


def normalize_dims(x, dim):
    """`dim` as a sorted tuple of dimensions counted from the front.

    Raises:
        TypeError: no integers.
        IndexError: out of range.
        RuntimeError: one dimension twice.
    """
    if dim is None or dim == ():
        return tuple(range(x.ndim))
    return tuple(sorted(as_dims("dim", x, dim)))[:x.ndim]


def normalize_dim(x, dim):
    """A single dimension as `normalize_dims` gives several.

    Raises:
        TypeError: no integer.
        IndexError: out of range.
    """
    return (as_dim(x, dim),)[:x.ndim]


def as_rows(x, dims, keepdim=False):
    """x as (outer, n, inner) with the reduced dimensions in the middle, and the shapes of the result.

    Returns:
        (array, the result's shape, its shape with the reduced dimensions as 1)
    """
    if len(dims) == x.ndim:                                 # all of them
        kept = (1,) * x.ndim
        return contiguous(x).reshape(1, x.size, 1), kept if keepdim else (), kept
    first, last = (dims[0], dims[-1] + 1) if dims else (0, 0)
    before, after = x.shape[:first], x.shape[last:]
    kept, shape = before + (1,) * (last - first) + after, before + after
    if last - first > len(dims):                            # with others between them
        kept = tuple(1 if i in dims else n for i, n in enumerate(x.shape))
        rest = [i for i in range(x.ndim) if i not in dims]
        shape = tuple(x.shape[i] for i in rest)
        x = x.transpose(*rest, *dims)                       # packed below: the reduced dimensions last
        first, last = len(rest), x.ndim
    return contiguous(x).reshape(around(x.shape, first, last)), kept if keepdim else shape, kept


def reduced_by(kernel, x, dim, dtype=None, keepdim=False, **attributes):
    """(kernel over dim, the result's shape, its shape with the reduced dimensions as 1)"""
    x3, shape, kept = as_rows(x, normalize_dims(x, dim), keepdim)
    out = empty((x3.shape[0], x3.shape[2]), dtype or x.dtype)
    getattr(K, kernel)(out, x3, **attributes)
    return out, shape, kept


def _spread(g, kept, shape):
    """A gradient of a reduction, viewed in the shape of what was reduced."""
    return np.broadcast_to(g.reshape(kept), shape)


def _added_in(x, dtype):
    """The dtype that elements are added or multiplied in: the given one, or x's own, int64 for integers and bools."""
    if dtype is not None:
        return dtypes.as_dtype(dtype)
    return x.dtype if x.dtype.kind == "f" else dtypes.int64


def check_real(name, x):
    """RuntimeError for an operand that is not floating-point."""
    if x.dtype.kind != "f":
        raise RuntimeError(f"{name} takes floating-point tensors, got {x.dtype}; use x.float().{name}()")


@method()
@op
def sum(input, dim=None, keepdim=False, *, dtype=None):
    """The sum; of integers and bools in int64.

    Args:
        input: any shape.
        dim: a dimension, a tuple of several, or None for all.
        keepdim: keep the reduced dimensions, with length 1.
        dtype: convert to this first.

    Raises:
        IndexError: a dimension out of range.
        RuntimeError: a dimension named twice.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> x.sum(), x.sum(0), x.sum(1, keepdim=True).shape
        (tensor(10.), tensor([4., 6.]), (2, 1))
    """
    x = kernels.cast(input, _added_in(input, dtype))
    out, shape, kept = reduced_by("sum", x, dim, keepdim=keepdim)
    return out.reshape(shape), (gradient(_spread, kept, input.shape),)


@method()
@op
def mean(input, dim=None, keepdim=False, *, dtype=None):
    """The arithmetic mean, sum(x) / n. Arguments and errors are those of `sum`.

    Raises:
        RuntimeError: integers; convert them first.

    Example:
        >>> import fastnet
        >>> fastnet.mean(fastnet.tensor([[1.0, 2.0], [3.0, 4.0]]), 1)
        tensor([1.5, 3.5])
    """
    x = input if dtype is None else kernels.cast(input, dtypes.as_dtype(dtype))
    check_real("mean", x)
    out, shape, kept = reduced_by("mean", x, dim, keepdim=keepdim)
    count = x.size // builtins.max(out.size, 1)
    return out.reshape(shape), (gradient(_spread_evenly, kept, input.shape, builtins.max(count, 1)),)


def _spread_evenly(g, kept, shape, count):
    return _spread(kernels.scale(g, 1 / count), kept, shape)


@method()
def var(input, dim=None, unbiased=True, keepdim=False, *, correction=None):
    """The variance, sum((x - mean)^2) / (n - correction).

    Args:
        input: any shape.
        dim: a dimension, a tuple of several, or None for all. A bool is taken for `unbiased`, as PyTorch has it.
        unbiased: True is a correction of 1, False of 0.
        keepdim: keep the reduced dimensions, with length 1.
        correction: overrides `unbiased`.

    Raises:
        RuntimeError: integers; convert them first.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([1.0, 2.0, 3.0])
        >>> fastnet.var(x), fastnet.var(x, unbiased=False)
        (tensor(1.), tensor(0.6667))
    """
    dim, ddof = _correction(dim, unbiased, correction)
    return _var(input, dim, keepdim, ddof)


def _correction(dim, unbiased, correction):
    """(dim, correction) of `var` and `std`, where a bool given as `dim` is `unbiased`."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    return dim, float(unbiased if correction is None else correction)


@op
def _var(input, dim, keepdim, ddof):
    out, mean, share = _about_mean("var", input, dim, keepdim, ddof)
    return out, (gradient(_of_variance, input, mean, 2 * share), None, None, None)


@op
def _std(input, dim, keepdim, ddof):
    out, mean, share = _about_mean("std", input, dim, keepdim, ddof)
    return out, (gradient(_of_deviation, input, mean, share, out), None, None, None)


def _about_mean(kernel, input, dim, keepdim, ddof):
    """The variance or its root, the mean with the reduced dimensions as 1 (float64), and 1 / (n - ddof)."""
    check_real(kernel, input)
    x3, shape, kept = as_rows(input, normalize_dims(input, dim), keepdim)
    out, mean = (empty((x3.shape[0], x3.shape[2]), dtype) for dtype in (input.dtype, dtypes.float64))
    getattr(K, kernel)(out, mean, x3, ddof)
    divisor = x3.shape[1] - ddof
    return out.reshape(shape), mean.reshape(kept), 1 / divisor if divisor > 0 else float("nan")


def _of_variance(g, x, mean, factor):
    return kernels.mul(_centered(x, mean), kernels.scale(g.reshape(mean.shape), factor))


def _of_deviation(g, x, mean, factor, root):
    # 0 and not infinite where the deviation is 0: no direction changes that of equal numbers
    standard = kernels.quotient(_centered(x, mean), root.reshape(mean.shape))
    return kernels.mul(standard, kernels.scale(g.reshape(mean.shape), factor))


def _centered(x, mean):
    """x less a float64 mean: the nearest number of x's dtype first, then the rest."""
    nearest = kernels.cast(mean, x.dtype)
    centered = kernels.sub(x, nearest)
    if x.dtype == mean.dtype:
        return centered
    return kernels.sub(centered, kernels.cast(kernels.sub(mean, kernels.cast(nearest, mean.dtype)), x.dtype))


@method()
def std(input, dim=None, unbiased=True, keepdim=False, *, correction=None):
    """The standard deviation, the root of the variance. Arguments and errors are those of `var`.

    Example:
        >>> import fastnet
        >>> fastnet.std(fastnet.tensor([1.0, 2.0, 3.0]))
        tensor(1.)
    """
    dim, ddof = _correction(dim, unbiased, correction)
    return _std(input, dim, keepdim, ddof)


@method()
@op
def prod(input, dim=None, keepdim=False, *, dtype=None):
    """The product; of integers and bools in int64. Its gradient is right where elements are 0, too.

    Args:
        input: any shape.
        dim: a dimension, or None for all.
        keepdim: keep the reduced dimension, with length 1.
        dtype: convert to this first.

    Raises:
        TypeError: several dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.prod(fastnet.tensor([[1.0, 2.0], [3.0, 4.0]]), 1)
        tensor([ 2., 12.])
    """
    wanted = _added_in(input, dtype)
    dims = normalize_dims(input, None) if dim is None else normalize_dim(input, dim)
    x3, shape, _ = as_rows(kernels.cast(input, wanted), dims, keepdim)
    out = empty((x3.shape[0], x3.shape[2]), wanted)
    K.prod(out, x3)
    return out.reshape(shape), (gradient(_of_product, x3, out.shape, input.shape),)


def _of_product(g, x3, reduced_shape, shape):
    return kernels.call_like("prod_backward", x3, kernels.reshaped(g, reduced_shape)).reshape(shape)


@method()
@op
def cumsum(input, dim, *, dtype=None):
    """Running sums along `dim`: out[i] = x[0] + ... + x[i].

    Args:
        input: any shape.
        dim: a dimension.
        dtype: convert to this first; integers and bools are added in int64.

    Example:
        >>> import fastnet
        >>> fastnet.cumsum(fastnet.tensor([1, 2, 3]), 0)
        tensor([1, 3, 6])
    """
    x = kernels.cast(input, _added_in(input, dtype))
    dims = normalize_dim(x, dim)
    return _running(as_rows(x, dims)[0]).reshape(input.shape), (gradient(_running_back, dims),)


def _running(x3):
    out = empty(x3.shape, x3.dtype)
    K.cumsum(out, x3)
    return out


def _running_back(g, dims):
    backwards = _running(as_rows(g, dims)[0][:, ::-1])
    return contiguous(backwards[:, ::-1]).reshape(g.shape)


@method()
@op
def any(input, dim=None, keepdim=False):
    """Whether any element is true (not 0). Arguments are those of `sum`.

    Example:
        >>> import fastnet
        >>> fastnet.any(fastnet.tensor([[False, True], [False, False]]), 1)
        tensor([ True, False])
    """
    out, shape, _ = reduced_by("any", input, dim, dtypes.bool_, keepdim)
    return out.reshape(shape), None


@method()
@op
def all(input, dim=None, keepdim=False):
    """Whether every element is true (not 0). Arguments are those of `sum`.

    Example:
        >>> import fastnet
        >>> fastnet.all(fastnet.tensor([1.0, 2.0, 0.0]))
        tensor(False)
    """
    out, shape, _ = reduced_by("all", input, dim, dtypes.bool_, keepdim)
    return out.reshape(shape), None


@method()
def logsumexp(input, dim, keepdim=False):
    """log(sum(exp(x))), without overflow; -inf over no elements. Integers give float32.

    Args:
        input: any shape.
        dim: a dimension, or a tuple of several.
        keepdim: keep the reduced dimensions, with length 1.

    Example:
        >>> import fastnet
        >>> fastnet.logsumexp(fastnet.tensor([1000.0, 1000.0]), 0)
        tensor(1000.6932)
    """
    input = input.to(dtypes.float_of(input.dtype))
    if input.numel() == 0:
        return input.exp().sum(dim, keepdim).log()
    high = input.detach().amax(dim, keepdim=True)
    high = high.masked_fill(high.isinf(), 0)
    total = (input - high).exp().sum(dim, keepdim=True).log() + high
    return total if keepdim else total.squeeze(normalize_dims(input, dim))
