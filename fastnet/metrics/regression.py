"""Metrics of regression: MAE, MSE, RMSE and R2. Sums are in float64."""
from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet.functional.creation import full
from fastnet.metrics.metric import Metric

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet._core.tensor import Tensor

__all__ = ["MAE", "MSE", "R2", "RMSE", "regression_batch"]


def regression_batch(name: str, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Check outputs and targets; returns both as float64 (N, D) without gradients, and N as a tensor.

    Args:
        name: name of the metric, for errors.
        output, target: (N, ...), of the same shape, or one (N,) and the other (N, 1).

    Raises:
        ValueError: the shapes do not match; both are named.

    Example:
        >>> import fastnet
        >>> from fastnet.metrics.regression import regression_batch
        >>> regression_batch("mse", fastnet.ones(2, 1), fastnet.zeros(2))[2]
        tensor(2)
    """
    if not output.ndim or not target.ndim or _without_one(output.shape) != _without_one(target.shape):
        raise ValueError(f"{name}: expected outputs and targets of the same shape, with samples along the first "
                         f"dimension, got {shape_text(output)} and {shape_text(target)}")
    columns = len(output), math.prod(output.shape[1:])
    output, target = (x.detach().to(dtypes.float64).reshape(columns) for x in (output, target))
    return output, target, full((), columns[0], dtype=dtypes.int64)


def _without_one(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[:1] if shape[1:] == (1,) else shape


class _Errors(Metric):
    """A function of the mean error of each output; subclasses define the error and the function."""

    larger_is_better: bool | None = False
    totals: tuple[str, ...] = ("sums", "count")

    sums: Array
    count: int

    def reset(self) -> None:
        self.sums, self.count = np.zeros(0), 0

    def measure(self, output: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        output, target, count = regression_batch(self.name, output, target)
        return self._errors(output - target).sum(0), count

    def accumulate(self, sums: Array, count: Array) -> None:
        _expect_finite(self.name, sums)
        if self.sums.size:
            self._expect_same("outputs of shape", sums.shape, self.sums.shape)
        self.sums = self.sums + sums if self.sums.size else np.array(sums)
        self.count += int(count)

    def compute(self) -> float:
        self._expect_some(self.count)
        return float(np.mean(self._of_mean(self.sums / self.count)))

    @staticmethod
    def _errors(difference: Tensor) -> Tensor:
        return difference.square()

    @staticmethod
    def _of_mean(mean: Array) -> Array:
        return mean


def _expect_finite(name: str, *sums: Array) -> None:
    if not all(np.isfinite(s).all() for s in sums):
        raise ValueError(f"{name}: expected finite outputs and targets whose squares fit into float64, got a sum over "
                         "the batch that is infinite or NaN")


class MAE(_Errors):
    """Mean absolute error, the mean of |output - target| (scikit-learn's `mean_absolute_error`).

    Several outputs have equal weights, and so do all samples.

    Args:
        name: the key in logs; "mae" by default.

    Raises:
        ValueError: by `update`: shapes that do not match, outputs or targets that are not finite.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.MAE()
        >>> metric.update(fastnet.tensor([1.0, 2.0]), fastnet.tensor([1.0, 4.0]))
        >>> metric.compute()
        1.0
    """

    name = "mae"

    @staticmethod
    def _errors(difference: Tensor) -> Tensor:
        return difference.abs()


class MSE(_Errors):
    """Mean squared error, the mean of (output - target)^2 (scikit-learn's `mean_squared_error`).

    Arguments and errors are those of `MAE`.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.MSE()
        >>> metric.update(fastnet.tensor([1.0, 2.0]), fastnet.tensor([1.0, 4.0]))
        >>> metric.compute()
        2.0
    """

    name = "mse"


class RMSE(_Errors):
    """Root mean squared error, the root of the mean of (output - target)^2.

    It equals scikit-learn's `root_mean_squared_error`: with several outputs it is the mean of their roots. Arguments
    and errors are those of `MAE`.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.RMSE()
        >>> metric.update(fastnet.tensor([1.0, 2.0]), fastnet.tensor([3.0, 4.0]))
        >>> metric.compute()
        2.0
    """

    name = "rmse"

    @staticmethod
    def _of_mean(mean: Array) -> Array:
        return np.sqrt(mean)


class R2(Metric):
    """Coefficient of determination, 1 - sum((target - output)^2) / sum((target - mean)^2) (scikit-learn's `r2_score`).

    With several outputs it is the mean over them. If all targets are equal, it is 1 if the outputs are exact, else 0.
    For a single sample it is undefined: the result is NaN, with a warning.

    Batches are merged by their means and deviations (Chan, Golub and LeVeque 1979, "Updating formulae and a pairwise
    algorithm for computing sample variances"), so targets far from 0 lose no digits.

    Args:
        name: the key in logs; "r2" by default.

    Raises:
        ValueError: by `update`: shapes that do not match, outputs or targets that are not finite.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.R2()
        >>> metric.update(fastnet.tensor([2.5, 0.0]), fastnet.tensor([3.0, -0.5]))
        >>> metric.update(fastnet.tensor([2.0, 8.0]), fastnet.tensor([2.0, 7.0]))
        >>> round(metric.compute(), 4)
        0.9486
    """

    name = "r2"
    totals: tuple[str, ...] = ("mean", "deviation", "residual", "count")

    mean: Array
    deviation: Array
    residual: Array
    count: int

    def reset(self) -> None:
        self.mean, self.deviation, self.residual, self.count = np.zeros(0), np.zeros(0), np.zeros(0), 0

    def measure(self, output: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        output, target, count = regression_batch(self.name, output, target)
        first = target[:1]                      # subtracted first, so that equal targets have a deviation of exactly 0
        rest = target - first
        mean = rest.mean(0)
        return first + mean, (rest - mean).square().sum(0), (output - target).square().sum(0), count

    def accumulate(self, mean: Array, deviation: Array, residual: Array, samples: Array) -> None:
        count = int(samples)
        if not count:
            return
        mean = mean[0]
        _expect_finite(self.name, mean, deviation, residual)
        if not self.count:
            self.mean, self.deviation, self.residual = np.array(mean), np.array(deviation), np.array(residual)
        else:
            self._expect_same("outputs of shape", mean.shape, self.mean.shape)
            apart, share = mean - self.mean, count / (self.count + count)
            self.deviation = self.deviation + deviation + apart**2 * (self.count * share)
            self.mean = self.mean + apart * share
            self.residual = self.residual + residual
        self.count += count

    def compute(self) -> float:
        self._expect_some(self.count)
        if self.count < 2:
            warnings.warn(f"{self.name}: undefined for a single sample; the result is NaN", UserWarning, stacklevel=2)
            return math.nan
        varied = self.deviation != 0
        unexplained = np.where(varied, self.residual / np.where(varied, self.deviation, 1), self.residual != 0)
        return float(np.mean(1 - unexplained))
