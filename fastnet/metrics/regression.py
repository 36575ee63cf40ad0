"""Errors of predicted numbers, and the share of their variance that is explained. Sums are in float64."""
import math
import warnings

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet.functional.creation import full
from fastnet.metrics.metric import Metric


def read(name, output, target):
    """Outputs and targets as float64 columns (N, D), off the tape, and their number N as a tensor.

    Args:
        name: the metric that reads them.
        output, target: (N, ...), of one shape; (N,) and (N, 1) fit, too.

    Raises:
        ValueError: they don't fit; both shapes are named.

    Example:
        >>> import fastnet
        >>> from fastnet.metrics.regression import read
        >>> read("mse", fastnet.ones(2, 1), fastnet.zeros(2))[2]
        tensor(2)
    """
    if not output.ndim or not target.ndim or _without_one(output.shape) != _without_one(target.shape):
        raise ValueError(f"{name}: outputs of shape {shape_text(output)} and targets of shape {shape_text(target)} do "
                         "not fit: expected the same, with samples along the first dimension")
    columns = len(output), math.prod(output.shape[1:])
    output, target = (x.detach().to(dtypes.float64).reshape(columns) for x in (output, target))
    return output, target, full((), columns[0], dtype=dtypes.int64)


def _without_one(shape):
    return shape[:1] if shape[1:] == (1,) else shape


class _Errors(Metric):
    """A function of the mean error of each output; the classes say which error and which function."""

    larger_is_better = False
    totals = ("sums", "count")

    def reset(self):
        self.sums, self.count = np.zeros(0), 0

    def measure(self, output, target):
        output, target, count = read(self.name, output, target)
        return self._errors(output - target).sum(0), count

    def accumulate(self, sums, count):
        _expect_finite(self.name, sums)
        if self.sums.size:
            self._expect_same("outputs of shape", sums.shape, self.sums.shape)
        self.sums = self.sums + sums if self.sums.size else np.array(sums)
        self.count += int(count)

    def compute(self):
        self._expect_some(self.count)
        return float(np.mean(self._figure(self.sums / self.count)))

    @staticmethod
    def _errors(difference):
        return difference.square()

    @staticmethod
    def _figure(mean):
        return mean


def _expect_finite(name, *sums):
    if not all(np.isfinite(s).all() for s in sums):
        raise ValueError(f"{name}: a sum over the batch is infinite or NaN; expected finite outputs and targets, and "
                         "squares within float64")


class MAE(_Errors):
    """The mean of |output - target|: scikit-learn's `mean_absolute_error`.

    Several outputs count alike. Nothing is weighted.

    Args:
        name: the key in logs, "mae".

    Raises:
        ValueError: by `update`: shapes that do not fit, outputs or targets that are not finite.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.MAE()
        >>> metric.update(fastnet.tensor([1.0, 2.0]), fastnet.tensor([1.0, 4.0]))
        >>> metric.compute()
        1.0
    """

    name = "mae"

    @staticmethod
    def _errors(difference):
        return difference.abs()


class MSE(_Errors):
    """The mean of (output - target)^2: scikit-learn's `mean_squared_error`. Arguments and errors are those of `MAE`.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.MSE()
        >>> metric.update(fastnet.tensor([1.0, 2.0]), fastnet.tensor([1.0, 4.0]))
        >>> metric.compute()
        2.0
    """

    name = "mse"


class RMSE(_Errors):
    """The root of the mean of (output - target)^2: scikit-learn's `root_mean_squared_error`.

    Of several outputs it is the mean of their roots, as there. Arguments and errors are those of `MAE`.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.RMSE()
        >>> metric.update(fastnet.tensor([1.0, 2.0]), fastnet.tensor([3.0, 4.0]))
        >>> metric.compute()
        2.0
    """

    name = "rmse"

    @staticmethod
    def _figure(mean):
        return np.sqrt(mean)


class R2(Metric):
    """1 - sum((target - output)^2) / sum((target - mean)^2), of several outputs the mean: scikit-learn's `r2_score`.

    Where the targets are all equal it is 1 if they are met exactly, else 0. Of a single sample it is not defined: NaN,
    with a warning.

    Batches are merged by their means and deviations (Chan, Golub and LeVeque 1979, "Updating formulae and a pairwise
    algorithm for computing sample variances"), so targets far from 0 lose no digits.

    Args:
        name: the key in logs, "r2".

    Raises:
        ValueError: by `update`: shapes that do not fit, outputs or targets that are not finite.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.R2()
        >>> metric.update(fastnet.tensor([2.5, 0.0]), fastnet.tensor([3.0, -0.5]))
        >>> metric.update(fastnet.tensor([2.0, 8.0]), fastnet.tensor([2.0, 7.0]))
        >>> round(metric.compute(), 4)
        0.9486
    """

    name = "r2"
    totals = ("mean", "deviation", "residual", "count")

    def reset(self):
        self.mean, self.deviation, self.residual, self.count = np.zeros(0), np.zeros(0), np.zeros(0), 0

    def measure(self, output, target):
        output, target, count = read(self.name, output, target)
        first = target[:1]                      # subtracted first: equal targets then have a deviation of exactly 0
        rest = target - first
        mean = rest.mean(0)
        return first + mean, (rest - mean).square().sum(0), (output - target).square().sum(0), count

    def accumulate(self, mean, deviation, residual, count):
        count = int(count)
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

    def compute(self):
        self._expect_some(self.count)
        if self.count < 2:
            warnings.warn(f"{self.name}: not defined for a single sample, and NaN", UserWarning, stacklevel=2)
            return math.nan
        varied = self.deviation != 0
        unexplained = np.where(varied, self.residual / np.where(varied, self.deviation, 1), self.residual != 0)
        return float(np.mean(1 - unexplained))
