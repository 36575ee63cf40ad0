"""Dropout of elements and of whole channels."""
from __future__ import annotations

from collections.abc import Callable

from fastnet._core.tensor import Tensor
from fastnet.functional.random import check_probability
from fastnet.nn import functional as F
from fastnet.nn.module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class _Dropout(Module):
    """The arguments of all dropout modules."""

    p: float
    inplace: bool
    _function: Callable[..., Tensor] = staticmethod(F.dropout)

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        check_probability(type(self).__name__, p)
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Tensor:
        return self._function(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
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

    _function = staticmethod(F.dropout)


class Dropout1d(_Dropout):
    """Dropout of whole channels of (N, C, L) or (C, L). Tompson et al. 2015, https://arxiv.org/abs/1411.4280.

    In training mode each channel of each sample is zeroed with probability p, and the others are scaled by 1/(1-p).

    Args:
        p: the probability, between 0 and 1.
        inplace: write the result into the input.

    Raises:
        ValueError: p is outside [0, 1].
        TypeError: p is not a number.

    Example:
        >>> import fastnet
        >>> sorted(set(fastnet.nn.Dropout1d(0.5)(fastnet.ones(1, 50, 2)).sum(2).flatten().tolist()))
        [0.0, 4.0]
    """

    _function = staticmethod(F.dropout1d)


class Dropout2d(_Dropout):
    """Dropout of whole channels of (N, C, H, W). Tompson et al. 2015, https://arxiv.org/abs/1411.4280.

    In training mode each channel of each sample is zeroed with probability p, and the others are scaled by 1/(1-p).

    Args:
        p: the probability, between 0 and 1.
        inplace: write the result into the input.

    Raises:
        ValueError: p is outside [0, 1].
        TypeError: p is not a number.

    Example:
        >>> import fastnet
        >>> sorted(set(fastnet.nn.Dropout2d(0.5)(fastnet.ones(1, 50, 2, 2)).sum((2, 3)).flatten().tolist()))
        [0.0, 8.0]
    """

    _function = staticmethod(F.dropout2d)


class Dropout3d(_Dropout):
    """Dropout of whole channels of (N, C, D, H, W) or (C, D, H, W). Tompson et al. 2015,
    https://arxiv.org/abs/1411.4280.

    In training mode each channel of each sample is zeroed with probability p, and the others are scaled by 1/(1-p).

    Args:
        p: the probability, between 0 and 1.
        inplace: write the result into the input.

    Raises:
        ValueError: p is outside [0, 1].
        TypeError: p is not a number.

    Example:
        >>> import fastnet
        >>> sorted(set(fastnet.nn.Dropout3d(0.5)(fastnet.ones(1, 50, 1, 2, 2)).sum((2, 3, 4)).flatten().tolist()))
        [0.0, 8.0]
    """

    _function = staticmethod(F.dropout3d)


class AlphaDropout(_Dropout):
    """Alpha dropout, which keeps mean 0 and variance 1: see `fastnet.nn.functional.alpha_dropout`.

    Klambauer et al. 2017, https://arxiv.org/abs/1706.02515.

    Args:
        p: the probability, between 0 and 1.
        inplace: write the result into the input.

    Raises:
        ValueError: p is outside [0, 1].
        TypeError: p is not a number.

    Example:
        >>> import fastnet
        >>> len(set(fastnet.nn.AlphaDropout(0.5)(fastnet.ones(100)).tolist()))
        2
    """

    _function = staticmethod(F.alpha_dropout)


class FeatureAlphaDropout(_Dropout):
    """Alpha dropout of whole channels of (N, C, ...): see `fastnet.nn.functional.feature_alpha_dropout`.

    Klambauer et al. 2017, https://arxiv.org/abs/1706.02515.

    Args:
        p: the probability, between 0 and 1.
        inplace: write the result into the input.

    Raises:
        ValueError: p is outside [0, 1].
        TypeError: p is not a number.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.FeatureAlphaDropout(0.5)
        >>> len(set(layer(fastnet.ones(1, 100, 3)).flatten().tolist()))
        2
    """

    _function = staticmethod(F.feature_alpha_dropout)
