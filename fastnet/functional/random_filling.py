"""Random numbers of further distributions, written in place or as new tensors."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet._core.memory import empty
from fastnet._core.placement import placed
from fastnet._core.tensor import Tensor, method
from fastnet.autograd import gradient, no_grad, op
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.inplace import writable
from fastnet.functional.kernel_calls import check_floating
from fastnet.functional.random import bernoulli, draw, rand, randint, randn

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DTypeLike, Result, TensorOrNumber
    from fastnet.random import Generator

__all__ = ["bernoulli_", "binomial", "cauchy_", "exponential_", "geometric_", "log_normal_", "poisson", "randint_like",
           "random_", "standard_gamma"]


def _written(name: str, x: Tensor, make: Any) -> Tensor:
    """Write the tensor that `make` returns for a floating-point dtype into x and return x."""
    writable(name, x)
    with no_grad():
        x.copy_(make(dtypes.float_of(x.dtype)))
    return x


def _open_uniform(x: Tensor, dtype: Any, generator: Generator | None) -> Tensor:
    """Uniform random numbers in (0, 1] in the shape of x."""
    return 1 - rand(x.shape, generator=generator, dtype=dtype)


@method()
def exponential_(self: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Write exponential random numbers, with density lambd * exp(-lambd * x), into the tensor and return it.

    Args:
        self: floating-point.
        lambd: the rate, positive.
        generator: the source of random numbers; by default the one that `manual_seed` seeds.

    Raises:
        RuntimeError: a rate that is not positive, integers, or a leaf that requires a gradient.

    Example:
        >>> import fastnet
        >>> bool((fastnet.zeros(100).exponential_(2.0) >= 0).all())
        True
    """
    check_floating("exponential_", self)
    if not lambd > 0:
        raise RuntimeError(f"exponential_: expected a positive lambd, got {lambd}")
    return _written("exponential_", self, lambda dtype: _open_uniform(self, dtype, generator).log() / -lambd)


