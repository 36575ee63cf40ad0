"""Averaged stochastic gradient descent."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet.backend import K
from fastnet.optim.optimizer import Optimizer, Params

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, TensorOrNumber

__all__ = ["ASGD"]


class ASGD(Optimizer):
    """Averaged stochastic gradient descent: p -= eta * (g + lambd * p), with the average of p from step t0 in "ax".

    eta = lr / (1 + lambd * lr * step)^alpha. Polyak and Juditsky 1992, https://doi.org/10.1137/0330046.

    Args:
        params: parameters, or dictionaries of "params" and options.
        lr: the learning rate.
        lambd: the decay of p.
        alpha: the power of the decay of eta.
        t0: the step at which averaging starts.
        weight_decay: L2 penalty, g += weight_decay * p.
        maximize: maximize the objective instead of minimizing it.

    Raises:
        ValueError: a number out of range.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> optimizer = fastnet.optim.ASGD([w], lr=0.5, lambd=0.0)
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([0.5, 0.5])
    """

    HYPER: tuple[str, ...] = ("lr", "lambd", "alpha", "t0", "weight_decay")
    SCALARS: tuple[str, ...] = ("eta", "mu")

    def __init__(self, params: Params, lr: TensorOrNumber = 1e-2, lambd: float = 1e-4, alpha: float = 0.75,
                 t0: float = 1e6, weight_decay: float = 0, maximize: bool = False) -> None:
        super().__init__(params, {"lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay,
                                  "maximize": maximize})

    def moments(self, group: dict[str, Any]) -> dict[str, float | None]:
        return {"ax": 0, "eta": float(group["lr"]), "mu": 1}

    def update(self, p: Array, g: Array, moments: dict[str, Array | None], hyper: Array, step: Array,
               group: dict[str, Any]) -> None:
        K.asgd_(p, g, moments["ax"], moments["eta"], moments["mu"], hyper, step, maximize=group["maximize"])
