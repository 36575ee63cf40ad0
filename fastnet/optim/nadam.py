"""NAdam."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet.backend import K
from fastnet.optim.optimizer import Optimizer, Params

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, TensorOrNumber

__all__ = ["NAdam"]


class NAdam(Optimizer):
    """NAdam: Adam with Nesterov momentum, whose rate mu(t) = beta1 * (1 - 0.96^(t * momentum_decay) / 2) grows.

    Dozat 2016, https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ.

    Args:
        params: parameters, or dictionaries of "params" and options.
        lr: the learning rate.
        betas: the decay rates of the running means of g and of g^2.
        eps: added to the denominator.
        weight_decay: L2 penalty, g += weight_decay * p.
        momentum_decay: see above.
        decoupled_weight_decay: p -= lr * weight_decay * p instead of the penalty.
        maximize: maximize the objective instead of minimizing it.

    Raises:
        ValueError: a number out of range.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> optimizer = fastnet.optim.NAdam([w], lr=0.5)
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([0.4718, 0.4718])
    """

    HYPER: tuple[str, ...] = ("lr", "beta1", "beta2", "eps", "weight_decay", "momentum_decay")
    SCALARS: tuple[str, ...] = ("mu_product",)

    def __init__(self, params: Params, lr: TensorOrNumber = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0, momentum_decay: float = 4e-3,
                 decoupled_weight_decay: bool = False, *, maximize: bool = False) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay,
                                  "maximize": maximize})

    def numbers(self, group: dict[str, Any]) -> list[Any]:
        return [group["lr"], *group["betas"], group["eps"], group["weight_decay"], group["momentum_decay"]]

    def moments(self, group: dict[str, Any]) -> dict[str, float | None]:
        return {"exp_avg": 0, "exp_avg_sq": 0, "mu_product": 1}

    def update(self, p: Array, g: Array, moments: dict[str, Array | None], hyper: Array, step: Array,
               group: dict[str, Any]) -> None:
        K.nadam_(p, g, moments["exp_avg"], moments["exp_avg_sq"], moments["mu_product"], hyper, step,
                 decoupled=group["decoupled_weight_decay"], maximize=group["maximize"])
