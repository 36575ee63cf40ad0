"""Base class of the classifier and the regressor: fitting, predicting, and scikit-learn's attributes."""
from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

import fastnet
from fastnet import nn, optim
from fastnet._core.annotations import Array, ArrayLike, DType
from fastnet.callbacks import Callback, GradientClipping
from fastnet.data.rounding import warn_of_lost
from fastnet.sklearn import lbfgs, network as networks
from fastnet.sklearn.batches import Batches, Penalty
from fastnet.sklearn.checks import cast_inputs, cast_target, checked_inputs, combined_weights, has_random_layers
from fastnet.sklearn.epochs import Epochs, Validation
from fastnet.sklearn.parameters import Parameters, check_parameters
from fastnet.sklearn.rows import Rows, RowTrainer, worth_keeping_sparse
from fastnet.sklearn.solvers import new_optimizer, own_draws
from fastnet.sklearn.undo import undone_on_failure
from fastnet.training import Trainer
from fastnet.training.checks import has_batch_norm
from fastnet.training.losses import Loss

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["MLP", "TrainingData", "has_epochs", "only_with_epochs"]

_CHUNK = 1 << 22                        # numbers of the input per chunk, in predictions
_Method = TypeVar("_Method")


def has_epochs(estimator: Parameters) -> bool:
    """True; raises an AttributeError for a solver that does not train by epochs."""
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
    return True


def only_with_epochs(method: _Method) -> _Method:
    """Make a method available only for solvers that train by epochs."""
    limited: Any = available_if(has_epochs)(method)
    return limited


class TrainingData(NamedTuple):
    """Rows, dense or sparse; targets as the loss takes them; (N,) weights or None. All floats have one dtype."""

    X: Any
    target: Array
    weight: Array | None


