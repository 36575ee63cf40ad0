"""Rprop."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet._core.tensor import Tensor
from fastnet.backend import K
from fastnet.optim.optimizer import Optimizer, Params

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, TensorOrNumber

__all__ = ["Rprop"]


class Rprop(Optimizer):
    """Rprop: p -= sign(g) * s, with a step size s for each element that grows while the sign of g stays.

    Riedmiller and Braun 1993, https://doi.org/10.1109/ICNN.1993.298623.

    Args:
        params: parameters, or dictionaries of "params" and options.
        lr: the first step size.
        etas: the factors of s after a change of sign and without one.
        step_sizes: the smallest and the largest s.
        maximize: maximize the objective instead of minimizing it.

    Raises:
        ValueError: a number out of range.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> optimizer = fastnet.optim.Rprop([w], lr=0.5)
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([0.5, 0.5])
    """

    HYPER: tuple[str, ...] = ("etaminus", "etaplus", "smallest", "largest")

    def __init__(self, params: Params, lr: TensorOrNumber = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
                 step_sizes: tuple[float, float] = (1e-6, 50), *, maximize: bool = False) -> None:
        if not 0 < etas[0] < 1 < etas[1]:
            raise ValueError(f"invalid etas: expected 0 < etas[0] < 1 < etas[1], got {etas}")
        super().__init__(params, {"lr": lr, "etas": etas, "step_sizes": step_sizes, "maximize": maximize})

    def check(self, group: dict[str, Any]) -> None:
        if isinstance(group["lr"], Tensor) and group["lr"].numel() != 1:
            raise ValueError(f"invalid lr: expected a number or a tensor of one element, got {group['lr']}")
        if not group["lr"] >= 0:
            raise ValueError(f"invalid lr: expected 0 <= lr, got {group['lr']}")
        super().check(group)

    def numbers(self, group: dict[str, Any]) -> list[Any]:
        return [*group["etas"], *group["step_sizes"]]

    def moments(self, group: dict[str, Any]) -> dict[str, float | None]:
        return {"prev": 0, "step_size": float(group["lr"])}

    def update(self, p: Array, g: Array, moments: dict[str, Array | None], hyper: Array, step: Array,
               group: dict[str, Any]) -> None:
        K.rprop_(p, g, moments["prev"], moments["step_size"], hyper, maximize=group["maximize"])
