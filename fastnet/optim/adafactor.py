"""Adafactor: Adam without momentum, whose second moments of a matrix are kept by row and by column."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastnet._core.state import forbid_in_recording
from fastnet._core.tensor import Tensor
from fastnet.autograd import SparseGradient
from fastnet.dtypes import finfo
from fastnet.functional import matmul
from fastnet.functional.norms import norm
from fastnet.optim.optimizer import Optimizer, Params

if TYPE_CHECKING:
    from fastnet._core.annotations import TensorOrNumber

__all__ = ["Adafactor"]


class Adafactor(Optimizer):
    """Adafactor: p -= a * u / max(1, rms(u) / d), where u = g / sqrt(v) and v estimates the mean of g^2.

    Of a tensor with two dimensions or more, only the means of g^2 over rows and over columns are kept, and v is their
    product divided by the mean of the former. The step is a = min(lr, 1 / sqrt(t)) * max(eps[1], rms(p)), and the means
    decay by 1 - t^beta2_decay. Shazeer and Stern 2018, https://arxiv.org/abs/1804.04235.

    Args:
        params: parameters, or dictionaries of "params" and options.
        lr: the largest relative step.
        beta2_decay: the exponent of the decay of the means, 0 or less.
        eps: the least root of v (None: the machine epsilon of the dtype), and the least size of p.
        d: the largest root mean square of an update, 1 or more.
        weight_decay: decoupled weight decay.
        maximize: maximize the objective instead of minimizing it.

    Raises:
        ValueError: a number out of range.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, 3, requires_grad=True)
        >>> optimizer = fastnet.optim.Adafactor([w], lr=0.5)
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([[0.5, 0.5, 0.5],
                [0.5, 0.5, 0.5]])
    """

    HYPER: tuple[str, ...] = ("lr", "weight_decay", "d")
    UNMIRRORED: tuple[str, ...] = ("row_var", "col_var", "variance")

    def __init__(self, params: Params, lr: TensorOrNumber = 1e-2, beta2_decay: float = -0.8,
                 eps: tuple[float | None, float] = (None, 1e-3), d: float = 1.0, weight_decay: float = 0.0, *,
                 maximize: bool = False) -> None:
        super().__init__(params, {"lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d,
                                  "weight_decay": weight_decay, "maximize": maximize})

    def check(self, group: dict[str, Any]) -> None:
        super().check(group)
        if not group["beta2_decay"] <= 0:
            raise ValueError(f"invalid beta2_decay: expected 0 or less, got {group['beta2_decay']}")
        if not group["d"] >= 1:
            raise ValueError(f"invalid d: expected 1 or more, got {group['d']}")
        if not min(eps for eps in group["eps"] if eps is not None) >= 0:
            raise ValueError(f"invalid eps: expected two numbers of 0 or more, got {group['eps']}")

    def moments(self, group: dict[str, Any]) -> dict[str, float | None]:
        return {}

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        forbid_in_recording("Adafactor.step()", "its updates read values. Call it outside")
        return super().step(closure)

    def _step_group(self, number: int, group: dict[str, Any]) -> None:
        for p in group["params"]:
            if isinstance(p.grad, SparseGradient):
                raise RuntimeError("Adafactor does not take sparse gradients; use SGD or SparseAdam, or an embedding "
                                   "with sparse=False")
            if p.grad is not None:
                self._update_tensor(p, -p.grad if group["maximize"] else p.grad, group)

    def _update_tensor(self, p: Tensor, g: Tensor, group: dict[str, Any]) -> None:
        if p.dtype.kind == "c":
            raise RuntimeError("Adafactor does not take complex parameters; give them to another optimizer")
        own = self.state[p]
        own["step"] = own.get("step", g.new_zeros(())) + 1
        step, lr, (eps1, eps2) = own["step"].item(), float(group["lr"]), group["eps"]
        eps1 = finfo(p.dtype).eps if eps1 is None else eps1
        size = max(eps2, _root_mean_square(p)) * min(lr, step**-0.5)
        if group["weight_decay"]:
            p.mul_(1 - lr * group["weight_decay"])
        update = _second_moment(own, g, step ** group["beta2_decay"], eps1).clamp_(min=eps1 * eps1).rsqrt_().mul_(g)
        p.sub_(update, alpha=size / max(1.0, _root_mean_square(update) / group["d"]))


def _root_mean_square(x: Tensor) -> float:
    return norm(x).item() / math.sqrt(max(x.numel(), 1))


def _second_moment(own: dict[str, Any], g: Tensor, weight: float, eps: float) -> Tensor:
    """Update the means of g^2, and return the estimate of its mean."""
    if g.ndim < 2:
        variance = own.setdefault("variance", g.new_zeros(g.shape))
        return variance.lerp_(g * g, weight).clone()
    means = []
    for name, dim in (("row_var", -1), ("col_var", -2)):
        square = (g * g).mean(dim, keepdim=True)
        means.append(own.setdefault(name, g.new_zeros(square.shape)).lerp_(square, weight))
    rows, columns = means
    return matmul(rows, columns) / rows.mean(-2, keepdim=True).clamp(min=eps)
