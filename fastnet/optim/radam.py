"""RAdam."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet.backend import K
from fastnet.optim.optimizer import Optimizer, Params

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, TensorOrNumber

__all__ = ["RAdam"]


class RAdam(Optimizer):
    """RAdam: Adam whose first steps ignore the running mean of g^2, and later ones rectify its variance.

    Liu et al. 2019, https://arxiv.org/abs/1908.03265.

    Args:
        params: parameters, or dictionaries of "params" and options.
        lr: the learning rate.
        betas: the decay rates of the running means of g and of g^2.
        eps: added to the denominator.
        weight_decay: L2 penalty, g += weight_decay * p.
        decoupled_weight_decay: p -= lr * weight_decay * p instead of the penalty.
        maximize: maximize the objective instead of minimizing it.

    Raises:
        ValueError: a number out of range.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> optimizer = fastnet.optim.RAdam([w], lr=0.5)
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([0.5, 0.5])
    """

    HYPER: tuple[str, ...] = ("lr", "beta1", "beta2", "eps", "weight_decay")

    def __init__(self, params: Params, lr: TensorOrNumber = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0, decoupled_weight_decay: bool = False, *,
                 maximize: bool = False) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize})

    def numbers(self, group: dict[str, Any]) -> list[Any]:
        return [group["lr"], *group["betas"], group["eps"], group["weight_decay"]]

    def moments(self, group: dict[str, Any]) -> dict[str, float | None]:
        return {"exp_avg": 0, "exp_avg_sq": 0}

    def update(self, p: Array, g: Array, moments: dict[str, Array | None], hyper: Array, step: Array,
               group: dict[str, Any]) -> None:
        K.radam_(p, g, moments["exp_avg"], moments["exp_avg_sq"], hyper, step,
                 decoupled=group["decoupled_weight_decay"], maximize=group["maximize"])
