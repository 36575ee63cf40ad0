"""The compiled functions of a training: update, measurement, forward pass, check for non-finite weights."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import fastnet

if TYPE_CHECKING:
    from fastnet import Tensor
    from fastnet.callbacks import Callback
    from fastnet.metrics import Metric
    from fastnet.optim import Optimizer
    from fastnet.training.evaluator import Evaluator
    from fastnet.training.trainer import Trainer

__all__ = ["forward", "measurement", "observed", "shard_gradients", "training_step", "weights_check"]


def training_step(trainer: Trainer, hooks: Sequence[Callback] = ()) -> Callable[..., Any]:
    """The compiled function `step(first, last, before, weight, target, *inputs)`: one batch of an update.

    Args:
        trainer: with the model, optimizer, loss and metrics.
        hooks: callbacks whose `before_update` and `after_update` are part of the step.

    Returns:
        A function with these arguments: whether the batch is the first and the last of its update; the divisor of the
        update's earlier batches, a 0-d tensor (None: the loss is the batch's own mean); the weights of the samples or
        None; the targets; the inputs. It returns the loss, the sum of the weights or None, the result of each metric's
        `measure`, and the divisor including this batch or None.
    """
    batch_loss, optimizer, loss, metrics = trainer.batch_loss, trainer.optimizer, trainer.loss, trainer.metrics

    @_compiled(trainer, "training")
    def step(first: bool, last: bool, before: Tensor | None, weight: Tensor | None, target: Tensor,
             *inputs: Tensor) -> tuple[Any, ...]:
        if first:
            optimizer.zero_grad()
        output, value = batch_loss(target, weight, *inputs)
        results = _batch_results(value.detach(), weight, output, loss.labels(target), metrics)
        if before is None:
            value.backward()
            divisor = None
        else:
            own, added = loss.divisors(target, weight)
            divisor = before + added
            (value * own).backward()
        if last:
            if divisor is not None:
                _divide_gradients(optimizer, divisor)
            for hook in hooks:
                hook.before_update(trainer)
            optimizer.step()
            with fastnet.no_grad():
                for hook in hooks:
                    hook.after_update(trainer)
        return *results, divisor
    return step


def shard_gradients(trainer: Trainer) -> Callable[..., Any]:
    """The compiled function `gradients(zero, weight, target, *inputs)`: the gradient of a shard's sum of losses.

    It returns the first three results of `training_step`, and the divisor that makes the sum of all shards a mean, a
    0-d tensor; None: the loss of several batches is the sum of their losses.

    Args:
        trainer: with the model, optimizer, loss and metrics, and the data of this `fit`.
    """
    batch_loss, optimizer, loss, metrics = trainer.batch_loss, trainer.optimizer, trainer.loss, trainer.metrics
    by_weights = trainer.source.own_mean        # weights are divided by their sum, rather than by the samples

    @_compiled(trainer, "training")
    def gradients(zero: Tensor, weight: Tensor | None, target: Tensor, *inputs: Tensor) -> tuple[Any, ...]:
        optimizer.zero_grad()
        output, value = batch_loss(target, weight, *inputs)
        results = _batch_results(value.detach(), weight, output, loss.labels(target), metrics)
        if loss.is_sum and weight is None:
            value.backward()
            return *results, None
        own, added = loss.divisors(target, weight)
        (value * own).backward()
        return *results, zero + (own if by_weights else added)
    return gradients


def _divide_gradients(optimizer: Optimizer, divisor: Tensor) -> None:
    """Turn the gradients of a sum into those of a mean."""
    with fastnet.no_grad():
        for p in (p for group in optimizer.param_groups for p in group["params"]):
            if p.grad is not None:
                p.grad.div_(divisor)


def measurement(trainer: Evaluator) -> Callable[..., Any]:
    """The compiled function `measure(weight, target, *inputs)`: loss and metrics of a batch, without an update.

    It returns the first three results of `training_step`.

    Args:
        trainer: with the model, loss and metrics.
    """
    model, loss, metrics = trainer.model, trainer.loss, trainer.metrics

    @_compiled(trainer, "validation")
    def measure(weight: Tensor | None, target: Tensor, *inputs: Tensor) -> tuple[Any, ...]:
        with fastnet.no_grad():
            output = model(*inputs)
            return _batch_results(loss(output, target, weight), weight, output, loss.labels(target), metrics)
    return measure


def weights_check(trainer: Evaluator) -> Callable[[], Any]:
    """The compiled function `check()`: 0 if all weights are finite, else NaN.

    Args:
        trainer: with the model.
    """
    parameters = list(trainer.model.parameters())

    @_compiled(trainer)
    def check() -> Any:
        return sum((p.detach() * 0).sum() for p in parameters)      # 0 * inf is NaN, and a sum with NaN is NaN
    return check


def forward(trainer: Evaluator) -> Callable[..., Any]:
    """The compiled function `forward(*inputs)`: the model's output, without gradients.

    Args:
        trainer: with the model.
    """
    model = trainer.model

    @_compiled(trainer)
    def run(*inputs: Tensor) -> Any:
        with fastnet.no_grad():
            return model(*inputs)
    return run


def observed(trainer: Evaluator, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of a part of the training, as a callback wraps it, or the function itself.

    Args:
        trainer: whose `observers` callbacks have set.
        part: "training" or "validation"; other functions have no observer.
        function: the function.
    """
    observer = trainer.observers.get(part)
    return function if observer is None else observer(function)


def _compiled(trainer: Evaluator, part: str = "") -> Callable[[Any], Any]:
    """A decorator that compiles a function of a part of the training."""
    make = fastnet.compile(disable=not trainer.compile)
    return lambda function: observed(trainer, part, make(function))


def _batch_results(value: Tensor, weight: Tensor | None, output: Any, target: Tensor,
             metrics: Sequence[Metric]) -> tuple[Any, ...]:
    if metrics:
        if not isinstance(output, fastnet.Tensor):
            raise TypeError(f"metrics need a model that gives one tensor, got {type(output).__name__}; leave them out")
        output = output.detach()
    with fastnet.no_grad():
        total = None if weight is None else weight.sum()
        return value, total, [metric.measure(output, target) for metric in metrics]
