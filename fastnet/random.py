"""Random number generators and the global random state.

The generator is Philox, which is counter-based: its state is a seed and the number of counters already used.
Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", https://doi.org/10.1145/2063384.2063405.
"""
from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import numpy as np

from fastnet._core.errors import given_text
from fastnet._core.locks import new_lock
from fastnet._core.placement import check_placement, device
from fastnet._core.reprs import repr_of
from fastnet._core.state import forbid_in_recording, inside, state

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, ArrayLike

__all__ = ["Generator", "default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed",
           "set_rng_state"]

# One lock for all generators, since a generator with a lock could not be copied or pickled. Reentrant, since a signal
# handler may draw random numbers.
_lock = new_lock(reentrant=True)


class Generator:
    """A stream of random numbers.

    Args:
        seed: any integer, taken modulo 2^64; by default one from the operating system. "cpu", which PyTorch takes here,
            has no effect.
        device: "cpu".

    Raises:
        RuntimeError: another device.

    Attributes:
        seed: the seed, from 0 to 2^64 - 1.
        counter: how many counters of the stream are used.

    Example:
        >>> import fastnet
        >>> g = fastnet.Generator().manual_seed(0)
        >>> a, b = fastnet.rand(3, generator=g), fastnet.rand(3, generator=g.manual_seed(0))
        >>> bool((a == b).all())
        True
        >>> g
        Generator(seed=0, counter=1)
    """

    seed: int
    counter: int
    device = device("cpu")

    def __init__(self, seed: int | str | None = None, *, device: str | None = None) -> None:
        if isinstance(seed, str):
            seed, device = None, seed
        check_placement("Generator", device=device)
        self.manual_seed(_seed_of_the_system() if seed is None else seed)

    def __repr__(self) -> str:
        return repr_of(self, seed=self.seed, counter=self.counter)

    def manual_seed(self, seed: int) -> Generator:
        """Restart the generator with a seed; returns the generator."""
        forbid_in_recording("manual_seed()")
        try:
            self.seed, self.counter = int(seed) & (2**64 - 1), 0
        except (TypeError, ValueError) as error:
            raise type(error)(f"manual_seed: expected seed to be an integer, got {given_text(seed)}") from None
        return self

    def initial_seed(self) -> int:
        """The seed of the generator."""
        return self.seed

    def get_state(self) -> Array:
        """The state of the generator: an array (seed, counter) of uint64.

        Example:
            >>> import fastnet
            >>> g = fastnet.Generator(5)
            >>> _ = fastnet.rand(3, generator=g)
            >>> g.get_state()
            array([5, 1], dtype=uint64)
        """
        forbid_in_recording("get_rng_state()")
        return self.block()

    def set_state(self, new_state: ArrayLike) -> None:
        """Continue from a state that `get_state` returned.

        Raises:
            ValueError: the state is not an array of two uint64.
        """
        forbid_in_recording("set_rng_state()")
        values = np.asarray(new_state)
        if values.shape != (2,) or values.dtype != np.uint64:
            raise ValueError("set_rng_state: expected the array of two uint64 that get_rng_state() returns, got "
                             f"{new_state!r}")
        self.seed, self.counter = (int(v) for v in values)

    def block(self) -> Array:
        """A new array with the state, which a kernel or a recording reads."""
        return np.array([self.seed, self.counter], np.uint64)

    def reserve(self, blocks: int) -> tuple[Array, int]:
        """Reserve counters for one kernel call, also while recording: (array with the state, offset to its counter)."""
        if state.recorder is not None:
            return state.recorder.reserve(self, blocks)
        return self.advance(blocks), 0

    def advance(self, blocks: int) -> Array:
        """Reserve counters that no other thread gets; returns a new array with the state before them."""
        return np.array([self.seed, inside(_lock, self._advance, blocks)], np.uint64)

    def _advance(self, blocks: int) -> int:
        start = self.counter                # no calls below: a signal handler must not draw between these lines
        self.counter = (start + blocks) & (2**64 - 1)
        return start


def _seed_of_the_system() -> int:
    return int.from_bytes(os.urandom(8), "little")


default_generator: Generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Seed the default generator, from which weights, dropout and random tensors draw. Returns the generator.

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


def seed() -> int:
    """Seed the default generator from the operating system; returns the seed, from 0 to 2^64 - 1.

    Example:
        >>> import fastnet
        >>> fastnet.seed() == fastnet.initial_seed()
        True
    """
    return default_generator.manual_seed(_seed_of_the_system()).seed


def initial_seed() -> int:
    """The seed of the default generator.

    Example:
        >>> import fastnet
        >>> _ = fastnet.manual_seed(5)
        >>> fastnet.initial_seed()
        5
    """
    return default_generator.seed


def get_rng_state() -> Array:
    """The state of the default generator: an array (seed, counter) of uint64.

    Example:
        >>> import fastnet
        >>> state = fastnet.get_rng_state()
        >>> a = fastnet.rand(3)
        >>> fastnet.set_rng_state(state)
        >>> fastnet.equal(a, fastnet.rand(3))
        True
    """
    return default_generator.get_state()


def set_rng_state(new_state: ArrayLike) -> None:
    """Continue from a state that `get_rng_state` returned.

    Raises:
        ValueError: the state is not an array of two uint64.

    Example:
        >>> import fastnet
        >>> fastnet.set_rng_state(fastnet.get_rng_state())
    """
    default_generator.set_state(new_state)


def fork_rng(devices: object = None, enabled: bool = True) -> AbstractContextManager[None]:
    """Context that restores the state of the default generator at its end.

    Args:
        devices: ignored.
        enabled: False makes a context without effect.

    Example:
        >>> import fastnet
        >>> before = fastnet.get_rng_state()
        >>> with fastnet.random.fork_rng():
        ...     _ = fastnet.rand(3)
        >>> bool((fastnet.get_rng_state() == before).all())
        True
    """
    return _Fork() if enabled else nullcontext()


class _Fork:
    def __enter__(self) -> None:
        self._state = default_generator.get_state()

    def __exit__(self, *error: object) -> None:
        default_generator.set_state(self._state)


def __dir__() -> list[str]:
    return sorted(__all__)
