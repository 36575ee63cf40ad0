"""Whether explanations depend on the model: they must change when its weights are randomised."""
from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import fastnet
from fastnet import Generator, Tensor
from fastnet._core.errors import given_text
from fastnet._core.shapes import ceil_div
from fastnet.explain.integrated_gradients import IntegratedGradients
from fastnet.explain.network import Network
from fastnet.explain.saliency import InputXGradient, Saliency
from fastnet.explain.samples import Samples, Target, as_inputs, cut_evenly
from fastnet.nn import Module

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["SanityReport", "check"]

_CHECKED = Saliency, InputXGradient, IntegratedGradients
_STAGES = 8                             # the most times that attributions are computed again


@dataclass(frozen=True, repr=False)
class SanityReport:
    """How much attributions changed when the weights were randomised: see `check`.

    Attributes:
        similarities: {method: {layer: rank correlation}}, from the last layer to the first. That of a layer is the
            rank correlation of the attributions before and after the weights of this layer, and of all layers after
            it, were randomised; 1: the same order, 0: unrelated.
        threshold: the largest correlation that counts as a change.

    Example:
        >>> from fastnet.explain import SanityReport
        >>> report = SanityReport({"Saliency": {"2": 0.5, "0": 0.05}, "Edges": {"2": 1.0, "0": 1.0}}, 0.5)
        >>> report.passed, report.unchanged
        (False, ('Edges',))
        >>> print(report)
        method    2     0
        Saliency  0.50  0.05  changes with the weights
        Edges     1.00  1.00  does NOT change with the weights: it does not explain this model
    """

    similarities: Mapping[str, Mapping[str, float]]
    threshold: float

    @property
    def unchanged(self) -> tuple[str, ...]:
        """The methods whose attributions hardly change when all weights are randomised."""
        return tuple(name for name, found in self.similarities.items()
                     if not list(found.values())[-1] <= self.threshold)

    @property
    def passed(self) -> bool:
        """Whether the attributions of all methods change."""
        return not self.unchanged

    def __str__(self) -> str:
        layers = list(next(iter(self.similarities.values())))
        rows = [["method", *layers]] + [[name, *(f"{value:.2f}" for value in found.values())]
                                        for name, found in self.similarities.items()]
        widths = [max(map(len, column)) for column in zip(*rows)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in rows]
        ends = ["", *("does NOT change with the weights: it does not explain this model" if name in self.unchanged
                      else "changes with the weights" for name in self.similarities)]
        return "\n".join(f"{line}  {end}".rstrip() for line, end in zip(lines, ends))

    def __repr__(self) -> str:
        return f"SanityReport(passed={self.passed})"


def check(model: Module, x: Any, target: Target = None,
          methods: Callable[[Module], Any] | Iterable[Callable[[Module], Any]] = _CHECKED, *, seed: int = 0,
          threshold: float = 0.5) -> SanityReport:
    """Check that explanations change when the weights are randomised, as those of a model must.

    The weights of a copy of the model are replaced, from the last layer to the first, by normal numbers of the same
    mean and deviation. A method whose attributions keep their order shows the input, not what the model has learnt.
    Adebayo et al. 2018, "Sanity Checks for Saliency Maps", https://arxiv.org/abs/1810.03292.

    Args:
        model: the model, which stays unchanged.
        x: inputs (N, ...), or a tuple of them; a few samples are enough.
        target: see `Saliency.attribute`. None: the class that the model predicts for each sample.
        methods: functions of a model that return a method, such as the classes Saliency or GuidedBackprop, or
            `lambda model: LayerGradCam(model, model.layer4)`; one or several.
        seed: of the random weights.
        threshold: the largest rank correlation, after all weights were randomised, that counts as a change.

    Returns:
        A SanityReport. `print` shows it; `passed` is False if a method's attributions do not change.

    Raises:
        TypeError: model is not a Module, or methods are not functions of a model.
        ValueError: it has no parameters; there are no methods, or two with the same name; or inputs or attributions are
            NaN or infinite.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> _ = fastnet.manual_seed(0)
        >>> model = nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 3))
        >>> report = fastnet.explain.check(model, fastnet.randn(8, 20), methods=fastnet.explain.Saliency)
        >>> report.passed
        True
    """
    if not isinstance(model, Module):
        raise TypeError(f"check: expected a Module, got {given_text(model)}")
    random = copy.deepcopy(model)
    layers = [(name, module) for name, module in random.named_modules() if list(module.parameters(recurse=False))]
    if not layers:
        raise ValueError("check: expected a model with parameters, whose weights can be randomised")
    inputs = as_inputs("check", x)
    if not all(np.isfinite(given.numpy()).all() for given in inputs):
        raise ValueError("check: expected finite inputs, got NaN or infinite values")
    chosen = _predicted(model, inputs) if target is None else target
    explain = _explanations(methods, random, x, chosen)
    before = {name: function() for name, function in explain.items()}
    found: dict[str, dict[str, float]] = {name: {} for name in explain}
    generator = Generator(seed)
    layers.reverse()
    for i, j in cut_evenly(len(layers), ceil_div(len(layers), _STAGES)):
        for _, layer in layers[i:j]:
            _randomise(layer, generator)
        for name, function in explain.items():
            found[name][layers[j - 1][0] or type(random).__name__] = _similarity(before[name], function())
    return SanityReport(found, threshold)


