"""Random state. Philox is counter-based: a generator is a seed and the number of counters used up.

Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", https://doi.org/10.1145/2063384.2063405.
"""
import os

import numpy as np

from fastnet._core.locks import new_lock
from fastnet._core.state import forbid_in_recording, inside, state

# Of all generators: one that is copied or pickled must not hold one. Reentrant, since a signal's handler may draw.
_lock = new_lock(reentrant=True)


class Generator:
    """A stream of random numbers.

    Args:
        seed: any integer; by default one from the operating system.

    Example:
        >>> import fastnet
        >>> g = fastnet.Generator().manual_seed(0)
        >>> a, b = fastnet.rand(3, generator=g), fastnet.rand(3, generator=g.manual_seed(0))
        >>> bool((a == b).all())
        True
    """

    def __init__(self, seed=None):
        self.manual_seed(int.from_bytes(os.urandom(8), "little") if seed is None else seed)

    def manual_seed(self, seed):
        """Start the stream of `seed` anew; returns the generator."""
        forbid_in_recording("manual_seed()")
        self.seed, self.counter = int(seed) & (2**64 - 1), 0
        return self

    def initial_seed(self):
        """The seed."""
        return self.seed

    def get_state(self):
        """The state as an array (seed, counter) of uint64.

        Example:
            >>> import fastnet
            >>> g = fastnet.Generator(5)
            >>> _ = fastnet.rand(3, generator=g)
            >>> g.get_state()
            array([5, 1], dtype=uint64)
        """
        forbid_in_recording("get_rng_state()")
        return self.block()

    def set_state(self, new_state):
        """Go on from a state that `get_state` gave.

        Raises:
            ValueError: not two numbers of uint64.
        """
        forbid_in_recording("set_rng_state()")
        values = np.asarray(new_state)
        if values.shape != (2,) or values.dtype != np.uint64:
            raise ValueError(f"expected the two uint64 that get_rng_state() gives, got {new_state!r}")
        self.seed, self.counter = (int(v) for v in values)

    def block(self):
        """The state in new memory, for a kernel or a recording to read it from."""
        return np.array([self.seed, self.counter], np.uint64)

    def reserve(self, blocks):
        """Use up `blocks` counters: (state array, offset) for one draw's kernel."""
        if state.recorder is not None:
            return state.recorder.reserve(self, blocks)
        return self.take(blocks), 0

    def take(self, blocks):
        """The state in new memory, `blocks` counters of which no other thread gets."""
        return np.array([self.seed, inside(_lock, self._advance, blocks)], np.uint64)

    def _advance(self, blocks):
        start = self.counter                # no call from here on: a handler that draws comes before or after
        self.counter = (start + blocks) & (2**64 - 1)
        return start


default_generator = Generator()


def manual_seed(seed):
    """Seed the default generator, which weights, dropout and random tensors draw from. Returns it.

    Args:
        seed: any integer; taken modulo 2^64.

    Example:
        >>> import fastnet
        >>> _ = fastnet.manual_seed(0)
        >>> a = fastnet.rand(3)
        >>> _ = fastnet.manual_seed(0)
        >>> fastnet.equal(a, fastnet.rand(3))
        True
    """
    return default_generator.manual_seed(seed)


def seed():
    """Seed the default generator from the operating system; returns the seed, from 0 to 2^64 - 1."""
    return default_generator.manual_seed(int.from_bytes(os.urandom(8), "little")).seed


def initial_seed():
    """The default generator's seed.

    Example:
        >>> import fastnet
        >>> _ = fastnet.manual_seed(5)
        >>> fastnet.initial_seed()
        5
    """
    return default_generator.seed


def get_rng_state():
    """The default generator's state: an array (seed, counter) of uint64.

    Example:
        >>> import fastnet
        >>> state = fastnet.get_rng_state()
        >>> a = fastnet.rand(3)
        >>> fastnet.set_rng_state(state)
        >>> fastnet.equal(a, fastnet.rand(3))
        True
    """
    return default_generator.get_state()


def set_rng_state(new_state):
    """Go on from a state that `get_rng_state` gave.

    Raises:
        ValueError: not two numbers of uint64.

    Example:
        >>> import fastnet
        >>> fastnet.set_rng_state(fastnet.get_rng_state())
    """
    default_generator.set_state(new_state)
