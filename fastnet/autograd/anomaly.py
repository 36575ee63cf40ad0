"""Detection of NaN in gradients, by the name of the operation."""
from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.errors import shape_text
from fastnet._core.reprs import repr_of
from fastnet.autograd.regions import region_of

if TYPE_CHECKING:
    from typing_extensions import Self

    from fastnet.autograd.tape import Node

__all__ = ["anomaly", "checked", "detect_anomaly", "is_anomaly_check_nan_enabled", "is_anomaly_enabled",
           "set_detect_anomaly"]


class _Anomaly:
    """The mode of the process."""

    enabled, check_nan = False, True


anomaly = _Anomaly()


def checked(node: Node, contributions: Iterator[tuple[Any, Any, Any]]) -> Iterator[tuple[Any, Any, Any]]:
    """The contributions of a node, each computed and checked.

    Raises:
        RuntimeError: one of them holds NaN.
    """
    for k, (target, array, function) in enumerate(contributions):
        found = array if function is None else function(array)
        if anomaly.check_nan and found is not None and np.isnan(found).any():
            raise RuntimeError(f"Function '{node.name} backward' returned nan values in its {k}th output: the gradient "
                               f"of an argument of a {node.name} whose result has the shape {shape_text(node)}")
        yield target, found if region_of(function) is None else array, None if region_of(function) is None else function


class set_detect_anomaly:
    """Switch the detection of NaN in gradients on or off: as a function, or for a `with` block.

    Args:
        mode: whether backward() checks each gradient.
        check_nan: whether NaN is an error.

    Example:
        >>> import fastnet
        >>> with fastnet.autograd.set_detect_anomaly(True):
        ...     fastnet.autograd.anomaly.is_anomaly_enabled()
        True
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = anomaly.enabled, anomaly.check_nan
        anomaly.enabled, anomaly.check_nan = bool(mode), bool(check_nan)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        anomaly.enabled, anomaly.check_nan = self._before

    def __repr__(self) -> str:
        return repr_of(self, enabled=anomaly.enabled)


class detect_anomaly(set_detect_anomaly):
    """Check gradients for NaN inside a `with` block, and name the operation whose gradient is one.

    A compiled function is checked while it is recorded only.

    Args:
        check_nan: whether NaN is an error.

    Example:
        >>> import fastnet
        >>> x = fastnet.zeros(1, requires_grad=True)
        >>> with fastnet.autograd.detect_anomaly():
        ...     try:
        ...         (fastnet.sqrt(x) * 0).sum().backward()
        ...     except RuntimeError as error:
        ...         print(str(error).partition(":")[0])
        Function 'sqrt backward' returned nan values in its 0th output
    """

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__(True, check_nan)


def is_anomaly_enabled() -> bool:
    """Whether gradients are checked.

    Example:
        >>> from fastnet.autograd.anomaly import is_anomaly_enabled
        >>> is_anomaly_enabled()
        False
    """
    return anomaly.enabled


def is_anomaly_check_nan_enabled() -> bool:
    """Whether NaN in a gradient is an error while gradients are checked.

    Example:
        >>> from fastnet.autograd.anomaly import is_anomaly_check_nan_enabled
        >>> is_anomaly_check_nan_enabled()
        True
    """
    return anomaly.check_nan
