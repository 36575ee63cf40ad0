"""A loss as training uses it: weighted by sample, and with what a model's outputs mean under it."""
import copy

import numpy as np

import fastnet
from fastnet import nn
from fastnet._core.errors import one_of, shape_text

LOSSES = {
    "cross_entropy": nn.CrossEntropyLoss,
    "binary_cross_entropy_with_logits": nn.BCEWithLogitsLoss,
    "mse": nn.MSELoss,
    "mae": nn.L1Loss,
    "huber": nn.HuberLoss,
    "smooth_l1": nn.SmoothL1Loss,
}
TASKS = ("classification", "binary", "regression")
_OF_CLASSES = (nn.CrossEntropyLoss, nn.NLLLoss)
_TINY = 1e-30                           # for a batch whose weights are all 0


class Loss:
    """A loss of a batch, `loss(output, target, weight)`, and how its outputs are read.

    With weights w it is sum(w_i l_i) / sum(w_i), where l_i is the mean loss of sample i; without, what the function
    itself gives.

    Args:
        spec: a name in LOSSES, one of fastnet's loss modules, or any function of (output, target) to a scalar or to one
            number for each sample, which are averaged.
        task: of a function, what its targets are: "classification" (a class each, of logits (N, C)), "binary" (0 or 1,
            of one logit or several) or "regression"; None: "regression", targets as they are.

    Raises:
        ValueError: an unknown name, or a task that the loss does not have.
        TypeError: neither a name nor a function.

    Example:
        >>> import fastnet
        >>> from fastnet.training.losses import Loss
        >>> output, target = fastnet.tensor([[1.0], [2.0]]), fastnet.tensor([0.0, 0.0])
        >>> Loss("mse")(output, target), Loss("mse")(output, target, fastnet.tensor([3.0, 1.0]))
        (tensor(2.5), tensor(1.75))
    """

    def __init__(self, spec, task=None):
        if isinstance(spec, str):
            if spec not in LOSSES:
                raise one_of("loss", spec, LOSSES)
            spec = LOSSES[spec]()
        if not callable(spec) or isinstance(spec, type):
            given = f"the class {spec.__name__}: give {spec.__name__}()" if isinstance(spec, type) else repr(spec)
            raise TypeError(f"expected a loss: one of {', '.join(map(repr, LOSSES))}, or a function of (output, "
                            f"target); got {given}")
        if task is not None and task not in TASKS:
            raise one_of("task", task, TASKS)
        self.function = spec
        self.task = _task_of(spec) or task or "regression"
        if task not in (None, self.task):
            raise ValueError(f"expected task={self.task!r} or None with {spec!r}, got {task!r}")
        self._each = spec
        if isinstance(spec, nn.Module) and hasattr(spec, "reduction"):
            self._each = copy.copy(spec)
            self._each.reduction = "none"

    @property
    def is_classes(self):
        """Whether targets are one class a sample, of scores for each class."""
        return self.task == "classification"

    @property
    def is_binary(self):
        """Whether targets are 0 or 1, one or several a sample, of a score each."""
        return self.task == "binary"

    @property
    def is_values(self):
        """Whether targets are values, also where they are whole numbers: a function may take those for classes."""
        return _task_of(self.function) == "regression"

    @property
    def ignore_index(self):
        """The class whose samples do not count, or None."""
        return getattr(self.function, "ignore_index", None)

    def __call__(self, output, target, weight=None):
        if not self.is_classes and output.shape != target.shape:
            if output.numel() != target.numel() and isinstance(self.function, nn.Module):
                raise ValueError(f"the model gave outputs of shape {shape_text(output)} for targets of shape "
                                 f"{shape_text(target)}")
            if output.numel() == target.numel():
                target = target.reshape(output.shape)   # (N, 1) of a layer, and (N,) of a table's column
        if isinstance(self.function, _OF_CLASSES) and target.dtype.kind != "f" and output.shape == target.shape:
            raise ValueError(f"expected the number of a class for each sample, got integers of shape "
                             f"{shape_text(target)}, as the outputs; one-hot rows are given as bools, or argmax(1) of "
                             "them")
        if weight is None:
            value = self.function(output, target)
            return self._of_samples(value, target).mean() if value.ndim else value
        each = self._of_samples(self._each(output, target), target)
        return (each * weight).sum() / weight.sum().clamp(min=_TINY)

    def _of_samples(self, each, target):
        """(N,), the mean loss of each sample."""
        if not each.ndim:
            raise ValueError("weights for samples or classes need one loss for each sample: let the function return "
                             "(N,), as with reduction='none', and declare its task, Trainer(..., loss=function, "
                             "task='classification'); or take a loss module of fastnet.nn, or a name: "
                             f"{', '.join(map(repr, LOSSES))}")
        if len(each) != len(target):
            raise ValueError(f"the loss of {len(target)} samples must be one number, or one for each sample, got shape "
                             f"{shape_text(each)}")
        return each if each.ndim == 1 else each.flatten(1).mean(1)

    # ---- several batches as one ----

    @property
    def is_sum(self):
        """Whether the loss of several batches is the sum of theirs, rather than a mean."""
        return getattr(self.function, "reduction", None) == "sum"

    def divisors(self, target, weight):
        """What the loss of a batch was divided by, and what the batch adds to the divisor of several.

        Weights are 1 on average over all rows: so the sum of weighted losses is divided by the number of samples.

        Args:
            target, weight: of the batch.
        """
        if weight is not None:
            return weight.sum(), len(target)
        if isinstance(self.function, _OF_CLASSES) and target.dtype.kind != "f":
            counted = target != self.ignore_index
            by_class = self.function.weight
            total = (counted if by_class is None else by_class[target * counted] * counted).sum()
            return total, total
        return len(target), len(target)

    def labels(self, target):
        """The targets as metrics take them: of (N, C) probabilities of classes the likeliest."""
        return target.argmax(1) if self.is_classes and target.dtype.kind == "f" and target.ndim == 2 else target

    # ---- outputs, as NumPy arrays ----

    def predictions(self, output):
        """The class of each sample; or 0 or 1; or the values themselves. One column comes as (N,).

        Args:
            output: what the model gave.
        """
        if self.is_classes:
            return _scores(output).argmax(1)
        output = _column(output)
        if self.is_binary:
            return (output > self._threshold).astype(np.int64)
        return output

    def probabilities(self, output):
        """(N, C) for C classes; (N, 2) for one score a sample; (N, L) for L scores, each on its own.

        Args:
            output: what the model gave.

        Raises:
            TypeError: the loss is none of classes.
        """
        if self.is_classes and not isinstance(self.function, nn.NLLLoss):
            return fastnet.from_numpy(_scores(output)).softmax(1).numpy()
        if self.is_classes:
            return np.exp(_scores(output))
        if not self.is_binary:
            raise TypeError("probabilities need a loss of classes, such as 'cross_entropy', or a function and its task "
                            f"('classification' or 'binary'); this model was trained with {self.function!r}")
        output = _column(output)
        if not isinstance(self.function, nn.BCELoss):
            output = fastnet.from_numpy(output).sigmoid().numpy()
        return np.stack([1 - output, output], 1) if output.ndim == 1 else output

    @property
    def _threshold(self):
        return 0.5 if isinstance(self.function, nn.BCELoss) else 0


def _task_of(function):
    """The task of a loss module; None: any."""
    if isinstance(function, _OF_CLASSES):
        return "classification"
    if isinstance(function, (nn.BCEWithLogitsLoss, nn.BCELoss)):
        return "binary"
    return "regression" if isinstance(function, tuple(LOSSES.values())) else None


def _scores(output):
    if output.ndim < 2:
        raise ValueError(f"expected scores (N, C) of N samples for C classes, the model gave {shape_text(output)}: x "
                         "has its samples along the first axis, so that one alone is x[None]")
    return output


def _column(output):
    return output[:, 0] if output.ndim == 2 and output.shape[1] == 1 else output
