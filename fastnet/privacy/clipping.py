"""Clipped, noisy gradients: what backward() computes for the parameters of a private module."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from fastnet._core.memory import empty
from fastnet.autograd import gradient, writes_out
from fastnet.autograd.leaves import accumulate
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.random import draw
from fastnet.privacy.rows import UnknownUseError, row_squares, rows_of, squares_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fastnet._core.annotations import Array, Shape
    from fastnet._core.tensor import Tensor
    from fastnet.autograd.hooks import Contribution
    from fastnet.privacy.batches import BatchMasks
    from fastnet.privacy.ranks import RankShare
    from fastnet.random import Generator

__all__ = ["Clipping", "NoisySum"]


class Clipping(NamedTuple):
    """The settings of a private step.

    Attributes:
        max_grad_norm: the bound of a sample's gradient.
        noise_multiplier: standard deviation of the noise of the sum of clipped gradients, in units of the bound.
        expected_batch_size: divides the sum.
        loss_is_mean: whether the loss is the mean over the rows of a batch; otherwise their sum.
    """

    max_grad_norm: float
    noise_multiplier: float
    expected_batch_size: float
    loss_is_mean: bool


class _SamplePart(NamedTuple):
    """The gradient of a parameter, divided into samples: its clipped sum is function(factors * g)."""

    squares: Array                      # (n,), the squared norms of the samples' gradients
    g: Array | None                     # None stands for ones
    function: Callable[[Array], Array] | None


class NoisySum:
    """The collector of a private module: (sum_i min(1, C / |g_i|) g_i + sigma C noise) / expected batch size.

    The norm of a sample's gradient g_i is that over all parameters. backward() has computed the gradients of all
    operations' results. From these and the saved inputs follow the norms, then the factors; each weight then takes one
    product, of the scaled gradients.

    Args:
        names: the parameters' names by id, for errors.
        masks: which rows of a batch are samples.
        clipping: the settings.
        generator: the source of the noise.
        share: the part of the training that this rank computes.
    """

    def __init__(self, names: dict[int, str], masks: BatchMasks, clipping: Clipping, generator: Generator,
                 share: RankShare) -> None:
        self.names, self.masks, self.clipping, self.generator, self.share = names, masks, clipping, generator, share

    def __call__(self, contributions: list[Contribution]) -> None:
        """Set the gradients of the leaves that backward() has reached.

        Raises:
            RuntimeError: the gradients of single samples are not known; no batch waits, or gradients are not averaged.
            ValueError: a gradient that is not finite; the message names its row of the batch.
        """
        self.share.require_average()
        self._refuse_earlier_gradients(contributions)
        mask = self.masks.take()
        n = mask.size
        uses: dict[int, tuple[Tensor, list[Any]]] = {}
        for leaf, array, function in contributions:
            uses.setdefault(id(leaf), (leaf, []))[1].append((array, function))
        parts = [(leaf, self._part(leaf, of_leaf, n)) for leaf, of_leaf in uses.values()]
        factors = self._factors(mask, [part.squares for _, part in parts])
        scaled: dict[int, Array] = {}               # a weight and its bias share the gradient of their result
        for leaf, part in parts:
            if part.g is None:
                accumulate(leaf, factors, part.function)
                continue
            if id(part.g) not in scaled:
                scaled[id(part.g)] = kernels.mul(part.g, factors.reshape(n, *(1,) * (part.g.ndim - 1)))
            accumulate(leaf, scaled[id(part.g)], part.function)
        self._add_noise([leaf for leaf, _ in parts])
        self.masks.close(n)

    def _refuse_earlier_gradients(self, contributions: Sequence[Contribution]) -> None:
        for leaf, _, _ in contributions:
            if leaf._grad is not None:
                raise RuntimeError(f"backward(): expected no gradients from before in a private module, got one in "
                                   f"{self.names[id(leaf)]!r}; call optimizer.zero_grad() for each batch, and take one "
                                   "batch for each step")

    def _part(self, leaf: Tensor, uses: list[tuple[Array, Any]], n: int) -> _SamplePart:
        shape = leaf._data.shape
        try:
            squares = squares_of(*uses[0], shape, n) if len(uses) == 1 else None
            if squares is not None:
                return _SamplePart(squares, *uses[0])
            rows = rows_of(*uses[0], shape, n)
            for array, function in uses[1:]:            # the gradient of a shared parameter is a sum
                rows = kernels.add(rows, rows_of(array, function, shape, n))
        except UnknownUseError as error:
            raise RuntimeError(f"backward(): the gradient of the private parameter {self.names[id(leaf)]!r} cannot be "
                               f"clipped by samples: the parameter {error}") from None
        return _SamplePart(row_squares(rows), None, gradient(_weighted_sum, rows, shape))

    def _factors(self, mask: Array, squares: list[Array]) -> Array:
        """(n,): mask * min(1, C / |g_i|) / expected batch size, times n for a mean, whose gradients are those of g_i/n.
        """
        total = squares[0]
        for more in squares[1:]:
            total = kernels.add(total, more)
        # 0 times NaN is NaN: no factor could leave such a gradient out
        K.check_finite(total, what="backward(): the squared norm of the gradient of a row of the private batch")
        rows = mask.size if self.clipping.loss_is_mean else 1
        excess = kernels.scale(kernels.unary("sqrt", total), rows / self.clipping.max_grad_norm)
        divisor = kernels.binary("maximum", excess, kernels.scalar(1.0, excess.dtype))
        return kernels.scale(kernels.div(mask, divisor), rows / self.clipping.expected_batch_size)

    def _add_noise(self, leaves: list[Tensor]) -> None:
        bound, sigma, expected, _ = self.clipping
        if not sigma:
            return
        dtype = leaves[0]._data.dtype
        noise = draw("random_normal", empty((sum(leaf._data.size for leaf in leaves),), dtype), self.generator, 0.0,
                     sigma * bound / expected)
        start = 0
        for leaf in leaves:
            grad: Any = leaf._grad
            size = grad._data.size
            K.add(grad._data, grad._data, noise[start:start + size].reshape(grad._data.shape))
            grad._storage.version += 1
            start += size


@writes_out
def _weighted_sum(factors: Array, rows: Array, shape: Shape, *, out: Array | None = None) -> Array:
    """factors (n,) times rows (n, P), as an array of a shape of P elements."""
    total = empty((1, math.prod(shape)), rows.dtype) if out is None else out.reshape(1, -1)
    K.matmul(total, factors.reshape(1, -1), rows)
    return total.reshape(shape) if out is None else out
