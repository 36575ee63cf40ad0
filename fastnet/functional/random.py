"""Random tensors, and dropout."""
import numpy as np

from fastnet import dtypes
from fastnet.autograd import gradient, op
from fastnet.backend import K, random_blocks
from fastnet.errors import check_sizes
from fastnet.functional.arrays import contiguous
from fastnet.functional.inplace import writable, write
from fastnet.functional.sizes import as_size
from fastnet.memory import empty
from fastnet.random import default_generator
from fastnet.tensor import Tensor, method


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
        raise TypeError(f"{name} makes floating-point tensors, not {dtypes.as_dtype(dtype)}")


def rand(*size, generator=None, dtype=None, requires_grad=False):
    """Uniform numbers in [0, 1).

    Args:
        size: the shape, as numbers or as one tuple.
        generator: a `Generator`; by default the one that `manual_seed` seeds.
        dtype: float32 (the default) or float64.
        requires_grad: record gradients for it.

    Raises:
        TypeError: a dtype that is not floating-point.
        RuntimeError: a negative number in the shape.

    Example:
        >>> import fastnet
        >>> _ = fastnet.manual_seed(0)
        >>> fastnet.rand(2)
        tensor([0.399 , 0.8805])
    """
    _floating("rand", dtype)
    return _new("rand", "random_uniform", size, dtype, generator, requires_grad, 0.0, 1.0)


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


def rand_like(input, dtype=None):
    """Uniform numbers in [0, 1) in the shape and (without `dtype`) the dtype of `input`.

    Example:
        >>> import fastnet
        >>> fastnet.rand_like(fastnet.zeros(2, 3)).shape
        (2, 3)
    """
    return rand(*input.shape, dtype=dtype or input.dtype)


def randn_like(input, dtype=None):
    """Normal numbers of mean 0 and variance 1 in the shape and (without `dtype`) the dtype of `input`.

    Example:
        >>> import fastnet
        >>> fastnet.randn_like(fastnet.zeros(2, 3)).shape
        (2, 3)
    """
    return randn(*input.shape, dtype=dtype or input.dtype)


def normal(mean, std, size, *, generator=None):
    """Normal numbers of the given mean and standard deviation, float32.

    Args:
        mean, std: numbers.
        size: the shape, a tuple.
        generator: a `Generator`; by default the one that `manual_seed` seeds.

    Example:
        >>> import fastnet
        >>> fastnet.normal(100.0, 0.0, (2,))
        tensor([100., 100.])
    """
    return _new("normal", "random_normal", size, None, generator, False, float(mean), float(std))


def randint(low=0, high=None, size=None, *, generator=None, dtype=None):
    """Integers in [low, high); randint(high, size) starts at 0.

    Args:
        low, high: the bounds.
        size: the shape, a tuple.
        generator: a `Generator`; by default the one that `manual_seed` seeds.
        dtype: int64 by default.

    Raises:
        ValueError: low is not below high.

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
    if not low < high:
        raise ValueError(f"randint: expected low < high, got {low} and {high}")
    t = _new("randint", "random_integers", size, dtypes.int64, generator, False, int(low), int(high))
    return t if dtype is None else t.to(dtype)


def randperm(n, *, generator=None):
    """The numbers 0 to n-1 in random order, int64.

    Args:
        n: how many.
        generator: a `Generator`; by default the one that `manual_seed` seeds.

    Example:
        >>> import fastnet
        >>> fastnet.randperm(5).sort().values
        tensor([0, 1, 2, 3, 4])
    """
    check_sizes("randperm", n=n)
    out = empty((n,), dtypes.int64)
    return Tensor._wrap(_draw("randperm", out, generator))


@op
def _bernoulli(p, generator):
    out = empty(p.shape, p.dtype)
    block, offset = (generator or default_generator).reserve(random_blocks(out.size, out.dtype))
    K.random_bernoulli(out, contiguous(p), block, offset)
    return out, None


@method()
def bernoulli(input, *, generator=None):
    """1 with the probability that the element of `input` gives, else 0. No gradient flows through it.

    Args:
        input: probabilities, any shape.
        generator: a `Generator`; by default the one that `manual_seed` seeds.

    Raises:
        TypeError: integers or bools.
        ValueError: a number outside [0, 1].

    Example:
        >>> import fastnet
        >>> fastnet.bernoulli(fastnet.tensor([0.0, 1.0]))
        tensor([0., 1.])
    """
    if input.dtype.kind != "f":
        raise TypeError(f"bernoulli: expected probabilities in float32 or float64, got {input.dtype}")
    return _bernoulli(input, generator)


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
