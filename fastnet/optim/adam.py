"""Adam and AdamW."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet._core.tensor import Tensor
from fastnet.backend import K
from fastnet.optim.optimizer import Optimizer, Params

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, TensorOrNumber

__all__ = ["Adam", "AdamW"]


class Adam(Optimizer):
    """Adam: p -= lr * m' / (sqrt(v') + eps), where m' and v' are bias-corrected running means of g and g^2.

    m = beta1 * m + (1 - beta1) * g and m' = m / (1 - beta1^step); v is the same for g^2 with beta2. Kingma and Ba 2014,
    https://arxiv.org/abs/1412.6980; amsgrad: Reddi et al. 2018, https://arxiv.org/abs/1904.09237.

    Args:
        params: parameters, or dictionaries of "params" and options.
        lr: the learning rate.
        betas: the decay rates of m and v.
        eps: added to the denominator.
        weight_decay: L2 penalty, g += weight_decay * p.
        amsgrad: use the maximum of all v so far.
        maximize: maximize the objective instead of minimizing it.
        l1: L1 penalty, g += l1 * sign(p). PyTorch's optimizers do not have it.

    Raises:
        ValueError: a number out of range.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> optimizer = fastnet.optim.Adam([w], lr=0.5)
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([0.5, 0.5])
    """

    HYPER: tuple[str, ...] = ("lr", "beta1", "beta2", "eps", "weight_decay", "l1")
    DECOUPLED: bool = False

    def __init__(self, params: Params, lr: TensorOrNumber = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0, amsgrad: bool = False, *, maximize: bool = False,
                 l1: float = 0) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "amsgrad": amsgrad, "maximize": maximize, "l1": l1})

    def check(self, group: dict[str, Any]) -> None:
        if len({isinstance(beta, Tensor) for beta in group["betas"]}) > 1:
            raise ValueError(f"invalid betas: expected two numbers or two tensors, got {group['betas']}")
        if group.get("decoupled_weight_decay", self.DECOUPLED) != self.DECOUPLED:
            raise ValueError(f"decoupled_weight_decay is {not self.DECOUPLED} in the state and {self.DECOUPLED} in "
                             f"{type(self).__name__}; Adam and AdamW differ in it")
        super().check(group)

    def numbers(self, group: dict[str, Any]) -> list[Any]:
        return [group["lr"], *group["betas"], group["eps"], group["weight_decay"], group["l1"]]

    def moments(self, group: dict[str, Any]) -> dict[str, float | None]:
        return {"exp_avg": 0, "exp_avg_sq": 0, "max_exp_avg_sq": 0 if group["amsgrad"] else None}

    def update(self, p: Array, g: Array, moments: dict[str, Array | None], hyper: Array, step: Array,
               group: dict[str, Any]) -> None:
        K.adam_(p, g, moments["exp_avg"], moments["exp_avg_sq"], moments["max_exp_avg_sq"], hyper, step,
                decoupled=self.DECOUPLED, maximize=group["maximize"])


class AdamW(Adam):
    """Adam with decoupled weight decay, p -= lr * weight_decay * p, which does not enter the moments.

    Loshchilov and Hutter 2017, https://arxiv.org/abs/1711.05101. Arguments and errors are those of `Adam`, with a
    default weight_decay of 0.01.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> optimizer = fastnet.optim.AdamW([w], lr=0.5, weight_decay=0.5)
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([0.25, 0.25])
    """

    DECOUPLED: bool = True

    def __init__(self, params: Params, lr: TensorOrNumber = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False,
                 l1: float = 0) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, l1=l1)
