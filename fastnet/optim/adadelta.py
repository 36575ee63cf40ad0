"""Adadelta."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet.backend import K
from fastnet.optim.optimizer import Optimizer, Params

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, TensorOrNumber

__all__ = ["Adadelta"]


class Adadelta(Optimizer):
    """Adadelta: p -= lr * d, where d = sqrt(a + eps) / sqrt(s + eps) * g.

    s and a are the running means of g^2 and of d^2. Zeiler 2012, https://arxiv.org/abs/1212.5701.

    Args:
        params: parameters, or dictionaries of "params" and options.
        lr: the learning rate.
        rho: the decay rate of s and a.
        eps: added under the roots.
        weight_decay: L2 penalty, g += weight_decay * p.
        maximize: maximize the objective instead of minimizing it.

    Raises:
        ValueError: a number out of range.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> optimizer = fastnet.optim.Adadelta([w], lr=1.0, eps=1.0)
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([0.0465, 0.0465])
    """

    HYPER: tuple[str, ...] = ("lr", "rho", "eps", "weight_decay")

    def __init__(self, params: Params, lr: TensorOrNumber = 1.0, rho: float = 0.9, eps: float = 1e-6,
                 weight_decay: float = 0, *, maximize: bool = False) -> None:
        if not 0 <= rho <= 1:
            raise ValueError(f"invalid rho: expected 0 <= rho <= 1, got {rho}")
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay,
                                  "maximize": maximize})

    def moments(self, group: dict[str, Any]) -> dict[str, float | None]:
        return {"square_avg": 0, "acc_delta": 0}

    def update(self, p: Array, g: Array, moments: dict[str, Array | None], hyper: Array, step: Array,
               group: dict[str, Any]) -> None:
        K.adadelta_(p, g, moments["square_avg"], moments["acc_delta"], hyper, maximize=group["maximize"])
