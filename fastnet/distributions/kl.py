"""Kullback-Leibler divergence between distributions: a registry by their types."""
from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from fastnet._core.tensor import Tensor
from fastnet.distributions.bernoulli import Bernoulli
from fastnet.distributions.beta import Beta
from fastnet.distributions.binomial import Binomial
from fastnet.distributions.categorical import WithClasses
from fastnet.distributions.dirichlet import Dirichlet
from fastnet.distributions.distribution import Distribution
from fastnet.distributions.exponential import Exponential
from fastnet.distributions.gamma import Gamma
from fastnet.distributions.geometric import Geometric
from fastnet.distributions.independent import Independent, sum_rightmost
from fastnet.distributions.laplace import Laplace
from fastnet.distributions.multivariate_normal import MultivariateNormal
from fastnet.distributions.normal import Normal
from fastnet.distributions.poisson import Poisson
from fastnet.distributions.transformed_distribution import TransformedDistribution
from fastnet.distributions.uniform import Uniform
from fastnet.distributions.utils import joint_shape
from fastnet.functional.activation import softplus
from fastnet.functional.compare import where
from fastnet.functional.joining import stack
from fastnet.functional.pointwise import abs, exp, log, log1p
from fastnet.linalg import solve_triangular
from fastnet.special import digamma, lgamma

__all__ = ["kl_divergence", "register_kl"]

_KLRule = TypeVar("_KLRule", bound=Callable[..., Tensor])
_RULES: dict[tuple[type, type], Callable[..., Tensor]] = {}


def register_kl(type_p: type[Distribution], type_q: type[Distribution]) -> Callable[[_KLRule], _KLRule]:
    """Register a function of (p, q) as the divergence of two types of distributions, as a decorator.

    Args:
        type_p, type_q: the types; subclasses of both use the function, too.

    Raises:
        TypeError: an argument that is not a class of distributions.

    Example:
        >>> import fastnet
        >>> class Unit(fastnet.distributions.Normal):
        ...     def __init__(self):
        ...         super().__init__(0.0, 1.0)
        >>> @fastnet.distributions.register_kl(Unit, Unit)
        ... def nothing(p, q):
        ...     return fastnet.zeros(())
        >>> fastnet.distributions.kl_divergence(Unit(), Unit())
        tensor(0.)
    """
    for given in (type_p, type_q):
        if not (isinstance(given, type) and issubclass(given, Distribution)):
            raise TypeError(f"register_kl: expected classes of distributions, got {given!r}")

    def register(rule: _KLRule) -> _KLRule:
        _RULES[type_p, type_q] = rule
        return rule
    return register


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """The Kullback-Leibler divergence, the mean of log p(x) - log q(x) over values x of p.

    Args:
        p, q: distributions of one event shape whose batch shapes broadcast.

    Raises:
        NotImplementedError: no formula is registered for their types (see `register_kl`).

    Example:
        >>> import fastnet
        >>> p, q = fastnet.distributions.Normal(0.0, 1.0), fastnet.distributions.Normal(1.0, 1.0)
        >>> fastnet.distributions.kl_divergence(p, q)
        tensor(0.5)
    """
    rule = _closest_rule(type(p), type(q))
    if rule is None:
        raise NotImplementedError(f"kl_divergence: no formula for {type(p).__name__} and {type(q).__name__}; add one "
                                  "with register_kl, or average log_prob over samples")
    return rule(p, q)


def _closest_rule(p: type, q: type) -> Callable[..., Tensor] | None:
    """The rule of the closest classes of both, those of p first."""
    for a in p.__mro__:
        for b in q.__mro__:
            if (a, b) in _RULES:
                return _RULES[a, b]
    return None


@register_kl(Normal, Normal)
def _normal_normal(p: Normal, q: Normal) -> Tensor:
    ratio = (p.scale / q.scale) ** 2
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale) ** 2 - 1 - log(ratio))


@register_kl(Bernoulli, Bernoulli)
def _bernoulli_bernoulli(p: Bernoulli, q: Bernoulli) -> Tensor:
    infinite, zero = float("inf"), 0.0
    hit = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    miss = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    hit = where(p.probs == 0, zero, where(q.probs == 0, infinite, hit))
    return hit + where(p.probs == 1, zero, where(q.probs == 1, infinite, miss))


