"""Random tensors, and dropout.

The constructors also take `device`, `layout`, `pin_memory` and `memory_format`: see `fastnet.device`.
"""
from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import check_sizes
from fastnet._core.memory import empty
from fastnet._core.placement import placed
from fastnet._core.state import forbid_in_trace, state
from fastnet._core.tensor import Tensor, method
from fastnet.autograd import gradient, op, transposes
from fastnet.backend import K, random_blocks
from fastnet.functional.complex_numbers import real_parts
from fastnet.functional.dims import as_size
from fastnet.functional.inplace import writable, write
from fastnet.functional.kernel_calls import (
    add,
    broadcast_shape,
    cast,
    check_floating,
    contiguous,
    full,
    mul,
    operands,
    zeros_like,
)
from fastnet.random import default_generator

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DTypeLike, Number, Result, Size, TensorOrNumber
    from fastnet.random import Generator

__all__ = [
    "bernoulli", "check_probability", "draw", "dropout", "normal", "normal_", "rand", "rand_like", "randint", "randn",
    "randn_like", "randperm", "uniform_",
]


def draw(kernel: str, out: Array, generator: Generator | None, *args: Any) -> Array:
    """Fill the array `out` from the stream of the generator."""
    block, offset = (generator or default_generator).reserve(random_blocks(out.size, out.dtype))
    getattr(K, kernel)(out, block, offset, *args)
    return out


def _draw_constant(kernel: str, out: Array, generator: Generator | None, *args: Any) -> Array:
    """`draw` outside of an operation, whose numbers would be a constant of a graph: an error in a trace."""
    forbid_in_trace("random numbers", "the graph would hold the numbers of this run only. Draw them outside, and pass "
                    "them as an input.")
    return draw(kernel, out, generator, *args)


def _new(name: str, kernel: str, size: Any, dtype: DTypeLike | None, generator: Generator | None, requires_grad: bool,
         *args: Any) -> Tensor:
    dtype = dtypes.DEFAULT[0] if dtype is None else dtypes.as_dtype(dtype)
    out = empty(as_size(name, size), dtype)
    _draw_constant(kernel, real_parts(out), generator, *args)
    t = Tensor._wrap(out)
    return t.requires_grad_() if requires_grad else t


def _check_dtype(name: str, dtype: DTypeLike | None) -> None:
    if dtype is not None and not (dtypes.is_floating(dtypes.as_dtype(dtype)) or _is_complex(dtype)):
        raise RuntimeError(f"{name}: expected a floating-point or complex dtype, got {dtypes.as_dtype(dtype)}")


def _is_complex(dtype: DTypeLike | None) -> bool:
    return dtype is not None and dtypes.as_dtype(dtype).kind == "c"


@placed
def rand(*size: Size, generator: Generator | None = None, dtype: DTypeLike | None = None,
         requires_grad: bool = False) -> Tensor:
    """Uniform random numbers in [0, 1), or complex ones whose real and imaginary parts are uniform.

    Args:
        size: the shape, as numbers or as one tuple.
        generator: the source of random numbers; by default the one that `manual_seed` seeds.
        dtype: a floating-point or complex dtype, by default float32.
        requires_grad: record gradients for it.

    Raises:
        RuntimeError: another dtype, or a negative number in the shape.

    Example:
        >>> import fastnet
        >>> _ = fastnet.manual_seed(0)
        >>> fastnet.rand(2)
        tensor([0.399 , 0.8805])
    """
    _check_dtype("rand", dtype)
    return _new("rand", "random_uniform", size, dtype, generator, requires_grad, 0.0, 1.0)


@placed
def randn(*size: Size, generator: Generator | None = None, dtype: DTypeLike | None = None,
          requires_grad: bool = False) -> Tensor:
    """Normal random numbers with mean 0 and variance 1. Arguments and errors are those of `rand`.

    The real and the imaginary part of a complex number have the variance 1/2 each.

    Example:
        >>> import fastnet
        >>> _ = fastnet.manual_seed(0)
        >>> fastnet.randn(2)
        tensor([-0.9247,  0.9911])
    """
    _check_dtype("randn", dtype)
    std = math.sqrt(0.5) if _is_complex(dtype) else 1.0
    return _new("randn", "random_normal", size, dtype, generator, requires_grad, 0.0, std)


