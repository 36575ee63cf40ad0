"""Adam for gradients that hold only the rows that a batch touched."""
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastnet.backend import K
from fastnet.optim.adam import Adam
from fastnet.optim.optimizer import Params

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, TensorOrNumber
    from fastnet.autograd.sparse import SparseGradient

__all__ = ["SparseAdam"]


class SparseAdam(Adam):
    """Adam that updates the moments and the parameters only of the rows in a sparse gradient.

    m, v and p of a row change as in `Adam` at the steps whose gradient holds the row; eps is added before the bias
    correction: p -= lr * sqrt(1 - beta2^step) / (1 - beta1^step) * m / (sqrt(v) + eps).

    Args:
        params: parameters whose gradients are sparse (`nn.Embedding(..., sparse=True)`), or dictionaries of "params"
            and options.
        lr: the learning rate.
        betas: the decay rates of m and v.
        eps: added to the denominator.
        maximize: maximize the objective instead of minimizing it.

    Raises:
        ValueError: a number out of range.
        RuntimeError: at a step, a gradient is not sparse.

    Example:
        >>> import fastnet
        >>> table = fastnet.nn.Embedding(1000, 2, sparse=True)
        >>> optimizer = fastnet.optim.SparseAdam(table.parameters(), lr=0.1)
        >>> table(fastnet.tensor([7, 3])).sum().backward()
        >>> optimizer.step()
    """

    def __init__(self, params: Params, lr: TensorOrNumber = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, maximize: bool = False) -> None:
        super().__init__(params, lr, betas, eps, maximize=maximize)

    def update(self, p: Array, g: Array, moments: dict[str, Array | None], hyper: Array, step: Array,
               group: dict[str, Any]) -> None:
        raise RuntimeError("SparseAdam: expected sparse gradients, got a dense one; use sparse=True in the embedding, "
                           "or Adam")

    def update_rows(self, p: Array, g: SparseGradient, moments: Mapping[str, Array | None], hyper: Array, step: Array,
                    group: dict[str, Any]) -> None:
        hyper = hyper.copy()                    # eps is divided as v is
        hyper[self.HYPER.index("eps")] /= (1 - hyper[self.HYPER.index("beta2")] ** int(step.item())) ** 0.5
        super().update_rows(p, g, moments, hyper, step, group)

    def _update_selected(self, p: Array, g: Array, moments: dict[str, Array | None], hyper: Array, step: Array,
                         group: dict[str, Any]) -> None:
        K.adam_(p, g, moments["exp_avg"], moments["exp_avg_sq"], None, hyper, step, maximize=group["maximize"])
