"""Distributions of transformed random variables."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.distributions.distribution import Distribution
from fastnet.distributions.independent import Independent, sum_rightmost
from fastnet.distributions.transforms import ComposeTransform, Transform

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["TransformedDistribution"]


class TransformedDistribution(Distribution):
    """The distribution of y = f(x): log_prob(y) = log_prob of x minus log |df/dx|.

    Args:
        base_distribution: the distribution of x.
        transforms: f, a transform or several, the first one first.
        validate_args: whether to check values.

    Raises:
        ValueError: something other than transforms.

    Example:
        >>> import fastnet
        >>> d = fastnet.distributions
        >>> squashed = d.TransformedDistribution(d.Normal(0.0, 1.0), d.TanhTransform())
        >>> squashed.log_prob(fastnet.tensor(0.0))
        tensor(-0.9189)
    """

    def __init__(self, base_distribution: Distribution, transforms: Transform | Sequence[Transform],
                 validate_args: bool | None = None) -> None:
        listed = [transforms] if isinstance(transforms, Transform) else list(transforms)
        if not all(isinstance(t, Transform) for t in listed):
            raise ValueError(f"TransformedDistribution: expected transforms, got {transforms!r}")
        self.transforms = listed
        whole = ComposeTransform(listed)
        base_shape = (*base_distribution.batch_shape, *base_distribution.event_shape)
        events = max(getattr(whole.domain, "event_dim", 0), len(base_distribution.event_shape))
        missing = events - len(base_distribution.event_shape)
        self.base_dist = Independent(base_distribution, missing) if missing else base_distribution
        shape = whole.forward_shape(base_shape)
        events += getattr(whole.codomain, "event_dim", 0) - getattr(whole.domain, "event_dim", 0)
        super().__init__(shape[:len(shape) - events], shape[len(shape) - events:], validate_args)

    @property
    def has_rsample(self) -> Any:
        """Whether the base has samples with gradients."""
        return self.base_dist.has_rsample

    @property
    def support(self) -> Any:
        """The values that the last transform reaches."""
        return self.transforms[-1].codomain if self.transforms else self.base_dist.support

    def expand(self, batch_shape: Sequence[int], _instance: Self | None = None) -> Self:
        """The distribution with its parameters expanded to another batch shape."""
        made = self._like(batch_shape, _instance)
        shape = ComposeTransform(self.transforms).inverse_shape((*batch_shape, *self.event_shape))
        made.base_dist = self.base_dist.expand(shape[:len(shape) - len(self.base_dist.event_shape)])
        made.transforms = self.transforms
        return made

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Random values, without a gradient."""
        with no_grad():
            return self._transformed(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Random values with the gradients of the base and of the transforms."""
        return self._transformed(self.base_dist.rsample(sample_shape))

    def _transformed(self, x: Tensor) -> Tensor:
        for transform in self.transforms:
            x = transform(x)
        return x

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        y = self._checked(value)
        events, total = len(self.event_shape), None
        for transform in reversed(self.transforms):
            x = transform.inverse(y)
            events += transform.domain.event_dim - transform.codomain.event_dim
            term = sum_rightmost(transform.log_abs_det_jacobian(x, y), events - transform.domain.event_dim)
            total, y = term if total is None else total + term, x
        log_prob = sum_rightmost(self.base_dist.log_prob(y), events - len(self.base_dist.event_shape))
        return log_prob if total is None else log_prob - total

    def cdf(self, value: Tensor) -> Tensor:
        """The cumulative distribution function."""
        value, sign = self._checked(value), 1
        for transform in reversed(self.transforms):
            sign, value = sign * transform.sign, transform.inverse(value)
        cdf = self.base_dist.cdf(value)
        return cdf if isinstance(sign, int) and sign == 1 else sign * (cdf - 0.5) + 0.5

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile function."""
        sign: Any = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        value = value if isinstance(sign, int) and sign == 1 else sign * (value - 0.5) + 0.5
        return self._transformed(self.base_dist.icdf(value))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_dist!r}, {self.transforms!r})"