@placed
def rand_like(input: Tensor, *, generator: Generator | None = None, dtype: DTypeLike | None = None,
              requires_grad: bool = False) -> Tensor:
    """Uniform random numbers in [0, 1) in the shape and, by default, the dtype of `input`.

    Example:
        >>> import fastnet
        >>> fastnet.rand_like(fastnet.zeros(2, 3)).shape
        (2, 3)
    """
    return rand(input.shape, generator=generator, dtype=dtype or input.dtype, requires_grad=requires_grad)


@placed
def randn_like(input: Tensor, *, generator: Generator | None = None, dtype: DTypeLike | None = None,
               requires_grad: bool = False) -> Tensor:
    """Normal random numbers with mean 0 and variance 1 in the shape and, by default, the dtype of `input`.

    Example:
        >>> import fastnet
        >>> fastnet.randn_like(fastnet.zeros(2, 3)).shape
        (2, 3)
    """
    return randn(input.shape, generator=generator, dtype=dtype or input.dtype, requires_grad=requires_grad)


@placed
def normal(mean: TensorOrNumber, std: TensorOrNumber = 1.0, size: Sequence[int] | None = None, *,
           generator: Generator | None = None, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """Normal random numbers with the given mean and standard deviation.

    Args:
        mean, std: numbers, or tensors that broadcast and hold the parameters of each element. Their gradient is 0.
        size: the shape, a tuple; required for numbers, not allowed with tensors.
        generator: the source of random numbers; by default the one that `manual_seed` seeds.
        dtype: by default float32, or the dtype of the tensors.
        requires_grad: record gradients for it.

    Raises:
        TypeError: neither tensors nor a size are given, or both.
        RuntimeError: a negative standard deviation.

    Example:
        >>> import fastnet
        >>> fastnet.normal(100.0, 0.0, (2,))
        tensor([100., 100.])
    """
    tensors = isinstance(mean, Tensor) or isinstance(std, Tensor)
    if tensors == (size is not None):
        raise TypeError(f"normal: expected either tensors as mean or std, or a size, got size={size}")
    _check_dtype("normal", dtype)
    if not tensors:
        return _new("normal", "random_normal", size, dtype, generator, requires_grad, float(mean), float(std))
    out = _normal_around(mean, std, generator)
    out = out if dtype is None else out.to(dtype)
    return out.requires_grad_() if requires_grad else out


@op
def _normal_around(mean: Array | Number, std: Array | Number, generator: Generator | None) -> Result[Array]:
    """mean + std * noise. At least one of mean and std is an array."""
    mean, std = operands(mean, std, real=True)
    if state.recorder is None and (std < 0).any():
        raise RuntimeError("normal: expected std to be 0 or more, got a negative one")
    noise = draw("random_normal", empty(broadcast_shape(mean, std), mean.dtype), generator)
    return add(mul(noise, std), mean), (zeros_like, zeros_like, None)


@overload
def randint(high: int, size: Sequence[int], *, generator: Generator | None = None, dtype: DTypeLike | None = None,
            requires_grad: bool = False, device: str | None = None, layout: str | None = None,
            pin_memory: bool = False, memory_format: object = None) -> Tensor: ...


@overload
def randint(low: int, high: int, size: Sequence[int], *, generator: Generator | None = None,
            dtype: DTypeLike | None = None, requires_grad: bool = False, device: str | None = None,
            layout: str | None = None, pin_memory: bool = False, memory_format: object = None) -> Tensor: ...


@placed
def randint(low: int = 0, high: int | Sequence[int] | None = None, size: Sequence[int] | None = None, *,
            generator: Generator | None = None, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """Random integers in [low, high); randint(high, size) starts at 0.

    Args:
        low, high: the bounds.
        size: the shape, a tuple.
        generator: the source of random numbers; by default the one that `manual_seed` seeds.
        dtype: int64 by default.
        requires_grad: record gradients for it.

    Raises:
        TypeError: a bound that is not an integer.
        RuntimeError: low is not below high.

    Example:
        >>> import fastnet
        >>> _ = fastnet.manual_seed(0)
        >>> fastnet.randint(0, 10, (5,))
        tensor([9, 8, 8, 1, 9])
    """
    last, shape = (None, high) if size is None else (high, size)
    if shape is None:
        raise TypeError("randint: expected (high, size) or (low, high, size), got no size")
    first, last = (0, low) if last is None else (low, last)
    first, last = operator.index(first), operator.index(last)                       # type: ignore[arg-type]
    if not first < last:
        raise RuntimeError(f"randint: expected low < high, got {first} and {last}")
    t = _new("randint", "random_integers", shape, dtypes.int64, generator, False, first, last)
    t = t if dtype is None else t.to(dtype)
    return t.requires_grad_() if requires_grad else t


@placed
def randperm(n: int, *, generator: Generator | None = None, dtype: DTypeLike | None = None,
             requires_grad: bool = False) -> Tensor:
    """A random permutation of the integers 0 to n-1.

    Args:
        n: the number of integers.
        generator: the source of random numbers; by default the one that `manual_seed` seeds.
        dtype: int64 by default.
        requires_grad: record gradients for it.

    Raises:
        TypeError: n is not an integer.
        RuntimeError: n is negative.

    Example:
        >>> import fastnet
        >>> fastnet.randperm(5).sort().values
        tensor([0, 1, 2, 3, 4])
    """
    check_sizes("randperm", n=n)
    out = empty((n,), dtypes.int64)
    _draw_constant("randperm", out, generator)
    t = Tensor._wrap(cast(out, dtypes.int64 if dtype is None else dtypes.as_dtype(dtype)))
    return t.requires_grad_() if requires_grad else t


@op
def _bernoulli(x: Array, p: float | None, generator: Generator | None) -> Result[Array]:
    out = empty(x.shape, x.dtype)
    block, offset = (generator or default_generator).reserve(random_blocks(out.size, out.dtype))
    K.random_bernoulli(out, contiguous(x) if p is None else full(x.shape, p, x.dtype), block, offset)
    return out, (zeros_like, None, None)


@method()
def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """Random ones and zeros: 1 with the probability given by each element, else 0. The gradient is 0.

    Args:
        input: probabilities, any shape.
        p: one probability for all elements; then only the shape and dtype of the input are used.
        generator: the source of random numbers; by default the one that `manual_seed` seeds.

    Raises:
        RuntimeError: integers or bools, or a number outside [0, 1].

    Example:
        >>> import fastnet
        >>> fastnet.bernoulli(fastnet.tensor([0.0, 1.0]))
        tensor([0., 1.])
    """
    check_floating("bernoulli", input)
    return _bernoulli(input, p, generator)


@op
def _dropout(x: Array, p: float) -> Result[Array]:
    x = contiguous(x)
    mask, out = empty(x.shape, dtypes.uint8), empty(x.shape, x.dtype)
    block, offset = default_generator.reserve(random_blocks(x.size, dtypes.float32))
    K.dropout(out, mask, x, block, offset, p)
    return out, (gradient(_of_kept, mask, p), None)


def _of_kept(g: Array, mask: Array, p: float) -> Array:
    result = empty(g.shape, g.dtype)
    K.dropout_backward(result, mask, g, p)
    return result


transposes(_of_kept)


def check_probability(name: str, p: object) -> None:
    """Refuse a value that is not a probability."""
    if not isinstance(p, int | float | np.floating):
        raise TypeError(f"{name}: expected a probability between 0 and 1, got {p!r}")
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: expected a probability between 0 and 1, got {p}")


def dropout(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Zero each element with probability p and scale the others by 1/(1-p); the identity in evaluation.

    Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html.

    Args:
        input: any shape.
        p: between 0 and 1.
        training: False returns the input unchanged.

    Raises:
        ValueError: p is outside [0, 1].
        TypeError: p is not a number.

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


def _refill(name: str, x: Tensor, kernel: str, generator: Generator | None, *args: Any) -> Tensor:
    """Write random numbers into a tensor."""
    writable(name, x)
    return write(name, x, lambda: _draw_constant(kernel, x._data, generator, *args))


@method()
def uniform_(self: Tensor, a: float = 0.0, b: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Write uniform random numbers in [a, b) into the tensor and return it.

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
def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Write normal random numbers into the tensor and return it.

    Raises:
        RuntimeError: a leaf that requires a gradient, while gradients are recorded.

    Example:
        >>> import fastnet
        >>> fastnet.zeros(2).normal_(100.0, 0.0)
        tensor([100., 100.])
    """
    return _refill("normal_", self, "random_normal", generator, float(mean), float(std))
