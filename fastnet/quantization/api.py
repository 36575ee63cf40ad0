"""`fastnet.quantize`: a smaller model, and a report of what that costs."""
from __future__ import annotations

import inspect
from typing import Any, Literal

import numpy as np

from fastnet._core.errors import one_of, whole_number
from fastnet.data import DataLoader, TensorDataset
from fastnet.nn.evaluation import evaluating
from fastnet.nn.module import Module
from fastnet.nn.qat.observers import OBSERVERS
from fastnet.quantization.aware import disable_observer, freeze_bn_stats, prepare_qat
from fastnet.quantization.layered import has_layers, with_layers
from fastnet.quantization.measure import Batch, batches_of, measured
from fastnet.quantization.prepare import check_float_model
from fastnet.quantization.replace import replaced_dynamic, replaced_weights
from fastnet.quantization.report import LayerReport, Report
from fastnet.quantization.static import calibrated, converted_with_layers
from fastnet.quantization.steps import StepModel
from fastnet.training import Trainer

__all__ = ["OPTION_SCHEMES", "SCHEMES", "quantize"]

SCHEMES = "static", "dynamic", "weight_only", "qat"
OPTION_SCHEMES = {"calibration": ("static",), "method": ("weight_only",), "bits": ("weight_only",),
                  "group_size": ("weight_only",), "epochs": ("qat",), "lr": ("qat",), "learnable": ("qat",),
                  "seed": ("qat",), "training": ("qat",)}      # option -> the schemes that it has an effect on
_VALUES_OF_OPTIONS = {"calibration": tuple(OBSERVERS), "method": ("rtn", "gptq"), "bits": (8, 4)}
_LEAST_OF_OPTIONS = {"batch_size": 1, "group_size": 2, "epochs": 0}


def quantize(model: Module, data: Any = None, scheme: Literal["static", "dynamic", "weight_only", "qat"] = "static", *,
             calibration: Literal["MinMax", "Entropy", "Percentile", "MovingAverage"] = "MinMax",
             method: Literal["rtn", "gptq"] = "rtn", bits: int = 8, group_size: int = 32, epochs: int = 3,
             lr: float = 1e-5, learnable: bool = False, seed: int = 0, training: Any = None, evaluation: Any = None,
             batch_size: int = 64, faster_only: bool = True, speed: bool = True) -> tuple[Module, Report]:
    """Quantise a model, and report accuracy, size and speed before and after, and the error of each layer.

    - "static": weights and activations are int8, with scales that `data` sets. The traced graph of the model is
      quantised: convolutions and linear layers with their batch norm and activation, sums, products, concatenations,
      pools and element-wise activations. All else stays float32.
    - "dynamic": the weights of Linear, LSTM and GRU layers are int8; each call quantises their inputs.
    - "weight_only": the weights of linear layers have 8 or 4 bits in groups, and inputs are float32.
      In a model that `fastnet.onnx.load` has made, these layers are the products with a matrix of weights.
    - "qat": as "static", after a training with the rounding of int8 (`prepare_qat`) with the labels of `data`.

    Layers that would be slower in int8 stay in float32, by a table of fastnet, not by a measurement; so do linear
    layers with fewer than 1,024 weights in "dynamic" and "weight_only".

    Args:
        model: the trained model; it is unchanged.
        data: samples like those of the training, as an array or a tensor, a pair (samples, labels), or an iterable of
            batches of either. Labels are classes; for models of another kind, give samples alone. For a model of
            several inputs, the samples of a pair are a tuple, and the labels can be None: `((a, b), None)`. None for
            "dynamic", and for "weight_only" with "rtn", which then measure nothing without `evaluation`; a model that
            `fastnet.onnx.load` has made is traced, which needs a batch.
        scheme: see above.
        calibration: how "static" chooses the ranges of activations: all values, the least entropy, all but the extreme
            0.001%, or a moving average of batches.
        method: of "weight_only": round to nearest, or GPTQ, which reads the data.
        bits: of "weight_only": 8 or 4.
        group_size: of "weight_only": weights that share a scale.
        epochs, lr: of the training of "qat", which ends with frozen scales and statistics.
        learnable: let "qat" learn the scales.
        seed: of the order of samples in "qat".
        training: a loader of what "qat" trains on, as `Trainer.fit` takes it, for example with random transforms; by
            default `data`.
        evaluation: data in the same forms for the measures of the report; by default `data`.
        batch_size: of arrays and tensors.
        faster_only: False quantises layers that would be slower in int8, and small ones, too.
        speed: measure the time of a batch.

    Returns:
        (the quantised model in evaluation mode, the report). `save` writes the model with its architecture.

    Raises:
        TypeError: model is not a Module, or not of float32, a number is not a whole one, or data is missing.
        ValueError: a model with quantised layers, a parameter with NaN or infinity, an unknown scheme or calibration,
            an option that the scheme does not have, a number out of range, no samples, labels that are not classes or
            of another number than samples, or "qat" without labels.
        RuntimeError: the model cannot be traced.
        NotImplementedError: a traced model reads a further result of an operation, such as the indices of a pool.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> _ = fastnet.manual_seed(0)
        >>> model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 3))
        >>> small, report = fastnet.quantize(model, fastnet.randn(100, 20), faster_only=False)
        >>> report.after["bytes"] < report.before["bytes"], [layer.type for layer in report.layers]
        (True, ['int8', 'int8'])
    """
    check_float_model("quantize", model)
    _check_options(scheme, calibration=calibration, method=method, bits=bits, group_size=group_size, epochs=epochs,
                   lr=lr, learnable=learnable, seed=seed, training=training, batch_size=batch_size)
    traces = scheme in ("static", "qat") or not has_layers(model)
    needs_data = traces or method == "gptq"
    batches = batches_of(data, batch_size) if needs_data or data is not None else []
    with evaluating(model):
        layered = with_layers(model, batches[0][0]) if traces and scheme in ("dynamic", "weight_only") else model
        if scheme == "dynamic":
            made, layers = replaced_dynamic(layered, faster_only)
        elif scheme == "weight_only":
            made, layers = replaced_weights(layered, batches, bits, group_size, method, faster_only)
        else:
            if scheme == "static":
                prepared = calibrated(model, batches, calibration, faster_only)
            else:
                prepared = prepare_qat(model, batches[0][0], learnable=learnable, data=[x for x, _ in batches],
                                       faster_only=faster_only)
                _train_rounded(prepared, _loader(batches, seed) if training is None else training, epochs, lr)
            made, layers = converted_with_layers(prepared, batches[0][0])
        measures = batches if evaluation is None else batches_of(evaluation, batch_size)
        return made, _report(scheme, model, made, layers, measures, speed)


