"""A model with what it takes to use it: how its inputs are prepared, what its outputs mean, how it was trained."""
import importlib.metadata
import platform
from dataclasses import dataclass

import numpy as np

import fastnet
from fastnet import data, metrics, nn
from fastnet.cli.inputs import Pixels, Table, inputs_from
from fastnet.nn.saving import load_described
from fastnet.training import Trainer

_FORMAT = 2                             # 1: dates were numbers, and the forms of cells were not kept
LOSSES = {"classification": "cross_entropy", "regression": "mse"}
METRICS = {"classification": ["accuracy"], "regression": ["r2"]}
MEASURES = ("mae", "rmse", "r2")        # of a regression, in the units of its target


@dataclass
class Saved:
    """What a file of `fastnet train --save` holds.

    Args:
        model: a Module.
        inputs: see `fastnet.cli.inputs`.
        target: a fitted TargetPreparation.
        about: how it was trained, a dictionary for JSON: "dataset", "task", "target" (the name of its column, or None),
            "settings", "versions", figures such as "test_accuracy" and "train_seconds"...
    """
    model: nn.Module
    inputs: Pixels | Table
    target: data.TargetPreparation
    about: dict

    def save(self, path):
        """Write the file, whole or not at all."""
        self.model.save(path, {"format": _FORMAT, "inputs": self.inputs.to_dict(), "target": self.target.to_dict(),
                               "about": self.about})

    @classmethod
    def read(cls, path):
        """What `save` wrote.

        Raises:
            ValueError: the file is damaged, or holds a model that `fastnet train` did not save.
            OSError: it cannot be read.
        """
        model, described = load_described(path)
        made = cls.described(path, model, described)
        if made is None:
            raise ValueError(f"{path} does not say how its inputs are to be prepared: `fastnet train --save` did not "
                             "write it")
        made._check(path)
        return made

    @classmethod
    def described(cls, path, model, described):
        """The model of a file and what its metadata says of it; None where that says nothing.

        Raises:
            ValueError: the metadata is damaged, or of a newer fastnet.
        """
        if not isinstance(described, dict) or "inputs" not in described:
            return None
        try:
            if described["format"] > _FORMAT:
                raise ValueError(f"it is of a newer fastnet: its format is {described['format']}, this one reads up to "
                                 f"{_FORMAT}")
            return cls(model, inputs_from(described["inputs"]), data.TargetPreparation.from_dict(described["target"]),
                       dict(described["about"]))
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as e:
            reason = str(e) if isinstance(e, ValueError) else f"{type(e).__name__}: {e}"
            raise ValueError(f"{path}: {reason}") from None

    def _check(self, path):
        """Refuse a file whose parts do not belong together."""
        linear = [module for module in self.model.modules() if isinstance(module, nn.Linear)]
        expected = (int(np.prod(self.inputs.shape)), self.outputs)
        got = (linear[0].in_features, linear[-1].out_features) if linear else None
        if got != expected:
            raise ValueError(f"{path}: the model takes and gives {got} numbers, its preparation {expected}")

    @property
    def outputs(self):
        """How many numbers the model gives for a sample."""
        return len(self.target.classes) if self.target.task == "classification" else 1

    def trainer(self, optimizer="adamw"):
        """A Trainer of the model.

        Args:
            optimizer: as Trainer's.
        """
        return Trainer(self.model, optimizer, loss=LOSSES[self.target.task], metrics=METRICS[self.target.task])

    def figures(self, trainer, x, y):
        """How good the model is: {"loss": ..., "accuracy": ...}, or mae, rmse and r2 in the units of the target (of
        dates, days).

        Args:
            trainer: what `trainer()` gave.
            x, y: prepared samples.
        """
        found = trainer.evaluate(x, y)
        if self.target.task == "classification":
            return found
        return {"loss": found["loss"]} | self._regression(self.target.numbers(trainer.predict(x)), y)

    def baseline(self, trained, y):
        """How good one would be without a model: always the largest class, or the mean, of the training targets.

        Args:
            trained, y: prepared targets, of the training and of the test.
        """
        if self.target.task == "classification":
            return {"accuracy": float(np.mean(y == np.bincount(trained).argmax()))}
        mean = self.target.numbers(np.full(len(y), np.mean(trained, dtype=np.float64)))
        return {name: value for name, value in self._regression(mean, y).items() if name != "r2"}     # which is about 0

    def _regression(self, predicted, y):
        actual = self.target.numbers(y.astype(np.float64))
        measured = [metrics.get(name) for name in MEASURES]
        for metric in measured:
            metric.update(predicted, actual)
        return {metric.name: float(metric.compute()) for metric in measured}


def figure_lines(figures, before=""):
    """The figures for people, one a line.

    Args:
        figures: what `Saved.figures` gave.
        before: what stands in front of each.

    Example:
        >>> from fastnet.cli.saved import figure_lines
        >>> figure_lines({"loss": 0.1, "accuracy": 0.975}, "test ")
        ['test accuracy: 0.9750']
    """
    return [f"{before}{name}: {value:.4f}" for name, value in figures.items() if name != "loss"]


def versions():
    """The versions of fastnet, Python and the packages that fastnet needs."""
    found = {"fastnet": fastnet.__version__, "python": platform.python_version()}
    for package in ("numpy", "safetensors", "tqdm"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found
