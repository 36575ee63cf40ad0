"""The multivariate normal distribution."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnet._core.tensor import Tensor
from fastnet.distributions import constraints
from fastnet.distributions.distribution import Distribution
from fastnet.distributions.utils import joint_shape, lazy_property
from fastnet.functional.linear import matmul
from fastnet.functional.pointwise import log
from fastnet.functional.random import randn
from fastnet.linalg import cholesky, inv, solve_triangular

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["MultivariateNormal"]


class MultivariateNormal(Distribution):
    """The normal distribution of vectors with a mean and a covariance matrix C = L L^T.

    Args:
        loc: (..., n), the mean.
        covariance_matrix: (..., n, n), C.
        precision_matrix: (..., n, n), the inverse of C.
        scale_tril: (..., n, n), L, lower triangular with a positive diagonal.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: other than one of the three matrices, too few dimensions, or a parameter outside its set.

    Example:
        >>> import fastnet
        >>> d = fastnet.distributions.MultivariateNormal(fastnet.zeros(2), fastnet.eye(2))
        >>> d.log_prob(fastnet.zeros(2))
        tensor(-1.8379)
    """

    has_rsample = True
    arg_constraints = {"loc": constraints.real_vector,                              # noqa: RUF012
                       "covariance_matrix": constraints.positive_definite,
                       "precision_matrix": constraints.positive_definite, "scale_tril": constraints.lower_cholesky}
    support = constraints.real_vector

    def __init__(self, loc: Tensor, covariance_matrix: Tensor | None = None, precision_matrix: Tensor | None = None,
                 scale_tril: Tensor | None = None, validate_args: bool | None = None) -> None:
        given = {name: x for name, x in (("covariance_matrix", covariance_matrix), ("scale_tril", scale_tril),
                                         ("precision_matrix", precision_matrix)) if x is not None}
        if len(given) != 1:
            raise ValueError("MultivariateNormal: expected one of covariance_matrix, precision_matrix and scale_tril, "
                             f"got {list(given) or 'none'}")
        (name, matrix), = given.items()
        if loc.ndim < 1 or matrix.ndim < 2:
            raise ValueError("MultivariateNormal: expected a vector as loc and a matrix, got shapes "
                             f"{tuple(loc.shape)} and {tuple(matrix.shape)}")
        batch, n = joint_shape(matrix.shape[:-2], loc.shape[:-1]), loc.shape[-1]
        self.loc = loc.expand((*batch, n))
        self.__dict__[name] = matrix.expand((*batch, *matrix.shape[-2:]))
        super().__init__(batch, (n,), validate_args)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """L, the Cholesky factor of the covariance matrix."""
        return cholesky(self.covariance_matrix)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """C = L L^T."""
        if "precision_matrix" in self.__dict__:
            return inv(self.precision_matrix)
        return matmul(self.scale_tril, self.scale_tril.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of C."""
        return inv(self.covariance_matrix)

    @property
    def mean(self) -> Tensor:
        """loc"""
        return self.loc

    @property
    def mode(self) -> Tensor:
        """loc"""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """The diagonal of the covariance matrix."""
        return (self.scale_tril ** 2).sum(-1)

    def expand(self, batch_shape: Sequence[int], _instance: Self | None = None) -> Self:
        """The distribution with its parameters expanded to another batch shape."""
        scale, loc = self.scale_tril, self.loc
        made = self._like(batch_shape, _instance)
        made.loc = loc.expand((*batch_shape, *self.event_shape))
        made.__dict__["scale_tril"] = scale.expand((*batch_shape, *scale.shape[-2:]))
        return made

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """loc + L z, with the gradients of both."""
        z = randn(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc + matmul(self.scale_tril, z.unsqueeze(-1)).squeeze(-1)

    def _half_log_det(self) -> Tensor:
        return log(self.scale_tril.diagonal(0, -2, -1)).sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        gap = (self._checked(value) - self.loc).unsqueeze(-1)
        scale = self.scale_tril.expand((*gap.shape[:-2], *self.scale_tril.shape[-2:]))
        z = solve_triangular(scale, gap, upper=False).squeeze(-1)
        return -0.5 * (self.event_shape[0] * math.log(2 * math.pi) + (z ** 2).sum(-1)) - self._half_log_det()

    def entropy(self) -> Tensor:
        """The entropy."""
        return 0.5 * self.event_shape[0] * (1.0 + math.log(2 * math.pi)) + self._half_log_det()
