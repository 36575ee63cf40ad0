"""Mixtures of distributions of one family."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.distributions.categorical import Categorical
from fastnet.distributions.distribution import Distribution
from fastnet.functional.reduction import logsumexp

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """A mixture: a class is drawn first, and the value from the component of this class.

    Args:
        mixture_distribution: a Categorical of n classes.
        component_distribution: a distribution whose last batch dimension has n components.
        validate_args: whether to check values.

    Raises:
        ValueError: other kinds of distributions, or another number of components.

    Example:
        >>> import fastnet
        >>> d = fastnet.distributions
        >>> parts = d.Normal(fastnet.tensor([-1.0, 1.0]), fastnet.ones(2))
        >>> d.MixtureSameFamily(d.Categorical(fastnet.ones(2)), parts).mean
        tensor(0.)
    """

    def __init__(self, mixture_distribution: Categorical, component_distribution: Distribution,
                 validate_args: bool | None = None) -> None:
        if not isinstance(mixture_distribution, Categorical) or not isinstance(component_distribution, Distribution):
            raise ValueError("MixtureSameFamily: expected a Categorical and a distribution of components, got "
                             f"{type(mixture_distribution).__name__} and {type(component_distribution).__name__}")
        count, batch = mixture_distribution.param_shape[-1], component_distribution.batch_shape
        if not batch or batch[-1] != count:
            raise ValueError(f"MixtureSameFamily: expected {count} components in the last batch dimension, got batch "
                             f"shape {tuple(batch)}")
        self._mixture_distribution, self._component_distribution = mixture_distribution, component_distribution
        super().__init__(batch[:-1], component_distribution.event_shape, validate_args)

    @property
    def mixture_distribution(self) -> Categorical:
        """The distribution of the classes."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Distribution:
        """The distribution of the components."""
        return self._component_distribution

    @property
    def support(self) -> Any:
        """The support of the components."""
        return self._component_distribution.support

    def expand(self, batch_shape: Sequence[int], _instance: Self | None = None) -> Self:
        """The distribution with its parameters expanded to another batch shape."""
        made = self._like(batch_shape, _instance)
        count = self._mixture_distribution.param_shape[-1]
        made._component_distribution = self._component_distribution.expand((*batch_shape, count))
        made._mixture_distribution = self._mixture_distribution.expand(batch_shape)
        return made

    def _weights(self) -> Tensor:
        probs = self._mixture_distribution.probs
        return probs.reshape(*probs.shape, *(1,) * len(self.event_shape))

    def _over_components(self, x: Tensor) -> Tensor:
        return (self._weights() * x).sum(-1 - len(self.event_shape))

    @property
    def mean(self) -> Tensor:
        """The weighted mean of the components' means."""
        return self._over_components(self._component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        """The mean of the components' variances plus the variance of their means."""
        mean = self.mean.unsqueeze(-1 - len(self.event_shape))
        return (self._over_components(self._component_distribution.variance)
                + self._over_components((self._component_distribution.mean - mean) ** 2))

    def _padded(self, value: Tensor) -> Tensor:
        return value.unsqueeze(-1 - len(self.event_shape))

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Random values, without a gradient."""
        with no_grad():
            classes = self._mixture_distribution.sample(sample_shape)
            draws = self._component_distribution.sample(sample_shape)
            dim, events = len(sample_shape) + len(self._batch_shape), len(self.event_shape)
            index = classes.reshape(*classes.shape, *(1,) * (events + 1))
            index = index.expand((*classes.shape, 1, *self.event_shape))
            return draws.gather(dim, index).squeeze(dim)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        parts = self._component_distribution.log_prob(self._padded(self._checked(value)))
        return logsumexp(parts + self._mixture_distribution.logits, -1)

    def cdf(self, value: Tensor) -> Tensor:
        """The cumulative distribution function."""
        parts = self._component_distribution.cdf(self._padded(self._checked(value)))
        return (parts * self._mixture_distribution.probs).sum(-1)

    def __repr__(self) -> str:
        return f"MixtureSameFamily({self._mixture_distribution!r}, {self._component_distribution!r})"