@method()
def geometric_(self: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    """Write the numbers of trials up to the first success of probability p into the tensor and return it.

    Args:
        self: any dtype but bool.
        p: between 0 and 1, both excluded.
        generator: the source of random numbers; by default the one that `manual_seed` seeds.

    Raises:
        RuntimeError: p is out of range.

    Example:
        >>> import fastnet
        >>> bool((fastnet.zeros(100).geometric_(0.5) >= 1).all())
        True
    """
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_: expected p between 0 and 1, got {p}")
    scale = float(np.log1p(-p))
    return _written("geometric_", self, lambda dtype: (_open_uniform(self, dtype, generator).log() / scale).floor() + 1)


@method()
def cauchy_(self: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Write random numbers of the Cauchy distribution into the tensor and return it.

    Args:
        self: floating-point.
        median: the median.
        sigma: half the distance of the quartiles, positive.
        generator: the source of random numbers; by default the one that `manual_seed` seeds.

    Raises:
        RuntimeError: integers, or sigma is not positive.

    Example:
        >>> import fastnet
        >>> fastnet.zeros(3).cauchy_().shape
        (3,)
    """
    check_floating("cauchy_", self)
    if not sigma > 0:
        raise RuntimeError(f"cauchy_: expected a positive sigma, got {sigma}")
    return _written("cauchy_", self, lambda dtype: (
        (rand(self.shape, generator=generator, dtype=dtype) - 0.5) * np.pi).tan() * sigma + median)


@method()
def log_normal_(self: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Generator | None = None) -> Tensor:
    """Write exp of normal random numbers with this mean and standard deviation into the tensor and return it.

    Args:
        self: floating-point.
        mean, std: those of the logarithms; std is positive.
        generator: the source of random numbers; by default the one that `manual_seed` seeds.

    Raises:
        RuntimeError: integers, or std is not positive.

    Example:
        >>> import fastnet
        >>> bool((fastnet.zeros(100).log_normal_() > 0).all())
        True
    """
    check_floating("log_normal_", self)
    if not std > 0:
        raise RuntimeError(f"log_normal_: expected a positive std, got {std}")
    return _written("log_normal_", self, lambda dtype: (
        randn(self.shape, generator=generator, dtype=dtype) * std + mean).exp())


@method()
def bernoulli_(self: Tensor, p: TensorOrNumber = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Write random ones, with probability p, and zeros into the tensor and return it.

    Args:
        self: any dtype.
        p: a number, or a tensor that broadcasts to the tensor.
        generator: the source of random numbers; by default the one that `manual_seed` seeds.

    Raises:
        RuntimeError: a probability outside of [0, 1].

    Example:
        >>> import fastnet
        >>> fastnet.zeros(2).bernoulli_(1.0)
        tensor([1., 1.])
    """
    def made(dtype: Any) -> Tensor:
        if isinstance(p, Tensor):
            return bernoulli(p.expand(self.shape), generator=generator)
        return bernoulli(self.to(dtype), float(p), generator=generator)
    return _written("bernoulli_", self, made)


# The largest integer up to which a dtype of floating-point numbers holds all.
_LARGEST_INTEGERS = {dtypes.float32: 2**24, dtypes.float64: 2**53, dtypes.bool_: 1}


@method()
def random_(self: Tensor, low: int = 0, high: int | None = None, *, generator: Generator | None = None) -> Tensor:
    """Write random integers in [low, high) into the tensor and return it; with one bound, in [0, bound).

    Args:
        self: any dtype.
        low, high: the bounds; without them, all numbers of 0 and more that the dtype holds exactly.
        generator: the source of random numbers; by default the one that `manual_seed` seeds.

    Raises:
        RuntimeError: low is not below high.

    Example:
        >>> import fastnet
        >>> x = fastnet.zeros(100).random_(3, 5)
        >>> bool(((x == 3) | (x == 4)).all())
        True
    """
    if high is None:
        low, high = (0, low) if low else (0, _LARGEST_INTEGERS.get(self.dtype) or int(np.iinfo(self.dtype).max))
        high += self.dtype in _LARGEST_INTEGERS and high == _LARGEST_INTEGERS[self.dtype]
    first, last = int(low), int(high)
    return _written("random_", self, lambda dtype: randint(first, last, self.shape, generator=generator))


@placed
def randint_like(input: Tensor, low: int = 0, high: int | None = None, *, generator: Generator | None = None,
                 dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """Random integers in [low, high) in the shape and, by default, the dtype of `input`.

    Args:
        input: any shape.
        low, high: the bounds; one bound alone is `high`.
        generator: the source of random numbers; by default the one that `manual_seed` seeds.
        dtype: by default that of the input.
        requires_grad: record gradients for it.

    Example:
        >>> import fastnet
        >>> fastnet.randint_like(fastnet.zeros(2), 5, 6)
        tensor([5., 5.])
    """
    first, last = (0, low) if high is None else (low, high)
    return randint(first, last, input.shape, generator=generator, dtype=dtype or input.dtype,
                   requires_grad=requires_grad)


def drawn(kernel: str, shape: Sequence[int], generator: Generator | None, *parameters: Tensor) -> Tensor:
    """Random numbers of a kernel whose parameters are tensors that broadcast to the shape."""
    first = parameters[0]
    return _draws(kernel, tuple(shape), generator, *(p.expand(tuple(shape)) for p in (first, *parameters[1:])))


@op
def _draws(kernel: str, shape: Any, generator: Generator | None, *parameters: Array) -> Result[Array]:
    out = empty(shape, parameters[0].dtype)
    drawn_values = draw(kernel, out, generator, *(kernels.contiguous(p) for p in parameters))
    return drawn_values, (None, None, None, *(kernels.zeros_like for _ in parameters))


def standard_gamma(shape: Tensor) -> Tensor:
    """Random numbers of the Gamma distribution with rate 1 and the given shapes, with the gradient of the shapes.

    The gradient is the derivative of the quantile function at the draw, -(dF/da) / (dF/dx). Figurnov et al. 2018,
    https://arxiv.org/abs/1805.08498. It needs SciPy.

    Args:
        shape: the shapes a, floating-point and positive.

    Raises:
        RuntimeError: a shape that is not positive.

    Example:
        >>> import fastnet
        >>> from fastnet.functional.random_filling import standard_gamma
        >>> bool((standard_gamma(fastnet.ones(100)) > 0).all())
        True
    """
    return _standard_gamma(shape)


@op
def _standard_gamma(a: Array) -> Result[Array]:
    a = kernels.contiguous(a)
    out = draw("random_gamma", empty(a.shape, a.dtype), None, a)
    return out, (gradient(_of_shape, a, out),)


def _of_shape(g: Array, a: Array, x: Array) -> Array:
    slope = empty(a.shape, a.dtype)
    K.gamma_slope(slope, a, x)
    return kernels.mul(g, slope)


def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Random numbers of the Poisson distribution with the given rates, in the input's dtype.

    Args:
        input: the rates, floating-point and not negative.
        generator: the source of random numbers; by default the one that `manual_seed` seeds.

    Raises:
        RuntimeError: integers, or a negative rate.

    Example:
        >>> import fastnet
        >>> fastnet.poisson(fastnet.zeros(2))
        tensor([0., 0.])
    """
    check_floating("poisson", input)
    return drawn("random_poisson", input.shape, generator, input)


def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor:
    """Random numbers of successes in `count` trials with probability `prob`.

    Args:
        count: the numbers of trials, floating-point and not negative.
        prob: the probabilities, in the dtype of `count`; shapes broadcast.
        generator: the source of random numbers; by default the one that `manual_seed` seeds.

    Raises:
        RuntimeError: integers, a negative count, or a probability outside of [0, 1].

    Example:
        >>> import fastnet
        >>> fastnet.binomial(fastnet.tensor([3.0]), fastnet.tensor([1.0]))
        tensor([3.])
    """
    check_floating("binomial", count, "count")
    if count.dtype != prob.dtype:
        raise RuntimeError(f"binomial: expected one dtype, got {count.dtype} and {prob.dtype}")
    shape = kernels.broadcast_shape(count._data, prob._data)
    return drawn("random_binomial", shape, generator, count, prob)
