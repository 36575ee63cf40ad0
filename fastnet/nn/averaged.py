"""Averages of models, which `fastnet.optim.swa_utils` offers under PyTorch's name."""
from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.functional.creation import full
from fastnet.nn.module import Module

__all__ = ["AveragedModel"]


class AveragedModel(Module):
    """The average of a model over its training: a copy whose parameters `update_parameters` averages.

    Izmailov et al. 2018, https://arxiv.org/abs/1803.05407.

    Args:
        model: the model in training.
        device: see `fastnet.device`.
        avg_fn: a function of (average, parameter, number of averages) that returns the new average.
        multi_avg_fn: a function of lists of averages and parameters, and of that number, that updates in place. Without
            both functions all models have equal weight.
        use_buffers: whether to average the buffers, too; else they stay those of the copy.

    Attributes:
        module: the copy.
        n_averaged: the number of models averaged.

    Example:
        >>> import fastnet
        >>> model = fastnet.nn.Linear(2, 1)
        >>> average = fastnet.optim.swa_utils.AveragedModel(model)
        >>> average.update_parameters(model)
        >>> average(fastnet.ones(1, 2)).shape
        (1, 1)
    """

    n_averaged: Tensor

    def __init__(self, model: Module, device: object = None, avg_fn: Callable[..., Tensor] | None = None,
                 multi_avg_fn: Callable[..., None] | None = None, use_buffers: bool = False) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("AveragedModel: expected at most one of avg_fn and multi_avg_fn, got both")
        self.module = copy.deepcopy(model)
        self.register_buffer("n_averaged", full((), 0))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Add a state of the model to the average.

        Args:
            model: a module of the same structure.
        """
        averages, parameters = self._averaged(self.module), self._averaged(model)
        count = int(self.n_averaged)
        if count == 0:
            for average, parameter in zip(averages, parameters, strict=True):
                average.copy_(parameter)
        elif self.multi_avg_fn is not None:
            self.multi_avg_fn(averages, parameters, self.n_averaged)
        else:
            for average, parameter in zip(averages, parameters, strict=True):
                average.copy_(self._average(average, parameter, count))
        if not self.use_buffers:
            for mine, theirs in zip(self.module.buffers(), model.buffers(), strict=True):
                mine.copy_(theirs)
        self.n_averaged.add_(1)

    def _average(self, average: Tensor, parameter: Tensor, count: int) -> Tensor:
        if self.avg_fn is not None:
            return self.avg_fn(average, parameter, self.n_averaged)
        return average + (parameter - average) / (count + 1)

    def _averaged(self, model: Module) -> list[Tensor]:
        return [*model.parameters(), *(model.buffers() if self.use_buffers else ())]
