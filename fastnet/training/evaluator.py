"""Measuring and predicting with a model: the part of the Trainer that does not change the weights."""
from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

import fastnet
from fastnet import metrics as m, nn
from fastnet._core.errors import given_text
from fastnet._core.state import Finally
from fastnet.training import steps
from fastnet.training.checks import ModelInputs
from fastnet.training.losses import Loss
from fastnet.training.running import Result, RunningResults
from fastnet.training.settings import as_list
from fastnet.training.sources import evaluation_source, input_batches

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, ArrayLike, DType
    from fastnet.training.annotations import Inputs, LossSpec, LossTask, MetricSpec, Targets, WeightedBatch

__all__ = ["Evaluator"]

_T = TypeVar("_T")


class Evaluator:
    """A model with a loss and metrics: base class of the Trainer, see there for the arguments."""

    def __init__(self, model: nn.Module, loss: LossSpec, task: LossTask | None,
                 metrics: MetricSpec | Iterable[MetricSpec], compile: bool) -> None:
        if not isinstance(model, nn.Module):
            raise TypeError(f"expected a model that is a Module, got {given_text(model)}")
        self.model: nn.Module = model
        self.loss: Loss = Loss(loss, task)
        self.compile: bool = compile
        self.metrics: list[m.Metric] = [m.get(spec) for spec in as_list("metrics", metrics, str | m.Metric)]
        # {"training" or "validation": a function that wraps the compiled function}, set by callbacks during a `fit`
        self.observers: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {}
        self._compiled: dict[Any, tuple[list[Any], Any]] = {}   # {factory: (what the function uses, the function)}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_compiled": {}, "observers": {}}

    # ---- measuring ----

    def evaluate(self, x: Inputs, y: Targets | None = None, *, batch_size: int = 1024,
                 sample_weight: ArrayLike | None = None) -> dict[str, Any]:
        """Compute the mean loss and the metrics of the model, in evaluation mode and without gradients.

        Args:
            x, y: see `fit`.
            batch_size: number of samples per batch.
            sample_weight: (N,), the weight of each sample in the loss.

        Returns:
            {"loss": number, metric: value, ...}.
        """
        source = evaluation_source(x, y, self.loss, self._model_inputs, batch_size, sample_weight)
        return self._measure(source.epoch(0)).results()

    def _measure(self, batches: Iterable[WeightedBatch],
                 gather: Callable[[Iterator[Result]], Iterator[Result]] = iter) -> RunningResults:
        """The results of batches; `gather` adds those of the batches that other ranks measure."""
        measure = self._compiled_by(steps.measurement)
        running = RunningResults(copy.deepcopy(self.metrics))
        with _restoring_mode(self.model):
            self.model.eval()
            for result in gather(_results(measure, batches)):
                running.add(*result)
        if not running.samples:
            raise ValueError("there is nothing to measure on: the loader gave no batch")
        return running

    # ---- predicting ----

    def decision_function(self, x: Inputs, *, batch_size: int = 1024) -> Array:
        """Compute the model's output for each sample: scores of classes (logits), or values.

        Args:
            x: see `fit`; the batches of a loader are inputs only, an array or a tuple of arrays.
            batch_size: number of samples per batch.

        Returns:
            A NumPy array with the samples along the first axis.

        Raises:
            TypeError: the model gives something else than one tensor.
        """
        forward = self._compiled_by(steps.forward)
        with _restoring_mode(self.model):
            self.model.eval()
            outputs = [_output_array(forward(*inputs)) for inputs in input_batches(x, self._model_inputs, batch_size)]
        if not outputs:
            raise ValueError("there is nothing to predict: the loader gave no batch")
        return np.concatenate(outputs)

    def predict(self, x: Inputs, *, batch_size: int = 1024) -> Array:
        """Predict the class of each sample (0 or 1 if there is one score per sample), or its value in regression.

        Args:
            x, batch_size: see `decision_function`.
        """
        return self.loss.predictions(self.decision_function(x, batch_size=batch_size))

    def predict_proba(self, x: Inputs, *, batch_size: int = 1024) -> Array:
        """Predict the probability of each class: (N, C); (N, 2) if there is one score per sample.

        Args:
            x, batch_size: see `decision_function`.

        Raises:
            TypeError: the loss is a regression loss.
        """
        return self.loss.probabilities(self.decision_function(x, batch_size=batch_size))

    # ---- internals ----

    @property
    def dtype(self) -> DType:
        """The dtype of the model's floating-point parameters."""
        return next((p.dtype for p in self.model.parameters() if p.dtype.kind == "f"), fastnet.float32)

    @property
    def _model_inputs(self) -> ModelInputs:
        return ModelInputs(self.model, self.dtype)

    def _parts(self) -> list[Any]:
        """The objects that compiled functions use."""
        return [self.model, self.loss, self.compile, *self.metrics, *self.observers.values()]

    def _compiled_by(self, make: Callable[[Any], _T]) -> _T:
        """The function that `make(self)` compiled, made anew if one of its parts was replaced since."""
        parts = self._parts()
        made_of, function = self._compiled.get(make, ([], None))
        if list(map(id, made_of)) != list(map(id, parts)):
            function = make(self)
            self._compiled[make] = parts, function
        result: Any = function
        return result


def _output_array(output: Any) -> Array:
    if not isinstance(output, fastnet.Tensor):
        raise TypeError(f"predictions need a model that gives one tensor, got {type(output).__name__}; call the model "
                        "or its own methods")
    return output.numpy()


def _results(measure: Callable[..., Any], batches: Iterable[WeightedBatch]) -> Iterator[Result]:
    """The result of each batch."""
    for inputs, target, weight in batches:
        value, total, measured = measure(weight, target, *inputs)
        yield Result(len(target), value.item(), total, measured)


def _restoring_mode(model: nn.Module) -> Finally:
    """A context manager that restores the model's mode at the end, whatever exception is raised."""
    return Finally(functools.partial(model.train, model.training))