def _check_options(scheme: str, **options: Any) -> None:
    """Refuse an unknown scheme, an option of another scheme, and a value out of range."""
    if scheme not in SCHEMES:
        raise one_of("scheme", scheme, SCHEMES)
    defaults = inspect.signature(quantize).parameters
    for name, value in options.items():
        if name in _VALUES_OF_OPTIONS and value not in _VALUES_OF_OPTIONS[name]:
            raise one_of(name, value, _VALUES_OF_OPTIONS[name])
        if name in _LEAST_OF_OPTIONS:
            whole_number(name, value, _LEAST_OF_OPTIONS[name])
        schemes = OPTION_SCHEMES.get(name, SCHEMES)
        if scheme not in schemes and value != defaults[name].default:
            raise ValueError(f"quantize: {name} is an option of the scheme {' and '.join(map(repr, schemes))}, got "
                             f"scheme {scheme!r}")


def _report(scheme: str, model: Module, made: Module, layers: list[LayerReport], batches: list[Batch],
            speed: bool) -> Report:
    return Report(scheme, measured(model, batches, speed), measured(made, batches, speed), layers)


def _loader(batches: list[Batch], seed: int) -> DataLoader:
    """The samples of batches, in a new order in each epoch."""
    if any(labels is None for _, labels in batches):
        raise ValueError("quantize: scheme 'qat' trains the model and needs data with labels")
    inputs = [np.concatenate([x.numpy() for x in parts]) for parts in zip(*(inputs for inputs, _ in batches))]
    labels = np.concatenate([labels for _, labels in batches])
    return DataLoader(TensorDataset(*inputs, labels), len(batches[0][0][0]), shuffle=True, seed=seed)


def _train_rounded(prepared: StepModel, loader: Any, epochs: int, lr: float) -> None:
    """Train a prepared model; the last epoch has the scales and statistics of the integer model, and smaller steps."""
    trainer = Trainer(prepared, "adamw", lr=lr, loss="cross_entropy")
    if epochs > 1:
        trainer.fit(loader, epochs=epochs - 1, progress=False)
    prepared.apply(disable_observer).apply(freeze_bn_stats)
    for group in trainer.optimizer.param_groups:
        group["lr"] = lr / 10
    if epochs:
        trainer.fit(loader, epochs=1, progress=False)
    prepared.eval()
