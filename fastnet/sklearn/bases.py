"""scikit-learn's base classes with annotations for type checkers, since scikit-learn has none."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["BaseEstimator", "ClassifierMixin", "RegressorMixin"]

if TYPE_CHECKING:
    from typing_extensions import Self

    from fastnet._core.annotations import ArrayLike

    class BaseEstimator:
        """Base class of estimators: their parameters are the constructor's arguments."""

        def get_params(self, deep: bool = True) -> dict[str, Any]: ...
        def set_params(self, **params: Any) -> Self: ...
        def __sklearn_tags__(self) -> Any: ...

    class ClassifierMixin:
        """The score of a classifier is its accuracy."""

        def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float: ...

    class RegressorMixin:
        """The score of a regressor is R2."""

        def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float: ...
else:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
