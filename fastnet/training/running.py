"""Running means of the loss and the metrics over the batches of an epoch."""
from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from fastnet._core.reprs import repr_of

if TYPE_CHECKING:
    from fastnet import Tensor
    from fastnet.metrics import Metric

__all__ = ["Result", "RunningResults"]


class Result(NamedTuple):
    """The result of a batch, or of a shard of one: the arguments of `RunningResults.add`."""
    samples: int
    loss: float
    weight: Tensor | None
    measured: Sequence[Sequence[Tensor]]


class RunningResults:
    """Mean loss and metrics of the batches added so far.

    Args:
        metrics: instances of `fastnet.metrics`, which accumulate here.
    """

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self.metrics: Sequence[Metric] = metrics
        self.loss: float = 0.0          # the sum of loss * weight over all batches
        self.weight: float = 0.0
        self.samples: int = 0
        self.reset()

    def __repr__(self) -> str:
        mean = self.loss / self.weight if self.weight else math.nan
        return repr_of(self, samples=self.samples, loss=mean)

    def reset(self) -> None:
        """Forget every batch."""
        self.loss = self.weight = 0.0
        self.samples = 0
        for metric in self.metrics:
            metric.reset()

    def add(self, samples: int, loss: float, weight: Tensor | None, measured: Iterable[Iterable[Tensor]]) -> None:
        """Add a batch.

        Args:
            samples: number of samples in the batch.
            loss: mean loss of the batch.
            weight: sum of the weights of the samples, a scalar tensor; None: each weight is 1.
            measured: the result of each metric's `measure`.
        """
        total = samples if weight is None else weight.item()
        self.loss += loss * total
        self.weight += total
        self.samples += samples
        for metric, values in zip(self.metrics, measured):
            metric.accumulate(*[value.numpy() for value in values])

    def results(self, prefix: str = "") -> dict[str, Any]:
        """{"loss": mean, metric: value, ...}, with `prefix` in front of each name."""
        loss = self.loss / self.weight if self.weight else math.nan
        return {prefix + "loss": loss} | {prefix + metric.name: _to_python(metric.compute()) for metric in self.metrics}

    def state_dict(self) -> dict[str, Any]:
        """The state that a checkpoint in the middle of an epoch needs."""
        return {"loss": self.loss, "weight": self.weight, "samples": self.samples,
                "metrics": [metric.state_dict() for metric in self.metrics]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state that `state_dict` returned."""
        self.loss, self.weight, self.samples = state["loss"], state["weight"], state["samples"]
        for metric, saved in zip(self.metrics, state["metrics"]):
            metric.load_state_dict(saved)


def _to_python(value: Any) -> Any:
    """A metric's value as a float or nested lists of numbers, which a table and JSON can hold."""
    return value.tolist() if hasattr(value, "tolist") else value
