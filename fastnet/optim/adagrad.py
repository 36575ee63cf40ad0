"""Adagrad."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet.backend import K
from fastnet.optim.optimizer import Optimizer, Params

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, TensorOrNumber

__all__ = ["Adagrad"]


class Adagrad(Optimizer):
    """Adagrad: p -= lr / (1 + (step - 1) * lr_decay) * g / (sqrt(s) + eps), where s is the sum of all g^2.

    Duchi et al. 2011, https://jmlr.org/papers/v12/duchi11a.html.

    Args:
        params: parameters, or dictionaries of "params" and options.
        lr: the learning rate.
        lr_decay: the decay of the learning rate.
        weight_decay: L2 penalty, g += weight_decay * p.
        initial_accumulator_value: the initial value of s.
        eps: added to the denominator.
        maximize: maximize the objective instead of minimizing it.
        l1: L1 penalty, g += l1 * sign(p). PyTorch's optimizers do not have it.

    Raises:
        ValueError: a number out of range.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> optimizer = fastnet.optim.Adagrad([w], lr=0.5)
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([0.5, 0.5])
    """

    HYPER: tuple[str, ...] = ("lr", "lr_decay", "eps", "weight_decay", "l1")

    def __init__(self, params: Params, lr: TensorOrNumber = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
                 initial_accumulator_value: float = 0, eps: float = 1e-10, *, maximize: bool = False,
                 l1: float = 0) -> None:
        if initial_accumulator_value < 0:
            raise ValueError(f"invalid initial_accumulator_value: expected at least 0, got {initial_accumulator_value}")
        super().__init__(params, {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
                                  "initial_accumulator_value": initial_accumulator_value, "maximize": maximize,
                                  "l1": l1})

    def moments(self, group: dict[str, Any]) -> dict[str, float | None]:
        return {"sum": group["initial_accumulator_value"]}

    def update(self, p: Array, g: Array, moments: dict[str, Array | None], hyper: Array, step: Array,
               group: dict[str, Any]) -> None:
        K.adagrad_(p, g, moments["sum"], hyper, step, maximize=group["maximize"])
