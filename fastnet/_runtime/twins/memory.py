"""The pool of memory in plain Python: the twin of fastnet/_runtime/memory.pyx."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

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


def is_channels_last(x: Array, dense: bool = False) -> bool:
    """Whether the elements lie in the order (N, *spatial, C) and not in row-major order.

    There are 3 to 5 dimensions and at least 2 channels, which are contiguous. Unless it must be `dense`, the array may
    be a slice of a larger one.
    """
    if x.flags.c_contiguous or not 3 <= x.ndim <= 5 or x.shape[1] < 2 or x.strides[1] != x.itemsize:
        return False
    span = x.itemsize
    for d in (1, *range(x.ndim - 1, 1, -1), 0):
        if x.shape[d] > 1:
            if x.strides[d] < span or (dense and x.strides[d] != span):
                return False
            span = x.strides[d] * x.shape[d]
    return True


def empty_like(x: Array, dtype: DType | None = None) -> Array:
    """An uninitialised array of x's shape and, by default, dtype: channels-last if x is, else contiguous."""
    return (empty_channels_last if is_channels_last(x) else empty)(x.shape, dtype or x.dtype)


def empty_channels_last(shape: Shape, dtype: DType) -> Array:
    """An uninitialised channels-last array of 3 to 5 dimensions."""
    ndim = len(shape)
    if not 3 <= ndim <= 5:
        raise ValueError(f"expected 3 to 5 dimensions, got shape {shape}")
    return empty((shape[0], *shape[2:], shape[1]), dtype).transpose(0, ndim - 1, *range(1, ndim - 1))


def empty_result(shape: Shape, dtype: DType, x: Array, y: Array) -> Array:
    """An uninitialised array for an elementwise result: channels-last if an operand of its shape is, else contiguous.
    """
    for operand in (x, y):
        if is_channels_last(operand) and operand.shape == shape:
            return empty_like(operand, dtype)
    return empty(shape, dtype)


def view_rows(x: Array, first: int, last: int) -> Array:
    """The view (outer, n, inner) of a contiguous array, with the elements of the dimensions [first, last) as n."""
    return x.reshape(math.prod(x.shape[:first]), math.prod(x.shape[first:last]), math.prod(x.shape[last:]))


def view_volume(x: Array) -> Array:
    """The view (N, D, H, W, C) of an array (N, C, *spatial). Spatial dimensions that it lacks come first, of length 1.
    """
    y = x.transpose(0, *range(2, x.ndim), 1)
    return y[(slice(None), *[None] * (5 - x.ndim), ...)]


def view_images(volume: Array, ndim: int) -> Array:
    """The view (N, C, *spatial) with `ndim` dimensions of an array (N, D, H, W, C): the inverse of `view_volume`."""
    key: tuple[Any, ...] = (slice(None), *[0] * (5 - ndim), ...)
    y = volume[key]
    return y.transpose(0, y.ndim - 1, *range(1, y.ndim - 1))
