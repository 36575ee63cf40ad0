"""The loss of a training, weighted by sample, and the meaning of the model's outputs under it."""
from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

import fastnet
from fastnet import nn
from fastnet._core.errors import given_text, one_of, shape_text
from fastnet._core.reprs import repr_of

if TYPE_CHECKING:
    from fastnet import Tensor
    from fastnet._core.annotations import Array
    from fastnet.training.annotations import LossSpec, LossTask

__all__ = ["LOSSES", "LOSS_TASKS", "TINY", "Loss"]

LOSSES: dict[str, type[nn.Module]] = {
    "cross_entropy": nn.CrossEntropyLoss,
    "binary_cross_entropy_with_logits": nn.BCEWithLogitsLoss,
    "mse": nn.MSELoss,
    "mae": nn.L1Loss,
    "huber": nn.HuberLoss,
    "smooth_l1": nn.SmoothL1Loss,
}
LOSS_TASKS = ("classification", "binary", "regression")
_CLASS_LOSSES = (nn.CrossEntropyLoss, nn.NLLLoss)
_PAIR_LOSSES = (nn.ClipLoss, nn.SigLipLoss)             # of a model's outputs, without a target
TINY = 1e-30                           # replaces a divisor of 0, and 0 in a logarithm that is multiplied by 0


