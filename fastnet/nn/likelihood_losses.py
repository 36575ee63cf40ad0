"""Modules of the losses in functional/likelihood_losses.py, whose functions document shapes and errors."""
from __future__ import annotations

from fastnet._core.tensor import Tensor
from fastnet.functional.loss import Reduction
from fastnet.nn import functional as F
from fastnet.nn.loss import Loss

__all__ = ["GaussianNLLLoss", "PoissonNLLLoss"]


class GaussianNLLLoss(Loss):
    """Negative log-likelihood of normal distributions, (log var + (input - target)^2 / var) / 2.

    See `functional.gaussian_nll_loss`.

    Args:
        full: add the constant log(2 pi) / 2.
        eps: the least variance.
        reduction: "none", "mean" or "sum".

    Example:
        >>> import fastnet
        >>> fastnet.nn.GaussianNLLLoss()(fastnet.zeros(2), fastnet.ones(2), fastnet.ones(2))
        tensor(0.5)
    """

    full: bool
    eps: float

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)
        self.full, self.eps = full, eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        return F.gaussian_nll_loss(input, target, var, full=self.full, eps=self.eps, reduction=self.reduction)


class PoissonNLLLoss(Loss):
    """Negative log-likelihood of Poisson distributions, exp(input) - target * input: see `functional.poisson_nll_loss`.

    Args:
        log_input: whether the input is the logarithm of the rate.
        full: add Stirling's approximation of log(target!).
        eps: added to a rate before its logarithm.
        reduction: "none", "mean" or "sum".

    Example:
        >>> import fastnet
        >>> fastnet.nn.PoissonNLLLoss()(fastnet.zeros(2), fastnet.ones(2))
        tensor(1.)
    """

    log_input: bool
    full: bool
    eps: float

    def __init__(self, log_input: bool = True, full: bool = False, *, eps: float = 1e-8,
                 reduction: Reduction = "mean") -> None:
        super().__init__(reduction)
        self.log_input, self.full, self.eps = log_input, full, eps

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.poisson_nll_loss(input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction)
