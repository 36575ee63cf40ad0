"""Adamax."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet.backend import K
from fastnet.optim.optimizer import Optimizer, Params

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, TensorOrNumber

__all__ = ["Adamax"]


class Adamax(Optimizer):
    """Adamax: p -= lr / (1 - beta1^step) * m / u, Adam with the infinity norm u = max(beta2 * u, |g| + eps).

    m = beta1 * m + (1 - beta1) * g. Kingma and Ba 2014, https://arxiv.org/abs/1412.6980.

    Args:
        params: parameters, or dictionaries of "params" and options.
        lr: the learning rate.
        betas: the decay rates of m and u.
        eps: added to |g|.
        weight_decay: L2 penalty, g += weight_decay * p.
        maximize: maximize the objective instead of minimizing it.

    Raises:
        ValueError: a number out of range.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> optimizer = fastnet.optim.Adamax([w], lr=0.5)
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([0.5, 0.5])
    """

    HYPER: tuple[str, ...] = ("lr", "beta1", "beta2", "eps", "weight_decay")

    def __init__(self, params: Params, lr: TensorOrNumber = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0, *, maximize: bool = False) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "maximize": maximize})

    def numbers(self, group: dict[str, Any]) -> list[Any]:
        return [group["lr"], *group["betas"], group["eps"], group["weight_decay"]]

    def moments(self, group: dict[str, Any]) -> dict[str, float | None]:
        return {"exp_avg": 0, "exp_inf": 0}

    def update(self, p: Array, g: Array, moments: dict[str, Array | None], hyper: Array, step: Array,
               group: dict[str, Any]) -> None:
        K.adamax_(p, g, moments["exp_avg"], moments["exp_inf"], hyper, step, maximize=group["maximize"])
