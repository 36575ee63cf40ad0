"""Estimators for scikit-learn: multi-layer perceptrons with its parameters and attributes, trained by fastnet."""
from fastnet._core.optional import optional

optional("sklearn.base", "fastnet.sklearn")

from fastnet.sklearn.classifier import MLPClassifier  # noqa: E402 (what is missing is said first)
from fastnet.sklearn.regressor import MLPRegressor  # noqa: E402

__all__ = ["MLPClassifier", "MLPRegressor"]
