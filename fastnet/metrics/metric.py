"""What every metric does."""
import numpy as np

from fastnet._core.construction import as_tensor
from fastnet.autograd import no_grad


class Metric:
    """A figure accumulated over batches: `update` with each, then `compute`.

    For one of your own derive a class, name the attributes that accumulate in `totals`, set them to zero in `reset`,
    and define `measure`, `accumulate` and `compute`. A training loop calls `measure` inside its compiled step and
    `accumulate` outside, with what came of it.

    Attributes:
        name: the key in logs and histories.
        larger_is_better: which of two values is the better one; None where there is no such order.
        totals: the attributes that accumulate, numbers or NumPy arrays.

    Args:
        name: replaces the class's own.

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

    name = "metric"
    larger_is_better: bool | None = True
    totals: tuple[str, ...] = ()

    def __init__(self, name=None):
        if name is not None:
            self.name = name
        self.reset()

    def measure(self, output, target):
        """What `accumulate` needs of a batch, as a tuple of tensors off the tape.

        It may run inside a compiled function, which will repeat its operations only: it reads no value and sets no
        attribute.

        Args:
            output, target: tensors, one entry of the first dimension a sample.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define measure()")

    def accumulate(self, *values):
        """Add a batch: what its `measure` returned, as NumPy arrays."""
        raise NotImplementedError(f"{type(self).__name__} does not define accumulate()")

    def compute(self):
        """The figure of all that was accumulated since the last `reset`.

        Raises:
            RuntimeError: that is nothing.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define compute()")

    def reset(self):
        """Forget all that was accumulated."""
        raise NotImplementedError(f"{type(self).__name__} does not define reset()")

    def update(self, output, target):
        """Measure a batch and accumulate it.

        Args:
            output: what the model gave, a tensor or an array.
            target: what it should have given.

        Raises:
            ValueError, TypeError: shapes that do not fit, dtypes or values that have no meaning here.
            IndexError: a class out of range.
        """
        with no_grad():
            values = self.measure(as_tensor(output).detach(), as_tensor(target).detach())
        self.accumulate(*(value.numpy() for value in values))

    def state_dict(self):
        """The totals by their names: numbers, and copies of arrays."""
        totals = {key: getattr(self, key) for key in self.totals}
        return {key: total.copy() if isinstance(total, np.ndarray) else total for key, total in totals.items()}

    def load_state_dict(self, state):
        """Go on from what `state_dict` returned; arrays may have become lists in between.

        Raises:
            ValueError: it is another metric's.
        """
        if set(state) != set(self.totals):
            raise ValueError(f"{self.name}: expected a state of {', '.join(sorted(self.totals))}, got one of "
                             f"{', '.join(sorted(state)) or 'nothing'}")
        for key in self.totals:
            now, then = getattr(self, key), state[key]
            setattr(self, key, np.array(then, now.dtype) if isinstance(now, np.ndarray) else type(now)(then))

    def __repr__(self):
        return f"{type(self).__name__}({self.name!r})"

    def _expect_some(self, count):
        if not count:
            raise RuntimeError(f"{self.name}: compute() of no samples; call update(output, target) with some first")

    def _expect_same(self, what, now, before):
        """Refuse a batch that is of another kind than those before it."""
        if now != before:
            raise ValueError(f"{self.name}: a batch with {what} {now} after others with {before}; call reset() between "
                             "models or data sets")
