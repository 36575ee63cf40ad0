"""The losses under scikit-learn's names: the sum over outputs, and the mean over samples."""
from typing import Any

from fastnet import nn
from fastnet._core.errors import one_of
from fastnet.nn import functional as F
from fastnet.training.losses import LOSSES, Loss

_TINY = 1e-30                           # in place of 0 in a logarithm that is multiplied by it


def _half_squares(output, target):
    difference = output - target
    return difference * difference * 0.5


def _poisson(output, target):
    """Half the deviance of counts whose mean is exp(output)."""
    return output.exp() - target * output + target * target.clamp(min=_TINY).log() - target


def _logistic(output, target):
    return F.binary_cross_entropy_with_logits(output, target, reduction="none")


def _absolute(output, target):
    return (output - target).abs()


def _huber(output, target):
    return F.huber_loss(output, target, reduction="none")


REGRESSION = {"squared_error": _half_squares, "poisson": _poisson, "absolute_error": _absolute, "huber": _huber}


class PerSample(Loss):
    """The mean over the samples of a loss that is summed over the outputs.

    Args:
        function: of (output, target), to one number, one for each sample, or one for each output of each sample.
    """

    def __call__(self, output, target, weight=None):
        each = self.function(output, target)
        if each.ndim > 1:
            each = each.flatten(1).sum(1)
        if weight is None:
            return each.mean() if each.ndim else each
        if each.ndim == 0:
            raise ValueError("class_weight and sample_weight need a loss that gives one number for each sample, "
                             "reduction='none'; this one gives their mean")
        return (each * weight).sum() / weight.sum().clamp(min=_TINY)


def log_loss(softmax, several):
    """The loss that scikit-learn's classifier has, of the softmax or of the logistic function.

    Args:
        softmax: there is a score for each class.
        several: there are several labels, whose losses are summed.
    """
    if softmax:
        return Loss(nn.CrossEntropyLoss())
    return PerSample(_logistic) if several else Loss(nn.BCEWithLogitsLoss())


def loss_of(spec, names):
    """The Loss that an estimator's `loss` is.

    Args:
        spec: a key of `names` or of `fastnet.training.losses.LOSSES`, a loss module of `fastnet.nn`, or a function.
        names: {name: a `Loss`, or a function of (output, target)}.

    Raises:
        ValueError: another name.
        TypeError: nothing that can be called with (output, target), such as a class.
    """
    if isinstance(spec, str) and spec in names:
        return names[spec] if isinstance(names[spec], Loss) else PerSample(names[spec])
    if isinstance(spec, str) and spec not in LOSSES:
        raise one_of("loss", spec, [*names, *LOSSES])
    if isinstance(spec, type):
        raise TypeError(f"loss must be a name, a loss module or a function, got the class {spec.__name__}: give "
                        f"{spec.__name__}()")
    if not isinstance(spec, str) and not callable(spec):
        raise TypeError(f"loss must be a name, a loss module or a function, got {spec!r}")
    loss: Any = spec
    kind = Loss if isinstance(spec, (str, nn.Module)) else PerSample
    return kind(loss)


def wants_scores_of_classes(spec):
    """Whether a loss needs one score for each class, also where there are two."""
    return spec == "cross_entropy" or isinstance(spec, (nn.CrossEntropyLoss, nn.NLLLoss))
