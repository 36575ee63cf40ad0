"""A model with what it takes to use it: how its inputs are prepared, what its outputs mean, how it was trained."""
from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import fastnet
from fastnet import data, nn
from fastnet.cli.figures import class_figures, rarest, value_figures
from fastnet.cli.inputs import Pixels, Table, inputs_from
from fastnet.nn.saving import load_described
from fastnet.training import Trainer

if TYPE_CHECKING:
    from fastnet.training.annotations import LossSpec

_FORMAT = 2                             # 1: dates were numbers, and the forms of cells were not kept
LOSSES: dict[str, LossSpec] = {"classification": "cross_entropy", "multilabel": "binary_cross_entropy_with_logits",
                               "regression": "mse"}
METRICS = {"classification": ["accuracy"], "multilabel": ["accuracy"], "regression": ["r2"]}


@dataclass
class Saved:
    """What a file of `fastnet train --save` holds.

    Args:
        model: a Module.
        inputs: see `fastnet.cli.inputs`.
        target: a fitted TargetPreparation or MultiTargetPreparation.
        about: how it was trained, a dictionary for JSON: "dataset", "task", "target" (the name of its column, a list of
            several, or None), "counts" (see `count`), "settings", "versions", figures such as "test_accuracy"...
    """
    model: nn.Module
    inputs: Pixels | Table
    target: data.TargetPreparation | data.MultiTargetPreparation
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
            if not isinstance(described["about"], dict):
                raise ValueError(f"expected a dictionary about the training, got {described['about']!r:.200}")
            return cls(model, inputs_from(described["inputs"]), _target_from(described["target"]),
                       described["about"])
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
    def parts(self):
        """{name: TargetPreparation} of each column that is predicted; of one alone the name is None."""
        return parts_of(self.target)

    @property
    def target_names(self):
        """The columns that are predicted, as a list; of one that has no name, "prediction"."""
        own = self.about.get("target")
        return [name or (own if isinstance(own, str) else "prediction") for name in self.parts]

    @property
    def outputs(self):
        """How many numbers the model gives for a sample."""
        return outputs_of(self.target)

    def trainer(self, optimizer="adamw"):
        """A Trainer of the model.

        Args:
            optimizer: as Trainer's.
        """
        return Trainer(self.model, optimizer, loss=LOSSES[str(self.target.task)],
                       metrics=METRICS[str(self.target.task)])

    def answers(self, trainer, x):
        """What the model says of prepared samples: predictions and probabilities.

        Args:
            trainer: what `trainer()` gave.
            x: the samples.

        Returns:
            ({target: (N,) classes or values}, {heading: (N,) probabilities}), the latter empty for values.
        """
        if self.target.task == "regression":
            predicted: Any = self.target.inverse(trainer.predict(x))     # float32: its text is the shortest that is it
            return dict(zip(self.target_names, predicted.values() if len(self.parts) > 1 else [predicted])), {}
        shares = trainer.predict_proba(x)
        if self.target.task == "multilabel":
            named = {f"probability of {name}={part.classes[1]}": share
                     for (name, part), share in zip(self.parts.items(), shares.T)}
            return self.target.inverse(shares > 0.5), named
        [part] = self.parts.values()
        named = {f"probability of {label}": share for label, share in zip(part.classes, shares.T)}
        return {self.target_names[0]: self.target.inverse(shares.argmax(1))}, named

    # ---- figures ----

    def figures(self, trainer, x, y):
        """How good the model is: {"loss": ..., "accuracy": ...}, or mae, rmse and r2 in the units of the target (of
        dates, days).

        Of an imbalanced target there are precision, recall, f1 and auc, too; of several targets each name begins with
        the column's.

        Args:
            trainer: what `trainer()` gave.
            x, y: prepared samples.
        """
        output = trainer.decision_function(x)
        found = {"loss": trainer.evaluate(x, y)["loss"]}
        for place, (name, part) in enumerate(self.parts.items()):
            scores, actual = self._of(place, output), _of(place, y)
            if part.task == "classification":
                figures = class_figures(scores, actual.astype(np.int64), self._rarest(place))
            else:
                figures = value_figures(part.numbers(scores), part.numbers(actual.astype(np.float64)))
            found |= _named(name, figures)
        return found

    def baseline(self, trained, y):
        """How good one would be without a model: always the largest class, or the mean, of the training targets.

        Args:
            trained, y: prepared targets, of the training and of the test.
        """
        found = {}
        for place, (name, part) in enumerate(self.parts.items()):
            known, actual = _of(place, trained), _of(place, y)
            if part.task == "classification":
                most = np.bincount(known.astype(np.int64)).argmax()
                found |= _named(name, {"accuracy": float(np.mean(actual == most))})
            else:
                mean = part.numbers(np.full(len(y), np.mean(known, dtype=np.float64)))
                figures = value_figures(mean, part.numbers(actual.astype(np.float64)))
                found |= _named(name, {measure: value for measure, value in figures.items() if measure != "r2"})
        return found                                    # r2 is about 0

    def count(self, trained):
        """Note how many rows to train on each class has: figures depend on whether a target is imbalanced.

        Args:
            trained: the prepared targets of the training.

        Returns:
            A line for each target that is.
        """
        self.about["counts"] = [
            np.bincount(_of(place, trained).astype(np.int64), minlength=len(part.classes)).tolist()
            if part.task == "classification" else None for place, part in enumerate(self.parts.values())]
        return [self._imbalance(place, rare) for place in range(len(self.parts))
                if (rare := self._rarest(place)) is not None]

    def _imbalance(self, place, rare):
        counts, part = self.about["counts"][place], list(self.parts.values())[place]
        label, share = part.classes[rare], counts[rare] / sum(counts)
        of = f"are those of {label!r}" if len(counts) == 2 else "are means over the classes"
        return (f"{self.target_names[place]} is imbalanced, {label!r} has {share:.1%} of the rows: precision, recall, "
                f"F1 and AUC {of}")

    def _rarest(self, place):
        """The place of the rarest class of a target that is imbalanced, else None; also where a file says nonsense."""
        counts, part = self.about.get("counts"), list(self.parts.values())[place]
        mine = counts[place] if isinstance(counts, list) and place < len(counts) else None
        if not (isinstance(mine, list) and len(mine) == len(part.classes or ()) and all(type(n) is int for n in mine)):
            return None
        return rarest(mine) if sum(mine) > 0 else None

    def _of(self, place, output):
        """The part of the model's outputs that is about one target: logits of its classes (N, C), or values (N,)."""
        if self.target.task == "classification":
            return output
        column = _of(place, output)
        return np.stack([np.zeros_like(column), column], 1) if self.target.task == "multilabel" else column


def parts_of(target):
    """{name: TargetPreparation} of each column that is predicted; of one alone the name is None.

    Args:
        target: a TargetPreparation or MultiTargetPreparation.
    """
    return getattr(target, "targets", None) or {None: target}


def outputs_of(target):
    """How many numbers a model gives for a sample.

    Args:
        target: a fitted TargetPreparation or MultiTargetPreparation.
    """
    return len(target.classes) if target.task == "classification" else len(parts_of(target))


def _of(place, targets):
    """One column of targets (N, columns), or those of the only one, (N,)."""
    return targets.reshape(len(targets), -1)[:, place]


def _named(name, figures):
    return {f"{name} {figure}" if name else figure: value for figure, value in figures.items()}


def _target_from(given):
    several = isinstance(given, dict) and "targets" in given
    return (data.MultiTargetPreparation if several else data.TargetPreparation).from_dict(given)


def versions():
    """The versions of fastnet, Python and the packages that fastnet needs."""
    found = {"fastnet": fastnet.__version__, "python": platform.python_version()}
    for package in ("numpy", "safetensors", "tqdm"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found
