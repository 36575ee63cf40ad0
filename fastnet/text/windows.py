"""Windows of a long sequence of tokens, each with the tokens that follow."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastnet._core.construction import from_numpy
from fastnet._core.errors import whole_number
from fastnet._core.reprs import repr_of
from fastnet.text.epochs import EpochLoader

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet._core.tensor import Tensor

__all__ = ["TokenWindows"]


class TokenWindows(EpochLoader):
    """Iterates over windows of a sequence of tokens, with the token after each of their positions as the target.

    An epoch has a number of batches of windows that begin at random positions. Without this number, the windows follow
    one another, so that an epoch predicts each token but the first exactly once; a shorter last window forms a
    separate batch. The positions depend only on the seed and the epoch's number.

    Args:
        tokens: token numbers, (N,).
        length: tokens of a window.
        batch_size: windows of a batch.
        batches: random batches of an epoch; None: all windows, in order.
        seed: any integer.

    Attributes:
        dataset: the numbers of the windows of an epoch.
        next_epoch: the number of the epoch that the next `for` loop runs over, from 0.

    Returns:
        For each batch, two int64 tensors (batch_size, length).

    Raises:
        ValueError: fewer than length + 1 tokens, or without `batches`, fewer than 2.

    Example:
        >>> import fastnet
        >>> for x, y in fastnet.text.TokenWindows([0, 1, 2, 3, 4, 5], length=3):
        ...     print(x.tolist(), y.tolist())
        [[0, 1, 2]] [[1, 2, 3]]
        [[3, 4]] [[4, 5]]
    """

    length: int
    batch_size: int
    batches: int | None
    dataset: range

    def __init__(self, tokens: Sequence[int] | Array, length: int, batch_size: int = 12, batches: int | None = None,
                 seed: int = 0) -> None:
        super().__init__(seed)
        self.tokens: Array = np.asarray(tokens, np.int64)
        self.length = whole_number("length", length, 1)
        self.batch_size = whole_number("batch_size", batch_size, 1)
        self.batches = None if batches is None else whole_number("batches", batches, 1)
        least = 2 if batches is None else length + 1
        if len(self.tokens) < least:
            raise ValueError(f"TokenWindows: expected at least {least} tokens, got {len(self.tokens)}")
        whole = (len(self.tokens) - 1) // length
        self.dataset = range(whole if self.batches is None else self.batches * batch_size)

    def __len__(self) -> int:
        """The number of batches of an epoch."""
        if self.batches is not None:
            return self.batches
        whole, rest = divmod(len(self.tokens) - 1, self.length)
        return -(-whole // self.batch_size) + (rest > 0)

    def __repr__(self) -> str:
        return repr_of(self, tokens=len(self.tokens), length=self.length, batch_size=self.batch_size,
                       batches=self.batches)

    def _batch(self, planned: Array) -> tuple[Tensor, ...]:
        length = min(self.length, len(self.tokens) - 1 - int(planned[0]))
        rows = planned[:, None] + np.arange(length)
        return from_numpy(self.tokens[rows]), from_numpy(self.tokens[rows + 1])

    def _plan(self, number: int) -> list[Array]:
        """The positions at which the windows of each batch begin."""
        if self.batches is not None:
            shape = self.batches, self.batch_size
            return list(self._random(number).integers(0, len(self.tokens) - self.length, shape))
        whole, rest = divmod(len(self.tokens) - 1, self.length)
        begin = np.arange(whole) * self.length
        batches = [begin[i:i + self.batch_size] for i in range(0, whole, self.batch_size)]
        return [*batches, np.array([whole * self.length])] if rest else batches
