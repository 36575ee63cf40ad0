"""Evaluation mode for the duration of a block."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastnet.nn.module import Module

__all__ = ["evaluating"]


@contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Context in which a model is in evaluation mode; at its end each module has the mode that it had.

    Args:
        model: the model.

    Example:
        >>> from fastnet import nn
        >>> from fastnet.nn.evaluation import evaluating
        >>> model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2).eval())
        >>> with evaluating(model):
        ...     print(model[0].training)
        False
        >>> model[0].training, model[1].training
        (True, False)
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
