"""Slots in memory that two ranks map, through which they swap arrays."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["SLOT_BYTES", "SLOT_COUNT", "Slots"]

SLOT_BYTES = 1 << 20                    # so that an array is added while it is in the cache
SLOT_COUNT = 2                          # of each rank, for each partner
_LEAST_BYTES = 1 << 15                  # a shorter array travels as fast in a message


class Slots:
    """The slots of two partners, each of whom writes its own and reads the other's.

    They are used in turns. A rank writes a slot for the second time after it has learnt that its partner began the swap
    in between, so the partner has read what the slot held before.

    Args:
        own: this rank's, of shape (SLOT_COUNT, SLOT_BYTES) and dtype uint8.
        theirs: the partner's.
    """

    def __init__(self, own: Array, theirs: Array) -> None:
        self._own, self._theirs, self._turn = own, theirs, 0

    @staticmethod
    def fit(array: Array) -> bool:
        """Whether an array is swapped through slots."""
        return _LEAST_BYTES <= array.nbytes <= SLOT_BYTES

    def begin(self, array: Array) -> Array:
        """Write an array into the next slot.

        Args:
            array: a contiguous array for which `fit` is true.

        Returns:
            The partner's slot as an array like this one. The partner has written it when its message has arrived.
        """
        self._turn = (self._turn + 1) % SLOT_COUNT
        own, theirs = (slots[self._turn, :array.nbytes].view(array.dtype) for slots in (self._own, self._theirs))
        np.copyto(own, array)
        return theirs
