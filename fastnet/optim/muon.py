"""Muon: momentum whose updates of matrices are orthogonalized."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from fastnet._core.errors import shape_text
from fastnet._core.state import forbid_in_recording
from fastnet._core.tensor import Tensor
from fastnet.autograd import SparseGradient
from fastnet.functional import matmul
from fastnet.functional.norms import norm
from fastnet.optim.optimizer import Optimizer, Params

if TYPE_CHECKING:
    from fastnet._core.annotations import TensorOrNumber

__all__ = ["Muon"]


class Muon(Optimizer):
    """Muon: gradient descent with momentum, whose update is an approximately orthogonal matrix.

    b = momentum * b + (1 - momentum) * g; u = (1 - momentum) * g + momentum * b with Nesterov momentum, or b. The
    update is p -= lr * weight_decay * p and p -= lr * ratio * O(u), where O replaces the singular values of u with ones
    near 1, by the polynomial a x + b x^3 + c x^5 applied `ns_steps` times to u / |u|. It is for the matrices of hidden
    layers; give biases and embeddings to AdamW. Jordan et al. 2024, https://kellerjordan.github.io/posts/muon; Liu et
    al. 2025, https://arxiv.org/abs/2502.16982. PyTorch computes O in bfloat16, fastnet in the dtype of p.

    Args:
        params: matrices, or dictionaries of "params" and options.
        lr: the learning rate.
        weight_decay: decoupled weight decay.
        momentum: the decay rate of the running mean of g.
        nesterov: use Nesterov momentum.
        ns_coefficients: (a, b, c).
        eps: the least norm that u is divided by.
        ns_steps: the number of applications of the polynomial, below 100.
        adjust_lr_fn: "original" or None for the ratio sqrt(max(1, rows / columns)); "match_rms_adamw" for
            0.2 * sqrt(max(rows, columns)).

    Raises:
        ValueError: a parameter that is not a matrix, a number out of range, or an unknown adjust_lr_fn.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.Linear(4, 3, bias=False)
        >>> optimizer = fastnet.optim.Muon(layer.parameters(), lr=0.02)
        >>> layer(fastnet.ones(2, 4)).sum().backward()
        >>> optimizer.step()
    """

    HYPER: tuple[str, ...] = ("lr", "weight_decay", "momentum", "eps")

    def __init__(self, params: Params, lr: TensorOrNumber = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95,
                 nesterov: bool = True, ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
                 eps: float = 1e-7, ns_steps: int = 5,
                 adjust_lr_fn: Literal["original", "match_rms_adamw"] | None = None) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
                                  "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps,
                                  "adjust_lr_fn": adjust_lr_fn})

    def check(self, group: dict[str, Any]) -> None:
        super().check(group)
        if group["adjust_lr_fn"] not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"invalid adjust_lr_fn: expected None, 'original' or 'match_rms_adamw', got "
                             f"{group['adjust_lr_fn']!r}")
        if len(group["ns_coefficients"]) != 3 or group["ns_steps"] >= 100:
            raise ValueError(f"expected three ns_coefficients and ns_steps below 100, got {group['ns_coefficients']} "
                             f"and {group['ns_steps']}")
        for p in group["params"]:
            if p.ndim != 2:
                raise ValueError(f"Muon: expected matrices, got a parameter of shape {shape_text(p)}; give it to "
                                 "another optimizer")

    def moments(self, group: dict[str, Any]) -> dict[str, float | None]:
        return {"momentum_buffer": 0}

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        forbid_in_recording("Muon.step()", "its updates are not kernels of one call. Call it outside")
        return super().step(closure)

    def _step_group(self, number: int, group: dict[str, Any]) -> None:
        for p in group["params"]:
            if isinstance(p.grad, SparseGradient):
                raise RuntimeError("Muon does not take sparse gradients; use SGD or SparseAdam, or an embedding with "
                                   "sparse=False")
            if p.grad is not None:
                self._update_matrix(p, p.grad, group)

    def _update_matrix(self, p: Tensor, g: Tensor, group: dict[str, Any]) -> None:
        if p.dtype.kind == "c":
            raise RuntimeError("Muon does not take complex parameters; give them to another optimizer")
        lr, momentum = float(group["lr"]), float(group["momentum"])
        mean = self.state[p].setdefault("momentum_buffer", g.new_zeros(g.shape))
        mean.lerp_(g, 1 - momentum)
        update = orthogonalized(g.lerp(mean, momentum) if group["nesterov"] else mean, group)
        p.mul_(1 - lr * group["weight_decay"])
        p.sub_(update, alpha=lr * _rate_factor(p, group["adjust_lr_fn"]))


def orthogonalized(x: Tensor, group: dict[str, Any]) -> Tensor:
    """A matrix with the singular vectors of x, and singular values near 1, by Newton-Schulz iterations.

    Args:
        x: (rows, columns).
        group: the options of `Muon`.

    Example:
        >>> import fastnet
        >>> from fastnet.optim.muon import orthogonalized
        >>> options = {"ns_coefficients": (1.5, -0.5, 0.0), "ns_steps": 40, "eps": 1e-7}
        >>> orthogonalized(fastnet.tensor([[3.0, 0.0], [0.0, 2.0]]), options)
        tensor([[1., 0.],
                [0., 1.]])
    """
    a, b, c = group["ns_coefficients"]
    tall = x.shape[0] > x.shape[1]
    out = x.t() if tall else x
    out = out / norm(out).clamp(min=group["eps"])
    for _ in range(group["ns_steps"]):
        gram = matmul(out, out.t())
        out = a * out + matmul(b * gram + c * matmul(gram, gram), out)
    return out.t() if tall else out


def _rate_factor(p: Tensor, rule: str | None) -> float:
    rows, columns = p.shape
    return 0.2 * math.sqrt(max(rows, columns)) if rule == "match_rms_adamw" else math.sqrt(max(1.0, rows / columns))
