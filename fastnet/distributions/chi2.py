"""The chi-squared distribution."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnet._core.tensor import Tensor
from fastnet.distributions import constraints
from fastnet.distributions.gamma import Gamma

if TYPE_CHECKING:
    from fastnet._core.annotations import TensorOrNumber

__all__ = ["Chi2"]


class Chi2(Gamma):
    """The chi-squared distribution: Gamma(df / 2, 1 / 2).

    Args:
        df: the degrees of freedom, positive.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: a parameter outside its set.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.Chi2(3.0).mean
        tensor(3.)
    """

    arg_constraints = {"df": constraints.positive}          # noqa: RUF012

    def __init__(self, df: TensorOrNumber,
                 validate_args: bool | None = None) -> None:
        half: Any = 0.5 * df
        super().__init__(half, 0.5, validate_args)

    @property
    def df(self) -> Tensor:
        """The degrees of freedom."""
        return self.concentration * 2

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """The distribution with its parameters expanded to another batch shape."""
        made = self._like(batch_shape, _instance)
        made.concentration, made.rate = self.concentration.expand(tuple(batch_shape)), self.rate.expand(
            tuple(batch_shape))
        return made
