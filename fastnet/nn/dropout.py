"""Dropout."""
from __future__ import annotations

from fastnet._core.tensor import Tensor
from fastnet.functional.random import check_probability
from fastnet.nn import functional as F
from fastnet.nn.module import Module

__all__ = ["Dropout"]


class Dropout(Module):
    """Dropout: in training mode, zero each element with probability p and scale the others by 1/(1-p).

    In evaluation mode the output is the input. Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html.

    Args:
        p: the probability, between 0 and 1.
        inplace: write the result into the input.

    Raises:
        ValueError: p is outside [0, 1].
        TypeError: p is not a number.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.Dropout(0.5)
        >>> sorted(set(layer(fastnet.ones(100)).tolist()))
        [0.0, 2.0]
        >>> layer.eval()(fastnet.ones(2))
        tensor([1., 1.])
    """

    p: float
    inplace: bool

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        check_probability("Dropout", p)
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"
