"""MLPClassifier."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

import fastnet
from fastnet._core.annotations import Array, ArrayLike
from fastnet.sklearn.base import MLP, only_with_epochs
from fastnet.sklearn.bases import ClassifierMixin
from fastnet.sklearn.losses import log_loss, loss_of, needs_scores_of_classes
from fastnet.sklearn.parameters import ActivationSpec, ClassifierLoss, ModuleSpec, RandomState, SolverSpec
from fastnet.training.losses import Loss

if TYPE_CHECKING:
    from typing_extensions import Self

    from fastnet.callbacks import Callback

__all__ = ["MLPClassifier"]


class MLPClassifier(ClassifierMixin, MLP):
    """Multi-layer perceptron for classification, with scikit-learn's parameters and attributes.

    Parameters that scikit-learn's MLPClassifier has mean the same here, and the same `random_state` gives the same
    initial weights and the same batches. These parameters are new or accept more:

    Args:
        activation: "identity", "logistic", "tanh", "relu", "elu", "gelu", "hardtanh", "leaky_relu", "mish", "relu6",
            "silu", "softplus" or "softsign"; a Module or a function that returns one; or a list with one for each
            hidden layer.
        solver: "adam", "sgd", "adamw", "rmsprop", "adagrad", "lbfgs", or a function of the parameters (as groups) that
            returns an optimizer. `momentum`, `nesterovs_momentum` and `learning_rate` are for "sgd", `beta_1` and
            `beta_2` for "adam" and "adamw", `epsilon` for all but "sgd" and "lbfgs". "lbfgs" is SciPy's, as in
            scikit-learn, so it gains less than the others: it takes about half of scikit-learn's time.
        alpha: factor of the L2 penalty alpha / (2 n) * (sum of the squared weights), without biases, for batches of n
            samples; with "adamw" it is the decoupled weight decay.
        loss: "log_loss" (of softmax for several classes, of the logistic function for two classes and for several
            labels); a name in `fastnet.training.losses.LOSSES`; a loss module such as
            `fastnet.nn.CrossEntropyLoss(label_smoothing=0.1)`; or a function of (output, target) that returns a scalar
            or one number per sample. Targets are class indices (N,), int64; 0 and 1 (N, 1) for two classes;
            (N, labels) for several labels.
        class_weight: {class: weight} or "balanced" (not in `partial_fit`), as in other classifiers of scikit-learn:
            factors of the samples' weights. The loss of each batch is divided by the sum of its weights, as in
            scikit-learn, so in batches of a few samples they have little effect; `fastnet.Trainer` divides by their
            mean over all rows instead.
        dropout: dropout probability after each hidden layer, or a list with one for each.
        batch_norm: normalise each hidden layer before its activation.
        module: the network, instead of `hidden_layer_sizes`, `activation`, `dropout` and `batch_norm`: a function of
            (n_inputs, n_outputs) that returns a Module and draws from `random_state`; or a Module, of which a copy is
            trained. Its outputs are scores (logits).
        max_grad_norm: clip the gradient to this norm.
        callbacks: one or several of `fastnet.callbacks`. With early stopping the logs contain "validation_loss" and
            "validation_score".
        dtype: of the computation: "float32", "float64", or "auto": the dtype of X if each step uses all samples
            ("lbfgs", or a batch as large as the data), otherwise float32, which is twice as fast and whose rounding is
            smaller than the noise of the batches. Predictions have the dtype of X.
        compile: False runs training steps eagerly, with the same bits: for a `module` or a `loss` whose Python code
            must run at each step.

    Attributes:
        classes_, coefs_, intercepts_, loss_, best_loss_, loss_curve_, validation_scores_, best_validation_score_,
        n_features_in_, feature_names_in_, n_iter_, n_layers_, n_outputs_, out_activation_, t_: as in scikit-learn.
        validation_loss_curve_: the loss of the held-out samples after each epoch, without the penalty; None without
            early stopping.
        module_: the network, whose `save` writes a file for `fastnet.load`. After a fit to sparse rows its first layer
            is a SparseLinear, which is saved as an nn.Linear.

    Differences from scikit-learn: without `random_state` each fit draws different numbers, and NumPy's global state is
    neither used nor changed; a single class is an error; predictions of labels are dense; held-out samples have the
    same shares of all classes, also with more than two; `epsilon` is added to the bias-corrected root of the second
    moment, as in the paper; momentum accumulates gradients, not steps, which differs when the learning rate changes.

    Raises:
        ValueError, TypeError: in `fit` and `partial_fit`, parameters or data that cannot be used; the estimator is then
            unchanged.

    Example:
        >>> import numpy as np
        >>> from fastnet.sklearn import MLPClassifier
        >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        >>> model = MLPClassifier(hidden_layer_sizes=(8,), solver="lbfgs", random_state=0)
        >>> model.fit(X, ["no", "yes", "yes", "no"]).predict(X).tolist()
        ['no', 'yes', 'yes', 'no']
    """

    classes_: Array
    n_outputs_: int
    class_weight: Mapping[Any, float] | Literal["balanced"] | None

    def __init__(self, hidden_layer_sizes: int | Iterable[int] = (100,),
                 activation: ActivationSpec | Sequence[ActivationSpec] = "relu", *, solver: SolverSpec = "adam",
                 alpha: float = 0.0001, batch_size: int | Literal["auto"] = "auto",
                 learning_rate: Literal["constant", "invscaling", "adaptive"] = "constant",
                 learning_rate_init: float = 0.001, power_t: float = 0.5, max_iter: int = 200, shuffle: bool = True,
                 random_state: RandomState = None, tol: float = 1e-4, verbose: bool = False, warm_start: bool = False,
                 momentum: float = 0.9, nesterovs_momentum: bool = True, early_stopping: bool = False,
                 validation_fraction: float = 0.1, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8,
                 n_iter_no_change: float = 10, max_fun: int = 15000, loss: ClassifierLoss = "log_loss",
                 class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
                 dropout: float | Sequence[float] = 0.0, batch_norm: bool = False, module: ModuleSpec | None = None,
                 max_grad_norm: float | None = None, callbacks: Callback | Iterable[Callback] | None = None,
                 dtype: Literal["auto", "float32", "float64"] = "auto", compile: bool = True) -> None:
        self._keep(locals())

    # ---- labels ----

    @only_with_epochs
    def partial_fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None,
                    classes: ArrayLike | None = None) -> Self:
        """Train for one epoch on X and y, continuing from the last call.

        Args:
            X, y, sample_weight: see `fit`. y need not contain all classes.
            classes: all classes, at the first call.

        Returns:
            The estimator.

        Raises:
            ValueError: `classes` is missing at the first call or differs later, or y contains another class.
        """
        return self._fit(X, y, sample_weight, incremental=True, classes=classes)

    def _encode(self, y: Any, fresh: bool, incremental: bool, classes: ArrayLike | None = None,
                **declared: Any) -> Array:
        y = y.toarray() if hasattr(y, "toarray") else y
        if y.ndim > 1 or y.dtype.kind not in "biuU":         # otherwise they are certainly classes
            check_classification_targets(y)
        several = y.ndim == 2 and y.shape[1] > 1
        if several and not type_of_target(y).startswith("multilabel"):
            raise ValueError("y has several columns with values other than 0 and 1: expected one column, or a column "
                             "of 0 and 1 for each label")
        if not several and y.ndim > 1:
            y = column_or_1d(y, warn=True)
        labels = np.arange(y.shape[1]) if several else np.unique(y)
        if incremental:
            self._declare(classes)
        elif fresh:
            if len(labels) < 2:
                raise ValueError(f"{type(self).__name__} needs samples of at least 2 classes, but y has one class only:"
                                 f" {labels.tolist()[0]!r}")
            self.classes_ = labels
        self._check_known(labels, incremental)
        self._set_outputs(several)
        if several:
            return y.astype(np.float64)
        indices = np.searchsorted(self.classes_, y)
        return indices if self.out_activation_ == "softmax" else indices[:, None].astype(np.float64)

    def _declare(self, classes: ArrayLike | None) -> None:
        """Store the classes that partial_fit was given, or compare them with the stored ones."""
        if not hasattr(self, "classes_"):
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            self.classes_ = unique_labels(classes)
        elif classes is not None and not np.array_equal(self.classes_, unique_labels(classes)):
            raise ValueError(f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                             f"{self.classes_!r}")

    def _check_known(self, labels: Array, incremental: bool) -> None:
        known, given = set(self.classes_.tolist()), set(labels.tolist())
        if not incremental and given != known:
            raise ValueError("warm_start can only be used where `y` has the same classes as in the previous call to "
                             f"fit. Previously got {self.classes_}, `y` has {labels}")
        if not given <= known:
            raise ValueError(f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has "
                             f"{labels}.")

    def _set_outputs(self, several: bool) -> None:
        softmax = not several and (len(self.classes_) > 2 or needs_scores_of_classes(self.loss))
        self.out_activation_ = "softmax" if softmax else "logistic"
        self._several = several
        self.n_outputs_ = len(self.classes_) if several or softmax else 1

    def _loss(self) -> Loss:
        return loss_of(self.loss, {"log_loss": log_loss(self.out_activation_ == "softmax", self._several)})

    def _class_weights(self, y: Any, incremental: bool) -> Array | None:
        if incremental and isinstance(self.class_weight, str) and self.class_weight == "balanced":
            raise ValueError("class_weight 'balanced' is not supported for partial_fit, which sees only a part of the "
                             "samples: give {class: weight}, computed from all samples by "
                             "sklearn.utils.class_weight.compute_class_weight")
        return None if self.class_weight is None else compute_sample_weight(self.class_weight, y)

    def _strata(self, target: Array) -> Array | None:
        """The classes, if both parts can contain each of them."""
        if self._several:
            return None
        classes = target.reshape(-1)
        counts = np.unique(classes, return_counts=True)[1]
        held_out = int(np.ceil(self.validation_fraction * len(target)))
        return classes if counts.min() > 1 and min(held_out, len(target) - held_out) >= len(counts) else None

    # ---- predictions ----

    def predict(self, X: Any) -> Array:
        """Predict the class of each sample, or 0 or 1 for each label.

        Args:
            X: (N, features), dense or sparse.

        Returns:
            (N,), elements of `classes_`; or (N, labels).
        """
        indices = self._class_indices(self._raw(X))
        return indices if self._several else self.classes_[indices]

    def predict_proba(self, X: Any) -> Array:
        """Predict the probability of each class, in the order of `classes_`, or of each label.

        Args:
            X: (N, features), dense or sparse.

        Returns:
            (N, classes), in the dtype of X; or (N, labels), independent of each other.
        """
        return self._probabilities(self._raw(X))

    def predict_log_proba(self, X: Any) -> Array:
        """Predict the logarithm of each probability, see `predict_proba`.

        Args:
            X: (N, features), dense or sparse.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _probabilities(self, outputs: Array) -> Array:
        scores = fastnet.from_numpy(outputs)
        if self.out_activation_ == "softmax":
            return scores.softmax(1).numpy()
        probabilities = scores.sigmoid().numpy()
        return probabilities if self._several else np.hstack([1 - probabilities, probabilities])

    def _class_indices(self, outputs: Array) -> Array:
        """The class indices, or 0 and 1 for each label."""
        if self.out_activation_ == "softmax":
            return outputs.argmax(1)
        likely = (outputs > 0).astype(np.int64)
        return likely if self._several else likely[:, 0]

    def _score(self, outputs: Array, target: Array, weight: Array | None) -> Any:
        right = self._class_indices(outputs) == (target if self._several else target.reshape(-1))
        return np.average(right.all(1) if self._several else right, weights=weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
