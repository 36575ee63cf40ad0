"""Losses of knowledge distillation, and the layers whose outputs a student matches."""
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import fastnet
from fastnet import Tensor, nn
from fastnet._core.errors import did_you_mean, shape_text
from fastnet.nn import functional as F

if TYPE_CHECKING:
    from fastnet.training.losses import Loss
    from fastnet.transfer.extraction import Tapped

__all__ = ["LayerPair", "layer_pairs", "soft_losses"]

_ROUNDING = 1e-12                          # added to a squared norm before its root


def soft_losses(output: Tensor, taught: Tensor, loss: Loss, temperature: float) -> Tensor:
    """(N,), the distance of each sample's output from the teacher's.

    For classes it is T^2 KL(softmax(taught / T), softmax(output / T)), whose gradient keeps its size as T grows; for
    binary scores the same of each score; otherwise the squared difference.

    Args:
        output: of the student, (N, ...).
        taught: the teacher's, in the same shape.
        loss: whose task decides the distance.
        temperature: T.

    Example:
        >>> import fastnet
        >>> from fastnet.training.distillation import soft_losses
        >>> from fastnet.training.losses import Loss
        >>> logits = fastnet.tensor([[2.0, 0.0]])
        >>> soft_losses(logits, logits, Loss("cross_entropy"), 4.0)
        tensor([0.])
    """
    if output.shape != taught.shape:
        raise ValueError(f"Distiller: expected outputs of one shape, got {shape_text(output)} of the student and "
                         f"{shape_text(taught)} of the teacher")
    if loss.is_classes:
        log_p, log_q = (F.log_softmax(x / temperature, 1) for x in (taught, output))
        each = (log_p.exp() * (log_p - log_q)).sum(1) * temperature**2
    elif loss.is_binary:
        p = (taught / temperature).sigmoid()
        own, best = (F.binary_cross_entropy_with_logits(x / temperature, p, reduction="none") for x in (output, taught))
        each = (own - best) * temperature**2
    else:
        each = (output - taught).square()
    return each if each.ndim == 1 else each.flatten(1).mean(1)


class LayerPair(nn.Module):
    """A layer of the student that matches one of the teacher.

    Args:
        student, teacher: paths of the layers.
        attention: compare maps of attention instead of the outputs.
        own, taught: example outputs of the two layers, whose shapes are used.
    """

    def __init__(self, student: str, teacher: str, attention: bool, own: Tensor, taught: Tensor) -> None:
        super().__init__()
        self.attention = attention
        names = f"features {student!r} of the student and {teacher!r} of the teacher"
        if own.ndim != taught.ndim or own.ndim not in (2, 3, 4) or (own.ndim == 3 and own.shape[1] != taught.shape[1]):
            raise ValueError(f"Distiller: {names} have shapes {shape_text(own)} and {shape_text(taught)}; expected (N, "
                             "F), (N, T, F) with one T, or (N, C, H, W)")
        if attention and own.ndim == 2:
            raise ValueError(f"Distiller: {names} have shape {shape_text(own)}, and a map of attention needs "
                             "positions: (N, T, F) or (N, C, H, W)")
        self._size = tuple(map(min, own.shape[2:], taught.shape[2:])) if own.ndim == 4 else None
        self.regressor: nn.Module | None = None
        before, after = (x.shape[1 if x.ndim == 4 else -1] for x in (own, taught))
        if not attention and before != after:
            self.regressor = nn.Conv2d(before, after, 1) if own.ndim == 4 else nn.Linear(before, after)
            self.regressor.to(own.dtype)

    def target(self, taught: Tensor) -> Tensor:
        """The tensor that the student's output is compared with.

        Args:
            taught: the output of the teacher's layer.
        """
        return self._mapped(self._resized(taught))

    def losses(self, own: Tensor, target: Tensor) -> Tensor:
        """(N,), the distance of each sample.

        Args:
            own: the output of the student's layer.
            target: a result of `target`.
        """
        own = self._resized(own)
        if self.regressor is not None:
            own = self.regressor(own)
        each = (self._mapped(own) - target).square().flatten(1)
        return each.sum(1) if self.attention else each.mean(1)

    def _resized(self, x: Tensor) -> Tensor:
        return x if self._size is None or x.shape[2:] == self._size else F.adaptive_avg_pool2d(x, self._size)

    def _mapped(self, x: Tensor) -> Tensor:
        """The map of attention: sums of squares over the channels, scaled to length 1; otherwise x itself."""
        if not self.attention:
            return x
        strength = x.square().sum(1 if x.ndim == 4 else 2).flatten(1)
        return strength / (strength.square().sum(1, keepdim=True) + _ROUNDING).sqrt()


def layer_pairs(argument: str, given: Any, student: nn.Module, teacher: nn.Module) -> list[tuple[str, str]]:
    """Checked pairs (path in the student, path in the teacher).

    Args:
        argument: its name, for errors.
        given: a dictionary from paths to paths, names of layers that both have, or None.
        student, teacher: the models.

    Raises:
        TypeError: neither.
        ValueError: a layer that a model does not have.
    """
    if isinstance(given, str):
        given = [given]
    pairs = [] if given is None else list(given.items() if isinstance(given, Mapping) else ((x, x) for x in given))
    for pair in pairs:
        for path, model, role in zip(pair, (student, teacher), ("student", "teacher")):
            known = [name for name, _ in model.named_modules()]
            if path not in known:
                raise ValueError(f"Distiller: {argument} names {path!r}, which the {role} does not have"
                                 f"{did_you_mean(path, known)}")
    return pairs


def weighted_mean(each: Tensor, weight: Tensor | None) -> Tensor:
    """The mean of one number per sample, weighted as the loss of a batch.

    Args:
        each: (N,).
        weight: (N,) or None.
    """
    return each.mean() if weight is None else (each * weight).sum() / weight.sum().clamp(min=1e-30)


def without_gradient(model: Tapped, *inputs: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The output and the features of a teacher, without gradients."""
    with fastnet.no_grad():
        output, features = model(*inputs)
    for path, x in zip(model.paths, features):
        if not isinstance(x, Tensor):
            raise ValueError(f"Distiller: expected layers that return a tensor, but {path!r} returns a "
                             f"{type(x).__name__}")
    return output.detach(), [x.detach() for x in features]
