"""MLPRegressor."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d

from fastnet._core.annotations import Array
from fastnet.data.targets import NEAR
from fastnet.data.values import mean_and_scale
from fastnet.sklearn.base import MLP
from fastnet.sklearn.bases import RegressorMixin
from fastnet.sklearn.checks import require_finite_target
from fastnet.sklearn.losses import REGRESSION, loss_of
from fastnet.sklearn.parameters import ActivationSpec, ModuleSpec, RandomState, RegressorLoss, SolverSpec
from fastnet.training.losses import Loss

if TYPE_CHECKING:
    from fastnet.callbacks import Callback

__all__ = ["MLPRegressor"]


class MLPRegressor(RegressorMixin, MLP):
    """Multi-layer perceptron for regression, with scikit-learn's parameters and attributes.

    `MLPClassifier` describes the other parameters, the attributes, and the differences from scikit-learn;
    `class_weight` does not exist here.

    Targets whose mean is more than 100 standard deviations from zero, such as dates as numbers, are standardised in
    float64 for the training, unless the loss is "poisson"; predictions are then float64. The losses, `module_` and
    `intercepts_` refer to the standardised targets.

    Attributes:
        target_mean_, target_scale_: (outputs,), the mean and the scale by which targets are standardised: 0 and 1
            unless they are far from zero.

    Args:
        loss: "squared_error", "poisson" (for counts, whose mean is exp(output)), "absolute_error", "huber"; a name in
            `fastnet.training.losses.LOSSES`; a loss module; or a function of (output, target), tensors of (N, outputs),
            that returns a scalar or one number per sample. With several outputs the first four are summed over them, as
            scikit-learn's solvers do, though its `loss_` is their mean.

    Example:
        >>> import numpy as np
        >>> from fastnet.sklearn import MLPRegressor
        >>> X = np.linspace(-1, 1, 100)[:, None]
        >>> model = MLPRegressor(hidden_layer_sizes=(20,), solver="lbfgs", random_state=0).fit(X, X[:, 0] ** 2)
        >>> bool(model.score(X, X[:, 0] ** 2) > 0.99)
        True
    """

    n_outputs_: int
    target_mean_: Array
    target_scale_: Array

    def __init__(self, loss: RegressorLoss = "squared_error", hidden_layer_sizes: int | Iterable[int] = (100,),
                 activation: ActivationSpec | Sequence[ActivationSpec] = "relu", *, solver: SolverSpec = "adam",
                 alpha: float = 0.0001, batch_size: int | Literal["auto"] = "auto",
                 learning_rate: Literal["constant", "invscaling", "adaptive"] = "constant",
                 learning_rate_init: float = 0.001, power_t: float = 0.5, max_iter: int = 200, shuffle: bool = True,
                 random_state: RandomState = None, tol: float = 1e-4, verbose: bool = False, warm_start: bool = False,
                 momentum: float = 0.9, nesterovs_momentum: bool = True, early_stopping: bool = False,
                 validation_fraction: float = 0.1, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8,
                 n_iter_no_change: float = 10, max_fun: int = 15000, dropout: float | Sequence[float] = 0.0,
                 batch_norm: bool = False, module: ModuleSpec | None = None, max_grad_norm: float | None = None,
                 callbacks: Callback | Iterable[Callback] | None = None,
                 dtype: Literal["auto", "float32", "float64"] = "auto", compile: bool = True) -> None:
        self._keep(locals())

    def _check_target(self, y: Any) -> None:
        if y is not None:
            require_finite_target(y)

    def _encode(self, y: Any, fresh: bool, incremental: bool, **declared: Any) -> Array:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        target = np.asarray(y, np.float64).reshape(len(y), -1)
        if self.loss == "poisson" and (target < 0).any():
            raise ValueError(f"loss 'poisson' expected targets that are not negative, got {target.min()}")
        if not fresh and self.n_outputs_ != target.shape[1]:
            raise ValueError(f"y has {target.shape[1]} outputs, expected {self.n_outputs_} as in the first fit")
        self.n_outputs_ = target.shape[1]
        self.out_activation_ = "exp" if self.loss == "poisson" else "identity"
        if fresh:
            mean, scale = mean_and_scale(target)
            far = (np.abs(mean) > NEAR * scale) & (target != target[:1]).any(0) & np.isfinite(mean)
            far &= self.out_activation_ == "identity"
            self.target_mean_, self.target_scale_ = np.where(far, mean, 0.0), np.where(far, scale, 1.0)
        return (target - self.target_mean_) / self.target_scale_

    def _loss(self) -> Loss:
        return loss_of(self.loss, REGRESSION)

    def predict(self, X: Any) -> Array:
        """Predict the values.

        Args:
            X: (N, features), dense or sparse.

        Returns:
            (N,) or (N, outputs), in the dtype of X; in float64 if the targets were standardised.
        """
        values = self._values(self._raw(X))
        if self.target_mean_.any():
            values = values.astype(np.float64) * self.target_scale_ + self.target_mean_
        return values[:, 0] if values.shape[1] == 1 else values

    def _values(self, outputs: Array) -> Array:
        return np.exp(outputs) if self.out_activation_ == "exp" else outputs

    def _score(self, outputs: Array, target: Array, weight: Array | None) -> Any:
        return r2_score(target, self._values(outputs), sample_weight=weight)
