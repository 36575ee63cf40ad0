"""Memory of arrays: a pool for activations, arenas for parameters.

Each recording allocates from its own pool. `persistent` allocates arrays that outlive a recording: gradients, the state
of optimizers.
"""
from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fastnet._core.locks import new_lock
from fastnet._core.shapes import ceil_div
from fastnet._core.state import inside
from fastnet._runtime.native import memory as _pools

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Shape

Block = _pools.Block
Pool = _pools.Pool
shared = _pools.shared
allocate, empty, empty_like = _pools.allocate, _pools.empty, _pools.empty_like
empty_channels_last, empty_result = _pools.empty_channels_last, _pools.empty_result
is_channels_last = _pools.is_channels_last
view_images, view_rows, view_volume = _pools.view_images, _pools.view_rows, _pools.view_volume

_ndarray = np.ndarray
CHUNK = 1 << 20                         # bytes of a chunk of parameters

Slot: TypeAlias = "tuple[Chunk, int]"   # (chunk, byte offset) of a parameter


def persistent(shape: Shape, dtype: DType) -> Array:
    """A zeroed array that outlives any recording. NumPy zeroes it, so that replays do not."""
    array = _ndarray(shape, dtype, shared.allocate(math.prod(shape) * dtype.itemsize))
    array.fill(0)
    return array


def aligned_size(nbytes: int) -> int:
    """The bytes that a parameter of `nbytes` bytes takes in an arena: a multiple of the alignment."""
    return ceil_div(nbytes, _pools.ALIGNMENT) * _pools.ALIGNMENT


class Chunk:
    """A contiguous piece of an arena, with parameters in the order of their creation.

    Attributes:
        nbytes: its size.
        used: bytes that parameters occupy.
        data: the Block of the parameters.
    """

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes
        self.used = 0
        self.data = zeroed_block(nbytes)
        self._grad: Block | None = None

    @property
    def grad(self) -> Block:
        """The mirror for gradients: a block in which each gradient has the offset of its parameter."""
        if self._grad is None:
            self._grad = zeroed_block(self.nbytes)
        return self._grad


def zeroed_block(nbytes: int) -> Block:
    """A Block of zeros from the shared pool. Updates keep the gaps between parameters at zero."""
    block = shared.allocate(nbytes)
    np.frombuffer(block, np.uint8)[:] = 0
    return block


class Arena:
    """The memory of all parameters of a dtype, in contiguous chunks. A parameter never moves."""

    def __init__(self) -> None:
        self._open: Chunk | None = None
        self._lock = new_lock(reentrant=True)       # a signal handler may make parameters

    def take(self, shape: Shape, dtype: DType) -> tuple[Array, Slot]:
        """A zeroed array and its slot."""
        shape = tuple(map(operator.index, shape))
        if min(shape, default=0) < 0:
            raise ValueError(f"parameter: expected sizes of 0 or more, got {shape}")
        nbytes = aligned_size(math.prod(shape) * dtype.itemsize)
        chunk, offset = inside(self._lock, self._reserve, nbytes)
        return mirrored(chunk.data, offset, shape, dtype), (chunk, offset)

    def _reserve(self, nbytes: int) -> Slot:
        if nbytes > CHUNK:              # a separate chunk, so that the small parameters stay contiguous
            chunk = Chunk(nbytes)
        else:
            if self._open is None or self._open.used + nbytes > self._open.nbytes:
                self._open = Chunk(CHUNK)
            chunk = self._open
        offset, chunk.used = chunk.used, chunk.used + nbytes
        return chunk, offset


def mirrored(block: Block, offset: int, shape: Shape, dtype: DType) -> Array:
    """The array at a byte offset of a block: of a chunk's data, or of one of its mirrors."""
    return _ndarray(shape, dtype, block, offset)


_arenas: dict[DType, Arena] = {}


def parameter_memory(shape: Shape, dtype: DType) -> tuple[Array, Slot]:
    """Memory for a parameter: (array, slot)."""
    return _arenas.setdefault(dtype, Arena()).take(shape, dtype)


def location(array: Array) -> tuple[Block, int, Shape, DType] | None:
    """The arguments of `mirrored` for a contiguous array in a Block; None for other arrays."""
    block = root(array)
    if block is None or not array.flags.c_contiguous:
        return None
    start = np.frombuffer(block, np.uint8).__array_interface__["data"][0]
    return block, array.__array_interface__["data"][0] - start, array.shape, array.dtype


def root(array: Array) -> Block | None:
    """The Block that holds an array's memory, or None if the memory is not from a pool."""
    base: Any = array
    while base is not None and not isinstance(base, Block):
        base = getattr(base, "base", None)
    return base
