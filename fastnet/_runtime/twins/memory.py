"""The pool of memory in plain Python: the twin of fastnet/_runtime/memory.pyx."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fastnet._runtime.twins.state import state

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Shape

ALIGNMENT = 64                          # bytes; every block begins at a multiple of it


def _class_size(nbytes):
    """nbytes rounded up to a size class: four for each power of two, so that blocks serve similar shapes, too."""
    nbytes = max(nbytes, ALIGNMENT)
    step = max(1 << ((nbytes - 1).bit_length() - 3), ALIGNMENT)
    return -(-nbytes // step) * step


class Block(np.ndarray):
    """A piece of a pool's memory. It returns to the pool when the last array over it is deleted."""

    pool: Pool | None = None
    memory: bytearray

    def __del__(self) -> None:
        if self.pool is not None:
            self.pool._give(self.memory)


class Pool:
    """A store of freed memory, sorted by size, for reuse.

    Args:
        keep: the most bytes to keep for reuse; -1 keeps all, as a recording needs.

    Attributes:
        live: the number of blocks in use.
        held: bytes taken from the system.
        idle: bytes of them that are free.
    """

    def __init__(self, keep: int = -1) -> None:
        self.keep = keep
        self.live = 0
        self.held = 0
        self.idle = 0
        self._free: dict[int, list[bytearray]] = {}     # rounded size -> memory
        self._lent: dict[int, bytearray] = {}           # id -> memory: a recording's launches may point at any of it

    def allocate(self, nbytes: int) -> Block:
        """An uninitialised Block of at least `nbytes` bytes."""
        if nbytes < 0:
            raise ValueError(f"expected a number of bytes of 0 or more, got {nbytes}")
        size = _class_size(nbytes) + ALIGNMENT
        free = self._free.get(size)
        if free:
            memory = free.pop()
            self.idle -= size
        else:
            try:
                memory = bytearray(size)        # of an ndarray's memory, NumPy keeps the ndarray alive, not the Block
            except (MemoryError, OverflowError):
                raise MemoryError(f"could not allocate {nbytes} bytes") from None
            self.held += size
        start = -np.frombuffer(memory, np.uint8).__array_interface__["data"][0] % ALIGNMENT
        block = np.ndarray.__new__(Block, (size - ALIGNMENT,), np.uint8, memory, start)
        block.pool, block.memory = self, memory
        self._lent[id(memory)] = memory
        self.live += 1
        return block

    def _give(self, memory):
        self.live -= 1
        del self._lent[id(memory)]
        if 0 <= self.keep < self.idle + len(memory):
            self.held -= len(memory)
        else:
            self._free.setdefault(len(memory), []).append(memory)
            self.idle += len(memory)

    def trim(self) -> None:
        """Return the free blocks to the system."""
        self._free.clear()
        self.held -= self.idle
        self.idle = 0


shared = Pool(keep=512 << 20)


def allocate(nbytes: int) -> Block:
    """A Block from this thread's pool: that of the recording in progress, else the shared one."""
    return (shared if state.recorder is None else state.recorder.pool).allocate(nbytes)


def empty(shape: Shape, dtype: DType) -> Array:
    """An uninitialised array from this thread's pool, aligned to 64 bytes."""
    return np.ndarray(shape, dtype, allocate(math.prod(shape) * dtype.itemsize))


def empty_like(x: Array) -> Array:
    """An uninitialised contiguous array with the shape and dtype of x."""
    return np.ndarray(x.shape, x.dtype, allocate(x.nbytes))
