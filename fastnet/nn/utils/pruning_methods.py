"""Pruning methods: classes that choose which elements or entries of a weight become 0."""
from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.construction import from_numpy
from fastnet._core.errors import check_number, given_text, shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.norms import norm
from fastnet.functional.random import randperm
from fastnet.nn.utils.pruning import BasePruningMethod, checked_dim

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.random import Generator

__all__ = ["CustomFromMask", "Identity", "L1Unstructured", "LnStructured", "RandomStructured", "RandomUnstructured"]


class Identity(BasePruningMethod):
    """Prune nothing: the mask is the one so far.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils import prune
        >>> int(prune.identity(fastnet.nn.Linear(2, 3), "weight").weight_mask.sum())
        6
    """

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return default_mask


class _ByAmount(BasePruningMethod):
    """Prunes a number or a fraction of all.

    Args:
        amount: a fraction from 0 to 1, or an integer number.
    """

    def __init__(self, amount: float) -> None:
        super().__init__()
        check_number("amount", amount)
        if not (amount >= 0 if isinstance(amount, numbers.Integral) else 0.0 <= amount <= 1.0):
            raise ValueError(f"prune: expected amount to be a fraction from 0 to 1, or a number of at least 0, got "
                             f"{amount}")
        self.amount = amount

    def _count(self, available: int, what: str) -> int:
        """How many of the available ones to prune."""
        if not isinstance(self.amount, numbers.Integral):
            return round(self.amount * available)
        if self.amount > available:
            raise ValueError(f"prune: expected amount to be at most the number of {what}, {available}, got "
                             f"{self.amount}")
        return int(self.amount)


def _mask_without(default_mask: Tensor, dropped: Any) -> Tensor:
    """A mask with zeros at further places: a key of the flattened array."""
    mask = default_mask.numpy().copy()
    mask.reshape(-1)[dropped] = 0
    return from_numpy(mask)


class RandomUnstructured(_ByAmount):
    """Prune elements at random.

    Args:
        amount: of the elements: a fraction, or a number as an integer.
        generator: the source of random numbers; by default the one that `manual_seed` seeds.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils import prune
        >>> pruned = prune.RandomUnstructured(amount=0.5).prune(fastnet.ones(4))
        >>> int(pruned.sum())
        2
    """

    def __init__(self, amount: float, generator: Generator | None = None) -> None:
        super().__init__(amount)
        self.generator = generator

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        count = self._count(t.numel(), "elements")
        return _mask_without(default_mask, randperm(t.numel(), generator=self.generator).numpy()[:count])


class L1Unstructured(_ByAmount):
    """Prune the elements of the least magnitude; of equal ones the first.

    Args:
        amount: of the elements: a fraction, or a number as an integer.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils import prune
        >>> prune.L1Unstructured(amount=2).prune(fastnet.tensor([3.0, -1.0, 0.5]))
        tensor([ 3., -0.,  0.])
    """

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        order = np.argsort(np.abs(t.numpy()), axis=None, kind="stable")
        return _mask_without(default_mask, order[:self._count(t.numel(), "elements")])


class _Structured(_ByAmount):
    """Prunes whole entries along a dimension."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1) -> None:
        super().__init__(amount)
        self.dim = dim

    def _order(self, t: Tensor, dim: int) -> Array:
        """The entries along a dimension, those to prune first."""
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        if t.ndim < 2:
            raise ValueError(f"prune: expected a weight of at least two dimensions for structured pruning, got shape "
                             f"{shape_text(t)}")
        dim = checked_dim(t.shape, self.dim)
        dropped = self._order(t, dim)[:self._count(t.shape[dim], "entries of the dimension")]
        mask = default_mask.numpy().copy()
        entries: Any = (*(slice(None),) * dim, dropped)
        mask[entries] = 0
        return from_numpy(mask)


class RandomStructured(_Structured):
    """Prune whole entries along a dimension, such as output channels, at random.

    Args:
        amount: of the entries: a fraction, or a number as an integer.
        dim: the dimension.
        generator: the source of random numbers; by default the one that `manual_seed` seeds.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils import prune
        >>> pruned = prune.RandomStructured(amount=1, dim=0).prune(fastnet.ones(3, 2))
        >>> int((pruned.sum(1) == 0).sum())
        1
    """

    def __init__(self, amount: float, dim: int = -1, generator: Generator | None = None) -> None:
        super().__init__(amount, dim)
        self.generator = generator

    def _order(self, t: Tensor, dim: int) -> Array:
        order: Array = randperm(t.shape[dim], generator=self.generator).numpy()
        return order


class LnStructured(_Structured):
    """Prune the entries along a dimension, such as output channels, that have the least norm; of equal ones the first.

    Args:
        amount: of the entries: a fraction, or a number as an integer.
        n: the p of the norm, as in `fastnet.norm`.
        dim: the dimension.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils import prune
        >>> prune.LnStructured(amount=1, n=2, dim=0).prune(fastnet.tensor([[1.0, 1.0], [3.0, 0.0]]))
        tensor([[0., 0.],
                [3., 0.]])
    """

    def __init__(self, amount: float, n: Any, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def _order(self, t: Tensor, dim: int) -> Array:
        norms = norm(t, self.n, tuple(d for d in range(t.ndim) if d != dim)).numpy()
        return np.argsort(norms, kind="stable")


class CustomFromMask(BasePruningMethod):
    """Prune by a given mask.

    Args:
        mask: in the shape of the weight: 1 for elements to keep, 0 for others.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils import prune
        >>> prune.CustomFromMask(fastnet.tensor([1, 0])).prune(fastnet.tensor([3.0, 4.0]))
        tensor([3., 0.])
    """

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        if not isinstance(mask, Tensor):
            raise TypeError(f"prune: expected a mask that is a tensor, got {given_text(mask)}")
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        if self.mask.shape != default_mask.shape:
            raise ValueError(f"prune: expected a mask of shape {shape_text(default_mask)}, got "
                             f"{shape_text(self.mask)}")
        return default_mask * self.mask.to(default_mask.dtype)
