"""Weights of classes and of samples."""
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

import fastnet
from fastnet._core.errors import shape_text
from fastnet.training.checks import classes

if TYPE_CHECKING:
    from fastnet import Tensor
    from fastnet._core.annotations import Array, ArrayLike
    from fastnet.training.annotations import ClassWeight

__all__ = ["balanced", "class_weights", "mean_weight", "require_classes", "sample_weights", "tensor_of_weights",
           "weights_by_class"]


def sample_weights(target: Array, class_weight: ClassWeight | None, sample_weight: ArrayLike | None) -> Array | None:
    """The weight of each sample: its own times that of its class; None if all are 1.

    Args:
        target: (N,), the classes; anything of N rows if `class_weight` is None.
        class_weight: {class: weight}, an array, "balanced" (N / (classes * count)), or None.
        sample_weight: (N,), or None.

    Raises:
        ValueError: weights that are negative, not finite, all 0, or whose number is not that of the samples.

    Example:
        >>> import numpy as np
        >>> from fastnet.training.weights import sample_weights
        >>> sample_weights(np.array([0, 0, 0, 1]), "balanced", None).round(2)
        array([0.67, 0.67, 0.67, 2.  ])
    """
    weights = None
    if sample_weight is not None:
        weights = _floats("sample_weight", sample_weight)
        if weights.shape != (len(target),):
            raise ValueError(f"sample_weight has shape {shape_text(weights)}, expected one number for each of the "
                             f"{len(target)} samples")
        _check_weights("sample_weight", weights)
    if class_weight is not None:
        target = _class_indices(target)
        spec: Any = class_weight
        if isinstance(spec, str) and spec == "balanced":
            spec = balanced(target)
        table = class_weights(spec)
        require_classes(spec, target)
        by_class = weights_by_class(table, target)
        weights = by_class if weights is None else weights * by_class
    return weights


def balanced(target: Array) -> dict[int, float]:
    """{class: N / (number of classes * count of the class)}, as in scikit-learn.

    Args:
        target: (N,), the classes.
    """
    classes, counts = np.unique(target, return_counts=True)
    return dict(zip(classes.tolist(), (len(target) / (len(classes) * counts)).tolist()))


def class_weights(spec: ClassWeight | None) -> Any:
    """The weights of classes 0, 1, ... as an array; a class that a dictionary omits has weight 1. None for None.

    Args:
        spec: {class: weight}, or an array.

    Raises:
        ValueError: anything else, or numbers out of range.
    """
    if spec is None:
        return None
    if isinstance(spec, str):
        raise ValueError("class_weight 'balanced' needs y as an array" if spec == "balanced" else
                         f"class_weight must be 'balanced', a dictionary or an array, got {spec!r}")
    if isinstance(spec, Mapping):
        given: dict[Any, Any] = {int(c) if isinstance(c, (bool, int, np.bool_, np.integer)) else c: w
                                 for c, w in spec.items()}
        if not given or not all(isinstance(c, int) and c >= 0 for c in given):
            raise ValueError(f"class_weight must have classes, integers from 0, as its keys, got {list(given)!r}")
        table = np.ones(max(given) + 1)
        table[list(given)] = _floats("class_weight", list(given.values()))
    else:
        table = _floats("class_weight", spec)
        if table.ndim != 1 or not table.size:
            raise ValueError(f"class_weight has shape {shape_text(table)}, expected one number for each class")
    _check_weights("class_weight", table)
    return table


def require_classes(spec: ClassWeight | None, target: Array) -> None:
    """Raise if a dictionary of weights names a class that no target has.

    Args:
        spec: the argument of `class_weights`.
        target: (N,), the classes.

    Raises:
        ValueError: naming the class.
    """
    known = np.unique(target).tolist()
    unknown = [c for c in spec if int(c) not in known] if isinstance(spec, Mapping) else []
    if unknown:
        raise ValueError(f"class_weight names the class {unknown[0]}, expected classes of the targets: "
                         f"{', '.join(map(str, known[:20]))}{', ...' * (len(known) > 20)}")


def mean_weight(table: Array, targets: Any, spec: ClassWeight | None) -> Any:
    """The mean weight of all samples, by which weights are divided; 1 if there are no targets.

    Args:
        table: the result of `class_weights`.
        targets: of all samples, or None.
        spec: the argument of `class_weights`.
    """
    if targets is None or not len(targets):
        return 1.0
    targets = _class_indices(targets.numpy() if hasattr(targets, "numpy") else np.asarray(targets))
    require_classes(spec, targets)
    return weights_by_class(table, targets).mean() or 1.0


def tensor_of_weights(table: Array, target: Tensor) -> Tensor:
    """The weight of each sample of a batch, (N,), a float32 tensor.

    Args:
        table: the result of `class_weights`.
        target: (N,), integers.
    """
    return fastnet.from_numpy(weights_by_class(table, _class_indices(target.numpy())).astype(np.float32))


def weights_by_class(table: Array, target: Array) -> Array:
    """The weight of each class in `target`. Classes outside the table have weight 1, negative labels weight 0.

    Args:
        table: the result of `class_weights`.
        target: (N,), integers.
    """
    inside = np.clip(target, 0, len(table) - 1)
    return np.where(target < 0, 0.0, np.where(target < len(table), table[inside], 1.0))


def _class_indices(target: Array) -> Array:
    """Targets of one class per sample, (N,), (N, 1) or one-hot, as integers (N,)."""
    if target.ndim == 2 and target.shape[1] == 1:
        target = target[:, 0]
    elif target.dtype.kind in "biu":
        target = classes(target, ignore_index=None) if target.ndim == 2 else target
    if target.ndim != 1 or (target.dtype.kind == "f" and (target != np.rint(target)).any()):
        raise ValueError(f"class_weight needs targets of one class per sample, as integers; got shape "
                         f"{shape_text(target)} and dtype {target.dtype}")
    return target.astype(np.int64, copy=False)


def _floats(name: str, values: Any) -> Array:
    try:
        return np.asarray(values, float)
    except (TypeError, ValueError) as e:
        raise type(e)(f"{name} must hold numbers: {e}") from None


def _check_weights(name: str, values: Array) -> None:
    bad = ~np.isfinite(values) | (values < 0)
    if bad.any():
        i = int(bad.argmax())
        raise ValueError(f"{name}[{i}] is {values[i]}, expected a finite number that is not negative")
    if values.size and not values.any():
        raise ValueError(f"{name} is 0 everywhere: no sample would count")
