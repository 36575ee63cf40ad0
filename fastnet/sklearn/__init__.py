"""Estimators for scikit-learn: multi-layer perceptrons with its parameters and attributes, trained by fastnet."""
from fastnet._core.optional import optional

optional("sklearn.base", "fastnet.sklearn")

from fastnet.sklearn.classifier import MLPClassifier  # noqa: E402 (after the check that scikit-learn is installed)
from fastnet.sklearn.regressor import MLPRegressor  # noqa: E402

__all__ = ["MLPClassifier", "MLPRegressor"]
