"""The end of each epoch: scikit-learn's loss curves, stopping rule and learning rates."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

import fastnet
from fastnet import Tensor
from fastnet._core.annotations import Array
from fastnet.callbacks import Callback
from fastnet.sklearn.solvers import lower_rate

if TYPE_CHECKING:
    from fastnet.sklearn.base import MLP
    from fastnet.sklearn.batches import Penalty
    from fastnet.training import Trainer
    from fastnet.training.losses import Loss

__all__ = ["Epochs", "Validation"]


class Epochs(Callback):
    """Record the training in an estimator's attributes, and stop it when it no longer improves.

    Args:
        estimator: its attributes are set.
        penalty: the `Penalty` that is part of the loss.
        samples: number of samples per epoch.
        validation: a `Validation` whose score is monitored; None: monitor the loss.
    """

    priority = -1                       # before the user's callbacks, which find the validation in the logs

    def __init__(self, estimator: MLP, penalty: Penalty, samples: int, validation: Validation | None) -> None:
        self.estimator: MLP = estimator
        self.penalty: Penalty = penalty
        self.samples: int = samples
        self.validation: Validation | None = validation
        self.best: dict[str, Tensor] | None = None
        self.stopped: bool = False

    def on_epoch_end(self, trainer: Trainer) -> None:
        e: Any = self.estimator
        e.n_iter_ += 1
        e.t_ += self.samples
        e.loss_ = trainer.logs["loss"] + self.penalty.mean(trainer.running.weight)
        e.loss_curve_.append(e.loss_)
        if e.verbose:
            print(f"Iteration {e.n_iter_}, loss = {e.loss_:.8f}")
        if self.validation is None:
            better = e.loss_ <= e.best_loss_ - e.tol
            e.best_loss_ = min(e.best_loss_, e.loss_)
        else:
            better = self._validate(trainer, self.validation)
        e._no_improvement_count = 0 if better else e._no_improvement_count + 1
        self._schedule(trainer)

    def on_fit_end(self, trainer: Trainer) -> None:
        self.restore()

    def restore(self) -> None:
        """Restore the weights of the best epoch, if there was validation."""
        if self.best is not None:
            self.estimator.module_.load_state_dict(self.best)

    def _validate(self, trainer: Trainer, validation: Validation) -> bool:
        """Measure the epoch on the held-out samples; return whether the score improved."""
        e: Any = self.estimator
        score, loss = validation.measure()
        trainer.logs |= {"validation_loss": loss, "validation_score": score}
        e.validation_scores_.append(score)
        e.validation_loss_curve_.append(loss)
        if e.verbose:
            print(f"Validation score: {score:f}")
        better = not score < e.best_validation_score_ + e.tol
        if score > e.best_validation_score_:
            e.best_validation_score_ = score
            self.best = {name: x.clone() for name, x in e.module_.state_dict().items()}
        return better

    def _schedule(self, trainer: Trainer) -> None:
        """Set the learning rate for the next epoch, or stop."""
        e: Any = self.estimator
        optimizer = trainer.optimizer
        if e.solver == "sgd" and e.learning_rate == "invscaling":
            for group in optimizer.param_groups:
                group["lr"] = e.learning_rate_init / (e.t_ + 1) ** e.power_t
        if e._no_improvement_count <= e.n_iter_no_change:
            return
        if e.verbose:
            what = "Training loss" if self.validation is None else "Validation score"
            print(f"{what} did not improve more than tol={e.tol:f} for {e.n_iter_no_change} consecutive epochs.")
        if e.solver == "sgd" and e.learning_rate == "adaptive" and lower_rate(optimizer):
            e._no_improvement_count = 0
        else:
            trainer.stop = self.stopped = True


class Validation:
    """Held-out samples.

    Args:
        outputs: a function without arguments, which returns the network's outputs for them.
        score: a function of (outputs, target, weight).
        target: of the held-out samples, as the loss takes it.
        weight: (N,), or None.
        loss: the `Loss`.
    """

    def __init__(self, outputs: Callable[[], Array], score: Callable[[Array, Array, Array | None], Any], target: Array,
                 weight: Array | None, loss: Loss) -> None:
        self._outputs, self._score, self._loss = outputs, score, loss
        self.target: Array = target
        self.weight: Array | None = weight

    def measure(self) -> tuple[float, float]:
        """(score, loss) of the network's current weights."""
        outputs = self._outputs()
        weight = None if self.weight is None else fastnet.from_numpy(self.weight)
        with fastnet.no_grad():
            loss = self._loss(fastnet.from_numpy(outputs), fastnet.from_numpy(self.target), weight).item()
        if not np.isfinite(outputs).all():
            return float("nan"), loss
        return float(self._score(outputs, self.target, self.weight)), loss
