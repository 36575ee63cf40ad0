"""What the classifier and the regressor share: fitting, predicting, and scikit-learn's attributes."""
import contextlib
import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

import fastnet
from fastnet import nn
from fastnet.sklearn import lbfgs, network as networks
from fastnet.sklearn.batches import Batches, Penalty, Rows, worth_keeping_sparse
from fastnet.sklearn.checks import cast, check_parameters, checked_inputs, has_random_layers
from fastnet.sklearn.epochs import Epochs, Validation
from fastnet.sklearn.solvers import optimizer_of, own_draws
from fastnet.training import Trainer
from fastnet.callbacks import GradientClipping
from fastnet.training.weights import sample_weights

_CHUNK = 1 << 22                        # numbers of the input at a time, in predicting


def _has_epochs(estimator):
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
    return True


class MLP(BaseEstimator):
    """The base of `MLPClassifier` and `MLPRegressor`: see there for the parameters."""

    n_outputs_: int
    _network: nn.Module
    _trainer: tuple[Any, Trainer | None]

    # ---- for the subclass ----

    def _check_target(self, y):
        """Refuse a y that scikit-learn's own checks would say less of."""

    def _encode(self, y, incremental):
        """The targets as an array that the loss takes; also sets what predictions need (classes_, out_activation_)."""
        raise NotImplementedError

    def _loss(self):
        """The `fastnet.training.losses.Loss`."""
        raise NotImplementedError

    def _class_weights(self, y):
        """(N,), the weight of each sample by its class, or None."""

    def _score(self, outputs, target, weight):
        """How good outputs of the network are: accuracy or R2."""
        raise NotImplementedError

    def _strata(self, target):
        """(N,), what the held-out samples must have the same shares of, or None."""

    # ---- fitting ----

    def fit(self, X, y, sample_weight=None):
        """Train on all of X and y.

        Args:
            X: (N, features), an array, a frame, or a sparse matrix, which is never made dense as a whole.
            y: (N,) or (N, outputs).
            sample_weight: (N,), factors of the samples in the loss.

        Returns:
            The estimator.

        Raises:
            ValueError: parameters or data that cannot be used.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    @available_if(_has_epochs)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch on X and y, from where the last call left off.

        Args:
            X, y, sample_weight: as `fit`'s.

        Returns:
            The estimator.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def _fit(self, X, y, sample_weight, incremental):
        check_parameters(self)
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        self._check_target(y)
        fresh = not hasattr(self, "_network") or not (self.warm_start or incremental)
        X, y = checked_inputs(self, X, y, reset=fresh)
        X = cast(self, X, self._precision(X, fresh, incremental))
        target = self._encode(y, incremental)
        if target.dtype.kind == "f":
            target = target.astype(X.dtype)
        if sample_weight is not None and not np.asarray(sample_weight).any():
            raise ValueError("sample_weight is zero everywhere: no sample would count")
        weight = sample_weights(target, None, sample_weight)
        by_class = self._class_weights(y)
        if by_class is not None:
            weight = by_class if weight is None else weight * by_class
        if weight is not None:
            weight = weight.astype(X.dtype)
        rng = self._random_state()
        if fresh:
            self._prepare(X, rng)
        if self.solver != "lbfgs" and (fresh or self._other_curves()):
            self._start_curves()
        draws: contextlib.AbstractContextManager = contextlib.nullcontext()
        if self.module is not None or has_random_layers(self._network):
            draws = own_draws(rng.randint(2**31))
        with draws:
            try:
                self._train(X, target, weight, rng, incremental)
            except FloatingPointError as e:
                raise ValueError(_DIVERGED) from e
        if not all(np.isfinite(p.detach().numpy()).all() for p in self._network.parameters()):
            raise ValueError(_DIVERGED)
        return self

    def _random_state(self):
        """The RandomState that weights and batches are drawn by: not NumPy's global one, whose state is the user's."""
        return check_random_state(np.random.RandomState() if self.random_state is None else self.random_state)

    def _precision(self, X, fresh, incremental):
        """The dtype to compute in: see the parameter `dtype`."""
        if not fresh:
            return next(self._network.parameters()).dtype
        if self.dtype != "auto":
            return np.dtype(self.dtype)
        size = 200 if self.batch_size == "auto" else self.batch_size
        exact = self.solver == "lbfgs" or (X.shape[0] <= size and not incremental)
        return X.dtype if exact else np.dtype(np.float32)

    def _prepare(self, X, rng):
        """Make the network and forget all earlier training."""
        with own_draws(rng.randint(2**31) if self.module is not None else 0):
            self._network = networks.build(self, X.shape[1], self.n_outputs_, X.dtype, worth_keeping_sparse(X))
        if self.module is None:
            networks.draw(self._network, self.activation, rng)
        self._optimizer, self._trainer = None, (None, None)
        self.n_layers_ = len(networks.linear_layers(self._network)) + 1
        self.n_iter_ = self.t_ = 0

    def _start_curves(self):
        """Begin the record that `Epochs` keeps."""
        self.loss_curve_, self._no_improvement_count = [], 0
        held_out = self.early_stopping
        self.best_loss_ = None if held_out else np.inf
        self.validation_scores_ = [] if held_out else None
        self.validation_loss_curve_ = [] if held_out else None
        self.best_validation_score_ = -np.inf if held_out else None

    def _other_curves(self):
        """Whether a warm start goes on from a training that kept another record."""
        return not hasattr(self, "loss_curve_") or (self.validation_scores_ is None) == self.early_stopping

    def _train(self, X, target, weight, rng, incremental):
        rows, loss = Rows(self._network, X), self._loss()
        self._outputs(rows, np.arange(1))                   # tells early if the module has another number of outputs
        if self.solver == "lbfgs":
            self._network.train()
            lbfgs.minimize(self, lbfgs.Objective(rows, fastnet.from_numpy(target), weight, loss, self.alpha))
            self._network.eval()
            return
        members, held_out = np.arange(len(rows)), None
        if self.early_stopping:
            members, held_out = self._hold_out(target, rng)
            held_out = Validation(rows, held_out, target, weight, loss)
        if self._optimizer is None or not incremental:
            self._optimizer = optimizer_of(self, self._network)
        penalty = Penalty(self.alpha, self._optimizer)
        batches = Batches(rows, target, weight, members, self._batch_size(len(members)), rng if self.shuffle else None,
                          penalty, self._has_batch_norm())
        epochs = Epochs(self, penalty, len(members), held_out)
        if incremental and not rows.stays_sparse:           # the next call goes on with the steps that this records
            self._run(self._kept_trainer(loss), batches, incremental, epochs)
            return
        with rows.by_number():
            self._run(Trainer(self._network, self._optimizer, loss=loss.function), batches, incremental, epochs)

    def _kept_trainer(self, loss):
        """The Trainer of the last partial_fit, if it is still right."""
        spec, trainer = self._trainer
        if trainer is None or spec is not self.loss or trainer.optimizer is not self._optimizer:
            trainer = Trainer(self._network, self._optimizer, loss=loss.function)
            self._trainer = self.loss, trainer
        return trainer

    def _run(self, trainer, batches, incremental, epochs):
        callbacks = [epochs, *(self.callbacks or ())]
        if self.max_grad_norm is not None:
            callbacks.append(GradientClipping(self.max_grad_norm))
        self.n_iter_ = 0
        try:
            trainer.fit(batches, epochs=1 if incremental else self.max_iter, callbacks=callbacks, progress=False)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=5)
            epochs.restore()
            return
        if not (incremental or trainer.stop):
            warnings.warn(f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization "
                          "hasn't converged yet.", ConvergenceWarning, stacklevel=5)

    def _batch_size(self, samples):
        if self.batch_size == "auto":
            return min(200, samples)
        if self.batch_size > samples:
            warnings.warn(f"batch_size is {self.batch_size}, larger than the {samples} samples; they make one batch",
                          stacklevel=5)
        return min(self.batch_size, samples)

    def _has_batch_norm(self):
        return any(isinstance(m, nn.BatchNorm1d) for m in self._network.modules())

    def _hold_out(self, target, rng):
        """The numbers of the samples to train on, and of those held out."""
        train, held_out = train_test_split(np.arange(len(target)), test_size=self.validation_fraction,
                                           random_state=rng, stratify=self._strata(target))
        if len(held_out) < 2:
            raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your "
                             "dataset.")
        return train, held_out

    # ---- predicting ----

    def _raw(self, X):
        """(N, outputs), what the network gives for data that is checked here, in the dtype of the data."""
        check_is_fitted(self)
        X = checked_inputs(self, X, reset=False)
        outputs = self._outputs(Rows(self._network, cast(self, X, self._precision(X, False, False))))
        return outputs.astype(X.dtype, copy=False)

    def _outputs(self, rows, members=None):
        """(N, outputs), what the network gives, in evaluation mode; of some rows or of all."""
        if members is None:
            members = np.arange(len(rows))
        self._network.eval()
        size = max(1, _CHUNK // max(1, rows.width))
        with fastnet.no_grad():
            parts = [self._network(rows.take(fastnet.from_numpy(members[i:i + size]))).numpy()
                     for i in range(0, len(members), size)]
        outputs = np.concatenate(parts).reshape(len(members), -1)
        if outputs.shape[1] != self.n_outputs_:
            raise ValueError(f"module gives {outputs.shape[1]} outputs for each sample, expected {self.n_outputs_}")
        return outputs

    # ---- scikit-learn's attributes ----

    @property
    def coefs_(self):
        """The weights of each linear layer, (inputs, outputs), in the network's own memory."""
        return [networks.coefficients(layer) for layer in networks.linear_layers(self._fitted("coefs_"))]

    @property
    def intercepts_(self):
        """The biases of each linear layer, in the network's own memory."""
        return [networks.intercepts(layer) for layer in networks.linear_layers(self._fitted("intercepts_"))]

    @property
    def module_(self):
        """The trained network, a `fastnet.nn.Module`."""
        return self._fitted("module_")

    def _fitted(self, name):
        if "_network" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__} has no {name} before it is fitted")
        return self._network

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


_DIVERGED = ("Solver produced non-finite parameter weights. The input data may contain large values and need to be "
             "preprocessed; or try a smaller learning_rate_init, or max_grad_norm.")
