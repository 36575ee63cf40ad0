"""Predictions for arrays, for explainers that call a model as a function of rows."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import fastnet
from fastnet._core.errors import given_text
from fastnet.explain.network import Network
from fastnet.explain.samples import Samples
from fastnet.nn import Module
from fastnet.nn.functional import softmax

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, ArrayLike

__all__ = ["predict"]


def predict(model: Module, inputs: ArrayLike, *, probabilities: bool = False) -> Array:
    """Compute a model's outputs for an array of rows, in blocks of bounded memory.

    It is the function that `shap.KernelExplainer` takes: `functools.partial(fastnet.explain.predict, model)`. So are
    `predict_proba` of a Trainer and of an estimator.

    Args:
        model: a Module, which runs in evaluation mode.
        inputs: (N, ...), an array or a data frame of numbers, converted to the dtype of the model's parameters.
        probabilities: return the softmax of the outputs over dimension 1.

    Returns:
        A NumPy array with the N outputs.

    Raises:
        TypeError: model is not a Module.
        ValueError: inputs are not numbers, or have no rows.

    Example:
        >>> import fastnet, numpy as np
        >>> model = fastnet.nn.Linear(3, 2)
        >>> fastnet.explain.predict(model, np.ones((4, 3)), probabilities=True).sum(1)
        array([1., 1., 1., 1.], dtype=float32)
    """
    if not isinstance(model, Module):
        raise TypeError(f"predict: expected a Module, got {given_text(model)}")
    rows = np.asarray(inputs)
    if rows.dtype.kind not in "biuf" or not rows.ndim or not len(rows):
        raise ValueError(f"predict: expected an array of numbers with at least one row, got {rows.dtype} {rows.shape}")
    dtype = next((p.dtype for p in model.parameters() if p.dtype.kind == "f"), fastnet.float32)
    x = fastnet.tensor(rows, dtype=dtype)
    found = Network(model, compile=False).all_outputs(Samples((x,)))
    return (softmax(found, dim=1) if probabilities else found).numpy()
