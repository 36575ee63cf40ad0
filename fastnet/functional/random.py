"""Random tensors, and dropout.

The constructors also take `device`, `layout`, `pin_memory` and `memory_format`: see `fastnet.device`.
"""
import operator

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import check_sizes
from fastnet._core.memory import empty
from fastnet._core.placement import placed
from fastnet._core.state import state
from fastnet._core.tensor import Tensor, method
from fastnet.autograd import gradient, op
from fastnet.backend import K, random_blocks
from fastnet.functional.inplace import writable, write
from fastnet.functional.kernel_calls import add, broadcast_shape, cast, contiguous, full, mul, operands, zeros_like
from fastnet.functional.sizes import as_size
from fastnet.random import default_generator


def _draw(kernel, out, generator, *args):
    """Fill the array `out` from the generator's stream."""
    block, offset = (generator or default_generator).reserve(random_blocks(out.size, out.dtype))
    getattr(K, kernel)(out, block, offset, *args)
    return out


def _new(name, kernel, size, dtype, generator, requires_grad, *args):
    dtype = dtypes.float32 if dtype is None else dtypes.as_dtype(dtype)
    t = Tensor._wrap(_draw(kernel, empty(as_size(name, size), dtype), generator, *args))
    return t.requires_grad_() if requires_grad else t


def _floating(name, dtype):
    if dtype is not None and dtypes.as_dtype(dtype).kind != "f":
        raise RuntimeError(f"{name} makes floating-point tensors, not {dtypes.as_dtype(dtype)}")


@placed
def rand(*size, generator=None, dtype=None, requires_grad=False):
    """Uniform numbers in [0, 1).

    Args:
        size: the shape, as numbers or as one tuple.
        generator: a `Generator`; by default the one that `manual_seed` seeds.
        dtype: float32 (the default) or float64.
        requires_grad: record gradients for it.

    Raises:
        RuntimeError: a dtype that is not floating-point.
        RuntimeError: a negative number in the shape.

    Example:
        >>> import fastnet
        >>> _ = fastnet.manual_seed(0)
        >>> fastnet.rand(2)
        tensor([0.399 , 0.8805])
    """
    _floating("rand", dtype)
    return _new("rand", "random_uniform", size, dtype, generator, requires_grad, 0.0, 1.0)


@placed
def randn(*size, generator=None, dtype=None, requires_grad=False):
    """Normal numbers of mean 0 and variance 1. Arguments and errors are those of `rand`.

    Example:
        >>> import fastnet
        >>> _ = fastnet.manual_seed(0)
        >>> fastnet.randn(2)
        tensor([-0.9247,  0.9911])
    """
    _floating("randn", dtype)
    return _new("randn", "random_normal", size, dtype, generator, requires_grad, 0.0, 1.0)


@placed
def rand_like(input, *, generator=None, dtype=None, requires_grad=False):
    """Uniform numbers in [0, 1) in the shape and (without `dtype`) the dtype of `input`.

    Example:
        >>> import fastnet
        >>> fastnet.rand_like(fastnet.zeros(2, 3)).shape
        (2, 3)
    """
    return rand(input.shape, generator=generator, dtype=dtype or input.dtype, requires_grad=requires_grad)


@placed
def randn_like(input, *, generator=None, dtype=None, requires_grad=False):
    """Normal numbers of mean 0 and variance 1 in the shape and (without `dtype`) the dtype of `input`.

    Example:
        >>> import fastnet
        >>> fastnet.randn_like(fastnet.zeros(2, 3)).shape
        (2, 3)
    """
    return randn(input.shape, generator=generator, dtype=dtype or input.dtype, requires_grad=requires_grad)


@placed
def normal(mean, std=1.0, size=None, *, generator=None, dtype=None, requires_grad=False):
    """Normal numbers of the given mean and standard deviation.

    Args:
        mean, std: numbers, or tensors whose shapes broadcast: each element is drawn with its own. Their gradient is 0.
        size: the shape, a tuple; not beside tensors.
        generator: a `Generator`; by default the one that `manual_seed` seeds.
        dtype: float32 by default, or the tensors'.
        requires_grad: record gradients for it.

    Raises:
        TypeError: neither tensors nor a size, or both.
        RuntimeError: a negative standard deviation.

    Example:
        >>> import fastnet
        >>> fastnet.normal(100.0, 0.0, (2,))
        tensor([100., 100.])
    """
    tensors = isinstance(mean, Tensor) or isinstance(std, Tensor)
    if tensors == (size is not None):
        raise TypeError(f"normal: expected either tensors as mean or std, or a size, got size={size}")
    _floating("normal", dtype)
    if not tensors:
        return _new("normal", "random_normal", size, dtype, generator, requires_grad, float(mean), float(std))
    out = _normal_around(mean, std, generator)
    out = out if dtype is None else out.to(dtype)
    return out.requires_grad_() if requires_grad else out


@op
def _normal_around(mean, std, generator):
    """mean + std * noise; at least one of the two is an array."""
    mean, std = operands(mean, std, real=True)
    if state.recorder is None and (std < 0).any():
        raise RuntimeError("normal: expected std not to be negative")
    noise = _draw("random_normal", empty(broadcast_shape(mean, std), mean.dtype), generator)
    return add(mul(noise, std), mean), (zeros_like, zeros_like, None)


