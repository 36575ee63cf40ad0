"""Private training on several ranks: each rank clips its own samples and adds its part of the noise."""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastnet._core import world
from fastnet.data import TensorDataset
from fastnet.data.arrays import fingerprint

if TYPE_CHECKING:
    from fastnet import nn
    from fastnet.data import DataLoader
    from fastnet.distributed import DistributedDataParallel

__all__ = ["RankShare", "check_ranks_agree", "share_of", "wrapped_module"]


@dataclass(frozen=True)
class RankShare:
    """The part of a private training that a rank computes.

    DistributedDataParallel averages the gradients of the ranks. With the rank's own values of `noise_multiplier` and
    `expected_batch_size`, the mean is the private gradient of the samples of all ranks: independent noise of variance
    s^2 / ranks on each rank adds up to noise of variance s^2.

    Args:
        rank: of this process.
        ranks: the number of processes.
        replica: averages the gradients of the ranks; None in a process that works alone.

    Example:
        >>> from fastnet.privacy.ranks import RankShare
        >>> share = RankShare(1, 4)
        >>> share.noise_multiplier(1.0), share.expected_batch_size(256.0), list(share.rows(10))
        (0.5, 64.0, [1, 5, 9])
    """

    rank: int
    ranks: int
    replica: DistributedDataParallel | None = None

    def noise_multiplier(self, whole: float) -> float:
        """The noise that this rank adds.

        Args:
            whole: the noise of the gradients of all ranks.
        """
        return whole / math.sqrt(self.ranks)

    def expected_batch_size(self, whole: float) -> float:
        """The divisor of this rank's sum.

        Args:
            whole: the expected number of samples of a batch on all ranks.
        """
        return whole / self.ranks

    def rows(self, samples: int) -> range:
        """The rows of a dataset that this rank draws from. Each row belongs to one rank.

        Args:
            samples: the samples in the dataset.
        """
        return range(self.rank, samples, self.ranks)

    def require_average(self) -> None:
        """Refuse a backward() that does not average the gradients of the ranks: this rank's noise alone is too small.

        Raises:
            RuntimeError: backward() has not reached an output of the replica.
        """
        if self.replica is not None and not self.replica.is_averaging:
            raise RuntimeError("backward(): expected the loss of an output of the DistributedDataParallel that "
                               f"make_private got, called outside of no_sync(), so that the {self.ranks} ranks average "
                               "their gradients; this backward() averages none, and this rank alone adds too little "
                               "noise for the epsilon that is counted")


def share_of(module: nn.Module) -> RankShare:
    """The part of this rank in the training of a module.

    Args:
        module: as `make_private` takes it.

    Raises:
        ValueError: a process group of several ranks, and a module that is not a DistributedDataParallel.
    """
    if world.world_size() == 1:
        return RankShare(0, 1)
    from fastnet.distributed import DistributedDataParallel  # which a process that works alone does not load
    if not isinstance(module, DistributedDataParallel):
        raise ValueError(f"make_private: this process is one of {world.world_size()} ranks, whose gradients must be "
                         "averaged: expected module to be a fastnet.distributed.DistributedDataParallel, in a loop of "
                         f"your own, got a {type(module).__name__}")
    return RankShare(world.rank(), world.world_size(), module)


def wrapped_module(module: nn.Module) -> nn.Module:
    """The module inside a DistributedDataParallel, whose calls exchange nothing; another module itself.

    Args:
        module: as `make_private` takes it.
    """
    if world.current() is None:
        return module
    from fastnet.distributed import DistributedDataParallel
    return module.module if isinstance(module, DistributedDataParallel) else module


def check_ranks_agree(loader: DataLoader, settings: dict[str, Any]) -> None:
    """Refuse ranks with other settings or other data, in which a sample could belong to two ranks.

    Args:
        loader: the loader of the whole dataset.
        settings: of the training, by name.

    Raises:
        ValueError: a rank differs; the message says in what.
    """
    group = world.current()
    if group is None or group.size == 1:
        return
    from fastnet.distributed.agreement import require_same
    dataset = loader.dataset
    data = fingerprint(*dataset.arrays) if isinstance(dataset, TensorDataset) else None
    require_same(group.transport, "make_private", {
        **settings, "samples": len(dataset), "batch_size": loader.batch_size, "drop_last": loader.drop_last,
        "data": data})
