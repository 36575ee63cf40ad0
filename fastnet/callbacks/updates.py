"""Callbacks that change the update: gradient accumulation, gradient clipping, averaged weights."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fastnet
from fastnet import nn
from fastnet._core.errors import check_number, whole_number
from fastnet.callbacks.base import Callback
from fastnet.nn.utils.pruning import pruned_parameters

if TYPE_CHECKING:
    from fastnet import Tensor
    from fastnet.training import Trainer

__all__ = ["ExponentialMovingAverage", "GradientAccumulation", "GradientClipping"]


class GradientAccumulation(Callback):
    """Update the weights once every `batches` batches: the effect of a large batch in little memory.

    The gradient of an update equals that of one batch of all their samples, whatever their sizes and weights. The last
    update of an epoch uses the remaining batches.

    Args:
        batches: number of batches per update.

    Raises:
        TypeError, ValueError: `batches` is not an integer of at least 1.

    Example:
        >>> import fastnet
        >>> fastnet.callbacks.GradientAccumulation(4)
        GradientAccumulation(batches=4)
    """

    def __init__(self, batches: int) -> None:
        self.batches: int = whole_number("batches", batches, 1)

    def on_fit_begin(self, trainer: Trainer) -> None:
        trainer.accumulate = self.batches       # checkpoints save it


class GradientClipping(Callback):
    """Scale gradients before each update so that their norm is at most `max_norm`, or clip each number to `value`.

    Pascanu et al. 2013, "On the difficulty of training recurrent neural networks", https://arxiv.org/abs/1211.5063.

    Args:
        max_norm: largest norm of all gradients together.
        value: largest absolute value of each number, instead of `max_norm`.

    Raises:
        TypeError: the bound is not a number.
        ValueError: neither or both bounds are given, or the bound is not positive.

    Example:
        >>> import fastnet
        >>> fastnet.callbacks.GradientClipping(1.0)
        GradientClipping(max_norm=1.0)
    """

    def __init__(self, max_norm: float | None = None, *, value: float | None = None) -> None:
        if (max_norm is None) == (value is None):
            raise ValueError(f"expected either max_norm or value, got max_norm={max_norm} and value={value}")
        name = "max_norm" if value is None else "value"
        bound: Any = max_norm if value is None else value
        check_number(name, bound)
        if not bound > 0:
            raise ValueError(f"expected {name} > 0, got {bound}")
        self.max_norm: float | None = max_norm
        self.value: float | None = value

    def before_update(self, trainer: Trainer) -> None:
        parameters = [p for group in trainer.optimizer.param_groups for p in group["params"]]
        if self.max_norm is not None:
            nn.utils.clip_grad_norm_(parameters, self.max_norm)
        elif self.value is not None:
            nn.utils.clip_grad_value_(parameters, self.value)


class ExponentialMovingAverage(Callback):
    """Average the weights over the updates: average = decay * average + (1 - decay) * weight.

    Validation uses the averaged weights, callbacks at the end of an epoch see and save them, and the training ends with
    them. Floating-point buffers, such as the running statistics of batch norm, are averaged in the same way, so that
    they fit the averaged weights; other buffers keep their values. Polyak and Juditsky 1992,
    https://doi.org/10.1137/0330046.

    Args:
        decay: in [0, 1); the average spans about 1 / (1 - decay) updates.
        use_buffers: average the floating-point buffers, too. False uses the buffers of the current weights, which is
            the default of `torch.optim.swa_utils.AveragedModel`.

    Raises:
        TypeError: `decay` is not a number.
        ValueError: `decay` is out of range.

    Example:
        >>> import fastnet
        >>> fastnet.callbacks.ExponentialMovingAverage(0.99)
        ExponentialMovingAverage(decay=0.99)
    """

    priority = 1                        # after callbacks that judge or save the averaged weights of an epoch

    def __init__(self, decay: float = 0.999, use_buffers: bool = True) -> None:
        check_number("decay", decay)
        if not 0 <= decay < 1:
            raise ValueError(f"expected 0 <= decay < 1, got {decay}")
        self.decay: float = decay
        self.use_buffers: bool = use_buffers
        self._averages: list[Tensor] = []
        self._raw: list[Tensor] | None = None

    def on_fit_begin(self, trainer: Trainer) -> None:
        self._averages = [x.clone() for x, _ in self._averaged(trainer)]
        self._raw = None

    def after_update(self, trainer: Trainer) -> None:
        for average, (x, learns) in zip(self._averages, self._averaged(trainer), strict=True):
            if learns:                  # the average of constant numbers would differ from them by rounding
                average.mul_(self.decay).add_(x, alpha=1 - self.decay)

    def on_validation_begin(self, trainer: Trainer) -> None:
        self._raw = [x.clone() for x, _ in self._averaged(trainer)]
        self._write(trainer, self._averages)

    def on_epoch_end(self, trainer: Trainer) -> None:
        self._restore(trainer)

    def close(self, trainer: Trainer) -> None:
        self._restore(trainer)          # after an error in the validation

    def on_fit_end(self, trainer: Trainer) -> None:
        if not trainer.interrupted:
            self.on_validation_begin(trainer)           # until all are written, `close` would restore the raw weights
            self._raw = None

    def state_dict(self) -> dict[str, Any]:
        return {"averages": self._averages}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        with fastnet.no_grad():
            for average, saved in zip(self._averages, state["averages"]):
                average.copy_(saved)

    def _averaged(self, trainer: Trainer) -> list[tuple[Tensor, bool]]:
        """(tensor, whether training changes it) of what is averaged: parameters, then buffers but masks of pruning."""
        model = trainer.model
        masks = {id(getattr(module, f"{name}_mask")) for module, name in pruned_parameters(model)}
        frozen = {id(b) for module in model.modules() if module._frozen for b in module.buffers(recurse=False)}
        buffers = (b for b in model.buffers() if b.is_floating_point() and id(b) not in masks)
        return [*((p.detach(), p.requires_grad) for p in model.parameters()),
                *((b.detach(), id(b) not in frozen) for b in (buffers if self.use_buffers else ()))]

    def _restore(self, trainer: Trainer) -> None:
        if self._raw is not None:
            self._write(trainer, self._raw)
            self._raw = None

    def _write(self, trainer: Trainer, values: list[Tensor]) -> None:
        with fastnet.no_grad():
            for (x, _), value in zip(self._averaged(trainer), values, strict=True):
                x.copy_(value)