@placed
def randint(low=0, high=None, size=None, *, generator=None, dtype=None, requires_grad=False):
    """Integers in [low, high); randint(high, size) starts at 0.

    Args:
        low, high: the bounds.
        size: the shape, a tuple.
        generator: a `Generator`; by default the one that `manual_seed` seeds.
        dtype: int64 by default.
        requires_grad: record gradients for it.

    Raises:
        TypeError: a bound that is no integer.
        RuntimeError: low is not below high.

    Example:
        >>> import fastnet
        >>> _ = fastnet.manual_seed(0)
        >>> fastnet.randint(0, 10, (5,))
        tensor([9, 8, 8, 1, 9])
    """
    if size is None:
        high, size = None, high
    if high is None:
        low, high = 0, low
    low, high = operator.index(low), operator.index(high)
    if not low < high:
        raise RuntimeError(f"randint: expected low < high, got {low} and {high}")
    t = _new("randint", "random_integers", size, dtypes.int64, generator, False, low, high)
    t = t if dtype is None else t.to(dtype)
    return t.requires_grad_() if requires_grad else t


@placed
def randperm(n, *, generator=None, dtype=None, requires_grad=False):
    """The numbers 0 to n-1 in random order.

    Args:
        n: how many.
        generator: a `Generator`; by default the one that `manual_seed` seeds.
        dtype: int64 by default.
        requires_grad: record gradients for it.

    Raises:
        TypeError: n is no integer.
        RuntimeError: n is negative.

    Example:
        >>> import fastnet
        >>> fastnet.randperm(5).sort().values
        tensor([0, 1, 2, 3, 4])
    """
    check_sizes("randperm", n=n)
    out = empty((n,), dtypes.int64)
    t = Tensor._wrap(cast(_draw("randperm", out, generator), dtypes.int64 if dtype is None else dtypes.as_dtype(dtype)))
    return t.requires_grad_() if requires_grad else t


@op
def _bernoulli(x, p, generator):
    out = empty(x.shape, x.dtype)
    block, offset = (generator or default_generator).reserve(random_blocks(out.size, out.dtype))
    K.random_bernoulli(out, contiguous(x) if p is None else full(x.shape, p, x.dtype), block, offset)
    return out, (zeros_like, None, None)


@method()
def bernoulli(input, p=None, *, generator=None):
    """1 with the probability that the element of `input` gives, else 0. Its gradient is 0.

    Args:
        input: probabilities, any shape.
        p: one probability for all elements instead; of the input, only shape and dtype count.
        generator: a `Generator`; by default the one that `manual_seed` seeds.

    Raises:
        RuntimeError: integers or bools, or a number outside [0, 1].

    Example:
        >>> import fastnet
        >>> fastnet.bernoulli(fastnet.tensor([0.0, 1.0]))
        tensor([0., 1.])
    """
    if input.dtype.kind != "f":
        raise RuntimeError(f"bernoulli: expected probabilities in float32 or float64, got {input.dtype}")
    return _bernoulli(input, p, generator)


@op
def _dropout(x, p):
    x = contiguous(x)
    mask, out = empty(x.shape, dtypes.uint8), empty(x.shape, x.dtype)
    block, offset = default_generator.reserve(random_blocks(x.size, dtypes.float32))
    K.dropout(out, mask, x, block, offset, p)
    return out, (gradient(_of_kept, mask, p), None)


def _of_kept(g, mask, p):
    result = empty(g.shape, g.dtype)
    K.dropout_backward(result, mask, g, p)
    return result


def check_probability(name, p):
    """Refuse what is no probability."""
    if not isinstance(p, int | float | np.floating):
        raise TypeError(f"{name}: expected a probability between 0 and 1, got {p!r}")
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: expected a probability between 0 and 1, got {p}")


def dropout(input, p=0.5, training=True):
    """Zero each element with probability p and scale the others by 1/(1-p); the identity when not training.

    Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html.

    Args:
        input: any shape.
        p: between 0 and 1.
        training: whether to drop anything.

    Raises:
        ValueError: p is outside [0, 1].
        TypeError: p is no number.

    Example:
        >>> import fastnet
        >>> _ = fastnet.manual_seed(0)
        >>> fastnet.dropout(fastnet.ones(6), 0.5)
        tensor([0., 2., 2., 2., 2., 0.])
    """
    check_probability("dropout", p)
    if not training or p == 0:
        return input
    return input * 0 if p == 1 else _dropout(input, float(p))


def _refill(name, x, kernel, generator, *args):
    """Write random numbers into a tensor."""
    writable(name, x)
    return write(name, x, lambda: _draw(kernel, x._data, generator, *args))


@method()
def uniform_(self, a=0.0, b=1.0, *, generator=None):
    """Write uniform numbers in [a, b) into the tensor; returns it.

    Raises:
        RuntimeError: a leaf that requires a gradient, while gradients are recorded.

    Example:
        >>> import fastnet
        >>> x = fastnet.zeros(100).uniform_(2.0, 3.0)
        >>> bool(((x >= 2) & (x < 3)).all())
        True
    """
    return _refill("uniform_", self, "random_uniform", generator, float(a), float(b))


@method()
def normal_(self, mean=0.0, std=1.0, *, generator=None):
    """Write normal numbers of mean `mean` and standard deviation `std` into the tensor; returns it.

    Raises:
        RuntimeError: a leaf that requires a gradient, while gradients are recorded.

    Example:
        >>> import fastnet
        >>> fastnet.zeros(2).normal_(100.0, 0.0)
        tensor([100., 100.])
    """
    return _refill("normal_", self, "random_normal", generator, float(mean), float(std))