@register_kl(WithClasses, WithClasses)
def _classes_classes(p: WithClasses, q: WithClasses) -> Tensor:
    if len(p.event_shape) != len(q.event_shape):
        raise NotImplementedError(f"kl_divergence: no formula for {type(p).__name__} and {type(q).__name__}")
    terms = p.probs * (p.logits - q.logits)
    return where(p.probs == 0, 0.0, where(q.probs == 0, float("inf"), terms)).sum(-1)


@register_kl(Uniform, Uniform)
def _uniform_uniform(p: Uniform, q: Uniform) -> Tensor:
    inside = (q.low <= p.low) & (q.high >= p.high)
    return where(inside, log((q.high - q.low) / (p.high - p.low)), float("inf"))


@register_kl(Independent, Independent)
def _independent_independent(p: Independent, q: Independent) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("kl_divergence: expected Independent with equal reinterpreted_batch_ndims, got "
                                  f"{p.reinterpreted_batch_ndims} and {q.reinterpreted_batch_ndims}")
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


# ---- pairs of one family, and a few of different ones ---------------------------------------------------------------

@register_kl(Exponential, Exponential)
def _exponential_exponential(p: Exponential, q: Exponential) -> Tensor:
    ratio = q.rate / p.rate
    return -log(ratio) + ratio - 1


@register_kl(Poisson, Poisson)
def _poisson_poisson(p: Poisson, q: Poisson) -> Tensor:
    return p.rate * (log(p.rate) - log(q.rate)) - (p.rate - q.rate)


@register_kl(Geometric, Geometric)
def _geometric_geometric(p: Geometric, q: Geometric) -> Tensor:
    return -p.entropy() - log1p(-q.probs) / p.probs - q.logits


@register_kl(Laplace, Laplace)
def _laplace_laplace(p: Laplace, q: Laplace) -> Tensor:
    ratio, gap = p.scale / q.scale, abs(p.loc - q.loc)
    return -log(ratio) + gap / q.scale + ratio * exp(-gap / p.scale) - 1


@register_kl(Gamma, Gamma)
def _gamma_gamma(p: Gamma, q: Gamma) -> Tensor:
    return (q.concentration * log(p.rate / q.rate) + lgamma(q.concentration) - lgamma(p.concentration)
            + (p.concentration - q.concentration) * digamma(p.concentration)
            + (q.rate - p.rate) * (p.concentration / p.rate))


@register_kl(Dirichlet, Dirichlet)
def _dirichlet_dirichlet(p: Dirichlet, q: Dirichlet) -> Tensor:
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    weights = (lgamma(b) - lgamma(a)).sum(-1) + lgamma(total) - lgamma(b.sum(-1))
    return weights + ((a - b) * (digamma(a) - digamma(total).unsqueeze(-1))).sum(-1)


@register_kl(Beta, Beta)
def _beta_beta(p: Beta, q: Beta) -> Tensor:
    return _dirichlet_dirichlet(*(Dirichlet(stack([d.concentration1, d.concentration0], -1), validate_args=False)
                                  for d in (p, q)))


@register_kl(MultivariateNormal, MultivariateNormal)
def _normals_normals(p: MultivariateNormal, q: MultivariateNormal) -> Tensor:
    n = p.event_shape[0]
    batch = joint_shape(p.batch_shape, q.batch_shape)
    scale_q, scale_p = q.scale_tril.expand((*batch, n, n)), p.scale_tril.expand((*batch, n, n))
    trace = (solve_triangular(scale_q, scale_p, upper=False) ** 2).sum((-2, -1))
    gap = (q.loc - p.loc).expand((*batch, n)).unsqueeze(-1)
    distance = (solve_triangular(scale_q, gap, upper=False) ** 2).sum((-2, -1))
    logs = [log(d.scale_tril.diagonal(0, -2, -1)).sum(-1) for d in (q, p)]
    return logs[0] - logs[1] + 0.5 * (trace + distance - n)


@register_kl(Binomial, Binomial)
def _binomial_binomial(p: Binomial, q: Binomial) -> Tensor:
    kl = p.total_count * (p.probs * (p.logits - q.logits) + log1p(-p.probs) - log1p(-q.probs))
    return where(p.total_count > q.total_count, float("inf"), kl)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed_transformed(p: TransformedDistribution, q: TransformedDistribution) -> Tensor:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError("kl_divergence: expected TransformedDistributions with equal transforms")
    return kl_divergence(p.base_dist, q.base_dist)
