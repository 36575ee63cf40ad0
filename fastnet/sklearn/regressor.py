"""MLPRegressor."""
import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d

from fastnet.data.targets import NEAR
from fastnet.data.values import mean_and_scale
from fastnet.sklearn.base import MLP
from fastnet.sklearn.checks import require_finite_target
from fastnet.sklearn.losses import REGRESSION, loss_of


class MLPRegressor(RegressorMixin, MLP):
    """A multi-layer perceptron for regression, with scikit-learn's parameters and attributes.

    All parameters but the one below, the attributes, and the differences from scikit-learn are described at
    `MLPClassifier`; `class_weight` alone is not there.

    Targets whose mean is more than 100 of their standard deviations from zero, such as dates as numbers, are
    standardised in float64 before they are learnt, unless the loss is "poisson"; predictions are float64 then. The
    losses, `module_` and `intercepts_` are of the standardised targets.

    Attributes:
        target_mean_, target_scale_: (outputs,), by what targets are shifted and divided: 0 and 1 unless they are far
            from zero.

    Args:
        loss: "squared_error", "poisson" (of counts, whose mean is exp(output)), "absolute_error", "huber"; a name in
            `fastnet.training.losses.LOSSES`; a loss module; or a function of (output, target), tensors of (N, outputs),
            to a tensor of one number or of one for each sample. With several outputs the first four are summed over
            them: that is what scikit-learn's solvers minimise too, though its `loss_` is their mean.

    Example:
        >>> import numpy as np
        >>> from fastnet.sklearn import MLPRegressor
        >>> X = np.linspace(-1, 1, 100)[:, None]
        >>> model = MLPRegressor(hidden_layer_sizes=(20,), solver="lbfgs", random_state=0).fit(X, X[:, 0] ** 2)
        >>> bool(model.score(X, X[:, 0] ** 2) > 0.99)
        True
    """

    def __init__(self, loss="squared_error", hidden_layer_sizes=(100,), activation="relu", *, solver="adam",
                 alpha=0.0001, batch_size="auto", learning_rate="constant", learning_rate_init=0.001, power_t=0.5,
                 max_iter=200, shuffle=True, random_state=None, tol=1e-4, verbose=False, warm_start=False, momentum=0.9,
                 nesterovs_momentum=True, early_stopping=False, validation_fraction=0.1, beta_1=0.9, beta_2=0.999,
                 epsilon=1e-8, n_iter_no_change=10, max_fun=15000, dropout=0.0, batch_norm=False, module=None,
                 max_grad_norm=None, callbacks=None, dtype="auto", compile=True):
        self._keep(locals())

    def _check_target(self, y):
        if y is not None:
            require_finite_target(y)

    def _encode(self, y, fresh, incremental):
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        target = np.asarray(y, np.float64).reshape(len(y), -1)
        if self.loss == "poisson" and (target < 0).any():
            raise ValueError(f"loss 'poisson' needs targets that are not negative, got {target.min()}")
        if not fresh and self.n_outputs_ != target.shape[1]:
            raise ValueError(f"y has {target.shape[1]} outputs, the estimator was fitted to {self.n_outputs_}")
        self.n_outputs_ = target.shape[1]
        self.out_activation_ = "exp" if self.loss == "poisson" else "identity"
        if fresh:
            mean, scale = mean_and_scale(target)
            far = (np.abs(mean) > NEAR * scale) & (target != target[:1]).any(0) & np.isfinite(mean)
            far &= self.out_activation_ == "identity"
            self.target_mean_, self.target_scale_ = np.where(far, mean, 0.0), np.where(far, scale, 1.0)
        return (target - self.target_mean_) / self.target_scale_

    def _loss(self):
        return loss_of(self.loss, REGRESSION)

    def predict(self, X):
        """The values.

        Args:
            X: (N, features), dense or sparse.

        Returns:
            (N,), or (N, outputs), of the dtype of X; float64 where targets are far from zero.
        """
        values = self._values(self._raw(X))
        if self.target_mean_.any():
            values = values.astype(np.float64) * self.target_scale_ + self.target_mean_
        return values[:, 0] if values.shape[1] == 1 else values

    def _values(self, outputs):
        return np.exp(outputs) if self.out_activation_ == "exp" else outputs

    def _score(self, outputs, target, weight):
        return r2_score(target, self._values(outputs), sample_weight=weight)
