"""Weights of classes and of samples."""
from collections.abc import Mapping

import numpy as np

import fastnet
from fastnet._core.errors import shape_text
from fastnet.training.checks import classes


def sample_weights(target, class_weight, sample_weight):
    """The weight of each sample: its own times its class's; None: all are 1.

    Args:
        target: (N,), the classes, or anything of N rows where class_weight is None.
        class_weight: {class: weight}, an array, "balanced" (N / (classes * count)), or None.
        sample_weight: (N,), or None.

    Raises:
        ValueError: weights that are negative, not finite, all 0, or of another number than the samples.

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
        _check("sample_weight", weights)
    if class_weight is not None:
        target = _numbers_of_classes(target)
        if isinstance(class_weight, str) and class_weight == "balanced":
            class_weight = balanced(target)
        table = class_weights(class_weight)
        require_classes(class_weight, target)
        by_class = look_up_array(table, target)
        weights = by_class if weights is None else weights * by_class
    return weights


def balanced(target):
    """{class: N / (number of classes * how many are of it)}, as scikit-learn's.

    Args:
        target: (N,), the classes.
    """
    classes, counts = np.unique(target, return_counts=True)
    return dict(zip(classes.tolist(), (len(target) / (len(classes) * counts)).tolist()))


def class_weights(spec):
    """The weights of classes 0, 1, ... as an array; of those that a dictionary leaves out, 1. None for None.

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
        spec = {int(c) if isinstance(c, (bool, int, np.bool_, np.integer)) else c: w for c, w in spec.items()}
        if not spec or not all(isinstance(c, int) and c >= 0 for c in spec):
            raise ValueError(f"class_weight must have classes, whole numbers from 0, as its keys, got {list(spec)!r}")
        table = np.ones(max(spec) + 1)
        table[list(spec)] = _floats("class_weight", list(spec.values()))
    else:
        table = _floats("class_weight", spec)
        if table.ndim != 1 or not table.size:
            raise ValueError(f"class_weight has shape {shape_text(table)}, expected one number for each class")
    _check("class_weight", table)
    return table


def require_classes(spec, target):
    """Refuse a dictionary of weights that names a class which no target has.

    Args:
        spec: what `class_weights` takes.
        target: (N,), the classes.

    Raises:
        ValueError: naming it.
    """
    there = np.unique(target).tolist()
    strange = [c for c in spec if int(c) not in there] if isinstance(spec, Mapping) else []
    if strange:
        raise ValueError(f"class_weight names the class {strange[0]}, expected classes of the targets: "
                         f"{', '.join(map(str, there[:20]))}{', ...' * (len(there) > 20)}")


def mean_weight(table, targets, spec):
    """The mean weight of all samples, by which weights are divided; 1 where it is not known.

    Args:
        table: what `class_weights` gave.
        targets: of all samples, or None.
        spec: what the table was made of.
    """
    if targets is None or not len(targets):
        return 1.0
    targets = _numbers_of_classes(targets.numpy() if hasattr(targets, "numpy") else np.asarray(targets))
    require_classes(spec, targets)
    return look_up_array(table, targets).mean() or 1.0


def look_up(table, target):
    """The weights of a batch of classes, as a tensor.

    Args:
        table: what `class_weights` gave.
        target: (N,), whole numbers.
    """
    return fastnet.from_numpy(look_up_array(table, _numbers_of_classes(target.numpy())).astype(np.float32))


def look_up_array(table, target):
    """The weight of each class in `target`: 1 for one beyond the table, 0 for one below 0, which a loss may ignore."""
    inside = np.clip(target, 0, len(table) - 1)
    return np.where(target < 0, 0.0, np.where(target < len(table), table[inside], 1.0))


def _numbers_of_classes(target):
    """Targets of one class for each sample, (N,), (N, 1) or one-hot, as whole numbers."""
    if target.ndim == 2 and target.shape[1] == 1:
        target = target[:, 0]
    elif target.dtype.kind in "biu":
        target = classes(target, ignore_index=None) if target.ndim == 2 else target
    if target.ndim != 1 or (target.dtype.kind == "f" and (target != np.rint(target)).any()):
        raise ValueError(f"class_weight needs targets of one class for each sample, as whole numbers; got shape "
                         f"{shape_text(target)} and dtype {target.dtype}")
    return target.astype(np.int64, copy=False)


def _floats(name, values):
    try:
        return np.asarray(values, float)
    except (TypeError, ValueError) as e:
        raise type(e)(f"{name} must hold numbers: {e}") from None


def _check(name, values):
    bad = ~np.isfinite(values) | (values < 0)
    if bad.any():
        i = int(bad.argmax())
        raise ValueError(f"{name}[{i}] is {values[i]}, expected a finite number that is not negative")
    if values.size and not values.any():
        raise ValueError(f"{name} is 0 everywhere: no sample would count")
