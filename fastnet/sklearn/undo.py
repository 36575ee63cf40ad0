"""Undoing a failed fit: the estimator is again unfitted, or has the network from before."""
from __future__ import annotations

from typing import Any

import fastnet
from fastnet import nn, optim
from fastnet._core.state import Finally

__all__ = ["undone_on_failure"]


def undone_on_failure(estimator: Any, network: nn.Module | None, optimizer: optim.Optimizer | None) -> Finally:
    """A context manager that restores an estimator's attributes if the block raises.

    Args:
        estimator: see `MLPClassifier`.
        network: one that is trained further, whose weights are restored too; None: the fit makes a new network.
        optimizer: of this network, or None.
    """
    attributes = dict(vars(estimator))
    lengths = [(curve, len(curve)) for curve in attributes.values() if isinstance(curve, list)]
    saved = None if network is None else _Saved(network, optimizer)

    def undo() -> None:
        estimator.__dict__ = dict(attributes)
        for curve, length in lengths:   # the fit appends to these lists
            del curve[length:]
        if saved is not None:
            saved.restore()
    return Finally(undo, failed_only=True)


class _Saved:
    """Copies of a network's tensors and of its optimizer's state."""

    def __init__(self, network: nn.Module, optimizer: optim.Optimizer | None) -> None:
        self.tensors = [(x, x.clone()) for x in network.state_dict().values()]
        self.optimizer = optimizer
        self.state: Any = None if optimizer is None else optimizer.state_dict()

    def restore(self) -> None:
        """Copy the values back."""
        with fastnet.no_grad():
            for x, before in self.tensors:
                x.copy_(before)
        if self.optimizer is not None:
            self.optimizer.load_state_dict(self.state)
