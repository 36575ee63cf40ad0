"""Batches of rows for a Trainer, and the L2 penalty, which depends on their sizes."""
from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import fastnet
from fastnet import nn, optim
from fastnet._core.annotations import Array
from fastnet.sklearn.network import decays

if TYPE_CHECKING:
    import numpy as np

    from fastnet.sklearn.rows import Rows

__all__ = ["Batches", "Penalty", "parameter_groups"]


class Batches:
    """A loader for `Trainer.fit`: rows in an order that a RandomState shuffles again in each epoch.

    Args:
        rows: a `Rows`.
        gives_indices: batches contain row indices, which a RowTrainer reads, instead of the rows.
        target: (N, ...).
        weight: (N,), of the network's dtype, or None.
        indices: of the rows to train on.
        batch_size: rows per batch; the last batch of an epoch may be smaller.
        rng: shuffles; None: keep the order.
        penalty: a `Penalty`, prepared for each batch.
        avoid_one: merge a last batch of one sample into the batch before it, since batch norm needs at least two.
    """

    ends_in_one: bool = False
    own_mean: bool = True               # divide the loss of a batch by the sum of its own weights, as scikit-learn does

    def __init__(self, rows: Rows, gives_indices: bool, target: Array, weight: Array | None, indices: Array,
                 batch_size: int, rng: np.random.RandomState | None, penalty: Penalty, avoid_one: bool) -> None:
        self.rows: Rows = rows
        self.gives_indices: bool = gives_indices
        self.target: Array = target
        self.weight: Array | None = weight
        self.order: Array = indices
        self.rng: np.random.RandomState | None = rng
        self.penalty: Penalty = penalty
        self.weighted: bool = weight is not None
        n = len(indices)
        self.starts: list[int] = list(range(0, n, batch_size))
        if avoid_one and len(self.starts) > 1 and self.starts[-1] == n - 1:
            self.starts.pop()

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[list[Any]]:
        return self.epoch(0)

    def epoch(self, number: int, start: int = 0) -> Iterator[list[Any]]:
        """The batches of the next epoch: the rows or their indices, the targets, and the weights if there are any."""
        if self.rng is not None:
            self.order = self.order[self.rng.permutation(len(self.order))]
        self.penalty.squares = 0.0
        for a, b in zip(self.starts, [*self.starts[1:], len(self.order)]):
            indices = self.order[a:b]
            given = fastnet.from_numpy(indices)
            batch = [given if self.gives_indices else self.rows.take(given), fastnet.from_numpy(self.target[indices])]
            total = float(len(indices))
            if self.weight is not None:
                weight = self.weight[indices]
                total = float(weight.sum())
                batch.append(fastnet.from_numpy(weight))
            self.penalty.before(total)
            yield batch


class Penalty:
    """The L2 penalty: alpha / 2 times the sum of the squared weights, divided by the weight of the batch.

    Its gradient, alpha / n times the weight, is the optimizer's weight decay, which is set before each batch. Its value
    is summed for the epoch's loss. This is scikit-learn's definition.

    Args:
        optimizer: with two parameter groups, of which the first has the penalty (`parameter_groups`).
    """

    def __init__(self, optimizer: optim.Optimizer) -> None:
        self._optimizer = optimizer
        self._weights = [p for p in optimizer.param_groups[0]["params"] if decays(p)]
        self._norm: Any = fastnet.compile(self._norm_of_weights)
        self.alpha: float = 0.0
        self.squares: float = 0.0       # the sum over the batches of the epoch so far

    def start(self, alpha: float) -> None:
        """Set alpha for the following batches.

        Raises:
            ValueError: alpha is not 0, and the optimizer has no weight decay.
        """
        self.alpha = float(alpha) if self._weights else 0.0
        group = self._optimizer.param_groups[0]
        if "weight_decay" in group:
            group["weight_decay"] = 0.0
        elif self.alpha:
            raise ValueError(f"alpha needs a solver with weight_decay, which {type(self._optimizer).__name__} lacks: "
                             "set alpha=0")

    def _norm_of_weights(self) -> Any:
        return nn.utils.get_total_norm([p.detach() for p in self._weights])

    def before(self, total: float) -> None:
        """Set the weight decay for a batch whose samples have this total weight."""
        if self.alpha:
            self._optimizer.param_groups[0]["weight_decay"] = _decay(self.alpha, total)
            self.squares += self._norm().item() ** 2

    def mean(self, total: float) -> float:
        """The mean penalty over the samples of an epoch, which have this total weight."""
        return self.alpha / 2 * self.squares / total if total > 0 else 0.0


@functools.lru_cache(maxsize=64)
def _decay(alpha: float, total: float) -> float:
    """alpha / total. The cache returns the same object for equal totals, which compiled steps recognise by identity."""
    return alpha / total if total > 0 else 0.0


def parameter_groups(network: nn.Module) -> list[dict[str, Any]]:
    """The optimizer's parameter groups: the weights with the penalty, and the rest."""
    parameters = list(network.parameters())
    parts = ([p for p in parameters if decays(p)], [p for p in parameters if not decays(p)])
    return [{"params": part} for part in parts if part]