class Loss:
    """The loss of a batch, `loss(output, target, weight)`, and the meaning of the model's outputs.

    With weights w it is sum(w_i l_i) / sum(w_i), where l_i is the mean loss of sample i; without weights it is the
    result of the loss function.

    Args:
        spec: a name in LOSSES, a loss module of fastnet, or a function of (output, target) that returns a scalar, or
            one number per sample; these are averaged. `nn.ClipLoss` and `nn.SigLipLoss` take the outputs of two towers,
            loss(*output), and ignore the target.
        task: what the targets of a function are: "classification" (one class per sample, for logits (N, C)), "binary"
            (0 or 1, for one or several logits per sample) or "regression"; None: "regression".

    Raises:
        ValueError: an unknown name, or a task that the loss does not have.
        TypeError: `spec` is neither a name nor a function.

    Example:
        >>> import fastnet
        >>> from fastnet.training.losses import Loss
        >>> output, target = fastnet.tensor([[1.0], [2.0]]), fastnet.tensor([0.0, 0.0])
        >>> Loss("mse")(output, target), Loss("mse")(output, target, fastnet.tensor([3.0, 1.0]))
        (tensor(2.5), tensor(1.75))
    """

    def __init__(self, spec: LossSpec, task: LossTask | None = None) -> None:
        function: Any = spec
        if isinstance(function, str):
            if function not in LOSSES:
                raise one_of("loss", function, LOSSES)
            function = LOSSES[function]()
        if not callable(function) or isinstance(function, type):
            raise TypeError(f"expected a loss: one of {', '.join(map(repr, LOSSES))}, or a function of (output, "
                            f"target); got {given_text(function)}")
        if task is not None and task not in LOSS_TASKS:
            raise one_of("task", task, LOSS_TASKS)
        self.function: Any = function
        self.task: str = _task_of(function) or task or "regression"
        if task not in (None, self.task):
            raise ValueError(f"expected task={self.task!r} or None with {function!r}, got {task!r}")
        self._each = function
        if isinstance(function, nn.Module) and hasattr(function, "reduction"):
            self._each = copy.copy(function)
            self._each.reduction = "none"

    def __repr__(self) -> str:
        return repr_of(self, function=self.function, task=self.task)

    @property
    def name(self) -> str:
        """The loss module as text, or the name of the function."""
        if isinstance(self.function, nn.Module):
            return repr(self.function)
        return getattr(self.function, "__qualname__", type(self.function).__name__)

    @property
    def is_classes(self) -> bool:
        """Whether the target of a sample is one class, and the output has one score per class."""
        return self.task == "classification"

    @property
    def is_binary(self) -> bool:
        """Whether targets are 0 or 1, one or several per sample, with one score each."""
        return self.task == "binary"

    @property
    def is_values(self) -> bool:
        """Whether targets are certainly values, even if they are integers; a function may treat integers as classes."""
        return _task_of(self.function) == "regression"

    @property
    def ignore_index(self) -> int | None:
        """The class whose samples are ignored, or None."""
        return getattr(self.function, "ignore_index", None)

    def __call__(self, output: Any, target: Tensor, weight: Tensor | None = None) -> Tensor:
        if isinstance(self.function, _PAIR_LOSSES):
            return self._of_pairs(output, weight)
        if not isinstance(output, fastnet.Tensor):
            if _task_of(self.function) is not None:
                raise TypeError(f"expected the model to give a tensor, got {type(output).__name__}, which {self.name} "
                                "does not take: use a function of (output, target) as the loss")
            return self._value(output, target, weight)
        if not self.is_classes and output.shape != target.shape:
            if output.numel() != target.numel() and isinstance(self.function, nn.Module):
                classes = "; for classes from 0, use the loss 'cross_entropy'" if self.is_binary else ""
                raise ValueError(f"the model gave outputs of shape {shape_text(output)} for targets of shape "
                                 f"{shape_text(target)}: expected one output per target value, so change the last "
                                 f"layer{classes}")
            if output.numel() == target.numel():
                target = target.reshape(output.shape)   # (N, 1) of a layer, and (N,) of a table's column
        if isinstance(self.function, _CLASS_LOSSES) and target.dtype.kind != "f" and output.shape == target.shape:
            raise ValueError(f"expected one class index per sample, got integers of shape {shape_text(target)}, the "
                             "shape of the outputs; give one-hot rows as bools, or their argmax(1)")
        return self._value(output, target, weight)

    def _of_pairs(self, output: Any, weight: Tensor | None) -> Tensor:
        """The loss of the outputs of two towers."""
        if not isinstance(output, tuple):
            raise TypeError(f"expected the model to give a tuple, the arguments of {self.name}, as models.two_tower "
                            f"does; got {type(output).__name__}")
        if weight is not None:
            raise ValueError(f"{self.name} compares all pairs of a batch: expected no sample or class weights")
        loss: Tensor = self.function(*output)
        return loss

    def _value(self, output: Any, target: Tensor, weight: Tensor | None) -> Tensor:
        """The loss of an output that fits the target."""
        if weight is None:
            value = self.function(output, target)
            if not isinstance(value, fastnet.Tensor):
                raise TypeError(f"expected the loss function to return a tensor, got {type(value).__name__}; compute "
                                "the loss with tensor operations, without float() or .item()")
            return self._per_sample(value, target).mean() if value.ndim else value
        each = self._per_sample(self._each(output, target), target)
        return (each * weight).sum() / weight.sum().clamp(min=TINY)

    def _per_sample(self, each: Tensor, target: Tensor) -> Tensor:
        """(N,), the mean loss of each sample."""
        if not each.ndim:
            raise ValueError("sample or class weights need one loss per sample: let the function return (N,), as with "
                             "reduction='none', and declare its task, Trainer(..., loss=function, "
                             "task='classification'); or use a loss module of fastnet.nn, or a name: "
                             f"{', '.join(map(repr, LOSSES))}")
        if len(each) != len(target):
            raise ValueError(f"expected the loss of {len(target)} samples to be one number, or one number per sample, "
                             f"got shape {shape_text(each)}")
        return each if each.ndim == 1 else each.flatten(1).mean(1)

    # ---- several batches as one ----

    @property
    def is_sum(self) -> bool:
        """Whether the loss of several batches is the sum of their losses, rather than a mean."""
        return getattr(self.function, "reduction", None) == "sum"

    def divisors(self, target: Tensor, weight: Tensor | None) -> tuple[Any, Any]:
        """The divisor of this batch's loss, and what the batch adds to the divisor of several batches.

        Weights are 1 on average over all rows, so a sum of weighted losses is divided by the number of samples.

        Args:
            target, weight: of the batch.
        """
        if weight is not None:
            return weight.sum(), len(target)
        if isinstance(self.function, _CLASS_LOSSES) and target.dtype.kind != "f":
            ignored: Any = self.ignore_index
            counted: Any = target != ignored
            by_class = self.function.weight
            total = (counted if by_class is None else by_class[target * counted] * counted).sum()
            return total, total
        return len(target), len(target)

    def labels(self, target: Tensor) -> Tensor:
        """The targets for metrics: of class probabilities (N, C), the most likely class."""
        return target.argmax(1) if self.is_classes and target.dtype.kind == "f" and target.ndim == 2 else target

    # ---- outputs, as NumPy arrays ----

    def predictions(self, output: Array) -> Array:
        """The class of each sample, 0 or 1, or the values. An output of one column becomes (N,).

        Args:
            output: of the model.
        """
        if self.is_classes:
            return _class_scores(output).argmax(1)
        output = _squeezed(output)
        if self.is_binary:
            return (output > self._threshold).astype(np.int64)
        return output

    def probabilities(self, output: Array) -> Array:
        """(N, C) for C classes; (N, 2) for one score per sample; (N, L) for L independent scores.

        Args:
            output: of the model.

        Raises:
            TypeError: the loss is a regression loss.
        """
        if self.is_classes and not isinstance(self.function, nn.NLLLoss):
            return fastnet.from_numpy(_class_scores(output)).softmax(1).numpy()
        if self.is_classes:
            return np.exp(_class_scores(output))
        if not self.is_binary:
            raise TypeError("probabilities need a classification loss, such as 'cross_entropy', or a function and its "
                            f"task ('classification' or 'binary'); this model was trained with {self.function!r}")
        output = _squeezed(output)
        if not isinstance(self.function, nn.BCELoss):
            output = fastnet.from_numpy(output).sigmoid().numpy()
        return np.stack([1 - output, output], 1) if output.ndim == 1 else output

    @property
    def _threshold(self) -> float:
        return 0.5 if isinstance(self.function, nn.BCELoss) else 0


def _task_of(function: object) -> str | None:
    """The task of a loss module; None for other functions and modules."""
    if isinstance(function, _CLASS_LOSSES):
        return "classification"
    if isinstance(function, (nn.BCEWithLogitsLoss, nn.BCELoss)):
        return "binary"
    return "regression" if isinstance(function, tuple(LOSSES.values())) else None


def _class_scores(output: Array) -> Array:
    if output.ndim < 2:
        raise ValueError(f"expected scores (N, C) of N samples for C classes, the model gave {shape_text(output)}: x "
                         "needs samples along the first axis, so pass a single sample as x[None]")
    return output


def _squeezed(output: Array) -> Array:
    return output[:, 0] if output.ndim == 2 and output.shape[1] == 1 else output
