"""Occlusion: the change of the output when a window of the input is covered."""
from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.errors import whole_number
from fastnet._core.shapes import ceil_div
from fastnet.explain.ablation import FeatureAblation
from fastnet.explain.samples import Baselines, Inputs, Target, as_baselines, in_form

if TYPE_CHECKING:
    from fastnet import Tensor
    from fastnet._core.annotations import Array

__all__ = ["Occlusion"]


class Occlusion(FeatureAblation):
    """The change of the output when a window is replaced by the baseline, for windows all over the input.

    An element in several windows has their mean. Zeiler and Fergus 2013, "Visualizing and Understanding Convolutional
    Networks", https://arxiv.org/abs/1311.2901.

    Args:
        forward_func, compile: see `Attribution`.

    Example:
        >>> import fastnet
        >>> from fastnet.explain import Occlusion
        >>> method = Occlusion(lambda x: x.sum(1))
        >>> method.attribute(fastnet.tensor([[1.0, 2.0, 3.0]]), sliding_window_shapes=(2,), strides=1)
        tensor([[3., 4., 5.]])
    """

    _divides = True

    def attribute(self, inputs: Inputs, sliding_window_shapes: Any, strides: Any = None,       # type: ignore[override]
                  baselines: Baselines = None, target: Target = None, additional_forward_args: Any = None,
                  perturbations_per_eval: int | None = None) -> Any:
        """Compute the changes.

        Args:
            inputs: a tensor (N, ...) of any dtype, or a tuple of them.
            sliding_window_shapes: the shape of the window in the dimensions after the first, such as (3, 8, 8) for
                images (N, 3, H, W); a tuple of such tuples for several inputs.
            strides: the step of the window, an integer or a tuple with one for each dimension; for several inputs a
                tuple with one of these for each. None: 1. The last window of a dimension is cut at its end.
            baselines: see `IntegratedGradients.attribute`.
            target, additional_forward_args: see `Saliency.attribute`.
            perturbations_per_eval: windows in one call of the model. None: as many as take about 256 MiB.

        Returns:
            Tensors in the shapes of the inputs, in a tuple if the inputs are one.

        Raises:
            TypeError, ValueError, IndexError: as of `Saliency.attribute`; a window larger than its input, or smaller
                than its stride.
        """
        samples = self._samples(inputs, target, additional_forward_args)
        shapes = _for_each(sliding_window_shapes, inputs)
        steps = _for_each(strides, inputs)
        if len(shapes) != len(samples.inputs) or len(steps) != len(samples.inputs):
            raise ValueError(f"{self._name}: expected a window and a stride for each of {len(samples.inputs)} inputs, "
                             f"got {len(shapes)} and {len(steps)}")
        windows = _SlidingWindows([_corners(x, shape, step) for x, shape, step in zip(samples.inputs, shapes, steps)],
                           [tuple(shape) for shape in shapes], samples.inputs)
        new = [b.unsqueeze(0) for b in as_baselines(self._name, baselines, samples.inputs)]
        found = self._changes(samples, len(windows), windows.held, lambda i, j: new,
                              self._rows(samples, perturbations_per_eval))
        return in_form(found, inputs)


def _for_each(given: Any, inputs: Inputs) -> tuple[Any, ...]:
    """An argument with an entry for each input."""
    if not isinstance(inputs, tuple):
        return (given,)
    return tuple(given) if isinstance(given, tuple) else (given,) * len(inputs)


def _corners(x: Tensor, shape: Sequence[int], strides: int | Sequence[int] | None) -> list[tuple[int, ...]]:
    """The first corners of all windows over one input."""
    lengths = x.shape[1:]
    if not isinstance(shape, tuple | list) or len(shape) != len(lengths):
        raise ValueError(f"Occlusion: expected a window of {len(lengths)} dimensions, for inputs {tuple(lengths)}, got "
                         f"{shape}")
    steps = [1 if strides is None else strides] * len(shape) if isinstance(strides, int | None) else list(strides)
    if len(steps) != len(shape):
        raise ValueError(f"Occlusion: expected a stride for each of {len(shape)} dimensions, got {strides}")
    for length, size, step in zip(lengths, shape, steps):
        if not 0 < whole_number("the size of a window", size, None) <= length:
            raise ValueError(f"Occlusion: expected a window of 1 to {length} in each dimension of {tuple(lengths)}, "
                             f"got {tuple(shape)}")
        if whole_number("strides", step, None) < 1 or (step > size and size < length):
            raise ValueError(f"Occlusion: expected strides from 1 to the window's size {tuple(shape)}, got {strides}; "
                             "larger ones leave inputs out")
    places = [[k * step for k in range(ceil_div(length - size, step) + 1)]
              for length, size, step in zip(lengths, shape, steps)]
    return list(itertools.product(*places))


class _SlidingWindows:
    """Windows over the inputs, those of the first input first."""

    def __init__(self, corners: list[list[tuple[int, ...]]], shapes: list[tuple[int, ...]],
                 inputs: tuple[Tensor, ...]) -> None:
        self.windows = [(k, corner) for k, found in enumerate(corners) for corner in found]
        self.shapes, self.inputs = shapes, inputs

    def __len__(self) -> int:
        return len(self.windows)

    def held(self, i: int, j: int) -> list[Array]:
        """For each input, the elements of windows i to j, booleans (j - i, 1, ...)."""
        masks = [np.zeros((j - i, 1, *x.shape[1:]), bool) for x in self.inputs]
        for row, (k, corner) in enumerate(self.windows[i:j]):
            window = tuple(slice(first, first + size) for first, size in zip(corner, self.shapes[k]))
            masks[k][row, 0][window] = True
        return masks
