"""Saved models: the model, the preparation of its inputs and targets, and a description of its training."""
from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import fastnet
from fastnet import data, nn
from fastnet._core.annotations import Array, StrPath
from fastnet.cli.errors import naming_damage
from fastnet.cli.figures import class_figures, rarest, value_figures
from fastnet.cli.inputs import Pixels, TableInputs
from fastnet.cli.networks import require_fit
from fastnet.cli.recordings import inputs_from
from fastnet.cli.targets import AnyTargetPreparation, classes_of, outputs_of, targets_of
from fastnet.nn.outline import class_name
from fastnet.nn.saving import load_described
from fastnet.training import Trainer
from fastnet.training.evaluator import Evaluator

if TYPE_CHECKING:
    from fastnet.training.annotations import LossSpec, OptimizerSpec

__all__ = ["Saved", "versions"]

_VERSION = 2                             # 1: dates were numbers, and the forms of cells were not kept
_LOSSES: dict[str, LossSpec] = {
    "classification": "cross_entropy", "multilabel": "binary_cross_entropy_with_logits", "regression": "mse"}
_METRICS: dict[str, list[str]] = {"classification": ["accuracy"], "multilabel": ["accuracy"], "regression": ["r2"]}


@dataclass
class Saved:
    """The content of a file that `fastnet train --save` wrote.

    Args:
        model: a Module.
        inputs: the preparation of the inputs, see `fastnet.cli.inputs`.
        target: the fitted preparation of the target or targets.
        about: the training, a dictionary for JSON: "dataset", "task", "target" (the column, a list of several, or
            None), "counts" (see `count`), "settings", "versions", figures such as "test_accuracy"...
    """
    model: nn.Module
    inputs: Pixels | TableInputs
    target: AnyTargetPreparation
    about: dict[str, Any]

    def save(self, path: StrPath) -> None:
        """Write the file, replacing it atomically."""
        self.model.save(path, {"format": _VERSION, "inputs": self.inputs.to_dict(), "target": self.target.to_dict(),
                               "about": self.about})

    @classmethod
    def read(cls, path: StrPath) -> Saved:
        """Read a file that `save` wrote.

        Raises:
            ValueError: the file is damaged, or `fastnet train` did not write it.
            OSError: it cannot be read.
        """
        model, described = load_described(path)
        made = cls.described(path, model, described)
        if made is None:
            raise ValueError(f"{path} does not describe how to prepare its inputs: expected a file that "
                             "`fastnet train --save` wrote")
        made._check(path)
        return made

    @classmethod
    def described(cls, path: StrPath, model: nn.Module, described: Any) -> Saved | None:
        """The model and metadata of a file; None if the metadata does not describe the preparation of inputs.

        Raises:
            ValueError: the metadata is damaged, or was written by a newer version of fastnet.
        """
        if not isinstance(described, dict) or "inputs" not in described:
            return None
        with naming_damage(path):
            if described["format"] > _VERSION:
                raise ValueError("it was written by a newer version of fastnet: it has format "
                                 f"{described['format']}, this version reads formats up to {_VERSION}")
            if not isinstance(described["about"], dict):
                raise ValueError(f"expected a dictionary about the training, got {described['about']!r:.200}")
            return cls(model, inputs_from(described["inputs"]), _target_from(described["target"]),
                       described["about"])

    def _check(self, path: StrPath) -> None:
        """Raise if the model does not fit the preparation."""
        if (isinstance(self.inputs, Pixels) and len(self.inputs.shape) == 3) or _is_quantized(self.model):
            require_fit(self.model, f"{path}: the model", self.inputs.shape, self.outputs)
            self.model.eval()
            return
        linear = [module for module in self.model.modules() if isinstance(module, nn.Linear)]
        expected = (int(np.prod(self.inputs.shape)), self.outputs)
        got = (linear[0].in_features, linear[-1].out_features) if linear else None
        if got != expected:
            raise ValueError(f"{path}: the model has {got} inputs and outputs, its preparation {expected}")

    @property
    def parts(self) -> dict[str | None, data.TargetPreparation]:
        """{column: its TargetPreparation} of each target; the name of a single target is None."""
        return targets_of(self.target)

    @property
    def target_names(self) -> list[str]:
        """The names of the target columns; "prediction" for a single target without a name."""
        own = self.about.get("target")
        return [name or (own if isinstance(own, str) else "prediction") for name in self.parts]

    @property
    def outputs(self) -> int:
        """Number of outputs of the model per sample."""
        return outputs_of(self.target)

    def trainer(self, optimizer: OptimizerSpec = "adamw", label_smoothing: float = 0.0) -> Trainer:
        """A Trainer of the model.

        Args:
            optimizer: see `Trainer`.
            label_smoothing: of the loss of a classification.
        """
        task = str(self.target.task)
        loss = nn.CrossEntropyLoss(label_smoothing=label_smoothing) if label_smoothing else _LOSSES[task]
        if not any(True for _ in self.model.parameters()):              # an integer model, which does not train
            evaluator: Any = Evaluator(self.model, loss, None, _METRICS[task], True)
            return evaluator            # predicts and measures as a Trainer does
        return Trainer(self.model, optimizer, loss=loss, metrics=_METRICS[task])

    def answers(self, trainer: Trainer, x: Array) -> tuple[dict[str, Array], dict[str, Array]]:
        """Predictions and probabilities for prepared samples.

        Args:
            trainer: the result of `trainer()`.
            x: the samples.

        Returns:
            ({target: (N,) classes or values}, {heading: (N,) probabilities}), the latter empty for regression.
        """
        target: Any = self.target
        if target.task == "regression":
            predicted = target.inverse(trainer.predict(x))      # float32, whose shortest text is exact
            return dict(zip(self.target_names, predicted.values() if len(self.parts) > 1 else [predicted])), {}
        probabilities = trainer.predict_proba(x)
        if target.task == "multilabel":
            named = {f"probability of {name}={classes_of(part)[1]}": column
                     for (name, part), column in zip(self.parts.items(), probabilities.T)}
            return target.inverse(probabilities > 0.5), named
        [part] = self.parts.values()
        named = {f"probability of {label}": column for label, column in zip(classes_of(part), probabilities.T)}
        return {self.target_names[0]: target.inverse(probabilities.argmax(1))}, named

    # ---- figures ----

    def figures(self, trainer: Trainer, output: Array, y: Array) -> dict[str, float]:
        """Measure the model: {"loss": ..., "accuracy": ...}; for values mae, rmse and r2 in the target's units (dates
        in days).

        For an imbalanced target also precision, recall, f1 and auc. With several targets each name begins with the
        column's.

        Args:
            trainer: the result of `trainer()`, whose loss is measured.
            output: of the model, for the inputs of the samples.
            y: prepared targets.
        """
        found: dict[str, float] = {"loss": trainer.loss(fastnet.from_numpy(output), fastnet.from_numpy(y)).item()}
        for place, (name, part) in enumerate(self.parts.items()):
            scores, actual = self._output_of(place, output), _column(place, y)
            if part.task == "classification":
                figures = class_figures(scores, actual.astype(np.int64), self._rarest(place))
            else:
                figures = value_figures(part.numbers(scores), part.numbers(actual.astype(np.float64)))
            found |= _prefixed(name, figures)
        return found

    def baseline(self, trained: Array, y: Array) -> dict[str, float]:
        """Figures without a model: always predict the most frequent class, or the mean, of the training targets.

        Args:
            trained, y: prepared targets, of the training and of the test.
        """
        found: dict[str, float] = {}
        for place, (name, part) in enumerate(self.parts.items()):
            known, actual = _column(place, trained), _column(place, y)
            if part.task == "classification":
                most = np.bincount(known.astype(np.int64)).argmax()
                found |= _prefixed(name, {"accuracy": float(np.mean(actual == most))})
            else:
                mean = part.numbers(np.full(len(y), np.mean(known, dtype=np.float64)))
                figures = value_figures(mean, part.numbers(actual.astype(np.float64)))
                found |= _prefixed(name, {metric: value for metric, value in figures.items() if metric != "r2"})
        return found                                    # without r2, which is about 0

    def count(self, trained: Array) -> list[str]:
        """Store the number of training rows of each class, which tells whether a target is imbalanced.

        Args:
            trained: the prepared targets of the training.

        Returns:
            A line for each imbalanced target.
        """
        self.about["counts"] = [
            np.bincount(_column(place, trained).astype(np.int64), minlength=len(classes_of(part))).tolist()
            if part.task == "classification" else None for place, part in enumerate(self.parts.values())]
        return [self._imbalance(place, rare) for place in range(len(self.parts))
                if (rare := self._rarest(place)) is not None]

    def _imbalance(self, place: int, rare: int) -> str:
        counts, part = self.about["counts"][place], list(self.parts.values())[place]
        label, share = classes_of(part)[rare], counts[rare] / sum(counts)
        meaning = f"are those of {label!r}" if len(counts) == 2 else "are means over the classes"
        return (f"{self.target_names[place]} is imbalanced, {label!r} has {share:.1%} of the rows: precision, recall, "
                f"F1 and AUC {meaning}")

    def _rarest(self, place: int) -> int | None:
        """Index of the rarest class of an imbalanced target, else None; also None if the stored counts are invalid."""
        counts, part = self.about.get("counts"), list(self.parts.values())[place]
        mine = counts[place] if isinstance(counts, list) and place < len(counts) else None
        if not (isinstance(mine, list) and len(mine) == len(classes_of(part)) and all(type(n) is int for n in mine)):
            return None
        return rarest(mine) if sum(mine) > 0 else None

    def _output_of(self, place: int, output: Array) -> Array:
        """The model's output for one target: logits of its classes (N, C), or values (N,)."""
        if self.target.task == "classification":
            return output
        column = _column(place, output)
        return np.stack([np.zeros_like(column), column], 1) if self.target.task == "multilabel" else column


def _is_quantized(model: nn.Module) -> bool:
    return any(class_name(type(module)).startswith("quantized.") for module in model.modules())


def _column(place: int, targets: Array) -> Array:
    """(N,), one column of (N, columns), or the only one."""
    return targets.reshape(len(targets), -1)[:, place]


def _prefixed(name: str | None, figures: Mapping[str, float]) -> dict[str, float]:
    return {f"{name} {figure}" if name else figure: value for figure, value in figures.items()}


def _target_from(given: Any) -> AnyTargetPreparation:
    several = isinstance(given, dict) and "targets" in given
    return (data.MultiTargetPreparation if several else data.TargetPreparation).from_dict(given)


def versions() -> dict[str, str]:
    """The versions of fastnet, Python and the packages that fastnet requires."""
    found = {"fastnet": fastnet.__version__, "python": platform.python_version()}
    for package in ("numpy", "safetensors", "tqdm"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found
