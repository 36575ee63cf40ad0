"""The pool of fastnet/_kernels/memory.pyx in plain Python, for installs without the extension."""
import math

import numpy as np

from fastnet._runtime.twins.state import state


def _rounded(nbytes):
    """Four sizes to each power of two, multiples of 64: changing shapes find the blocks of others."""
    nbytes = max(nbytes, 64)
    step = max(1 << ((nbytes - 1).bit_length() - 3), 64)
    return -(-nbytes // step) * step


class Block(np.ndarray):
    """A piece of a pool that goes back to it when the last array over it is gone."""

    pool: "Pool | None" = None
    memory: bytearray

    def __del__(self):
        if self.pool is not None:
            self.pool._give(self.memory)


class Pool:
    """Freed memory by size, to be used again.

    Args:
        keep: bytes to keep for reuse at the most; -1 keeps all, which is what a recording needs.
    """

    def __init__(self, keep=-1):
        self.keep = keep
        self.live = 0
        self.held = 0
        self.idle = 0
        self._free = {}                 # rounded size -> memory
        self._lent = {}                 # id -> memory: a recording's launches may point at any of them

    def take(self, nbytes):
        """A Block of at least `nbytes` bytes; they hold whatever they held."""
        if nbytes < 0:
            raise ValueError(f"a block of {nbytes} bytes was asked for")
        size = _rounded(nbytes) + 64
        free = self._free.get(size)
        if free:
            memory = free.pop()
            self.idle -= size
        else:
            try:
                memory = bytearray(size)        # not an ndarray: NumPy would make it, not the Block, the base of arrays
            except (MemoryError, OverflowError):
                raise MemoryError(f"could not allocate {nbytes} bytes") from None
            self.held += size
        start = -np.frombuffer(memory, np.uint8).__array_interface__["data"][0] % 64
        block = np.ndarray.__new__(Block, (size - 64,), np.uint8, memory, start)
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

    def trim(self):
        """Give the free blocks back to the system."""
        self._free.clear()
        self.held -= self.idle
        self.idle = 0


shared = Pool(keep=512 << 20)


def allocate(nbytes):
    """A Block from this thread's pool: the recording's own while one is made, else the shared one."""
    return (shared if state.recorder is None else state.recorder.pool).take(nbytes)


def empty(shape, dtype):
    """An uninitialised array from this thread's pool, aligned to 64 bytes."""
    return np.ndarray(shape, dtype, allocate(math.prod(shape) * dtype.itemsize))


def empty_like(x):
    """An uninitialised contiguous array of x's shape and dtype."""
    return np.ndarray(x.shape, x.dtype, allocate(x.nbytes))
