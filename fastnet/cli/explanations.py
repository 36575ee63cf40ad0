"""Explanations of saved models: the attributions of a sample by each method, and lines about them."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import Tensor, explain as e, nn
from fastnet.cli.errors import WrongUseError
from fastnet.cli.inputs import Pixels, TableInputs

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["METHODS", "attributions_of", "column_sums", "lines_for_columns", "strongest_window"]

_WINDOWS_A_SIDE = 8                     # an occluding window is an eighth of an image's side
_NOISY_COPIES = 25
_NOISE_SHARE = 0.15                           # of the range of the inputs


def _integrated_gradients(model: nn.Module, inputs: Any, x: Tensor, target: int | None) -> Tensor:
    return e.IntegratedGradients(model).attribute(x, target=target)


def _saliency(model: nn.Module, inputs: Any, x: Tensor, target: int | None) -> Tensor:
    return e.Saliency(model).attribute(x, target)


def _input_x_gradient(model: nn.Module, inputs: Any, x: Tensor, target: int | None) -> Tensor:
    return e.InputXGradient(model).attribute(x, target)


def _smooth_grad(model: nn.Module, inputs: Any, x: Tensor, target: int | None) -> Tensor:
    noise = _NOISE_SHARE * float((x.max() - x.min()).item())
    return e.SmoothGrad(model).attribute(x, nt_samples=_NOISY_COPIES, stdevs=noise, target=target)


def _guided_backprop(model: nn.Module, inputs: Any, x: Tensor, target: int | None) -> Tensor:
    return e.GuidedBackprop(model).attribute(x, target)


def _deep_lift(model: nn.Module, inputs: Any, x: Tensor, target: int | None) -> Tensor:
    return e.DeepLift(model).attribute(x, target=target)


def _grad_cam(model: nn.Module, inputs: Any, x: Tensor, target: int | None) -> Tensor:
    layers = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    if not layers:
        raise WrongUseError("--method grad_cam is for convolutional networks, which this model is not")
    found = e.LayerGradCam(model, layers[-1]).attribute(x, target)
    return e.LayerGradCam.interpolate(found, x.shape[2:], "bilinear")


def _occlusion(model: nn.Module, inputs: Any, x: Tensor, target: int | None) -> Tensor:
    if isinstance(inputs, TableInputs):
        return e.FeatureAblation(model).attribute(x, target=target, feature_mask=_column_numbers(inputs)[None])
    window = tuple(max(1, length // _WINDOWS_A_SIDE) if length > 4 else length for length in x.shape[1:])
    strides = tuple(max(1, size // 2) for size in window)
    return e.Occlusion(model).attribute(x, window, strides, target=target)


METHODS: dict[str, Callable[[nn.Module, Any, Tensor, int | None], Tensor]] = {
    "integrated_gradients": _integrated_gradients, "saliency": _saliency, "input_x_gradient": _input_x_gradient,
    "smooth_grad": _smooth_grad, "guided_backprop": _guided_backprop, "deep_lift": _deep_lift, "grad_cam": _grad_cam,
    "occlusion": _occlusion}


def attributions_of(method: str, model: nn.Module, inputs: Pixels | TableInputs, x: Tensor,
                    target: int | None) -> Array:
    """The attributions of one sample, in the shape of its row; grad_cam (1, H, W).

    Args:
        method: of `METHODS`.
        model: the model.
        inputs: the preparation of its inputs.
        x: (1, ...), the prepared sample.
        target: the output to explain; None: the only one.

    Raises:
        WrongUseError: the method is not for this model.
    """
    return METHODS[method](model, inputs, x, target).numpy()[0]


# ---- tables ----

def _column_numbers(inputs: TableInputs) -> Array:
    """For each feature, the position of its column."""
    encoders = inputs.preparation.encoders
    counts = [len(encoder.names(name)) for name, encoder in encoders.items()]
    return np.repeat(np.arange(len(counts)), counts)


def column_sums(method: str, inputs: TableInputs, attributions: Array) -> Array:
    """The attribution of each column of a table: the sum over its features.

    Args:
        method: that of the attributions; that of occlusion replaces whole columns.
        inputs: the preparation of the rows.
        attributions: (features,).
    """
    numbers = _column_numbers(inputs)
    sums = np.bincount(numbers, attributions, len(inputs.columns))
    return sums / np.bincount(numbers, minlength=len(inputs.columns)) if method == "occlusion" else sums


def lines_for_columns(columns: list[str], cells: Mapping[str, Any], sums: Array, most: int) -> list[str]:
    """Lines about the columns that count most, the most important first.

    Args:
        columns: their names.
        cells: {column: the cell of the row}.
        sums: (columns,), their attributions.
        most: the largest number of lines.

    Example:
        >>> import numpy as np
        >>> from fastnet.cli.explanations import lines_for_columns
        >>> print("\\n".join(lines_for_columns(["age", "size"], {"age": 7, "size": "xl"}, np.array([0.5, -1.5]), 5)))
          size = xl  -1.500  75%
          age = 7    +0.500  25%
    """
    total = float(np.abs(sums).sum()) or 1.0
    order = np.argsort(-np.abs(sums), kind="stable")[:most]
    shown = ["missing" if cells[columns[i]] is None else cells[columns[i]] for i in order]
    names = [f"{columns[i]} = {cell}" for i, cell in zip(order, shown)]
    width = max(map(len, names))
    left = [f"  and {len(columns) - most} more columns"] if len(columns) > most else []
    return [f"  {name:{width}}  {sums[i]:+.3f}  {abs(sums[i]) / total:.0%}" for name, i in zip(names, order)] + left


# ---- images ----

def strongest_window(attributions: Array) -> tuple[slice, slice, float]:
    """The window of half an image's height and width with the largest sum of positive attributions.

    Args:
        attributions: (H, W).

    Returns:
        (rows, columns, share of the positive attributions of the image).

    Example:
        >>> import numpy as np
        >>> from fastnet.cli.explanations import strongest_window
        >>> a = np.zeros((4, 4))
        >>> a[2, 3], a[0, 0] = 3, 1
        >>> strongest_window(a)
        (slice(1, 3, None), slice(2, 4, None), 0.75)
    """
    positive = np.maximum(attributions, 0).astype(np.float64)
    sums = np.zeros((positive.shape[0] + 1, positive.shape[1] + 1))
    sums[1:, 1:] = positive.cumsum(0).cumsum(1)
    h, w = (max(1, length // 2) for length in positive.shape)
    windows = sums[h:, w:] - sums[:-h, w:] - sums[h:, :-w] + sums[:-h, :-w]
    row, column = np.unravel_index(windows.argmax(), windows.shape)
    total = float(positive.sum())
    share = float(windows[row, column]) / total if total else 0.0
    return slice(int(row), int(row) + h), slice(int(column), int(column) + w), share
