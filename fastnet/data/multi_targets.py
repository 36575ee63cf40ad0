"""Several columns to predict at once: labels that each hold or do not, or values."""
import numpy as np

from fastnet._core.errors import one_of
from fastnet.data.targets import TargetPreparation

MULTI_TASKS = ("multilabel", "regression")


class MultiTargetPreparation:
    """Turns several columns into the matrix that a loss takes, and predictions back.

    Args:
        task: "multilabel", in which each column has two classes, which become 0 and 1 (for `bce_with_logits`), or
            "regression"; by default multilabel if each column has two classes.
        standardise: of values: shift and scale each column to mean 0 and variance 1.
        kinds: {column: "category", "number" or "date"} where a column would be read wrong.

    Attributes:
        task: which it is, once fitted.
        targets: {column: its TargetPreparation}.

    Example:
        >>> import numpy as np, fastnet
        >>> target = fastnet.data.MultiTargetPreparation().fit({"red": ["yes", "no"], "big": [0, 1]})
        >>> target.task, target.transform({"red": ["no", "no"], "big": [1, 0]}).tolist()
        ('multilabel', [[0.0, 1.0], [0.0, 0.0]])
        >>> target.inverse(np.array([[1, 0]]))
        {'red': array(['yes'], dtype='<U3'), 'big': array([0])}
    """

    def __init__(self, task=None, standardise=False, kinds=None):
        if task is not None and task not in MULTI_TASKS:
            raise one_of("task of several targets", task, MULTI_TASKS)
        self.task, self.standardise, self.kinds = task, standardise, dict(kinds or {})
        self.targets: dict[str, TargetPreparation] = {}

    def fit(self, columns, rows=None, mark="."):
        """Learn the classes, or means and scales; returns the object.

        Args:
            columns: {name: what TargetPreparation takes}.
            rows, mark: as TargetPreparation's.

        Raises:
            ValueError: a column that is not of the task, which is named.
        """
        self.task = self.task or ("multilabel" if self._are_pairs(columns) else "regression")
        single = "classification" if self.task == "multilabel" else "regression"
        self.targets = {name: self._fitted(name, values, single, rows, mark) for name, values in columns.items()}
        if self.task == "multilabel":
            for name, target in self.targets.items():
                if len(target.classes) != 2:
                    raise ValueError(f"column {name!r}: expected two classes in each of several targets, got "
                                     f"{len(target.classes)}")
        return self

    def _are_pairs(self, columns):
        return all(len({value.casefold() if isinstance(value, str) else value for value in np.asarray(values, object)[
            ~TargetPreparation().missing(values)].tolist()}) == 2 for values in columns.values())

    def _fitted(self, name, values, task, rows, mark):
        try:
            return TargetPreparation(task, self.standardise, self.kinds.get(name)).fit(values, rows, mark)
        except ValueError as e:
            raise ValueError(f"column {name!r}: {e}") from None

    def transform(self, columns):
        """A column for each target, float32 (N, targets).

        Raises:
            ValueError: as TargetPreparation's; the column is named.
        """
        found = []
        for name, target in self.targets.items():
            try:
                found.append(target.transform(columns[name]))
            except ValueError as e:
                raise ValueError(f"column {name!r}: {e}") from None
        return np.stack(found, axis=1).astype(np.float32)

    def inverse(self, predictions):
        """{column: its values}: classes of 0 and 1, or values in the columns' units, dates as datetime64.

        Args:
            predictions: (N, targets), places of classes or numbers.
        """
        parts = dict(zip(self.targets, self._parts(predictions)))
        return {name: self.targets[name].inverse(part) for name, part in parts.items()}

    def numbers(self, predictions):
        """Predictions of a regression as numbers in the columns' units, (N, targets); dates are days from 1970.

        Args:
            predictions: (N, targets).
        """
        return np.stack([target.numbers(part) for target, part in
                         zip(self.targets.values(), self._parts(predictions))], axis=1)

    def _parts(self, predictions):
        predictions = np.asarray(predictions)
        if self.task == "multilabel":
            predictions = predictions.astype(np.int64)
        return predictions.T

    def to_dict(self):
        """Everything that was learnt, for JSON."""
        return {"task": self.task, "targets": {name: target.to_dict() for name, target in self.targets.items()}}

    @classmethod
    def from_dict(cls, given):
        """The preparation that `to_dict` wrote down.

        Raises:
            ValueError: it is not of this form.
        """
        if not (isinstance(given, dict) and given.get("task") in MULTI_TASKS and isinstance(given.get("targets"), dict)
                and given["targets"]):
            raise ValueError(f"expected the dictionary of several targets, got {given!r:.200}")
        made = cls(given["task"])
        made.targets = {name: TargetPreparation.from_dict(target) for name, target in given["targets"].items()}
        single = "classification" if made.task == "multilabel" else "regression"
        if any(target.task != single or (target.classes and len(target.classes) != 2)
               for target in made.targets.values()):
            raise ValueError(f"the dictionary of several targets is damaged: {given!r:.200}")
        return made
