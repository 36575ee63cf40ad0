"""Distributions whose batch dimensions count as dimensions of the event."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnet._core.tensor import Tensor
from fastnet.distributions import constraints
from fastnet.distributions.distribution import Distribution

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Independent", "sum_rightmost"]


def sum_rightmost(x: Tensor, n: int) -> Tensor:
    """The sum over the last n dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.independent.sum_rightmost(fastnet.ones(2, 3), 1)
        tensor([3., 3.])
    """
    return x.sum(tuple(range(-n, 0))) if n else x


class Independent(Distribution):
    """A distribution whose last batch dimensions become dimensions of the event: log_prob adds over them.

    Args:
        base_distribution: a distribution.
        reinterpreted_batch_ndims: the number of batch dimensions.
        validate_args: whether to check values.

    Raises:
        ValueError: more dimensions than the batch shape has.

    Example:
        >>> import fastnet
        >>> normal = fastnet.distributions.Normal(fastnet.zeros(2, 3), 1.0)
        >>> d = fastnet.distributions.Independent(normal, 1)
        >>> d.batch_shape, d.event_shape, d.log_prob(fastnet.zeros(2, 3)).shape
        ((2,), (3,), (2,))
    """

    def __init__(self, base_distribution: Distribution, reinterpreted_batch_ndims: int,
                 validate_args: bool | None = None) -> None:
        batch, n = base_distribution.batch_shape, reinterpreted_batch_ndims
        if not 0 <= n <= len(batch):
            raise ValueError(f"Independent: expected reinterpreted_batch_ndims from 0 to {len(batch)}, the number of "
                             f"dimensions of the batch shape {tuple(batch)}, got {n}")
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, n
        kept = len(batch) - n
        super().__init__(batch[:kept], (*batch[kept:], *base_distribution.event_shape), validate_args)

    @property
    def has_rsample(self) -> Any:
        """Whether the base has samples with gradients."""
        return self.base_dist.has_rsample

    @property
    def has_enumerate_support(self) -> Any:
        """Whether the values can be listed."""
        return self.base_dist.has_enumerate_support and self.reinterpreted_batch_ndims == 0

    @property
    def support(self) -> Any:
        """The support of the base, over the dimensions of the event."""
        support, n = self.base_dist.support, self.reinterpreted_batch_ndims
        return constraints.independent(support, n) if n and support is not None else support

    def expand(self, batch_shape: Sequence[int], _instance: Self | None = None) -> Self:
        """The distribution with its parameters expanded to another batch shape."""
        made = self._like(batch_shape, _instance)
        own = self.event_shape[:self.reinterpreted_batch_ndims]
        made.base_dist = self.base_dist.expand((*batch_shape, *own))
        made.reinterpreted_batch_ndims = self.reinterpreted_batch_ndims
        return made

    @property
    def mean(self) -> Tensor:
        """The mean of the base."""
        return self.base_dist.mean

    @property
    def mode(self) -> Tensor:
        """The mode of the base."""
        return self.base_dist.mode

    @property
    def variance(self) -> Tensor:
        """The variance of the base."""
        return self.base_dist.variance

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Random values, without a gradient."""
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Random values with the gradients of the base."""
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """The sum of the log-probabilities over the dimensions of the event."""
        return sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Tensor:
        """The sum of the entropies over the dimensions of the event."""
        return sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values, if no batch dimension belongs to the event."""
        if self.reinterpreted_batch_ndims:
            raise NotImplementedError("Independent: the values of several elements of a batch cannot be listed")
        return self.base_dist.enumerate_support(expand)

    def __repr__(self) -> str:
        return f"Independent({self.base_dist!r}, {self.reinterpreted_batch_ndims})"
