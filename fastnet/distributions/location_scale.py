"""The base class of distributions of a real number with a mode and a scale."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet._core.tensor import Tensor
from fastnet.distributions import constraints
from fastnet.distributions.distribution import Distribution
from fastnet.distributions.utils import broadcast_all

if TYPE_CHECKING:
    from fastnet._core.annotations import TensorOrNumber

__all__ = ["LocationScale"]


class LocationScale(Distribution):
    """A distribution of loc + scale * z, where z has a fixed distribution with its mode at 0.

    Args:
        loc: the mode.
        scale: the scale, positive.
        validate_args: whether to check parameters and values.
    """

    has_rsample = True
    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}      # noqa: RUF012
    support = constraints.real

    def __init__(self, loc: TensorOrNumber, scale: TensorOrNumber,
                 validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mode(self) -> Tensor:
        """loc"""
        return self.loc
