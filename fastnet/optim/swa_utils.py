"""Averages of models: stochastic weight averaging and exponential moving averages."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from fastnet._core.errors import one_of
from fastnet._core.later import imported_on_use
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.optim.lr_scheduler.base import LRScheduler, per_group

if TYPE_CHECKING:
    from fastnet.nn.averaged import AveragedModel
    from fastnet.optim.optimizer import Optimizer

__all__ = ["SWALR", "AveragedModel", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn",
           "get_swa_multi_avg_fn", "update_bn"]


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[..., None]:
    """A function that updates averages in place: average = decay * average + (1 - decay) * parameter.

    Args:
        decay: between 0 and 1.

    Raises:
        ValueError: the decay is out of range.

    Example:
        >>> import fastnet
        >>> average, parameter = fastnet.zeros(1), fastnet.ones(1)
        >>> fastnet.optim.swa_utils.get_ema_multi_avg_fn(0.9)([average], [parameter], 1)
        >>> average
        tensor([0.1])
    """
    return _multi_avg_fn(get_ema_avg_fn(decay))


def get_swa_multi_avg_fn() -> Callable[..., None]:
    """A function that updates equal-weight averages in place: average += (parameter - average) / (n + 1).

    Example:
        >>> import fastnet
        >>> average, parameter = fastnet.zeros(1), fastnet.ones(1)
        >>> fastnet.optim.swa_utils.get_swa_multi_avg_fn()([average], [parameter], 1)
        >>> average
        tensor([0.5])
    """
    return _multi_avg_fn(get_swa_avg_fn())


def _multi_avg_fn(average: Callable[..., Tensor]) -> Callable[..., None]:
    """The function that writes new averages into the averages of several parameters."""
    @no_grad()
    def update(averages: Sequence[Tensor], parameters: Sequence[Tensor], num_averaged: Any) -> None:
        for a, p in zip(averages, parameters, strict=True):
            a.copy_(average(a, p, num_averaged))
    return update


def get_ema_avg_fn(decay: float = 0.999) -> Callable[..., Tensor]:
    """A function of (average, parameter, number of averages): decay * average + (1 - decay) * parameter.

    Args:
        decay: between 0 and 1.

    Raises:
        ValueError: the decay is out of range.

    Example:
        >>> import fastnet
        >>> fastnet.optim.swa_utils.get_ema_avg_fn(0.9)(fastnet.zeros(1), fastnet.ones(1), 1)
        tensor([0.1])
    """
    if not 0 <= decay <= 1:
        raise ValueError(f"invalid decay: expected 0 <= decay <= 1, got {decay}")

    @no_grad()
    def average(ema_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        return decay * ema_param + (1 - decay) * current_param
    return average


def get_swa_avg_fn() -> Callable[..., Tensor]:
    """A function of (average, parameter, number of averages n): average + (parameter - average) / (n + 1).

    Example:
        >>> import fastnet
        >>> fastnet.optim.swa_utils.get_swa_avg_fn()(fastnet.zeros(1), fastnet.ones(1), 1)
        tensor([0.5])
    """
    @no_grad()
    def average(averaged_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        return averaged_param + (current_param - averaged_param) / (int(num_averaged) + 1)
    return average


@no_grad()
def update_bn(loader: Iterable[Any], model: Any, device: object = None) -> None:
    """Compute the running statistics of all batch norms anew, from the batches of a loader.

    Args:
        loader: batches, or tuples whose first entry is one.
        model: a module.
        device: see `fastnet.device`.

    Example:
        >>> import fastnet
        >>> model = fastnet.nn.BatchNorm1d(2)
        >>> fastnet.optim.swa_utils.update_bn([fastnet.tensor([[1.0, 2.0], [3.0, 4.0]])], model)
        >>> model.running_mean
        tensor([2., 3.])
    """
    norms = [m for m in model.modules() if getattr(m, "running_mean", None) is not None and hasattr(m, "momentum")]
    if not norms:
        return
    momenta = [m.momentum for m in norms]
    training = model.training
    for m in norms:
        m.reset_running_stats()
        m.momentum = None                       # the plain average of all batches
    model.train()
    try:
        for batch in loader:
            model(batch[0] if isinstance(batch, list | tuple) else batch)
    finally:
        for m, momentum in zip(norms, momenta):
            m.momentum = momentum
        model.train(training)


class SWALR(LRScheduler):
    """Anneal the rates to a constant one, for stochastic weight averaging.

    Izmailov et al. 2018, https://arxiv.org/abs/1803.05407.

    Args:
        optimizer: the optimizer.
        swa_lr: the last rate, or a list with one for each group.
        anneal_epochs: the number of epochs until it is reached.
        anneal_strategy: "cos" or "linear".
        last_epoch: see `LRScheduler`.

    Raises:
        ValueError: an unknown strategy, or a negative number of epochs.

    Example:
        >>> import fastnet
        >>> optimizer = fastnet.optim.SGD([fastnet.ones(2, requires_grad=True)], lr=1.0)
        >>> schedule = fastnet.optim.swa_utils.SWALR(optimizer, 0.5, anneal_epochs=2, anneal_strategy="linear")
        >>> optimizer.step(); schedule.step()
        >>> schedule.get_last_lr()
        [0.75]
    """

    def __init__(self, optimizer: Optimizer, swa_lr: float | Sequence[float], anneal_epochs: int = 10,
                 anneal_strategy: str = "cos", last_epoch: int = -1) -> None:
        for group, lr in zip(optimizer.param_groups, per_group("swa_lr", optimizer, swa_lr), strict=True):
            group["swa_lr"] = lr
        if anneal_strategy not in ("cos", "linear"):
            raise one_of("anneal_strategy", anneal_strategy, ("cos", "linear"))
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"expected anneal_epochs to be an integer of 0 or more, got {anneal_epochs}")
        self.anneal_epochs, self.anneal_strategy = anneal_epochs, anneal_strategy
        super().__init__(optimizer, last_epoch)

    def _share(self, t: float) -> float:
        """The weight of swa_lr after the share t of the epochs."""
        t = max(0.0, min(1.0, t))
        return t if self.anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def get_lr(self) -> list[Any]:
        """The rates of this epoch, from the last ones."""
        step, epochs = self._step_count - 1, max(self.anneal_epochs, 1)
        step = max(step, 1) if self.anneal_epochs == 0 else step
        before = self._share(max(0, min(1, (step - 1) / epochs)))
        share = self._share(step / epochs)
        rates = []
        for group in self.optimizer.param_groups:
            last = group["swa_lr"]
            first = last if before == 1 else (group["lr"] - before * last) / (1 - before)
            rates.append(share * last + (1 - share) * first)
        return rates


if not TYPE_CHECKING:                   # its module is above the optimizers
    __getattr__ = imported_on_use(globals(), {"AveragedModel": ("fastnet.nn.averaged", "AveragedModel")})
