"""MultiTargetPreparation: converts several target columns at once, for multilabel classification or regression."""
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from fastnet._core.errors import one_of
from fastnet._core.reprs import repr_of
from fastnet.data.targets import TargetPreparation

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, ArrayLike
    from fastnet.data.annotations import Column, Task

__all__ = ["MULTI_TASKS", "MultiTargetPreparation"]

MultiTask: TypeAlias = Literal["multilabel", "regression"]
MULTI_TASKS: tuple[MultiTask, ...] = ("multilabel", "regression")


class MultiTargetPreparation:
    """Converts several columns to the matrix that a loss takes, and predictions back.

    Args:
        task: "multilabel": each column has two classes, which become 0 and 1 (for `bce_with_logits`); "regression":
            columns of values. By default "multilabel" if each column has two classes.
        standardise: in a regression, shift and scale each column to mean 0 and variance 1.
        kinds: {column: "category", "number" or "date"} for columns that would be read wrongly.

    Attributes:
        task: the task, after `fit`.
        targets: {column: its TargetPreparation}.

    Raises:
        ValueError: an unknown task.

    Example:
        >>> import numpy as np, fastnet
        >>> target = fastnet.data.MultiTargetPreparation().fit({"red": ["yes", "no"], "big": [0, 1]})
        >>> target
        MultiTargetPreparation(task='multilabel', targets=['red', 'big'])
        >>> target.task, target.transform({"red": ["no", "no"], "big": [1, 0]}).tolist()
        ('multilabel', [[0.0, 1.0], [0.0, 0.0]])
        >>> target.inverse(np.array([[1, 0]]))
        {'red': array(['yes'], dtype='<U3'), 'big': array([0])}
    """

    task: MultiTask | None
    standardise: bool
    kinds: dict[str, Literal["category", "number", "date"]]
    targets: dict[str, TargetPreparation]

    def __init__(self, task: MultiTask | None = None, standardise: bool = False,
                 kinds: Mapping[str, Literal["category", "number", "date"]] | None = None) -> None:
        if task is not None and task not in MULTI_TASKS:
            raise one_of("task of several targets", task, MULTI_TASKS)
        self.task, self.standardise, self.kinds = task, standardise, dict(kinds or {})
        self.targets = {}

    def __repr__(self) -> str:
        return repr_of(self, **({"task": self.task} if self.task else {}), targets=list(self.targets))

    def fit(self, columns: Mapping[str, Column], rows: Any = None, mark: str = ".") -> MultiTargetPreparation:
        """Learn the classes, or the means and scales; returns the preparation.

        Args:
            columns: {name: values as for TargetPreparation}.
            rows, mark: as for TargetPreparation.

        Raises:
            ValueError: a column does not fit the task; the error names it.
        """
        self.task = self.task or ("multilabel" if self._are_pairs(columns) else "regression")
        single = self._single_task()
        self.targets = {name: self._fitted(name, values, single, rows, mark) for name, values in columns.items()}
        if self.task == "multilabel":
            for name, target in self.targets.items():
                if len(target.classes or ()) != 2:
                    raise ValueError(f"column {name!r}: expected two classes in each of several targets, got "
                                     f"{len(target.classes or ())}")
        return self

    def _single_task(self) -> Task:
        """The task of each column."""
        return "classification" if self.task == "multilabel" else "regression"

    def _are_pairs(self, columns: Mapping[str, Column]) -> bool:
        """Whether each column has two different values."""
        return all(len({value.casefold() if isinstance(value, str) else value for value in np.asarray(values, object)[
            ~TargetPreparation().missing(values)].tolist()}) == 2 for values in columns.values())

    def _fitted(self, name: str, values: Column, task: Task, rows: Any, mark: str) -> TargetPreparation:
        try:
            return TargetPreparation(task, self.standardise, self.kinds.get(name)).fit(values, rows, mark)
        except ValueError as e:
            raise ValueError(f"column {name!r}: {e}") from None

    def transform(self, columns: Mapping[str, Column]) -> Array:
        """Convert the columns to a matrix, float32 (N, targets).

        Raises:
            ValueError: as for TargetPreparation; the error names the column.
        """
        found = []
        for name, target in self.targets.items():
            try:
                found.append(target.transform(columns[name]))
            except ValueError as e:
                raise ValueError(f"column {name!r}: {e}") from None
        return np.stack(found, axis=1).astype(np.float32)

    def inverse(self, predictions: ArrayLike) -> dict[str, Array]:
        """Convert predictions back to {column: classes, or values in the column's units, or dates as datetime64}.

        Args:
            predictions: class numbers 0 and 1, or predicted values, (N, targets).
        """
        parts = dict(zip(self.targets, self._parts(predictions)))
        return {name: self.targets[name].inverse(part) for name, part in parts.items()}

    def numbers(self, predictions: ArrayLike) -> Array:
        """Convert predictions of a regression to numbers in the columns' units, (N, targets); dates as days since 1970.

        Args:
            predictions: the predicted values, (N, targets).
        """
        return np.stack([target.numbers(part) for target, part in
                         zip(self.targets.values(), self._parts(predictions))], axis=1)

    def _parts(self, predictions: ArrayLike) -> Array:
        """The predictions of each target, (targets, N)."""
        predictions = np.asarray(predictions)
        if self.task == "multilabel":
            predictions = predictions.astype(np.int64)
        return predictions.T

    def to_dict(self) -> dict[str, Any]:
        """Everything that was learnt, as plain values for JSON."""
        return {"task": self.task, "targets": {name: target.to_dict() for name, target in self.targets.items()}}

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> MultiTargetPreparation:
        """Restore a preparation from the result of `to_dict`.

        Raises:
            ValueError: the dictionary has another form.
        """
        if not (isinstance(given, dict) and given.get("task") in MULTI_TASKS and isinstance(given.get("targets"), dict)
                and given["targets"]):
            raise ValueError(f"expected the dictionary of several targets, got {given!r:.200}")
        made = cls(given["task"])
        made.targets = {name: TargetPreparation.from_dict(target) for name, target in given["targets"].items()}
        single = made._single_task()
        if any(target.task != single or (target.classes and len(target.classes) != 2)
               for target in made.targets.values()):
            raise ValueError(f"expected the dictionary of several targets, got a damaged one: {given!r:.200}")
        return made
