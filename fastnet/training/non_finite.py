"""Errors for losses, weights and data that are not finite."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnet import data

if TYPE_CHECKING:
    from fastnet import Tensor
    from fastnet.training.trainer import Trainer

__all__ = ["loss_error", "require_finite_batch", "weights_error"]


def require_finite_batch(trainer: Trainer, inputs: Sequence[Tensor], target: Tensor) -> None:
    """Raise if the data of the next batch is not finite.

    Args:
        trainer: during `fit`.
        inputs, target: of the batch.

    Raises:
        ValueError: an array holds NaN or infinity; the message says where.
    """
    for i, x in enumerate([*inputs, target]):
        what = "the targets" if i == len(inputs) else "the inputs" if len(inputs) == 1 else f"input {i}"
        data.finite(x.numpy(), f"{what} of batch {trainer.batch + 1} of epoch {trainer.epoch + 1}")


def loss_error(trainer: Trainer, loss: float) -> FloatingPointError:
    """The error for a loss that is not finite.

    Args:
        trainer: during `fit`.
        loss: of the next batch.
    """
    return FloatingPointError(f"the loss became {loss} at step {trainer.step + 1} (epoch {trainer.epoch + 1}, "
                              f"batch {trainer.batch + 1}): {_rate_advice(trainer)}")


def weights_error(trainer: Trainer) -> FloatingPointError:
    """The error for weights that are not finite.

    Args:
        trainer: after the step.
    """
    return FloatingPointError(f"the weights are no longer finite after step {trainer.step} (epoch "
                              f"{trainer.epoch + 1}): {_rate_advice(trainer)}")


def _rate_advice(trainer: Trainer) -> str:
    rate = trainer.optimizer.param_groups[0]["lr"]
    return (f"try a learning rate below {rate:g}, fastnet.callbacks.GradientClipping, or standardised inputs. The "
            "last checkpoint, if there is one, was saved before this")
