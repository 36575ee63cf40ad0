"""Quantisation-aware training: preparing a model, and switching its observers and its rounding."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from fastnet.autograd import no_grad
from fastnet.nn import qat
from fastnet.nn.evaluation import evaluating
from fastnet.nn.module import Module
from fastnet.quantization.prepare import check_float_model, prepare
from fastnet.quantization.steps import StepModel

__all__ = ["calibrate", "disable_fake_quant", "disable_observer", "enable_fake_quant", "enable_observer",
           "freeze_bn_stats", "prepare_qat"]


def prepare_qat(model: Module, example_inputs: Any, *,
                observer: Literal["MovingAverage", "MinMax"] = "MovingAverage", learnable: bool = False,
                data: Iterable[Any] | None = None, faster_only: bool = True) -> StepModel:
    """A copy of a model that trains with the rounding of int8, for `convert` afterwards.

    The copy runs the traced graph of the model in evaluation mode, without dropout. Weights and activations are rounded
    (`fastnet.nn.qat`), with straight-through gradients; each batch norm after a convolution or a linear layer learns
    and is folded into the weight before that is rounded. The copy trains under `fastnet.Trainer` and
    `fastnet.compile`.

    Args:
        model: the trained model; it is unchanged.
        example_inputs: a tensor, or a tuple of the arguments of `forward`.
        observer: of the ranges of activations, while in training mode.
        learnable: learn the scales by gradient descent. `data` sets their first values.
        data: tensors, or tuples of arguments, for `calibrate`.
        faster_only: leave layers in float32 that would be slower in int8.

    Returns:
        The prepared model, in training mode.

    Raises:
        TypeError: model is not a Module, or not of float32.
        ValueError: a model with quantised layers, or learnable scales without data.
        RuntimeError: the model cannot be traced.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> from fastnet.quantization import prepare_qat
        >>> model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU())
        >>> prepared = prepare_qat(model, fastnet.ones(1, 1, 5, 5))
        >>> [step.module for step in prepared.steps], prepared.get_submodule("0").activation
        (['activations.input', '0'], 'relu')
    """
    check_float_model("prepare_qat", model)
    if learnable and data is None:
        raise ValueError("prepare_qat: expected data for the first values of learnable scales")
    example = example_inputs if isinstance(example_inputs, tuple) else (example_inputs,)
    prepared = prepare(model, example, observer, learnable, faster_only, folds=False)
    if data is not None:
        calibrate(prepared, data)
    if learnable:
        prepared.apply(disable_observer)
    return prepared.train()


def calibrate(model: StepModel, data: Iterable[Any]) -> None:
    """Show data to the observers of a prepared model, without rounding and in evaluation mode.

    Args:
        model: of `prepare_qat`.
        data: tensors, or tuples of the arguments of `forward`.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> from fastnet.quantization import calibrate, prepare_qat
        >>> prepared = prepare_qat(nn.Linear(3, 2), fastnet.ones(1, 3), faster_only=False)
        >>> calibrate(prepared, [fastnet.ones(4, 3)])
        >>> prepared.get_submodule("activations.input").activation_post_process.max_val
        tensor([1.])
    """
    rounding_modules = (module for module in model.modules()
                        if isinstance(module, qat.FakeQuantize | qat.WeightFakeQuantize))
    rounded = [module for module in rounding_modules if module.fake_quant_enabled]
    try:
        with evaluating(model), no_grad():
            model.apply(_observe_in_evaluation)
            for rounding in rounded:
                rounding.fake_quant_enabled = False
            for batch in data:
                model(*(batch if isinstance(batch, tuple) else (batch,)))
            for module in model.modules():
                if isinstance(module, qat.FakeQuantize):
                    module.update()
    finally:
        for rounding in rounded:
            rounding.fake_quant_enabled = True


def _observe_in_evaluation(module: Module) -> None:
    if isinstance(module, qat.FakeQuantize):
        module.training = True


def disable_observer(module: Module) -> None:
    """Keep the scales and zero points of a prepared model: `model.apply(disable_observer)`.

    Args:
        module: a module of the model.

    Example:
        >>> from fastnet.nn import qat
        >>> from fastnet.quantization import disable_observer
        >>> qat.FakeQuantize().apply(disable_observer).observer_enabled
        False
    """
    if isinstance(module, qat.FakeQuantize):
        module.observer_enabled = False


def enable_observer(module: Module) -> None:
    """Let scales and zero points follow the data again: `model.apply(enable_observer)`.

    Args:
        module: a module of the model.

    Example:
        >>> from fastnet.nn import qat
        >>> from fastnet.quantization import enable_observer
        >>> qat.FakeQuantize(observer_enabled=False).apply(enable_observer).observer_enabled
        True
    """
    if isinstance(module, qat.FakeQuantize):
        module.observer_enabled = True


def disable_fake_quant(module: Module) -> None:
    """Let a prepared model compute without rounding: `model.apply(disable_fake_quant)`.

    Args:
        module: a module of the model.

    Example:
        >>> from fastnet.nn import qat
        >>> from fastnet.quantization import disable_fake_quant
        >>> qat.FakeQuantize().apply(disable_fake_quant).fake_quant_enabled
        False
    """
    if isinstance(module, qat.FakeQuantize | qat.WeightFakeQuantize):
        module.fake_quant_enabled = False


def enable_fake_quant(module: Module) -> None:
    """Let a prepared model round again: `model.apply(enable_fake_quant)`.

    Args:
        module: a module of the model.

    Example:
        >>> from fastnet.nn import qat
        >>> from fastnet.quantization import enable_fake_quant
        >>> qat.FakeQuantize(fake_quant_enabled=False).apply(enable_fake_quant).fake_quant_enabled
        True
    """
    if isinstance(module, qat.FakeQuantize | qat.WeightFakeQuantize):
        module.fake_quant_enabled = True


def freeze_bn_stats(module: Module) -> None:
    """Let the batch norms of a prepared model use and keep their running statistics: `model.apply(freeze_bn_stats)`.

    Args:
        module: a module of the model.

    Example:
        >>> from fastnet.nn import qat
        >>> from fastnet.quantization import freeze_bn_stats
        >>> qat.Linear(3, 2, norm=True).apply(freeze_bn_stats).freeze_bn
        True
    """
    if isinstance(module, qat.Linear | qat.Conv1d | qat.Conv2d | qat.Conv3d):
        module.freeze_bn = True
