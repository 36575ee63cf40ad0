"""A loss as training uses it: weighted by sample, and with what a model's outputs mean under it."""
import copy

import numpy as np

import fastnet
from fastnet import nn
from fastnet.errors import one_of, shape_text

LOSSES = {
    "cross_entropy": nn.CrossEntropyLoss,
    "binary_cross_entropy_with_logits": nn.BCEWithLogitsLoss,
    "mse": nn.MSELoss,
    "mae": nn.L1Loss,
    "huber": nn.HuberLoss,
    "smooth_l1": nn.SmoothL1Loss,
}
_TINY = 1e-30                           # for a batch whose weights are all 0


class Loss:
    """A loss of a batch, `loss(output, target, weight)`, and how its outputs are read.

    With weights w it is sum(w_i l_i) / sum(w_i), where l_i is the mean loss of sample i; without, what the function
    itself gives.

    Args:
        spec: a name in LOSSES, one of fastnet's loss modules, or any function of (output, target) to a scalar.

    Raises:
        ValueError: an unknown name.
        TypeError: neither a name nor a function.

    Example:
        >>> import fastnet
        >>> from fastnet.training.losses import Loss
        >>> output, target = fastnet.tensor([[1.0], [2.0]]), fastnet.tensor([0.0, 0.0])
        >>> Loss("mse")(output, target), Loss("mse")(output, target, fastnet.tensor([3.0, 1.0]))
        (tensor(2.5), tensor(1.75))
    """

    def __init__(self, spec):
        if isinstance(spec, str):
            if spec not in LOSSES:
                raise one_of("loss", spec, LOSSES)
            spec = LOSSES[spec]()
        if not callable(spec):
            raise TypeError(f"expected a loss: one of {', '.join(map(repr, LOSSES))}, or a function of (output, "
                            f"target); got {type(spec).__name__}")
        self.function = spec
        self._each = None
        if isinstance(spec, nn.Module) and hasattr(spec, "reduction"):
            self._each = copy.copy(spec)
            self._each.reduction = "none"

    @property
    def is_classes(self):
        """Whether targets are one class a sample, of scores for each class."""
        return isinstance(self.function, (nn.CrossEntropyLoss, nn.NLLLoss))

    @property
    def is_binary(self):
        """Whether targets are 0 or 1, one or several a sample, of a score each."""
        return isinstance(self.function, (nn.BCEWithLogitsLoss, nn.BCELoss))

    def __call__(self, output, target, weight=None):
        if not self.is_classes and output.shape != target.shape:
            if output.numel() != target.numel() and self._each is not None:
                raise ValueError(f"the model gave outputs of shape {shape_text(output)} for targets of shape "
                                 f"{shape_text(target)}")
            if output.numel() == target.numel():
                target = target.reshape(output.shape)   # (N, 1) of a layer, and (N,) of a table's column
        if weight is None:
            value = self.function(output, target)
            if value.ndim:
                raise ValueError(f"the loss of a batch must be one number, got shape {shape_text(value)}; give it "
                                 "reduction='mean'")
            return value
        if self._each is None:
            raise ValueError("weights for samples or classes need a loss that can give one number a sample: one of "
                             f"fastnet.nn's loss modules or the names {', '.join(map(repr, LOSSES))}")
        each = self._each(output, target)
        each = each if each.ndim == 1 else each.flatten(1).mean(1)
        return (each * weight).sum() / weight.sum().clamp(min=_TINY)

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
        if isinstance(self.function, nn.CrossEntropyLoss):
            return fastnet.from_numpy(_scores(output)).softmax(1).numpy()
        if isinstance(self.function, nn.NLLLoss):
            return np.exp(_scores(output))
        if not self.is_binary:
            raise TypeError("probabilities need a loss of classes, such as 'cross_entropy'; this model was trained "
                            f"with {self.function!r}")
        output = _column(output)
        if isinstance(self.function, nn.BCEWithLogitsLoss):
            output = fastnet.from_numpy(output).sigmoid().numpy()
        return np.stack([1 - output, output], 1) if output.ndim == 1 else output

    @property
    def _threshold(self):
        return 0 if isinstance(self.function, nn.BCEWithLogitsLoss) else 0.5


def _scores(output):
    if output.ndim < 2:
        raise ValueError(f"expected scores (N, C) of N samples for C classes, the model gave {shape_text(output)}: x "
                         "has its samples along the first axis, so that one alone is x[None]")
    return output


def _column(output):
    return output[:, 0] if output.ndim == 2 and output.shape[1] == 1 else output
