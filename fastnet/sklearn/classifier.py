"""MLPClassifier."""
import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

import fastnet
from fastnet.sklearn.base import MLP, has_epochs
from fastnet.sklearn.losses import log_loss, loss_of, wants_scores_of_classes


class MLPClassifier(ClassifierMixin, MLP):
    """A multi-layer perceptron for classification, with scikit-learn's parameters and attributes.

    Parameters that scikit-learn's has mean what they mean there, and the same `random_state` gives the same first
    weights and the same batches. More than there can be chosen:

    Args:
        activation: any of "identity", "logistic", "tanh", "relu", "elu", "gelu", "hardtanh", "leaky_relu", "mish",
            "relu6", "silu", "softplus", "softsign"; a Module or a function that makes one; or a list with one for each
            hidden layer.
        solver: "adam", "sgd", "adamw", "rmsprop", "adagrad", "lbfgs", or a function of the parameters (as groups) that
            makes an optimizer. `momentum`, `nesterovs_momentum` and `learning_rate` are for "sgd", `beta_1` and
            `beta_2` for "adam" and "adamw", `epsilon` for all but "sgd" and "lbfgs". "lbfgs" is SciPy's, as in
            scikit-learn, so that it gains less than the others: it takes about half the time that it takes there.
        alpha: the L2 penalty alpha / (2 n) * (sum of the squared weights), without the biases, of batches of n samples;
            with "adamw" the weights decay by it apart from the gradient.
        loss: "log_loss" (of softmax for several classes, of the logistic function for two and for several labels); a
            name in `fastnet.training.losses.LOSSES`; a loss module such as
            `fastnet.nn.CrossEntropyLoss(label_smoothing=0.1)`; or a function of (output, target) to a tensor of one
            number or of one for each sample. Targets are numbers of classes (N,), int64; 0 and 1 (N, 1) where there are
            two; (N, labels).
        class_weight: {class: weight} or "balanced" (not in `partial_fit`), as of other classifiers of scikit-learn:
            factors of the samples' weights, by whose sum the loss of each batch is divided, as in scikit-learn. In
            batches of a few samples they hardly count; `fastnet.Trainer` divides by their mean over all rows instead.
        dropout: the probability behind each hidden layer, or a list.
        batch_norm: normalise each hidden layer, before its activation.
        module: the network, in place of `hidden_layer_sizes`, `activation`, `dropout` and `batch_norm`: a function of
            (n_inputs, n_outputs) that makes a Module, which draws from `random_state`; or a Module, of which a copy is
            trained. It gives scores (logits).
        max_grad_norm: clip the gradient to this norm.
        callbacks: one or several of `fastnet.callbacks`. With early stopping they find "validation_loss" and
            "validation_score" in the logs.
        dtype: what is computed in: "float32"; "float64"; or "auto": float32 where each step sees a part of the samples,
            whose noise is larger than the rounding, and in which it is twice as fast; the dtype of X where each step
            sees all of them ("lbfgs", or a batch as large as the data). Predictions have the dtype of X.
        compile: False runs training steps eagerly, with the same bits: for a `module` or a `loss` whose Python code
            must run at each step.

    Attributes:
        classes_, coefs_, intercepts_, loss_, best_loss_, loss_curve_, validation_scores_, best_validation_score_,
        n_features_in_, feature_names_in_, n_iter_, n_layers_, n_outputs_, out_activation_, t_: as scikit-learn's.
        validation_loss_curve_: the loss of the held-out samples after each epoch, without the penalty; None without
            early stopping.
        module_: the network, whose `save` writes a file for `fastnet.load`; fitted to sparse rows, it begins with a
            layer of its own kind, which is saved as an nn.Linear.

    Differences from scikit-learn: without `random_state` every fit is another, and NumPy's global state is neither used
    nor changed; one class only is an error; predictions of labels are dense; held-out samples have the shares of all
    classes, also where there are more than two; `epsilon` is added to the corrected root of the second moment, as the
    paper has it; momentum is of gradients, not of steps, which differs where the learning rate changes.

    Raises:
        ValueError, TypeError: in `fit` and `partial_fit`, parameters or data that cannot be used; the estimator is as
            it was before.

    Example:
        >>> import numpy as np
        >>> from fastnet.sklearn import MLPClassifier
        >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        >>> model = MLPClassifier(hidden_layer_sizes=(8,), solver="lbfgs", random_state=0)
        >>> model.fit(X, ["no", "yes", "yes", "no"]).predict(X).tolist()
        ['no', 'yes', 'yes', 'no']
    """

    def __init__(self, hidden_layer_sizes=(100,), activation="relu", *, solver="adam", alpha=0.0001, batch_size="auto",
                 learning_rate="constant", learning_rate_init=0.001, power_t=0.5, max_iter=200, shuffle=True,
                 random_state=None, tol=1e-4, verbose=False, warm_start=False, momentum=0.9, nesterovs_momentum=True,
                 early_stopping=False, validation_fraction=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-8,
                 n_iter_no_change=10, max_fun=15000, loss="log_loss", class_weight=None, dropout=0.0, batch_norm=False,
                 module=None, max_grad_norm=None, callbacks=None, dtype="auto", compile=True):
        self._keep(locals())

    # ---- labels ----

    @available_if(has_epochs)
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Train for one epoch on X and y, from where the last call left off.

        Args:
            X, y, sample_weight: as `fit`'s. y need not have all classes.
            classes: all there will be, at the first call.

        Returns:
            The estimator.

        Raises:
            ValueError: classes are missing at the first call or differ later, or y has another.
        """
        return self._fit(X, y, sample_weight, incremental=True, classes=classes)

    def _encode(self, y, fresh, incremental, classes=None):
        y = y.toarray() if hasattr(y, "toarray") else y
        if y.ndim > 1 or y.dtype.kind not in "biuU":         # else there is no doubt
            check_classification_targets(y)
        several = y.ndim == 2 and y.shape[1] > 1
        if several and not type_of_target(y).startswith("multilabel"):
            raise ValueError("y has several columns that are not 0 or 1: several labels for each sample are given as "
                             "columns of 0 and 1")
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
        numbers = np.searchsorted(self.classes_, y)
        return numbers if self.out_activation_ == "softmax" else numbers[:, None].astype(np.float64)

    def _declare(self, classes):
        """Take the classes that partial_fit is given, or compare them with those of before."""
        if not hasattr(self, "classes_"):
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            self.classes_ = unique_labels(classes)
        elif classes is not None and not np.array_equal(self.classes_, unique_labels(classes)):
            raise ValueError(f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                             f"{self.classes_!r}")

    def _check_known(self, labels, incremental):
        known, given = set(self.classes_.tolist()), set(labels.tolist())
        if not incremental and given != known:
            raise ValueError("warm_start can only be used where `y` has the same classes as in the previous call to "
                             f"fit. Previously got {self.classes_}, `y` has {labels}")
        if not given <= known:
            raise ValueError(f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has "
                             f"{labels}.")

    def _set_outputs(self, several):
        softmax = not several and (len(self.classes_) > 2 or wants_scores_of_classes(self.loss))
        self.out_activation_ = "softmax" if softmax else "logistic"
        self._several = several
        self.n_outputs_ = len(self.classes_) if several or softmax else 1

    def _loss(self):
        return loss_of(self.loss, {"log_loss": log_loss(self.out_activation_ == "softmax", self._several)})

    def _class_weights(self, y, incremental):
        if incremental and isinstance(self.class_weight, str) and self.class_weight == "balanced":
            raise ValueError("class_weight 'balanced' is not supported for partial_fit, which sees a part of the "
                             "samples: give {class: weight}, as sklearn.utils.class_weight.compute_class_weight makes "
                             "it of all")
        return None if self.class_weight is None else compute_sample_weight(self.class_weight, y)

    def _strata(self, target):
        """The classes, where each can have its share of both parts."""
        if self._several:
            return None
        classes = target.reshape(-1)
        counts = np.unique(classes, return_counts=True)[1]
        held_out = int(np.ceil(self.validation_fraction * len(target)))
        return classes if counts.min() > 1 and min(held_out, len(target) - held_out) >= len(counts) else None

    # ---- predictions ----

    def predict(self, X):
        """The class of each sample, or 0 and 1 for each label.

        Args:
            X: (N, features), dense or sparse.

        Returns:
            (N,), of `classes_`; (N, labels).
        """
        numbers = self._numbers(self._raw(X))
        return numbers if self._several else self.classes_[numbers]

    def predict_proba(self, X):
        """The probability of each class, as columns in the order of `classes_`, or of each label.

        Args:
            X: (N, features), dense or sparse.

        Returns:
            (N, classes), of the dtype of X; (N, labels), each on its own.
        """
        return self._probabilities(self._raw(X))

    def predict_log_proba(self, X):
        """The logarithm of `predict_proba`.

        Args:
            X: (N, features), dense or sparse.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _probabilities(self, outputs):
        scores = fastnet.from_numpy(outputs)
        if self.out_activation_ == "softmax":
            return scores.softmax(1).numpy()
        probabilities = scores.sigmoid().numpy()
        return probabilities if self._several else np.hstack([1 - probabilities, probabilities])

    def _numbers(self, outputs):
        """The numbers of the classes, or 0 and 1 for each label."""
        if self.out_activation_ == "softmax":
            return outputs.argmax(1)
        likely = (outputs > 0).astype(np.int64)
        return likely if self._several else likely[:, 0]

    def _score(self, outputs, target, weight):
        right = self._numbers(outputs) == (target if self._several else target.reshape(-1))
        return np.average(right.all(1) if self._several else right, weights=weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
