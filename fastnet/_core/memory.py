"""Where arrays come from: the pool for activations, arenas for parameters.

A recording takes its blocks from a pool of its own; what must outlive it (gradients, optimizer state) is asked for with
`persistent`.
"""
import math
import operator

import numpy as np

from fastnet._core.locks import new_lock
from fastnet._core.state import inside
from fastnet._runtime.native import memory as _pools

Block, Pool, shared = _pools.Block, _pools.Pool, _pools.shared
allocate, empty, empty_like = _pools.allocate, _pools.empty, _pools.empty_like

_ndarray = np.ndarray
CHUNK = 1 << 20
_ALIGN = 64


def persistent(shape, dtype):
    """A zeroed array that outlives any recording. Zeroing it is no launch, so a replay does not repeat it."""
    array = _ndarray(shape, dtype, shared.take(math.prod(shape) * dtype.itemsize))
    array.fill(0)
    return array


class Chunk:
    """A stretch of parameters, in the order in which they were made, and its mirrors: stretches of equal layout."""

    def __init__(self, nbytes):
        self.nbytes = nbytes
        self.used = 0
        self.data = zeroed_block(nbytes)
        self._grad = None

    @property
    def grad(self):
        """The block that mirrors this chunk's parameters with their gradients."""
        if self._grad is None:
            self._grad = zeroed_block(self.nbytes)
        return self._grad


def zeroed_block(nbytes):
    """A Block of the shared pool, all zeros: the gaps between parameters stay zero through every update."""
    block = shared.take(nbytes)
    np.frombuffer(block, np.uint8)[:] = 0
    return block


class Arena:
    """Lays parameters of one dtype one behind the other. What it has given out never moves."""

    def __init__(self):
        self._open = None
        self._lock = new_lock(reentrant=True)       # a signal's handler may make parameters

    def take(self, shape, dtype):
        """A zeroed array and its slot, (chunk, byte offset)."""
        shape = tuple(map(operator.index, shape))
        if min(shape, default=0) < 0:
            raise ValueError(f"expected sizes of 0 or more, got {shape}")
        nbytes = (math.prod(shape) * dtype.itemsize + _ALIGN - 1) // _ALIGN * _ALIGN
        chunk, offset = inside(self._lock, self._reserve, nbytes)
        return mirrored(chunk.data, offset, shape, dtype), (chunk, offset)

    def _reserve(self, nbytes):
        if nbytes > CHUNK:              # a chunk of its own; small ones before and after it stay neighbours
            chunk = Chunk(nbytes)
        else:
            if self._open is None or self._open.used + nbytes > self._open.nbytes:
                self._open = Chunk(CHUNK)
            chunk = self._open
        offset, chunk.used = chunk.used, chunk.used + nbytes
        return chunk, offset


def mirrored(block, offset, shape, dtype):
    """The array at `offset` of a chunk's data or of one of its mirrors."""
    return _ndarray(shape, dtype, block, offset)


_arenas = {}


def parameter_memory(shape, dtype):
    """Memory for a parameter: (array, slot)."""
    return _arenas.setdefault(dtype, Arena()).take(shape, dtype)


def location(array):
    """(block, offset, shape, dtype) of a contiguous array, as `mirrored` takes them; None if it lies in no Block."""
    block = root(array)
    if block is None or not array.flags.c_contiguous:
        return None
    start = np.frombuffer(block, np.uint8).__array_interface__["data"][0]
    return block, array.__array_interface__["data"][0] - start, array.shape, array.dtype


def root(array):
    """The Block that an array lies in, or None where its memory is not a pool's."""
    base = array
    while base is not None and not isinstance(base, Block):
        base = getattr(base, "base", None)
    return base
