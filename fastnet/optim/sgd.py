"""Stochastic gradient descent."""
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastnet.backend import K
from fastnet.optim.optimizer import Optimizer, Params

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, TensorOrNumber
    from fastnet._core.tensor import Tensor

__all__ = ["SGD"]


class SGD(Optimizer):
    """Stochastic gradient descent with momentum: p -= lr * v, where v = momentum * v + (1 - dampening) * g.

    g is the gradient plus its penalties, and the first v is g, as in PyTorch. Sutskever et al. 2013,
    https://proceedings.mlr.press/v28/sutskever13.html.

    Args:
        params: parameters, or dictionaries of "params" and options.
        lr: the learning rate.
        momentum: the decay rate of v.
        dampening: reduces the weight of the gradient in v.
        weight_decay: L2 penalty, g += weight_decay * p.
        nesterov: use g + momentum * v instead of v; requires momentum > 0 and dampening 0.
        maximize: maximize the objective instead of minimizing it.
        l1: L1 penalty, g += l1 * sign(p). PyTorch's optimizers do not have it.

    Raises:
        ValueError: a number out of range, or nesterov without momentum or with dampening.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> optimizer = fastnet.optim.SGD([w], lr=0.5)
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([0.5, 0.5])
    """

    HYPER: tuple[str, ...] = ("lr", "momentum", "dampening", "weight_decay", "l1")

    def __init__(self, params: Params, lr: TensorOrNumber = 1e-3, momentum: float = 0, dampening: float = 0,
                 weight_decay: float = 0, nesterov: bool = False, *, maximize: bool = False, l1: float = 0) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
                                  "nesterov": nesterov, "maximize": maximize, "l1": l1})

    def check(self, group: dict[str, Any]) -> None:
        super().check(group)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("nesterov: expected momentum > 0 and dampening 0, got momentum "
                             f"{group['momentum']} and dampening {group['dampening']}")

    def moments(self, group: dict[str, Any]) -> dict[str, float | None]:
        return {"momentum_buffer": 0 if group["momentum"] else None}

    def _start(self, p: Tensor, moments: Mapping[str, Any], step: Tensor) -> None:
        if moments.get("momentum_buffer") is not None and "momentum_buffer" not in self.state[p]:
            self.state[p].pop("step", None)     # momentum was switched on: the next step is the buffer's first
        super()._start(p, moments, step)

    def _update_selected(self, p: Array, g: Array, moments: dict[str, Array | None], hyper: Array, step: Array,
                         group: dict[str, Any]) -> None:
        if group["momentum"] or group["weight_decay"] or group["l1"]:
            raise RuntimeError("SGD: expected momentum, weight_decay and l1 of 0 with sparse gradients, since they "
                               "change all rows; use sparse=False")
        self.update(p, g, moments, hyper, step, group)

    def update(self, p: Array, g: Array, moments: dict[str, Array | None], hyper: Array, step: Array,
               group: dict[str, Any]) -> None:
        K.sgd_(p, g, moments["momentum_buffer"], hyper, step, nesterov=group["nesterov"], maximize=group["maximize"])
