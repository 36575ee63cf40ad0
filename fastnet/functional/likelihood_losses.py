"""Negative log-likelihoods of distributions, made of other operations.

`reduction` is "none" (the loss of each element), "mean" (the default) or "sum".
"""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastnet._core.errors import shape_text
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet.functional.compare import clamp_min, where
from fastnet.functional.dims import check_tensors
from fastnet.functional.loss import check_reduction, reduce_tensor
from fastnet.functional.pointwise import log

if TYPE_CHECKING:
    from fastnet.functional.loss import Reduction

__all__ = ["gaussian_nll_loss", "poisson_nll_loss"]


def gaussian_nll_loss(input: Tensor, target: Tensor, var: Tensor | float, full: bool = False, eps: float = 1e-6, *,
                      reduction: Reduction = "mean") -> Tensor:
    """The negative log-likelihood of a normal distribution: (log var + (input - target)^2 / var) / 2.

    Nix and Weigend 1994, https://doi.org/10.1109/ICNN.1994.374138.

    Args:
        input: the means.
        target: the values.
        var: the variances: a number, or a tensor of the input's shape, without its last dimension, or with length 1.
        full: add the constant log(2 pi) / 2.
        eps: the least variance.
        reduction: "none", "mean" or "sum".

    Raises:
        ValueError: an unknown reduction, a variance of another shape, or a negative one.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.gaussian_nll_loss(fastnet.zeros(2), fastnet.ones(2), fastnet.ones(2))
        tensor(0.5)
    """
    check_reduction(reduction)
    check_tensors("gaussian_nll_loss", input=input, target=target)
    if not isinstance(var, Tensor):
        if var < 0:
            raise ValueError(f"gaussian_nll_loss: expected a variance of 0 or more, got {var}")
        var = input.detach() * 0 + var
    elif var.shape != input.shape:
        if var.shape == input.shape[:-1]:
            var = var.unsqueeze(-1)
        elif var.ndim != input.ndim or any(n not in (1, m) for n, m in zip(var.shape, input.shape)):
            raise ValueError(f"gaussian_nll_loss: a variance of shape {shape_text(var)} does not fit an input of shape "
                             f"{shape_text(input)}")
    _check_not_negative(var)
    var = var + (clamp_min(var, eps) - var).detach()                    # limited, with the gradient of 1 everywhere
    losses = 0.5 * (log(var) + (input - target) ** 2 / var)
    return reduce_tensor(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


def _check_not_negative(var: Tensor) -> None:
    if state.recorder is None and state.tracer is None and (var._data < 0).any():
        raise ValueError("gaussian_nll_loss: expected variances of 0 or more, got a negative one")


def poisson_nll_loss(input: Tensor, target: Tensor, log_input: bool = True, full: bool = False, *, eps: float = 1e-8,
                     reduction: Any = "mean") -> Tensor:
    """The negative log-likelihood of a Poisson distribution: exp(input) - target * input.

    Args:
        input: the logarithms of the rates, or the rates.
        target: counts.
        log_input: whether the input is a logarithm; else the loss is input - target * log(input + eps).
        full: add Stirling's approximation of log(target!) for targets above 1.
        eps: see `log_input`.
        reduction: "none", "mean" or "sum".

    Raises:
        ValueError: an unknown reduction.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.poisson_nll_loss(fastnet.zeros(2), fastnet.ones(2))
        tensor(1.)
    """
    check_reduction(reduction)
    check_tensors("poisson_nll_loss", input=input, target=target)
    losses = input.exp() - target * input if log_input else input - target * log(input + eps)
    if full:
        safe = where(target > 1, target, 1.0)
        losses = losses + where(target > 1, safe * log(safe) - safe + 0.5 * log(2 * math.pi * safe), 0.0)
    return reduce_tensor(losses, reduction)