class MLP(Parameters):
    """Base class of `MLPClassifier` and `MLPRegressor`: see there for the parameters."""

    n_features_in_: int
    feature_names_in_: Array
    n_outputs_: int
    n_layers_: int
    n_iter_: int
    t_: int
    out_activation_: str
    loss_: float
    loss_curve_: list[float]
    best_loss_: float | None
    validation_scores_: list[float] | None
    validation_loss_curve_: list[float] | None
    best_validation_score_: float | None

    _network: nn.Module
    _optimizer: optim.Optimizer | None      # of the last fit or partial_fit; None before it and after lbfgs
    _penalty: Any
    _trainer: tuple[Any, Trainer | None]    # the loss of the last partial_fit, and its trainer

    # ---- for the subclass ----

    def _check_target(self, y: Any) -> None:
        """Raise for a y about which scikit-learn's own checks would say less."""

    def _encode(self, y: Any, fresh: bool, incremental: bool, **declared: Any) -> Array:
        """The targets as the loss takes them; also sets the attributes for predictions (classes_, out_activation_)."""
        raise NotImplementedError

    def _loss(self) -> Loss:
        """The loss of the training."""
        raise NotImplementedError

    def _class_weights(self, y: Any, incremental: bool) -> Array | None:
        """(N,), the weight of each sample by its class, or None."""

    def _score(self, outputs: Array, target: Array, weight: Array | None) -> Any:
        """The score of the network's outputs: accuracy or R2."""
        raise NotImplementedError

    def _strata(self, target: Array) -> Array | None:
        """(N,), labels that the held-out samples must have the same shares of, or None."""

    # ---- fitting ----

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Train on all of X and y.

        Args:
            X: (N, features), an array, a frame, or a sparse matrix. A sparse matrix is made dense by batches if 5% or
                more of its numbers are not 0, or if a `module` is given; as a whole by "lbfgs", whose batch is all
                rows.
            y: (N,) or (N, outputs).
            sample_weight: (N,), the weight of each sample in the loss.

        Returns:
            The estimator.

        Raises:
            ValueError, TypeError: parameters or data that cannot be used, or weights that became non-finite. The
                estimator is then unchanged.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    @only_with_epochs
    def partial_fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Train for one epoch on X and y, continuing from the last call.

        Args:
            X, y, sample_weight: see `fit`.

        Returns:
            The estimator.

        Raises:
            ValueError, TypeError: see `fit`.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def _fit(self, X: Any, y: Any, sample_weight: ArrayLike | None, incremental: bool, **declared: Any) -> Self:
        check_parameters(self)
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        fresh = "_network" not in self.__dict__ or not (self.warm_start or incremental)
        kept = (None, None) if fresh else (self._network, self._optimizer)
        with undone_on_failure(self, *kept):
            data = self._checked(X, y, sample_weight, fresh, incremental, **declared)
            rng = self._random_state()
            if fresh:
                self._prepare(data.X, rng)
            with self._draws(rng):
                self._train(data, rng, fresh, incremental)
        return self

    def _checked(self, X: Any, y: Any, sample_weight: ArrayLike | None, fresh: bool, incremental: bool,
                 **declared: Any) -> TrainingData:
        """The data to train on."""
        self._check_target(y)
        X, y = checked_inputs(self, X, y, reset=fresh)
        dtype = self._precision(X, fresh, incremental)
        if not hasattr(X, "indptr"):
            warn_of_lost("X", X, dtype)
        X = cast_inputs(self, X, dtype)
        target = self._encode(y, fresh, incremental, **declared)
        if target.dtype.kind == "f":
            target = cast_target(target, X.dtype)
        return TrainingData(X, target, combined_weights(target, sample_weight, self._class_weights(y, incremental),
                                                        X.dtype))

    def _draws(self, rng: Any) -> Any:
        """A context manager in which the network's random layers draw from `rng`, if it has any."""
        if self.module is None and not has_random_layers(self._network):
            return contextlib.nullcontext()
        return own_draws(rng.randint(2**31))

    def _random_state(self) -> Any:
        """The RandomState for weights and batches. NumPy's global state is neither used nor changed."""
        return check_random_state(np.random.RandomState() if self.random_state is None else self.random_state)

    def _precision(self, X: Any, fresh: bool, incremental: bool) -> DType:
        """The dtype of the computation: see the parameter `dtype`."""
        if not fresh:
            return next(iter(self._network.parameters())).dtype
        if self.dtype != "auto":
            return np.dtype(self.dtype)
        size = 200 if self.batch_size == "auto" else self.batch_size
        exact = self.solver == "lbfgs" or (X.shape[0] <= size and not incremental)
        return X.dtype if exact else np.dtype(np.float32)

    def _prepare(self, X: Any, rng: Any) -> None:
        """Create the network and forget all earlier training."""
        with own_draws(rng.randint(2**31) if self.module is not None else 0):
            self._network = networks.build_network(self, X.shape[1], self.n_outputs_, X.dtype, worth_keeping_sparse(X))
        if self.module is None:
            networks.draw(self._network, self.activation, rng)
        self._optimizer, self._penalty, self._trainer = None, None, (None, None)
        self.n_layers_ = len(networks.linear_layers(self._network)) + 1
        self.n_iter_ = self.t_ = 0

    def _start_curves(self) -> None:
        """Initialise the attributes that `Epochs` updates."""
        self.loss_curve_, self._no_improvement_count = [], 0
        held_out = self.early_stopping
        self.best_loss_ = None if held_out else np.inf
        self.validation_scores_ = [] if held_out else None
        self.validation_loss_curve_ = [] if held_out else None
        self.best_validation_score_ = -np.inf if held_out else None

    def _curves_differ(self) -> bool:
        """Whether a warm start continues a training that recorded other curves."""
        return not hasattr(self, "loss_curve_") or (self.validation_scores_ is None) == self.early_stopping

    def _train(self, data: TrainingData, rng: Any, fresh: bool, incremental: bool) -> None:
        rows, loss = Rows(self._network, data.X), self._loss()
        if fresh:                                           # raises early if the module has another number of outputs
            self._outputs(rows, np.arange(1))
        try:
            if self.solver == "lbfgs":
                lbfgs.minimize(self, lbfgs.Objective(self, rows, data, loss))
            else:
                if fresh or self._curves_differ():
                    self._start_curves()
                self._train_epochs(rows, data, loss, rng, incremental)
        except FloatingPointError as e:
            raise ValueError(_DIVERGED) from e

    def _train_epochs(self, rows: Rows, data: TrainingData, loss: Loss, rng: Any, incremental: bool) -> None:
        indices, validation = np.arange(len(rows)), None
        if self.early_stopping:
            indices, held_out = self._hold_out(data.target, rng)
            validation = Validation(lambda: self._outputs(rows, held_out), self._score, data.target[held_out],
                                    None if data.weight is None else data.weight[held_out], loss)
        if self._optimizer is None or not incremental:
            self._optimizer = new_optimizer(self, self._network)
            self._penalty = Penalty(self._optimizer)
        self._penalty.start(self.alpha)
        trainer = self._trainer_for(rows, loss, self._optimizer, incremental)
        batches = Batches(rows, isinstance(trainer, RowTrainer), data.target, data.weight, indices,
                          self._batch_size(len(indices)), rng if self.shuffle else None, self._penalty,
                          has_batch_norm(self._network))
        self._run(trainer, batches, Epochs(self, self._penalty, len(indices), validation), incremental)
        if not all(np.isfinite(x.numpy()).all() for entry in self._optimizer.state.values() for x in entry.values()
                   if isinstance(x, fastnet.Tensor)):       # after huge gradients, further updates would do nothing
            raise FloatingPointError("the moments of the gradient are no longer finite")

    def _trainer_for(self, rows: Rows, loss: Loss, optimizer: optim.Optimizer, incremental: bool) -> Trainer:
        """A trainer whose steps read the rows of this fit, or one that the next partial_fit uses again."""
        if rows.stays_sparse or not (incremental or rows.sparse):
            return RowTrainer(rows, optimizer, loss, self.compile)
        spec, trainer = self._trainer if incremental else (None, None)
        if trainer is None or spec is not self.loss or trainer.optimizer is not optimizer:
            trainer = Trainer(self._network, optimizer, loss=loss.function, compile=self.compile)
            trainer.loss = loss
        if incremental:
            self._trainer = self.loss, trainer
        trainer.history.rows.clear()
        return trainer

    def _run(self, trainer: Trainer, batches: Batches, epochs: Epochs, incremental: bool) -> None:
        callbacks = [epochs, *([self.callbacks] if isinstance(self.callbacks, Callback) else self.callbacks or ())]
        if self.max_grad_norm is not None:
            callbacks.append(GradientClipping(self.max_grad_norm))
        self.n_iter_ = 0
        try:
            trainer.fit(batches, epochs=1 if incremental else self.max_iter, callbacks=callbacks, progress=False)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=6)
            epochs.restore()
            return
        if not (incremental or trainer.stop):
            warnings.warn(f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization "
                          "hasn't converged yet.", ConvergenceWarning, stacklevel=6)

    def _batch_size(self, samples: int) -> int:
        if self.batch_size == "auto":
            return min(200, samples)
        if self.batch_size > samples:
            warnings.warn(f"batch_size is {self.batch_size}, larger than the {samples} samples; they make one batch",
                          stacklevel=6)
        return min(self.batch_size, samples)

    def _hold_out(self, target: Array, rng: Any) -> Any:
        """The indices of the samples to train on, and of the held-out samples."""
        if self.validation_fraction * len(target) <= 1:     # train_test_split rounds up
            raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your "
                             "dataset.")
        return train_test_split(np.arange(len(target)), test_size=self.validation_fraction, random_state=rng,
                                stratify=self._strata(target))

    # ---- predicting ----

    def _raw(self, X: Any) -> Array:
        """(N, outputs), the network's outputs for unchecked data, in the dtype of the data."""
        if "_network" not in self.__dict__:
            check_is_fitted(self)
        X = checked_inputs(self, X, reset=False)
        outputs = self._outputs(Rows(self._network, cast_inputs(self, X, self._precision(X, False, False))))
        return outputs.astype(X.dtype, copy=False)

    def _outputs(self, rows: Rows, indices: Array | None = None) -> Array:
        """(N, outputs), the network's outputs in evaluation mode, for all rows or for some."""
        network, size = self._network, max(1, _CHUNK // max(1, rows.width))
        training = network.training     # a callback may predict in the middle of an epoch
        if training:
            network.eval()
        with fastnet.no_grad():
            parts = [network(x).numpy() for x in rows.chunks(size, indices)]
        if training:
            network.train()
        outputs = parts[0] if len(parts) == 1 else np.concatenate(parts)
        outputs = outputs.reshape(len(outputs), -1)
        if outputs.shape[1] != self.n_outputs_:
            raise ValueError(f"module gives {outputs.shape[1]} outputs for each sample, expected {self.n_outputs_}")
        return outputs

    # ---- scikit-learn's attributes ----

    @property
    def coefs_(self) -> list[Array]:
        """The weights of each linear layer, (inputs, outputs), sharing the network's memory."""
        return [networks.coefficients(layer) for layer in networks.linear_layers(self._fitted("coefs_"))]

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of each linear layer, sharing the network's memory."""
        return [networks.intercepts(layer) for layer in networks.linear_layers(self._fitted("intercepts_"))]

    @property
    def module_(self) -> nn.Module:
        """The trained network, a `fastnet.nn.Module`."""
        return self._fitted("module_")

    def _fitted(self, name: str) -> nn.Module:
        if "_network" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__} has no {name} before it is fitted")
        return self._network

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


_DIVERGED = ("Solver produced non-finite parameter weights. The input data may contain large values and need to be "
             "preprocessed; or try a smaller learning_rate_init, or max_grad_norm.")
