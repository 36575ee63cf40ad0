"""What the classifier and the regressor share: fitting, predicting, and scikit-learn's attributes."""
import contextlib
import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

import fastnet
from fastnet import nn
from fastnet.callbacks import Callback, GradientClipping
from fastnet.data.rounding import warn_of_lost
from fastnet.sklearn import lbfgs, network as networks
from fastnet.sklearn.batches import Batches, Penalty
from fastnet.sklearn.checks import cast, cast_target, check_parameters, checked_inputs, has_random_layers, weights
from fastnet.sklearn.epochs import Epochs, Validation
from fastnet.sklearn.rows import Rows, RowTrainer, worth_keeping_sparse
from fastnet.sklearn.solvers import optimizer_of, own_draws
from fastnet.sklearn.undo import undone_on_failure
from fastnet.training import Trainer
from fastnet.training.checks import has_batch_norm

_CHUNK = 1 << 22                        # numbers of the input at a time, in predicting


def has_epochs(estimator):
    """True; an AttributeError for a solver that does not train by epochs."""
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
    return True


class Data(NamedTuple):
    """What is trained on: rows, dense or sparse; targets as the loss takes them; (N,) weights or None. One dtype."""

    X: Any
    target: np.ndarray
    weight: np.ndarray | None


class MLP(BaseEstimator):
    """The base of `MLPClassifier` and `MLPRegressor`: see there for the parameters."""

    n_outputs_: int
    _network: nn.Module
    _optimizer: Any                     # and its penalty: of the last fit or partial_fit, None before and after lbfgs
    _penalty: Any
    _trainer: tuple[Any, Trainer | None]

    def _keep(self, arguments):
        """Keep the constructor's arguments (its `locals()`) as scikit-learn wants them: untouched, by their names."""
        self.__dict__.update((name, value) for name, value in arguments.items() if name != "self")

    # ---- for the subclass ----

    def _check_target(self, y):
        """Refuse a y that scikit-learn's own checks would say less of."""

    def _encode(self, y, fresh, incremental):
        """The targets as an array that the loss takes; also sets what predictions need (classes_, out_activation_)."""
        raise NotImplementedError

    def _loss(self):
        """The `fastnet.training.losses.Loss`."""
        raise NotImplementedError

    def _class_weights(self, y, incremental):
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
            X: (N, features), an array, a frame, or a sparse matrix. Batches are made dense where 5% or more of the
                numbers are not 0, or a `module` is given; by "lbfgs", whose batch is all rows, the whole matrix.
            y: (N,) or (N, outputs).
            sample_weight: (N,), factors of the samples in the loss.

        Returns:
            The estimator.

        Raises:
            ValueError, TypeError: parameters or data that cannot be used, or with which the weights did not stay
                finite. The estimator is as it was before.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    @available_if(has_epochs)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch on X and y, from where the last call left off.

        Args:
            X, y, sample_weight: as `fit`'s.

        Returns:
            The estimator.

        Raises:
            ValueError, TypeError: as `fit`.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def _fit(self, X, y, sample_weight, incremental, **declared):
        check_parameters(self)
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        fresh = "_network" not in self.__dict__ or not (self.warm_start or incremental)
        with undone_on_failure(self, goes_on=not fresh):
            data = self._checked(X, y, sample_weight, fresh, incremental, **declared)
            rng = self._random_state()
            if fresh:
                self._prepare(data.X, rng)
            with self._draws(rng):
                self._train(data, rng, fresh, incremental)
        return self

    def _checked(self, X, y, sample_weight, fresh, incremental, **declared):
        """The `Data` to train on."""
        self._check_target(y)
        X, y = checked_inputs(self, X, y, reset=fresh)
        dtype = self._precision(X, fresh, incremental)
        if not hasattr(X, "indptr"):
            warn_of_lost("X", X, dtype)
        X = cast(self, X, dtype)
        target = self._encode(y, fresh, incremental, **declared)
        if target.dtype.kind == "f":
            target = cast_target(target, X.dtype)
        return Data(X, target, weights(target, sample_weight, self._class_weights(y, incremental), X.dtype))

    def _draws(self, rng):
        """What the network draws while it is trained comes from `rng`, as far as can be seen that it draws."""
        if self.module is None and not has_random_layers(self._network):
            return contextlib.nullcontext()
        return own_draws(rng.randint(2**31))

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
        self._optimizer, self._penalty, self._trainer = None, None, (None, None)
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

    def _train(self, data, rng, fresh, incremental):
        rows, loss = Rows(self._network, data.X), self._loss()
        if fresh:                                           # tells early if the module has another number of outputs
            self._outputs(rows, np.arange(1))
        try:
            if self.solver == "lbfgs":
                lbfgs.minimize(self, lbfgs.Objective(self, rows, data, loss))
            else:
                if fresh or self._other_curves():
                    self._start_curves()
                self._train_epochs(rows, data, loss, rng, incremental)
        except FloatingPointError as e:
            raise ValueError(_DIVERGED) from e

    def _train_epochs(self, rows, data, loss, rng, incremental):
        members, validation = np.arange(len(rows)), None
        if self.early_stopping:
            members, held_out = self._hold_out(data.target, rng)
            validation = Validation(rows, held_out, data.target, data.weight, loss)
        if self._optimizer is None or not incremental:
            self._optimizer = optimizer_of(self, self._network)
            self._penalty = Penalty(self._optimizer)
        self._penalty.start(self.alpha)
        trainer = self._trainer_for(rows, loss, incremental)
        batches = Batches(rows, isinstance(trainer, RowTrainer), data.target, data.weight, members,
                          self._batch_size(len(members)), rng if self.shuffle else None, self._penalty,
                          has_batch_norm(self._network))
        self._run(trainer, batches, Epochs(self, self._penalty, len(members), validation), incremental)
        if not all(np.isfinite(x.numpy()).all() for entry in self._optimizer.state.values() for x in entry.values()
                   if isinstance(x, fastnet.Tensor)):       # of huge gradients: nothing more would be learnt
            raise FloatingPointError("the moments of the gradient are no longer finite")

    def _trainer_for(self, rows, loss, incremental):
        """One whose steps read the rows of this fit; or one whose steps the next partial_fit goes on with."""
        if rows.stays_sparse or not (incremental or rows.sparse):
            return RowTrainer(rows, self._optimizer, loss, self.compile)
        spec, trainer = self._trainer if incremental else (None, None)
        if trainer is None or spec is not self.loss or trainer.optimizer is not self._optimizer:
            trainer = Trainer(self._network, self._optimizer, loss=loss.function, compile=self.compile)
            trainer.loss = loss
        if incremental:
            self._trainer = self.loss, trainer
        trainer.history.rows.clear()
        return trainer

    def _run(self, trainer, batches, epochs, incremental):
        callbacks = [epochs, *([self.callbacks] if isinstance(self.callbacks, Callback) else self.callbacks or ())]
        if self.max_grad_norm is not None:
            callbacks.append(GradientClipping(self.max_grad_norm))
        self.n_iter_ = 0
        try:
            trainer.fit(batches, epochs=1 if incremental else self.max_iter, callbacks=callbacks, progress=False)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=7)
            epochs.restore()
            return
        if not (incremental or trainer.stop):
            warnings.warn(f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization "
                          "hasn't converged yet.", ConvergenceWarning, stacklevel=7)

    def _batch_size(self, samples):
        if self.batch_size == "auto":
            return min(200, samples)
        if self.batch_size > samples:
            warnings.warn(f"batch_size is {self.batch_size}, larger than the {samples} samples; they make one batch",
                          stacklevel=7)
        return min(self.batch_size, samples)

    def _hold_out(self, target, rng):
        """The numbers of the samples to train on, and of those held out."""
        if self.validation_fraction * len(target) <= 1:     # which is rounded up
            raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your "
                             "dataset.")
        return train_test_split(np.arange(len(target)), test_size=self.validation_fraction, random_state=rng,
                                stratify=self._strata(target))

    # ---- predicting ----

    def _raw(self, X):
        """(N, outputs), what the network gives for data that is checked here, in the dtype of the data."""
        if "_network" not in self.__dict__:
            check_is_fitted(self)
        X = checked_inputs(self, X, reset=False)
        outputs = self._outputs(Rows(self._network, cast(self, X, self._precision(X, False, False))))
        return outputs.astype(X.dtype, copy=False)

    def _outputs(self, rows, members=None):
        """(N, outputs), what the network gives, in evaluation mode; of some rows or of all."""
        network, size = self._network, max(1, _CHUNK // max(1, rows.width))
        training = network.training     # a callback may ask in the middle of an epoch
        if training:
            network.eval()
        with fastnet.no_grad():
            parts = [network(x).numpy() for x in rows.chunks(size, members)]
        if training:
            network.train()
        outputs = parts[0] if len(parts) == 1 else np.concatenate(parts)
        outputs = outputs.reshape(len(outputs), -1)
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
