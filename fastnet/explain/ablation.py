"""Changes of the output when inputs are replaced: FeatureAblation, FeaturePermutation."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

import fastnet
from fastnet import Generator, Tensor
from fastnet._core.errors import shape_text, whole_number
from fastnet.explain.attribution import Attribution
from fastnet.explain.samples import (
    Baselines,
    Inputs,
    Samples,
    Target,
    as_baselines,
    as_inputs,
    cut_evenly,
    in_form,
    per_input,
)

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["FeatureAblation", "FeaturePermutation", "PerturbationAttribution"]

Masks: TypeAlias = "Callable[[int, int], list[Array]]"
Replacements: TypeAlias = "Callable[[int, int], list[Tensor]]"


class PerturbationAttribution(Attribution):
    """The change of the output when features are replaced: base class of such methods."""

    _floating = False
    _divides = False                    # whether an input in several features gets their mean change

    @property
    def multiplies_by_inputs(self) -> bool:
        """True."""
        return True

    def _changes(self, samples: Samples, count: int, masks: Masks, replacements: Replacements,
                 limit: int) -> tuple[Tensor, ...]:
        """The sum over the features that hold an input of f(x) - f(x with the feature replaced).

        Args:
            samples: the rows.
            count: the number of features.
            masks: masks(i, j) are, for each input, booleans (j - i, 1 or N, ...): the inputs in features i to j.
            replacements: replacements(i, j) are, for each input, their new values (j - i or 1, 1 or N, ...).
            limit: the most rows of one call of the model.
        """
        rows, whole = len(samples), self._network.outputs(samples, limit)
        totals = [fastnet.zeros(rows, x[0].numel(), dtype=whole.dtype) for x in samples.inputs]
        covers = [np.zeros(x.shape[1:]) for x in samples.inputs]
        for i, j in cut_evenly(count, limit // rows):
            held = [fastnet.from_numpy(mask) for mask in masks(i, j)]
            inputs = tuple(_with_replaced(x, mask, new)
                           for x, mask, new in zip(samples.inputs, held, replacements(i, j)))
            found = self._network.outputs(samples.repeated(j - i, inputs), limit).view(j - i, rows)
            for k, mask in enumerate(held):
                totals[k] = totals[k] + _at_inputs(whole - found, mask)
                covers[k] += mask[:, 0].numpy().sum(0) if self._divides else 0
        shaped = [total.view(x.shape) for total, x in zip(totals, samples.inputs)]
        if not self._divides:
            return tuple(shaped)
        return tuple(total / fastnet.tensor(np.maximum(cover, 1), dtype=total.dtype)
                     for total, cover in zip(shaped, covers))


def _with_replaced(x: Tensor, mask: Tensor, new: Tensor) -> Tensor:
    """The rows with each feature replaced, (features * N, ...)."""
    count = mask.shape[0]
    return fastnet.where(mask, new, x.unsqueeze(0).expand(count, *x.shape)).reshape(count * x.shape[0], *x.shape[1:])


def _at_inputs(change: Tensor, mask: Tensor) -> Tensor:
    """The sum over features of their changes (features, N), at the inputs that they hold, (N, inputs of a row)."""
    flat = mask.reshape(*mask.shape[:2], -1).to(change.dtype)               # (features, 1 or N, inputs)
    if flat.shape[1] == 1:
        return change.t() @ flat[:, 0]
    return (change.unsqueeze(2) * flat).sum(0)


class _Features:
    """Features of the inputs by their masks: the numbers of the features that they belong to.

    Args:
        name: of the method, for errors.
        feature_mask: integers (1, ...) or (N, ...), in a tuple for several inputs; they are repeated along dimensions
            of size 1. None: each element is a feature.
        inputs: the checked inputs.

    Raises:
        TypeError: a mask without integers.
        ValueError: a mask of another shape than its input.
    """

    def __init__(self, name: str, feature_mask: Any, inputs: tuple[Tensor, ...]) -> None:
        self.masks: list[Array] = []
        first = 0
        for x, given in zip(inputs, per_input(name, "feature_mask", feature_mask, inputs)):
            if given is None:
                numbers = np.arange(first, first + x[0].numel()).reshape(1, *x.shape[1:])
                first += x[0].numel()
            else:
                numbers = given.numpy() if isinstance(given, Tensor) else np.asarray(given)
            if numbers.dtype.kind not in "iu":
                raise TypeError(f"{name}: expected feature_mask to hold integers, got {numbers.dtype}")
            if numbers.ndim != x.ndim or any(a not in (1, b) for a, b in zip(numbers.shape, x.shape)):
                raise ValueError(f"{name}: expected a feature_mask of shape {shape_text((1, *x.shape[1:]))} or "
                                 f"{shape_text(x)}, or with dimensions of size 1, got {shape_text(numbers)}")
            self.masks.append(np.broadcast_to(numbers, (len(numbers), *x.shape[1:])))
        self.numbers = np.unique(np.concatenate([mask.reshape(-1) for mask in self.masks]))

    def __len__(self) -> int:
        return len(self.numbers)

    def held(self, i: int, j: int) -> list[Array]:
        """For each input, the elements of features i to j, booleans (j - i, 1 or N, ...)."""
        return [np.stack([mask == number for number in self.numbers[i:j]]) for mask in self.masks]


class FeatureAblation(PerturbationAttribution):
    """The change of the output when a feature is replaced by its baseline: f(x) - f(x with the feature replaced).

    It needs no gradients, so inputs may be integers, and the model any function.

    Args:
        forward_func, compile: see `Attribution`.

    Example:
        >>> import fastnet
        >>> from fastnet.explain import FeatureAblation
        >>> method = FeatureAblation(lambda x: x[:, 0] * x[:, 1] + x[:, 2])
        >>> x = fastnet.tensor([[2.0, 3.0, 4.0]])
        >>> method.attribute(x)
        tensor([[6., 6., 4.]])
        >>> method.attribute(x, feature_mask=fastnet.tensor([[0, 0, 1]]))
        tensor([[6., 6., 4.]])
    """

    def attribute(self, inputs: Inputs, baselines: Baselines = None, target: Target = None,
                  additional_forward_args: Any = None, feature_mask: Any = None,
                  perturbations_per_eval: int | None = None) -> Any:
        """Compute the changes.

        Args:
            inputs: a tensor (N, ...) of any dtype, or a tuple of them.
            baselines: see `IntegratedGradients.attribute`.
            target, additional_forward_args: see `Saliency.attribute`.
            feature_mask: integers in the shape of the inputs, or of one sample; in a tuple for several inputs.
                Elements with the same number are replaced together, also in different inputs. None: each element is
                a feature.
            perturbations_per_eval: features that are replaced in one call of the model. None: as many as take about
                256 MiB.

        Returns:
            Tensors in the shapes of the inputs, in a tuple if the inputs are one; all elements of a feature have the
            same number.

        Raises:
            TypeError, ValueError, IndexError: as of `Saliency.attribute`; a mask does not fit its input.
        """
        samples = self._samples(inputs, target, additional_forward_args)
        new = [b.unsqueeze(0) for b in as_baselines(self._name, baselines, samples.inputs)]
        features = _Features(self._name, feature_mask, samples.inputs)
        found = self._changes(samples, len(features), features.held, lambda i, j: new,
                              self._rows(samples, perturbations_per_eval))
        return in_form(found, inputs)

    def _rows(self, samples: Samples, features: int | None) -> int:
        """The most rows of one call, for a number of features."""
        wanted = None if features is None else whole_number("perturbations_per_eval", features, 1) * len(samples)
        return self._network.limit(samples, wanted, gradients=False)


class FeaturePermutation(FeatureAblation):
    """The change of the output when a feature is exchanged among the samples of the batch.

    `permutation_importance` is the change of a model's score instead.

    Args:
        forward_func, compile: see `Attribution`.

    Example:
        >>> import fastnet
        >>> from fastnet.explain import FeaturePermutation
        >>> x = fastnet.tensor([[1.0, 5.0], [2.0, 5.0]])
        >>> FeaturePermutation(lambda x: x.sum(1)).attribute(x)
        tensor([[-1.,  0.],
                [ 1.,  0.]])
    """

    def attribute(self, inputs: Inputs, target: Target = None, additional_forward_args: Any = None,     # type: ignore[override]
                  feature_mask: Any = None, perturbations_per_eval: int | None = None, *, seed: int = 0) -> Any:
        """Compute the changes.

        Args:
            inputs, target, additional_forward_args: see `Saliency.attribute`; at least two samples.
            feature_mask, perturbations_per_eval: see `FeatureAblation.attribute`.
            seed: of the permutations, one for each feature, none of which leaves all samples in place.

        Returns:
            As `FeatureAblation.attribute`.
        """
        xs = as_inputs(self._name, inputs, False)
        if len(xs[0]) < 2:
            raise ValueError(f"{self._name}: expected at least two samples, among which features are exchanged, got 1")
        samples = self._samples(inputs, target, additional_forward_args)
        features = _Features(self._name, feature_mask, samples.inputs)
        generator = Generator(seed)
        orders = [_moved(len(samples), generator) for _ in range(len(features))]

        def exchanged(i: int, j: int) -> list[Tensor]:
            return [fastnet.stack([x[order] for order in orders[i:j]]) for x in samples.inputs]
        found = self._changes(samples, len(features), features.held, exchanged,
                              self._rows(samples, perturbations_per_eval))
        return in_form(found, inputs)


def _moved(count: int, generator: Generator) -> Tensor:
    """A random permutation that is not the identity."""
    while True:
        order = fastnet.randperm(count, generator=generator)
        if (order.numpy() != np.arange(count)).any():
            return order
