"""How a global batch is cut into shards, and which of them this rank computes."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fastnet._core.errors import whole_number

__all__ = ["Shards", "check_shards", "shard_seed", "shards_of"]


@dataclass(frozen=True)
class Shards:
    """The shards of a batch.

    Args:
        count: the number of shards in a batch.
        rank: of this process.
        ranks: the number of processes, which divides `count`.
        least: samples that a shard needs: 2 for a model with batch norm, whose statistics need two samples.

    Example:
        >>> from fastnet.training.shards import Shards
        >>> Shards(4, 1, 2, 1).own, Shards(4, 0, 1, 1).bounds(10), Shards(4, 0, 1, 2).bounds(5)
        (range(2, 4), [(0, 2), (2, 5), (5, 7), (7, 10)], [(0, 2), (2, 5), (5, 5), (5, 5)])
    """
    count: int
    rank: int
    ranks: int
    least: int

    @property
    def own(self) -> range:
        """The numbers of the shards that this rank computes."""
        each = self.count // self.ranks
        return range(self.rank * each, (self.rank + 1) * each)

    def bounds(self, samples: int) -> list[tuple[int, int]]:
        """The first sample of each shard and the one after its last, of a batch of `samples` samples.

        They depend on the numbers of samples and shards only. Of a small batch, the last shards are empty.
        """
        full = self.filled(samples)
        return [(min(i, full) * samples // full, min(i + 1, full) * samples // full) for i in range(self.count)]

    def filled(self, samples: int) -> int:
        """The number of shards that have samples, of a batch of `samples` samples."""
        return min(self.count, max(1, samples // self.least))

    def cut(self, samples: int) -> Iterator[tuple[int, int, int]]:
        """(shard, first sample, end) of each of this rank's shards."""
        bounds = self.bounds(samples)
        return ((i, *bounds[i]) for i in self.own)


def check_shards(shards: int | None) -> None:
    """Raise unless `shards` is None or a power of two.

    Raises:
        TypeError: it is not an integer.
        ValueError: it is not a power of two.
    """
    if shards is not None and (whole_number("shards", shards, 1) & (shards - 1)):
        raise ValueError(f"expected shards to be a power of two, so that each rank's sum is a branch of one binary "
                         f"tree; got {shards}")


def shards_of(shards: int | None, rank: int, ranks: int, least: int) -> Shards:
    """The shards of a training.

    Args:
        shards: the number that the user chose; None: one for each rank.
        rank, ranks: the number of this process, and the number of processes.
        least: samples that a shard needs.

    Raises:
        ValueError: the ranks cannot divide the shards equally.
    """
    count = ranks if shards is None else shards
    if count % ranks:
        fitting = ", ".join(str(1 << k) for k in range(count.bit_length()))
        raise ValueError(f"expected a number of ranks that divides shards={count} ({fitting}), got {ranks}")
    return Shards(count, rank, ranks, least)


def shard_seed(seed: int, counter: int, shard: int) -> int:
    """The seed of the random numbers that a shard of a batch draws, such as those of dropout.

    Args:
        seed, counter: the state of the default generator before the batch.
        shard: the number of the shard.
    """
    [found] = np.random.SeedSequence((seed, counter, shard)).generate_state(1, np.uint64)
    return int(found)
