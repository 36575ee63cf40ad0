"""Type aliases of the Trainer's arguments. They serve tools and readers; nothing uses them at run time."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from fastnet import Tensor
    from fastnet._core.annotations import ArrayLike
    from fastnet.metrics import Metric
    from fastnet.nn import Parameter
    from fastnet.optim import Optimizer

__all__ = [
    "ClassWeight",
    "Inputs",
    "LossFunction",
    "LossSpec",
    "LossTask",
    "MetricSpec",
    "OptimizerSpec",
    "ShardedBatch",
    "Targets",
    "ValidationData",
    "WeightedBatch",
]

Inputs: TypeAlias = "ArrayLike | Tensor | Iterable[Any]"        # samples, a tuple of several inputs, or a loader
Targets: TypeAlias = "ArrayLike | Tensor"
ValidationData: TypeAlias = "tuple[Inputs, Targets] | Iterable[Any]"
ClassWeight: TypeAlias = "Mapping[int, float] | ArrayLike | Literal['balanced']"
WeightedBatch: TypeAlias = "tuple[list[Any], Tensor, Tensor | None]"    # inputs, target, weights of the samples
ShardedBatch: TypeAlias = "tuple[int, list[WeightedBatch | None]]"      # samples of all shards, this rank's shards
LossTask: TypeAlias = Literal["classification", "binary", "regression"]
LossFunction: TypeAlias = "Callable[..., Tensor]"        # of (output, target), or of the outputs of two towers
LossSpec: TypeAlias = """(LossFunction | Literal["cross_entropy", "binary_cross_entropy_with_logits", "mse", "mae",
                                                 "huber", "smooth_l1"])"""
MetricSpec: TypeAlias = "str | Metric"
OptimizerSpec: TypeAlias = """(Optimizer | Callable[[Iterator[Parameter]], Optimizer]
                               | Literal["sgd", "adam", "adamw", "rmsprop", "adagrad"])"""
