"""RMSprop."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet.backend import K
from fastnet.optim.optimizer import Optimizer, Params

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, TensorOrNumber

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """RMSprop: p -= lr * g / (sqrt(s) + eps), where s = alpha * s + (1 - alpha) * g^2.

    Tieleman and Hinton 2012, lecture 6.5 of Neural Networks for Machine Learning; centered: Graves 2013,
    https://arxiv.org/abs/1308.0850.

    Args:
        params: parameters, or dictionaries of "params" and options.
        lr: the learning rate.
        alpha: the decay rate of s.
        eps: added to the denominator.
        weight_decay: L2 penalty, g += weight_decay * p.
        momentum: the decay rate of past updates, which are added to each update.
        centered: subtract the squared running mean of g from s.
        maximize: maximize the objective instead of minimizing it.
        l1: L1 penalty, g += l1 * sign(p). PyTorch's optimizers do not have it.

    Raises:
        ValueError: a number out of range.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> optimizer = fastnet.optim.RMSprop([w], lr=0.25, alpha=0.75)
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([0.5, 0.5])
    """

    HYPER: tuple[str, ...] = ("lr", "alpha", "eps", "weight_decay", "momentum", "l1")

    def __init__(self, params: Params, lr: TensorOrNumber = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
                 weight_decay: float = 0, momentum: float = 0, centered: bool = False, *, maximize: bool = False,
                 l1: float = 0) -> None:
        super().__init__(params, {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay,
                                  "momentum": momentum, "centered": centered, "maximize": maximize, "l1": l1})

    def moments(self, group: dict[str, Any]) -> dict[str, float | None]:
        return {"square_avg": 0, "momentum_buffer": 0 if group["momentum"] else None,
                "grad_avg": 0 if group["centered"] else None}

    def update(self, p: Array, g: Array, moments: dict[str, Array | None], hyper: Array, step: Array,
               group: dict[str, Any]) -> None:
        K.rmsprop_(p, g, moments["square_avg"], moments["momentum_buffer"], moments["grad_avg"], hyper, step,
                   maximize=group["maximize"])