def _explanations(methods: Any, model: Module, x: Any, target: Any) -> dict[str, Callable[[], list[Array]]]:
    """{name: a function that computes the attributions} of the methods of a model."""
    found: dict[str, Callable[[], list[Array]]] = {}
    for make in [methods] if callable(methods) or not isinstance(methods, Iterable) else methods:
        if not callable(make):
            raise TypeError(f"check: expected methods to be functions of a model, such as the class Saliency, got "
                            f"{given_text(make)}")
        try:
            made = make(model)
        except TypeError as e:
            raise TypeError(f"check: expected methods to be functions of a model alone, such as `lambda model: "
                            f"LayerGradCam(model, model.layer4)`: {e}") from e
        name = _name(made)
        if name in found:
            raise ValueError(f"check: expected methods with different names, got {name} twice; check each alone")
        found[name] = _attributions(made, x, target)
    if not found:
        raise ValueError("check: expected at least one method, got none")
    return found


def _predicted(model: Module, inputs: tuple[Tensor, ...]) -> Any:
    """The class that is predicted for each sample; None for one output for each sample."""
    outputs = Network(model, compile=False).all_outputs(Samples(inputs))
    return outputs.argmax(1) if outputs.ndim == 2 and outputs.shape[1] > 1 else None


def _name(method: Any) -> str:
    inner = getattr(method, "attribution_method", None)
    return type(method).__name__ + (f"({type(inner).__name__})" if inner is not None else "")


def _attributions(method: Any, x: Any, target: Any) -> Callable[[], list[Array]]:
    """A function that computes the attributions, one array (N, ...) for each input."""
    def compute() -> list[Array]:
        found = method.attribute(x, target=target)
        parts = [part.numpy() for part in (found if isinstance(found, tuple) else (found,))]
        if not all(np.isfinite(part).all() for part in parts):
            raise ValueError(f"check: the attributions of {_name(method)} have NaN or infinite values; check the "
                             "inputs and the weights")
        return parts
    return compute


def _randomise(layer: Module, generator: Generator) -> None:
    """Replace the parameters of a layer by normal numbers of the same mean and deviation."""
    with fastnet.no_grad():
        for p in layer.parameters(recurse=False):
            if p.dtype.kind == "f" and p.numel() > 1:
                drawn = fastnet.randn(*p.shape, dtype=p.dtype, generator=generator)
                p.copy_(p.mean() + p.std() * drawn)


def _similarity(before: list[Array], after: list[Array]) -> float:
    """The mean over the samples of the rank correlation; elements that are 0 in both are left out."""
    a, b = (np.concatenate([part.reshape(len(part), -1) for part in parts], 1) for parts in (before, after))
    return float(np.mean([_rank_correlation(*(row[(x != 0) | (y != 0)] for row in (x, y))) for x, y in zip(a, b)]))


def _rank_correlation(a: Array, b: Array) -> float:
    x, y = _ranks(a), _ranks(b)
    x, y = x - x.mean() if len(x) else x, y - y.mean() if len(y) else y
    scale = np.sqrt((x * x).sum() * (y * y).sum())
    return float((x * y).sum() / scale) if scale else float(np.array_equal(a, b))


def _ranks(values: Array) -> Array:
    """The ranks of values; equal ones share their mean rank."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]
