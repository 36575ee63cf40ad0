"""The base class of metrics."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.construction import as_tensor
from fastnet._core.reprs import options_of, repr_of
from fastnet.autograd import no_grad

if TYPE_CHECKING:
    from fastnet._core.annotations import ArrayLike
    from fastnet._core.tensor import Tensor

__all__ = ["Metric"]


class Metric:
    """Base class of metrics: call `update` with each batch, then `compute`.

    To define a metric, derive a class, list the attributes that accumulate in `totals`, set them to zero in `reset`,
    and define `measure`, `accumulate` and `compute`. The Trainer calls `measure` inside its compiled step, and
    `accumulate` outside with the values that `measure` returned.

    Attributes:
        name: the key in logs and histories.
        larger_is_better: whether larger values are better; None if values have no such order.
        totals: names of the attributes that accumulate, which are numbers or NumPy arrays.

    Args:
        name: replaces the name of the class.

    Raises:
        RuntimeError: `compute` without a batch.
        ValueError: batches whose shapes do not belong together, or a state of another metric.

    Example:
        >>> import fastnet
        >>> class LargestError(fastnet.metrics.Metric):
        ...     name, larger_is_better, totals = "largest_error", False, ("worst",)
        ...     def reset(self):
        ...         self.worst = 0.0
        ...     def measure(self, output, target):
        ...         return ((output - target).abs().amax(),)
        ...     def accumulate(self, worst):
        ...         self.worst = max(self.worst, float(worst))
        ...     def compute(self):
        ...         return self.worst
        >>> metric = LargestError()
        >>> metric.update(fastnet.tensor([1.0, 2.0]), fastnet.tensor([1.0, 4.0]))
        >>> metric.update(fastnet.tensor([5.0]), fastnet.tensor([5.5]))
        >>> metric.compute()
        2.0
    """

    name: str = "metric"
    larger_is_better: bool | None = True
    totals: tuple[str, ...] = ()

    def __init__(self, name: str | None = None) -> None:
        if name is not None:
            self.name = name
        self.reset()

    def measure(self, output: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        """Compute the tensors of one batch that `accumulate` needs, without gradients.

        This may run inside a compiled function, whose replays repeat the operations only. So it must not read values
        of tensors or set attributes.

        Args:
            output, target: tensors whose first dimension is the batch.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define measure()")

    if TYPE_CHECKING:                           # each metric declares the values of its own `measure`
        accumulate: Callable[..., None]
    else:
        def accumulate(self, *values: Any) -> None:
            """Add a batch, given the values that `measure` returned for it as NumPy arrays."""
            raise NotImplementedError(f"{type(self).__name__} does not define accumulate()")

    def compute(self) -> Any:
        """Compute the metric over all batches since the last `reset`.

        Raises:
            RuntimeError: there was no batch.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define compute()")

    def reset(self) -> None:
        """Forget all batches."""
        raise NotImplementedError(f"{type(self).__name__} does not define reset()")

    def update(self, output: Tensor | ArrayLike, target: Tensor | ArrayLike) -> None:
        """Add a batch.

        Args:
            output: the outputs of the model, a tensor or an array.
            target: the targets.

        Raises:
            ValueError, TypeError: shapes that do not match, or dtypes or values that the metric does not support.
            IndexError: class number out of range.
        """
        with no_grad():
            values = self.measure(as_tensor(output).detach(), as_tensor(target).detach())
        self.accumulate(*(value.numpy() for value in values))

    def state_dict(self) -> dict[str, Any]:
        """The totals by name: numbers, and copies of arrays."""
        totals = {key: getattr(self, key) for key in self.totals}
        return {key: total.copy() if isinstance(total, np.ndarray) else total for key, total in totals.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the totals that `state_dict` returned; arrays may also be lists.

        Raises:
            ValueError: the state has other names than the metric's totals.
        """
        if set(state) != set(self.totals):
            raise ValueError(f"{self.name}: expected a state with the entries {', '.join(sorted(self.totals))}, got "
                             f"{', '.join(sorted(state)) or 'an empty state'}")
        for key in self.totals:
            now, then = getattr(self, key), state[key]
            setattr(self, key, np.array(then, now.dtype) if isinstance(now, np.ndarray) else type(now)(then))

    def __repr__(self) -> str:
        options = options_of(self)
        return repr_of(self, **{key: value for key, value in options.items() if value != self._default_name()})

    def _default_name(self) -> str:
        return type(self).name

    def _expect_some(self, count: Any) -> None:
        if not count:
            raise RuntimeError(f"{self.name}: expected at least one sample before compute(); call "
                               "update(output, target) first")

    def _expect_same(self, what: str, now: object, before: object) -> None:
        """Refuse a batch whose shape differs from those of earlier batches."""
        if now != before:
            raise ValueError(f"{self.name}: expected {what} {before} as in earlier batches, got {now}; call reset() "
                             "between models or data sets")
