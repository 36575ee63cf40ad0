"""Weights of 4 and 8 bits in groups: rounding to nearest, and GPTQ."""
from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastnet._core.errors import shape_text

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["GroupedWeight", "gptq", "round_to_nearest"]

_SHRINKS = np.linspace(1.0, 0.7, 13)    # of a group's range, of which the one with the least error is taken
_COLUMNS_AT_ONCE = 128                  # columns whose updates of the columns behind them are one product


class GroupedWeight(NamedTuple):
    """A quantised weight: (integers - zero) * scale.

    Attributes:
        integers: (outputs, inputs), from 0 to 15 for 4 bits, or from -128 to 127 for 8 bits.
        scale, zero: (outputs, groups).

    Example:
        >>> import numpy as np
        >>> from fastnet.quantization import GroupedWeight
        >>> GroupedWeight(np.array([[1.0, 3.0]]), np.array([[0.5]]), np.array([[1.0]])).real()
        array([[0., 1.]])
    """

    integers: Array
    scale: Array
    zero: Array

    def real(self) -> Array:
        """The numbers that the integers stand for, (outputs, inputs)."""
        size = self.integers.shape[1] // self.scale.shape[1]
        scale, zero = (np.repeat(x, size, 1) for x in (self.scale, self.zero))
        product: Array = (self.integers - zero) * scale
        return product


def round_to_nearest(weight: Array, bits: int, group_size: int) -> GroupedWeight:
    """Quantise a weight with a scale and a zero point for each group of neighbours in a row.

    The range of a group is shrunk as far as that lowers the squared error.

    Args:
        weight: (outputs, inputs).
        bits: 4 or 8.
        group_size: divides the inputs.

    Raises:
        ValueError: other bits, or a group size that does not divide the inputs.

    Example:
        >>> import numpy as np
        >>> from fastnet.quantization import round_to_nearest
        >>> w = np.linspace(-1, 1, 64).reshape(2, 32)
        >>> float(np.abs(round_to_nearest(w, 4, 32).real() - w).max()) < 0.1
        True
    """
    _check_groups("round_to_nearest", weight, bits, group_size)
    scale, zero = _chosen_scales(weight.astype(np.float64), bits, group_size)
    size = group_size
    integers = _rounded_levels(weight, np.repeat(scale, size, 1), np.repeat(zero, size, 1), bits)
    return GroupedWeight(integers, scale.astype(np.float32), zero)


def _check_groups(name: str, weight: Array, bits: int, group_size: int) -> None:
    if bits not in (4, 8):
        raise ValueError(f"{name}: expected bits to be 4 or 8, got {bits}")
    if weight.ndim != 2 or group_size < 1 or weight.shape[1] % group_size:
        raise ValueError(f"{name}: expected a weight (outputs, inputs) whose rows have groups of {group_size}, got "
                         f"shape {shape_text(weight)}")


def _bit_limits(bits: int) -> tuple[int, int]:
    return (0, 15) if bits == 4 else (-128, 127)


def _rounded_levels(weight: Array, scale: Array, zero: Array, bits: int) -> Array:
    return np.clip(np.rint(weight / scale) + zero, *_bit_limits(bits))


def _chosen_scales(weight: Array, bits: int, group_size: int) -> tuple[Array, Array]:
    """The scale and the zero point of each group with the least squared error, (outputs, groups)."""
    first, last = _bit_limits(bits)
    groups = weight.reshape(len(weight), -1, group_size)
    low, high = np.minimum(groups.min(2), 0), np.maximum(groups.max(2), 0)
    best = np.full(low.shape, np.inf)
    scale, zero = np.ones(low.shape), np.zeros(low.shape)
    for shrink in _SHRINKS:
        tried = np.maximum((high - low) * shrink / (last - first), 1e-9).astype(np.float32).astype(np.float64)
        origin = np.clip(np.rint(first - low * shrink / tried), first, last)
        integers = _rounded_levels(groups, tried[..., None], origin[..., None], bits)
        error = (((integers - origin[..., None]) * tried[..., None] - groups) ** 2).sum(2)
        better = error < best
        best, scale, zero = (np.where(better, a, b) for a, b in ((error, best), (tried, scale), (origin, zero)))
    return scale, zero


def gptq(weight: Array, hessian: Array, bits: int, group_size: int, damping: float = 0.01) -> GroupedWeight:
    """Quantise a weight so that its products with typical inputs change little.

    Columns are rounded one after the other, those with the largest inputs first; each time the columns that are left
    make up for the error, by the inverse of the Hessian. Frantar et al. 2022, https://arxiv.org/abs/2210.17323.

    Args:
        weight: (outputs, inputs).
        hessian: (inputs, inputs), the sum of x x' over typical inputs x.
        bits: 4 or 8.
        group_size: divides the inputs.
        damping: a share of the mean of the Hessian's diagonal, which is added to it.

    Raises:
        ValueError: a Hessian of another shape, other bits, or a group size that does not divide the inputs.

    Example:
        >>> import numpy as np
        >>> from fastnet.quantization import gptq, round_to_nearest
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(500, 64)) @ rng.normal(size=(64, 64))
        >>> w = rng.normal(size=(8, 64))
        >>> nearest, better = round_to_nearest(w, 4, 32), gptq(w, x.T @ x, 4, 32)
        >>> errors = [np.square(x @ (q.real() - w).T).mean() for q in (nearest, better)]
        >>> bool(errors[1] < 0.8 * errors[0])
        True
    """
    _check_groups("gptq", weight, bits, group_size)
    rows, columns = weight.shape
    if hessian.shape != (columns, columns):
        raise ValueError(f"gptq: expected a Hessian of shape {(columns, columns)}, got {hessian.shape}")
    w, h = weight.astype(np.float64), hessian.astype(np.float64).copy()
    scale, zero = _chosen_scales(w, bits, group_size)
    unused = np.diag(h) <= 0
    h[unused, unused] = 1.0
    order = np.argsort(-np.diag(h), kind="stable")
    w, h = w[:, order], h[np.ix_(order, order)]
    h[np.diag_indices(columns)] += damping * np.mean(np.diag(h))
    upper = np.linalg.cholesky(np.linalg.inv(h)).T          # the inverse of h is upper' @ upper
    scales, zeros = (np.repeat(x, group_size, 1)[:, order] for x in (scale, zero))
    integers = np.empty((rows, columns))
    for start in range(0, columns, _COLUMNS_AT_ONCE):
        stop = min(start + _COLUMNS_AT_ONCE, columns)
        errors = np.empty((rows, stop - start))
        for i in range(start, stop):
            integers[:, i] = _rounded_levels(w[:, i], scales[:, i], zeros[:, i], bits)
            real = (integers[:, i] - zeros[:, i]) * scales[:, i]
            errors[:, i - start] = (w[:, i] - real) / upper[i, i]
            w[:, i:stop] -= errors[:, i - start, None] * upper[i, i:stop]
        w[:, stop:] -= errors @ upper[start:stop, stop:]
    back = np.argsort(order)
    return GroupedWeight(integers[:, back], scale.astype(np.float32), zero)
