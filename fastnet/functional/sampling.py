"""Random choices with given probabilities."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet import dtypes
from fastnet._core.errors import check_sizes, shape_text
from fastnet._core.memory import empty
from fastnet._core.tensor import Tensor, method
from fastnet.autograd import op
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.kernel_calls import contiguous
from fastnet.functional.random import draw

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result
    from fastnet.random import Generator

__all__ = ["multinomial"]


@method()
def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *,
                generator: Generator | None = None) -> Tensor:
    """Random column numbers of each row, int64, drawn with probabilities proportional to its weights.

    Without replacement, a column is drawn at most once. Both backends draw the same numbers.

    Args:
        input: floating-point weights, not negative, (n,) or (rows, n).
        num_samples: the number of draws, (num_samples,) or (rows, num_samples).
        replacement: whether a column may be drawn again.
        generator: the source of random numbers; by default the one that `manual_seed` seeds.

    Raises:
        RuntimeError: integers, another number of dimensions, weights that are negative or not finite, or fewer positive
            weights than draws.

    Example:
        >>> import fastnet
        >>> _ = fastnet.manual_seed(0)
        >>> fastnet.multinomial(fastnet.tensor([0.0, 1.0, 3.0]), 4, replacement=True)
        tensor([2, 2, 2, 1])
    """
    kernels.check_floating("multinomial", input)
    if input.ndim not in (1, 2):
        raise RuntimeError(f"multinomial: expected weights of 1 or 2 dimensions, got shape {shape_text(input)}")
    check_sizes("multinomial", num_samples=num_samples)
    n = input.shape[-1]
    if num_samples < 1 or n == 0:
        raise RuntimeError(f"multinomial: expected at least one draw and one weight, got {num_samples} draws from "
                           f"shape {shape_text(input)}")
    if num_samples > n and not replacement:
        raise RuntimeError(f"multinomial: expected at most {n} draws without replacement, got {num_samples}")
    return _drawn_columns(input, num_samples, bool(replacement), generator)


@op
def _drawn_columns(p: Array, count: int, replacement: bool, generator: Generator | None) -> Result[Array]:
    rows = contiguous(p).reshape(-1, p.shape[-1])
    once = count == 1 or replacement
    K.check_weights(rows, 1 if once else count)
    weights = kernels.cast(rows, dtypes.float64)
    out = empty((len(rows), count), dtypes.int64)
    if once:
        _draw_by_sums(out, weights, generator)
    else:
        _draw_by_races(out, weights, generator)
    return out.reshape(*p.shape[:-1], count), None


def _draw_by_sums(out: Array, weights: Array, generator: Generator | None) -> None:
    """Search uniform numbers in the running sums of the weights."""
    sums = empty((*weights.shape, 1), weights.dtype)
    K.cumsum(sums, weights.reshape(sums.shape))
    sums = sums.reshape(weights.shape)
    u = draw("random_uniform", empty(out.shape, weights.dtype), generator, 0.0, 1.0)
    K.searchsorted(out, sums, kernels.mul(u, contiguous(sums[:, -1:])), True)


def _draw_by_races(out: Array, weights: Array, generator: Generator | None) -> None:
    """Take the first arrivals: exponential times with the weights as rates (Efraimidis and Spirakis 2006)."""
    u = draw("random_uniform", empty(weights.shape, weights.dtype), generator, 0.0, 1.0)
    K.topk(out, kernels.div(kernels.neg(kernels.unary("log", u)), weights), False)
